/* check.c - looking at every record: its seal, its form, and what it must agree with. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "avow/change/check.h"
#include "avow/store/key.h"
#include "avow/store/walk.h"
#include "avow/wire/type.h"

#include "check.h"

enum { FINDINGS = 100, SKIPPED = 1000 /* damaged records in a row */ };

struct check check_of(const struct check_task *task)
{
    return (struct check){.task = task, .snapshot = task->snapshot, .counts = task->counts};
}

void check_complain(struct check *check, const char *format, ...)
{
    char line[STORE_PROBLEM_OCTETS];
    va_list arguments;

    if (!check->task->complain || check->findings++ >= FINDINGS)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    check->task->complain(check->task->context, line);
}

/* A record as people may recognise it: the name in its key, or the key in hexadecimal. */
static const char *describe(enum store_table table, const struct store_record *record,
                            char text[NAME_MAX_TEXT])
{
    struct name name;
    size_t skip = table == TABLE_ZONES ? 1 : table == TABLE_NODES ? RECORD_PREFIX_OCTETS : 0;

    if (skip && record->key_length >= skip &&
        name_key_read(record->key + skip, record->key_length - skip, &name) == RESULT_OK)
        return name_to_text(&name, text);
    size_t at = 0;
    for (size_t i = 0; i < record->key_length && at + 3 < NAME_MAX_TEXT; i++)
        at += (size_t)snprintf(text + at, NAME_MAX_TEXT - at, "%02x", record->key[i]);
    text[at] = '\0';
    return text;
}

static void misplaced(struct check *check, enum store_table table,
                      const struct store_record *record, const char *what)
{
    char text[NAME_MAX_TEXT];

    check->counts->misplaced++;
    check_complain(check, "%s: %.200s: %s", store_table_name(table), describe(table, record, text),
                   what);
}

/* The node's form, and that what it keeps apart is there. */
static enum result check_node(struct check *check, const struct store_record *record,
                              struct reader payload)
{
    struct node_view node;
    struct rrset_view rrset;
    struct name name;

    if (node_open(payload, &node))
        return RESULT_CORRUPT;
    node.snapshot = check->snapshot;
    node.key = record->key;
    node.key_length = (uint16_t)record->key_length;
    if (node_name(&node, &name))
        return RESULT_CORRUPT;
    for (struct reader rows = node.rows; node_next(&rows, &rrset);)
        if (node_fetch(&node, &rrset))
            misplaced(check, TABLE_NODES, record, "an RRset that is kept apart is missing");
    check_node_signatures(check, &node);
    return RESULT_OK;
}

/* The RRset's form, and that its node knows of it. */
static enum result check_apart(struct check *check, const struct store_record *record,
                               struct reader payload)
{
    struct rrset_view rrset;
    struct node_view node;
    struct reader node_payload;

    if (node_open_rrset(payload, &rrset) || record->key_length < RECORD_PREFIX_OCTETS + 2)
        return RESULT_CORRUPT;
    struct store_record owner = {.key = record->key, .key_length = record->key_length - 2};
    if (snapshot_get(check->snapshot, TABLE_NODES, &owner, &node_payload) != RECORD_THERE ||
        node_open(node_payload, &node) || !node_has(&node, rrset.type))
        misplaced(check, TABLE_RRSETS, record, "no node has this RRset");
    return RESULT_OK;
}

/* Each record must point at the one behind it, the last at the first. */
static void end_chain(struct check *check)
{
    if (check->following && memcmp(check->next, check->first, NODE_HASH_OCTETS) != 0) {
        check->counts->misplaced++;
        check_complain(check, "nsec3: the chain of version %u is not closed",
                       (unsigned)check->version);
    }
    check->following = false;
}

static enum result check_nsec3(struct check *check, const struct store_record *record,
                               struct reader payload)
{
    struct chain_nsec3 nsec3;
    uint32_t version = store_key_version(record->key, record->key_length);

    (void)payload;
    if (record->key_length != RECORD_PREFIX_OCTETS + NODE_HASH_OCTETS ||
        chain_nsec3_open(record, check->snapshot->store, &nsec3))
        return RESULT_CORRUPT;
    if (!check->following || check->version != version) {
        end_chain(check);
        check->following = true;
        check->version = version;
        memcpy(check->first, nsec3.hash, NODE_HASH_OCTETS);
    } else if (memcmp(check->next, nsec3.hash, NODE_HASH_OCTETS) != 0) {
        misplaced(check, TABLE_NSEC3, record, "the record before does not point here");
    }
    memcpy(check->next, nsec3.next, NODE_HASH_OCTETS);
    check_nsec3_signatures(check, &nsec3);
    return RESULT_OK;
}

static enum result check_form(struct check *check, enum store_table table,
                              const struct store_record *record, struct reader payload)
{
    struct zone zone;
    struct key_row key;
    struct expiry expiry;

    switch (table) {
    case TABLE_NODES:
        return check_node(check, record, payload);
    case TABLE_RRSETS:
        return check_apart(check, record, payload);
    case TABLE_NSEC3:
        return check_nsec3(check, record, payload);
    case TABLE_ZONES:
        return zone_open(payload, &zone);
    case TABLE_KEYS:
        return key_open(payload, &key);
    case TABLE_EXPIRY:
        return expiry_open(record->key, record->key_length, payload, &expiry);
    case TABLE_JOURNAL:
        return check_journal_piece(record, payload);
    default:
        return RESULT_OK; /* meta: sealed octets */
    }
}

