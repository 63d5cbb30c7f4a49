/*
 * answer.h - a question to its answer over a snapshot: no socket, no clock, no allocation, no lock.
 *
 * For each datagram or message: query_read; the caller judges the cookie in query.edns (cookie.h);
 * then answer_query builds the whole response in the caller's buffer.
 *
 * Floor: answer. Reads the snapshot, which the caller has renewed; owns nothing but what the
 * caller lends. Source: RFC 1034 section 4.3.2; RFC 2308; RFC 4035 section 3; RFC 4592; RFC 5155
 * section 7.2; RFC 6672; RFC 8482; RFC 8914; RFC 9471.
 */
#ifndef AVOW_ANSWER_ANSWER_H
#define AVOW_ANSWER_ANSWER_H

#include "avow/answer/query.h"
#include "avow/base/hash.h"
#include "avow/store/node.h"
#include "avow/store/snapshot.h"
#include "avow/store/zones.h"

struct answer_cache;

enum {
    ANSWER_WANTED_LIMIT = 8,   /* references that one outcome can hold */
    ANSWER_UDP_PAYLOAD = 1232, /* a good answerer.udp_payload */
    ANSWER_CHAIN = 12          /* CNAMEs and DNAMEs that are followed in one answer */
};

/* What one worker answers with. Zeroed members: nothing is said about them. */
struct answerer {
    struct snapshot *snapshot;      /* renewed by the caller before each batch */
    const struct zone_table *zones; /* refreshed by the caller with it */
    struct answer_cache *cache;     /* cache.h; NULL: none */
    struct hash_key charge_key;     /* for outcome.charge; the same in all workers that share a
                                     * limiter, else random */
    uint16_t udp_payload;           /* largest UDP answer, and what we say we can receive */
    uint16_t nsid_length;
    const uint8_t *nsid;  /* RFC 5001; NULL: none is told */
    const char *version;  /* CHAOS version.bind, version.server; NULL: REFUSED */
    const char *identity; /* CHAOS id.server, hostname.bind; NULL: REFUSED */
};

enum answer_transport { ANSWER_UDP, ANSWER_TCP };

enum answer_patience {
    ANSWER_MAY_WAIT, /* missing signatures give ANSWER_WANTED */
    ANSWER_NOW,      /* ... SERVFAIL with an extended error: the deadline has passed */
    ANSWER_NAMES /* as ANSWER_MAY_WAIT, but what would cost a denial of a name gives ANSWER_DROP,
                  * long before the denial is made: more comes than can be answered */
};

/* What the caller knows about one query. */
struct answer_facts {
    uint64_t now; /* seconds since 1970, read once per batch */
    enum answer_transport transport;
    enum answer_patience patience;
    const uint8_t *cookie; /* for the answer's OPT; NULL: none, or the query had none */
    uint16_t cookie_length;
    uint16_t keepalive_tenths; /* told when the query asked for it over TCP (RFC 7828) */
    bool keepalive;            /* whether to tell it */
    bool bad_cookie;           /* answer nothing but BADCOOKIE (RFC 7873 section 5.2.3) */
};

/* Which counter and which class of rate limit an answer belongs to. */
enum answer_kind {
    ANSWER_POSITIVE,
    ANSWER_NODATA,
    ANSWER_NXDOMAIN,
    ANSWER_REFERRAL,
    ANSWER_CHAOS,
    ANSWER_REFUSED,
    ANSWER_ERROR,   /* FORMERR, NOTIMP, BADVERS, BADCOOKIE, YXDOMAIN */
    ANSWER_FAILURE, /* SERVFAIL */
    ANSWER_KINDS
};

enum answer_wanted_kind { ANSWER_WANTED_RRSET, ANSWER_WANTED_NSEC3 };

/* A signature that is missing, expired or not yet valid, by reference. */
struct answer_wanted {
    enum answer_wanted_kind kind;
    uint32_t version;
    uint16_t type;                  /* of an RRset */
    bool apex;                      /* of an RRset: it is the zone's apex's */
    uint8_t hash[NODE_HASH_OCTETS]; /* of an NSEC3 */
    struct name owner;              /* of an RRset; for an NSEC3 the zone's apex */
};

/* What became of a query. Large: keep one per worker. answer_query sets every member but those
 * of `wanted` beyond wanted_count. */
struct outcome {
    enum answer_verdict verdict; /* SEND; WANTED or DROP (then nothing was built) */
    enum answer_kind kind;
    uint16_t rcode; /* with the extended bits */
    size_t length;  /* of the response */
    bool truncated; /* TC is set */
    bool from_cache;
    bool corrupt;          /* damage was met: count it and raise an alarm */
    uint16_t question_end; /* for answer_shorten, as the next two */
    uint16_t opt_length;
    uint16_t opt_at; /* 0: no OPT */
    /*
     * Whom a rate limiter by name would charge (that of the front goes by address alone): a keyed
     * hash of the name that answers of this kind have in common, so that random names below one
     * zone count as one: the question for what exists, the wildcard for what it made, the cut for a
     * referral, the zone's apex for NXDOMAIN; for errors the kind alone.
     */
    uint64_t charge;
    unsigned wanted_count; /* with ANSWER_WANTED: 1 to ANSWER_WANTED_LIMIT */
    struct answer_wanted wanted[ANSWER_WANTED_LIMIT];
};

/*
 * Answer a query.
 *
 * query    From query_read, which said ANSWER_SEND; its octets are still there.
 * out      Receives the response; not the query's own buffer. `size` is at least 512; for UDP
 *          no more than udp_payload is used, for TCP no more than 65535.
 * outcome  Receives what became of it.
 *
 * Never fails: what goes wrong becomes SERVFAIL. A name is denied in a signed zone only by a
 * stored NSEC or NSEC3 record with a good seal that covers it; damage is never NXDOMAIN.
 */
void answer_query(struct answerer *answerer, const struct query *query,
                  const struct answer_facts *facts, uint8_t *out, size_t size,
                  struct outcome *outcome);

/* Reduce a response that answer_query made to header, question, OPT and TC: what a rate limiter
 * sends instead of it. Returns the new length, also in outcome->length. */
size_t answer_shorten(uint8_t *out, struct outcome *outcome);

/*
 * Build a response without any records, with this RCODE: for queries that the caller refuses
 * itself. `extended_error` is EDE_NONE or what is told to those who sent an OPT.
 */
void answer_refuse(const struct answerer *answerer, const struct query *query,
                   const struct answer_facts *facts, uint16_t rcode, uint16_t extended_error,
                   uint8_t *out, size_t size, struct outcome *outcome);

#endif
