/* test_dnssec_denial.c - the judge of denials, on chains that peers made; our spans agree with it.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "avow/dnssec/nsec.h"
#include "avow/dnssec/nsec3.h"
#include "avow/wire/type.h"
#include "denial_check.h"
#include "records.h"

static const char *const zones[] = {"bind-13-nsec", "bind-13-nsec3", "bind-13-optout",
                                    "ldns-13-nsec3"};
enum { NSEC_ZONE = 0, OPT_OUT_ZONE = 2 };

struct chain {
    struct records zone;
    struct denial_record records[128];
    struct denial_evidence evidence;
};

static void chain_open(struct chain *chain, const char *file)
{
    char path[128];

    memset(chain, 0, sizeof(*chain));
    snprintf(path, sizeof(path), "tests/unit/fixtures/dnssec/%s.zone", file);
    records_add_file(&chain->zone, path);
    chain->evidence = (struct denial_evidence){chain->records, 0, name_of("example.com.")};
    for (size_t i = 0; i < chain->zone.count; i++) {
        const struct records_set *set = &chain->zone.sets[i];
        if (set->type != TYPE_NSEC && set->type != TYPE_NSEC3)
            continue;
        ck_assert_uint_lt(chain->evidence.count, COUNT(chain->records));
        chain->records[chain->evidence.count++] =
            (struct denial_record){set->owner, set->type, set->run.octets + 2, set->run.length - 2};
    }
    ck_assert_uint_gt(chain->evidence.count, 10);
}

static void chain_close(struct chain *chain)
{
    records_free(&chain->zone);
}

/* What the whole chain proves of a name and a type; `opted` where the zone opts out. */
static const struct {
    const char *name;
    uint16_t type;
    enum denial_proof proof, opted;
} questions[] = {
    {"example.com.", TYPE_MX, DENIAL_NOTHING, DENIAL_NOTHING},
    {"example.com.", TYPE_A, DENIAL_NODATA, DENIAL_NODATA},
    {"EXAMPLE.com.", TYPE_AAAA, DENIAL_NODATA, DENIAL_NODATA},
    {"example.com.", TYPE_DS, DENIAL_NODATA, DENIAL_NODATA},
    {"ns1.example.com.", TYPE_A, DENIAL_NOTHING, DENIAL_NOTHING},
    {"ns1.example.com.", TYPE_MX, DENIAL_NODATA, DENIAL_NODATA},
    {"upper.example.com.", TYPE_A, DENIAL_NOTHING, DENIAL_NOTHING}, /* a CNAME answers */
    {"nothing.example.com.", TYPE_A, DENIAL_NXDOMAIN, DENIAL_NXDOMAIN},
    {"deep.down.nothing.example.com.", TYPE_A, DENIAL_NXDOMAIN, DENIAL_NXDOMAIN},
    {"a.ns1.example.com.", TYPE_A, DENIAL_NXDOMAIN, DENIAL_NXDOMAIN},
    {"zzz.example.com.", TYPE_A, DENIAL_NXDOMAIN, DENIAL_NXDOMAIN},
    {"!.example.com.", TYPE_A, DENIAL_NXDOMAIN, DENIAL_NXDOMAIN},
    {"c.example.com.", TYPE_A, DENIAL_NODATA, DENIAL_NODATA}, /* empty non-terminals */
    {"b.c.example.com.", TYPE_A, DENIAL_NODATA, DENIAL_NODATA},
    {"_tcp.example.com.", TYPE_SRV, DENIAL_NODATA, DENIAL_NODATA},
    {"wild.example.com.", TYPE_TXT, DENIAL_NODATA, DENIAL_NODATA},
    {"x.b.c.example.com.", TYPE_A, DENIAL_NXDOMAIN, DENIAL_NXDOMAIN},
    {"x.wild.example.com.", TYPE_A, DENIAL_WILDCARD_NODATA, DENIAL_WILDCARD_NODATA},
    {"x.y.wild.example.com.", TYPE_A, DENIAL_WILDCARD_NODATA, DENIAL_WILDCARD_NODATA},
    {"x.wild.example.com.", TYPE_TXT, DENIAL_NOTHING, DENIAL_NOTHING}, /* the wildcard answers */
    {"*.wild.example.com.", TYPE_A, DENIAL_NODATA, DENIAL_NODATA},
    {"q.star.example.com.", TYPE_A, DENIAL_WILDCARD_NODATA, DENIAL_WILDCARD_NODATA}, /* ENT * */
    {"signed.example.com.", TYPE_DS, DENIAL_NOTHING, DENIAL_NOTHING},
    {"signed.example.com.", TYPE_A, DENIAL_NOTHING, DENIAL_NOTHING}, /* the child's business */
    {"unsigned.example.com.", TYPE_DS, DENIAL_NODATA, DENIAL_NXDOMAIN},
    {"unsigned.example.com.", TYPE_A, DENIAL_NOTHING, DENIAL_NXDOMAIN},
    {"ns.signed.example.com.", TYPE_MX, DENIAL_NOTHING, DENIAL_NOTHING},
    {"x.dn.example.com.", TYPE_A, DENIAL_NOTHING, DENIAL_NOTHING}, /* below a DNAME */
    {"dn.example.com.", TYPE_A, DENIAL_NODATA, DENIAL_NODATA},
    {"other.net.", TYPE_A, DENIAL_NOTHING, DENIAL_NOTHING},
};

