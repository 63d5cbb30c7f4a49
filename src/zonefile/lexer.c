/* lexer.c - characters of a master file to words, each with line and column. */
#include "lexer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum class { PLAIN, BLANK, NEWLINE, COMMENT, QUOTE, OPEN, CLOSE, ESCAPE, NUL };

static const uint8_t classes[256] = {
    ['\0'] = NUL,    [' '] = BLANK, ['\t'] = BLANK, ['\r'] = BLANK, ['\n'] = NEWLINE,
    [';'] = COMMENT, ['"'] = QUOTE, ['('] = OPEN,   [')'] = CLOSE,  ['\\'] = ESCAPE,
};

enum result lexer_open(struct lexer *lexer, struct source source)
{
    *lexer = (struct lexer){.source = source, .line = 1};
    lexer->window = malloc(LEXER_WINDOW + 1);
    if (!lexer->window)
        return RESULT_SYSTEM;
    lexer->capacity = LEXER_WINDOW;
    lexer->window[0] = '\0';
    lexer->at = lexer->end = lexer->word = lexer->window;
    return RESULT_OK;
}

void lexer_over(struct lexer *lexer, const uint8_t *text, size_t length)
{
    *lexer = (struct lexer){.source = {.descriptor = -1},
                            .window = (uint8_t *)text, /* never written: capacity is 0 */
                            .at = text,
                            .end = text + length,
                            .word = text,
                            .line = 1,
                            .dry = true};
}

void lexer_close(struct lexer *lexer)
{
    if (lexer->capacity)
        free(lexer->window);
    if (lexer->source.descriptor >= 0)
        close(lexer->source.descriptor);
    *lexer = (struct lexer){.source = {.descriptor = -1}};
}

uint64_t lexer_octets(const struct lexer *lexer)
{
    return lexer->offset + (uint64_t)(lexer->end - lexer->window);
}

/* ---- the window ---------------------------------------------------------------------------- */

/* Move the window so that it begins at `keep`, which is not behind `at` nor the word. */
static void move_window(struct lexer *lexer, const uint8_t *keep)
{
    size_t gone = (size_t)(keep - lexer->window);

    if (gone == 0)
        return;
    memmove(lexer->window, keep, (size_t)(lexer->end - keep) + 1);
    lexer->at -= gone;
    lexer->end -= gone;
    lexer->word -= gone;
    lexer->offset += gone;
}

/* Read more behind what is kept. False when nothing came: end, failure, or the window is full. */
static bool read_more(struct lexer *lexer)
{
    size_t used = (size_t)(lexer->end - lexer->window);

    if (lexer->dry || used == lexer->capacity)
        return false;
    ssize_t length = source_read(&lexer->source, lexer->window + used, lexer->capacity - used);
    if (length <= 0) {
        lexer->dry = true;
        lexer->error = length < 0 ? errno : 0;
        return false;
    }
    lexer->end += length;
    lexer->window[used + (size_t)length] = '\0';
    return true;
}

/* More text inside a word, with the beginning of its line as long as that is short. */
static bool more_of_word(struct lexer *lexer)
{
    const uint8_t *keep = lexer->word;

    if (lexer->dry)
        return false;
    if (lexer->line_offset >= lexer->offset) {
        const uint8_t *line = lexer->window + (lexer->line_offset - lexer->offset);
        if (line <= keep && keep - line <= LEXER_EXCERPT)
            keep = line;
    }
    move_window(lexer, keep);
    return read_more(lexer);
}

/* More text between words. */
static bool more(struct lexer *lexer)
{
    lexer->word = lexer->at;
    return more_of_word(lexer);
}

/* Between records: have enough in the window that a usual record needs no further look. */
static void look_ahead(struct lexer *lexer)
{
    if (lexer->dry || lexer->end - lexer->at >= LEXER_AHEAD)
        return;
    lexer->word = lexer->at;
    move_window(lexer, lexer->at);
    while (lexer->end - lexer->at < LEXER_AHEAD && read_more(lexer))
        ;
}

/* ---- places -------------------------------------------------------------------------------- */

static uint64_t offset_of(const struct lexer *lexer, const uint8_t *at)
{
    return lexer->offset + (uint64_t)(at - lexer->window);
}

static struct spot spot_at(const struct lexer *lexer, const uint8_t *at, size_t width)
{
    uint64_t column = offset_of(lexer, at) - lexer->line_offset + 1;

