/* test_dnssec_dnskey.c - key tags and DS of the RFCs, keys as tokens show them, refused keys. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "avow/dnssec/algorithm.h"
#include "avow/dnssec/dnskey.h"
#include "avow/dnssec/ds.h"
#include "avow/wire/codec.h"
#include "name_of.h"

#define RSASHA1_4034                                                                               \
    "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMm"     \
    "mAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw=="
#define P256_6605                                                                                  \
    "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="
#define P384_6605                                                                                  \
    "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8"     \
    "/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40"
#define ED25519_8080   "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="
#define ED25519_8080_2 "zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs="
#define ED448_8080     "3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA"
#define RSA512_5702                                                                                \
    "AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/AyhqFDxj13tOnD9u/1"     \
    "kTg7cV6rklMrZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12ZTSncorffcGmhOL"

static struct dnskey key_of(uint16_t flags, uint8_t algorithm, const char *base64)
{
    struct dnskey key = {.flags = flags, .protocol = DNSKEY_PROTOCOL, .algorithm = algorithm};
    struct writer octets = writer_over(key.public_key, sizeof(key.public_key));

    ck_assert(base64_read(base64, strlen(base64), &octets) == RESULT_OK);
    key.length = (uint16_t)octets.length;
    return key;
}

static const struct {
    const char *what, *owner, *base64;
    uint16_t flags;
    uint8_t algorithm;
    uint16_t tag;
    uint8_t digest_type; /* 0: the RFC prints no DS */
    const char *digest;
} keys[] = {
    {"RFC 4034 section 5.4", "dskey.example.com", RSASHA1_4034, 256, 5, 60485, DS_SHA1,
     "2BB183AF5F22588179A53B0A98631FAD1A292118"},
    {"RFC 4509 section 2.3", "dskey.example.com", RSASHA1_4034, 256, 5, 60485, DS_SHA256,
     "D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"},
    {"RFC 5702 section 6.2", "example.net", RSA512_5702, 256, 10, 3740, 0, NULL},
    {"RFC 6605 section 6.1", "Example.NET", P256_6605, 257, 13, 55648, DS_SHA256,
     "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17"},
    {"RFC 6605 section 6.2", "example.net", P384_6605, 257, 14, 10771, DS_SHA384,
     "72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df98"
     "3d"
     "6"},
    {"RFC 8080 section 6.1", "example.com", ED25519_8080, 257, 15, 3613, DS_SHA256,
     "3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b"},
    {"RFC 8080 section 6.1, second", "example.com", ED25519_8080_2, 257, 15, 35217, DS_SHA256,
     "401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c"},
    {"RFC 8080 section 6.2", "example.com", ED448_8080, 257, 16, 9713, 0, NULL},
};

START_TEST(tags_as_the_rfcs_print_them)
{
    struct dnskey key = key_of(keys[_i].flags, keys[_i].algorithm, keys[_i].base64), back;
    uint8_t octets[DNSKEY_MAX_OCTETS];
    struct writer rdata = writer_over(octets, sizeof(octets));

    dnskey_write(&rdata, &key);
    ck_assert_msg(dnskey_tag(&key) == keys[_i].tag, "%s", keys[_i].what);
    ck_assert_uint_eq(dnskey_tag_of_rdata(octets, rdata.length), keys[_i].tag);
    struct reader reader = reader_over(octets, rdata.length);
    ck_assert(dnskey_read(&reader, &back) == RESULT_OK);
    ck_assert(dnskey_equal(&key, &back));
    back.public_key[back.length - 1] ^= 1;
    ck_assert(!dnskey_equal(&key, &back));
}
END_TEST

