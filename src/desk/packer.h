/*
 * packer.h - a message of a transfer being filled: records in a row, their owners compressed.
 *
 * Made for streams in which the owners come in canonical order: a new owner is compared with the
 * one before, label by label from the apex, and what they share is a pointer to where it stands
 * (RFC 1035 section 4.1.4). Names inside RDATA are compressed only in the types of RFC 1035, and
 * only to the apex. Names keep their octets: no pointer leads to a name in other letters.
 */
#ifndef DESK_PACKER_H
#define DESK_PACKER_H

#include "avow/wire/message.h"
#include "avow/wire/rrset.h"

/* For what is written before it is read, for every name: see wire's labels.h. */
#define LEFT_UNSET __attribute__((uninitialized))

/*
 * A message is closed when the next record would take it beyond; one that a single larger record
 * begins is as large as that needs. Pointers reach the first 16 KiB (14 bits) and no further: in
 * larger messages owners are written out. A signed zone of 100,000 names is 32.5 MB in messages of
 * 16 KiB, 34.4 MB of 32, 35.4 MB of 64, and takes the same 33 ms of CPU in all three
 * (tests/bench/transfer_loop.c).
 */
enum { PACKER_OCTETS = 1 << 14 };

struct packer {
    struct writer *writer; /* the caller's; NULL: no message yet */
    const struct name *apex;
    uint16_t records;
    size_t limit; /* for all but the first record */
    /* The owner of the records that are being added, at the end of `name`: the next one keeps what
     * it shares with this one. */
    uint8_t labels;
    uint8_t name[NAME_MAX_OCTETS];
    /* By number of labels: where that suffix of the owner begins in `name`, where it stands in the
     * message (0: nowhere), and where it ends in the owner's key. */
    uint8_t starts[NAME_MAX_LABELS + 1];
    uint16_t places[NAME_MAX_LABELS + 1];
    uint16_t ends[NAME_MAX_LABELS + 1];
    const uint8_t *key; /* in the map; NULL: the owner did not come as a key of this snapshot */
    size_t key_octets;
};

/* What a message begins with. */
struct packer_head {
    uint16_t id, flags;
    const uint8_t *question; /* octets to be echoed as they came; NULL for none */
    size_t question_octets;
};

/* Before the first message: the owner is the apex. */
void packer_reset(struct packer *packer, const struct name *apex);

/* Begin a message in an empty writer. The writer's limit may be lowered while records are added
 * and raised afterwards, to keep room for what comes behind them. */
void packer_begin(struct packer *packer, struct writer *writer, const struct name *apex,
                  const struct packer_head *head);

/* Whose records come next: a name at or below the apex, in lower case. */
void packer_owner(struct packer *packer, const struct name *owner);

/* The same by its name key, which stays where it is until the next owner or message. Costs what
 * differs from the key before. RESULT_CORRUPT when it is no key of a name at or below the apex: the
 * owner is the apex then. */
MUST_CHECK enum result packer_owner_key(struct packer *packer, const uint8_t *key, size_t length);

/* The same, one label (its length first) before the apex. RESULT_CORRUPT when that is too long. */
MUST_CHECK enum result packer_owner_label(struct packer *packer, const uint8_t *octets);

/* Whose records come next, as a name. */
void packer_owner_name(const struct packer *packer, struct name *owner);

/* Add the records that `run` stands before (of class IN), one by one, until one does not fit: the
 * run then stands before it, and false is returned. A malformed run ends where it is. */
MUST_CHECK bool packer_run(struct packer *packer, uint16_t type, uint32_t ttl, struct reader *run);

/* Write the counts. `additional` is how many records the caller has added behind. */
void packer_finish(struct packer *packer, uint16_t additional);

#endif
