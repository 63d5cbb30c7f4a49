/*
 * secondaries.h - what is known of a zone's secondaries: what they were told, and took.
 */
#ifndef KEEPER_SECONDARIES_H
#define KEEPER_SECONDARIES_H

#include "internal.h"
#include "json.h"

/* Note what the desk says. Of each address the last fact of each kind is kept; of too many
 * addresses the one that was heard of longest ago is forgotten. */
void secondaries_note(struct keeper_zone *zone, const struct message_secondary *fact);

/* The array "secondaries", in order of addresses. */
void secondaries_put(struct json *json, const struct keeper_zone *zone);

void secondaries_free(struct keeper_zone *zone);

#endif
