/* input.c - the tokens of one record: numbers and escapes in them. */
#include <string.h>
#include <strings.h>

#include "field.h"

bool input_next(struct input *input)
{
    if (input->held) {
        input->held = false;
        return true;
    }
    if (input->ended)
        return false;
    input->ended = !input->tokens->next(input->tokens->context, &input->token);
    return !input->ended;
}

bool input_need(struct input *input)
{
    return input_next(input) || input_refuse(input, "the record ends too early");
}

void input_hold(struct input *input)
{
    input->held = true;
}

bool input_refuse(struct input *input, const char *what)
{
    input->tokens->what = what;
    return false;
}

bool input_is(const struct input *input, const char *word)
{
    return !input->token.quoted && strlen(word) == input->token.length &&
           strncasecmp(input->token.text, word, input->token.length) == 0;
}

bool number_from_text(const char *text, size_t length, uint64_t most, uint64_t *value)
{
    uint64_t number = 0;

    if (length == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text[i] - '0');
        if (number > most)
            return false;
    }
    *value = number;
    return true;
}

bool input_number(struct input *input, uint32_t most, uint32_t *value)
{
    uint64_t number;

    if (!input_need(input))
        return false;
    if (!number_from_text(input->token.text, input->token.length, most, &number))
        return input_refuse(input, most <= UINT8_MAX    ? "a number from 0 to 255 is wanted"
                                   : most <= UINT16_MAX ? "a number from 0 to 65535 is wanted"
                                                        : "a number of 32 bits is wanted");
    *value = (uint32_t)number;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum octet_kind escaped_next(struct escaped *text, uint8_t *octet)
{
    if (text->at == text->end)
        return OCTET_NONE;
    *octet = (uint8_t)*text->at++;
    if (*octet != '\\')
        return OCTET_PLAIN;
    if (text->at == text->end)
        return OCTET_BAD;
    if (!is_digit(*text->at)) {
        *octet = (uint8_t)*text->at++;
        return OCTET_ESCAPED;
    }
    uint64_t value;
    if (text->end - text->at < 3 || !number_from_text(text->at, 3, UINT8_MAX, &value))
        return OCTET_BAD;
    text->at += 3;
    *octet = (uint8_t)value;
    return OCTET_ESCAPED;
}

bool escaped_write(struct escaped text, struct writer *octets)
{
    size_t length = (size_t)(text.end - text.at);
    uint8_t octet;
    enum octet_kind kind;

    if (length == 0)
        return true;
    if (!memchr(text.at, '\\', length)) {
        writer_add(octets, text.at, length);
        return true;
    }
    while ((kind = escaped_next(&text, &octet)) != OCTET_NONE) {
        if (kind == OCTET_BAD)
            return false;
        writer_u8(octets, octet);
    }
    return true;
}

void quoted_octet(struct buffer *text, uint8_t octet)
{
    if (octet == '"' || octet == '\\')
        buffer_u8(text, '\\');
    if (octet >= 0x20 && octet < 0x7f) {
        buffer_u8(text, octet);
        return;
    }
    uint8_t digits[4] = {'\\', (uint8_t)('0' + octet / 100), (uint8_t)('0' + octet / 10 % 10),
                         (uint8_t)('0' + octet % 10)};
    buffer_add(text, digits, sizeof(digits));
}

void quoted_write(struct buffer *text, const uint8_t *octets, size_t length)
{
    buffer_u8(text, '"');
    for (size_t i = 0; i < length; i++)
        quoted_octet(text, octets[i]);
    buffer_u8(text, '"');
}
