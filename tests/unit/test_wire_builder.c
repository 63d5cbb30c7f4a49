/* test_wire_builder.c - compression, whole RRsets or none, and messages that read back equal. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/wire/builder.h"
#include "names.h"

/* The question that every message here begins with: Www.Example. IN A. */
static const uint8_t query[] = {0x12, 0x34, 0,   0,   0,   1,   0,   0,   0,   0, 0, 0, 3, 'W', 'w',
                                'w',  7,    'E', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0, 1};

/* Octets with their count, so that zeroes may be among them. */
#define OCTETS(text) sizeof(text) - 1, text

static const struct {
    const char *what, *owner;
    uint16_t type;
    size_t size;
    const char *rdata; /* one, without its length */
    size_t expected_size;
    const char *expected; /* what comes after the question; TTL 1 */
} rows[] = {
    {"the question's owner", "Www.Example.", TYPE_A, OCTETS("\1\2\3\4"),
     OCTETS("\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4")},
    {"the question's owner in another case", "wWW.eXAMPLE.", TYPE_A, OCTETS("\1\2\3\4"),
     OCTETS("\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4")},
    {"above the question", "example.", TYPE_A, OCTETS("\1\2\3\4"),
     OCTETS("\xc0\x10\0\1\0\1\0\0\0\1\0\4\1\2\3\4")},
    {"beside the question", "ns.example.", TYPE_A, OCTETS("\1\2\3\4"),
     OCTETS("\2ns\xc0\x10\0\1\0\1\0\0\0\1\0\4\1\2\3\4")},
    {"below the question", "a.B.www.example.", TYPE_A, OCTETS("\1\2\3\4"),
     OCTETS("\1a\1B\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4")},
    {"nothing shared", "Www.net.", TYPE_A, OCTETS("\1\2\3\4"),
     OCTETS("\3Www\3net\0\0\1\0\1\0\0\0\1\0\4\1\2\3\4")},
    {"the root", ".", TYPE_A, OCTETS("\1\2\3\4"), OCTETS("\0\0\1\0\1\0\0\0\1\0\4\1\2\3\4")},
    {"empty RDATA", "www.example.", TYPE_NULL, OCTETS(""), OCTETS("\xc0\x0c\0\xa\0\1\0\0\0\1\0\0")},
    {"NS below its owner", "example.", TYPE_NS, OCTETS("\2ns\7eXample\0"),
     OCTETS("\xc0\x10\0\2\0\1\0\0\0\1\0\5\2ns\xc0\x10")},
    {"CNAME to its own owner", "a.example.", TYPE_CNAME, OCTETS("\1a\7example\0"),
     OCTETS("\1a\xc0\x10\0\5\0\1\0\0\0\1\0\2\xc0\x1d")},
    {"PTR to the root", "www.example.", TYPE_PTR, OCTETS("\0"),
     OCTETS("\xc0\x0c\0\xc\0\1\0\0\0\1\0\1\0")},
    {"MX", "example.", TYPE_MX, OCTETS("\0\xa\3www\7example\0"),
     OCTETS("\xc0\x10\0\xf\0\1\0\0\0\1\0\4\0\xa\xc0\x0c")},
    {"SOA, whose second name uses the first", "example.", TYPE_SOA,
     OCTETS("\1a\3net\0\1b\1a\3net\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"),
     OCTETS("\xc0\x10\0\6\0\1\0\0\0\1\0\x1f\1a\3net\0\1b\xc0\x29"
            "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5")},
    {"MINFO", "example.", TYPE_MINFO, OCTETS("\3www\7example\0\7example\0"),
     OCTETS("\xc0\x10\0\xe\0\1\0\0\0\1\0\4\xc0\x0c\xc0\x10")},
    {"SRV is not compressed", "example.", TYPE_SRV, OCTETS("\0\1\0\2\0\3\3www\7example\0"),
     OCTETS("\xc0\x10\0\x21\0\1\0\0\0\1\0\x13\0\1\0\2\0\3\3www\7example\0")},
    {"DNAME is not compressed", "example.", TYPE_DNAME, OCTETS("\3www\7example\0"),
     OCTETS("\xc0\x10\0\x27\0\1\0\0\0\1\0\xd\3www\7example\0")},
    {"AFSDB is not compressed", "example.", TYPE_AFSDB, OCTETS("\0\1\3www\7example\0"),
     OCTETS("\xc0\x10\0\x12\0\1\0\0\0\1\0\xf\0\1\3www\7example\0")},
    {"NS that is no name goes out as it is", "example.", TYPE_NS, OCTETS("\3ns"),
     OCTETS("\xc0\x10\0\2\0\1\0\0\0\1\0\3\3ns")},
    {"NS with a pointer goes out as it is", "example.", TYPE_NS, OCTETS("\2ns\xc0\x0c"),
     OCTETS("\xc0\x10\0\2\0\1\0\0\0\1\0\5\2ns\xc0\x0c")},
    {"MX of one octet goes out as it is", "example.", TYPE_MX, OCTETS("\1"),
     OCTETS("\xc0\x10\0\xf\0\1\0\0\0\1\0\1\1")},
    {"something behind the name of an NS", "example.", TYPE_NS, OCTETS("\7example\0x"),
     OCTETS("\xc0\x10\0\2\0\1\0\0\0\1\0\3\xc0\x10x")},
};