static void judge(int row, const char *file, bool opts_out)
{
    struct chain chain;
    struct name name = name_of(questions[row].name);
    enum denial_proof expected = opts_out ? questions[row].opted : questions[row].proof;

    chain_open(&chain, file);
    struct denial denial = denial_check(&chain.evidence, &name, questions[row].type);
    ck_assert_msg(denial.proof == expected, "%s: %s type %u: %s, not %s", file, questions[row].name,
                  questions[row].type, denial_proof_text(denial.proof),
                  denial_proof_text(expected));
    ck_assert_msg(opts_out || !denial.opt_out, "%s: nobody opted out", questions[row].name);
    chain_close(&chain);
}

START_TEST(judges_questions)
{
    for (size_t i = 0; i < COUNT(zones); i++)
        judge(_i, zones[i], i == OPT_OUT_ZONE);
}
END_TEST

/* Without any one of the records that a proof needs, there is no proof. */
START_TEST(misses_each_record_it_needs)
{
    static const struct {
        const char *name;
        uint16_t type;
    } rows[] = {{"nothing.example.com.", TYPE_A},
                {"x.b.c.example.com.", TYPE_A},
                {"x.wild.example.com.", TYPE_A},
                {"ns1.example.com.", TYPE_MX},
                {"c.example.com.", TYPE_A}};

    for (size_t zone = 0; zone < COUNT(zones); zone++) {
        struct chain chain;
        struct name name = name_of(rows[_i].name);
        unsigned needed = 0;

        chain_open(&chain, zones[zone]);
        size_t count = chain.evidence.count;
        for (size_t gone = 0; gone < count; gone++) {
            struct denial_record kept = chain.records[gone];
            chain.records[gone] = chain.records[count - 1];
            chain.evidence.count = count - 1;
            needed += denial_check(&chain.evidence, &name, rows[_i].type).proof == DENIAL_NOTHING;
            chain.records[gone] = kept;
        }
        ck_assert_msg(needed >= 1 && needed <= 3, "%s: %s needs %u records", zones[zone],
                      rows[_i].name, needed);
        chain_close(&chain);
    }
}
END_TEST

START_TEST(judges_cuts)
{
    struct name is_signed = name_of("signed.example.com"), plain = name_of("unsigned.example.com");
    struct name below = name_of("lone.below.example.com"), host = name_of("ns1.example.com");
    struct chain chain;

    chain_open(&chain, zones[_i]);
    ck_assert(denial_check_unsigned_cut(&chain.evidence, &plain));
    ck_assert(denial_check_unsigned_cut(&chain.evidence, &below));
    ck_assert(!denial_check_unsigned_cut(&chain.evidence, &is_signed));
    ck_assert(!denial_check_unsigned_cut(&chain.evidence, &host));
    chain_close(&chain);
}
END_TEST

