/* scalar.c - values as people write them. */
#include "scalar.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "avow/wire/codec.h"

/* Digits at `*text`, which is moved behind them. */
static bool take_digits(const char **text, uint64_t *value)
{
    const char *at = *text;

    *value = 0;
    while (*at >= '0' && *at <= '9')
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(*at++ - '0'), value))
            return false;
    bool some = at != *text;
    *text = at;
    return some;
}

bool scalar_count(const char *text, uint64_t *value)
{
    uint64_t number;

    if (!take_digits(&text, &number) || *text)
        return false;
    *value = number;
    return true;
}

bool scalar_switch(const char *text, bool *value)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"on", true},   {"yes", true}, {"true", true},
                 {"off", false}, {"no", false}, {"false", false}};

    for (size_t i = 0; i < COUNT(words); i++)
        if (!strcasecmp(text, words[i].word)) {
            *value = words[i].value;
            return true;
        }
    return false;
}

static const struct unit {
    char letter;
    bool of_time; /* behind the T of ISO 8601 */
    uint32_t seconds;
} units[] = {
    {'w', false, 604800}, {'d', false, 86400}, {'h', true, 3600}, {'m', true, 60}, {'s', true, 1}};

/* Numbers with units, from `from` in the table to before `to`; at least one. */
static bool take_parts(const char **text, size_t from, size_t to, uint64_t *seconds)
{
    size_t unit = from;
    uint64_t number;
    bool some = false;

    while (isdigit((unsigned char)**text)) {
        if (!take_digits(text, &number))
            return false;
        while (unit < to && units[unit].letter != tolower((unsigned char)**text))
            unit++;
        if (unit == to || __builtin_mul_overflow(number, units[unit].seconds, &number) ||
            __builtin_add_overflow(*seconds, number, seconds))
            return false;
        unit++;
        (*text)++;
        some = true;
    }
    return some;
}

static bool iso_duration(const char *text, uint64_t *seconds)
{
    bool some = false;

    text++;
    if (*text != 'T') {
        if (!take_parts(&text, 0, 2, seconds))
            return false;
        some = true;
    }
    if (*text == 'T') {
        text++;
        some = take_parts(&text, 2, COUNT(units), seconds);
    }
    return some && !*text;
}

bool scalar_duration(const char *text, uint64_t *seconds)
{
    uint64_t total = 0;

    if (scalar_count(text, seconds))
        return true;
    if (*text == 'P' ? !iso_duration(text, &total)
                     : !take_parts(&text, 0, COUNT(units), &total) || *text)
        return false;
    *seconds = total;
    return true;
}

bool scalar_size(const char *text, uint64_t *octets)
{
    static const char letters[] = "KMGT";
    uint64_t number;

    if (!take_digits(&text, &number))
        return false;
    const char *letter = *text ? strchr(letters, toupper((unsigned char)*text)) : NULL;
    if (letter) {
        if (__builtin_mul_overflow(number, UINT64_C(1) << (10 * (letter - letters + 1)), &number))
            return false;
        text++;
        if (!strcmp(text, "iB") || !strcmp(text, "B"))
            text = "";
    }
    if (*text)
        return false;
    *octets = number;
    return true;
}

bool scalar_hex(const char *text, uint8_t *octets, size_t size)
{
    struct writer writer = writer_over(octets, size);

    return strlen(text) == 2 * size && !base16_read(text, 2 * size, &writer);
}

static bool take_address(const char *text, size_t length, uint8_t *family, uint8_t octets[16])
{
    char copy[CONFIG_ADDRESS_TEXT];

    if (length >= sizeof(copy))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    memset(octets, 0, 16);
    *family = strchr(copy, ':') ? 6 : 4;
    return inet_pton(*family == 6 ? AF_INET6 : AF_INET, copy, octets) == 1;
}

bool scalar_address(const char *text, uint16_t otherwise, struct config_address *address)
{
    struct config_address parsed = {.port = otherwise};
    const char *at = strchr(text, '@');
    uint64_t port;

    if (!take_address(text, at ? (size_t)(at - text) : strlen(text), &parsed.family, parsed.octets))
        return false;
    if (at) {
        if (!scalar_count(at + 1, &port) || port == 0 || port > UINT16_MAX)
            return false;
        parsed.port = (uint16_t)port;
    }
    *address = parsed;
    return true;
}

