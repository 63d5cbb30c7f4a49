/*
 * fuzz_zonefile.c - any text as a zone file: what is read and printed, in lines and in columns,
 * reads the same again.
 *
 * With a part "inc" (sections.h) it is a file, and that another one beside it, to be included.
 */
#include <stdlib.h>
#include <string.h>

#include "avow/zonefile/parser.h"
#include "avow/zonefile/printer.h"
#include "avow/zonefile/rules.h"
#include "sections.h"

struct round {
    struct zone_printer printer;
    struct buffer text;
    struct zone_rules *rules;
    enum print_form form;
    bool done; /* the rules want no more, or are not asked */
};

/* Every record as an owner of its own, in whatever order: more than the keeper would dare. */
static void judge(struct round *round, const struct zonefile_record *record)
{
    struct buffer run = {.octets = NULL};

    buffer_u16(&run, record->length);
    buffer_add(&run, record->rdata, record->length);
    if (buffer_check(&run))
        abort();
    struct zone_set set = {
        .type = record->type,
        .file = record->file,
        .line = record->line,
        .ttl = record->ttl,
        .ttl_highest = record->ttl,
        .rdata = {.octets = run.octets, .length = (uint32_t)run.length, .count = 1}};
    struct zone_owner owner = {.name = record->owner, .sets = &set, .count = 1};
    round->done = zone_rules_owner(round->rules, &owner) != RESULT_OK;
    buffer_free(&run);
}

static enum result take(void *context, const struct zonefile_record *record)
{
    struct round *round = context;
    struct rrset rrset = {
        .owner = record->owner, .type = record->type, .class_ = record->class_, .ttl = record->ttl};

    if (round->rules && !round->done)
        judge(round, record);
    zone_print_record(&round->printer, &rrset, record->rdata, record->length, &round->text);
    return round->text.length < 1u << 20 ? RESULT_OK : RESULT_FULL;
}

static void complain_to_nobody(void *context, const struct complaint *complaint)
{
    char text[1024];

    (void)context;
    (void)complaint_text(complaint, text, sizeof text);
}

/* `path`: the file to read instead of the octets; NULL. */
static enum result read(struct round *round, const char *path, struct section text)
{
    static const struct name zone = {.length = 9, .labels = 1, .octets = "\7example"};
    struct complaints sink = {.take = complain_to_nobody};
    struct zonefile_options options = {.path = path,
                                       .octets = text.octets,
                                       .length = text.length,
                                       .zone = &zone,
                                       .any_owner = true,
                                       .limits = {.generated = 300},
                                       .complaints = &sink,
                                       .record = take,
                                       .context = round};
    struct zone_rules_options judging = {.zone = &zone, .complaints = &sink};

    if (!round->done && zone_rules_make(&round->rules, &judging))
        abort();
    zone_printer_init(&round->printer, round->form);
    enum result result = zonefile_parse(&options, NULL);
    if (round->rules)
        (void)zone_rules_finish(round->rules);
    zone_rules_free(round->rules);
    round->rules = NULL;
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum result read_first(struct round *round, struct section input)
{
    struct section included;
    char path[SECTION_PATH];

    if (!section_named(input, "inc", &included))
        return read(round, NULL, input);
    section_write(section_first(input), "zone");
    section_write(included, "inc");
    return read(round, section_path("zone", path), input);
}

/* What a round has printed is a zone file without any error. */
static void read_printed(const struct round *before, struct round *round)
{
    struct section printed = {before->text.octets ? before->text.octets : (const uint8_t *)"",
                              before->text.length};

    if (read(round, NULL, printed) != RESULT_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct round first = {.form = PRINT_PLAIN}, second = {.form = PRINT_COLUMNS, .done = true},
                 third = {.form = PRINT_PLAIN, .done = true};

    if (read_first(&first, (struct section){data, size}) != RESULT_FULL) {
        read_printed(&first, &second);
        read_printed(&second, &third);
        if (third.text.length != first.text.length ||
            (first.text.length &&
             memcmp(first.text.octets, third.text.octets, first.text.length) != 0))
            abort();
    }
    buffer_free(&first.text);
    buffer_free(&second.text);
    buffer_free(&third.text);
    return 0;
}
