/*
 * test_desk_packer.c - what a transfer is packed with: differences that cancel, and owners and
 * RDATA that are written short.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/wire/rdata.h"
#include "src/desk/delta.h"
#include "src/desk/packer.h"

enum { SPECIES = 60, STEPS = 40000, LIMIT = 1 << 13, ROUNDS = 20000, LARGEST = 65535 };

static uint64_t random_state = 1;

static unsigned pick(unsigned limit)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(random_state >> 33) % limit;
}

/* ---- the delta ------------------------------------------------------------------------------- */

static struct name owner_of(unsigned species)
{
    struct name name;
    char text[40];

    (void)snprintf(text, sizeof text, "n%u.example.", species % 7);
    ck_assert_int_eq(name_from_string(text, &name), RESULT_OK);
    return name;
}

/* Every species differs from the others in one of the things that make a record. */
static struct delta_record record_of(unsigned species, const struct name *owner,
                                     const uint8_t rdata[8])
{
    return (struct delta_record){.owner = owner,
                                 .type = (uint16_t)(1 + species / 7 % 3),
                                 .ttl = species / 21 % 2,
                                 .length = (uint16_t)(species / 42),
                                 .rdata = rdata};
}

static unsigned walk(const struct delta *delta, enum journal_act act)
{
    struct delta_entry entry;
    unsigned count = 0;

    for (size_t at = 0; delta_next(delta, act, &at, &entry); count++)
        ck_assert(delta_touches(delta, &entry.owner));
    return count;
}

/* Records come and go at random, for ever, in memory that holds a fraction of the steps. */
START_TEST(cancels)
{
    static const uint8_t rdata[8] = {1, 2, 3};
    struct delta delta;
    int state[SPECIES] = {0}; /* -1 went, 1 came */
    unsigned went = 0, came = 0;

    ck_assert_int_eq(delta_open(&delta, LIMIT), RESULT_OK);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned species = pick(SPECIES);
        struct name owner = owner_of(species);
        struct delta_record record = record_of(species, &owner, rdata);
        enum journal_act act = pick(2) ? JOURNAL_ADDED : JOURNAL_REMOVED;
        int move = act == JOURNAL_ADDED ? 1 : -1;
        bool again = state[species] == move;
        ck_assert_int_eq(delta_note(&delta, act, &record), again ? RESULT_CORRUPT : RESULT_OK);
        went -= state[species] == -1, came -= state[species] == 1;
        state[species] = again ? move : state[species] + move;
        went += state[species] == -1, came += state[species] == 1;
        ck_assert(delta_added(&delta, &record) == (state[species] == 1));
        ck_assert(delta_is_empty(&delta) == (went + came == 0));
    }
    ck_assert_uint_eq(walk(&delta, JOURNAL_REMOVED), went);
    ck_assert_uint_eq(walk(&delta, JOURNAL_ADDED), came);
    delta_close(&delta);
}
END_TEST

/* Rows of records that come and go, none twice: what is cancelled makes room. */
START_TEST(bounded)
{
    struct delta delta;
    struct name owner = owner_of(0);
    uint8_t rdata[8] = {0};
    struct delta_record record = {.owner = &owner, .type = 1, .length = 8, .rdata = rdata};
    enum result result = RESULT_OK;
    unsigned kept = 0;

    ck_assert_int_eq(delta_open(&delta, LIMIT), RESULT_OK);
    for (uint32_t i = 0; i < 4 * LIMIT; i++) {
        memcpy(rdata, &i, sizeof i);
        ck_assert_int_eq(delta_note(&delta, JOURNAL_ADDED, &record), RESULT_OK);
        ck_assert_int_eq(delta_note(&delta, JOURNAL_REMOVED, &record), RESULT_OK);
        ck_assert_uint_le(delta.entries.length, LIMIT);
    }
    ck_assert(delta_is_empty(&delta));
    for (rdata[7] = 1; result == RESULT_OK && kept < LIMIT; kept++) {
        memcpy(rdata, &kept, sizeof kept);
        result = delta_note(&delta, JOURNAL_REMOVED, &record);
    }
    ck_assert_int_eq(result, RESULT_FULL);
    ck_assert_uint_gt(kept, LIMIT / 100);
    delta_close(&delta);
}
END_TEST

/* ---- the packer ------------------------------------------------------------------------------ */

static struct name apex;
static uint8_t message[LARGEST];

static void random_owner(struct name *owner)
{
    uint8_t key[NAME_KEY_MAX_OCTETS];
    struct writer writer = writer_over(key, sizeof key);

    name_key_write(&writer, &apex);
    for (unsigned labels = pick(5); labels > 0; labels--) {
        for (unsigned left = 1 + pick(3); left > 0; left--) {
            static const char octets[] = "ab\1\1\1\2";
            unsigned which = pick(4);
            writer_add(&writer, octets + (which < 2 ? which : 2 * which - 2), which < 2 ? 1 : 2);
        }
        writer_u8(&writer, 0);
    }
    ck_assert_int_eq(name_key_read(key, writer.length, owner), RESULT_OK);
}

/* Set the owner in one of the ways there are. The key lives on its own heap until the next. */
static void set_owner(struct packer *packer, const struct name *owner, uint8_t **kept)
{
    uint8_t key[NAME_KEY_MAX_OCTETS];
    struct writer writer = writer_over(key, sizeof key);

    if (pick(3) == 0) {
        packer_owner(packer, owner);
        return;
    }
    name_key_write(&writer, owner);
    uint8_t *copy = exact_copy(key, writer.length);
    ck_assert_int_eq(packer_owner_key(packer, copy, writer.length), RESULT_OK);
    free(*kept);
    *kept = copy;
}