/* A run of one RDATA. */
static struct rdata_run run_of_one(uint8_t *space, const void *rdata, size_t size)
{
    space[0] = (uint8_t)(size >> 8);
    space[1] = (uint8_t)size;
    memcpy(space + 2, rdata, size);
    return (struct rdata_run){.octets = space, .length = (uint32_t)size + 2, .count = 1};
}

START_TEST(compresses)
{
    uint8_t octets[512], space[512];
    struct name owner = name_of(rows[_i].owner);
    struct rrset rrset = {.owner = &owner,
                          .type = rows[_i].type,
                          .class_ = CLASS_IN,
                          .ttl = 1,
                          .rdata = run_of_one(space, rows[_i].rdata, rows[_i].size)};
    struct builder builder;

    memcpy(octets, query, sizeof query);
    builder_begin(&builder, octets, sizeof query, sizeof octets);
    ck_assert_msg(builder_rrset(&builder, SECTION_ANSWER, &rrset), "%s", rows[_i].what);
    size_t length = builder_finish(&builder) - sizeof query;
    ck_assert_msg(length == rows[_i].expected_size, "%s: length %zu", rows[_i].what, length);
    ck_assert_msg(memcmp(octets + sizeof query, rows[_i].expected, length) == 0, "%s",
                  rows[_i].what);
    ck_assert_mem_eq(octets, query, 4);
    ck_assert_mem_eq(octets + 4, "\0\1\0\1\0\0\0\0", 8);
    ck_assert_mem_eq(octets + 12, query + 12, sizeof query - 12); /* octet for octet */
}
END_TEST

/* ---- messages made at random, read back ---- */

enum { RRSETS = 40, MOST_RDATA = 600 };

struct sample {
    struct name owner;
    uint8_t run[MOST_RDATA];
    struct rrset rrset;
    bool is_in;
    enum section section;
};

/* Types with names in RDATA and types without. */
static const uint16_t types[] = {TYPE_A,   TYPE_NS,    TYPE_CNAME, TYPE_SOA,  TYPE_MX,
                                 TYPE_TXT, TYPE_MINFO, TYPE_SRV,   TYPE_RRSIG};

/* Names in the RDATA of a type, and the octets around them. */
static void rdata_shape(uint16_t type, unsigned *before, unsigned *names, unsigned *behind)
{
    bool soa = type == TYPE_SOA, two = soa || type == TYPE_MINFO;
    bool one = type == TYPE_NS || type == TYPE_CNAME || type == TYPE_MX;

    *before = type == TYPE_MX ? 2 : 0;
    *names = two ? 2 : one;
    *behind = soa ? 20 : one || two ? 0 : 8;
}

