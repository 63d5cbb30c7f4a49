/*
 * cookies.h - what the cookie of a query says, and which one its answer carries.
 */
#ifndef AVOW_SRC_FRONT_COOKIES_H
#define AVOW_SRC_FRONT_COOKIES_H

#include <stdbool.h>

#include "avow/answer/cookie.h"
#include "origin.h"

struct worker;

/* A worker's own. */
struct cookies {
    enum cookie_kind kind; /* of the query that is being answered: COOKIE_GOOD, and its address is
                            * not forged */
    bool required; /* there is pressure: set and cleared by whoever finds that there is, and heeded
                    * as server.cookies.require says */
    uint8_t octets[COOKIE_OCTETS]; /* for the answer */
};

/* Judge the cookie of the worker's query, and put what the answer carries into its facts. */
void cookies_judge(struct worker *worker, const union address *client);

/* Count what was found: once for a query, however often it is answered. */
void cookies_count(const struct worker *worker);

/*
 * See in the facts to BADCOOKIE where that is due; whether it is. To be asked again when `required`
 * is found to be another. Not for a query that has waited: it was let in before.
 */
bool cookies_demand(struct worker *worker);

/* Octets by which the cookie of the answer is longer than that of the query. */
size_t cookies_growth(const struct worker *worker);

#endif
