/* test_dnssec_rrsig.c - RRSIG RDATA, the octets to sign, times past 2106. */
#include "support.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "avow/dnssec/canonical.h"
#include "avow/dnssec/rrsig.h"
#include "avow/wire/type.h"
#include "name_of.h"

static struct rrsig_fields fields_of(uint16_t covered, uint8_t labels)
{
    return (struct rrsig_fields){
        .covered = covered,
        .algorithm = ALGORITHM_ECDSAP256SHA256,
        .labels = labels,
        .original_ttl = 3600,
        .expiration = 0x01020304,
        .inception = 0x05060708,
        .key_tag = 0x1122,
        .signer = name_of("Example."),
    };
}

START_TEST(rdata_comes_back)
{
    struct rrsig_fields fields = fields_of(TYPE_MX, 2);
    uint8_t octets[RRSIG_MAX_OCTETS];
    struct writer writer = writer_over(octets, sizeof(octets));
    struct rrsig_summary summary;
    struct rrsig rrsig;

    rrsig_write(&writer, &fields, (const uint8_t *)"signature", 9);
    ck_assert_uint_eq(writer.length, RRSIG_FIXED_OCTETS + 9 + 9);
    for (size_t length = 0; length <= writer.length; length++) {
        uint8_t *copy = exact_copy(octets, length);
        struct reader rdata = reader_over(copy, length);
        ck_assert((rrsig_read_summary(rdata, &summary) == RESULT_OK) ==
                  (length >= RRSIG_FIXED_OCTETS));
        bool good = length > RRSIG_FIXED_OCTETS + 9; /* some signature */
        ck_assert((rrsig_read(&rdata, &rrsig) == RESULT_OK) == good);
        free(copy);
    }

    struct reader rdata = reader_over(octets, writer.length);
    ck_assert(rrsig_read(&rdata, &rrsig) == RESULT_OK);
    ck_assert_uint_eq(rrsig.fields.covered, TYPE_MX);
    ck_assert_uint_eq(rrsig.fields.algorithm, ALGORITHM_ECDSAP256SHA256);
    ck_assert_uint_eq(rrsig.fields.labels, 2);
    ck_assert_uint_eq(rrsig.fields.original_ttl, 3600);
    ck_assert_uint_eq(rrsig.fields.expiration, fields.expiration);
    ck_assert_uint_eq(rrsig.fields.inception, fields.inception);
    ck_assert_uint_eq(rrsig.fields.key_tag, fields.key_tag);
    ck_assert_mem_eq(rrsig.fields.signer.octets, "\007example", 9); /* written in lower case */
    ck_assert_uint_eq(rrsig.signature_length, 9);
    ck_assert_mem_eq(rrsig.signature, "signature", 9);
    ck_assert(rrsig_read_summary(reader_over(octets, writer.length), &summary) == RESULT_OK);
    ck_assert(summary.covered == TYPE_MX && summary.key_tag == fields.key_tag &&
              summary.algorithm == fields.algorithm && summary.expiration == fields.expiration &&
              summary.inception == fields.inception);
}
END_TEST

/* Two A records at a name in mixed case: owner lower-cased, both records, the original TTL. */
static const uint8_t run_of_two[] = {0, 4, 192, 0, 2, 1, 0, 4, 192, 0, 2, 2};

static const struct {
    const char *what, *owner;
    uint8_t labels;
    const char *signed_owner; /* NULL: refused */
    size_t signed_length;
} owners[] = {
    {"itself, lower-cased", "WWW.Example.", 2, "\003www\007example", 13},
    {"a wildcard as it is stored", "*.Example.", 1, "\001*\007example", 11},
    {"a wildcard's expansion", "a.B.Example.", 1, "\001*\007example", 11},
    {"an expansion one label deep", "x.Example.", 1, "\001*\007example", 11},
    {"a wildcard below a wildcard", "*.*.Example.", 2, "\001*\001*\007example", 13},
    {"an expansion of the root's wildcard", "a.", 0, "\001*", 3},
    {"more labels than the owner has", "Example.", 2, NULL, 0},
    {"the asterisk counted", "*.Example.", 2, NULL, 0},
};

