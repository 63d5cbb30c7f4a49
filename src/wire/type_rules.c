/* type_rules.c - what must hold between the fields of some record types. */
#include "type_row.h"

/* `wanted` by number; 0 where any length will do. */
static bool digest_fits(const uint8_t *wanted, size_t count, uint8_t kind, size_t length)
{
    return kind >= count || wanted[kind] == 0 || wanted[kind] == length;
}

const char *rule_ds(const uint8_t *rdata, size_t length)
{
    /* SHA-1 (RFC 3658), SHA-256 (RFC 4509), GOST R 34.11-94 (RFC 5933), SHA-384 (RFC 6605). */
    static const uint8_t digests[] = {0, 20, 32, 32, 48};

    return digest_fits(digests, COUNT(digests), rdata[3], length - 4)
               ? NULL
               : "the digest is not as long as its digest type says";
}

const char *rule_sshfp(const uint8_t *rdata, size_t length)
{
    /* SHA-1 (RFC 4255), SHA-256 (RFC 6594). */
    static const uint8_t fingerprints[] = {0, 20, 32};

    return digest_fits(fingerprints, COUNT(fingerprints), rdata[1], length - 2)
               ? NULL
               : "the fingerprint is not as long as its type says";
}

const char *rule_zonemd(const uint8_t *rdata, size_t length)
{
    /* SHA-384, SHA-512; others at least 12 octets (RFC 8976 section 2.2.4). */
    static const uint8_t digests[] = {0, 48, 64};

    if (length - 6 < 12)
        return "the digest is shorter than 12 octets";
    return digest_fits(digests, COUNT(digests), rdata[5], length - 6)
               ? NULL
               : "the digest is not as long as its hash algorithm says";
}

const char *rule_key(const uint8_t *rdata, size_t length)
{
    /* Both upper bits: there is no key (RFC 2535 section 3.1.2). */
    return length > 4 || (rdata[0] & 0xc0) == 0xc0 ? NULL : "the key is missing";
}

const char *rule_dhcid(const uint8_t *rdata, size_t length)
{
    (void)rdata; /* identifier type, digest type, digest (RFC 4701 section 3.1) */
    return length >= 3 ? NULL : "DHCID data have 3 octets or more";
}
