/*
 * tsig.h - transaction signatures: checking a message's TSIG, and signing messages.
 *
 * Floor: tsig. OpenSSL's HMAC, fetched once. Pure otherwise: the time is handed in.
 * Source: RFC 8945; RFC 4635 for the algorithms.
 */
#ifndef AVOW_TSIG_TSIG_H
#define AVOW_TSIG_TSIG_H

#include "avow/wire/message.h"

enum tsig_algorithm {
    TSIG_HMAC_SHA1,
    TSIG_HMAC_SHA224,
    TSIG_HMAC_SHA256,
    TSIG_HMAC_SHA384,
    TSIG_HMAC_SHA512,
    TSIG_ALGORITHMS
};

enum {
    TSIG_MAX_MAC = 64,
    TSIG_FUDGE = 300, /* seconds: what RFC 8945 section 10 recommends */
    TSIG_MAX_FUDGE =
        3600 /* what is granted of a peer's: it is how long a message can be replayed */
};

/* "hmac-sha256", with or without a final dot, any case; RESULT_FORMAT when it is none of ours. */
MUST_CHECK enum result tsig_algorithm_from_text(const char *text, enum tsig_algorithm *algorithm);
const char *tsig_algorithm_to_text(enum tsig_algorithm algorithm);
size_t tsig_mac_octets(enum tsig_algorithm algorithm);

/* A key. The secret is the caller's; a keyring's own keys have none. */
struct tsig_key {
    struct name name;
    enum tsig_algorithm algorithm;
    const uint8_t *secret;
    size_t secret_length;
    void *context; /* the caller's own, e.g. its configuration */
};

struct evp_mac_st;
struct evp_mac_ctx_st;

/* All keys, and one keyed HMAC context each, so that nothing is looked up or allocated per message
 * but what OpenSSL does itself. One per thread. Zeroed: no keys. Sessions point into it: whoever
 * replaces it ends them first (a session of a closed keyring must not be used). */
struct tsig_keyring {
    struct evp_mac_st *method;
    struct tsig_key *keys; /* sorted by canonical name; owned */
    struct evp_mac_ctx_st **contexts;
    size_t count;
    /* A good MAC that is cut, though not shorter than section 5.2.2.1 allows, is TSIG_GOOD instead
     * of TSIG_BADTRUNC. Set, if at all, after opening. */
    bool truncated_welcome;
};

/*
 * Take the keys over by copy. Their secrets are in OpenSSL's contexts from then on, wiped when the
 * keyring is closed; the caller's may go. OpenSSL opens its files in the first call, be it
 * without a key, never later: a room makes it before it is confined.
 *
 * Returns  RESULT_OK; RESULT_REFUSED for two keys of one name, an empty secret or an algorithm that
 *          is none; RESULT_SYSTEM when OpenSSL or memory fails. Whatever is returned,
 *          tsig_keyring_close is due; it takes a keyring in any state.
 */
MUST_CHECK enum result tsig_keyring_open(struct tsig_keyring *keyring, const struct tsig_key *keys,
                                         size_t count);
void tsig_keyring_close(struct tsig_keyring *keyring);

/* The key of that name, any case; NULL. */
const struct tsig_key *tsig_keyring_find(const struct tsig_keyring *keyring,
                                         const struct name *name);

/* ---- a conversation ----------------------------------------------------------------------------
 *
 * One request and the messages that answer it, or one request of ours and its answer. Zeroed: no
 * TSIG. It holds no pointer into any message.
 */
struct tsig_session {
    const struct tsig_key *key;      /* the keyring's; NULL: nothing is signed. Set for TSIG_GOOD,
                                      * TSIG_BADTIME and TSIG_BADTRUNC: only the outcome allows */
    uint16_t error;                  /* of enum rcode, for the reply's TSIG; 0 = none */
    bool replies_unsigned;           /* BADKEY, BADSIG: the reply has a TSIG, which has no MAC */
    struct name key_name, algorithm; /* as the request had them */
    uint64_t time_signed;            /* of the request, seconds since 1970, 48 bits */
    uint16_t fudge, original_id;
    uint8_t mac_length;
    uint8_t
        mac[TSIG_MAX_MAC]; /* the request's, then the last that was sent: digested with the next */
    uint32_t sent;         /* messages signed since the request: the first is signed in full */
};

