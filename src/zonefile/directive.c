/* directive.c - $ORIGIN, $TTL, $INCLUDE and $GENERATE. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "avow/zonefile/generate.h"
#include "parsing.h"

static enum result read_origin(struct zonefile_parser *parser)
{
    struct token token;
    struct name name;
    struct lexer *lexer = parser->lexer;
    enum result result = parsing_word(parser, lexer, "the new origin", &token);

    if (!result)
        result = parsing_name(parser, &token, &lexer->spot, &name);
    if (!result)
        result = parsing_end(parser, lexer);
    if (!result)
        name_copy(&parser->origin, &name);
    return result;
}

static enum result read_ttl(struct zonefile_parser *parser)
{
    struct token token;
    uint32_t ttl = 0;
    struct lexer *lexer = parser->lexer;
    enum result result = parsing_word(parser, lexer, "the TTL", &token);

    if (!result)
        result = parsing_ttl(parser, &token, &lexer->spot, &ttl);
    if (!result)
        result = parsing_end(parser, lexer);
    if (!result) {
        parser->default_ttl = ttl;
        parser->has_default_ttl = true;
    }
    return result;
}

/* ---- $INCLUDE ------------------------------------------------------------------------------ */

/* A path as written, with \X made X. */
static enum result add_path(struct buffer *path, const struct token *token)
{
    for (size_t i = 0; i < token->length; i++) {
        if (token->text[i] == '\\' && i + 1 < token->length)
            i++;
        buffer_u8(path, (uint8_t)token->text[i]);
    }
    buffer_u8(path, '\0');
    return buffer_check(path);
}

/* The folder of the zone file, for complaints: the included file's name follows it. */
static enum result add_folder(struct zonefile_parser *parser, struct buffer *path)
{
    const char *file = parser->options->path;
    const char *slash = strrchr(file, '/');

    buffer_add(path, file, slash ? (size_t)(slash - file) + 1 : 0);
    return buffer_check(path);
}

static enum result complain_of_include(struct zonefile_parser *parser, const struct spot *spot,
                                       int error)
{
    const char *why = strerror(error);

    if (error == EXDEV)
        why = "it leads out of the zone file's folder";
    if (error == EINVAL)
        why = "it is not a regular file";
    return parsing_complain(parser, spot, COMPLAINT_ERROR, "this file cannot be included: %s", why);
}

/* Whether one more file may be opened at all. */
static enum result check_include(struct zonefile_parser *parser, const struct spot *spot)
{
    if (!parser->options->path || strcmp(parser->options->path, "-") == 0)
        return parsing_complain(parser, spot, COMPLAINT_ERROR,
                                "a zone that is not read from a file cannot include one");
    if (parser->depth + 1 >= parser->limits.include_depth)
        return parsing_complain(parser, spot, COMPLAINT_ERROR,
                                "files include each other %u deep; does one include itself?",
                                parser->limits.include_depth);
    if (parser->totals.files > parser->limits.includes)
        return parsing_complain(parser, spot, COMPLAINT_ERROR, "more than %u files are included",
                                parser->limits.includes);
    return RESULT_OK;
}

/* `path` holds the folder (`folder` octets) and the name within it. Returns a descriptor or -1. */
static int open_include(struct zonefile_parser *parser, const struct buffer *path, size_t folder)
{
    if (parser->folder < 0)
        parser->folder = source_open_folder(parser->options->path);
    if (parser->folder < 0)
        return -1;
    return source_open_below(parser->folder, (const char *)path->octets + folder);
}

/* Read the file, then put back what it must not change (RFC 1035 section 5.1). */
static enum result read_included(struct zonefile_parser *parser, int descriptor, const char *path,
                                 const struct name *origin)
{
    struct name outer_origin, outer_owner;
    uint16_t outer_file = parser->file;
    enum owner_state outer_state = parser->owner_state;

    name_copy(&outer_origin, &parser->origin);
    name_copy(&outer_owner, &parser->owners[parser->owner]);
    if (parsing_add_file(parser, path, &parser->file)) {
        close(descriptor);
        parser->stopped = RESULT_SYSTEM;
        return RESULT_SYSTEM;
    }
    name_copy(&parser->origin, origin);
    parser->depth++;
    enum result result = parsing_source(parser, (struct source){.descriptor = descriptor});
    parser->depth--;
    parser->file = outer_file;
    name_copy(&parser->origin, &outer_origin);
    name_copy(&parser->owners[parser->owner], &outer_owner);
    parser->owner_state = outer_state;
    parser->same_owner = false;
    return result;
}

