/*
 * parsing.h - the parser's state, shared by the files that make it up.
 */
#ifndef ZONEFILE_PARSING_H
#define ZONEFILE_PARSING_H

#include "avow/base/buffer.h"
#include "avow/wire/rdata.h"
#include "avow/zonefile/parser.h"
#include "lexer.h"

enum keyword_kind { KEYWORD_NONE, KEYWORD_CLASS, KEYWORD_TYPE };

/* A class or type seen before: a zone has few of them, and looking one up costs more than reading
 * the rest of the line. */
struct keyword {
    uint64_t text; /* up to eight characters, upper case */
    uint16_t kind;
    uint16_t value;
};

enum { KEYWORD_SLOTS = 256 };

/* What the owner of a record that names none would be. */
enum owner_state {
    OWNER_NONE,
    OWNER_GOOD,
    OWNER_BAD /* it was complained of: its other records are stepped over without a word */
};

struct zonefile_parser {
    const struct zonefile_options *options;
    struct zonefile_limits limits; /* with the defaults filled in */
    struct lexer *lexer;           /* of the file that is being read */
    struct spot begun;             /* first word of the record at hand */
    enum result stopped;           /* what ended everything before the end of the text */
    bool called_off;               /* ... and it was the callback */

    struct name origin; /* length 0: none yet */
    struct name owners[2];
    unsigned owner; /* which of them is the current one; the other is room for the next */
    enum owner_state owner_state;
    bool same_owner;

    bool has_default_ttl, has_last_ttl, has_minimum_ttl;
    uint32_t default_ttl, last_ttl, minimum_ttl;

    int folder; /* of the zone file; -1 until an $INCLUDE asks */
    uint16_t file;
    uint32_t depth;
    uint64_t generated;
    const uint32_t *generating; /* the value of $GENERATE at hand; NULL outside */

    uint32_t warnings;
    struct zonefile_files files;
    struct zonefile_totals totals;
    struct keyword keywords[KEYWORD_SLOTS];
    uint8_t rdata[RDATA_MAX_OCTETS];
};

/* What stands between owner and RDATA. */
struct fields {
    uint16_t type;
    bool has_class, has_ttl;
    uint16_t class_;
    uint32_t ttl;
};

/*
 * The functions below return RESULT_OK, or RESULT_FORMAT after they have complained of the record
 * at hand, or another result that ends the parsing.
 */

/* Complain of a place in the file at hand; returns RESULT_FORMAT for an error. */
enum result parsing_complain(struct zonefile_parser *parser, const struct spot *spot,
                             enum complaint_weight weight, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* The next word; an error, which says what should stand there, when the record is at its end. */
MUST_CHECK enum result parsing_word(struct zonefile_parser *parser, struct lexer *lexer,
                                    const char *wanted, struct token *token);

/* Nothing more may follow. */
MUST_CHECK enum result parsing_end(struct zonefile_parser *parser, struct lexer *lexer);

/* TTL, class and type in any order, the type last. */
MUST_CHECK enum result parsing_fields(struct zonefile_parser *parser, struct lexer *lexer,
                                      struct fields *fields);

/* Make a text the current owner. */
MUST_CHECK enum result parsing_owner(struct zonefile_parser *parser, const struct token *token,
                                     const struct spot *spot);

/* A name in a directive. */
MUST_CHECK enum result parsing_name(struct zonefile_parser *parser, const struct token *token,
                                    const struct spot *spot, struct name *name);

/* Read a TTL; `fields` names what it belongs to in complaints. */
MUST_CHECK enum result parsing_ttl(struct zonefile_parser *parser, const struct token *token,
                                   const struct spot *spot, uint32_t *ttl);

/* RDATA from the lexer's words, then the callback. */
MUST_CHECK enum result parsing_record(struct zonefile_parser *parser, struct lexer *lexer,
                                      const struct fields *fields);

/* Read all of an opened file or memory, which is closed; the file number is already set. */
MUST_CHECK enum result parsing_source(struct zonefile_parser *parser, struct source source);

/* Note the name of one more file; `number` receives its number. */
MUST_CHECK enum result parsing_add_file(struct zonefile_parser *parser, const char *name,
                                        uint16_t *number);

/* A `$` in the first column (directive.c). */
MUST_CHECK enum result parsing_directive(struct zonefile_parser *parser, const struct token *token);

/* What a person wrote, cut and made printable, to be quoted in a complaint. */
struct shown {
    char text[64];
};
const char *parsing_show(struct shown *shown, const struct token *token);

#endif
