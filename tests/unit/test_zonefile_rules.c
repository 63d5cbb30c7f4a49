/* test_zonefile_rules.c - what the rules say of zones, and where they say each owner stands. */
#include <stdlib.h>

#include "avow/wire/type.h"
#include "avow/zonefile/rules.h"
#include "zonefile_read.h"

/* ---- records gathered to owners, as the keeper does ---------------------------------------- */

struct kept {
    struct name owner;
    uint16_t type, length, file;
    uint32_t ttl, line;
    uint8_t *rdata;
};

struct gathering {
    struct kept *kept;
    size_t count;
};

static enum result keep(void *context, const struct zonefile_record *record)
{
    struct gathering *gathering = context;
    struct kept *kept = realloc(gathering->kept, (gathering->count + 1) * sizeof *kept);

    ck_assert_ptr_nonnull(kept);
    gathering->kept = kept;
    kept[gathering->count++] = (struct kept){.owner = *record->owner,
                                             .type = record->type,
                                             .length = record->length,
                                             .file = record->file,
                                             .ttl = record->ttl,
                                             .line = record->line,
                                             .rdata = exact_copy(record->rdata, record->length)};
    return RESULT_OK;
}

static int by_owner_and_type(const void *first, const void *second)
{
    const struct kept *a = first, *b = second;
    int order = name_compare(&a->owner, &b->owner);

    if (order == 0)
        order = (int)a->type - (int)b->type;
    return order ? order : a->line < b->line ? -1 : 1;
}

/* One RRset from the records of one type; returns how many records there were. */
static size_t make_set(const struct kept *kept, size_t left, struct zone_set *set,
                       struct buffer *run)
{
    size_t taken = 0;
    uint16_t count = 0;
    bool added;

    *set = (struct zone_set){.type = kept->type,
                             .file = kept->file,
                             .line = kept->line,
                             .ttl = kept->ttl,
                             .ttl_highest = kept->ttl};
    while (taken < left && kept[taken].type == kept->type &&
           name_equal(&kept[taken].owner, &kept->owner)) {
        const struct kept *one = &kept[taken++];
        ck_assert_int_eq(rdata_run_insert(run, &count, one->type, one->rdata, one->length, &added),
                         RESULT_OK);
        set->ttl = one->ttl < set->ttl ? one->ttl : set->ttl;
        set->ttl_highest = one->ttl > set->ttl_highest ? one->ttl : set->ttl_highest;
    }
    set->rdata =
        (struct rdata_run){.octets = run->octets, .length = (uint32_t)run->length, .count = count};
    return taken;
}

enum { MOST_SETS = 16 };

/* Hand one owner to the rules; note where it stands and what is left of it. */
static size_t judge_owner(struct zone_rules *rules, const struct kept *kept, size_t left,
                          struct buffer *places, enum result *result)
{
    static const char *const words[] = {"apex", "data", "cut", "below", "dname", "outside"};
    struct zone_set sets[MOST_SETS];
    struct buffer runs[MOST_SETS] = {{.octets = NULL}};
    struct zone_owner owner = {.name = &kept->owner, .sets = sets};
    char text[NAME_MAX_TEXT], type[TYPE_MAX_TEXT];
    size_t taken = 0;

    while (taken < left && name_equal(&kept[taken].owner, &kept->owner)) {
        ck_assert_uint_lt(owner.count, MOST_SETS);
        taken += make_set(kept + taken, left - taken, &sets[owner.count], &runs[owner.count]);
        owner.count++;
    }
    *result = zone_rules_owner(rules, &owner);
    buffer_format(places, "%s %s", name_to_text(owner.name, text), words[owner.place]);
    for (size_t i = 0; i < owner.count; i++) {
        if (!sets[i].dropped)
            buffer_format(places, " %s/%u", type_to_text(sets[i].type, type), sets[i].rdata.count);
        buffer_free(&runs[i]);
    }
    buffer_text(places, "\n");
    return taken;
}

/* ---- the rows ------------------------------------------------------------------------------ */

