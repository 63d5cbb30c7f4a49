/* name_text.c - domain names as people write and read them (RFC 1035 section 5.1). */
#include "avow/wire/name.h"

/* A name being put together from text. */
struct making {
    struct name *name;
    unsigned length; /* octets so far, the length octet of the open label included */
    unsigned label;  /* where the length octet of the open label stands */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Octets that `\X` or `\DDD` takes behind the backslash; 0 when it is neither. */
static size_t read_escape(const char *text, size_t left, uint8_t *octet)
{
    if (left == 0)
        return 0;
    if (!is_digit(text[0])) {
        *octet = (uint8_t)text[0];
        return 1;
    }
    if (left < 3 || !is_digit(text[1]) || !is_digit(text[2]))
        return 0;
    int value = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    if (value > 255)
        return 0;
    *octet = (uint8_t)value;
    return 3;
}

static enum result add_octet(struct making *making, uint8_t octet)
{
    if (making->length - making->label > NAME_MAX_LABEL_OCTETS)
        return RESULT_FORMAT;
    if (making->length == NAME_MAX_OCTETS)
        return RESULT_FULL;
    making->name->octets[making->length++] = octet;
    return RESULT_OK;
}

/* Close the open label and open the next, which becomes the root label if nothing follows. */
static enum result end_label(struct making *making)
{
    unsigned length = making->length - making->label - 1;

    if (length == 0)
        return RESULT_FORMAT;
    if (making->length == NAME_MAX_OCTETS)
        return RESULT_FULL;
    making->name->octets[making->label] = (uint8_t)length;
    making->name->labels++;
    making->label = making->length++;
    making->name->octets[making->label] = 0;
    return RESULT_OK;
}

static enum result add_text(struct making *making, const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        enum result result;
        uint8_t octet = (uint8_t)text[i++];
        if (octet == '.') {
            result = end_label(making);
        } else {
            if (octet == '\\') {
                size_t taken = read_escape(text + i, length - i, &octet);
                if (taken == 0)
                    return RESULT_FORMAT;
                i += taken;
            }
            result = add_octet(making, octet);
        }
        if (result)
            return result;
    }
    return RESULT_OK;
}

/* The text did not end in a dot: end its last label and put the origin in place of the root. */
static enum result add_origin(struct making *making, const struct name *origin)
{
    if (!origin)
        return RESULT_FORMAT;
    enum result result = end_label(making);
    if (result)
        return result;
    if (making->label + origin->length > NAME_MAX_OCTETS)
        return RESULT_FULL;
    memcpy(making->name->octets + making->label, origin->octets, origin->length);
    making->length = making->label + origin->length;
    making->name->labels = (uint8_t)(making->name->labels + origin->labels);
    return RESULT_OK;
}

enum result name_from_text(const char *text, size_t length, const struct name *origin,
                           struct name *name)
{
    struct making making = {.name = name, .length = 1};

    name_root(name);
    if (length == 0)
        return RESULT_FORMAT;
    if (length == 1 && text[0] == '.')
        return RESULT_OK;
    enum result result = add_text(&making, text, length);
    if (!result && making.length != making.label + 1)
        result = add_origin(&making, origin);
    name->length = (uint8_t)making.length;
    return result;
}

enum result name_from_string(const char *text, struct name *name)
{
    static const struct name root = {.length = 1};

    return name_from_text(text, strlen(text), &root, name);
}

/* Octets that mean something in a master file when they stand alone. */
static bool needs_backslash(uint8_t octet)
{
    return octet == '.' || octet == '\\' || octet == '"' || octet == ';' || octet == '(' ||
           octet == ')' || octet == '@' || octet == '$';
}

static char *put_octet(char *at, uint8_t octet)
{
    if (octet < 0x21 || octet > 0x7e) {
        *at++ = '\\';
        *at++ = (char)('0' + octet / 100);
        *at++ = (char)('0' + octet / 10 % 10);
        *at++ = (char)('0' + octet % 10);
        return at;
    }
    if (needs_backslash(octet))
        *at++ = '\\';
    *at++ = (char)octet;
    return at;
}

char *name_to_text(const struct name *name, char text[NAME_MAX_TEXT])
{
    char *at = text;

    if (name->labels == 0)
        *at++ = '.';
    for (const uint8_t *label = name->octets; *label != 0; label += *label + 1) {
        for (unsigned i = 1; i <= *label; i++)
            at = put_octet(at, label[i]);
        *at++ = '.';
    }
    *at = '\0';
    return text;
}
