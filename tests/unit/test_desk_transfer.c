/*
 * test_desk_transfer.c - whole zones of every shape read back, who gets what kind of answer, and
 * what ends a stream.
 */
#include "transfer_lab.h"

#include "records.h"

enum {
    CORNER_LINES = 12,
    BIG_OCTETS = 60000,
    SMALL_LIMIT = 1400,
    NAMES = 100,
    LATER_ENTRIES = 5,
    LATER_RECORDS = 28000
};

#define SOA_OF(serial) "z. 300 IN SOA ns.z. h.z. " #serial " 7200 3600 1209600 60"
#define NS             "z. 300 IN NS ns.z."
#define L63            "lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"
#define L61            "lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"
#define SERVED         5

static struct test_store test;
static struct metrics_stripe metrics;
static struct bag zone_bag;
static uint32_t next_version;

static void open_test(void)
{
    test_store_open(&test);
    metrics = (struct metrics_stripe){.values = {0}};
    next_version = 1;
}

static void close_test(void)
{
    bag_free(&zone_bag);
    test_store_close(&test);
}

/* ---- a zone from lines ----------------------------------------------------------------------- */

static int by_type(const void *a, const void *b)
{
    const struct node_rrset *x = a, *y = b;

    return (int)x->type - (int)y->type;
}

static void put_owner(struct change *change, const struct records *records, size_t first,
                      const char *apex)
{
    struct node_rrset rrsets[CORNER_LINES];
    const struct name *owner = &records->sets[first].owner;
    struct name top = name_of(apex);
    struct node_parts parts = {.rrsets = rrsets, .flags = name_equal(owner, &top) ? NODE_APEX : 0};

    for (size_t i = first; i < records->count; i++) {
        if (!name_equal(&records->sets[i].owner, owner))
            continue;
        struct rrset rrset = records_rrset(&records->sets[i]);
        rrsets[parts.count++] =
            (struct node_rrset){.rdata = rrset.rdata, .ttl = rrset.ttl, .type = rrset.type};
        bag_add_run(&zone_bag, owner, rrset.type, rrset.ttl, &rrset.rdata);
    }
    qsort(rrsets, parts.count, sizeof *rrsets, by_type);
    change_put_node(change, next_version, owner, &parts);
}

static struct zone row_of(const char *apex, uint32_t version)
{
    return (struct zone){.apex = name_of(apex),
                         .version = version,
                         .serial = SERVED,
                         .highest_serial = SERVED,
                         .records = 1000};
}

/* Put a zone as a version of its own; what it holds is then in zone_bag. */
static struct zone put_zone(const char *apex, const char *const *lines)
{
    struct records records = {.count = 0};
    struct change change;
    struct zone row = row_of(apex, next_version);

    bag_free(&zone_bag);
    for (; *lines; lines++)
        records_add_line(&records, *lines);
    begin(&change, &test.store);
    for (size_t i = 0; i < records.count; i++) {
        size_t first = 0;
        while (!name_equal(&records.sets[first].owner, &records.sets[i].owner))
            first++;
        if (first == i)
            put_owner(&change, &records, i, apex);
    }
    change_put_zone(&change, &row);
    commit(&change);
    records_free(&records);
    next_version++;
    return row;
}

static void put_row(struct zone *row)
{
    struct change change;

    begin(&change, &test.store);
    change_put_zone(&change, row);
    commit(&change);
}

static struct transfer_source source_of(void)
{
    return (struct transfer_source){.snapshot = &test.snapshot, .metrics = &metrics};
}