#define HEAD "$TTL 5\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"

static const struct {
    const char *what;
    const char *text;
    enum zone_signing signing;
    const char *complaints; /* as line: weight: what */
} rows[] = {
    {"a good zone", HEAD, ZONE_SIGNED_HERE, ""},
    {"no SOA, no NS", "a 5 A 192.0.2.1\n", ZONE_SIGNED_HERE,
     "0: error: x. has no SOA record; a zone needs one at its apex\n"
     "0: error: x. has no NS records; a zone needs them at its apex\n"},
    {"two SOA", HEAD "@ SOA ns h 2 2 3 4 5\n", ZONE_SIGNED_HERE,
     "2: error: x. SOA has more than one SOA record\n"},
    {"the same SOA twice", HEAD "@ SOA NS h 1 2 3 4 5\n", ZONE_SIGNED_HERE, ""},
    {"a SOA below the apex", HEAD "a SOA ns h 2 2 3 4 5\n", ZONE_SIGNED_HERE,
     "5: error: a.x. SOA has a SOA record, which only the apex may have\n"},
    {"CNAME and other data", HEAD "a CNAME ns\n A 192.0.2.1\n", ZONE_SIGNED_HERE,
     "6: error: a.x. A has CNAME and other data (RFC 1034 section 3.6.2)\n"},
    {"CNAME at the apex", HEAD "@ CNAME ns\n", ZONE_SIGNED_HERE,
     "3: error: x. NS has CNAME and other data (RFC 1034 section 3.6.2)\n"},
    {"CNAME beside KEY, RRSIG and NSEC",
     HEAD "a CNAME ns\n KEY 512 3 13 AAAA\n NSEC x. CNAME\n RRSIG CNAME 13 2 5 20300101000000 "
          "20200101000000 1 x. AAAA\n",
     ZONE_AS_IT_IS, ""},
    {"two CNAME", HEAD "a CNAME ns\n CNAME b\n", ZONE_SIGNED_HERE,
     "5: error: a.x. CNAME has more than one CNAME record (RFC 2181 section 10.1)\n"},
    {"the same CNAME twice", HEAD "a CNAME ns\nA CNAME NS\n", ZONE_SIGNED_HERE, ""},
    {"two DNAME", HEAD "a DNAME b\n DNAME c\n", ZONE_SIGNED_HERE,
     "5: error: a.x. DNAME has more than one DNAME record (RFC 6672 section 2.4)\n"},
    {"DNAME beside CNAME", HEAD "a DNAME b\n CNAME c\n", ZONE_SIGNED_HERE,
     "5: error: a.x. DNAME has CNAME and other data (RFC 1034 section 3.6.2)\n"},
    {"DNAME beside other data", HEAD "a DNAME b\n A 192.0.2.1\n", ZONE_SIGNED_HERE, ""},
    {"DNAME beside NS", HEAD "a DNAME b\n NS n.y.\n", ZONE_SIGNED_HERE,
     "5: warning: a.x. DNAME has data below a cut that is no glue; it is never answered\n"
     "5: error: a.x. DNAME has DNAME and NS, which only the apex may (RFC 6672 section 2.3)\n"},
    {"DNAME at the apex", "$TTL 5\n@ SOA a.y. h.y. 1 2 3 4 5\n NS a.y.\n DNAME y.\n",
     ZONE_SIGNED_HERE, ""},
    {"data below DNAME", HEAD "a DNAME b\na.b.a A 192.0.2.1\nab A 192.0.2.1\n", ZONE_SIGNED_HERE,
     "6: error: a.b.a.x. A is below a DNAME, where no data may be (RFC 6672 section 2.4)\n"},
    {"glue, and more, below a cut", HEAD "d NS ns.d\nns.d A 192.0.2.1\n TXT a\n", ZONE_SIGNED_HERE,
     "7: warning: ns.d.x. TXT has data below a cut that is no glue; it is never answered\n"},
    {"more than glue at a cut",
     HEAD "d NS d\n A 192.0.2.1\n DS 1 13 2 "
          "0000000000000000000000000000000000000000000000000000000000000"
          "000\n MX 1 a.y.\n",
     ZONE_SIGNED_HERE,
     "8: warning: d.x. MX has data below a cut that is no glue; it is never answered\n"},
    {"a cut below a cut", HEAD "d NS n.y.\ne.d NS n.y.\nf.e.d A 192.0.2.1\n", ZONE_SIGNED_HERE,
     "6: warning: e.d.x. NS has data below a cut that is no glue; it is never answered\n"},
    {"glue is missing", HEAD "d NS a.d\n NS b.d\nB.D AAAA ::1\n", ZONE_SIGNED_HERE,
     "5: warning: NS leads to a.d.x., which is below the cut and has no address there (glue; RFC "
     "9471)\n"},
    {"glue of a sibling", HEAD "d NS a.e\ne NS a.y.\n", ZONE_SIGNED_HERE, ""},
    {"an NS that leads nowhere, before and behind",
     HEAD "d NS a\nb NS nothing\nb NS zs\nzs AAAA "
          "::1\n",
     ZONE_SIGNED_HERE,
     "6: warning: NS leads to nothing.x., which has no address in this zone\n"
     "5: warning: NS leads to a.x., which has no address in this zone\n"},
    {"an NS of the apex that leads nowhere", "$TTL 5\n@ SOA a b 1 2 3 4 5\n NS a\n",
     ZONE_SIGNED_HERE, "3: warning: NS leads to a.x., which has no address in this zone\n"},
    {"targets that a wildcard, a DNAME or a cut answers for",
     HEAD "*.w A 192.0.2.1\n*.c CNAME ns\nd DNAME y.\ne NS a.y.\nm MX 1 a.b.w\n MX 1 a.d\n MX 1 "
          "e\n MX 1 a.c\n MX 0 .\ns SRV 1 1 1 a.w\n",
     ZONE_SIGNED_HERE, ""},
    {"targets that are aliases", HEAD "c CNAME ns\nm MX 1 C\nz NS c\n", ZONE_SIGNED_HERE,
     "6: warning: MX leads to C.x., which is a CNAME (RFC 2181 section 10.3)\n"},
    {"TTLs that differ", HEAD "a 7 A 192.0.2.1\n 6 A 192.0.2.2\n 8 TXT b\n", ZONE_SIGNED_HERE,
     "5: warning: a.x. A has records of one type with different TTLs; the lowest is used\n"},
    {"a wildcard with NS or DNAME", HEAD "*.a NS b.y.\n*.b DNAME y.\n", ZONE_SIGNED_HERE,
     "5: warning: *.a.x. NS has NS at a wildcard, which is undefined (RFC 4592 section 4.2)\n"
     "6: warning: *.b.x. DNAME has DNAME at a wildcard, discouraged (RFC 4592 section 4.4)\n"},
    {"an asterisk that is no wildcard", HEAD "a.* NS b.y.\n\\*a NS b.y.\n", ZONE_SIGNED_HERE, ""},
    {"DS without NS, and at the apex",
     HEAD "@ DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\na DS 1 13 "
          "2 0000000000000000000000000000000000000000000000000000000000000000\n",
     ZONE_SIGNED_HERE,
     "5: warning: x. DS has DS but no NS; DS belongs at a cut, in the parent's zone\n"
     "6: warning: a.x. DS has DS but no NS; DS belongs at a cut, in the parent's zone\n"},
    {"keys stay, signatures go",
     HEAD "@ DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0"
          "rAK9iUzy1L53eKGQ==\n@ RRSIG SOA 13 1 5 20300101000000 20200101000000 1 x. AAAA\n@ NSEC "
          "ns.x. SOA\n@ NSEC3PARAM 1 0 0 -\nCK0POJMG874LJREF7EFN8430QVIT8BSM NSEC3 1 0 0 - "
          "CK0POJMG874LJREF7EFN8430QVIT8BSM A\n",
     ZONE_SIGNED_HERE,
     "6: warning: x. RRSIG has records of a signer, which are left out here and below\n"},
    {"signatures stay when somebody else signs",
     HEAD "@ 6 RRSIG SOA 13 1 5 20300101000000 20200101000000 1 x. AAAA\n@ 5 RRSIG NS 13 1 5 "
          "20300101000000 20200101000000 1 x. AAAA\n",
     ZONE_AS_IT_IS, ""},
    {"types of the apex elsewhere", HEAD "a CDS 0 0 0 00\n", ZONE_SIGNED_HERE,
     "5: warning: a.x. CDS has a type that means something only at the apex\n"},
};

