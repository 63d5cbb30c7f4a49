/*
 * edns.h - the OPT record in and out (RFC 6891).
 *
 * Floor: wire. Pure.
 */
#ifndef AVOW_WIRE_EDNS_H
#define AVOW_WIRE_EDNS_H

#include "avow/wire/message.h"

enum {
    EDNS_OPTION_NSID = 3,
    EDNS_OPTION_CLIENT_SUBNET = 8,
    EDNS_OPTION_EXPIRE = 9,
    EDNS_OPTION_COOKIE = 10,
    EDNS_OPTION_KEEPALIVE = 11,
    EDNS_OPTION_PADDING = 12,
    EDNS_OPTION_EXTENDED_ERROR = 15
};

/* Extended DNS errors used here (RFC 8914 section 4). */
enum {
    EDE_OTHER = 0,
    EDE_DNSSEC_INDETERMINATE = 5,
    EDE_RRSIGS_MISSING = 10,
    EDE_NOT_READY = 14,
    EDE_PROHIBITED = 18,
    EDE_NOT_AUTHORITATIVE = 20,
    EDE_NOT_SUPPORTED = 21,
    EDE_INVALID_DATA = 24,
    EDE_NONE = 0xffff
};

enum {
    EDNS_COOKIE_MAX_OCTETS = 40,
    EDNS_SMALLEST_PAYLOAD = 512,
    EDNS_PADDING_BLOCK = 468 /* of answers: RFC 8467 section 4.1 */
};

/* What a query's OPT said. Zeroed: there was none. */
struct edns {
    bool present;
    bool dnssec_ok; /* DO, RFC 3225 */
    bool nsid;      /* RFC 5001: asked for */
    bool keepalive; /* RFC 7828: asked for */
    bool expire;    /* RFC 7314: asked for */
    bool padding;   /* RFC 7830: present */
    uint8_t version;
    uint8_t cookie_length; /* 0: none; 8 or 16 to 40 */
    uint16_t payload;      /* requestor's UDP size, already raised to 512 (section 6.2.3) */
    uint8_t cookie[EDNS_COOKIE_MAX_OCTETS];
};

/*
 * Read an OPT that record_read has found. Unknown options are ignored (section 6.1.2).
 * RESULT_FORMAT: owner other than the root, options that do not add up, a cookie of a length that
 * RFC 7873 section 5.2.2 calls malformed. A version above 0 is read, not refused.
 */
MUST_CHECK enum result edns_read(const struct record *record, struct edns *edns);

/* What goes into the answer's OPT. */
struct edns_reply {
    uint16_t payload;       /* what we can receive */
    uint8_t extended_rcode; /* upper eight bits of the RCODE */
    bool dnssec_ok;
    const uint8_t *nsid; /* NULL: none */
    uint16_t nsid_length;
    const uint8_t *cookie; /* NULL: none */
    uint16_t cookie_length;
    bool keepalive;
    uint16_t keepalive_tenths; /* idle timeout in units of 100 ms */
    bool expire;
    uint32_t expire_seconds;   /* RFC 7314: of a primary, the SOA's */
    bool padded;               /* RFC 7830: edns_pad says how far */
    uint16_t padding;          /* zeros */
    uint16_t extended_error;   /* EDE_NONE: none */
    const char *extended_text; /* NULL: none */
};

/* Write the OPT record; fails the writer when it does not fit. The caller counts it. */
void edns_write(struct writer *writer, const struct edns_reply *reply);

/* Octets that edns_write will need. */
size_t edns_size(const struct edns_reply *reply);

/*
 * Pad a reply that is complete but for that, so that the whole message is a multiple of
 * EDNS_PADDING_BLOCK, or as near to it as the limit lets it come.
 *
 * length  Octets before the OPT.
 * behind  Octets that will come behind it: the TSIG.
 * limit   Of what stands before that.
 *
 * Source: RFC 7830; RFC 8467 section 4.1.
 */
void edns_pad(struct edns_reply *reply, size_t length, size_t behind, size_t limit);

#endif