    return (struct spot){.line_offset = lexer->line_offset,
                         .line = lexer->line,
                         .column = column > UINT32_MAX ? UINT32_MAX : (uint32_t)column,
                         .width = width > UINT32_MAX ? UINT32_MAX : (uint32_t)width};
}

/* Step over the newline at hand. */
static void step_line(struct lexer *lexer)
{
    lexer->at++;
    if (lexer->line < UINT32_MAX)
        lexer->line++;
    lexer->line_offset = offset_of(lexer, lexer->at);
}

static enum lexeme bad(struct lexer *lexer, const char *what)
{
    lexer->spot = spot_at(lexer, lexer->at, 1);
    lexer->what = what;
    lexer->ended = true;
    return LEXEME_BAD;
}

static enum lexeme end_record(struct lexer *lexer)
{
    lexer->spot = spot_at(lexer, lexer->at, 1);
    lexer->what = NULL;
    lexer->ended = true;
    return LEXEME_END;
}

/* ---- words --------------------------------------------------------------------------------- */

/* To the end of the line; the newline itself stays. A comment is never kept in the window. */
static void skip_comment(struct lexer *lexer)
{
    for (;;) {
        const uint8_t *newline = memchr(lexer->at, '\n', (size_t)(lexer->end - lexer->at));
        lexer->at = newline ? newline : lexer->end;
        if (newline || !more(lexer))
            return;
    }
}

/* Step over a backslash and the octet behind it. False at the end of the line or of the file. */
static bool step_escape(struct lexer *lexer)
{
    if (lexer->at + 1 == lexer->end && !more_of_word(lexer))
        return false;
    if (lexer->at[1] == '\n' || lexer->at[1] == '\r' || lexer->at[1] == '\0')
        return false;
    lexer->at += 2;
    return true;
}

/* From behind an opening quote to the closing one, where `at` is left. NULL, or what is wrong. */
static const char *scan_quoted(struct lexer *lexer)
{
    for (;;) {
        while (*lexer->at != '"' && *lexer->at != '\\' && *lexer->at != '\n' && *lexer->at != '\0')
            lexer->at++;
        if (*lexer->at == '"')
            return NULL;
        if (lexer->at - lexer->word > LEXER_LONGEST)
            return "this text is longer than any field of a record can be";
        if (*lexer->at == '\\') {
            if (!step_escape(lexer))
                return "a backslash needs a character behind it on the same line";
            continue;
        }
        if (lexer->at < lexer->end && *lexer->at == '\0')
            return "a NUL octet cannot stand in a zone file; write \\000";
        if (*lexer->at == '\n' || !more_of_word(lexer))
            return "the quotes are not closed on the same line";
    }
}

static enum lexeme take_quoted(struct lexer *lexer)
{
    lexer->word = ++lexer->at;
    const char *what = scan_quoted(lexer);
    if (what) {
        /* What was begun is what should be looked at. */
        enum lexeme lexeme = bad(lexer, what);
        lexer->spot = spot_at(lexer, lexer->word - 1, 1);
        return lexeme;
    }
    lexer->word_length = (size_t)(lexer->at - lexer->word);
    lexer->spot = spot_at(lexer, lexer->word - 1, lexer->word_length + 2);
    lexer->at++;
    return LEXEME_QUOTED;
}

/* What to do at the first octet that is not plain. True: the word goes on. */
static bool word_goes_on(struct lexer *lexer)
{
    switch (classes[*lexer->at]) {
    case ESCAPE:
        if (!step_escape(lexer)) {
            (void)bad(lexer, "a backslash needs a character behind it on the same line");
            return false;
        }
        return true;
    case QUOTE: /* key="value" of SVCB is one word (RFC 9460 section 2.1) */
        if (lexer->at == lexer->word || lexer->at[-1] != '=')
            return false;
        lexer->at++;
        const char *what = scan_quoted(lexer);
        if (what) {
            (void)bad(lexer, what);
            return false;
        }
        lexer->at++;
        return true;
    case NUL:
        return lexer->at == lexer->end && more_of_word(lexer);
    default:
        return false;
    }
}

