/* test_signer_permit.c - what policy forbids to sign, row by row, with the bounds from both sides.
 */
#include "src/signer/permit.h"

#include <stdlib.h>
#include <string.h>

#include "avow/wire/type.h"
#include "name_of.h"
#include "support.h"

enum { VALIDITY = 14 * 86400, DAY = 86400 };

#define NOW UINT64_C(1800000000)

static struct sign_job job_of(const char *owner, uint16_t type, uint64_t now)
{
    struct sign_job job = {.key_count = 1,
                           .inception = (uint32_t)(now - 3600),
                           .expiration = (uint32_t)(now - 3600 + VALIDITY),
                           .type = type,
                           .ttl = 3600};
    job.owner = name_of(owner);
    return job;
}

static enum permit ask(const char *zone, enum signing_role role, const struct sign_job *job,
                       uint64_t now)
{
    struct name apex = name_of(zone);
    struct permit_grant grant = {.zone = &apex, .role = role, .validity = VALIDITY};

    return permit_key(&grant, job, now);
}

/* ---- owners and types ----------------------------------------------------------------------- */

#define KSK_YES  1
#define ZSK_YES  2
#define BOTH_YES 3

/* For each: which of the two keys may, and what the other one hears. A CSK may what either may. */
static const struct {
    const char *owner;
    uint16_t type;
    unsigned may;
    enum permit otherwise;
} rows[] = {
    {"example.", TYPE_SOA, ZSK_YES, PERMIT_DATA_BY_KSK},
    {"example.", TYPE_NS, ZSK_YES, PERMIT_DATA_BY_KSK},
    {"EXAMPLE.", TYPE_A, ZSK_YES, PERMIT_DATA_BY_KSK},
    {"www.example.", TYPE_A, ZSK_YES, PERMIT_DATA_BY_KSK},
    {"a.b.c.eXample.", TYPE_TXT, ZSK_YES, PERMIT_DATA_BY_KSK},
    {"*.example.", TYPE_AAAA, ZSK_YES, PERMIT_DATA_BY_KSK},
    {"child.example.", TYPE_DS, ZSK_YES, PERMIT_DATA_BY_KSK},
    {"www.example.", TYPE_NSEC, ZSK_YES, PERMIT_DATA_BY_KSK},
    {"hash.example.", TYPE_NSEC3, ZSK_YES, PERMIT_DATA_BY_KSK},
    {"example.", TYPE_NSEC3PARAM, ZSK_YES, PERMIT_DATA_BY_KSK},
    {"www.example.", 65280, ZSK_YES, PERMIT_DATA_BY_KSK},
    {"www.example.", TYPE_CNAME, ZSK_YES, PERMIT_DATA_BY_KSK},
    {"example.", TYPE_DNSKEY, KSK_YES, PERMIT_KEYS_BY_ZSK},
    {"example.", TYPE_CDS, KSK_YES, PERMIT_KEYS_BY_ZSK},
    {"example.", TYPE_CDNSKEY, KSK_YES, PERMIT_KEYS_BY_ZSK},
    {"_dsboot.child.test._signal.ns.example.", TYPE_CDS, KSK_YES, PERMIT_KEYS_BY_ZSK},
    {"www.example.", TYPE_DNSKEY, 0, PERMIT_NOT_HERE},
    {"www.example.", TYPE_SOA, 0, PERMIT_NOT_HERE},
    {"www.example.", TYPE_NSEC3PARAM, 0, PERMIT_NOT_HERE},
    {"example.", TYPE_DS, 0, PERMIT_NOT_HERE},
    {"example.", TYPE_NSEC3, 0, PERMIT_NOT_HERE},
    {"a.hash.example.", TYPE_NSEC3, 0, PERMIT_NOT_HERE},
    {"www.example.", TYPE_RRSIG, 0, PERMIT_NO_DATA},
    {"www.example.", TYPE_NONE, 0, PERMIT_NO_DATA},
    {"www.example.", TYPE_OPT, 0, PERMIT_NO_DATA},
    {"www.example.", TYPE_NXNAME, 0, PERMIT_NO_DATA},
    {"www.example.", TYPE_TSIG, 0, PERMIT_NO_DATA},
    {"www.example.", TYPE_AXFR, 0, PERMIT_NO_DATA},
    {"www.example.", TYPE_ANY, 0, PERMIT_NO_DATA},
    {"www.example.", 65535, 0, PERMIT_NO_DATA},
    {".", TYPE_A, 0, PERMIT_OUTSIDE},
    {"example.org.", TYPE_A, 0, PERMIT_OUTSIDE},
    {"notexample.", TYPE_A, 0, PERMIT_OUTSIDE},
    {"example.com.", TYPE_DNSKEY, 0, PERMIT_OUTSIDE},
    {"org.", TYPE_SOA, 0, PERMIT_OUTSIDE},
};

