/*
 * test_desk_transfer_model.c - random zones that are changed at random while they are sent.
 *
 * The stream of a whole zone must be the zone as it was when the stream began, whatever happened
 * between two messages; differences applied to the zone that the peer has must give the zone that
 * was served. The model is a bag of records, by which the journal's entries are made too.
 */
#include "avow/store/key.h"

#include "transfer_lab.h"

enum {
    NAMES = 40,
    HASHES = 24,
    TYPES = 5,
    RECORDS = 5,
    SERIALS = 64,
    HISTORIES = 1500,
    CAMPAIGN_HISTORIES = 12000, /* with AVOW_CAMPAIGN */
    STORE_HISTORIES = 400,      /* in one store */
    MAP_OCTETS = 256 << 20
};

static const uint16_t types[TYPES] = {TYPE_A, TYPE_NS, TYPE_MX, TYPE_TXT, TYPE_NSEC};

struct rdata {
    uint16_t length;
    uint8_t octets[300];
};

struct set {
    uint16_t type;
    uint32_t ttl;
    unsigned count, signature_count;
    struct rdata records[RECORDS], signatures[2];
};

/* A name or a hash; empty when it is not there. */
struct spot {
    struct name name;
    uint8_t hash[NODE_HASH_OCTETS];
    bool there;
    struct set sets[TYPES];
};

struct history {
    struct test_store test;
    struct name apex;
    uint32_t version, serial, first_serial;
    struct zone row;
    struct set soa;
    struct spot names[NAMES], chain[HASHES];
    struct bag zones[SERIALS]; /* by serial - first_serial */
    struct journal_bounds bounds;
    bool is_signed;
    unsigned commits;
};

/* How often what had to be met was met. */
struct tally {
    unsigned whole, changed, failed, condensed, entries, current, datagrams, too_old;
};

static struct history history;
static struct tally tally;
static uint64_t random_state;

static unsigned pick(unsigned limit)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(random_state >> 33) % limit;
}

/* ---- random records -------------------------------------------------------------------------- */

static void put_target(struct writer *writer)
{
    static const char *const targets[] = {"ns.zone.example.", "a.b.zone.example.", "ns.other.",
                                          "xzone.example.",   "zone.example.",     "."};
    struct name name = name_of(targets[pick(COUNT(targets))]);

    name_write(writer, &name);
}

static void make_rdata(uint16_t type, struct rdata *rdata)
{
    struct writer writer = writer_over(rdata->octets, sizeof rdata->octets);

    if (type == TYPE_A) {
        writer_u32(&writer, 0x0a000000 + pick(8));
    } else if (type == TYPE_TXT) {
        unsigned length = pick(4) ? pick(20) : 200 + pick(50);
        writer_u8(&writer, (uint8_t)length);
        memset(writer_claim(&writer, length), 'a' + (int)pick(2), length);
    } else {
        if (type == TYPE_MX)
            writer_u16(&writer, (uint16_t)pick(3));
        put_target(&writer);
        if (type == TYPE_NSEC)
            writer_add(&writer, "\0\1\x40", 3);
    }
    rdata->length = (uint16_t)writer.length;
}

static void make_nsec3(struct rdata *rdata)
{
    struct writer writer = writer_over(rdata->octets, sizeof rdata->octets);

    writer_add(&writer, "\1\0\0\0\0\x14", 6);
    memset(writer_claim(&writer, NODE_HASH_OCTETS), (int)pick(4), NODE_HASH_OCTETS);
    if (pick(2))
        writer_add(&writer, "\0\1\x40", 3);
    rdata->length = (uint16_t)writer.length;
}

static void sign_set(struct set *set)
{
    set->signature_count = history.is_signed && pick(8) ? 1 + (pick(4) == 0) : 0;
    for (unsigned i = 0; i < set->signature_count; i++) {
        struct writer writer = writer_over(set->signatures[i].octets, 300);
        writer_u16(&writer, set->type);
        writer_u8(&writer, 13);
        writer_u8(&writer, 2);
        writer_u32(&writer, set->ttl);
        writer_u64(&writer, 7);
        writer_u16(&writer, (uint16_t)i);
        name_write(&writer, &history.apex);
        memset(writer_claim(&writer, 64), (int)pick(6), 64);
        set->signatures[i].length = (uint16_t)writer.length;
    }
}

