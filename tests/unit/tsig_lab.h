/* tsig_lab.h - a keyring with a key of each algorithm, messages that were signed with them by
 * another implementation, and knives to cut these with. */
#ifndef TESTS_UNIT_TSIG_LAB_H
#define TESTS_UNIT_TSIG_LAB_H

#include <stdlib.h>
#include <string.h>

#include "fixtures/tsig/vectors.h"
#include "names.h"
#include "support.h"

enum { LAB_SECRET_OCTETS = 256, LAB_MESSAGE_OCTETS = 2048 };

/* The keys of the vectors, in the order of their algorithms, not of their names. */
static inline void lab_keyring_open(struct tsig_keyring *keyring)
{
    uint8_t secret[LAB_SECRET_OCTETS];
    struct tsig_key keys[TSIG_ALGORITHMS];

    for (size_t i = 0; i < sizeof secret; i++)
        secret[i] = (uint8_t)(i + 1);
    for (int i = 0; i < TSIG_ALGORITHMS; i++)
        keys[i] = (struct tsig_key){.name = name_of(vector_keys[i].name),
                                    .algorithm = (enum tsig_algorithm)i,
                                    .secret = secret,
                                    .secret_length = vector_keys[i].secret_length};
    ck_assert_int_eq(tsig_keyring_open(keyring, keys, COUNT(keys)), RESULT_OK);
    memset(secret, 0, sizeof secret); /* it is not needed any more */
}

static inline const struct tsig_key *lab_key(const struct tsig_keyring *keyring,
                                             enum tsig_algorithm algorithm)
{
    struct name name = name_of(vector_keys[algorithm].name);
    const struct tsig_key *key = tsig_keyring_find(keyring, &name);

    ck_assert_ptr_nonnull(key);
    ck_assert_int_eq(key->algorithm, algorithm);
    return key;
}

/* A message that a test changes. */
struct lab_message {
    uint8_t octets[LAB_MESSAGE_OCTETS];
    size_t length;
};

static inline struct lab_message lab_copy(const struct vector_message *from)
{
    struct lab_message message = {.length = from->length};

    ck_assert_uint_le(from->length, sizeof message.octets);
    memcpy(message.octets, from->octets, from->length);
    return message;
}

/* Put octets in the place of `gone` others. */
static inline void lab_splice(struct lab_message *message, size_t at, size_t gone,
                              const void *octets, size_t length)
{
    ck_assert_uint_le(at + gone, message->length);
    ck_assert_uint_le(message->length - gone + length, sizeof message->octets);
    memmove(message->octets + at + length, message->octets + at + gone,
            message->length - at - gone);
    if (length)
        memcpy(message->octets + at, octets, length);
    message->length = message->length - gone + length;
}

static inline uint16_t lab_get(const struct lab_message *message, size_t at)
{
    return (uint16_t)(message->octets[at] << 8 | message->octets[at + 1]);
}

static inline void lab_put(struct lab_message *message, size_t at, unsigned value)
{
    message->octets[at] = (uint8_t)(value >> 8);
    message->octets[at + 1] = (uint8_t)value;
}

/* Where the fields are of a TSIG at the end of a message, without compression and Other Data. */
struct lab_fields {
    size_t owner, type, class_, ttl, rdlength, algorithm, time, fudge, mac_size, mac, original_id,
        error, other_length;
};

static inline struct lab_fields lab_fields(const struct lab_message *message,
                                           enum tsig_algorithm algorithm)
{
    struct name owner = name_of(vector_keys[algorithm].name);
    struct name name = name_of(tsig_algorithm_to_text(algorithm));
    struct lab_fields at = {.other_length = message->length - 2};

    at.error = at.other_length - 2;
    at.original_id = at.error - 2;
    at.mac = at.original_id - tsig_mac_octets(algorithm);
    at.mac_size = at.mac - 2;
    at.fudge = at.mac_size - 2;
    at.time = at.fudge - 6;
    at.algorithm = at.time - name.length;
    at.rdlength = at.algorithm - 2;
    at.ttl = at.rdlength - 4;
    at.class_ = at.ttl - 2;
    at.type = at.class_ - 2;
    at.owner = at.type - owner.length;
    ck_assert_uint_eq(lab_get(message, at.mac_size), tsig_mac_octets(algorithm));
    ck_assert_uint_eq(lab_get(message, at.type), TYPE_TSIG);
    return at;
}

/* Change the length of the RDATA by this much. */
static inline void lab_grow_rdata(struct lab_message *message, const struct lab_fields *at,
                                  int octets)
{
    lab_put(message, at->rdlength, (unsigned)(lab_get(message, at->rdlength) + octets));
}

/* tsig_check of a heap copy of the exact size. */
static inline enum tsig_outcome lab_check(const struct tsig_keyring *keyring,
                                          const struct lab_message *message, uint64_t now,
                                          struct tsig_session *session, size_t *plain)
{
    uint8_t *octets = exact_copy(message->octets, message->length);
    enum tsig_outcome outcome = tsig_check(keyring, octets, message->length, now, session, plain);

    free(octets);
    if (outcome != TSIG_GOOD)
        ck_assert_uint_eq(*plain, message->length);
    return outcome;
}

#endif
