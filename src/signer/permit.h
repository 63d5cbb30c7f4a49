/*
 * permit.h - what policy forbids to sign.
 *
 * The keeper asks, and may have been taken over: whatever would be a lie or outlive the policy is
 * refused here, next to the key. Pure: the time is handed in.
 */
#ifndef SIGNER_PERMIT_H
#define SIGNER_PERMIT_H

#include <stdint.h>

#include "avow/ipc/message.h"

/* What one key may sign. */
struct permit_grant {
    const struct name *zone; /* apex */
    enum signing_role role;
    uint32_t validity; /* the most seconds from now that an expiration may lie */
};

enum { PERMIT_OLDEST_INCEPTION = 86400 }; /* seconds: clocks of validators are late, not years */

#define PERMITS(P)                                                                                 \
    P(ALLOWED, "allowed")                                                                          \
    P(OUTSIDE, "the owner is outside the key's zone")                                              \
    P(NO_DATA, "no zone can hold records of this type, or they are never signed")                  \
    P(NOT_HERE, "records of this type cannot be at this name")                                     \
    P(KEYS_BY_ZSK, "a zone signing key does not sign DNSKEY, CDS or CDNSKEY")                      \
    P(DATA_BY_KSK, "a key signing key signs nothing but DNSKEY, CDS and CDNSKEY")                  \
    P(TOO_LONG, "it would be valid for longer than the policy allows")                             \
    P(EXPIRED, "it would have expired")                                                            \
    P(FUTURE, "its inception lies in the future")                                                  \
    P(OLD_INCEPTION, "its inception lies more than a day back")                                    \
    P(BAD_TTL, "its TTL is above 2147483647")                                                      \
    P(MALFORMED, "its RDATA are malformed")                                                        \
    P(UNORDERED, "its records are not in canonical order, or one is there twice")

enum permit {
#define PERMIT_ENUMERATOR(name, sentence) PERMIT_##name,
    PERMITS(PERMIT_ENUMERATOR)
#undef PERMIT_ENUMERATOR
        PERMIT_VERDICTS
};

/* The sentence above. Never NULL. */
const char *permit_sentence(enum permit permit);

/* Whether what is to be signed is an RRset at all: RDATA of its type, in canonical order, since out
 * of order no validator could make sense of the signature. Asked once per job. */
enum permit permit_rrset(const struct sign_job *job);

/* Whether a key may sign the job. Asked for each of its keys. `now`: seconds since 1970. */
enum permit permit_key(const struct permit_grant *grant, const struct sign_job *job, uint64_t now);

#endif
