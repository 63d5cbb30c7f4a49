/*
 * cryptoki.h - what the modules of this floor share: PKCS#11's own types, and how they fail.
 *
 * Private to src/pkcs11.
 */
#ifndef AVOW_SRC_PKCS11_CRYPTOKI_H
#define AVOW_SRC_PKCS11_CRYPTOKI_H

#include <p11-kit/pkcs11.h>

#include "avow/pkcs11/location.h"
#include "avow/pkcs11/module.h"
#include "avow/pkcs11/object.h"
#include "avow/pkcs11/session.h"

/* The module's functions, with their type. */
static inline CK_FUNCTION_LIST *cryptoki(const struct pkcs11_module *module)
{
    return module->functions;
}

/* Fill `failure` with a sentence. NULL is allowed where a caller does not want to know. */
void pkcs11_fail(struct pkcs11_failure *failure, enum pkcs11_trouble trouble, const char *format,
                 ...) PRINTF_LIKE(3, 4);

/*
 * Fill `failure` for a code that a token's call gave: 'token "L" (slot 0xN): what: CKR_X (0xN)'.
 * Always RESULT_TOKEN, so that callers can return it.
 */
enum result pkcs11_fail_token(struct pkcs11_failure *failure, const struct pkcs11_token *token,
                              CK_RV code, const char *format, ...) PRINTF_LIKE(4, 5);

/* The same for what is wrong without a CKR code: 'token "L" (slot 0xN): what'. */
enum result pkcs11_refuse_token(struct pkcs11_failure *failure, const struct pkcs11_token *token,
                                const char *format, ...) PRINTF_LIKE(3, 4);

/* Read one attribute into `octets`: its length, or -1 when the object does not tell. */
long pkcs11_attribute(struct pkcs11_session *session, CK_OBJECT_HANDLE object,
                      CK_ATTRIBUTE_TYPE type, void *octets, size_t size);

/* Read one boolean attribute; `otherwise` when the object does not tell. */
bool pkcs11_attribute_bool(struct pkcs11_session *session, CK_OBJECT_HANDLE object,
                           CK_ATTRIBUTE_TYPE type, bool otherwise);

/* Find the one token object of a CKO_ class and a name; handle 0 when there is none. */
MUST_CHECK enum result pkcs11_find_one(struct pkcs11_session *session, unsigned long class,
                                       const struct pkcs11_key_name *name, unsigned long *handle);

/* Fill in what a key's handles lead to, and refuse a key that is not fit for use. */
MUST_CHECK enum result pkcs11_key_read(struct pkcs11_key *key, struct pkcs11_session *session);

/* Read the public half into the form of a DNSKEY's public key field; sets bits and lengths too. */
MUST_CHECK enum result pkcs11_public_read(struct pkcs11_key *key, struct pkcs11_session *session);

/* The DER of CKA_EC_PARAMS for an algorithm: an OID first, then a name, for tokens that want that.
 * NULL when there is no `nth` form. */
const struct pkcs11_octets *pkcs11_curve(uint8_t algorithm, unsigned nth);

#endif
