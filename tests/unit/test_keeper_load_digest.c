/* test_keeper_load_digest.c - ZONEMD records of files: right, wrong, and of no use. */
#include <stdio.h>

#include "../../src/keeper/load_digest.h"
#include "avow/zonefile/parser.h"
#include "support.h"

#define RIGHT                                                                                      \
    "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730" \
    "044c"
#define WRONG                                                                                      \
    "d68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730" \
    "044c"

/* RFC 8976 appendix A.1, in another order and with a record twice. */
static const char zone[] = "$ORIGIN example.\n"
                           "ns2 3600 IN AAAA 2001:db8::63\n"
                           "NS1 3600 IN A 203.0.113.63\n"
                           "@ 86400 IN SOA NS1 admin 2018031900 1800 900 604800 86400\n"
                           "@ 86400 IN NS ns2\n@ 86400 IN NS Ns1\n@ 86400 IN NS ns1\n";

static struct gather gather;

static enum result take(void *context, const struct zonefile_record *record)
{
    (void)context;
    return gather_add(&gather, record->owner,
                      &(struct gathered){.type = record->type,
                                         .ttl = record->ttl,
                                         .rdata = record->rdata,
                                         .rdata_length = record->length});
}

static enum hold_reason verify(const char *more, enum config_zonemd policy, char text[HOLD_TEXT])
{
    char *folder = folder_make(), path[512];
    struct name apex;
    struct zonefile_files files = {.count = 0};
    enum hold_reason hold;

    ck_assert_int_eq(name_from_string("example.", &apex), RESULT_OK);
    (void)snprintf(path, sizeof path, "%s/zone", folder);
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_ge(fprintf(out, "%s%s", zone, more), 0);
    ck_assert_int_eq(fclose(out), 0);
    struct complaints complaints = {.limit = 10};
    struct zonefile_options options = {
        .path = path, .zone = &apex, .complaints = &complaints, .files = &files, .record = take};
    gather_open(&gather, &apex);
    ck_assert_int_eq(zonefile_parse(&options, NULL), RESULT_OK);
    ck_assert_int_eq(gather_sort(&gather), RESULT_OK);
    ck_assert_int_eq(load_digest(&gather, &apex, policy, &hold, text), RESULT_OK);
    ck_assert_uint_eq(gather.next, 0);
    gather_close(&gather);
    zonefile_files_free(&files);
    folder_remove(folder);
    return hold;
}

static const struct row {
    const char *more;
    const char *verified, *required; /* why it is held by these policies; NULL: it is not */
} rows[] = {
    {"", NULL, "has no ZONEMD"},
    {"@ 86400 ZONEMD 2018031900 1 1 " RIGHT "\n", NULL, NULL},
    {"@ 7 ZONEMD 2018031900 1 1 " RIGHT "\n", NULL, NULL},
    {"@ ZONEMD 2018031900 1 1 " WRONG "\n", "is wrong", "is wrong"},
    {"@ ZONEMD 2018031901 1 1 " RIGHT "\n", "for serial 2018031901, not for 2018031900",
     "for serial"},
    {"@ ZONEMD 2018031900 1 1 " RIGHT "\nns1 3600 TXT x\n", "is wrong", "is wrong"},
    /* What no one knows says nothing. */
    {"@ ZONEMD 2018031900 1 3 " RIGHT "\n", NULL, "none of its ZONEMD"},
    {"@ ZONEMD 2018031900 2 1 " RIGHT "\n", NULL, "none of its ZONEMD"},
    {"@ ZONEMD 2018031900 1 3 " RIGHT "\n@ ZONEMD 2018031900 1 1 " RIGHT "\n", NULL, NULL},
    {"@ ZONEMD 2018031900 1 3 " RIGHT "\n@ ZONEMD 2018031900 1 1 " WRONG "\n", "is wrong",
     "is wrong"},
    /* The same record twice is one. */
    {"@ ZONEMD 2018031900 1 1 " RIGHT "\n@ 86400 ZONEMD 2018031900 1 1 " RIGHT "\n", NULL, NULL},
    {"@ ZONEMD 2018031900 1 1 " WRONG "\n@ ZONEMD 2018031900 1 1 " WRONG "\n", "is wrong",
     "is wrong"},
    /* Twins are no good, even if one of them is right. */
    {"@ ZONEMD 2018031900 1 1 " RIGHT "\n@ ZONEMD 2018031900 1 1 " WRONG "\n", NULL,
     "none of its ZONEMD"},
    /* The signature of a ZONEMD at the apex is left out, any other is not. */
    {"@ 86400 ZONEMD 2018031900 1 1 " RIGHT
     "\n@ 86400 RRSIG ZONEMD 13 1 86400 20380101000000 20200101000000 1 example. AAAA\n",
     NULL, NULL},
    {"@ 86400 ZONEMD 2018031900 1 1 " RIGHT
     "\n@ 86400 RRSIG SOA 13 1 86400 20380101000000 20200101000000 1 example. AAAA\n",
     "is wrong", "is wrong"},
    /* One that is not at the apex is data. */
    {"@ ZONEMD 2018031900 1 1 " RIGHT "\nns1 ZONEMD 2018031900 1 1 " RIGHT "\n", "is wrong",
     "is wrong"},
};

START_TEST(policies)
{
    const struct row *row = &rows[_i];
    char text[HOLD_TEXT];

    ck_assert_msg(verify(row->more, CONFIG_ZONEMD_VERIFY, text) ==
                          (row->verified ? HOLD_ZONEMD : HOLD_NONE) &&
                      strstr(text, row->verified ? row->verified : ""),
                  "row %d: %s", _i, text);
    ck_assert_msg(verify(row->more, CONFIG_ZONEMD_REQUIRE, text) ==
                          (row->required ? HOLD_ZONEMD : HOLD_NONE) &&
                      strstr(text, row->required ? row->required : ""),
                  "row %d: %s", _i, text);
    ck_assert_int_eq(verify(row->more, CONFIG_ZONEMD_IGNORE, text), HOLD_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper_load_digest");
    TCase *tests = tcase_create("policies");

    tcase_add_loop_test(tests, policies, 0, COUNT(rows));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