/* The format number and the seed carry no seal: a program of any format must be able to read them,
 * and the seed makes the seals. */
static bool is_unsealed(enum store_table table, const struct store_record *record)
{
    return table == TABLE_META &&
           (store_key_equal(record->key, record->key_length, (const uint8_t *)"format", 6) ||
            store_key_equal(record->key, record->key_length, (const uint8_t *)"seed", 4));
}

static void damaged(struct check *check, enum store_table table, const struct store_record *record)
{
    char text[NAME_MAX_TEXT];

    check->counts->damaged[table]++;
    check_complain(check, "%s: %.200s: the record is damaged", store_table_name(table),
                   describe(table, record, text));
    if (check->task->damaged)
        check->task->damaged(check->task->context, table, record);
}

/* Whether the record's seal is good, and so its key. */
static bool check_record(struct check *check, struct store_scan *scan,
                         const struct store_record *record)
{
    enum store_table table = scan->table;
    struct reader payload;

    check->counts->records[table]++;
    check->counts->octets += record->key_length + record->value_length;
    if (is_unsealed(table, record))
        return true;
    if (digest_covers(table)) {
        struct version_digest one = digest_of_record(check->snapshot->store, table, record);
        digest_add(&scan->digest, &one);
    }
    bool sealed = record_open(check->snapshot->store, table, record, &payload) == RESULT_OK;
    if (!sealed || check_form(check, table, record, payload))
        damaged(check, table, record);
    return sealed;
}

/* The record behind the last good one that was passed, and those damaged ones behind that. By key,
 * for looking at one record may move the table's cursor; not by damaged keys, which lead astray. */
static enum found_record seek(struct check *check, const struct store_scan *scan,
                              struct store_record *record)
{
    const struct buffer *key = &scan->key;
    struct store_key first = {.length = 1, .octets = {0}};

    if (scan->version) {
        struct writer writer = writer_over(first.octets, sizeof first.octets);
        writer_u32(&writer, scan->version);
        first.length = (uint16_t)writer.length;
    }
    *record = store_key_record(&first);
    if (key->length)
        *record = (struct store_record){.key = key->octets, .key_length = key->length};
    enum found_record found = snapshot_move(check->snapshot, scan->table, MOVE_AT_OR_AFTER, record);
    if (found == RECORD_THERE && key->length &&
        store_key_equal(record->key, record->key_length, key->octets, key->length))
        found = snapshot_move(check->snapshot, scan->table, MOVE_NEXT, record);
    if (found == RECORD_THERE && scan->version && !key->length &&
        walk_is_passed(check->snapshot, scan->table, scan->version, record))
        found = snapshot_move(check->snapshot, scan->table, MOVE_NEXT, record);
    for (unsigned i = 0; i < scan->skipped && found == RECORD_THERE; i++)
        found = snapshot_move(check->snapshot, scan->table, MOVE_NEXT, record);
    return found;
}

/*
 * Whether a record that follows lies where it belongs. A good one of another version ends the scan;
 * a good one that should have come before says that pages are not where they belong. One with a bad
 * seal may only look so, unless it is the other version's own damage.
 */
static enum found_record judge_place(const struct check *check, const struct store_scan *scan,
                                     const struct store_record *record)
{
    const struct buffer *key = &scan->key;
    struct reader payload;
    bool behind =
        scan->version && store_key_version(record->key, record->key_length) != scan->version;
    bool before = key->length &&
                  store_key_compare(record->key, record->key_length, key->octets, key->length) <= 0;

    if ((!behind && !before) || is_unsealed(scan->table, record))
        return RECORD_THERE;
    if (record_open(check->snapshot->store, scan->table, record, &payload) == RESULT_OK)
        return before ? RECORD_CORRUPT : RECORD_ABSENT;
    return behind && walk_end(check->snapshot, scan->table, scan->version, record, MOVE_NEXT) ==
                         RECORD_ABSENT
               ? RECORD_ABSENT
               : RECORD_THERE;
}

static enum found_record step(struct check *check, struct store_scan *scan)
{
    struct store_record record;
    enum found_record found = seek(check, scan, &record);

    if (found == RECORD_THERE)
        found = judge_place(check, scan, &record);
    if (found != RECORD_THERE)
        return found;
    if (!check_record(check, scan, &record))
        return ++scan->skipped < SKIPPED ? RECORD_THERE : RECORD_CORRUPT;
    scan->skipped = 0;
    buffer_clear(&scan->key);
    buffer_add(&scan->key, record.key, record.key_length);
    return buffer_check(&scan->key) ? RECORD_CORRUPT : RECORD_THERE;
}

static enum found_record walk(struct check *check, struct store_scan *scan, size_t limit)
{
    enum found_record found = RECORD_THERE;