static void fill_run(uint64_t *state, struct sample *sample, uint16_t type)
{
    struct writer run = writer_over(sample->run, sizeof sample->run);
    uint16_t count = 0;
    unsigned before, names, behind;

    rdata_shape(type, &before, &names, &behind);
    for (unsigned left = (unsigned)(next_number(state) % 4); left > 0; left--) {
        size_t start = run.length, mark = writer_open_length(&run);
        for (unsigned i = 0; i < before; i++)
            writer_u8(&run, (uint8_t)next_number(state));
        for (unsigned i = 0; i < names; i++) {
            struct name name;
            random_name(state, &name);
            name_write(&run, &name);
        }
        for (unsigned i = 0; i < behind; i++)
            writer_u8(&run, (uint8_t)next_number(state));
        writer_close_length(&run, mark);
        if (run.failed)
            writer_rewind(&run, start);
        else
            count++;
    }
    sample->rrset.rdata =
        (struct rdata_run){.octets = sample->run, .length = (uint32_t)run.length, .count = count};
}

static void random_samples(uint64_t *state, struct sample samples[RRSETS])
{
    for (unsigned i = 0; i < RRSETS; i++) {
        struct sample *sample = &samples[i];
        random_name(state, &sample->owner);
        sample->rrset = (struct rrset){.owner = &sample->owner,
                                       .type = types[next_number(state) % COUNT(types)],
                                       .class_ = CLASS_IN,
                                       .ttl = (uint32_t)next_number(state)};
        sample->section = (enum section)(SECTION_ANSWER + i * 3 / RRSETS);
        fill_run(state, sample, sample->rrset.type);
    }
}

/* The RDATA of a record, decompressed. */
static size_t plain_rdata(const struct record *record, uint8_t *octets, size_t limit)
{
    struct reader rdata = record->rdata;
    struct writer plain = writer_over(octets, limit);
    unsigned before, names, behind;

    rdata_shape(record->type, &before, &names, &behind);
    for (; before > 0; before--)
        writer_u8(&plain, reader_u8(&rdata));
    for (; names > 0; names--) {
        struct name name;
        name_read(&rdata, &name);
        name_write(&plain, &name);
    }
    ck_assert_uint_eq(reader_left(&rdata), behind);
    for (; behind > 0; behind--)
        writer_u8(&plain, reader_u8(&rdata));
    ck_assert_int_eq(reader_finish(&rdata), RESULT_OK);
    ck_assert(!plain.failed);
    return plain.length;
}

/* Same octets but for the case of letters, which compression may change. */
static bool same_folded(const uint8_t *a, const uint8_t *b, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (octet_lower(a[i]) != octet_lower(b[i]))
            return false;
    }
    return true;
}

static void expect_rrset(struct reader *message, const struct sample *sample)
{
    struct reader run = rdata_run_reader(&sample->rrset.rdata), rdata;
    struct record record;
    uint8_t plain[2 * MOST_RDATA];

    while (rdata_next(&run, &rdata)) {
        record_read(message, &record);
        ck_assert(!message->failed);
        ck_assert(name_equal(&record.owner, &sample->owner));
        ck_assert_uint_eq(record.type, sample->rrset.type);
        ck_assert_uint_eq(record.class_, sample->rrset.class_);
        ck_assert_uint_eq(record.ttl, sample->rrset.ttl);
        size_t length = plain_rdata(&record, plain, sizeof plain);
        ck_assert_uint_eq(length, reader_left(&rdata));
        ck_assert(same_folded(plain, rdata.at, length));
    }
    ck_assert(!run.failed);
}

/* The message holds the samples that are in, in order, and nothing else. */
static void expect_message(const uint8_t *octets, size_t length,
                           const struct sample samples[RRSETS])
{
    uint8_t *exact = exact_copy(octets, length);
    struct reader message = reader_over(exact, length);
    unsigned counts[SECTIONS] = {1, 0, 0, 0};
    struct header header;
    struct question question;

    header_read(&message, &header);
    question_read(&message, &question);
    for (unsigned i = 0; i < RRSETS; i++) {
        if (!samples[i].is_in)
            continue;
        expect_rrset(&message, &samples[i]);
        counts[samples[i].section] += samples[i].rrset.rdata.count;
    }
    ck_assert_int_eq(reader_finish(&message), RESULT_OK);
    for (unsigned i = 0; i < SECTIONS; i++)
        ck_assert_uint_eq(header.counts[i], counts[i]);
    free(exact);
}

