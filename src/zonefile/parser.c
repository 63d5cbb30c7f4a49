/* parser.c - master files to records, one callback per record. */
#include "avow/zonefile/parser.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parsing.h"

/* ---- words --------------------------------------------------------------------------------- */

static enum result complain_of_lexeme(struct zonefile_parser *parser, const struct lexer *lexer)
{
    return parsing_complain(parser, &lexer->spot, COMPLAINT_ERROR, "%s", lexer->what);
}

static struct token token_of(const struct lexer *lexer, enum lexeme lexeme)
{
    return (struct token){.text = (const char *)lexer->word,
                          .length = lexer->word_length,
                          .quoted = lexeme == LEXEME_QUOTED};
}

enum result parsing_word(struct zonefile_parser *parser, struct lexer *lexer, const char *wanted,
                         struct token *token)
{
    enum lexeme lexeme = lexer_next(lexer);

    *token = (struct token){.text = ""};
    if (lexeme == LEXEME_BAD)
        return complain_of_lexeme(parser, lexer);
    if (lexeme == LEXEME_END)
        return parsing_complain(parser, &lexer->spot, COMPLAINT_ERROR,
                                "the line ends here, but %s is missing", wanted);
    *token = token_of(lexer, lexeme);
    return RESULT_OK;
}

enum result parsing_end(struct zonefile_parser *parser, struct lexer *lexer)
{
    struct shown shown;
    enum lexeme lexeme = lexer_next(lexer);

    if (lexeme == LEXEME_END)
        return RESULT_OK;
    if (lexeme == LEXEME_BAD)
        return complain_of_lexeme(parser, lexer);
    struct token token = token_of(lexer, lexeme);
    return parsing_complain(parser, &lexer->spot, COMPLAINT_ERROR, "'%s' is one field too many",
                            parsing_show(&shown, &token));
}

/* ---- names --------------------------------------------------------------------------------- */

/* The usual case, without escapes. False when it is anything else, good or bad. */
static bool plain_name(const struct token *token, const struct name *origin, struct name *name)
{
    const uint8_t *text = (const uint8_t *)token->text;
    uint8_t *label = name->octets, *out = label + 1;
    unsigned labels = 0;

    if (token->length + 1 + origin->length > NAME_MAX_OCTETS || token->length == 0)
        return false;
    for (size_t i = 0; i < token->length; i++) {
        if (text[i] == '\\')
            return false;
        if (text[i] != '.') {
            *out++ = text[i];
            continue;
        }
        if (out - label - 1 < 1 || out - label - 1 > NAME_MAX_LABEL_OCTETS)
            return false;
        *label = (uint8_t)(out - label - 1);
        label = out++;
        labels++;
    }
    if (out == label + 1) { /* ended in a dot */
        *label = 0;
    } else {
        if (out - label - 1 > NAME_MAX_LABEL_OCTETS || origin->length == 0)
            return false;
        *label = (uint8_t)(out - label - 1);
        memcpy(out, origin->octets, origin->length);
        out += origin->length;
        labels += 1u + origin->labels;
    }
    name->length = (uint8_t)(out - name->octets);
    name->labels = (uint8_t)labels;
    return true;
}

static const struct name *origin_of(const struct zonefile_parser *parser)
{
    return parser->origin.length ? &parser->origin : NULL;
}

static enum result complain_of_name(struct zonefile_parser *parser, const struct token *token,
                                    const struct spot *spot, enum result result)
{
    struct shown shown;
    const char *why = "a label is empty or longer than 63 octets, or an escape is neither \\X "
                      "nor \\DDD up to 255";

    if (result == RESULT_FULL)
        why = "it is longer than 255 octets";
    else if (!parser->origin.length && token->length && token->text[token->length - 1] != '.')
        why = "it is relative, but no $ORIGIN was given";
    return parsing_complain(parser, spot, COMPLAINT_ERROR, "'%s' is no name: %s",
                            parsing_show(&shown, token), why);
}