START_TEST(judges_expansions)
{
    struct name expanded = name_of("x.y.wild.example.com"), existing = name_of("ns1.example.com");
    struct name literal = name_of("*.wild.example.com");
    struct chain chain;

    chain_open(&chain, zones[_i]);
    ck_assert(denial_check_expansion(&chain.evidence, &expanded, 3));
    ck_assert(!denial_check_expansion(&chain.evidence, &expanded, 2)); /* wild.example.com exists */
    ck_assert(!denial_check_expansion(&chain.evidence, &existing, 2));
    ck_assert(!denial_check_expansion(&chain.evidence, &literal, 3));
    chain.evidence.count = 0;
    ck_assert(!denial_check_expansion(&chain.evidence, &expanded, 3));
    chain_close(&chain);
}
END_TEST

/* In a whole chain every name is either some record's owner or covered by exactly one. */
static unsigned places(const struct chain *chain, const struct name *name)
{
    struct nsec3_parameters parameters = {.algorithm = NSEC3_SHA1};
    unsigned found = 0;

    for (size_t i = 0; i < chain->evidence.count; i++) {
        const struct denial_record *record = &chain->records[i];
        struct reader rdata = reader_over(record->rdata, record->length);
        uint8_t own[NSEC3_HASH_OCTETS], hash[NSEC3_HASH_OCTETS];
        struct nsec3 nsec3;
        struct nsec nsec;

        if (record->type == TYPE_NSEC) {
            ck_assert(nsec_read(&rdata, &nsec) == RESULT_OK);
            found += name_equal(&record->owner, name);
            found += nsec_covers(&record->owner, &nsec.next, name);
            continue;
        }
        ck_assert(nsec3_read(&rdata, &nsec3) == RESULT_OK);
        ck_assert(nsec3_owner_hash(&record->owner, own) == RESULT_OK);
        parameters.iterations = nsec3.iterations;
        parameters.salt_length = nsec3.salt_length;
        memcpy(parameters.salt, nsec3.salt, nsec3.salt_length);
        nsec3_hash(&parameters, name, hash);
        found += memcmp(own, hash, sizeof(own)) == 0;
        found += nsec3_covers(own, nsec3.next, hash);
    }
    return found;
}

START_TEST(every_name_has_one_place)
{
    struct chain chain;
    char text[64];
    unsigned seed = 7;

    chain_open(&chain, zones[_i]);
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof(text), "%x.example.com.", (unsigned)rand_r(&seed));
        struct name name = name_of(text);
        ck_assert_msg(places(&chain, &name) == 1, "%s: %s", zones[_i], text);
    }
    for (size_t i = 0; i < chain.zone.count; i++) {
        if (chain.zone.sets[i].type != TYPE_NSEC3) /* owners of NSEC3 do not exist as names */
            ck_assert_uint_eq(places(&chain, &chain.zone.sets[i].owner), 1);
    }
    chain_close(&chain);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnssec/denial");
    TCase *judge_case = tcase_create("judge"), *span = tcase_create("spans");

    tcase_set_timeout(judge_case, 60);
    tcase_set_timeout(span, 60);
    tcase_add_loop_test(judge_case, judges_questions, 0, COUNT(questions));
    tcase_add_loop_test(judge_case, misses_each_record_it_needs, 0, 5);
    tcase_add_loop_test(judge_case, judges_cuts, 0, COUNT(zones));
    tcase_add_loop_test(judge_case, judges_expansions, 0, COUNT(zones));
    tcase_add_loop_test(span, every_name_has_one_place, 0, COUNT(zones));
    suite_add_tcase(suite, judge_case);
    suite_add_tcase(suite, span);
    return run_suite(suite);
}