/* As reading_take, without columns, which the rules do not know. */
static void take(void *context, const struct complaint *complaint)
{
    static const char *const words[] = {"error", "warning", "note"};

    buffer_format(context, "%u: %s: %s\n", complaint->line, words[complaint->weight],
                  complaint->what);
}

/* Parse, gather, judge. */
static enum result judge(const char *text, size_t length, struct zone_rules_options options,
                         struct buffer *said, struct buffer *places)
{
    struct gathering gathering = {.kept = NULL};
    struct complaints sink = {.take = take, .context = said};
    struct name zone = reading_name("x.");
    struct zone_rules *rules;
    enum result result = RESULT_OK;
    struct zonefile_options parsing = {.octets = text,
                                       .length = length,
                                       .zone = &zone,
                                       .any_owner = true,
                                       .complaints = &sink,
                                       .record = keep,
                                       .context = &gathering};

    ck_assert_int_eq(zonefile_parse(&parsing, NULL), RESULT_OK);
    qsort(gathering.kept, gathering.count, sizeof *gathering.kept, by_owner_and_type);
    options.zone = &zone;
    options.complaints = &sink;
    ck_assert_int_eq(zone_rules_make(&rules, &options), RESULT_OK);
    for (size_t i = 0; i < gathering.count && !result;)
        i += judge_owner(rules, &gathering.kept[i], gathering.count - i, places, &result);
    if (!result)
        result = zone_rules_finish(rules);
    zone_rules_free(rules);
    for (size_t i = 0; i < gathering.count; i++)
        free(gathering.kept[i].rdata);
    free(gathering.kept);
    buffer_u8(said, '\0');
    buffer_u8(places, '\0');
    return result;
}

