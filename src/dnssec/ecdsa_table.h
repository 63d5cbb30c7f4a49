/*
 * ecdsa_table.h - ECDSA signatures by one key, verified with a table of its multiples.
 *
 * OpenSSL has such a table of each curve's generator, which is half of the work; with one of the
 * key's point too, a verification takes half as long (60 us become 30). Only P-256 has one in
 * OpenSSL, where its processor is one of those with code for it. The table takes some 25 ms to make
 * and 150 KB. The arithmetic is OpenSSL's; what is done with it is FIPS 186-5 section 6.4.2.
 * Nothing here is secret, so none of it needs constant time.
 */
#ifndef DNSSEC_ECDSA_TABLE_H
#define DNSSEC_ECDSA_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"

struct ecdsa_table;
struct evp_pkey_st;

/* A table of a key that OpenSSL has taken. Free it with ecdsa_table_free. NULL: without memory, or
 * where a table would not make it quicker. */
struct ecdsa_table *ecdsa_table_make(const struct evp_pkey_st *key);
void ecdsa_table_free(struct ecdsa_table *table); /* NULL is allowed */

/*
 * Whether the signature is one over the hash. One thread at a time.
 *
 * signature  r||s, each `octets` long: as many as the order of the curve has, and the hash.
 *
 * Returns 1: it is; 0: it is not; -1: OpenSSL failed.
 */
MUST_CHECK int ecdsa_table_verify(struct ecdsa_table *table, const uint8_t *hash,
                                  const uint8_t *signature, size_t octets);

#endif
