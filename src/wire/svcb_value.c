/* svcb_value.c - the values of SvcParams, in and out (RFC 9460 sections 7 and 8, RFC 9461, 9540).
 */
#include <string.h>
#include <strings.h>

#include "avow/wire/codec.h"
#include "svcb.h"

/* ---- keys without a value: no-default-alpn, ohttp ---- */

static bool nothing_fits(struct reader value)
{
    return reader_left(&value) == 0;
}

static bool nothing_parse(struct escaped text, struct writer *rdata)
{
    (void)rdata;
    return text.at == text.end;
}

static void nothing_print(struct reader value, struct buffer *text)
{
    (void)value, (void)text;
}

/* ---- keys that nobody knows ---- */

static bool opaque_fits(struct reader value)
{
    return !value.failed;
}

static void opaque_print(struct reader value, struct buffer *text)
{
    size_t length = reader_left(&value);

    if (length == 0)
        return;
    buffer_u8(text, '=');
    quoted_write(text, value.at, length);
}

/* ---- mandatory: a list of keys, ascending, without itself (section 8) ---- */

static bool mandatory_fits(struct reader value)
{
    unsigned last = SVCB_MANDATORY;

    if (reader_left(&value) == 0)
        return false;
    while (reader_left(&value) > 0) {
        unsigned key = reader_u16(&value);
        if (key <= last)
            return false;
        last = key;
    }
    return !value.failed;
}

/* Put the last of `count` keys at its place: people may write them in any order. */
static void sort_last(uint8_t *keys, size_t count)
{
    for (size_t i = count - 1; i > 0; i--) {
        uint8_t *pair = keys + 2 * (i - 1), later[2];
        if (memcmp(pair, pair + 2, 2) <= 0)
            return;
        memcpy(later, pair + 2, 2);
        memcpy(pair + 2, pair, 2);
        memcpy(pair, later, 2);
    }
}

/* The piece up to the next comma; false when there is none left. */
static bool next_piece(struct escaped *text, const char **piece, size_t *length)
{
    if (!text->at)
        return false;
    const char *comma = memchr(text->at, ',', (size_t)(text->end - text->at));
    *piece = text->at;
    *length = (size_t)((comma ? comma : text->end) - text->at);
    text->at = comma ? comma + 1 : NULL;
    return true;
}

static bool mandatory_parse(struct escaped text, struct writer *rdata)
{
    size_t mark = rdata->length, length, count = 0;
    const struct svcb_key *syntax;
    const char *piece;
    uint16_t key;

    while (next_piece(&text, &piece, &length)) {
        if (!svcb_key_from_text(piece, length, &key, &syntax))
            return false;
        writer_u16(rdata, key);
        if (rdata->failed)
            return true;
        sort_last(rdata->octets + mark, ++count);
    }
    return true;
}

static void mandatory_print(struct reader value, struct buffer *text)
{
    const char *separator = "=";

    while (reader_left(&value) > 0) {
        buffer_text(text, separator);
        svcb_key_to_text(text, reader_u16(&value));
        separator = ",";
    }
}

/* ---- alpn: protocol names, each after its length (section 7.1) ---- */

static bool alpn_fits(struct reader value)
{
    if (reader_left(&value) == 0)
        return false;
    while (reader_left(&value) > 0) {
        size_t length = reader_u8(&value);
        if (length == 0 || !reader_take(&value, length))
            return false;
    }
    return !value.failed;
}

/* End the protocol name that began at `mark` with room for its length. */
static bool alpn_end(struct writer *rdata, size_t mark)
{
    if (rdata->failed)
        return true;
    size_t length = rdata->length - mark - 1;
    rdata->octets[mark] = (uint8_t)length;
    return length >= 1 && length <= UINT8_MAX;
}

/*
 * Two layers of escapes (RFC 9460 appendix A.1): the text is a character-string; in what it stands
 * for, commas separate the names, and a backslash takes the meaning from a comma or a backslash.
 */