static enum lexeme take_word(struct lexer *lexer)
{
    lexer->word = lexer->at;
    do {
        const uint8_t *at = lexer->at;
        while (classes[*at] == PLAIN)
            at++;
        lexer->at = at;
        if (at - lexer->word > LEXER_LONGEST)
            return bad(lexer, "this text is longer than any field of a record can be");
    } while (word_goes_on(lexer));
    if (lexer->ended)
        return LEXEME_BAD;
    lexer->word_length = (size_t)(lexer->at - lexer->word);
    lexer->spot = spot_at(lexer, lexer->word, lexer->word_length);
    return LEXEME_WORD;
}

static enum lexeme take_end_of_file(struct lexer *lexer)
{
    if (lexer->depth == 0)
        return end_record(lexer);
    enum lexeme lexeme = bad(lexer, "this parenthesis is never closed");
    lexer->spot = lexer->opened;
    return lexeme;
}

static void open_parenthesis(struct lexer *lexer)
{
    if (lexer->depth++ == 0)
        lexer->opened = spot_at(lexer, lexer->at, 1);
    lexer->at++;
}

enum lexeme lexer_next(struct lexer *lexer)
{
    if (lexer->ended)
        return lexer->what ? LEXEME_BAD : LEXEME_END;
    for (;;) {
        switch (classes[*lexer->at]) {
        case BLANK:
            lexer->at++;
            break;
        case NEWLINE:
            if (lexer->depth == 0)
                return end_record(lexer);
            step_line(lexer);
            break;
        case COMMENT:
            skip_comment(lexer);
            break;
        case OPEN:
            open_parenthesis(lexer);
            break;
        case CLOSE:
            if (lexer->depth == 0)
                return bad(lexer, "this parenthesis was never opened");
            lexer->depth--;
            lexer->at++;
            break;
        case QUOTE:
            return take_quoted(lexer);
        case NUL:
            if (lexer->at < lexer->end)
                return bad(lexer, "a NUL octet cannot stand in a zone file; write \\000");
            if (!more(lexer))
                return take_end_of_file(lexer);
            break;
        default:
            return take_word(lexer);
        }
    }
}

/* ---- records ------------------------------------------------------------------------------- */

/* Over blanks; true when there is something of a record behind them on this line. */
static bool skip_blanks(struct lexer *lexer)
{
    for (;;) {
        while (classes[*lexer->at] == BLANK)
            lexer->at++;
        if (lexer->at == lexer->end && more(lexer))
            continue;
        return lexer->at < lexer->end && *lexer->at != '\n' && *lexer->at != ';';
    }
}

enum opening lexer_begin(struct lexer *lexer)
{
    lexer->ended = false;
    lexer->what = NULL;
    lexer->depth = 0;
    for (;;) {
        look_ahead(lexer);
        if (lexer->at == lexer->end)
            return OPENING_NONE;
        if (*lexer->at == '\n') {
            step_line(lexer);
        } else if (*lexer->at == ';') {
            skip_comment(lexer);
        } else if (lexer->line_offset == offset_of(lexer, lexer->at) &&
                   classes[*lexer->at] != BLANK) {
            return OPENING_OWNER;
        } else if (skip_blanks(lexer)) {
            return OPENING_BLANK;
        }
    }
}

bool lexer_skip(struct lexer *lexer)
{
    /* `ended` and `what` stay as they are only when the record came to its proper end. */
    while (!lexer->ended || lexer->what) {
        if (lexer->ended && lexer->at == lexer->end && lexer->dry)
            return true; /* the file ended in a failure that was told already */
        if (lexer->ended && lexer->at < lexer->end && *lexer->at != '\n')
            lexer->at++; /* over what was bad */
        lexer->ended = false;
        lexer->what = NULL;
        enum lexeme lexeme = lexer_next(lexer);
        if (lexeme == LEXEME_BAD && lexer->at == lexer->end && lexer->depth > 0)
            return false;
    }
    return true;
}

const char *lexer_excerpt(const struct lexer *lexer, const struct spot *spot, char *excerpt,
                          size_t size)
{
    if (spot->line_offset < lexer->offset || spot->column >= size)
        return NULL;
    const uint8_t *at = lexer->window + (spot->line_offset - lexer->offset);
    size_t length = 0;
    while (at < lexer->end && *at != '\n' && length + 1 < size) {
        uint8_t octet = *at++;
        bool control = (octet < 0x20 && octet != '\t') || octet == 0x7f;
        excerpt[length++] = (char)(control ? '?' : octet);
    }
    if (length && excerpt[length - 1] == '?' && at[-1] == '\r')
        length--;
    excerpt[length] = '\0';
    return excerpt;
}