START_TEST(ds_as_the_rfcs_print_them)
{
    struct dnskey key = key_of(keys[_i].flags, keys[_i].algorithm, keys[_i].base64);
    struct name owner = name_of(keys[_i].owner), other = name_of("other.example");
    struct digest_context digests;
    struct ds made, printed = {.key_tag = keys[_i].tag,
                               .algorithm = keys[_i].algorithm,
                               .digest_type = keys[_i].digest_type};
    struct writer digest = writer_over(printed.digest, sizeof(printed.digest));
    bool matches;

    if (!keys[_i].digest)
        return;
    ck_assert(digest_context_open(&digests) == RESULT_OK);
    ck_assert(base16_read(keys[_i].digest, strlen(keys[_i].digest), &digest) == RESULT_OK);
    printed.length = (uint8_t)digest.length;

    ck_assert(ds_matches(&digests, &owner, &key, &printed, &matches) == RESULT_OK);
    ck_assert_msg(matches, "%s", keys[_i].what);
    ck_assert(ds_matches(&digests, &other, &key, &printed, &matches) == RESULT_OK);
    ck_assert_msg(!matches, "%s: at another owner", keys[_i].what);

    enum result result = ds_from_dnskey(&digests, &owner, &key, printed.digest_type, &made);
    if (printed.digest_type == DS_SHA1) {
        ck_assert(result == RESULT_REFUSED); /* known, never made */
    } else {
        ck_assert(result == RESULT_OK);
        ck_assert_mem_eq(&made, &printed, sizeof(made));
    }
    digest_context_close(&digests);
}
END_TEST

START_TEST(ds_rdata_has_the_length_of_its_digest)
{
    static const struct {
        uint8_t type, length;
        bool good;
    } rows[] = {{DS_SHA1, 20, true},    {DS_SHA1, 32, false},  {DS_SHA256, 32, true},
                {DS_SHA256, 31, false}, {DS_SHA384, 48, true}, {DS_SHA384, 49, false},
                {0, 1, true},           {0, 0, false},         {99, 48, true},
                {99, 49, false}};
    uint8_t octets[64] = {0x30, 0x39, 13, rows[_i].type};
    uint8_t *copy = exact_copy(octets, 4u + rows[_i].length);
    struct reader rdata = reader_over(copy, 4u + rows[_i].length);
    struct ds ds;

    ck_assert((ds_read(&rdata, &ds) == RESULT_OK) == rows[_i].good);
    if (rows[_i].good) {
        struct writer writer = writer_over(octets, sizeof(octets));
        ds_write(&writer, &ds);
        ck_assert_uint_eq(writer.length, 4u + rows[_i].length);
        ck_assert_mem_eq(octets, copy, writer.length);
        ck_assert_uint_eq(ds.key_tag, 12345);
    }
    free(copy);
}
END_TEST

START_TEST(asks_for_removal)
{
    static const uint8_t cds[] = {0, 0, 0, 0, 0}, cdnskey[] = {0, 0, 3, 0, 0};
    uint8_t octets[8];
    struct writer writer = writer_over(octets, sizeof(octets));

    ds_write_delete(&writer);
    ck_assert_uint_eq(writer.length, sizeof(cds));
    ck_assert_mem_eq(octets, cds, sizeof(cds));
    writer_rewind(&writer, 0);
    dnskey_write_delete(&writer);
    ck_assert_uint_eq(writer.length, sizeof(cdnskey));
    ck_assert_mem_eq(octets, cdnskey, sizeof(cdnskey));
}
END_TEST

static const struct {
    const char *what;
    uint8_t algorithm;
    uint8_t before[3], before_length; /* what stands before the key's octets */
    uint8_t key_length;
    bool good;
} points[] = {
    {"x||y", 13, {0}, 0, 64, true},
    {"04||x||y", 13, {4}, 1, 64, true},
    {"OCTET STRING of it", 13, {4, 65, 4}, 3, 64, true},
    {"OCTET STRING of x||y", 13, {4, 64}, 2, 64, true},
    {"compressed", 13, {2}, 1, 32, false},
    {"one octet short", 13, {0}, 0, 63, false},
    {"wrong wrapping", 13, {5, 65, 4}, 3, 64, false},
    {"wrong length in the wrapping", 13, {4, 64, 4}, 3, 64, false},
    {"BIT STRING for EC", 13, {3, 65, 0}, 3, 64, false},
    {"P-384 in an OCTET STRING", 14, {4, 97, 4}, 3, 96, true},
    {"P-256 point for P-384", 14, {4, 65, 4}, 3, 64, false},
    {"Ed25519 raw", 15, {0}, 0, 32, true},
    {"Ed25519 OCTET STRING", 15, {4, 32}, 2, 32, true},
    {"Ed25519 BIT STRING", 15, {3, 33, 0}, 3, 32, true},
    {"Ed25519 with 04 before it", 15, {4}, 1, 32, false},
    {"Ed448 OCTET STRING", 16, {4, 57}, 2, 57, true},
    {"RSA has no point", 8, {0}, 0, 64, false},
    {"unknown algorithm", 5, {0}, 0, 64, false},
    {"nothing", 13, {0}, 0, 0, false},
};

