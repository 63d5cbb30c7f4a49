/* test_dnssec_nsec3.c - owner hashes of RFC 5155, spans that wrap around, RDATA there and back. */
#include "support.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "avow/dnssec/nsec.h"
#include "avow/dnssec/nsec3.h"
#include "avow/wire/type.h"
#include "name_of.h"

static const struct nsec3_parameters rfc5155 = {
    .algorithm = NSEC3_SHA1,
    .iterations = 12,
    .salt_length = 4,
    .salt = {0xaa, 0xbb, 0xcc, 0xdd},
};

/* RFC 5155 appendix A. */
static const struct {
    const char *name, *owner;
} hashes[] = {
    {"example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."},
    {"EXAMPLE", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."},
    {"a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl.example."},
    {"ai.example", "gjeqe526plbf1g8mklp59enfd789njgi.example."},
    {"ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example."},
    {"ns2.example", "q04jkcevqvmu85r014c7dkba38o0ji5r.example."},
    {"w.example", "k8udemvp1j2f7eg6jebps17vp3n8i58h.example."},
    {"*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en.example."},
    {"x.w.example", "b4um86eghhds6nea196smvmlo4ors995.example."},
    {"y.w.example", "ji6neoaepv8b5o6k4ev33abha8ht9fgc.example."},
    {"x.Y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s.example."},
    {"xx.example", "t644ebqk9bibcna874givr6joj62mlhv.example."},
    {"2t7b4g4vsa5smi47k61mv5bv1a22bojr.example", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi.example."},
};

START_TEST(hashes_as_the_rfc_does)
{
    struct name name = name_of(hashes[_i].name), apex = name_of("example."), owner;
    uint8_t hash[NSEC3_HASH_OCTETS], back[NSEC3_HASH_OCTETS];
    char text[NAME_MAX_TEXT];

    nsec3_hash(&rfc5155, &name, hash);
    ck_assert(nsec3_owner(hash, &apex, &owner) == RESULT_OK);
    ck_assert_str_eq(name_to_text(&owner, text), hashes[_i].owner);
    ck_assert_uint_eq(owner.labels, 2);

    for (size_t i = 1; i <= NSEC3_LABEL_OCTETS; i++) /* as BIND and dnssec-signzone write it */
        if (owner.octets[i] >= 'a')
            owner.octets[i] = (uint8_t)(owner.octets[i] - 'a' + 'A');
    ck_assert(nsec3_owner_hash(&owner, back) == RESULT_OK);
    ck_assert_mem_eq(back, hash, sizeof(hash));
}
END_TEST

/* Every length of salt and name against the digest of OpenSSL's other interface. */
START_TEST(hashes_any_length)
{
    struct nsec3_parameters parameters = {.algorithm = NSEC3_SHA1};
    uint8_t octets[NAME_MAX_OCTETS + NSEC3_MAX_SALT], expected[20], hash[20];
    size_t length = (size_t)_i;

    for (size_t i = 0; i < length; i++)
        octets[i] = (uint8_t)(i * 7 + 1) | 0x80; /* no letters */
    for (unsigned salt = 0; salt <= NSEC3_MAX_SALT; salt += 51) {
        parameters.salt_length = (uint8_t)salt;
        memset(parameters.salt, 0xa5, salt);
        memset(octets + length, 0xa5, salt);
        ck_assert_int_eq(EVP_Digest(octets, length + salt, expected, NULL, EVP_sha1(), NULL), 1);
        nsec3_hash_octets(&parameters, octets, length, hash);
        ck_assert_mem_eq(hash, expected, sizeof(hash));
    }
}
END_TEST

static const struct {
    const char *what;
    uint8_t owner, next, hash; /* the last octets */
    bool covered;
} spans[] = {
    {"between", 10, 20, 15, true},
    {"the owner", 10, 20, 10, false},
    {"the next", 10, 20, 20, false},
    {"before", 10, 20, 9, false},
    {"behind", 10, 20, 21, false},
    {"wrapped, behind the last", 20, 10, 25, true},
    {"wrapped, before the first", 20, 10, 5, true},
    {"wrapped, the owner", 20, 10, 20, false},
    {"wrapped, the next", 20, 10, 10, false},
    {"wrapped, elsewhere", 20, 10, 15, false},
    {"the only one, another", 10, 10, 11, true},
    {"the only one, itself", 10, 10, 10, false},
};

START_TEST(covers_what_lies_between)
{
    uint8_t owner[20] = {[19] = spans[_i].owner}, next[20] = {[19] = spans[_i].next};
    uint8_t hash[20] = {[19] = spans[_i].hash};

    ck_assert_msg(nsec3_covers(owner, next, hash) == spans[_i].covered, "%s", spans[_i].what);
}
END_TEST

START_TEST(writes_and_reads_rdata)
{
    const uint16_t types[] = {TYPE_A, TYPE_RRSIG};
    struct nsec3_parameters parameters = rfc5155;
    uint8_t octets[300], next[NSEC3_HASH_OCTETS] = {1, 2, 3};
    struct writer writer = writer_over(octets, sizeof(octets));
    struct nsec3 nsec3;
    const size_t fixed = 5 + 4 + 1 + NSEC3_HASH_OCTETS;

    parameters.flags = NSEC3_FLAG_OPT_OUT;
    nsec3_write(&writer, &parameters, next, types, COUNT(types));
    ck_assert(!writer.failed);
    for (size_t length = 0; length <= writer.length; length++) {
        uint8_t *copy = exact_copy(octets, length);
        struct reader rdata = reader_over(copy, length);
        enum result result = nsec3_read(&rdata, &nsec3);
        bool whole = length == writer.length || length == fixed; /* no types: no bitmap */
        ck_assert_msg((result == RESULT_OK) == whole, "%zu octets", length);
        if (whole) {
            ck_assert_uint_eq(nsec3.flags, NSEC3_FLAG_OPT_OUT);
            ck_assert_uint_eq(nsec3.iterations, 12);
            ck_assert(nsec3_is_of(&nsec3, &rfc5155));
            ck_assert_mem_eq(nsec3.next, next, sizeof(next));
            ck_assert(nsec_bitmap_has(nsec3.bitmap, nsec3.bitmap_length, TYPE_A) ==
                      (length == writer.length));
        }
        free(copy);
    }
}
END_TEST

START_TEST(tells_parameters_apart)
{
    struct nsec3_parameters other = rfc5155;
    uint8_t octets[300], next[NSEC3_HASH_OCTETS] = {0};
    struct writer writer = writer_over(octets, sizeof(octets));
    struct nsec3 nsec3;

    nsec3_write(&writer, &rfc5155, next, NULL, 0);
    struct reader rdata = reader_over(octets, writer.length);
    ck_assert(nsec3_read(&rdata, &nsec3) == RESULT_OK);
    ck_assert(nsec3_is_of(&nsec3, &rfc5155));
    other.iterations = 11;
    ck_assert(!nsec3_is_of(&nsec3, &other));
    other = rfc5155;
    other.salt[3] ^= 1;
    ck_assert(!nsec3_is_of(&nsec3, &other));
    other = rfc5155;
    other.salt_length = 3;
    ck_assert(!nsec3_is_of(&nsec3, &other));
}
END_TEST

START_TEST(parameters_come_back)
{
    const uint8_t expected[] = {1, 0, 0, 12, 4, 0xaa, 0xbb, 0xcc, 0xdd};
    struct nsec3_parameters written = rfc5155, back = {0};
    uint8_t octets[300];
    struct writer writer = writer_over(octets, sizeof(octets));

    written.flags = NSEC3_FLAG_OPT_OUT; /* must not be in the record */
    nsec3param_write(&writer, &written);
    ck_assert_uint_eq(writer.length, sizeof(expected));
    ck_assert_mem_eq(octets, expected, sizeof(expected));
    for (size_t length = 0; length <= writer.length + 1; length++) {
        struct reader rdata = reader_over(octets, length);
        ck_assert((nsec3param_read(&rdata, &back) == RESULT_OK) == (length == writer.length));
    }
    struct reader rdata = reader_over(octets, writer.length);
    ck_assert(nsec3param_read(&rdata, &back) == RESULT_OK);
    ck_assert_mem_eq(&back, &rfc5155, sizeof(back));
}
END_TEST

START_TEST(refuses_owners_that_are_no_hash)
{
    static const char *const owners[] = {
        "example.",
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3to.example.",
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom0.example.",
        "wp9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.",
    };
    uint8_t hash[NSEC3_HASH_OCTETS];
    struct name owner = name_of(owners[_i]);

    ck_assert(nsec3_owner_hash(&owner, hash) == RESULT_FORMAT);
}
END_TEST

START_TEST(an_owner_has_to_fit)
{
    struct name apex, owner;
    uint8_t hash[NSEC3_HASH_OCTETS] = {0};
    char text[256];
    size_t length = 0;

    for (int label = 0; label < 4; label++) { /* 3 * 64 + 29 + 1 = 222 octets: 33 to spare */
        size_t octets = label < 3 ? 63 : 28;
        memset(text + length, 'a', octets);
        length += octets;
        text[length++] = '.';
    }
    text[length] = '\0';
    apex = name_of(text);
    ck_assert_uint_eq(apex.length, 222);
    ck_assert(nsec3_owner(hash, &apex, &owner) == RESULT_OK);
    ck_assert_uint_eq(owner.length, 255);
    text[length - 1] = 'a';
    text[length] = '\0';
    apex = name_of(text);
    ck_assert(nsec3_owner(hash, &apex, &owner) == RESULT_FULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnssec/nsec3");
    TCase *hash = tcase_create("hash"), *record = tcase_create("record");

    tcase_add_loop_test(hash, hashes_as_the_rfc_does, 0, COUNT(hashes));
    tcase_add_loop_test(hash, hashes_any_length, 1, NAME_MAX_OCTETS + 1);
    tcase_add_loop_test(hash, covers_what_lies_between, 0, COUNT(spans));
    tcase_add_loop_test(hash, refuses_owners_that_are_no_hash, 0, 4);
    tcase_add_test(hash, an_owner_has_to_fit);
    tcase_add_test(record, writes_and_reads_rdata);
    tcase_add_test(record, tells_parameters_apart);
    tcase_add_test(record, parameters_come_back);
    suite_add_tcase(suite, hash);
    suite_add_tcase(suite, record);
    return run_suite(suite);
}