static enum transfer_begun ask(struct asking *asking, const char *apex, uint16_t type,
                               uint32_t serial, struct transfer **transfer)
{
    struct transfer_source source = source_of();
    struct name zone = name_of(apex);

    ask_for(asking, &zone, type, serial);
    return transfer_begin(&source, &asking->request, transfer);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static const struct {
    const char *what, *apex;
    const char *lines[CORNER_LINES];
} corners[] = {
    {"the apex alone", "z.", {SOA_OF(5), NS}},
    {"the root", ".", {". 1 IN SOA a. b. 5 1 1 1 1", ". 1 IN NS a.", "a. 1 IN A 192.0.2.1"}},
    {"a top-level name below the root",
     ".",
     {". 1 IN SOA a. b. 5 1 1 1 1", "com. 1 IN NS ns.com.", "ns.com. 1 IN A 192.0.2.1"}},
    {"octets 00 and 01",
     "z.",
     {SOA_OF(5), NS, "\\000.z. 1 IN A 192.0.2.1", "\\001.z. 1 IN A 192.0.2.2",
      "\\000\\000.\\000.z. 1 IN A 192.0.2.3", "\\001\\002.z. 1 IN A 192.0.2.4",
      "a.\\000\\001.z. 1 IN A 192.0.2.5"}},
    {"wildcards",
     "z.",
     {SOA_OF(5), NS, "*.z. 1 IN A 192.0.2.1", "*.*.z. 1 IN A 192.0.2.2", "a.*.z. 1 IN MX 1 *.z."}},
    {"a cut, its glue, and what is occluded",
     "z.",
     {SOA_OF(5), NS, "c.z. 1 IN NS ns.c.z.", "c.z. 1 IN NS ns.other.", "ns.c.z. 1 IN A 192.0.2.1",
      "a.b.c.z. 1 IN TXT \"below\"", "d.z. 1 IN DNAME z.", "e.d.z. 1 IN A 192.0.2.2"}},
    {"names of 255 octets",
     "z.",
     {SOA_OF(5), NS, L61 "." L63 "." L63 "." L61 ".z. 1 IN A 192.0.2.1",
      "a." L61 "." L61 "." L61 "." L61 ".z. 1 IN CNAME " L61 "." L63 "." L63 "." L61 ".z."}},
    {"targets that look like the apex",
     "z.",
     {SOA_OF(5), NS, "a.z. 1 IN CNAME yz.", "b.z. 1 IN CNAME z.", "c.z. 1 IN CNAME Z.",
      "d.z. 1 IN CNAME \\001z.", "e.z. 1 IN PTR a.\\001z.z.", "f.z. 1 IN MX 7 z.z."}},
    {"a target in other letters",
     "z.",
     {SOA_OF(5), "z. 300 IN NS Ns.Z.", "z. 300 IN NS nS.z.other.", "a.z. 1 IN CNAME A.z."}},
    {"an apex in other letters", "Z.", {SOA_OF(5), NS, "A.z. 1 IN A 192.0.2.1"}},
    {"a type that nobody knows, and no RDATA",
     "z.",
     {SOA_OF(5), NS, "a.z. 1 IN TYPE65280 \\# 0", "a.z. 1 IN TYPE65281 \\# 3 00ff01"}},
};

static void check_stream(const char *apex, size_t limit, struct stream *stream)
{
    struct asking asking;
    struct transfer *transfer;
    struct bag zone;

    ck_assert_int_eq(ask(&asking, apex, TYPE_AXFR, 0, &transfer), TRANSFER_BEGUN);
    ck_assert_int_eq(transfer_kind(transfer), TRANSFER_WHOLE);
    stream_all(stream, transfer, &asking.request, limit, NULL, NULL);
    transfer_free(transfer);
    ck_assert_int_eq(stream->last, TRANSFER_LAST);
    stream_zone(stream, &zone);
    ck_assert(bag_equal(&zone, &zone_bag));
    bag_free(&zone);
    stream_free(stream);
}

START_TEST(shape)
{
    struct stream stream;

    open_test();
    (void)put_zone(corners[_i].apex, corners[_i].lines);
    check_stream(corners[_i].apex, LAB_LARGEST, &stream);
    for (size_t limit = 600; limit < 700; limit++)
        check_stream(corners[_i].apex, limit, &stream);
    close_test();
}
END_TEST

/* One RRset of 240 records and 60,000 octets, and one record of as many: kept apart, and the one
 * goes over many messages, the other makes one larger than others are. */
START_TEST(large)
{
    static const char *const lines[] = {SOA_OF(5), NS, "b.z. 1 IN A 192.0.2.1", NULL};
    struct buffer many = {.length = 0}, one = {.length = 0};
    struct name owner = name_of("a.z.");
    struct change change;
    struct stream stream;

    open_test();
    (void)put_zone("z.", lines);
    struct node_rrset rrsets[] = {
        {.rdata = make_run(&many, 240, 250, 0), .ttl = 1, .type = 65280},
        {.rdata = make_run(&one, 1, BIG_OCTETS, 7), .ttl = 1, .type = 65281}};
    struct node_parts parts = {.rrsets = rrsets, .count = 2};
    begin(&change, &test.store);
    change_put_node(&change, 1, &owner, &parts);
    commit(&change);
    bag_add_run(&zone_bag, &owner, 65280, 1, &rrsets[0].rdata);
    bag_add_run(&zone_bag, &owner, 65281, 1, &rrsets[1].rdata);
    check_stream("z.", LAB_LARGEST, &stream);
    buffer_free(&many);
    buffer_free(&one);
    close_test();
}
END_TEST

/* Messages are of 16 KiB, but for one that a single record needs to be larger. */
START_TEST(sizes)
{
    static const char *const lines[] = {SOA_OF(5), NS, NULL};
    struct asking asking;
    struct transfer *transfer;
    struct buffer run = {.length = 0};
    struct name owner = name_of("a.z.");
    struct change change;
    struct stream stream;

    open_test();
    (void)put_zone("z.", lines);
    struct node_rrset rrset = {.rdata = make_run(&run, 2000, 100, 0), .ttl = 1, .type = 65280};
    begin(&change, &test.store);
    change_put_node(&change, 1, &owner, &(struct node_parts){.rrsets = &rrset, .count = 1});
    commit(&change);
    ck_assert_int_eq(ask(&asking, "z.", TYPE_AXFR, 0, &transfer), TRANSFER_BEGUN);
    stream_all(&stream, transfer, &asking.request, LAB_LARGEST, NULL, NULL);
    transfer_free(transfer);
    ck_assert_uint_le(stream.largest, 1 << 14);
    ck_assert_uint_gt(stream.octets / stream.messages, 15000);
    /* Owners are pointers: two octets beside the ten fixed ones. */
    ck_assert_uint_lt(stream.octets, 2000 * (100 + 12) + 100 * stream.messages);
    stream_free(&stream);
    buffer_free(&run);
    close_test();
}
END_TEST

/* A record that no message can hold ends the stream; it does not go round for ever. */
START_TEST(too_large)
{
    static const char *const lines[] = {SOA_OF(5), NS, NULL};
    struct asking asking;
    struct transfer *transfer;
    struct buffer run = {.length = 0};
    struct name owner = name_of("a.z.");
    struct change change;
    struct stream stream;

    open_test();
    (void)put_zone("z.", lines);
    struct node_rrset rrset = {.rdata = make_run(&run, 1, 65530, 0), .ttl = 1, .type = 65280};
    begin(&change, &test.store);
    change_put_node(&change, 1, &owner, &(struct node_parts){.rrsets = &rrset, .count = 1});
    commit(&change);
    ck_assert_int_eq(ask(&asking, "z.", TYPE_AXFR, 0, &transfer), TRANSFER_BEGUN);
    stream_all(&stream, transfer, &asking.request, LAB_LARGEST, NULL, NULL);
    ck_assert_int_eq(stream.last, TRANSFER_FAILED);
    transfer_free(transfer);
    stream_free(&stream);
    buffer_free(&run);
    close_test();
}
END_TEST

/* ---- who gets what --------------------------------------------------------------------------- */

static const struct {
    const char *what, *asked;
    uint32_t version;
    uint16_t flags;
    uint32_t serial; /* of the row */
    enum transfer_begun begun;
} states[] = {
    {"an unsigned zone", "z.", 1, 0, 5, TRANSFER_BEGUN},
    {"in other letters", "Z.", 1, 0, 5, TRANSFER_BEGUN},
    {"a zone fully signed", "z.", 1, ZONE_SIGNED | ZONE_FULLY_SIGNED, 5, TRANSFER_BEGUN},
    {"signatures are missing", "z.", 1, ZONE_SIGNED, 5, TRANSFER_NOT_READY},
    {"an expired zone", "z.", 1, ZONE_EXPIRED, 5, TRANSFER_EXPIRED},
    {"another zone", "y.", 1, 0, 5, TRANSFER_ABSENT},
    {"a name in the zone", "a.z.", 1, 0, 5, TRANSFER_ABSENT},
    {"nothing loaded", "z.", 0, 0, 5, TRANSFER_ABSENT},
    {"a row of another serial than the SOA's", "z.", 1, 0, 6, TRANSFER_DAMAGED},
    {"a version that is not there", "z.", 9, 0, 5, TRANSFER_DAMAGED},
};

START_TEST(state)
{
    static const char *const lines[] = {SOA_OF(5), NS, NULL};
    struct asking asking;
    struct transfer *transfer;

    open_test();
    struct zone row = put_zone("z.", lines);
    row.version = states[_i].version;
    row.flags = states[_i].flags;
    row.serial = states[_i].serial;
    put_row(&row);
    ck_assert_int_eq(ask(&asking, states[_i].asked, TYPE_AXFR, 0, &transfer), states[_i].begun);
    ck_assert((transfer != NULL) == (states[_i].begun == TRANSFER_BEGUN));
    ck_assert_uint_eq(metric_get(&metrics, METRIC_AXFR_ASKED), 1);
    ck_assert_uint_eq(metric_get(&metrics, METRIC_STORE_CORRUPT),
                      states[_i].begun == TRANSFER_DAMAGED);
    transfer_free(transfer);
    close_test();
}
END_TEST

/* IXFR without a journal (RFC 1995 sections 2 and 4, RFC 1982 section 3.2). */
static const struct {
    const char *what;
    uint32_t serial;
    bool udp, whole;
    enum metric counted;
} peers[] = {
    {"the same serial", SERVED, false, false, METRIC_IXFR_CURRENT},
    {"a newer one", SERVED + 1, false, false, METRIC_IXFR_CURRENT},
    {"the newest", SERVED + UINT32_C(0x7fffffff), false, false, METRIC_IXFR_CURRENT},
    {"without order", SERVED + UINT32_C(0x80000000), false, true, METRIC_IXFR_WHOLE},
    {"older", SERVED - 1, false, true, METRIC_IXFR_WHOLE},
    {"the same, by UDP", SERVED, true, false, METRIC_IXFR_CURRENT},
    {"older, by UDP", SERVED - 1, true, false, METRIC_IXFR_ASKED},
};

START_TEST(peer)
{
    static const char *const lines[] = {SOA_OF(5), NS, NULL};
    struct transfer_source source;
    struct asking asking;
    struct transfer *transfer;
    struct stream stream;
    struct name zone = name_of("z.");

    open_test();
    source = source_of();
    (void)put_zone("z.", lines);
    ask_for(&asking, &zone, TYPE_IXFR, peers[_i].serial);
    asking.request.udp = peers[_i].udp;
    ck_assert_int_eq(transfer_begin(&source, &asking.request, &transfer), TRANSFER_BEGUN);
    stream_all(&stream, transfer, &asking.request, 512, NULL, NULL);
    ck_assert_int_eq(stream.last, TRANSFER_LAST);
    ck_assert((transfer_kind(transfer) == TRANSFER_WHOLE) == peers[_i].whole);
    ck_assert_uint_eq(stream.records.count, peers[_i].whole ? 3 : 1);
    ck_assert_uint_eq(metric_get(&metrics, METRIC_IXFR_ASKED), 1);
    ck_assert_uint_eq(metric_get(&metrics, peers[_i].counted), 1);
    ck_assert_uint_eq(metric_get(&metrics, METRIC_AXFR_DONE), peers[_i].whole);
    ck_assert_uint_eq(metric_get(&metrics, METRIC_IXFR_DONE), 0);
    transfer_free(transfer);
    stream_free(&stream);
    close_test();
}
END_TEST

/* RFC 7314 section 3: a primary says what its SOA says. In the first message alone. */
START_TEST(expire)
{
    static const char *const lines[] = {SOA_OF(5), NS, NULL};
    static const uint8_t option[] = {0, EDNS_OPTION_EXPIRE, 0, 4, 0, 0x12, 0x75, 0};
    struct transfer_source source;
    struct asking asking;
    struct transfer *transfer;
    struct stream stream;
    struct name zone = name_of("z.");

    open_test();
    source = source_of();
    (void)put_zone("z.", lines);
    ask_for(&asking, &zone, TYPE_AXFR, 0);
    asking.request.edns = asking.request.expire = true;
    asking.request.edns_reply = (struct edns_reply){.payload = 1232, .extended_error = EDE_NONE};
    ck_assert_int_eq(transfer_begin(&source, &asking.request, &transfer), TRANSFER_BEGUN);
    /* So little room that there are two messages. */
    stream_all(&stream, transfer, &asking.request, 100, NULL, NULL);
    ck_assert_int_eq(stream.last, TRANSFER_LAST);
    ck_assert_uint_gt(stream.messages, 1);
    ck_assert(stream.opt && stream.edns.expire && stream.edns.payload == 1232);
    ck_assert_uint_eq(stream.opt_length, sizeof option);
    ck_assert_mem_eq(stream.opt_octets, option, sizeof option);
    transfer_free(transfer);
    stream_free(&stream);
    close_test();
}
END_TEST

/* ---- what ends a stream ---------------------------------------------------------------------- */

static struct zone served;

static void raise_serial(void)
{
    served.serial++;
    put_row(&served);
}

static void lose_signatures(void)
{
    served.flags |= ZONE_SIGNED;
    put_row(&served);
}

static void load_another(void)
{
    static const char *const lines[] = {SOA_OF(5), NS, NULL};

    (void)put_zone("z.", lines);
}

static void delete_zone(void)
{
    struct change change;

    begin(&change, &test.store);
    change_delete_zone(&change, &served.apex);
    commit(&change);
}

static struct journal_bounds bounds;

/* An entry of `count` records of 60 octets each, at names behind those that were sent. */
static void put_entry(uint32_t count)
{
    struct journal_entry entry = {
        .version = served.version, .from = served.serial, .to = served.serial + 1};
    struct buffer rows = {.length = 0}, run = {.length = 0};
    struct change change;

    for (uint32_t i = 0; i < count; i++) {
        char text[40];
        (void)snprintf(text, sizeof text, "z%u-%u.z.", served.serial, i);
        struct journal_rrset rrset = {
            .act = JOURNAL_REMOVED, .owner = name_of(text), .type = 65280, .ttl = 1};
        rrset.rdata = make_run(&run, 1, 60, 0);
        journal_add(&rows, &rrset);
    }
    begin(&change, &test.store);
    change_put_journal(&change, &served, &entry, &rows, &bounds);
    served.serial++;
    change_put_zone(&change, &served);
    commit(&change);
    buffer_free(&rows);
    buffer_free(&run);
}

static void change_much(void)
{
    for (unsigned i = 0; i < 4; i++)
        put_entry(60000);
}

static const struct {
    const char *what;
    void (*happens)(void);
} ends[] = {
    {"a serial without an entry", raise_serial},
    {"signatures are missing", lose_signatures},
    {"another version", load_another},
    {"the zone is gone", delete_zone},
    {"more changed than can be kept", change_much},
};

static void put_names(void)
{
    struct change change;
    struct buffer run = {.length = 0};

    begin(&change, &test.store);
    for (unsigned i = 0; i < NAMES; i++) {
        char text[40];
        (void)snprintf(text, sizeof text, "a%u.z.", i);
        struct name owner = name_of(text);
        struct node_rrset rrset = {.rdata = make_run(&run, 1, 60, 0), .ttl = 1, .type = 65280};
        change_put_node(&change, served.version, &owner,
                        &(struct node_parts){.rrsets = &rrset, .count = 1});
    }
    commit(&change);
    buffer_free(&run);
}

static void serve_names(void)
{
    static const char *const lines[] = {SOA_OF(5), NS, NULL};

    open_test();
    bounds = (struct journal_bounds){1 << 30, 1000};
    served = put_zone("z.", lines);
    put_names();
}

/* The next message; its records are counted. */
static enum transfer_step next_of(struct transfer *transfer, unsigned *records)
{
    static uint8_t octets[LAB_LARGEST];
    struct writer message = writer_over(octets, SMALL_LIMIT);

    enum transfer_step step = transfer_next(transfer, &message);
    if (message.length > 0)
        *records += (unsigned)octets[6] << 8 | octets[7];
    return step;
}

START_TEST(end)
{
    struct asking asking;
    struct transfer *transfer;
    enum transfer_step step;
    unsigned records = 0;

    serve_names();
    ck_assert_int_eq(ask(&asking, "z.", TYPE_AXFR, 0, &transfer), TRANSFER_BEGUN);
    ck_assert_int_eq(next_of(transfer, &records), TRANSFER_MESSAGE);
    ends[_i].happens();
    do
        step = next_of(transfer, &records);
    while (step == TRANSFER_MESSAGE || step == TRANSFER_LATER);
    ck_assert_int_eq(step, TRANSFER_FAILED);
    ck_assert_uint_eq(metric_get(&metrics, METRIC_AXFR_DONE), 0);
    transfer_free(transfer);
    close_test();
}
END_TEST

/* Much that changed is caught up with over several turns, and all of it is in the stream. */
START_TEST(later)
{
    struct asking asking;
    struct transfer *transfer;
    enum transfer_step step;
    unsigned turns = 0, records = 0;

    serve_names();
    ck_assert_int_eq(ask(&asking, "z.", TYPE_AXFR, 0, &transfer), TRANSFER_BEGUN);
    ck_assert_int_eq(next_of(transfer, &records), TRANSFER_MESSAGE);
    for (unsigned i = 0; i < LATER_ENTRIES; i++)
        put_entry(LATER_RECORDS);
    do {
        step = next_of(transfer, &records);
        turns += step == TRANSFER_LATER;
    } while (step == TRANSFER_MESSAGE || step == TRANSFER_LATER);
    ck_assert_int_eq(step, TRANSFER_LAST);
    ck_assert_uint_gt(turns, 0);
    ck_assert_uint_eq(records, 2 + 1 + NAMES + LATER_ENTRIES * LATER_RECORDS);
    transfer_free(transfer);
    close_test();
}
END_TEST

/* Two entries of so many records, condensed; that these have no SOA, which is damage, tells that
 * they were read. For a datagram little is. */
static const struct {
    const char *what;
    uint32_t records;
    bool udp, read;
} condensings[] = {
    {"little, by TCP", 3, false, true},
    {"little, by UDP", 3, true, true},
    {"much, by TCP", 1000, false, true},
    {"much, by UDP", 1000, true, false},
};

START_TEST(condensing)
{
    struct transfer_source source;
    struct transfer *transfer;
    struct asking asking;
    struct name zone = name_of("z.");
    uint8_t octets[LAB_LARGEST];
    struct writer message = writer_over(octets, 512);

    serve_names();
    served.serial -= 2; /* of the row: what is served is the SOA's */
    for (unsigned i = 0; i < 2; i++)
        put_entry(condensings[_i].records);
    source = source_of();
    ask_for(&asking, &zone, TYPE_IXFR, served.serial - 2);
    asking.request.udp = condensings[_i].udp;
    ck_assert_int_eq(transfer_begin(&source, &asking.request, &transfer), TRANSFER_BEGUN);
    ck_assert_msg(metric_get(&metrics, METRIC_STORE_CORRUPT) == condensings[_i].read, "%s",
                  condensings[_i].what);
    if (condensings[_i].udp) {
        ck_assert_int_eq(transfer_next(transfer, &message), TRANSFER_LAST);
        ck_assert_int_eq(transfer_kind(transfer), TRANSFER_HINT);
    }
    transfer_free(transfer);
    close_test();
}
END_TEST

/* A journal of one entry, and a peer that does not read while ten come: only a stream that keeps up
 * goes on. */
START_TEST(keeps_up)
{
    struct asking asking;
    struct transfer *transfer;
    enum transfer_step step;
    unsigned records = 0;

    serve_names();
    bounds.entries = 1;
    ck_assert_int_eq(ask(&asking, "z.", TYPE_AXFR, 0, &transfer), TRANSFER_BEGUN);
    ck_assert_int_eq(next_of(transfer, &records), TRANSFER_MESSAGE);
    for (unsigned i = 0; i < 10; i++) {
        put_entry(3);
        if (_i)
            ck_assert_int_eq(transfer_keep_up(transfer), TRANSFER_MESSAGE);
    }
    do
        step = next_of(transfer, &records);
    while (step == TRANSFER_MESSAGE);
    ck_assert_int_eq(step, _i ? TRANSFER_LAST : TRANSFER_FAILED);
    ck_assert(!_i || records == 2 + 1 + NAMES + 30);
    ck_assert_int_eq(transfer_keep_up(transfer), _i ? TRANSFER_MESSAGE : TRANSFER_FAILED);
    transfer_free(transfer);
    close_test();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transfers");
    TCase *cases = tcase_create("streams");

    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, shape, 0, COUNT(corners));
    tcase_add_test(cases, large);
    tcase_add_test(cases, sizes);
    tcase_add_test(cases, too_large);
    tcase_add_loop_test(cases, state, 0, COUNT(states));
    tcase_add_loop_test(cases, peer, 0, COUNT(peers));
    tcase_add_test(cases, expire);
    tcase_add_loop_test(cases, end, 0, COUNT(ends));
    tcase_add_test(cases, later);
    tcase_add_loop_test(cases, condensing, 0, COUNT(condensings));
    tcase_add_loop_test(cases, keeps_up, 0, 2);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