/* The origin that may follow the file. */
static enum result read_include_origin(struct zonefile_parser *parser, struct name *origin)
{
    struct lexer *lexer = parser->lexer;
    struct token token;
    enum lexeme lexeme = lexer_next(lexer);

    name_copy(origin, &parser->origin);
    if (lexeme == LEXEME_END)
        return RESULT_OK;
    if (lexeme == LEXEME_BAD)
        return parsing_complain(parser, &lexer->spot, COMPLAINT_ERROR, "%s", lexer->what);
    token = (struct token){.text = (const char *)lexer->word, .length = lexer->word_length};
    enum result result = parsing_name(parser, &token, &lexer->spot, origin);
    return result ? result : parsing_end(parser, lexer);
}

static enum result read_include(struct zonefile_parser *parser)
{
    struct lexer *lexer = parser->lexer;
    struct buffer path = {.octets = NULL};
    struct token token;
    struct name origin;
    enum result result = parsing_word(parser, lexer, "the file to include", &token);
    struct spot spot = lexer->spot;

    if (!result)
        result = check_include(parser, &spot);
    if (result)
        return result;
    result = add_folder(parser, &path);
    size_t folder = path.length;
    if (!result)
        result = add_path(&path, &token);
    if (!result)
        result = read_include_origin(parser, &origin);
    if (!result) {
        int descriptor = open_include(parser, &path, folder);
        result = descriptor < 0
                     ? complain_of_include(parser, &spot, errno)
                     : read_included(parser, descriptor, (const char *)path.octets, &origin);
    }
    buffer_free(&path);
    return result;
}

/* ---- $GENERATE ----------------------------------------------------------------------------- */

/* A directive as read: templates live in buffers because words are gone after the next one. */
struct generate {
    struct generate_range range;
    struct buffer owner;
    struct buffer rdata;
    struct fields fields;
    struct buffer made; /* one owner or one RDATA, expanded */
};

static enum result read_range(struct zonefile_parser *parser, struct generate *generate)
{
    struct token token;
    struct shown shown;
    struct lexer *lexer = parser->lexer;
    enum result result = parsing_word(parser, lexer, "the range", &token);

    if (result)
        return result;
    if (generate_range_read(token.text, token.length, &generate->range))
        return parsing_complain(parser, &lexer->spot, COMPLAINT_ERROR,
                                "'%s' is no range: write START-STOP or START-STOP/STEP",
                                parsing_show(&shown, &token));
    uint64_t count = generate_range_count(&generate->range);
    if (count > parser->limits.generated - parser->generated)
        return parsing_complain(parser, &lexer->spot, COMPLAINT_ERROR,
                                "this makes more than the %llu records that $GENERATE may make",
                                (unsigned long long)parser->limits.generated);
    parser->generated += count;
    return RESULT_OK;
}

/* The words up to the end of the line, as they were written but with one blank between them. A lone
 * quoted word is the RDATA without its quotes, as BIND has it. */
static enum result read_template(struct zonefile_parser *parser, struct buffer *text)
{
    struct lexer *lexer = parser->lexer;
    unsigned words = 0;
    bool quoted = false;