START_TEST(judges_owner_and_type)
{
    struct sign_job job = job_of(rows[_i].owner, rows[_i].type, NOW);

    ck_assert_int_eq(ask("example.", SIGNING_KSK, &job, NOW),
                     rows[_i].may & KSK_YES ? PERMIT_ALLOWED : rows[_i].otherwise);
    ck_assert_int_eq(ask("example.", SIGNING_ZSK, &job, NOW),
                     rows[_i].may & ZSK_YES ? PERMIT_ALLOWED : rows[_i].otherwise);
    ck_assert_int_eq(ask("example.", SIGNING_CSK, &job, NOW),
                     rows[_i].may ? PERMIT_ALLOWED : rows[_i].otherwise);
}
END_TEST

/* Everything lies below the root; the rest is as anywhere. */
START_TEST(judges_the_root_zone)
{
    struct sign_job job = job_of("www.example.", TYPE_A, NOW);

    ck_assert_int_eq(ask(".", SIGNING_ZSK, &job, NOW), PERMIT_ALLOWED);
    job = job_of(".", TYPE_DNSKEY, NOW);
    ck_assert_int_eq(ask(".", SIGNING_KSK, &job, NOW), PERMIT_ALLOWED);
    job = job_of(".", TYPE_DS, NOW);
    ck_assert_int_eq(ask(".", SIGNING_ZSK, &job, NOW), PERMIT_NOT_HERE);
    job = job_of("example.", TYPE_DS, NOW);
    ck_assert_int_eq(ask(".", SIGNING_ZSK, &job, NOW), PERMIT_ALLOWED);
}
END_TEST

/* ---- times ---------------------------------------------------------------------------------- */

/* Also where stamps wrap (2106) and where they are of the next round. */
static const uint64_t times[] = {NOW, UINT64_C(0xfffffff0), UINT64_C(0x100000000) + 100,
                                 UINT64_C(0x80000000), 3 * UINT64_C(0x100000000) - 7200};

static const struct {
    int64_t inception, expiration; /* from now */
    enum permit permit;
} spans[] = {
    {-3600, VALIDITY, PERMIT_ALLOWED},
    {-3600, VALIDITY + 1, PERMIT_TOO_LONG},
    {-3600, INT32_MAX, PERMIT_TOO_LONG},
    {-3600, 1, PERMIT_ALLOWED},
    {-3600, 0, PERMIT_EXPIRED},
    {-3600, -1, PERMIT_EXPIRED},
    {-3600, -3601, PERMIT_EXPIRED},
    {-3600, INT64_C(0x80000000), PERMIT_EXPIRED},
    {0, VALIDITY, PERMIT_ALLOWED},
    {1, VALIDITY, PERMIT_FUTURE},
    {DAY, VALIDITY, PERMIT_FUTURE},
    {-DAY, VALIDITY, PERMIT_ALLOWED},
    {-DAY - 1, VALIDITY, PERMIT_OLD_INCEPTION},
    {-INT64_C(0x7fffffff), VALIDITY, PERMIT_OLD_INCEPTION},
    {-INT64_C(0x80000000), VALIDITY, PERMIT_FUTURE},
};