static bool has_record(const struct set *set, const struct rdata *rdata)
{
    for (unsigned i = 0; i < set->count; i++)
        if (set->records[i].length == rdata->length &&
            memcmp(set->records[i].octets, rdata->octets, rdata->length) == 0)
            return true;
    return false;
}

/* ---- random changes -------------------------------------------------------------------------- */

static void add_one(struct set *set)
{
    struct rdata rdata;

    make_rdata(set->type, &rdata);
    if (set->count < RECORDS && !has_record(set, &rdata))
        set->records[set->count++] = rdata;
}

static void change_set(struct set *set, uint16_t type)
{
    if (set->count == 0)
        *set = (struct set){.type = type, .ttl = 300 + pick(2)};
    unsigned act = pick(5);
    if (act == 0)
        set->ttl = 300 + pick(2);
    else if (act == 1 && set->count > 0)
        set->records[pick(set->count)] = set->records[set->count - 1], set->count--;
    else if (act != 2)
        add_one(set);
    sign_set(set);
}

static void change_name(struct spot *spot)
{
    unsigned type = pick(TYPES);

    spot->there = pick(6) != 0 || spot == &history.names[0];
    if (!spot->there && pick(2))
        memset(spot->sets, 0, sizeof spot->sets);
    spot->there = spot->there || spot == &history.names[0];
    change_set(&spot->sets[type], types[type]);
}

static void change_chain(struct spot *spot)
{
    struct set *set = &spot->sets[0];

    spot->there = pick(4) != 0;
    *set = (struct set){.type = TYPE_NSEC3, .ttl = 60, .count = 1};
    make_nsec3(&set->records[0]);
    sign_set(set);
}

static void new_serial(void)
{
    struct writer writer = writer_over(history.soa.records[0].octets, 300);

    history.serial++;
    history.soa.type = TYPE_SOA;
    history.soa.ttl = 300 + pick(2);
    history.soa.count = 1;
    put_target(&writer);
    put_target(&writer);
    writer_u32(&writer, history.serial);
    writer_u64(&writer, 1);
    writer_u64(&writer, 2);
    history.soa.records[0].length = (uint16_t)writer.length;
    sign_set(&history.soa);
}

/* ---- into the store -------------------------------------------------------------------------- */

/* The signatures of a set lie as they came, its records in canonical order. */
static struct node_rrset write_set(const struct set *set, struct buffer *run,
                                   struct buffer *signatures)
{
    uint16_t count = 0;
    bool added;

    for (unsigned i = 0; i < set->count; i++) {
        ck_assert_int_eq(rdata_run_insert(run, &count, set->type, set->records[i].octets,
                                          set->records[i].length, &added),
                         RESULT_OK);
        ck_assert(added);
    }
    for (unsigned i = 0; i < set->signature_count; i++)
        node_signatures_add(signatures, set->signatures[i].octets, set->signatures[i].length);
    return (struct node_rrset){.rdata = {run->octets, (uint32_t)run->length, count},
                               .signatures = {signatures->octets, (uint32_t)signatures->length,
                                              (uint16_t)set->signature_count},
                               .ttl = set->ttl,
                               .type = set->type};
}

static void write_name(struct change *change, const struct spot *spot)
{
    struct buffer runs[2 * (TYPES + 1)] = {{.length = 0}};
    struct node_rrset rrsets[TYPES + 1];
    bool apex = spot == &history.names[0];
    struct node_parts parts = {.rrsets = rrsets, .flags = apex ? NODE_APEX : 0};

    if (!spot->there) {
        change_delete_node(change, history.version, &spot->name);
        return;
    }
    for (unsigned i = 0; i < TYPES; i++) {
        if (apex && i == 2) { /* SOA lies between NS and MX */
            rrsets[parts.count] =
                write_set(&history.soa, &runs[2 * parts.count], &runs[2 * parts.count + 1]);
            parts.count++;
        }
        if (spot->sets[i].count == 0)
            continue;
        rrsets[parts.count] =
            write_set(&spot->sets[i], &runs[2 * parts.count], &runs[2 * parts.count + 1]);
        parts.count++;
    }
    if (parts.count == 0)
        parts.flags |= NODE_EMPTY;
    change_put_node(change, history.version, &spot->name, &parts);
    for (unsigned i = 0; i < COUNT(runs); i++)
        buffer_free(&runs[i]);
}