START_TEST(lays_out_what_is_signed)
{
    struct name owner = name_of(owners[_i].owner);
    struct rrsig_fields fields = fields_of(TYPE_A, owners[_i].labels);
    struct rrset rrset = {&owner, TYPE_A, CLASS_IN, 17, {run_of_two, sizeof(run_of_two), 2}};
    uint8_t expected[256];
    struct writer writer = writer_over(expected, sizeof(expected));
    struct buffer octets = {0};

    enum result result = rrsig_octets_to_sign(&fields, &rrset, &octets);
    if (!owners[_i].signed_owner) {
        ck_assert_msg(result == RESULT_FORMAT, "%s", owners[_i].what);
    } else {
        rrsig_write_fields(&writer, &fields);
        for (uint8_t last = 1; last <= 2; last++) {
            writer_add(&writer, owners[_i].signed_owner, owners[_i].signed_length);
            writer_u16(&writer, TYPE_A);
            writer_u16(&writer, CLASS_IN);
            writer_u32(&writer, 3600); /* not 17 */
            writer_u16(&writer, 4);
            writer_add(&writer, (uint8_t[]){192, 0, 2, last}, 4);
        }
        ck_assert_msg(result == RESULT_OK, "%s", owners[_i].what);
        ck_assert_uint_eq(octets.length, writer.length);
        ck_assert_mem_eq(octets.octets, expected, writer.length);
    }
    buffer_free(&octets);
}
END_TEST

START_TEST(refuses_runs_that_do_not_add_up)
{
    struct name owner = name_of("www.example.");
    struct rrsig_fields fields = fields_of(TYPE_A, 2);
    static const struct {
        uint32_t length;
        uint16_t count, type;
    } rows[] = {{12, 1, TYPE_A}, {12, 3, TYPE_A}, {11, 2, TYPE_A},   {7, 1, TYPE_A},
                {7, 2, TYPE_A},  {0, 0, TYPE_A},  {12, 2, TYPE_AAAA}};
    uint8_t *run = exact_copy(run_of_two, rows[_i].length);
    struct rrset rrset = {
        &owner, rows[_i].type, CLASS_IN, 17, {run, rows[_i].length, rows[_i].count}};
    struct buffer octets = {0};

    ck_assert(rrsig_octets_to_sign(&fields, &rrset, &octets) == RESULT_FORMAT);
    buffer_free(&octets);
    free(run);
}
END_TEST

START_TEST(hashes_what_is_signed)
{
    static const struct {
        uint8_t algorithm;
        const char *digest; /* NULL: refused */
    } rows[] = {{8, "SHA256"}, {10, "SHA512"}, {13, "SHA256"}, {14, "SHA384"},
                {15, NULL},    {16, NULL},     {5, NULL}};
    struct name owner = name_of("www.example.");
    struct rrsig_fields fields = fields_of(TYPE_A, 2);
    struct rrset rrset = {&owner, TYPE_A, CLASS_IN, 17, {run_of_two, sizeof(run_of_two), 2}};
    struct digest_context digests;
    struct buffer octets = {0};
    uint8_t hash[DIGEST_MAX_OCTETS], expected[DIGEST_MAX_OCTETS];
    size_t length;
    unsigned expected_length;

    fields.algorithm = rows[_i].algorithm;
    ck_assert(digest_context_open(&digests) == RESULT_OK);
    for (int again = 0; again < 2; again++) { /* the context is used more than once */
        enum result result = rrsig_digest_to_sign(&digests, &fields, &rrset, hash, &length);
        if (!rows[_i].digest) {
            ck_assert(result == RESULT_REFUSED);
            continue;
        }
        buffer_clear(&octets);
        ck_assert(result == RESULT_OK);
        ck_assert(rrsig_octets_to_sign(&fields, &rrset, &octets) == RESULT_OK);
        ck_assert_int_eq(EVP_Digest(octets.octets, octets.length, expected, &expected_length,
                                    EVP_get_digestbyname(rows[_i].digest), NULL),
                         1);
        ck_assert_uint_eq(length, expected_length);
        ck_assert_mem_eq(hash, expected, length);
    }
    buffer_free(&octets);
    digest_context_close(&digests);
}
END_TEST