START_TEST(judges_times)
{
    for (size_t i = 0; i < COUNT(times); i++) {
        struct sign_job job = job_of("www.example.", TYPE_A, times[i]);
        job.inception = (uint32_t)(times[i] + (uint64_t)spans[_i].inception);
        job.expiration = (uint32_t)(times[i] + (uint64_t)spans[_i].expiration);
        ck_assert_msg(ask("example.", SIGNING_ZSK, &job, times[i]) == spans[_i].permit,
                      "row %d, time %zu", _i, i);
    }
}
END_TEST

/* ---- RRsets --------------------------------------------------------------------------------- */

static const struct {
    const char *what;
    uint16_t type, count;
    const char *run;
    size_t length;
    enum permit permit;
} sets[] = {
    {"one", TYPE_A, 1, "\0\4\1\2\3\4", 6, PERMIT_ALLOWED},
    {"two in order", TYPE_A, 2, "\0\4\1\2\3\4\0\4\1\2\3\5", 12, PERMIT_ALLOWED},
    {"two out of order", TYPE_A, 2, "\0\4\1\2\3\5\0\4\1\2\3\4", 12, PERMIT_UNORDERED},
    {"one twice", TYPE_A, 2, "\0\4\1\2\3\4\0\4\1\2\3\4", 12, PERMIT_UNORDERED},
    {"short", TYPE_A, 1, "\0\3\1\2\3", 5, PERMIT_MALFORMED},
    {"long", TYPE_A, 1, "\0\5\1\2\3\4\5", 7, PERMIT_MALFORMED},
    {"the second short", TYPE_A, 2, "\0\4\1\2\3\4\0\3\1\2\3", 11, PERMIT_MALFORMED},
    {"cut", TYPE_A, 1, "\0\4\1\2\3", 5, PERMIT_MALFORMED},
    {"a shorter one first", TYPE_TXT, 2, "\0\2\1a\0\3\2aa", 9, PERMIT_ALLOWED},
    {"a name", TYPE_NS, 1, "\0\3\1a\0", 5, PERMIT_ALLOWED},
    {"a pointer", TYPE_NS, 1, "\0\2\300\0", 4, PERMIT_MALFORMED},
    {"the same name, other letters", TYPE_NS, 2, "\0\3\1a\0\0\3\1A\0", 10, PERMIT_UNORDERED},
    {"names in lower case count", TYPE_NS, 2, "\0\3\1B\0\0\3\1a\0", 10, PERMIT_UNORDERED},
    {"unknown, in order", 65280, 3, "\0\0\0\1\0\0\1\1", 8, PERMIT_ALLOWED},
    {"unknown, out of order", 65280, 2, "\0\1\0\0\0", 5, PERMIT_UNORDERED},
};

START_TEST(judges_rrsets)
{
    struct sign_job job = job_of("www.example.", sets[_i].type, NOW);
    uint8_t *octets = exact_copy(sets[_i].run, sets[_i].length);

    job.rdata = (struct rdata_run){
        .octets = octets, .length = (uint32_t)sets[_i].length, .count = sets[_i].count};
    ck_assert_msg(permit_rrset(&job) == sets[_i].permit, "%s", sets[_i].what);
    job.ttl = INT32_MAX;
    ck_assert_int_eq(permit_rrset(&job), sets[_i].permit);
    job.ttl++;
    ck_assert_int_eq(permit_rrset(&job), PERMIT_BAD_TTL);
    free(octets);
}
END_TEST

START_TEST(has_a_sentence_for_each)
{
    for (unsigned i = 0; i < PERMIT_VERDICTS; i++) {
        ck_assert_ptr_nonnull(permit_sentence((enum permit)i));
        for (unsigned j = 0; j < i; j++)
            ck_assert_str_ne(permit_sentence((enum permit)i), permit_sentence((enum permit)j));
    }
    ck_assert_ptr_nonnull(permit_sentence(PERMIT_VERDICTS));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signer/permit");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, judges_owner_and_type, 0, COUNT(rows));
    tcase_add_test(tests, judges_the_root_zone);
    tcase_add_loop_test(tests, judges_times, 0, COUNT(spans));
    tcase_add_loop_test(tests, judges_rrsets, 0, COUNT(sets));
    tcase_add_test(tests, has_a_sentence_for_each);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
