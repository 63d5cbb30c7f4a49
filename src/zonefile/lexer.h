/*
 * lexer.h - characters of a master file to words, each with line and column.
 *
 * Text is read through a window, so that memory does not depend on the size of the file. A word is
 * a piece of that window and valid until the next call. The octet behind the window's text is NUL,
 * which ends every scan: no inner loop compares with the end.
 */
#ifndef ZONEFILE_LEXER_H
#define ZONEFILE_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"
#include "source.h"

enum {
    LEXER_WINDOW = 512 * 1024,
    LEXER_AHEAD = 64 * 1024,    /* in the window when a record begins: whole lines for complaints */
    LEXER_LONGEST = 300 * 1024, /* 65535 octets as \DDD need 262140 characters */
    LEXER_EXCERPT = 4 * 1024    /* of a line kept before a word when the window moves */
};

enum lexeme {
    LEXEME_WORD,
    LEXEME_QUOTED, /* without its quotes; escapes are still in it, as in a word */
    LEXEME_END,    /* of the record; also at the end of the file */
    LEXEME_BAD     /* `what` tells; the rest of the record must be skipped */
};

/* How a record begins. */
enum opening {
    OPENING_OWNER, /* with a word in the first column */
    OPENING_BLANK, /* with a blank: its owner is the one before */
    OPENING_NONE   /* there is none: end of the file, or reading failed */
};

/* A place in the text. */
struct spot {
    uint64_t line_offset; /* of the line's first octet, counted from the start of the text */
    uint32_t line;
    uint32_t column;
    uint32_t width;
};

struct lexer {
    struct source source;
    uint8_t *window; /* the text at hand and a NUL */
    size_t capacity; /* 0 when the window is somebody else's whole text */
    const uint8_t *at;
    const uint8_t *end;  /* of the text at hand: where the NUL is */
    const uint8_t *word; /* begun or finished last */
    size_t word_length;
    uint64_t offset;      /* of the window's first octet */
    uint64_t line_offset; /* of the current line's first octet */
    uint32_t line;
    uint32_t depth;     /* parentheses that are open */
    struct spot opened; /* the outermost of them */
    struct spot spot;   /* of the last lexeme */
    bool dry;           /* the source has no more */
    bool ended;         /* the record at hand has ended or failed */
    int error;          /* errno of a failed read, 0 */
    const char *what;   /* sentence for LEXEME_BAD */
};

/* Begin with a file or memory. RESULT_SYSTEM without memory. */
MUST_CHECK enum result lexer_open(struct lexer *lexer, struct source source);

/* Begin with a text that stays where it is and is followed by a NUL. Nothing to close. */
void lexer_over(struct lexer *lexer, const uint8_t *text, size_t length);

/* Give the window back; the source's descriptor is closed. */
void lexer_close(struct lexer *lexer);

/* Step to the next record, over empty lines and comments. */
enum opening lexer_begin(struct lexer *lexer);

/* The next word of the record; after LEXEME_END and LEXEME_BAD the same again. */
enum lexeme lexer_next(struct lexer *lexer);

/* Step over the rest of the record, whatever it is. False, with `spot` and `what`, when the file
 * ends inside parentheses. */
bool lexer_skip(struct lexer *lexer);

/* Copy the line of a spot, made printable, if it is still at hand and the spot is in its first
 * part. Returns excerpt or NULL. */
const char *lexer_excerpt(const struct lexer *lexer, const struct spot *spot, char *excerpt,
                          size_t size);

/* Octets of text that were read so far. */
uint64_t lexer_octets(const struct lexer *lexer);

#endif