static void write_chain(struct change *change, const struct spot *spot)
{
    struct buffer run = {.length = 0}, signatures = {.length = 0};

    if (!spot->there) {
        change_delete_nsec3(change, history.version, spot->hash);
        return;
    }
    struct node_rrset rrset = write_set(&spot->sets[0], &run, &signatures);
    change_put_nsec3(change, history.version, spot->hash, &rrset);
    buffer_free(&run);
    buffer_free(&signatures);
}

static void bag_set(struct bag *bag, const struct name *owner, const struct set *set)
{
    for (unsigned i = 0; i < set->count; i++)
        bag_add(bag, owner, set->type, set->ttl, set->records[i].octets, set->records[i].length);
    for (unsigned i = 0; i < set->signature_count && set->count > 0; i++)
        bag_add(bag, owner, TYPE_RRSIG, set->ttl, set->signatures[i].octets,
                set->signatures[i].length);
}

static struct bag *bag_now(void)
{
    struct bag *bag = &history.zones[history.serial - history.first_serial];

    bag_set(bag, &history.apex, &history.soa);
    for (unsigned i = 0; i < NAMES; i++)
        for (unsigned j = 0; j < TYPES && history.names[i].there; j++)
            bag_set(bag, &history.names[i].name, &history.names[i].sets[j]);
    for (unsigned i = 0; i < HASHES; i++)
        if (history.chain[i].there)
            bag_set(bag, &history.chain[i].name, &history.chain[i].sets[0]);
    bag_sort(bag);
    return bag;
}

/* Rows of one act, the SOA first. */
static void add_rows(struct buffer *rows, enum journal_act act, const struct bag *bag)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < bag->count; i++) {
            struct reader record = reader_over(bag->records[i].octets, bag->records[i].length);
            struct journal_rrset rrset = {.act = act};
            struct buffer run = {.length = 0};
            name_read_plain(&record, &rrset.owner);
            rrset.type = reader_u16(&record);
            rrset.ttl = reader_u32(&record);
            if ((rrset.type == TYPE_SOA) != (pass == 0))
                continue;
            buffer_u16(&run, (uint16_t)reader_left(&record));
            buffer_add(&run, record.at, reader_left(&record));
            rrset.rdata = (struct rdata_run){run.octets, (uint32_t)run.length, 1};
            journal_add(rows, &rrset);
            buffer_free(&run);
        }
    }
}

static void put_journal(struct change *change, const struct bag *before, const struct bag *now)
{
    struct bag removed = {.count = 0}, added = {.count = 0};
    struct buffer rows = {.length = 0};
    struct journal_entry entry = {
        .version = history.version, .from = history.serial - 1, .to = history.serial};

    bag_minus(before, now, &removed);
    bag_minus(now, before, &added);
    add_rows(&rows, JOURNAL_REMOVED, &removed);
    add_rows(&rows, JOURNAL_ADDED, &added);
    change_put_journal(change, &history.row, &entry, &rows, &history.bounds);
    buffer_free(&rows);
    bag_free(&removed);
    bag_free(&added);
}

static void put_row(struct change *change)
{
    history.row.version = history.version;
    history.row.serial = history.row.highest_serial = history.serial;
    history.row.flags = history.is_signed ? ZONE_SIGNED | ZONE_FULLY_SIGNED : 0;
    change_put_zone(change, &history.row);
}