static bool alpn_parse(struct escaped text, struct writer *rdata)
{
    size_t mark = rdata->length;
    bool backslash = false;
    enum octet_kind kind;
    uint8_t octet;

    writer_u8(rdata, 0);
    while ((kind = escaped_next(&text, &octet)) != OCTET_NONE) {
        if (kind == OCTET_BAD || (backslash && octet != ',' && octet != '\\'))
            return false;
        if (!backslash && octet == '\\') {
            backslash = true;
            continue;
        }
        if (!backslash && octet == ',') {
            if (!alpn_end(rdata, mark))
                return false;
            mark = rdata->length;
            octet = 0;
        }
        writer_u8(rdata, octet);
        backslash = false;
    }
    return !backslash && alpn_end(rdata, mark);
}

static void alpn_print(struct reader value, struct buffer *text)
{
    const char *separator = "=\"";

    while (reader_left(&value) > 0) {
        size_t length = reader_u8(&value);
        const uint8_t *octets = reader_take(&value, length);
        buffer_text(text, separator);
        for (size_t i = 0; octets && i < length; i++) {
            if (octets[i] == ',' || octets[i] == '\\')
                buffer_text(text, "\\\\");
            quoted_octet(text, octets[i]);
        }
        separator = ",";
    }
    buffer_u8(text, '"');
}

/* ---- port ---- */

static bool port_fits(struct reader value)
{
    return reader_left(&value) == 2;
}

static bool port_parse(struct escaped text, struct writer *rdata)
{
    uint64_t port;

    if (!number_from_text(text.at, (size_t)(text.end - text.at), UINT16_MAX, &port))
        return false;
    writer_u16(rdata, (uint16_t)port);
    return true;
}

static void port_print(struct reader value, struct buffer *text)
{
    buffer_format(text, "=%u", reader_u16(&value));
}

/* ---- addresses (section 7.3) ---- */

static bool ip4s_fit(struct reader value)
{
    return reader_left(&value) > 0 && reader_left(&value) % 4 == 0;
}

static bool ip4s_parse(struct escaped text, struct writer *rdata)
{
    uint8_t octets[4];
    const char *piece;
    size_t length;

    while (next_piece(&text, &piece, &length)) {
        if (!ip4_from_text(piece, length, octets))
            return false;
        writer_add(rdata, octets, sizeof(octets));
    }
    return true;
}

static void ip4s_print(struct reader value, struct buffer *text)
{
    const uint8_t *octets;

    for (char separator = '='; (octets = reader_take(&value, 4)); separator = ',') {
        buffer_u8(text, (uint8_t)separator);
        ip4_to_text(text, octets);
    }
}

static bool ip6s_fit(struct reader value)
{
    return reader_left(&value) > 0 && reader_left(&value) % 16 == 0;
}

static bool ip6s_parse(struct escaped text, struct writer *rdata)
{
    uint8_t octets[16];
    const char *piece;
    size_t length;

    while (next_piece(&text, &piece, &length)) {
        if (!ip6_from_text(piece, length, octets))
            return false;
        writer_add(rdata, octets, sizeof(octets));
    }
    return true;
}

static void ip6s_print(struct reader value, struct buffer *text)
{
    const uint8_t *octets;

    for (char separator = '='; (octets = reader_take(&value, 16)); separator = ',') {
        buffer_u8(text, (uint8_t)separator);
        ip6_to_text(text, octets);
    }
}

/* ---- ech: octets in base64 (RFC 9848) ---- */

static bool ech_fits(struct reader value)
{
    return reader_left(&value) > 0;
}

static bool ech_parse(struct escaped text, struct writer *rdata)
{
    return base64_read(text.at, (size_t)(text.end - text.at), rdata) == RESULT_OK || rdata->failed;
}

static void ech_print(struct reader value, struct buffer *text)
{
    buffer_u8(text, '=');
    base64_write(text, value.at, reader_left(&value));
}

/* ---- dohpath: a relative URI template with the variable dns (RFC 9461 section 5) ---- */

/* Octets of the UTF-8 sequence that begins here (RFC 3629 section 4); 0 when it is none. */
static size_t utf8_sequence(const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t first, last; /* of the first octet */
        uint8_t low, high;   /* of the second */
        uint8_t length;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < COUNT(forms); i++) {
        if (at[0] < forms[i].first || at[0] > forms[i].last)
            continue;
        size_t length = forms[i].length;
        if (length > left || (length > 1 && (at[1] < forms[i].low || at[1] > forms[i].high)))
            return 0;
        for (size_t k = 2; k < length; k++)
            if ((at[k] & 0xc0) != 0x80)
                return 0;
        return length;
    }
    return 0;
}

