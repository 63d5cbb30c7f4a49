/* words.h - one record's text cut into tokens, for tests of what is below the zone file's lexer. */
#ifndef TESTS_UNIT_WORDS_H
#define TESTS_UNIT_WORDS_H

#include <stdbool.h>
#include <string.h>

#include "avow/wire/rdata.h"

struct words {
    const char *at;
    const char *end;
};

/* Over text of which there may be none at all. */
static inline struct words words_over(const void *text, size_t length)
{
    const char *at = length ? text : "";
    return (struct words){.at = at, .end = at + length};
}

static inline const char *words_quote_end(const char *at, const char *end)
{
    while (at < end && *at != '"')
        at += *at == '\\' && end - at > 1 ? 2 : 1;
    return at;
}

/* Blanks part words; quotes at the beginning make a quoted one, elsewhere they hide blanks. */
static inline bool words_next(void *context, struct token *token)
{
    struct words *words = context;
    const char *at = words->at, *end = words->end;

    while (at < end && (*at == ' ' || *at == '\n'))
        at++;
    if (at == end)
        return false;
    token->quoted = *at == '"';
    token->text = at + token->quoted;
    if (token->quoted) {
        at = words_quote_end(token->text, end);
        token->length = (size_t)(at - token->text);
        words->at = at < end ? at + 1 : end;
        return true;
    }
    while (at < end && *at != ' ' && *at != '\n') {
        if (*at == '"')
            at = words_quote_end(at + 1, end);
        if (at < end)
            at += *at == '\\' && end - at > 1 ? 2 : 1;
    }
    token->length = (size_t)(at - token->text);
    words->at = at;
    return true;
}

#endif
