/*
 * kept.h - finished answers: what the cache takes in and gives back.
 */
#ifndef AVOW_SRC_ANSWER_KEPT_H
#define AVOW_SRC_ANSWER_KEPT_H

#include "avow/answer/answer.h"
#include "avow/answer/cache.h"

#include "piece.h"

/* What an answer depends on. Class is IN. */
struct kept_question {
    uint64_t name_hash;      /* keyed */
    const struct name *name; /* in lower case */
    uint16_t type;
    bool dnssec_ok;
};

/* An answer but for header, question and OPT. Compression pointers in the body lead into the body
 * or the question, whose length is the same whoever asks. */
struct kept_answer {
    const uint8_t *body;
    uint16_t length;
    uint16_t rcode;
    uint16_t counts[SECTIONS]; /* the question's is not used */
    uint8_t kind;              /* enum answer_kind */
    bool authoritative;
    uint64_t charge;
    uint64_t made;    /* seconds since 1970: its signatures are valid then */
    uint64_t expires; /* the first of its signatures ends then */
};

/* Find one that is still good; `answer` then points into the cache until the next call. */
bool kept_find(const struct answerer *answerer, const struct kept_question *question, uint64_t now,
               struct kept_answer *answer);

/* Offer one made from the answerer's snapshot and `zone`. It is taken the second time within a
 * while, so that names which nobody asks for twice displace nothing. */
void kept_offer(const struct answerer *answerer, const struct kept_question *question,
                const struct served_zone *zone, const struct kept_answer *answer);

/* The cache's pieces. */
const struct pieces *kept_pieces(const struct answer_cache *cache);

#endif
