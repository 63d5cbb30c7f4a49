/*
 * svcb.h - the parameters of SVCB and HTTPS, key by key (private to wire).
 *
 * svcb.c knows the rules of the list, svcb_value.c those of each value (RFC 9460 section 14.3.2).
 */
#ifndef WIRE_SVCB_H
#define WIRE_SVCB_H

#include "field.h"

enum {
    SVCB_MANDATORY = 0,
    SVCB_ALPN = 1,
    SVCB_NO_DEFAULT_ALPN = 2,
    SVCB_PORT = 3,
    SVCB_IPV4HINT = 4,
    SVCB_ECH = 5,
    SVCB_IPV6HINT = 6,
    SVCB_DOHPATH = 7,
    SVCB_OHTTP = 8,
    SVCB_INVALID = 65535 /* reserved: no record has it */
};

struct svcb_key {
    const char *name;
    const char *wants; /* for a person whose value was wrong */
    /* Whether the octets are a value of this key. */
    bool (*fits)(struct reader value);
    /* The text behind the equals sign to octets, which are checked by `fits` afterwards. */
    bool (*parse)(struct escaped text, struct writer *rdata);
    /* The whole of `=value`. */
    void (*print)(struct reader value, struct buffer *text);
};

/* Never NULL: a key without a name has any octets as its value. */
const struct svcb_key *svcb_key(uint16_t key);

/* By name or as keyNNNNN (of which any octets are the value); false when it is neither. */
bool svcb_key_from_text(const char *text, size_t length, uint16_t *key,
                        const struct svcb_key **syntax);
void svcb_key_to_text(struct buffer *text, uint16_t key);

#endif
