/*
 * piece.h - beginnings of authority sections, kept as octets: what negative answers have in common.
 *
 * Names that do not exist are asked for once and never again, so finished denials are of no use to
 * the next; but nearly all of each is the same for all names below one closest encloser: the SOA,
 * the NSEC3 of the encloser and the one that covers the wildcard. What is the same for all
 * denials of a zone is the SOA.
 */
#ifndef AVOW_SRC_ANSWER_PIECE_H
#define AVOW_SRC_ANSWER_PIECE_H

#include "avow/answer/answer.h"

struct making;

enum { PIECE_OCTETS = 1024, PIECE_POINTERS = 24, PIECE_KEY_OCTETS = 128, PIECE_PROOFS = 2 };

enum piece_kind { PIECE_SOA, PIECE_NO_NAME };

struct piece {
    uint64_t hash;
    uint64_t transaction; /* of the snapshot that it was made from; 0: none */
    uint64_t made;        /* by the wall clock, as in kept.h */
    uint64_t expires;
    uint8_t kind; /* enum piece_kind */
    bool sign;
    uint8_t key_length;
    uint8_t pointer_count;
    uint8_t proof_count;
    uint16_t question_end; /* of the message that it was made for */
    uint16_t length;
    uint16_t records;
    uint16_t pointers[PIECE_POINTERS];              /* where in octets compression pointers stand */
    uint8_t proofs[PIECE_PROOFS][NODE_HASH_OCTETS]; /* hashes of the NSEC3 records in it */
    uint8_t key[PIECE_KEY_OCTETS];                  /* version, and the encloser's name */
    uint8_t octets[PIECE_OCTETS];
};

/* The pieces of one worker; memory of the cache's. */
struct pieces {
    struct piece *all; /* NULL: none are kept */
    size_t mask;
};

/* Put the piece for what is being made behind the question; NULL, and nothing is put, when there
 * is none that is good. */
const struct piece *piece_put(struct making *making, enum piece_kind kind);

/* Whether the NSEC3 record of this hash is in it. */
bool piece_has(const struct piece *piece, const uint8_t hash[NODE_HASH_OCTETS]);

/* Keep what was put behind the question so far as the piece of that kind. */
void piece_keep(struct making *making, enum piece_kind kind);

#endif