static void check_record(struct reader *reader, const struct name *owner)
{
    struct record record;

    record_read(reader, &record);
    ck_assert(!reader->failed);
    ck_assert_uint_eq(record.owner.length, owner->length);
    ck_assert_mem_eq(record.owner.octets, owner->octets, owner->length);
}

/* Owners that share what they like, by name and by key, are read back as they were. */
START_TEST(owners)
{
    static const char *const apexes[] = {".", "z.", "zone.example."};
    static struct name names[200];
    uint8_t *kept = NULL;

    for (unsigned round = 0; round < ROUNDS / 100; round++) {
        struct writer writer = writer_over(message, sizeof message);
        struct packer_head head = {.id = 1};
        struct packer packer;
        ck_assert_int_eq(name_from_string(apexes[round % 3], &apex), RESULT_OK);
        packer_begin(&packer, &writer, &apex, &head);
        packer.limit = LARGEST;
        for (unsigned i = 0; i < COUNT(names); i++) {
            struct reader run = reader_over("\0\4abcd", 6);
            struct name back;
            random_owner(&names[i]);
            set_owner(&packer, &names[i], &kept);
            packer_owner_name(&packer, &back);
            ck_assert(name_equal(&back, &names[i]) && back.labels == names[i].labels);
            ck_assert(packer_run(&packer, TYPE_A, 1, &run));
        }
        packer_finish(&packer, 0);
        struct reader reader = reader_over(message, writer.length);
        reader_take(&reader, MESSAGE_HEADER_OCTETS);
        for (unsigned i = 0; i < COUNT(names); i++)
            check_record(&reader, &names[i]);
        ck_assert_int_eq(reader_finish(&reader), RESULT_OK);
    }
    free(kept);
}
END_TEST

static const struct {
    const char *what;
    size_t length;
    const char *key;
} bad_keys[] = {
    {"nothing, which is the root", 0, ""},
    {"above the apex", 8, "example"},
    {"another zone", 13, "example\0zonf"},
    {"not ended", 12, "example\0zone"},
    {"an empty label", 14, "example\0zone\0"},
    {"half an escape", 15, "example\0zone\0\1"},
    {"a wrong escape", 16, "example\0zone\0\1\3"},
    {"a long label", 13 + 65,
     "example\0zone\0"
     "llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"}, /* and what ends it */
    {"a long label with an escape", 13 + 66,
     "example\0zone\0\1\2"
     "lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"},
};

START_TEST(bad_key)
{
    struct writer writer = writer_over(message, sizeof message);
    struct packer_head head = {.id = 1};
    struct packer packer;
    struct name back;
    uint8_t *key = exact_copy(bad_keys[_i].key, bad_keys[_i].length);

    ck_assert_int_eq(name_from_string("zone.example.", &apex), RESULT_OK);
    packer_begin(&packer, &writer, &apex, &head);
    ck_assert_int_eq(packer_owner_key(&packer, key, bad_keys[_i].length), RESULT_CORRUPT);
    packer_owner_name(&packer, &back);
    ck_assert(name_equal(&back, &apex));
    free(key);
}
END_TEST

/* RDATA that is not what its type says goes out in full and is read nowhere beyond its end. */
START_TEST(rdata)
{
    static const uint16_t types[] = {TYPE_NS, TYPE_SOA, TYPE_MX, TYPE_MINFO, TYPE_A};
    static const char bits[] = "\4zone\7example\0\1a\77\300";

    ck_assert_int_eq(name_from_string("zone.example.", &apex), RESULT_OK);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t octets[60], plain[LARGEST];
        size_t length = pick(58);
        uint16_t type = types[pick(COUNT(types))];
        octets[0] = 0;
        octets[1] = (uint8_t)length;
        for (size_t i = 0; i < length; i++)
            octets[2 + i] = (uint8_t)bits[(i + pick(2) * pick(5)) % sizeof bits];
        uint8_t *copy = exact_copy(octets, 2 + length);
        struct reader run = reader_over(copy, 2 + length);
        struct writer writer = writer_over(message, sizeof message);
        struct writer out = writer_over(plain, sizeof plain);
        struct packer_head head = {.id = 1};
        struct packer packer;
        struct record record;
        packer_begin(&packer, &writer, &apex, &head);
        struct reader soa = reader_over("\0\0", 2);
        ck_assert(packer_run(&packer, TYPE_NULL, 1, &soa)); /* the apex now stands somewhere */
        ck_assert(packer_run(&packer, type, 1, &run));
        struct reader reader = reader_over(message, writer.length);
        reader_take(&reader, MESSAGE_HEADER_OCTETS);
        record_read(&reader, &record);
        record_read(&reader, &record);
        ck_assert_int_eq(reader_finish(&reader), RESULT_OK);
        if (rdata_check(type, copy + 2, length) == RESULT_OK) {
            ck_assert_int_eq(rdata_read(type, &record.rdata, &out), RESULT_OK);
            ck_assert_uint_eq(out.length, length);
            ck_assert_mem_eq(plain, copy + 2, length);
        }
        free(copy);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("what transfers are packed with");
    TCase *cases = tcase_create("packing");

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, cancels);
    tcase_add_test(cases, bounded);
    tcase_add_test(cases, owners);
    tcase_add_loop_test(cases, bad_key, 0, COUNT(bad_keys));
    tcase_add_test(cases, rdata);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
