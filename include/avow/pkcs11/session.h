/*
 * session.h - a session with a token: log in once, sign.
 *
 * A session does one thing at a time, so each thread has its own. The login belongs to the token
 * and the process: one session logs in and stays open (the anchor), the others find it done.
 * Calls have no deadline of their own, since modules have none: whoever needs one watches from
 * outside and ends the process.
 *
 * Floor: pkcs11.
 */
#ifndef AVOW_PKCS11_SESSION_H
#define AVOW_PKCS11_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"
#include "avow/pkcs11/location.h"
#include "avow/pkcs11/mechanism.h"
#include "avow/pkcs11/module.h"

enum pkcs11_access {
    PKCS11_READ_ONLY, /* enough to sign, and to hold session objects */
    PKCS11_READ_WRITE /* to make and destroy keys */
};

enum { PKCS11_SIGNATURE_OCTETS = 512 }; /* RSA of 4096 bits */

/* Zeroed: closed. */
struct pkcs11_session {
    const struct pkcs11_module *module; /* borrowed */
    struct pkcs11_token token;
    unsigned long handle;
    enum pkcs11_access access;
    bool open;
    struct pkcs11_failure failure; /* why the last call with this session did not give RESULT_OK */
};

/* Open a session. RESULT_OK; RESULT_TOKEN with `session->failure` filled. */
MUST_CHECK enum result pkcs11_session_open(struct pkcs11_session *session,
                                           const struct pkcs11_module *module,
                                           const struct pkcs11_token *token,
                                           enum pkcs11_access access);

/* Close it; takes a session in any state. The last one of a token to close ends the login. */
void pkcs11_session_close(struct pkcs11_session *session);

/*
 * Log in as the user: exactly one attempt. When the process is logged in already, that will do.
 * A token that says that its PIN is locked is not asked at all; nor is one on its last try, since a
 * machine must not spend it: a person does, by logging in once with another tool.
 * pin      NULL or empty for a token that needs no login or has its own PIN pad.
 * Returns  RESULT_OK; RESULT_TOKEN with `session->failure` filled (PIN for all that is wrong with
 * the PIN).
 */
MUST_CHECK enum result pkcs11_session_login(struct pkcs11_session *session,
                                            const struct pkcs11_pin *pin);

struct pkcs11_key;

/* What is signed; borrowed. */
struct pkcs11_octets {
    const uint8_t *octets;
    size_t length;
};

/*
 * Make one signature, in the form that RRSIG has (RFC 3110, RFC 6605 section 4, RFC 8080).
 *
 * key        Whose scheme, name and signature length count.
 * handle     key->private_handle or a session copy of it.
 * input      The digest or the message, as key->scheme.input says.
 * signature  PKCS11_SIGNATURE_OCTETS of the caller's, key->signature_octets of them written.
 *
 * The length is checked, not the signature: verify it with the published key.
 * Returns    RESULT_OK; RESULT_TOKEN with `session->failure` filled.
 */
MUST_CHECK enum result pkcs11_sign(struct pkcs11_session *session, const struct pkcs11_key *key,
                                   unsigned long handle, struct pkcs11_octets input,
                                   uint8_t *signature);

#endif
