/*
 * response.h - a response taken apart, put into words, and judged as a validator would.
 */
#ifndef TESTS_ANSWERS_RESPONSE_H
#define TESTS_ANSWERS_RESPONSE_H

#include "world.h"

enum { RESPONSE_RECORDS = 512, RESPONSE_OCTETS = 65536 };

struct response_record {
    enum section section;
    struct name owner;
    uint16_t type;
    uint16_t class_;
    uint32_t ttl;
    uint16_t length;
    const uint8_t *rdata; /* uncompressed */
};

/* Large: static or on the heap. */
struct response {
    struct header header;
    struct question question; /* when counts[0] is 1 */
    uint16_t rcode;           /* with the extended bits */
    bool opt;
    uint16_t extended_error; /* EDE_NONE: none */
    struct edns edns;
    unsigned count; /* without OPT */
    struct response_record records[RESPONSE_RECORDS];
    uint8_t octets[RESPONSE_OCTETS];
};

/* NULL when it could be read; else what is wrong with it. */
const char *response_read(const uint8_t *octets, size_t length, struct response *response);

enum response_words {
    WORDS_ALL,
    WORDS_PLAIN /* without RRSIG, NSEC and NSEC3, and DS in the authority section */
};

/* First a line of RCODE and flags, then the sections, a record a line. */
void response_print(const struct response *response, enum response_words words,
                    struct buffer *text);

/*
 * What a validator would complain of; NULL when nothing. Every RRset of a signed zone that is to
 * be signed must have a signature that verifies, and every denial its proof.
 */
const char *response_judge(struct world *world, const struct response *response);

#endif