START_TEST(an_rrset_of_any_size_is_laid_out)
{
    enum { RECORDS = 500, OCTETS = 700 };
    struct name owner = name_of("big.example.");
    struct rrsig_fields fields = fields_of(65400, 2);
    struct buffer run = {0};
    struct digest_context digests;
    uint8_t hash[DIGEST_MAX_OCTETS];
    size_t length;

    for (unsigned i = 0; i < RECORDS; i++) {
        buffer_u16(&run, OCTETS);
        uint8_t *octets = buffer_claim(&run, OCTETS);
        ck_assert_ptr_nonnull(octets);
        memset(octets, (int)i, OCTETS);
    }
    struct rrset rrset = {&owner, 65400, CLASS_IN, 0, {run.octets, (uint32_t)run.length, RECORDS}};
    ck_assert(digest_context_open(&digests) == RESULT_OK);
    ck_assert(rrsig_digest_to_sign(&digests, &fields, &rrset, hash, &length) == RESULT_OK);
    ck_assert_uint_eq(digests.octets.length,
                      RRSIG_FIXED_OCTETS + 9 + RECORDS * (owner.length + 10u + OCTETS));
    digest_context_close(&digests);
    buffer_free(&run);
}
END_TEST

START_TEST(orders_stamps_as_serials)
{
    static const struct {
        uint32_t a, b;
        int order;
    } rows[] = {
        {0, 0, 0},           {1, 0, 1},          {0, 1, -1},         {0, 0xffffffff, 1},
        {0xffffffff, 0, -1}, {0x7fffffff, 0, 1}, {0x80000000, 0, 1}, /* no order: after, whichever
                                                                        way round */
        {0, 0x80000000, 1},  {0x80000001, 0, -1}};

    ck_assert_int_eq(rrsig_stamp_compare(rows[_i].a, rows[_i].b), rows[_i].order);
}
END_TEST

START_TEST(knows_which_century)
{
    const uint64_t round = UINT64_C(1) << 32, y2106 = round;

    ck_assert(rrsig_stamp_time(100, 50) == 100);
    ck_assert(rrsig_stamp_time(50, 100) == 50);
    ck_assert(rrsig_stamp_time(rrsig_stamp(y2106 + 7), y2106 - 9) == y2106 + 7);
    ck_assert(rrsig_stamp_time(rrsig_stamp(y2106 - 7), y2106 + 9) == y2106 - 7);
    ck_assert(rrsig_stamp_time(0xffffffff, 5) == 0xffffffff); /* nothing is before 1970 */
    ck_assert(rrsig_stamp_time(3, 7 * round + 4) == 7 * round + 3);
}
END_TEST

START_TEST(tells_what_is_current)
{
    struct rrsig_fields fields = fields_of(TYPE_A, 2);
    const uint64_t starts[] = {1000, (UINT64_C(1) << 32) - 500, UINT64_C(1) << 32};
    uint64_t start = starts[_i];

    fields.inception = rrsig_stamp(start);
    fields.expiration = rrsig_stamp(start + 1000);
    ck_assert(!rrsig_is_current(&fields, start - 1));
    ck_assert(rrsig_is_current(&fields, start));
    ck_assert(rrsig_is_current(&fields, start + 1000));
    ck_assert(!rrsig_is_current(&fields, start + 1001));
    fields.expiration = rrsig_stamp(start - 1); /* the wrong way round: never */
    ck_assert(!rrsig_is_current(&fields, start));
    ck_assert(!rrsig_is_current(&fields, start - 1));
}
END_TEST

START_TEST(counts_labels)
{
    static const struct {
        const char *owner;
        uint8_t labels;
    } rows[] = {{".", 0},          {"*.", 0},           {"example.", 1},
                {"*.example.", 1}, {"a.*.example.", 3}, {"*.*.example.", 2}};
    struct name owner = name_of(rows[_i].owner);

    ck_assert_uint_eq(rrsig_labels(&owner), rows[_i].labels);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnssec/rrsig");
    TCase *core = tcase_create("octets"), *time = tcase_create("time");

    tcase_add_test(core, rdata_comes_back);
    tcase_add_loop_test(core, lays_out_what_is_signed, 0, COUNT(owners));
    tcase_add_loop_test(core, refuses_runs_that_do_not_add_up, 0, 7);
    tcase_add_loop_test(core, hashes_what_is_signed, 0, 7);
    tcase_add_test(core, an_rrset_of_any_size_is_laid_out);
    tcase_add_loop_test(core, counts_labels, 0, 6);
    tcase_add_loop_test(time, orders_stamps_as_serials, 0, 9);
    tcase_add_test(time, knows_which_century);
    tcase_add_loop_test(time, tells_what_is_current, 0, 3);
    suite_add_tcase(suite, core);
    suite_add_tcase(suite, time);
    return run_suite(suite);
}
