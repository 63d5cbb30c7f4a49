/*
 * overlay.h - the names of a zone as they will be: the store with a stage over it.
 *
 * Reads the keeper's view, which must be renewed.
 */
#ifndef KEEPER_OVERLAY_H
#define KEEPER_OVERLAY_H

#include "stage.h"

/* A name that will have data. */
struct overlay_name {
    struct staged_name *staged; /* NULL: as stored */
    uint16_t flags;             /* of enum node_flag: what place it will be, as far as is known */
    uint8_t above;              /* labels of what hides it */
    uint16_t length;
    uint8_t key[NAME_KEY_MAX_OCTETS];
};

enum overlay_start { OVERLAY_AT, OVERLAY_BEHIND };

/* The first name with data at, or behind, a name key. RECORD_CORRUPT fails the stage, too. */
MUST_CHECK enum found_record overlay_next(struct stage *stage, const uint8_t *key, size_t length,
                                          enum overlay_start start, struct overlay_name *name);

/* Whether any name with data will be at, or behind, a key that begins with all of it. */
bool overlay_has_within(struct stage *stage, const uint8_t *key, size_t length,
                        enum overlay_start start);

/* The last name before a name key that has data or, found by denial.c already, loses its NSEC
 * record: so that of many that go together each looks at its neighbour alone. */
MUST_CHECK enum found_record overlay_previous(struct stage *stage, const uint8_t *key,
                                              size_t length, struct overlay_name *name);

/* Whether a key is that of the name whose key is `prefix`, or of one below it. */
static inline bool overlay_is_within(const uint8_t *key, size_t length, const uint8_t *prefix,
                                     size_t prefix_length)
{
    return length >= prefix_length && memcmp(key, prefix, prefix_length) == 0;
}

#endif
