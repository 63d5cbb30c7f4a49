/*
 * serve.h - the way of a message through a worker, and what an answer that comes later shares
 * with it.
 */
#ifndef AVOW_SRC_FRONT_SERVE_H
#define AVOW_SRC_FRONT_SERVE_H

#include "avow/answer/answer.h"

struct worker;

/* Make the answer to the worker's query; what came of it is in the worker's outcome. */
void serve_make(struct worker *worker, enum answer_patience patience, uint8_t *out, size_t size);

/* Count it: answers of the worker's own; those of the desk are the desk's to count. */
void serve_count(struct worker *worker);

/* Instead of an answer that lacks signatures: TC, or BADCOOKIE with a cookie, so that the client
 * comes back in a way that shows its address. The outcome is that of what goes out. */
void serve_turn(struct worker *worker, uint8_t *out, size_t size);

/* Whether the query shows that its sender's address is its own. */
bool serve_knows(const struct worker *worker);

#endif