START_TEST(judges_a_zone)
{
    struct buffer said = {.octets = NULL}, places = {.octets = NULL};

    enum result result =
        judge(rows[_i].text, strlen(rows[_i].text),
              (struct zone_rules_options){.signing = rows[_i].signing}, &said, &places);
    ck_assert_msg(strcmp((char *)said.octets, rows[_i].complaints) == 0, "%s: said\n%s",
                  rows[_i].what, (char *)said.octets);
    ck_assert_msg((result == RESULT_OK) == (strstr(rows[_i].complaints, "error:") == NULL),
                  "%s: result", rows[_i].what);
    buffer_free(&said);
    buffer_free(&places);
}
END_TEST

START_TEST(says_where_each_owner_stands)
{
    static const char text[] = HEAD "d NS a.d\na.d A 192.0.2.1\nb.d TXT a\ndd A 192.0.2.1\n"
                                    "e DNAME y.\nf.e A 192.0.2.1\ng.y. A 192.0.2.1\n"
                                    "h NSEC x. A\nh TXT a\nh TXT a\nh TXT b\ni NSEC x. A\n";
    struct buffer said = {.octets = NULL}, places = {.octets = NULL};

    ck_assert_int_eq(judge(text, sizeof text - 1,
                           (struct zone_rules_options){.signing = ZONE_SIGNED_HERE}, &said,
                           &places),
                     RESULT_FORMAT);
    ck_assert_str_eq((char *)places.octets, "x. apex NS/1 SOA/1\n"
                                            "d.x. cut NS/1\n"
                                            "a.d.x. below A/1\n"
                                            "b.d.x. below TXT/1\n"
                                            "dd.x. data A/1\n"
                                            "e.x. data DNAME/1\n"
                                            "f.e.x. dname A/1\n"
                                            "h.x. data TXT/2\n"
                                            "i.x. data\n"
                                            "ns.x. data A/1\n"
                                            "g.y. outside A/1\n");
    buffer_free(&said);
    buffer_free(&places);
}
END_TEST