static bool is_utf8(const uint8_t *at, size_t length)
{
    while (length > 0) {
        size_t sequence = utf8_sequence(at, length);
        if (sequence == 0)
            return false;
        at += sequence;
        length -= sequence;
    }
    return true;
}

/* Whether an expression, such as `?x,dns`, has the variable dns (RFC 6570 section 2.3). */
static bool expression_has_dns(const char *at, size_t length)
{
    struct escaped list = {.at = at, .end = at + length};
    const char *piece;
    size_t size;

    if (length > 0 && memchr("+#./;?&", *at, 7))
        list.at++;
    while (next_piece(&list, &piece, &size)) {
        const char *colon = memchr(piece, ':', size);
        if (colon)
            size = (size_t)(colon - piece);
        else if (size > 0 && piece[size - 1] == '*')
            size--;
        if (size == 3 && memcmp(piece, "dns", 3) == 0)
            return true;
    }
    return false;
}

static bool dohpath_fits(struct reader value)
{
    size_t length = reader_left(&value);
    const char *at = (const char *)value.at, *end = at + length;
    bool found = false;

    if (length == 0 || *at != '/' || !is_utf8(value.at, length))
        return false;
    while ((at = memchr(at, '{', (size_t)(end - at)))) {
        const char *close = memchr(at, '}', (size_t)(end - at));
        if (!close)
            return false;
        found = found || expression_has_dns(at + 1, (size_t)(close - at - 1));
        at = close + 1;
    }
    return found;
}

/* ---- the keys ---- */

static const struct svcb_key opaque = {
    "", "a wrong escape in the value of a service parameter, or one longer than 65535 octets",
    opaque_fits, escaped_write, opaque_print};

static const struct svcb_key keys[] = {
    [SVCB_MANDATORY] = {"mandatory", "`mandatory` wants a list of other keys, each of them once",
                        mandatory_fits, mandatory_parse, mandatory_print},
    [SVCB_ALPN] = {"alpn", "`alpn` wants a list of protocols of 1 to 255 octets, such as h2,h3",
                   alpn_fits, alpn_parse, alpn_print},
    [SVCB_NO_DEFAULT_ALPN] = {"no-default-alpn", "`no-default-alpn` has no value", nothing_fits,
                              nothing_parse, nothing_print},
    [SVCB_PORT] = {"port", "`port` wants a number from 0 to 65535", port_fits, port_parse,
                   port_print},
    [SVCB_IPV4HINT] = {"ipv4hint", "`ipv4hint` wants a list of IPv4 addresses", ip4s_fit,
                       ip4s_parse, ip4s_print},
    [SVCB_ECH] = {"ech", "`ech` wants octets in base64", ech_fits, ech_parse, ech_print},
    [SVCB_IPV6HINT] = {"ipv6hint", "`ipv6hint` wants a list of IPv6 addresses", ip6s_fit,
                       ip6s_parse, ip6s_print},
    [SVCB_DOHPATH] = {"dohpath", "`dohpath` wants a URI template such as /dns-query{?dns}",
                      dohpath_fits, escaped_write, opaque_print},
    [SVCB_OHTTP] = {"ohttp", "`ohttp` has no value", nothing_fits, nothing_parse, nothing_print},
};

const struct svcb_key *svcb_key(uint16_t key)
{
    return key < COUNT(keys) ? &keys[key] : &opaque;
}

bool svcb_key_from_text(const char *text, size_t length, uint16_t *key,
                        const struct svcb_key **syntax)
{
    uint64_t number;

    for (size_t i = 0; i < COUNT(keys); i++) {
        if (strlen(keys[i].name) == length && strncasecmp(text, keys[i].name, length) == 0) {
            *key = (uint16_t)i;
            *syntax = &keys[i];
            return true;
        }
    }
    /* Any key may be written as its number, without leading zeros (section 2.1). */
    if (length < 4 || strncasecmp(text, "key", 3) != 0 || (length > 4 && text[3] == '0') ||
        !number_from_text(text + 3, length - 3, UINT16_MAX, &number))
        return false;
    *key = (uint16_t)number;
    *syntax = &opaque;
    return true;
}

void svcb_key_to_text(struct buffer *text, uint16_t key)
{
    if (key < COUNT(keys))
        buffer_text(text, keys[key].name);
    else
        buffer_format(text, "key%u", key);
}
