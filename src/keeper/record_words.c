/* record_words.c - a record as words of a command line. */
#include "record_words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "avow/wire/type.h"
#include "avow/zonefile/parser.h"

static enum result refuse(struct record_words *record, const char *format, ...) PRINTF_LIKE(2, 3);
static enum result refuse(struct record_words *record, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(record->why, sizeof record->why, format, arguments);
    va_end(arguments);
    return RESULT_FORMAT;
}

void record_words_free(struct record_words *record)
{
    buffer_free(&record->rdata);
}

/* ---- owner, TTL, type -------------------------------------------------------------------------
 */

static enum result read_owner(struct record_words *record, const struct name *zone,
                              const char *word)
{
    if (strcmp(word, "@") == 0)
        name_copy(&record->owner, zone);
    else if (name_from_text(word, strlen(word), zone, &record->owner))
        return refuse(record, "%.200s is not a domain name", word);
    if (!name_is_within(&record->owner, zone))
        return refuse(record, "%.200s is not in the zone", word);
    name_lower(&record->owner);
    return RESULT_OK;
}

static enum result read_type(struct record_words *record, const char *word)
{
    if (type_from_text(word, strlen(word), &record->type))
        return refuse(record, "%.40s is not a type", word);
    if (type_is_meta(record->type))
        return refuse(record, "%.40s is a type that no zone holds", word);
    if (type_is_made_by_signer(record->type))
        return refuse(record, "%.40s is made by the signer alone", word);
    record->has_type = true;
    return RESULT_OK;
}

static enum result read_ttl(struct record_words *record, const char *word)
{
    if (ttl_from_text(word, strlen(word), &record->ttl) || record->ttl > INT32_MAX)
        return refuse(record, "%.40s is not a TTL", word);
    record->has_ttl = true;
    return RESULT_OK;
}

/* ---- RDATA ------------------------------------------------------------------------------------
 */

/* A word that a master file would take for more or less than one field. */
static bool needs_quotes(const char *word)
{
    return *word == '\0' || strpbrk(word, " \t;()") != NULL;
}

/* A backslash at the end would take the quote behind it along. */
static bool ends_in_escape(const char *word)
{
    size_t length = strlen(word), count = 0;

    while (count < length && word[length - 1 - count] == '\\')
        count++;
    return count % 2 != 0;
}

static enum result put_word(struct record_words *record, struct buffer *line, const char *word)
{
    for (const char *at = word; *at; at++) {
        if ((unsigned char)*at < ' ' && *at != '\t')
            return refuse(record, "a control character must be written as \\DDD");
    }
    buffer_u8(line, ' ');
    if (strchr(word, '"') || !needs_quotes(word)) {
        buffer_text(line, word);
        return RESULT_OK;
    }
    if (ends_in_escape(word))
        return refuse(record, "%.100s ends in the middle of an escape", word);
    buffer_u8(line, '"');
    buffer_text(line, word);
    buffer_u8(line, '"');
    return RESULT_OK;
}

static void take_complaint(void *context, const struct complaint *complaint)
{
    struct record_words *record = context;

    if (complaint->weight == COMPLAINT_ERROR && !*record->why)
        (void)refuse(record, "%s", complaint->what);
}

static enum result take_record(void *context, const struct zonefile_record *parsed)
{
    struct record_words *record = context;

    record->has_rdata = true;
    buffer_add(&record->rdata, parsed->rdata, parsed->length);
    return buffer_check(&record->rdata);
}

static enum result parse(struct record_words *record, const struct name *zone,
                         const struct buffer *line)
{
    struct complaints complaints = {.take = take_complaint, .context = record, .limit = 1};
    struct zonefile_options options = {.octets = line->octets,
                                       .length = line->length - 1,
                                       .zone = zone,
                                       .complaints = &complaints,
                                       .record = take_record,
                                       .context = record};
    enum result result = zonefile_parse(&options, NULL);

    if (!result && record->has_rdata)
        return RESULT_OK;
    return *record->why ? RESULT_FORMAT
                        : refuse(record, "%s", result ? result_sentence(result) : "no RDATA");
}

static enum result read_rdata(struct record_words *record, const struct name *zone,
                              const char *const *words, unsigned count)
{
    struct buffer line = {.length = 0};
    char type[TYPE_MAX_TEXT];
    enum result result = RESULT_OK;

    buffer_format(&line, "@ 0 IN %s", type_to_text(record->type, type));
    for (unsigned i = 0; i < count && !result; i++)
        result = put_word(record, &line, words[i]);
    buffer_text(&line, "\n");
    buffer_u8(&line, 0);
    if (!result && buffer_check(&line))
        result = refuse(record, "no memory");
    if (!result)
        result = parse(record, zone, &line);
    buffer_free(&line);
    return result;
}

/* ---- public -----------------------------------------------------------------------------------
 */

enum result record_words_read(struct record_words *record, const struct name *zone,
                              const char *const *words, unsigned count)
{
    unsigned at = 1;

    *record = (struct record_words){.type = TYPE_ANY};
    enum result result =
        count ? read_owner(record, zone, words[0]) : refuse(record, "an owner is missing");
    if (!result && at < count && words[at][0] >= '0' && words[at][0] <= '9')
        result = read_ttl(record, words[at++]);
    if (!result && at < count)
        result = read_type(record, words[at++]);
    if (!result && at < count)
        result = read_rdata(record, zone, words + at, count - at);
    return result;
}