enum tsig_outcome {
    TSIG_ABSENT,    /* the message has none, in no section */
    TSIG_GOOD,      /* by session->key */
    TSIG_MALFORMED, /* not the last record, more than one, class not ANY, a MAC of a length that is
                     * not allowed, octets behind it, no DNS message at all ...: FORMERR, no TSIG */
    TSIG_BADKEY,    /* no such key, or not its algorithm: NOTAUTH, unsigned */
    TSIG_BADSIG,    /* NOTAUTH, unsigned; also when OpenSSL fails */
    TSIG_BADTRUNC,  /* good but shorter than allowed: NOTAUTH, signed */
    TSIG_BADTIME    /* good but out of time: NOTAUTH, signed, with our time in Other Data */
};

/*
 * Check the TSIG of a request (RFC 8945 sections 5.2, 5.3).
 *
 * octets   The whole message as it came.
 * now      Seconds since 1970.
 * session  Written: everything that tsig_sign needs for the answer.
 * plain    Receives the length of the message without its TSIG; the message's own additional
 *          count still has it in. The whole length unless TSIG_GOOD.
 *
 * The order of checks is that of section 5.2: form, key, MAC (compared in constant time), time
 * (within the request's own fudge, of which TSIG_MAX_FUDGE is granted), truncation. Signs nothing.
 * The walk to the last record costs in proportion to the length, and comes before any HMAC; of
 * the others it reads the extent alone, so that TSIG_GOOD and TSIG_ABSENT do not say that they are
 * well-formed.
 */
enum tsig_outcome tsig_check(const struct tsig_keyring *keyring, const uint8_t *octets,
                             size_t length, uint64_t now, struct tsig_session *session,
                             size_t *plain);

/* Octets that tsig_sign will add: to be kept free in the message. 0 without a TSIG. */
size_t tsig_size(const struct tsig_session *session);

/*
 * Sign the next message of an answer: appends the TSIG and counts it in the header. The first one
 * is digested with the request's MAC, each further one with the MAC before and its timers alone
 * (section 5.3.1). Every message of a stream is signed. Does nothing without a TSIG.
 *
 * writer   Over the message from its header on, standing at its end. The header is as it will be
 *          sent, with the other records counted.
 *
 * Returns RESULT_OK; RESULT_FULL when there is no room (the writer has failed, message and session
 * are as before, and nothing was spent); RESULT_SYSTEM when OpenSSL fails (message as before).
 */
MUST_CHECK enum result tsig_sign(const struct tsig_keyring *keyring, struct tsig_session *session,
                                 struct writer *writer, uint64_t now);

/* ---- as a client, for NOTIFY ------------------------------------------------------------------
 */

/* Sign a request of ours with a key of the keyring; the session is written anew. As tsig_sign. */
MUST_CHECK enum result tsig_request(const struct tsig_keyring *keyring, const struct tsig_key *key,
                                    struct tsig_session *session, struct writer *writer,
                                    uint64_t now);

/*
 * Check the answer to it (section 5.4), a single message. Of the session only the error changes, so
 * that the true answer is still known after any number of forged ones.
 *
 * Returns  TSIG_GOOD, or what is wrong, by our judgement or in the peer's words. session->error is
 *          what its TSIG says. TSIG_BADKEY and TSIG_BADSIG need no MAC, so that they may be
 *          anybody's words: a reason to log and to try again, not to give up.
 */
enum tsig_outcome tsig_check_answer(const struct tsig_keyring *keyring, const uint8_t *octets,
                                    size_t length, uint64_t now, struct tsig_session *session);

#endif