    for (enum lexeme lexeme; (lexeme = lexer_next(lexer)) != LEXEME_END; words++) {
        if (lexeme == LEXEME_BAD)
            return parsing_complain(parser, &lexer->spot, COMPLAINT_ERROR, "%s", lexer->what);
        if (text->length > LEXER_LONGEST)
            return parsing_complain(parser, &lexer->spot, COMPLAINT_ERROR,
                                    "this is longer than any record can be");
        quoted = lexeme == LEXEME_QUOTED;
        buffer_text(text, quoted ? " \"" : " ");
        buffer_add(text, lexer->word, lexer->word_length);
        buffer_text(text, quoted ? "\"" : "");
    }
    if (words == 0)
        return parsing_complain(parser, &lexer->spot, COMPLAINT_ERROR,
                                "the line ends here, but the record's data is missing");
    if (words > 1 || !quoted || buffer_check(text))
        return buffer_check(text);
    size_t length = 0;
    for (size_t i = 2; i + 1 < text->length; i++) {
        if (text->octets[i] == '\\' && text->octets[i + 1] == '"' && i + 2 < text->length)
            i++;
        text->octets[length++] = text->octets[i];
    }
    text->length = length;
    return RESULT_OK;
}

static enum result expand(struct zonefile_parser *parser, const struct buffer *text, uint32_t value,
                          struct buffer *made)
{
    const char *what = NULL;

    buffer_clear(made);
    enum result result =
        generate_expand((const char *)text->octets, text->length, value, made, &what);
    if (result == RESULT_FORMAT)
        return parsing_complain(parser, &parser->begun, COMPLAINT_ERROR, "%s", what);
    if (result)
        return result;
    buffer_u8(made, '\0'); /* what the lexer stops at */
    if (buffer_check(made))
        return RESULT_SYSTEM;
    made->length--;
    return RESULT_OK;
}

static enum result make_one(struct zonefile_parser *parser, struct generate *generate,
                            uint32_t value)
{
    struct lexer lexer;
    struct buffer *made = &generate->made;
    enum result result = expand(parser, &generate->owner, value, made);

    if (result)
        return result;
    struct token owner = {.text = (const char *)made->octets, .length = made->length};
    result = parsing_owner(parser, &owner, &parser->begun);
    if (!result)
        result = expand(parser, &generate->rdata, value, made);
    if (result)
        return result;
    lexer_over(&lexer, made->octets, made->length);
    return parsing_record(parser, &lexer, &generate->fields);
}

/* The first value that fails ends the directive: the others would fail alike. */
static enum result make_all(struct zonefile_parser *parser, struct generate *generate)
{
    enum result result = RESULT_OK;

    for (uint64_t value = generate->range.start; value <= generate->range.stop && !result;
         value += generate->range.step) {
        uint32_t at = (uint32_t)value;
        parser->generating = &at;
        result = make_one(parser, generate, at);
        parser->generating = NULL;
    }
    return result;
}

static enum result read_generate(struct zonefile_parser *parser)
{
    struct generate generate = {.owner = {.octets = NULL}};
    struct token token;
    enum result result = read_range(parser, &generate);

    if (!result)
        result = parsing_word(parser, parser->lexer, "the template of the owner", &token);
    if (!result) {
        buffer_add(&generate.owner, token.text, token.length);
        result = buffer_check(&generate.owner);
    }
    if (!result)
        result = parsing_fields(parser, parser->lexer, &generate.fields);
    if (!result)
        result = read_template(parser, &generate.rdata);
    if (!result)
        result = make_all(parser, &generate);
    buffer_free(&generate.owner);
    buffer_free(&generate.rdata);
    buffer_free(&generate.made);
    return result;
}

/* -------------------------------------------------------------------------------------------- */

enum result parsing_directive(struct zonefile_parser *parser, const struct token *token)
{
    static const struct {
        const char *word;
        enum result (*read)(struct zonefile_parser *parser);
    } directives[] = {
        {"$ORIGIN", read_origin},
        {"$TTL", read_ttl},
        {"$INCLUDE", read_include},
        {"$GENERATE", read_generate},
    };
    struct shown shown;

    for (size_t i = 0; i < COUNT(directives); i++) {
        if (strlen(directives[i].word) == token->length &&
            strncasecmp(token->text, directives[i].word, token->length) == 0)
            return directives[i].read(parser);
    }
    return parsing_complain(parser, &parser->begun, COMPLAINT_ERROR,
                            "'%s' is no directive: there are $ORIGIN, $TTL, $INCLUDE and $GENERATE "
                            "(a name that begins with a dollar sign is written \\$)",
                            parsing_show(&shown, token));
}