enum result parsing_name(struct zonefile_parser *parser, const struct token *token,
                         const struct spot *spot, struct name *name)
{
    if (plain_name(token, &parser->origin, name)) {
        if (token->length > 1 || (token->text[0] != '@' && token->text[0] != '.'))
            return RESULT_OK;
    }
    if (token->length == 1 && token->text[0] == '@' && !token->quoted && parser->origin.length) {
        name_copy(name, &parser->origin);
        return RESULT_OK;
    }
    enum result result = name_from_text(token->text, token->length, origin_of(parser), name);
    return result ? complain_of_name(parser, token, spot, result) : RESULT_OK;
}

enum result parsing_owner(struct zonefile_parser *parser, const struct token *token,
                          const struct spot *spot)
{
    struct name *next = &parser->owners[1 - parser->owner];
    const struct name *last = &parser->owners[parser->owner];
    const struct zonefile_options *options = parser->options;
    enum owner_state before = parser->owner_state;
    struct shown shown;

    parser->owner_state = OWNER_BAD;
    enum result result = parsing_name(parser, token, spot, next);
    if (result)
        return result;
    parser->same_owner = before == OWNER_GOOD && next->length == last->length &&
                         memcmp(next->octets, last->octets, next->length) == 0;
    if (!parser->same_owner) {
        if (options->zone && !options->any_owner && !name_is_within(next, options->zone)) {
            char zone[NAME_MAX_TEXT];
            return parsing_complain(parser, spot, COMPLAINT_ERROR,
                                    "'%s' is outside the zone %.200s", parsing_show(&shown, token),
                                    name_to_text(options->zone, zone));
        }
        parser->owner = 1 - parser->owner;
    }
    parser->owner_state = OWNER_GOOD;
    return RESULT_OK;
}

/* ---- TTL, class and type ------------------------------------------------------------------- */

enum result parsing_ttl(struct zonefile_parser *parser, const struct token *token,
                        const struct spot *spot, uint32_t *ttl)
{
    struct shown shown;
    enum result result = ttl_from_text(token->text, token->length, ttl);

    if (result)
        return parsing_complain(parser, spot, COMPLAINT_ERROR,
                                "'%s' is no TTL: write seconds up to 2147483647, or numbers "
                                "with w, d, h, m, s",
                                parsing_show(&shown, token));
    if (*ttl > INT32_MAX) {
        *ttl = 0;
        return parsing_complain(parser, spot, COMPLAINT_WARNING,
                                "the TTL '%s' is above 2147483647 and taken as 0 (RFC 2181 "
                                "section 8)",
                                parsing_show(&shown, token));
    }
    return RESULT_OK;
}