/* One commit: some changes, the serial, the journal. */
static void commit_changes(void)
{
    struct change change;
    bool names[NAMES] = {true}, chain[HASHES] = {false};

    if (history.serial - history.first_serial + 1 >= SERIALS)
        return;
    for (unsigned left = 1 + pick(8); left > 0; left--) {
        unsigned i = pick(history.is_signed ? NAMES + HASHES : NAMES);
        if (i < NAMES) {
            change_name(&history.names[i]);
            names[i] = true;
        } else {
            change_chain(&history.chain[i - NAMES]);
            chain[i - NAMES] = true;
        }
    }
    const struct bag *before = &history.zones[history.serial - history.first_serial];
    new_serial();
    const struct bag *now = bag_now();
    begin(&change, &history.test.store);
    for (unsigned i = 0; i < NAMES; i++)
        if (names[i])
            write_name(&change, &history.names[i]);
    for (unsigned i = 0; i < HASHES; i++)
        if (chain[i])
            write_chain(&change, &history.chain[i]);
    put_journal(&change, before, now);
    put_row(&change);
    commit(&change);
    history.commits++;
}

static void some_commits(void *context)
{
    unsigned most = *(unsigned *)context;

    for (unsigned left = pick(most + 1); left > 0; left--)
        commit_changes();
}

/* ---- a history ------------------------------------------------------------------------------- */

static void name_spots(void)
{
    static const char *const owners[] = {"zone.example.",           "*.zone.example.",
                                         "\\000.zone.example.",     "\\000\\001.zone.example.",
                                         "a.b.c.d.e.zone.example.", "*.b.c.d.e.zone.example.",
                                         "example.zone.example.",   "zone.example.zone.example."};

    for (unsigned i = 0; i < NAMES; i++) {
        char text[160];
        if (i < COUNT(owners))
            (void)snprintf(text, sizeof text, "%s", owners[i]);
        else if (i % 3 == 0)
            (void)snprintf(text, sizeof text, "n%u.%.*s.zone.example.", i, (int)(i + 20),
                           "ooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo");
        else
            (void)snprintf(text, sizeof text, "n%u.%c.zone.example.", i, 'a' + (int)(i % 4));
        history.names[i].name = name_of(text);
    }
}

static void name_chain(void)
{
    for (unsigned i = 0; i < HASHES; i++) {
        struct spot *spot = &history.chain[i];
        struct name *name = &spot->name;
        memset(spot->hash, (int)(i * 10), sizeof spot->hash);
        spot->hash[19] = (uint8_t)pick(256);
        name->octets[0] = 32;
        base32hex_hash((char *)name->octets + 1, spot->hash);
        memcpy(name->octets + 33, history.apex.octets, history.apex.length);
        name->length = (uint8_t)(history.apex.length + 33);
        name->labels = (uint8_t)(history.apex.labels + 1);
    }
}

/* A new zone of a new version, in the same store. */
static void begin_history(unsigned number)
{
    struct change change;
    struct test_store test = history.test;

    for (unsigned i = 0; i < SERIALS; i++)
        bag_free(&history.zones[i]);
    history = (struct history){.test = test, .bounds = {1 << 20, 1000}};
    random_state = number;
    pick(2);
    history.apex = name_of("zone.example.");
    history.row.apex = history.apex;
    history.row.names = history.row.records = history.row.rrsets = pick(4) ? 1000 : 20;
    history.is_signed = pick(4) != 0;
    history.first_serial = pick(3) ? 1 : UINT32_MAX - 5; /* serials go round */
    history.serial = history.first_serial - 1;
    name_spots();
    name_chain();
    for (unsigned i = 0; i < NAMES * 4; i++)
        change_name(&history.names[pick(NAMES)]);
    history.names[0].there = true;
    for (unsigned i = 0; i < HASHES && history.is_signed; i++)
        change_chain(&history.chain[i]);
    new_serial();
    bag_now();
    begin(&change, &history.test.store);
    ck_assert_int_eq(version_new(&change, &history.version), RESULT_OK);
    for (unsigned i = 0; i < NAMES; i++)
        write_name(&change, &history.names[i]);
    for (unsigned i = 0; i < HASHES; i++)
        write_chain(&change, &history.chain[i]);
    put_row(&change);
    commit(&change);
}

static void check_difference(const struct stream *stream, uint32_t from, struct bag *served)
{
    struct bag zone;

    bag_copy(&zone, &history.zones[from - history.first_serial]);
    unsigned differences = stream_apply(stream, &zone);
    ck_assert(bag_equal(&zone, served));
    if (differences > 1)
        tally.entries++;
    else
        tally.condensed++;
    bag_free(&zone);
}

