/*
 * digest.h - the octets that a MAC is made over (RFC 8945 section 4.3), in their order.
 *
 * A digest fails once and for good, like a writer; tsig_digest_end tells.
 */
#ifndef TSIG_DIGEST_H
#define TSIG_DIGEST_H

#include "record.h"

struct tsig_digest {
    struct evp_mac_ctx_st *context; /* NULL after a failure */
    size_t octets;                  /* of the whole MAC */
};

/* `key` is one of the keyring's own. One digest of a key at a time. */
struct tsig_digest tsig_digest_begin(const struct tsig_keyring *keyring,
                                     const struct tsig_key *key);

/* The MAC of the request, or of the message before, after its length. Nothing when it is empty. */
void tsig_digest_prior(struct tsig_digest *digest, const uint8_t *mac, size_t length);

/* The message without its TSIG, with its first id and with `additional` records counted. `length`
 * is at least that of a header. */
void tsig_digest_message(struct tsig_digest *digest, const uint8_t *octets, size_t length,
                         uint16_t original_id, uint16_t additional);

/* Section 4.3.3: everything in the record but MAC and id; names in canonical form. */
void tsig_digest_variables(struct tsig_digest *digest, const struct tsig_record *record);

/* Section 5.3.1: of the later messages of a stream. */
void tsig_digest_timers(struct tsig_digest *digest, const struct tsig_record *record);

/* RESULT_SYSTEM when OpenSSL failed anywhere. */
MUST_CHECK enum result tsig_digest_end(struct tsig_digest *digest, uint8_t mac[TSIG_MAX_MAC]);

#endif