/* Up to eight characters in upper case; 0 when there are more. */
static uint64_t pack(const struct token *token)
{
    uint64_t packed = 0;

    if (token->length > 8)
        return 0;
    for (size_t i = 0; i < token->length; i++) {
        uint8_t c = (uint8_t)token->text[i];
        packed = packed << 8 | (c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
    }
    return packed;
}

static struct keyword look_up(const struct token *token)
{
    uint16_t value;

    if (!class_from_text(token->text, token->length, &value) && value != CLASS_ANY &&
        value != CLASS_NONE)
        return (struct keyword){.kind = KEYWORD_CLASS, .value = value};
    if (!type_from_text(token->text, token->length, &value))
        return (struct keyword){.kind = KEYWORD_TYPE, .value = value};
    return (struct keyword){.kind = KEYWORD_NONE};
}

static struct keyword keyword_of(struct zonefile_parser *parser, const struct token *token)
{
    uint64_t packed = token->quoted ? 0 : pack(token);

    if (packed == 0)
        return look_up(token);
    struct keyword *slot = &parser->keywords[(packed * 0x9e3779b97f4a7c15u) >> 56];
    if (slot->text != packed) {
        *slot = look_up(token);
        slot->text = packed;
    }
    return *slot;
}

static enum result take_class(struct zonefile_parser *parser, const struct lexer *lexer,
                              uint16_t class_, struct fields *fields)
{
    char text[TYPE_MAX_TEXT];
    uint16_t wanted = parser->options->class_ ? parser->options->class_ : CLASS_IN;

    if (fields->has_class)
        return parsing_complain(parser, &lexer->spot, COMPLAINT_ERROR, "the class is given twice");
    if (class_ != wanted)
        return parsing_complain(parser, &lexer->spot, COMPLAINT_ERROR,
                                "the zone is of class %s; all its records are",
                                class_to_text(wanted, text));
    fields->has_class = true;
    fields->class_ = class_;
    return RESULT_OK;
}

static enum result take_type(struct zonefile_parser *parser, const struct lexer *lexer,
                             const struct token *token, uint16_t type, struct fields *fields)
{
    struct shown shown;

    if (type_is_meta(type))
        return parsing_complain(parser, &lexer->spot, COMPLAINT_ERROR,
                                "'%s' is for queries and messages; a zone cannot hold it",
                                parsing_show(&shown, token));
    fields->type = type;
    return RESULT_OK;
}

/* One word of the three; `fields->type` is set by the last. */
static enum result take_field(struct zonefile_parser *parser, const struct lexer *lexer,
                              const struct token *token, struct fields *fields)
{
    struct shown shown;

    if (token->length && token->text[0] >= '0' && token->text[0] <= '9' && !fields->has_ttl) {
        fields->has_ttl = true;
        return parsing_ttl(parser, token, &lexer->spot, &fields->ttl);
    }
    struct keyword keyword = keyword_of(parser, token);
    if (keyword.kind == KEYWORD_CLASS)
        return take_class(parser, lexer, keyword.value, fields);
    if (keyword.kind == KEYWORD_TYPE)
        return take_type(parser, lexer, token, keyword.value, fields);
    return parsing_complain(parser, &lexer->spot, COMPLAINT_ERROR,
                            "'%s' is neither a record type nor a class%s (unknown types are "
                            "written TYPE and their number)",
                            parsing_show(&shown, token), fields->has_ttl ? "" : " nor a TTL");
}

enum result parsing_fields(struct zonefile_parser *parser, struct lexer *lexer,
                           struct fields *fields)
{
    *fields = (struct fields){.type = TYPE_NONE};
    while (fields->type == TYPE_NONE) {
        struct token token;
        enum result result = parsing_word(parser, lexer, "the record's type", &token);
        if (!result)
            result = take_field(parser, lexer, &token, fields);
        if (result)
            return result;
    }
    return RESULT_OK;
}

/* ---- records ------------------------------------------------------------------------------- */

/* The last field of a SOA, which rdata_from_tokens has checked (RFC 1035 section 3.3.13). */
static void note_soa(struct zonefile_parser *parser, const uint8_t *rdata, size_t length)
{
    if (parser->totals.apex.length == 0)
        name_copy(&parser->totals.apex, &parser->owners[parser->owner]);
    if (parser->has_minimum_ttl || length < 4)
        return;
    struct reader minimum = reader_over(rdata + length - 4, 4);
    parser->minimum_ttl = reader_u32(&minimum);
    if (parser->minimum_ttl > INT32_MAX)
        parser->minimum_ttl = 0;
    parser->has_minimum_ttl = true;
}

/* RFC 2308 section 4: $TTL; without it RFC 1035's "last stated value"; the minimum as last resort.
 */
static enum result default_ttl(struct zonefile_parser *parser, uint32_t *ttl)
{
    if (parser->has_default_ttl) {
        *ttl = parser->default_ttl;
        return RESULT_OK;
    }
    if (parser->has_last_ttl) {
        *ttl = parser->last_ttl;
        return RESULT_OK;
    }
    if (!parser->has_minimum_ttl)
        return parsing_complain(parser, &parser->begun, COMPLAINT_ERROR,
                                "there is no TTL: write one, or $TTL before the first record");
    *ttl = parser->last_ttl = parser->minimum_ttl;
    parser->has_last_ttl = true; /* so that this is said once */
    return parsing_complain(parser, &parser->begun, COMPLAINT_WARNING,
                            "there is no TTL and no $TTL before: taking the SOA's minimum, %u",
                            *ttl);
}

static bool next_token(void *context, struct token *token)
{
    struct lexer *lexer = context;
    enum lexeme lexeme = lexer_next(lexer);

    if (lexeme == LEXEME_END || lexeme == LEXEME_BAD)
        return false;
    *token = token_of(lexer, lexeme);
    return true;
}

static enum result complain_of_rdata(struct zonefile_parser *parser, const struct lexer *lexer,
                                     uint16_t type, enum result result, const char *what)
{
    char text[TYPE_MAX_TEXT];

    if (lexer->ended && lexer->what)
        return complain_of_lexeme(parser, lexer);
    const struct spot *spot = &lexer->spot;
    if (result == RESULT_FULL) {
        spot = &parser->begun;
        what = "the record is longer than 65535 octets";
    }
    return parsing_complain(parser, spot, COMPLAINT_ERROR, "%s: %s", type_to_text(type, text),
                            what ? what : "this is malformed");
}

static enum result read_rdata(struct zonefile_parser *parser, struct lexer *lexer, uint16_t type,
                              size_t *length)
{
    struct writer rdata = writer_over(parser->rdata, sizeof parser->rdata);
    struct tokens tokens = {
        .next = next_token, .context = lexer, .origin = origin_of(parser), .what = NULL};
    enum result result = rdata_from_tokens(type, &tokens, &rdata);

    if (result || (lexer->ended && lexer->what))
        return complain_of_rdata(parser, lexer, type, result, tokens.what);
    *length = rdata.length;
    return parsing_end(parser, lexer);
}

static enum result hand_over(struct zonefile_parser *parser, const struct fields *fields,
                             size_t length)
{
    struct zonefile_record record = {
        .owner = &parser->owners[parser->owner],
        .same_owner = parser->same_owner,
        .type = fields->type,
        .class_ = parser->options->class_ ? parser->options->class_ : CLASS_IN,
        .ttl = fields->ttl,
        .rdata = parser->rdata,
        .length = (uint16_t)length,
        .file = parser->file,
        .line = parser->begun.line,
        .parser = parser,
    };
    parser->totals.records++;
    parser->stopped = parser->options->record(parser->options->context, &record);
    parser->called_off = parser->stopped != RESULT_OK;
    parser->same_owner = true;
    return parser->stopped;
}

enum result parsing_record(struct zonefile_parser *parser, struct lexer *lexer,
                           const struct fields *given)
{
    struct fields fields = *given;
    size_t length = 0;
    enum result result = read_rdata(parser, lexer, fields.type, &length);

    if (result)
        return result;
    if (fields.type == TYPE_SOA)
        note_soa(parser, parser->rdata, length);
    if (fields.has_ttl) {
        parser->last_ttl = fields.ttl;
        parser->has_last_ttl = true;
    } else {
        result = default_ttl(parser, &fields.ttl);
        if (result)
            return result;
    }
    return hand_over(parser, &fields, length);
}

/* A record whose owner has been dealt with. */
static enum result read_record(struct zonefile_parser *parser)
{
    struct fields fields;

    if (parser->owner_state == OWNER_BAD)
        return RESULT_FORMAT; /* complained of when the owner was met */
    enum result result = parsing_fields(parser, parser->lexer, &fields);
    return result ? result : parsing_record(parser, parser->lexer, &fields);
}

static enum result read_entry(struct zonefile_parser *parser, enum opening opening)
{
    struct lexer *lexer = parser->lexer;
    struct token token;

    if (opening == OPENING_BLANK) {
        parser->begun = (struct spot){
            .line_offset = lexer->line_offset, .line = lexer->line, .column = 1, .width = 1};
        if (parser->owner_state == OWNER_NONE)
            return parsing_complain(parser, &parser->begun, COMPLAINT_ERROR,
                                    "the first record must name its owner");
        return read_record(parser);
    }
    enum result result = parsing_word(parser, lexer, "the owner", &token);
    if (result)
        return result;
    parser->begun = lexer->spot;
    if (token.length && token.text[0] == '$' && !token.quoted)
        return parsing_directive(parser, &token);
    result = parsing_owner(parser, &token, &lexer->spot);
    return result ? result : read_record(parser);
}

/* After an error: to where the next record begins. */
static void recover(struct zonefile_parser *parser)
{
    if (!lexer_skip(parser->lexer))
        complain_of_lexeme(parser, parser->lexer);
}

static enum result read_text(struct zonefile_parser *parser)
{
    struct lexer *lexer = parser->lexer;

    for (;;) {
        enum opening opening = lexer_begin(lexer);
        if (opening == OPENING_NONE)
            return RESULT_OK;
        enum result result = read_entry(parser, opening);
        if (parser->stopped)
            return parser->stopped;
        if (result == RESULT_FORMAT)
            recover(parser);
        else if (result)
            return result;
        if (complaints_exhausted(parser->options->complaints))
            return RESULT_FORMAT;
    }
}

enum result parsing_source(struct zonefile_parser *parser, struct source source)
{
    struct lexer lexer, *outer = parser->lexer;
    enum result result = lexer_open(&lexer, source);

    parser->lexer = &lexer;
    if (!result)
        result = read_text(parser);
    if (lexer.error) {
        struct spot here = {.line = lexer.line};
        (void)parsing_complain(parser, &here, COMPLAINT_ERROR, "reading failed here: %s",
                               strerror(lexer.error));
        result = RESULT_SYSTEM;
    }
    if (result != RESULT_OK && result != RESULT_FORMAT && !parser->stopped)
        parser->stopped = result;
    parser->totals.octets += lexer_octets(&lexer);
    lexer_close(&lexer);
    parser->lexer = outer;
    return result;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static enum result complain_of_file(const struct zonefile_options *options, const char *what)
{
    complain(options->complaints,
             &(struct complaint){.weight = COMPLAINT_ERROR, .file = options->path, .what = what});
    return RESULT_SYSTEM;
}

static enum result begin(struct zonefile_parser *parser, struct source *source)
{
    const struct zonefile_options *options = parser->options;

    if (options->path) {
        source->descriptor = source_open(options->path);
        if (source->descriptor < 0)
            return complain_of_file(options, errno == EINVAL ? "this is not a regular file"
                                                             : strerror(errno));
    }
    if (parsing_add_file(parser, options->path ? options->path : "-", &parser->file)) {
        if (source->descriptor >= 0)
            close(source->descriptor);
        return complain_of_file(options, "there is not enough memory");
    }
    return RESULT_OK;
}

static void set_limits(struct zonefile_limits *limits)
{
    if (limits->include_depth == 0)
        limits->include_depth = 8;
    if (limits->includes == 0)
        limits->includes = 1000;
    if (limits->includes > UINT16_MAX - 1)
        limits->includes = UINT16_MAX - 1;
    if (limits->generated == 0)
        limits->generated = 1048576;
}

static void end(struct zonefile_parser *parser, struct zonefile_totals *totals)
{
    if (totals)
        *totals = parser->totals;
    if (parser->options->files)
        *parser->options->files = parser->files;
    else
        zonefile_files_free(&parser->files);
    if (parser->folder >= 0)
        close(parser->folder);
    free(parser);
}

enum result zonefile_parse(const struct zonefile_options *options, struct zonefile_totals *totals)
{
    struct source source = {.descriptor = -1, .octets = options->octets, .left = options->length};
    uint32_t errors = options->complaints->errors;
    struct zonefile_parser *parser = calloc(1, sizeof *parser);

    if (totals)
        *totals = (struct zonefile_totals){.records = 0};
    if (!parser)
        return complain_of_file(options, "there is not enough memory");
    parser->options = options;
    parser->limits = options->limits;
    parser->folder = -1;
    set_limits(&parser->limits);
    if (options->zone)
        name_copy(&parser->origin, options->zone);
    enum result result = begin(parser, &source);
    if (!result) {
        result = parsing_source(parser, source);
        if (result == RESULT_SYSTEM && !parser->called_off && options->complaints->errors == errors)
            (void)complain_of_file(options, "there is not enough memory");
    }
    end(parser, totals);
    if (!result && options->complaints->errors != errors)
        result = RESULT_FORMAT;
    return result;
}