static void check_whole(const struct stream *stream, struct bag *served)
{
    struct bag zone;

    stream_zone(stream, &zone);
    ck_assert(bag_equal(&zone, served));
    tally.whole++;
    bag_free(&zone);
}

/* The peer's serial, and whether it is one of the zone's. */
static uint32_t pick_serial(bool *known)
{
    uint32_t count = history.serial - history.first_serial + 1;

    *known = pick(8) != 0;
    return *known ? history.first_serial + pick(count) : history.first_serial - 1 - pick(3);
}

static void run_transfer(unsigned most_between)
{
    struct transfer_source source = {.snapshot = &history.test.snapshot,
                                     .condensed = pick(3) ? 0 : 1};
    struct asking asking;
    struct transfer *transfer;
    struct stream stream;
    bool known;
    uint32_t from = pick_serial(&known), served = history.serial;
    struct bag *zone = &history.zones[served - history.first_serial];
    unsigned commits = history.commits;

    ask_for(&asking, &history.apex, pick(2) ? TYPE_AXFR : TYPE_IXFR, from);
    asking.request.edns = pick(2);
    asking.request.udp = asking.request.type == TYPE_IXFR && pick(5) == 0;
    asking.request.edns_reply = (struct edns_reply){.payload = 1232, .extended_error = EDE_NONE};
    ck_assert_int_eq(transfer_begin(&source, &asking.request, &transfer), TRANSFER_BEGUN);
    ck_assert_uint_eq(transfer_serial(transfer), served);
    stream_all(&stream, transfer, &asking.request, 700 + pick(3000), some_commits, &most_between);
    ck_assert_msg(stream.last == TRANSFER_LAST || history.bounds.entries < 1000,
                  "failed though the journal leads there");
    if (stream.last != TRANSFER_LAST) {
        tally.failed++;
    } else if (stream.records.count == 1) {
        ck_assert(asking.request.udp || from == served);
        ck_assert_uint_eq(bag_serial(&stream.records.records[0]), served);
        tally.current++;
    } else if (stream_is_difference(&stream)) {
        ck_assert(known && asking.request.type == TYPE_IXFR);
        check_difference(&stream, from, zone);
        tally.datagrams += asking.request.udp;
    } else {
        check_whole(&stream, zone);
        tally.changed += history.commits > commits;
        tally.too_old += asking.request.type == TYPE_IXFR && !known;
    }
    stream_free(&stream);
    transfer_free(transfer);
}

START_TEST(histories)
{
    unsigned last = getenv("AVOW_CAMPAIGN") ? CAMPAIGN_HISTORIES : HISTORIES;

    for (unsigned number = 0; number < last; number++) {
        unsigned before = 0;
        if (number % STORE_HISTORIES == 0) {
            if (number > 0)
                test_store_close(&history.test);
            test_store_open(&history.test);
        }
        begin_history(number);
        if (number % 16 == 15)
            history.bounds = (struct journal_bounds){3000, 4}; /* the line breaks now and then */
        before = pick(8);
        some_commits(&before);
        run_transfer(pick(4));
    }
    test_store_close(&history.test);
    fprintf(stderr,
            "%u whole (%u changed meanwhile, %u too old), %u differences one by one, %u in one, "
            "%u by UDP, %u alone, %u failed\n",
            tally.whole, tally.changed, tally.too_old, tally.entries, tally.condensed,
            tally.datagrams, tally.current, tally.failed);
    /* The histories reached what they are for. */
    ck_assert_uint_gt(tally.changed, HISTORIES / 10);
    ck_assert_uint_gt(tally.condensed, HISTORIES / 20);
    ck_assert_uint_gt(tally.entries, HISTORIES / 50);
    ck_assert_uint_gt(tally.datagrams, 10);
    ck_assert_uint_gt(tally.too_old, 10);
    ck_assert_uint_gt(tally.failed, 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transfers of zones that change");
    TCase *cases = tcase_create("histories");

    tcase_set_timeout(cases, 900);
    tcase_add_test(cases, histories);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
