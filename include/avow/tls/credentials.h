/*
 * credentials.h - what a TLS server shows, and whom it trusts: certificate, private key,
 * authorities.
 *
 * Texts in PEM, as files have them; no file is read here. TLS 1.3 alone, no resumption (so neither
 * tickets with keys to be replaced nor early data), no compression; renegotiation is not in
 * TLS 1.3.
 *
 * Floor: tls, which with dnssec and tsig is a landlord of OpenSSL. Source: RFC 8446, RFC 9103
 * section 8.
 */
#ifndef AVOW_TLS_CREDENTIALS_H
#define AVOW_TLS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/complaint.h"
#include "avow/base/result.h"
#include "avow/config/tls.h"

enum { TLS_PROBLEM_OCTETS = 256 };

struct tls_credentials;

/* Keep private keys from now on, those of certificates and those of key exchanges, in memory that
 * is locked and left out of dumps, as far as the system allows. Once, before the first of them.
 * That memory does not grow: it has room for so many streams at once. False: the system does not.
 */
bool tls_memory_open(uint32_t streams);

/*
 * Make credentials.
 *
 * tls          As loaded with CONFIG_SECRETS, or of the veil's share; not needed afterwards.
 * credentials  Written: NULL unless RESULT_OK. Give back with tls_credentials_free.
 * problem      Of TLS_PROBLEM_OCTETS: what is wrong, for a person; "" with RESULT_OK.
 *
 * Returns      RESULT_OK; RESULT_FORMAT when something is no PEM, key and certificate do not belong
 *              together, or OpenSSL finds them too weak; RESULT_SYSTEM without memory.
 */
MUST_CHECK enum result tls_credentials_make(struct tls_credentials **credentials,
                                            const struct config_tls *tls,
                                            char problem[TLS_PROBLEM_OCTETS]);

/* Whether they could be made; also when no TLS is configured, and nothing is wrong then. Complains
 * of what stands in the way, and of a certificate whose time it is not, to whom read it in `file`.
 */
MUST_CHECK enum result tls_credentials_check(const struct config_tls *tls, const char *file,
                                             struct complaints *complaints);

/* Streams made of them go on. NULL is fine. */
void tls_credentials_free(struct tls_credentials *credentials);

/* When the certificate ends, in seconds since 1970. */
uint64_t tls_credentials_end(const struct tls_credentials *credentials);

#endif
