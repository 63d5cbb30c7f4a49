/*
 * targets.h - do the names that NS, MX and SRV lead to have addresses in this zone?
 *
 * Memory is bounded. Owners of addresses are kept in a filter of fixed size that may say "yes" for
 * a name it never saw, which hides a warning and nothing else. Owners of CNAME, and the targets
 * themselves, are kept exactly, up to a limit.
 */
#ifndef ZONEFILE_TARGETS_H
#define ZONEFILE_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "avow/base/buffer.h"
#include "avow/base/hash.h"
#include "avow/base/result.h"
#include "avow/wire/name.h"

/* What is known of an owner. */
enum trait {
    TRAIT_ADDRESS,  /* it has A or AAAA */
    TRAIT_ELSEWHERE /* a cut or a DNAME: names below it are somebody else's */
};

/* 64-bit hashes; collisions are as likely as being struck by lightning during the load. */
struct hash_set {
    uint64_t *slots; /* 0: empty */
    size_t capacity;
    size_t count;
    size_t limit;
};

struct targets {
    struct hash_key key;
    uint64_t *filter;
    struct hash_set aliases; /* owners of CNAME */
    struct hash_set known;   /* targets noted already */
    struct buffer noted;
};

/* A target as noted: where it stands, and what it is. */
struct target {
    uint16_t type; /* of the record that leads to it */
    uint16_t file;
    uint32_t line;
    struct name name;
};

MUST_CHECK enum result targets_open(struct targets *targets, uint32_t limit);
void targets_close(struct targets *targets);

/* The hash by which a name is known here, in whatever letter case. */
uint64_t targets_hash(const struct targets *targets, const struct name *name);

void targets_add_trait(struct targets *targets, const struct name *name, enum trait trait);
MUST_CHECK enum result targets_add_alias(struct targets *targets, const struct name *name);

/* Note a target, unless it was noted before or there are too many. */
MUST_CHECK enum result targets_note(struct targets *targets, const struct target *target);

/* Walk over what was noted; `at` begins at 0. */
bool targets_next(const struct targets *targets, size_t *at, struct target *target);

enum target_state {
    TARGET_FINE, /* it has an address, or somebody else's zone says */
    TARGET_ALIAS,
    TARGET_NOWHERE
};

/* Judge a target below or at `zone`, after the whole zone was seen. */
enum target_state targets_judge(const struct targets *targets, const struct name *target,
                                const struct name *zone);

#endif
