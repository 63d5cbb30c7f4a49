/*
 * siphash.h - SipHash-2-4: a short message's authenticator under a secret key, as cheap as a hash.
 *
 * The landlord of libsodium, of which nothing else is used. Floor: base.
 */
#ifndef AVOW_BASE_SIPHASH_H
#define AVOW_BASE_SIPHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_OCTETS = 16, SIPHASH_OCTETS = 8 };

/* The hash of `length` octets, in the order of octets that the reference implementation writes. */
void siphash(const uint8_t key[SIPHASH_KEY_OCTETS], const void *octets, size_t length,
             uint8_t hash[SIPHASH_OCTETS]);

/* Whether that is their hash. How long this takes does not depend on where the two differ. */
bool siphash_fits(const uint8_t key[SIPHASH_KEY_OCTETS], const void *octets, size_t length,
                  const uint8_t hash[SIPHASH_OCTETS]);

#endif
