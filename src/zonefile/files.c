/* files.c - the names of the files of a zone, and complaints of places in them. */
#include "parsing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WARNINGS = 100, EXCERPT_OCTETS = 400 };

const char *zonefile_file_name(const struct zonefile_files *files, uint16_t number)
{
    return files && number < files->count ? files->names[number] : "-";
}

void zonefile_files_free(struct zonefile_files *files)
{
    for (unsigned i = 0; i < files->count; i++)
        free(files->names[i]);
    free(files->names);
    *files = (struct zonefile_files){.names = NULL};
}

enum result parsing_add_file(struct zonefile_parser *parser, const char *name, uint16_t *number)
{
    struct zonefile_files *files = &parser->files;
    char **names = realloc(files->names, (files->count + 1u) * sizeof *names);

    if (!names)
        return RESULT_SYSTEM;
    files->names = names;
    names[files->count] = strdup(name);
    if (!names[files->count])
        return RESULT_SYSTEM;
    *number = files->count++;
    parser->totals.files++;
    return RESULT_OK;
}

const char *parsing_show(struct shown *shown, const struct token *token)
{
    size_t room = sizeof shown->text - 4;
    size_t length = token->length < room ? token->length : room;

    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)token->text[i];
        shown->text[i] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
    }
    memcpy(shown->text + length, "...", 4);
    if (token->length <= room)
        shown->text[length] = '\0';
    return shown->text;
}

/* Whether the complaint should be made; warnings come to an end some time. */
static bool worth_saying(struct zonefile_parser *parser, enum complaint_weight weight)
{
    if (weight != COMPLAINT_WARNING)
        return true;
    if (parser->warnings++ < MOST_WARNINGS)
        return true;
    if (parser->warnings == MOST_WARNINGS + 1)
        complain(parser->options->complaints,
                 &(struct complaint){.weight = COMPLAINT_NOTE,
                                     .file = zonefile_file_name(&parser->files, parser->file),
                                     .what = "further warnings of this kind are not shown"});
    return false;
}

static void say(struct zonefile_parser *parser, const struct spot *spot,
                enum complaint_weight weight, const char *what)
{
    char excerpt[EXCERPT_OCTETS];

    if (!worth_saying(parser, weight))
        return;
    complain(
        parser->options->complaints,
        &(struct complaint){.weight = weight,
                            .file = zonefile_file_name(&parser->files, parser->file),
                            .line = spot->line,
                            .column = spot->column,
                            .width = spot->width,
                            .excerpt = lexer_excerpt(parser->lexer, spot, excerpt, sizeof excerpt),
                            .what = what});
}

enum result parsing_complain(struct zonefile_parser *parser, const struct spot *spot,
                             enum complaint_weight weight, const char *format, ...)
{
    char what[512];
    int length = 0;
    va_list arguments;

    if (parser->generating) {
        /* The words were made, not written: show the directive that made them. */
        length = snprintf(what, sizeof what, "at the value %u: ", *parser->generating);
        spot = &parser->begun;
    }
    va_start(arguments, format);
    vsnprintf(what + length, sizeof what - (size_t)length, format, arguments);
    va_end(arguments);
    say(parser, spot, weight, what);
    return weight == COMPLAINT_ERROR ? RESULT_FORMAT : RESULT_OK;
}

void zonefile_complain(const struct zonefile_record *record, enum complaint_weight weight,
                       const char *format, ...)
{
    char what[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    say(record->parser, &record->parser->begun, weight, what);
}
