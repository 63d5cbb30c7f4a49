/* cookie.c - cookies of RFC 9018: a client's half, then version, reserved, time and hash. */
#include "avow/answer/cookie.h"

#include <string.h>

enum {
    CLIENT_OCTETS = 8,
    VERSION = 1,
    VERSION_AT = 8,
    TIME_AT = 12, /* three octets of zero before it */
    HASH_AT = 16, /* what comes before it is hashed, and the address behind that */
    OLDEST = 3600,
    OLD = 1800, /* it is good, and its client gets a new one */
    EARLIEST = -300
};

_Static_assert(HASH_AT + SIPHASH_OCTETS == COOKIE_OCTETS, "nothing comes behind the hash");
_Static_assert((int)COOKIE_OCTETS <= (int)EDNS_COOKIE_MAX_OCTETS, "it fits into the option");

/* What is hashed. */
struct text {
    size_t length;
    uint8_t octets[HASH_AT + COOKIE_ADDRESS_OCTETS];
};

static void text_of(const uint8_t cookie[COOKIE_OCTETS], const struct cookie_sender *sender,
                    struct text *text)
{
    size_t length = sender->address_length;

    if (length > COOKIE_ADDRESS_OCTETS)
        length = COOKIE_ADDRESS_OCTETS;
    memcpy(text->octets, cookie, HASH_AT);
    memcpy(text->octets + HASH_AT, sender->address, length);
    text->length = HASH_AT + length;
}

/* Seconds since it was made, below 0 when that lies ahead: by the arithmetic of serial numbers
 * (RFC 9018 section 4.3). */
static int32_t age_of(const uint8_t cookie[COOKIE_OCTETS], uint64_t now)
{
    struct reader time = reader_over(cookie + TIME_AT, HASH_AT - TIME_AT);

    return (int32_t)((uint32_t)now - reader_u32(&time));
}

/* The secret that it was made with, by its place; the count when it is none of ours. The reserved
 * octets are hashed as they came (RFC 9018 section 4.2). */
static size_t find_secret(const struct cookie_secrets *secrets, const uint8_t cookie[COOKIE_OCTETS],
                          const struct cookie_sender *sender)
{
    struct text text;
    size_t place = 0;

    text_of(cookie, sender, &text);
    while (place < secrets->count &&
           !siphash_fits(secrets->octets[place], text.octets, text.length, cookie + HASH_AT))
        place++;
    return place;
}

static void make(const struct cookie_secrets *secrets, const struct cookie_sender *sender,
                 uint8_t cookie[COOKIE_OCTETS])
{
    struct writer writer = writer_over(cookie, HASH_AT);
    struct text text;

    writer_add(&writer, sender->edns->cookie, CLIENT_OCTETS);
    writer_u32(&writer, (uint32_t)VERSION << 24);
    writer_u32(&writer, (uint32_t)sender->now);
    text_of(cookie, sender, &text);
    siphash(secrets->octets[0], text.octets, text.length, cookie + HASH_AT);
}

/* The time first: no hash is computed for what is out of date anyway. */
static bool may_be_good(const struct edns *edns, uint64_t now)
{
    if (edns->cookie_length != COOKIE_OCTETS || edns->cookie[VERSION_AT] != VERSION)
        return false;
    int32_t age = age_of(edns->cookie, now);
    return age >= EARLIEST && age <= OLDEST;
}

enum cookie_kind cookie_judge(const struct cookie_secrets *secrets,
                              const struct cookie_sender *sender, uint8_t cookie[COOKIE_OCTETS])
{
    const struct edns *edns = sender->edns;

    if (edns->cookie_length == 0 || secrets->count == 0)
        return COOKIE_NONE;
    size_t place = may_be_good(edns, sender->now) ? find_secret(secrets, edns->cookie, sender)
                                                  : secrets->count;
    if (place == 0 && age_of(edns->cookie, sender->now) <= OLD) {
        memcpy(cookie, edns->cookie, COOKIE_OCTETS);
        return COOKIE_GOOD;
    }
    make(secrets, sender, cookie);
    if (place < secrets->count)
        return COOKIE_GOOD;
    return edns->cookie_length == CLIENT_OCTETS ? COOKIE_CLIENT : COOKIE_BAD;
}