static void expect_unchanged(const struct builder *before, const struct builder *after)
{
    ck_assert_uint_eq(before->writer.length, after->writer.length);
    ck_assert(!after->writer.failed);
    ck_assert_mem_eq(before->counts, after->counts, sizeof before->counts);
    ck_assert_uint_eq(before->name_count, after->name_count);
}

static size_t build(uint8_t *octets, size_t limit, struct sample samples[RRSETS])
{
    struct builder builder;

    memcpy(octets, query, sizeof query);
    builder_begin(&builder, octets, sizeof query, limit);
    for (unsigned i = 0; i < RRSETS; i++) {
        struct builder before = builder;
        samples[i].is_in = builder_rrset(&builder, samples[i].section, &samples[i].rrset);
        if (!samples[i].is_in)
            expect_unchanged(&before, &builder);
    }
    return builder_finish(&builder);
}

START_TEST(reads_back_equal)
{
    uint64_t state = 1000 + (uint64_t)_i;

    for (unsigned round = 0; round < 50; round++) {
        struct sample samples[RRSETS];
        uint8_t *octets = malloc(MESSAGE_MAX_OCTETS);
        ck_assert_ptr_nonnull(octets);
        random_samples(&state, samples);
        size_t length = build(octets, MESSAGE_MAX_OCTETS, samples);
        for (unsigned i = 0; i < RRSETS; i++)
            ck_assert(samples[i].is_in);
        expect_message(octets, length, samples);
        free(octets);
    }
}
END_TEST

/* Whatever the limit: whole RRsets only, nothing beyond it, and later ones that fit go in. */
START_TEST(takes_back_at_every_limit)
{
    uint64_t state = 77 + (uint64_t)_i;
    struct sample samples[RRSETS];
    uint8_t *whole = malloc(MESSAGE_MAX_OCTETS);

    ck_assert_ptr_nonnull(whole);
    random_samples(&state, samples);
    size_t length = build(whole, MESSAGE_MAX_OCTETS, samples);
    free(whole);
    for (size_t limit = 12; limit <= length; limit++) {
        size_t room = limit < sizeof query ? sizeof query : limit;
        uint8_t *octets = malloc(room); /* exactly: the sanitizer sees an octet too many */
        ck_assert_ptr_nonnull(octets);
        size_t built = build(octets, limit, samples);
        ck_assert_uint_le(built, room);
        expect_message(octets, built, samples);
        free(octets);
    }
}
END_TEST

START_TEST(forgets_names_when_it_rewinds)
{
    uint8_t octets[512], space[64];
    struct name gone = name_of("gone.net."), other = name_of("other.org.");
    struct rrset rrset = {.owner = &gone,
                          .type = TYPE_A,
                          .class_ = CLASS_IN,
                          .rdata = run_of_one(space, "\1\2\3\4", 4)};
    struct builder builder;

    memcpy(octets, query, sizeof query);
    builder_begin(&builder, octets, sizeof query, sizeof octets);
    struct builder before = builder;
    struct builder_mark mark = builder_mark(&builder);
    ck_assert(builder_rrset(&builder, SECTION_ANSWER, &rrset));
    builder_rewind(&builder, &mark);
    expect_unchanged(&before, &builder);
    rrset.owner = &other; /* where gone.net. stood */
    ck_assert(builder_rrset(&builder, SECTION_ANSWER, &rrset));
    rrset.owner = &gone;
    ck_assert(builder_rrset(&builder, SECTION_ANSWER, &rrset));
    size_t length = builder_finish(&builder);
    struct reader message = reader_over(octets, length);
    struct record record;
    reader_take(&message, sizeof query);
    record_read(&message, &record);
    ck_assert(name_equal(&record.owner, &other));
    record_read(&message, &record);
    ck_assert(name_equal(&record.owner, &gone));
    ck_assert_int_eq(reader_finish(&message), RESULT_OK);
}
END_TEST