START_TEST(takes_points_as_tokens_show_them)
{
    uint8_t octets[128];
    size_t length = (size_t)points[_i].before_length + points[_i].key_length;
    struct dnskey key = {.flags = 256};

    memcpy(octets, points[_i].before, points[_i].before_length);
    for (size_t i = 0; i < points[_i].key_length; i++)
        octets[points[_i].before_length + i] = (uint8_t)(i ? i : 4); /* x begins like a wrapping */
    uint8_t *copy = exact_copy(octets, length);
    enum result result = dnskey_set_point(&key, points[_i].algorithm, copy, length);
    ck_assert_msg((result == RESULT_OK) == points[_i].good, "%s", points[_i].what);
    if (points[_i].good) {
        ck_assert_uint_eq(key.length, points[_i].key_length);
        ck_assert_mem_eq(key.public_key, octets + points[_i].before_length, key.length);
    }
    free(copy);
}
END_TEST

static void rsa_comes_back(size_t exponent_length, size_t modulus_length)
{
    uint8_t exponent[512 + 2] = {0}, modulus[512 + 1] = {0}; /* zeros in front are dropped */
    struct dnskey_rsa in, out;
    struct dnskey key = {.algorithm = ALGORITHM_RSASHA256, .protocol = 3, .flags = 256};

    memset(exponent + 2, 0x81, exponent_length);
    memset(modulus + 1, 0x93, modulus_length);
    in = (struct dnskey_rsa){exponent, modulus, (uint16_t)(exponent_length + 2),
                             (uint16_t)(modulus_length + 1)};
    ck_assert(dnskey_set_rsa(&key, &in) == RESULT_OK);
    ck_assert(dnskey_get_rsa(&key, &out) == RESULT_OK);
    ck_assert_uint_eq(out.exponent_length, exponent_length);
    ck_assert_uint_eq(out.modulus_length, modulus_length);
    ck_assert_mem_eq(out.exponent, exponent + 2, exponent_length);
    ck_assert_mem_eq(out.modulus, modulus + 1, modulus_length);
    ck_assert_uint_eq(dnskey_signature_octets(&key), modulus_length);
}

START_TEST(rsa_numbers_come_back)
{
    rsa_comes_back(1, 128);
    rsa_comes_back(3, 256);
    rsa_comes_back(255, 512);
    rsa_comes_back(256, 512); /* three octets of length, RFC 3110 section 2 */
    rsa_comes_back(512, 512);
}
END_TEST

START_TEST(rsa_of_5702_taken_apart)
{
    struct dnskey key = key_of(256, 10, RSA512_5702), again = key;
    struct dnskey_rsa rsa;

    ck_assert(dnskey_get_rsa(&key, &rsa) == RESULT_OK);
    ck_assert_uint_eq(rsa.exponent_length, 3);
    ck_assert_uint_eq(rsa.modulus_length, 128);
    ck_assert(dnskey_set_rsa(&again, &rsa) == RESULT_OK);
    ck_assert(dnskey_equal(&key, &again));
}
END_TEST

