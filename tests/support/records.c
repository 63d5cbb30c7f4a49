/* records.c - RRsets from lines of text, for tests. */
#include "records.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/wire/rdata.h"
#include "avow/wire/type.h"

/* The next word of a line, in quotes or not; moves `*at` behind it. */
static bool next_word(void *at, struct token *token)
{
    const char **place = at, *start = *place + strspn(*place, " \t\n");

    if (*start == '\0')
        return false;
    token->quoted = *start == '"';
    if (token->quoted)
        start++;
    size_t length = 0;
    while (start[length] != '\0' &&
           (token->quoted ? start[length] != '"' : !strchr(" \t\n", start[length])))
        length += start[length] == '\\' && start[length + 1] ? 2 : 1;
    token->text = start;
    token->length = length;
    *place = start + length + (token->quoted && start[length] == '"' ? 1 : 0);
    return true;
}

static struct records_set *set_of(struct records *records, const struct name *owner, uint16_t type)
{
    for (size_t i = 0; i < records->count; i++)
        if (records->sets[i].type == type && name_equal(&records->sets[i].owner, owner))
            return &records->sets[i];

    struct records_set *sets = realloc(records->sets, (records->count + 1) * sizeof(*sets));
    ck_assert_ptr_nonnull(sets);
    records->sets = sets;
    struct records_set *set = &sets[records->count++];
    *set = (struct records_set){.type = type, .owner = *owner};
    return set;
}

void records_add_line(struct records *records, const char *line)
{
    const char *at = line;
    struct token word;
    struct name owner;
    uint16_t type;
    uint8_t octets[4096];
    struct writer rdata = writer_over(octets, sizeof(octets));
    bool added;

    if (line[strspn(line, " \t\n")] == '\0' || line[0] == ';')
        return;
    ck_assert(next_word(&at, &word));
    ck_assert_msg(name_from_text(word.text, word.length, NULL, &owner) == RESULT_OK, "owner: %s",
                  line);
    ck_assert(next_word(&at, &word));
    uint32_t ttl = (uint32_t)strtoul(word.text, NULL, 10);
    ck_assert(next_word(&at, &word)); /* the class */
    ck_assert(next_word(&at, &word));
    ck_assert_msg(type_from_text(word.text, word.length, &type) == RESULT_OK, "type: %s", line);

    struct tokens tokens = {.next = next_word, .context = &at};
    ck_assert_msg(rdata_from_tokens(type, &tokens, &rdata) == RESULT_OK, "%s: %s", tokens.what,
                  line);
    struct records_set *set = set_of(records, &owner, type);
    set->ttl = ttl;
    ck_assert(rdata_run_insert(&set->run, &set->count, type, octets, rdata.length, &added) ==
              RESULT_OK);
}

void records_add_file(struct records *records, const char *path)
{
    char line[4096];
    FILE *file = fopen(path, "r");

    ck_assert_msg(file != NULL, "cannot read %s: run from the top of the tree", path);
    while (fgets(line, sizeof(line), file))
        records_add_line(records, line);
    ck_assert(!ferror(file));
    ck_assert_int_eq(fclose(file), 0);
}

void records_free(struct records *records)
{
    for (size_t i = 0; i < records->count; i++)
        buffer_free(&records->sets[i].run);
    free(records->sets);
    *records = (struct records){.sets = NULL};
}

const struct records_set *records_find(const struct records *records, const struct name *owner,
                                       uint16_t type)
{
    for (size_t i = 0; i < records->count; i++)
        if (records->sets[i].type == type && name_equal(&records->sets[i].owner, owner))
            return &records->sets[i];
    return NULL;
}

struct rrset records_rrset(const struct records_set *set)
{
    return (struct rrset){
        .owner = &set->owner,
        .type = set->type,
        .class_ = CLASS_IN,
        .ttl = set->ttl,
        .rdata = {set->run.octets, (uint32_t)set->run.length, set->count},
    };
}