/* The octets of what was taken back still stand there: they must not be pointed at. */
START_TEST(forgets_the_last_owner_when_it_rewinds)
{
    uint8_t octets[512], space[64];
    struct name owner = name_of("gone.net.");
    struct rrset rrset = {.owner = &owner,
                          .type = TYPE_A,
                          .class_ = CLASS_IN,
                          .rdata = run_of_one(space, "\1\2\3\4", 4)};
    struct builder builder;

    memcpy(octets, query, sizeof query);
    builder_begin(&builder, octets, sizeof query, sizeof octets);
    struct builder_mark mark = builder_mark(&builder);
    ck_assert(builder_rrset(&builder, SECTION_ANSWER, &rrset));
    builder_rewind(&builder, &mark);
    ck_assert(builder_rrset(&builder, SECTION_ANSWER, &rrset));
    ck_assert_mem_eq(octets + sizeof query, "\4gone\3net", 10);
    ck_assert(builder_signatures(&builder, SECTION_ANSWER, &rrset, &rrset.rdata));
    ck_assert_mem_eq(octets + sizeof query + 24, "\xc0\x1d\0\x2e", 4);
}
END_TEST

/* Owners far beyond what a pointer reaches and what is remembered: all must read back. */
START_TEST(fills_64_kib)
{
    uint8_t *octets = malloc(MESSAGE_MAX_OCTETS), space[64];
    struct builder builder;
    unsigned count = 0;

    ck_assert_ptr_nonnull(octets);
    memcpy(octets, query, sizeof query);
    builder_begin(&builder, octets, sizeof query, 1000000); /* more than a message may have */
    for (;; count++) {
        char text[64];
        (void)snprintf(text, sizeof text, "host%u.%s", count, count % 3 ? "example." : "net.");
        struct name owner = name_of(text);
        struct rrset rrset = {.owner = &owner,
                              .type = TYPE_NS,
                              .class_ = CLASS_IN,
                              .ttl = count,
                              .rdata = run_of_one(space, owner.octets, owner.length)};
        if (!builder_rrset(&builder, SECTION_ANSWER, &rrset))
            break;
    }
    size_t length = builder_finish(&builder);
    ck_assert_uint_gt(length, MESSAGE_MAX_OCTETS - 40);
    ck_assert_uint_le(length, MESSAGE_MAX_OCTETS);
    struct reader message = reader_over(octets, length);
    reader_take(&message, sizeof query);
    for (unsigned i = 0; i < count; i++) {
        char text[64];
        struct record record;
        struct name target;
        (void)snprintf(text, sizeof text, "host%u.%s", i, i % 3 ? "example." : "net.");
        struct name owner = name_of(text);
        record_read(&message, &record);
        name_read(&record.rdata, &target);
        ck_assert_msg(name_equal(&record.owner, &owner), "owner of record %u", i);
        ck_assert_msg(name_equal(&target, &owner), "target of record %u", i);
        ck_assert_uint_eq(record.ttl, i);
    }
    ck_assert_int_eq(reader_finish(&message), RESULT_OK);
    free(octets);
}
END_TEST

