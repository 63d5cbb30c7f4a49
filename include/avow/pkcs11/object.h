/*
 * object.h - keys on the token: find, make, copy to the session, read the public half, destroy.
 *
 * A key is named by CKA_ID and CKA_LABEL. Handles are good in every session of
 * this process, until the login ends with the token's last session.
 *
 * Floor: pkcs11.
 */
#ifndef AVOW_PKCS11_OBJECT_H
#define AVOW_PKCS11_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"
#include "avow/pkcs11/mechanism.h"
#include "avow/pkcs11/module.h"
#include "avow/pkcs11/session.h"

enum {
    PKCS11_ID_OCTETS = 64,     /* longest CKA_ID taken; avow makes 20 */
    PKCS11_LABEL_OCTETS = 256, /* longest CKA_LABEL taken, NUL included */
    PKCS11_PUBLIC_OCTETS = 520 /* RSA of 4096 bits: 4 + 3 + 512 rounded up */
};

/* What a key is called. */
struct pkcs11_key_name {
    uint8_t id[PKCS11_ID_OCTETS];
    uint8_t id_length;
    char label[PKCS11_LABEL_OCTETS]; /* empty: any label, when looking for a key */
};

/* What the token says about a private key. */
struct pkcs11_protection {
    bool sensitive;
    bool extractable;
    bool always_sensitive;
    bool never_extractable;
    bool local;               /* was made on the token */
    bool always_authenticate; /* wants the PIN for each signature: of no use to a server */
};

/* A key pair. Zeroed: none. */
struct pkcs11_key {
    struct pkcs11_key_name name;
    struct pkcs11_scheme scheme;
    struct pkcs11_protection protection;
    unsigned long private_handle;
    unsigned long public_handle; /* 0 when the token has no public key object */
    uint32_t bits;
    size_t signature_octets; /* as DNSSEC has them: 64, 96, 64, 114, or the modulus's length */
    size_t public_octets;
    uint8_t public_key[PKCS11_PUBLIC_OCTETS]; /* the DNSKEY's public key field */
};

/*
 * Find the key pair of this name, of the type that `scheme` needs, and read its public half in the
 * form of a DNSKEY's public key field (RFC 3110 section 2, RFC 6605 section 4, RFC 8080 section 3).
 *
 * found    FOUND_NOT when there is no such private key (and RESULT_OK).
 * Returns  RESULT_OK; RESULT_TOKEN with `session->failure` filled: SETUP for two keys of that name,
 * for a key of another type or size, for a private key without public half, for a key that wants
 *          the PIN for each signature, and for a key that is extractable or not sensitive.
 */
MUST_CHECK enum result pkcs11_key_find(struct pkcs11_key *key, struct pkcs11_session *session,
                                       const struct pkcs11_scheme *scheme,
                                       const struct pkcs11_key_name *name, enum found *found);

/*
 * Make a key pair on the token: private, sensitive, never extractable, for signatures only.
 *
 * session  Read-write and logged in.
 * bits     RSA only: 1024 to 4096 within the scheme's bounds; ignored for the others.
 *
 * Whatever was made is read back and must say that it is sensitive and cannot be extracted;
 * otherwise it is destroyed again. Make keys from one thread of one process at a time.
 * Returns  RESULT_OK with `key` as pkcs11_key_find gives it; RESULT_TOKEN with `session->failure`
 * filled.
 */
MUST_CHECK enum result pkcs11_key_generate(struct pkcs11_key *key, struct pkcs11_session *session,
                                           const struct pkcs11_scheme *scheme,
                                           const struct pkcs11_key_name *name, uint32_t bits);

/*
 * A copy of the private key that lives as long as `session`: quicker to sign with on some tokens
 * (SoftHSM, 1.3 to 1.8 times) and just as little extractable, which is checked.
 *
 * Returns  The copy's handle, for pkcs11_sign; `key->private_handle` itself when the token cannot
 *          copy or a copy would be less protected. Never fails: the original always serves.
 */
unsigned long pkcs11_key_session_copy(const struct pkcs11_key *key, struct pkcs11_session *session);

/*
 * Destroy both halves. The session must be read-write. RESULT_OK; RESULT_TOKEN with
 * `session->failure` filled.
 */
MUST_CHECK enum result pkcs11_key_destroy(struct pkcs11_key *key, struct pkcs11_session *session);

/*
 * Call `take` for the name of each private key on the token, until it returns false. For listings
 * and for finding keys that no zone uses. RESULT_OK; RESULT_TOKEN with `session->failure` filled.
 */
MUST_CHECK enum result
pkcs11_key_each(struct pkcs11_session *session,
                bool (*take)(void *context, const struct pkcs11_key_name *name), void *context);

/* A key's name for people: "label" (id 0a1b2c). Returns `text`. */
const char *pkcs11_key_name_text(const struct pkcs11_key_name *name, char *text, size_t size);

#endif