static const struct {
    const char *what;
    uint16_t flags;
    uint8_t protocol, algorithm;
    size_t length;
    uint8_t given, octets[5]; /* the beginning; the rest is 0xff */
    bool good;
} faults[] = {
    {"a good EC key", 256, 3, 13, 64, 0, {0}, true},
    {"a good RSA key", 257, 3, 8, 4 + 128, 4, {3, 1, 0, 1}, true},
    {"a revoked key is still a key", 385, 3, 13, 64, 0, {0}, true},
    {"protocol 2", 256, 2, 13, 64, 0, {0}, false},
    {"no zone key", 1, 3, 13, 64, 0, {0}, false},
    {"RSASHA1", 256, 3, 5, 64, 0, {0}, false},
    {"an EC key of 63 octets", 256, 3, 13, 63, 0, {0}, false},
    {"an RSA modulus of 1016 bits", 256, 3, 8, 4 + 127, 4, {3, 1, 0, 1}, false},
    {"a leading zero in the exponent", 256, 3, 8, 4 + 128, 4, {3, 0, 0, 3}, false},
    {"a leading zero in the modulus", 256, 3, 8, 4 + 128, 5, {3, 1, 0, 1, 0}, false},
    {"an even exponent", 256, 3, 8, 4 + 128, 4, {3, 1, 0, 2}, false},
    {"an exponent of 1", 256, 3, 8, 2 + 128, 2, {1, 1}, false},
    {"an exponent longer than the field", 256, 3, 8, 100, 1, {200}, false},
    {"a long exponent cut short", 256, 3, 8, 2, 2, {0, 1}, false},
    {"no exponent", 256, 3, 8, 100, 3, {0, 0, 0}, false},
    {"no modulus", 256, 3, 8, 4, 4, {3, 1, 0, 1}, false},
};

START_TEST(names_what_is_wrong)
{
    struct dnskey key = {.flags = faults[_i].flags,
                         .protocol = faults[_i].protocol,
                         .algorithm = faults[_i].algorithm,
                         .length = (uint16_t)faults[_i].length};

    memset(key.public_key, 0xff, sizeof(key.public_key));
    memcpy(key.public_key, faults[_i].octets, faults[_i].given);
    ck_assert_msg((dnskey_fault(&key) == NULL) == faults[_i].good, "%s: %s", faults[_i].what,
                  dnskey_fault(&key) ? dnskey_fault(&key) : "nothing");
}
END_TEST

START_TEST(reads_no_more_than_there_is)
{
    static uint8_t octets[DNSKEY_MAX_OCTETS + 1];
    static const size_t lengths[] = {0, 1, 4, 5, DNSKEY_MAX_OCTETS, DNSKEY_MAX_OCTETS + 1};
    size_t length = lengths[_i];
    uint8_t *copy = exact_copy(octets, length);
    struct reader rdata = reader_over(copy, length);
    struct dnskey key;
    bool good = length >= 5 && length <= DNSKEY_MAX_OCTETS;

    ck_assert((dnskey_read(&rdata, &key) == RESULT_OK) == good);
    free(copy);
}
END_TEST

START_TEST(finds_algorithms)
{
    for (unsigned number = 0; number < 256; number++) {
        const struct algorithm *row = algorithm_find((uint8_t)number);
        bool known = number == 8 || number == 10 || (number >= 13 && number <= 16);
        ck_assert_msg((row != NULL) == known, "%u", number);
        if (row) {
            ck_assert_uint_eq(row->number, number);
            ck_assert_ptr_eq(algorithm_from_name(row->name, strlen(row->name)), row);
            ck_assert_ptr_eq(algorithm_from_name(row->mnemonic, strlen(row->name)), row);
            ck_assert_ptr_null(algorithm_from_name(row->name, strlen(row->name) - 1));
        }
    }
    ck_assert_ptr_null(algorithm_from_name("rsasha1", 7));
    ck_assert_ptr_null(algorithm_from_name("", 0));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnssec/dnskey");
    TCase *core = tcase_create("keys"), *ds = tcase_create("ds"), *form = tcase_create("forms");

    tcase_add_loop_test(core, tags_as_the_rfcs_print_them, 0, COUNT(keys));
    tcase_add_loop_test(core, names_what_is_wrong, 0, COUNT(faults));
    tcase_add_loop_test(core, reads_no_more_than_there_is, 0, 6);
    tcase_add_test(core, finds_algorithms);
    tcase_add_loop_test(ds, ds_as_the_rfcs_print_them, 0, COUNT(keys));
    tcase_add_loop_test(ds, ds_rdata_has_the_length_of_its_digest, 0, 10);
    tcase_add_test(ds, asks_for_removal);
    tcase_add_loop_test(form, takes_points_as_tokens_show_them, 0, COUNT(points));
    tcase_add_test(form, rsa_numbers_come_back);
    tcase_add_test(form, rsa_of_5702_taken_apart);
    suite_add_tcase(suite, core);
    suite_add_tcase(suite, ds);
    suite_add_tcase(suite, form);
    return run_suite(suite);
}