/* One RRset that crosses the border of 0x3fff: its owner is repeated by pointer or in full. */
START_TEST(repeats_an_owner_beyond_pointers)
{
    uint8_t *octets = malloc(MESSAGE_MAX_OCTETS), *space = malloc(40000);
    struct name filler = name_of("filler.example."), owner = name_of("owner.far.away.");

    ck_assert(octets && space);
    for (size_t filled = 0x3fff - 60; filled < 0x3fff + 30; filled++) {
        struct builder builder;
        memcpy(octets, query, sizeof query);
        builder_begin(&builder, octets, sizeof query, MESSAGE_MAX_OCTETS);
        /* filler + 2 octets of pointer, 10 fixed */
        memset(space, 0, 40000);
        size_t size = filled - sizeof query - 9 - 10;
        struct rrset rrset = {.owner = &filler,
                              .type = TYPE_TXT,
                              .class_ = CLASS_IN,
                              .rdata = run_of_one(space, octets, size)};
        ck_assert(builder_rrset(&builder, SECTION_ANSWER, &rrset));
        ck_assert_uint_eq(builder.writer.length, filled);
        rrset.owner = &owner;
        rrset.rdata = (struct rdata_run){(const uint8_t *)"\0\1a\0\1b\0\1c", 9, 3};
        ck_assert(builder_rrset(&builder, SECTION_ANSWER, &rrset));
        ck_assert(builder_rrset(&builder, SECTION_ANSWER, &rrset));
        struct reader message = reader_over(octets, builder_finish(&builder));
        struct record record;
        reader_take(&message, filled);
        for (unsigned i = 0; i < 6; i++) {
            record_read(&message, &record);
            ck_assert_msg(name_equal(&record.owner, &owner), "record %u after %zu", i, filled);
            ck_assert_uint_eq(reader_u8(&record.rdata), 'a' + i % 3);
        }
        ck_assert_int_eq(reader_finish(&message), RESULT_OK);
    }
    free(octets);
    free(space);
}
END_TEST

START_TEST(takes_names_of_127_labels)
{
    uint8_t octets[2048], space[300], labels[300];
    size_t size = labels_put(labels, 127, 1, 0);
    struct reader reader = reader_over(labels, size);
    struct name owner;
    struct builder builder;

    name_read_plain(&reader, &owner);
    memset(octets, 0, 12);
    memcpy(octets + 12, labels, size); /* the question: 64 suffixes are remembered, not 127 */
    memcpy(octets + 12 + size, "\0\1\0\1", 4);
    builder_begin(&builder, octets, 12 + size + 4, sizeof octets);
    struct rrset rrset = {.owner = &owner,
                          .type = TYPE_NS,
                          .class_ = CLASS_IN,
                          .rdata = run_of_one(space, owner.octets, owner.length)};
    ck_assert(builder_rrset(&builder, SECTION_ANSWER, &rrset));
    struct reader message = reader_over(octets, builder_finish(&builder));
    struct record record;
    struct name target;
    reader_take(&message, 12 + size + 4);
    ck_assert_mem_eq(message.at, "\xc0\x0c", 2);
    record_read(&message, &record);
    name_read(&record.rdata, &target);
    ck_assert(name_equal(&record.owner, &owner));
    ck_assert(name_equal(&target, &owner));
    ck_assert_uint_eq(target.labels, 127);
}
END_TEST

static const struct {
    const char *what;
    size_t size;
    const char *octets; /* behind the header */
    unsigned questions, names;
} beginnings[] = {
    {"no question", OCTETS(""), 0, 0},
    {"the root", OCTETS("\0\0\1\0\1"), 1, 0},
    {"one label", OCTETS("\1a\0\0\1\0\1"), 1, 1},
    {"a pointer", OCTETS("\xc0\0\0\1\0\1"), 1, 0},
    {"a label, then a pointer", OCTETS("\1a\xc0\0\0\1\0\1"), 1, 0},
    {"a name without end", OCTETS("\7example"), 1, 0},
};

START_TEST(begins_with_any_question)
{
    uint8_t octets[128] = {0}, space[16];
    struct name owner = name_of("a.");
    struct rrset rrset = {.owner = &owner,
                          .type = TYPE_A,
                          .class_ = CLASS_IN,
                          .rdata = run_of_one(space, "\1\2\3\4", 4)};
    struct builder builder;
    size_t length = 12 + beginnings[_i].size;

    memcpy(octets + 12, beginnings[_i].octets, beginnings[_i].size);
    builder_begin(&builder, octets, length, sizeof octets);
    ck_assert_msg(builder.name_count == beginnings[_i].names, "%s: names", beginnings[_i].what);
    ck_assert(builder_rrset(&builder, SECTION_ANSWER, &rrset));
    ck_assert_mem_eq(octets + length, beginnings[_i].names ? "\xc0\x0c\0" : "\1a\0", 3);
    (void)builder_finish(&builder);
    ck_assert_uint_eq(octets[5], beginnings[_i].questions);
    ck_assert_uint_eq(octets[7], 1);
}
END_TEST