START_TEST(limits_records_and_octets)
{
    struct buffer text = {.octets = NULL}, said = {.octets = NULL}, places = {.octets = NULL};

    buffer_text(&text, HEAD);
    for (unsigned i = 0; i < 11; i++)
        buffer_format(&text, "a A 192.0.2.%u\n", i);
    for (unsigned i = 0; i < 10; i++)
        buffer_format(&text, "b A 192.0.2.%u\n", i);
    for (unsigned i = 0; i < 2; i++) {
        buffer_format(&text, "c TYPE65280 \\# 33000 %02x", i);
        for (unsigned j = 1; j < 33000; j++)
            buffer_text(&text, "00");
        buffer_text(&text, "\n");
    }
    ck_assert_int_eq(judge((char *)text.octets, text.length,
                           (struct zone_rules_options){.records_per_set = 10}, &said, &places),
                     RESULT_FORMAT);
    ck_assert_str_eq(
        (char *)said.octets,
        "5: error: a.x. A has more records of one type than the limit allows\n"
        "26: error: c.x. TYPE65280 has an RRset that no message of 65535 octets can carry\n");
    buffer_free(&text);
    buffer_free(&said);
    buffer_free(&places);
}
END_TEST

/* Warnings of one kind are counted after the first twenty; memory for targets is bounded. */
START_TEST(does_not_flood)
{
    struct buffer text = {.octets = NULL}, said = {.octets = NULL}, places = {.octets = NULL};

    buffer_text(&text, HEAD);
    for (unsigned i = 0; i < 3000; i++)
        buffer_format(&text, "m%u MX 1 none%u\n", i, i);
    ck_assert_int_eq(judge((char *)text.octets, text.length,
                           (struct zone_rules_options){.targets = 2000}, &said, &places),
                     RESULT_OK);
    unsigned lines = 0;
    for (const char *at = (char *)said.octets; *at; at++)
        lines += *at == '\n';
    ck_assert_uint_eq(lines, 21);
    /* 2000 remembered, one of them the name server; the filter may forgive a few. */
    const char *rest = strstr((char *)said.octets, "0: note: ");
    ck_assert_ptr_nonnull(rest);
    unsigned long more = strtoul(rest + strlen("0: note: "), NULL, 10);
    ck_assert_uint_ge(more, 1950);
    ck_assert_uint_le(more, 1979);
    buffer_free(&text);
    buffer_free(&said);
    buffer_free(&places);
}
END_TEST

START_TEST(gives_up_after_many_errors)
{
    struct buffer text = {.octets = NULL}, said = {.octets = NULL}, places = {.octets = NULL};

    buffer_text(&text, HEAD);
    for (unsigned i = 0; i < 1000; i++)
        buffer_format(&text, "a%u CNAME b\n A 192.0.2.1\n", i);
    ck_assert_int_eq(judge((char *)text.octets, text.length,
                           (struct zone_rules_options){.zone = NULL}, &said, &places),
                     RESULT_FORMAT);
    unsigned lines = 0;
    for (const char *at = (char *)said.octets; *at; at++)
        lines += *at == '\n';
    ck_assert_uint_eq(lines, 100);
    buffer_free(&text);
    buffer_free(&said);
    buffer_free(&places);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zonefile/rules");
    TCase *judging = tcase_create("judging");

    tcase_set_timeout(judging, 60);
    tcase_add_loop_test(judging, judges_a_zone, 0, COUNT(rows));
    tcase_add_test(judging, says_where_each_owner_stands);
    tcase_add_test(judging, limits_records_and_octets);
    tcase_add_test(judging, does_not_flood);
    tcase_add_test(judging, gives_up_after_many_errors);
    suite_add_tcase(suite, judging);
    return run_suite(suite);
}