    for (; limit > 0 && found == RECORD_THERE; limit--)
        found = step(check, scan);
    if (found == RECORD_CORRUPT) {
        scan->broken = true;
        check->counts->damaged[scan->table]++;
        check_complain(check, "%s: the table cannot be walked to its end",
                       store_table_name(scan->table));
    }
    return found;
}

static bool is_live(const struct buffer *live, uint32_t version)
{
    for (struct reader r = reader_over(live->octets, live->length); reader_left(&r) > 0;)
        if (reader_u32(&r) == version)
            return true;
    return false;
}

/* Records of versions that no zone serves: no damage, but room that a start gives back. */
static void count_leftovers(struct check *check)
{
    struct buffer live = {.length = 0};
    struct zone zone;
    struct name after;
    enum found_record found = zone_walk(check->snapshot, NULL, &zone);

    for (; found == RECORD_THERE; found = zone_walk(check->snapshot, &after, &zone)) {
        buffer_u32(&live, zone.version);
        buffer_u32(&live, zone.loading);
        name_copy(&after, &zone.apex);
    }
    static const uint8_t lowest[1] = {0};
    uint32_t version = 0;
    bool alive = true;
    static const enum store_table versioned[] = {TABLE_NODES, TABLE_RRSETS, TABLE_NSEC3,
                                                 TABLE_JOURNAL};
    for (unsigned i = 0; i < COUNT(versioned); i++) {
        enum store_table table = versioned[i];
        struct store_record record = {.key = lowest, .key_length = 1};
        enum snapshot_move move = MOVE_AT_OR_AFTER;
        while (snapshot_move(check->snapshot, table, move, &record) == RECORD_THERE) {
            uint32_t own = store_key_version(record.key, record.key_length);
            if (own != version || move == MOVE_AT_OR_AFTER)
                alive = is_live(&live, own);
            version = own;
            check->counts->leftovers += !alive;
            move = MOVE_NEXT;
        }
    }
    buffer_free(&live);
}

static enum result conclude(const struct store_check *counts)
{
    for (unsigned i = 0; i < STORE_TABLES; i++)
        if (counts->damaged[i])
            return RESULT_CORRUPT;
    return counts->misplaced || counts->doubtful || counts->bad_signatures ? RESULT_CORRUPT
                                                                           : RESULT_OK;
}

static enum result check_all(const struct check_task *task, bool signatures)
{
    struct check check = check_of(task);
    struct store_scan scan = {.version = 0};
    struct snapshot *snapshot = task->snapshot;

    for (unsigned table = 0; table < STORE_TABLES; table++) {
        store_scan_begin(&scan, (enum store_table)table, 0);
        /* LMDB gives up a transaction that met a damaged page. */
        if (walk(&check, &scan, SIZE_MAX) == RECORD_CORRUPT && !snapshot->of_change &&
            snapshot_renew(snapshot) != RENEWAL_READY)
            break;
    }
    store_scan_free(&scan);
    end_chain(&check);
    check_journal_lines(&check);
    count_leftovers(&check);
    enum result result = check_zones(&check, signatures);
    return result ? result : conclude(task->counts);
}

enum result store_check(struct snapshot *snapshot, struct store_check *counts,
                        void (*complain)(void *context, const char *line), void *context)
{
    const struct check_task task = {
        .snapshot = snapshot, .counts = counts, .complain = complain, .context = context};

    *counts = (struct store_check){.octets = 0};
    return check_all(&task, false);
}

enum result store_check_signatures(struct snapshot *snapshot, struct store_check *counts,
                                   void (*complain)(void *context, const char *line), void *context)
{
    const struct check_task task = {
        .snapshot = snapshot, .counts = counts, .complain = complain, .context = context};

    *counts = (struct store_check){.octets = 0};
    return check_all(&task, true);
}

/* ---- in parts --------------------------------------------------------------------------------
 */

void store_scan_begin(struct store_scan *scan, enum store_table table, uint32_t version)
{
    store_scan_table(scan, table);
    scan->version = version;
    scan->digest = (struct version_digest){.low = 0};
    scan->broken = false;
}

void store_scan_table(struct store_scan *scan, enum store_table table)
{
    scan->table = table;
    scan->skipped = 0;
    buffer_clear(&scan->key);
}

void store_scan_free(struct store_scan *scan)
{
    buffer_free(&scan->key);
    *scan = (struct store_scan){.version = 0};
}

bool store_scan_is_doubtful(const struct store_scan *scan, const struct zone *zone,
                            const struct store_check *counts)
{
    bool damage = counts->damaged[TABLE_NODES] || counts->damaged[TABLE_RRSETS] ||
                  counts->damaged[TABLE_NSEC3];

    if (digest_equal(&scan->digest, &zone->digest))
        return false;
    /* Damaged keys and seals change the sum, and hide nothing as long as none is missing. */
    return scan->broken || !damage || scan->digest.records < zone->digest.records;
}

enum found_record store_scan_part(const struct check_task *task, struct store_scan *scan,
                                  size_t limit)
{
    struct check check = check_of(task);

    return walk(&check, scan, limit);
}