START_TEST(adds_signatures)
{
    uint8_t octets[512], space[64], signature[64];
    struct name owner = name_of("ns.example.");
    struct rrset rrset = {.owner = &owner,
                          .type = TYPE_A,
                          .class_ = CLASS_IN,
                          .ttl = 5,
                          .rdata = run_of_one(space, "\1\2\3\4", 4)};
    /* Its signer's name must not be compressed (RFC 4034 section 3.1.7). */
    struct rdata_run signatures =
        run_of_one(signature, "\0\1\xd\2\0\0\0\5\0\0\0\2\0\0\0\1\0\7\7example\0sig", 18 + 9 + 3);
    struct builder builder;

    memcpy(octets, query, sizeof query);
    builder_begin(&builder, octets, sizeof query, sizeof octets);
    ck_assert(builder_rrset(&builder, SECTION_ADDITIONAL, &rrset));
    ck_assert(builder_signatures(&builder, SECTION_ADDITIONAL, &rrset, &signatures));
    size_t at = sizeof query + 5 + 10 + 4;
    ck_assert_mem_eq(octets + at, "\xc0\x1d\0\x2e\0\1\0\0\0\5\0\x1e", 12);
    ck_assert_mem_eq(octets + at + 12, signature + 2, 30);
    ck_assert_uint_eq(builder_finish(&builder), at + 12 + 30);
    ck_assert_mem_eq(octets + 10, "\0\2", 2);
    ck_assert_uint_eq(rrset.type, TYPE_A);
}
END_TEST

static const struct {
    const char *what;
    struct rdata_run run;
} malformed[] = {
    {"half a length", {(const uint8_t *)"\0", 1, 1}},
    {"more promised than there is", {(const uint8_t *)"\0\5abcd", 6, 1}},
    {"a second one cut off", {(const uint8_t *)"\0\1a\0", 4, 2}},
};

START_TEST(refuses_malformed_runs)
{
    uint8_t octets[128];
    struct name owner = name_of("new.name.");
    struct rrset rrset = {
        .owner = &owner, .type = TYPE_TXT, .class_ = CLASS_IN, .rdata = malformed[_i].run};
    struct builder builder;

    memcpy(octets, query, sizeof query);
    builder_begin(&builder, octets, sizeof query, sizeof octets);
    struct builder before = builder;
    ck_assert_msg(!builder_rrset(&builder, SECTION_ANSWER, &rrset), "%s", malformed[_i].what);
    expect_unchanged(&before, &builder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/builder");
    TCase *builder = tcase_create("builder"), *samples = tcase_create("samples");

    tcase_add_loop_test(builder, compresses, 0, COUNT(rows));
    tcase_add_test(builder, forgets_names_when_it_rewinds);
    tcase_add_test(builder, forgets_the_last_owner_when_it_rewinds);
    tcase_add_test(builder, fills_64_kib);
    tcase_add_test(builder, repeats_an_owner_beyond_pointers);
    tcase_add_test(builder, takes_names_of_127_labels);
    tcase_add_loop_test(builder, begins_with_any_question, 0, COUNT(beginnings));
    tcase_add_test(builder, adds_signatures);
    tcase_add_loop_test(builder, refuses_malformed_runs, 0, COUNT(malformed));
    tcase_set_timeout(samples, 60);
    tcase_add_loop_test(samples, reads_back_equal, 0, 8);
    tcase_add_loop_test(samples, takes_back_at_every_limit, 0, 2);
    suite_add_tcase(suite, builder);
    suite_add_tcase(suite, samples);
    return run_suite(suite);
}