/* Clear the bits behind the prefix; whether any was set. */
static bool clear_tail(struct config_prefix *prefix)
{
    bool any = false;

    for (unsigned bit = prefix->length; bit < 128; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> (bit % 8));
        any = any || (prefix->octets[bit / 8] & mask);
        prefix->octets[bit / 8] &= (uint8_t)~mask;
    }
    return any;
}

enum scalar_prefix scalar_prefix(const char *text, struct config_prefix *prefix)
{
    struct config_prefix parsed = {.family = 0};
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);

    if (!take_address(text, length, &parsed.family, parsed.octets))
        return SCALAR_PREFIX_BAD;
    uint64_t bits = parsed.family == 6 ? 128 : 32, most = bits;
    if (slash && (!scalar_count(slash + 1, &bits) || bits > most))
        return SCALAR_PREFIX_BAD;
    parsed.length = (uint8_t)bits;
    bool tail = clear_tail(&parsed);
    *prefix = parsed;
    return tail ? SCALAR_PREFIX_LONG_BITS : SCALAR_PREFIX_GOOD;
}

char *scalar_prefix_to_text(const struct config_prefix *prefix, char text[CONFIG_ADDRESS_TEXT])
{
    char address[INET6_ADDRSTRLEN] = "";

    (void)inet_ntop(prefix->family == 6 ? AF_INET6 : AF_INET, prefix->octets, address,
                    sizeof(address));
    (void)snprintf(text, CONFIG_ADDRESS_TEXT, "%s/%u", address, prefix->length);
    return text;
}

char *config_address_to_text(const struct config_address *address, char text[CONFIG_ADDRESS_TEXT])
{
    char plain[INET6_ADDRSTRLEN] = "";

    (void)inet_ntop(address->family == 6 ? AF_INET6 : AF_INET, address->octets, plain,
                    sizeof(plain));
    (void)snprintf(text, CONFIG_ADDRESS_TEXT, "%s@%u", plain, address->port);
    return text;
}

/* An IPv4 address in the clothes of an IPv6 one (RFC 4291 section 2.5.5.2), as a socket for both
 * families has it. */
static bool is_mapped(uint8_t family, const uint8_t *octets)
{
    static const uint8_t start[12] = {[10] = 0xff, [11] = 0xff};

    return family == 6 && !memcmp(octets, start, sizeof(start));
}

bool config_prefix_holds(const struct config_prefix *prefix, uint8_t family, const uint8_t *octets)
{
    const uint8_t *start = prefix->octets;
    uint8_t wanted = prefix->family;
    unsigned length = prefix->length;

    if (wanted == 0)
        return true;
    if (length >= 96 && is_mapped(wanted, start)) {
        wanted = 4;
        start += 12;
        length -= 96;
    }
    if (is_mapped(family, octets)) {
        family = 4;
        octets += 12;
    }
    unsigned whole = length / 8, rest = length % 8;
    if (wanted != family || memcmp(start, octets, whole) != 0)
        return false;
    return rest == 0 || (start[whole] ^ octets[whole]) >> (8 - rest) == 0;
}

bool scalar_same_address(const struct config_address *a, const struct config_address *b)
{
    return a->family == b->family && a->port == b->port &&
           !memcmp(a->octets, b->octets, sizeof(a->octets));
}

bool scalar_same_prefix(const struct config_prefix *a, const struct config_prefix *b)
{
    return a->family == b->family && a->length == b->length &&
           !memcmp(a->octets, b->octets, sizeof(a->octets));
}

/* Levenshtein's distance, with a swap of neighbours as one change; words of up to 31 letters. */
unsigned scalar_distance(const char *a, const char *b, unsigned limit)
{
    enum { LONGEST = 31 };
    uint8_t rows[LONGEST + 1][LONGEST + 1];
    size_t m = strlen(a), n = strlen(b);

    if (m > LONGEST || n > LONGEST)
        return limit + 1;
    for (size_t i = 0; i <= m; i++)
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                rows[i][j] = (uint8_t)(i + j);
                continue;
            }
            unsigned best = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (rows[i - 1][j] + 1U < best)
                best = rows[i - 1][j] + 1U;
            if (rows[i][j - 1] + 1U < best)
                best = rows[i][j - 1] + 1U;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                rows[i - 2][j - 2] + 1U < best)
                best = rows[i - 2][j - 2] + 1U;
            rows[i][j] = (uint8_t)best;
        }
    return rows[m][n] < limit + 1 ? rows[m][n] : limit + 1;
}
