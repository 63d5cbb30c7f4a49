/* algorithm.c - the algorithms that are done here (RFC 8945 section 6), by name and size. */
#include "algorithm.h"

#include <string.h>
#include <strings.h>

/* An array is initialized by a literal alone: NOLINTBEGIN(bugprone-macro-parentheses) */
#define ROW(word, hash, mac, label)                                                                \
    {                                                                                              \
        .text = (word), .digest = (hash), .octets = (mac), .name = {                               \
            .length = sizeof(label),                                                               \
            .labels = 1,                                                                           \
            .octets = label                                                                        \
        }                                                                                          \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct {
    const char *text, *digest;
    size_t octets;
    struct name name;
} rows[TSIG_ALGORITHMS] = {
    [TSIG_HMAC_SHA1] = ROW("hmac-sha1", "SHA1", 20, "\11hmac-sha1"),
    [TSIG_HMAC_SHA224] = ROW("hmac-sha224", "SHA2-224", 28, "\13hmac-sha224"),
    [TSIG_HMAC_SHA256] = ROW("hmac-sha256", "SHA2-256", 32, "\13hmac-sha256"),
    [TSIG_HMAC_SHA384] = ROW("hmac-sha384", "SHA2-384", 48, "\13hmac-sha384"),
    [TSIG_HMAC_SHA512] = ROW("hmac-sha512", "SHA2-512", 64, "\13hmac-sha512"),
};

enum result tsig_algorithm_from_text(const char *text, enum tsig_algorithm *algorithm)
{
    size_t length = strlen(text);

    if (length && text[length - 1] == '.')
        length--;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (length == strlen(rows[i].text) && strncasecmp(text, rows[i].text, length) == 0) {
            *algorithm = (enum tsig_algorithm)i;
            return RESULT_OK;
        }
    }
    return RESULT_FORMAT;
}

const char *tsig_algorithm_to_text(enum tsig_algorithm algorithm)
{
    return (unsigned)algorithm < COUNT(rows) ? rows[algorithm].text : "an unknown algorithm";
}

size_t tsig_mac_octets(enum tsig_algorithm algorithm)
{
    return (unsigned)algorithm < COUNT(rows) ? rows[algorithm].octets : 0;
}

const struct name *tsig_algorithm_name(enum tsig_algorithm algorithm)
{
    return (unsigned)algorithm < COUNT(rows) ? &rows[algorithm].name : NULL;
}

const char *tsig_algorithm_digest(enum tsig_algorithm algorithm)
{
    return rows[algorithm].digest;
}
