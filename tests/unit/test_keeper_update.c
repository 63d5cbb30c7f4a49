/* test_keeper_update.c - updates through a whole keeper: answers by RFC 2136, the zone afterwards,
 * its signatures, its chain, and a journal that leads from each serial to the next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/store/chain.h"
#include "avow/store/journal.h"
#include "avow/store/lookup.h"
#include "avow/dnssec/nsec3.h"
#include "avow/wire/message.h"
#include "avow/wire/rdata.h"
#include "keeper_rig.h"
#include "support.h"
#include "words.h"

#define ZONE "example."

static struct rig rig;
static uint64_t last_id;

static const char *const policies[] = {
    "policies:\n  - {name: p, keystore: a, denial: nsec3}\n",
    "policies:\n  - {name: p, keystore: a, denial: nsec}\n",
    "policies:\n  - {name: p, keystore: a, nsec3: {opt-out: true}}\n",
    "policies:\n  - {name: p, keystore: a, keys: csk}\n",
};

static const char zone_text[] = "$ORIGIN example.\n$TTL 300\n@ SOA ns h 1 1 2 3 60\n@ NS ns\n"
                                "@ NS ns2.elsewhere.\nns A 192.0.2.1\n"
                                "two A 192.0.2.1\ntwo A 192.0.2.2\nalias CNAME two\n"
                                "a.b.c TXT x\ncut NS ns.cut\nns.cut A 192.0.2.3\n"
                                "* MX 1 ns\n";

static void open_rig(void)
{
    rig_open(&rig);
    rig_write(&rig, "example.zone", zone_text);
}

static void close_rig(void)
{
    rig_close(&rig);
}

static void start(const char *policy, const char *zone)
{
    struct buffer text = {.length = 0};

    buffer_format(&text, "%szones:\n  - {name: example., file: example.zone, %s}\n", policy, zone);
    buffer_u8(&text, 0);
    rig_configure(&rig, (const char *)text.octets);
    buffer_free(&text);
    rig_start(&rig);
    rig_start_signer(&rig);
    rig_run_until(&rig, rig_all_signed, "fully signed");
}

static const struct zone *row(void)
{
    return &rig_zone(&rig, ZONE)->row;
}

/* ---- updates as text --------------------------------------------------------------------------
 *
 * One record a line, as nsupdate has them: `add OWNER TTL TYPE RDATA`, `del OWNER [TYPE [RDATA]]`,
 * `yxdomain OWNER`, `nxdomain OWNER`, `yxrrset OWNER TYPE [RDATA]`, `nxrrset OWNER TYPE`.
 */

struct packed {
    uint8_t octets[2][16384]; /* prerequisites, changes */
    struct writer writers[2];
    uint16_t counts[2];
};

static void read_rdata(uint16_t type, const char *text, struct writer *rdata)
{
    struct words words = words_over(text, strlen(text));
    struct tokens tokens = {.next = words_next, .context = &words};

    ck_assert_msg(rdata_from_tokens(type, &tokens, rdata) == RESULT_OK, "%s: %s", text,
                  tokens.what);
}

static void pack_line(struct packed *packed, char *line)
{
    uint8_t rdata[1024];
    struct writer writer = writer_over(rdata, sizeof rdata);
    struct update_record record = {.class_ = CLASS_IN};
    char *rest, *verb = strtok_r(line, " ", &rest), *owner = strtok_r(NULL, " ", &rest);
    bool add = strcmp(verb, "add") == 0, change = add || strcmp(verb, "del") == 0;
    char *ttl = add ? strtok_r(NULL, " ", &rest) : NULL, *type = strtok_r(NULL, " ", &rest);

    ck_assert_int_eq(name_from_string(owner, &record.owner), RESULT_OK);
    record.ttl = ttl ? (uint32_t)strtoul(ttl, NULL, 10) : 0;
    record.type = TYPE_ANY;
    if (type)
        ck_assert_int_eq(type_from_text(type, strlen(type), &record.type), RESULT_OK);
    bool has_rdata = rest && *rest;
    if (has_rdata)
        read_rdata(record.type, rest, &writer);
    if (!add && change)
        record.class_ = has_rdata ? CLASS_NONE : CLASS_ANY;
    if (!change && !has_rdata)
        record.class_ = verb[0] == 'y' ? CLASS_ANY : CLASS_NONE;
    record.rdata = span_of(rdata, writer.length);
    update_record_write(&packed->writers[change], &record);
    packed->counts[change]++;
}

static void pack(struct packed *packed, const char *text)
{
    char *copy = strdup(text), *rest;

    ck_assert_ptr_nonnull(copy);
    for (unsigned i = 0; i < 2; i++) {
        packed->writers[i] = writer_over(packed->octets[i], sizeof packed->octets[i]);
        packed->counts[i] = 0;
    }
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        pack_line(packed, line);
    free(copy);
}

static uint64_t send_update(const char *text, uint16_t refusal)
{
    struct packed packed;

    pack(&packed, text);
    rig_update(&rig, ZONE,
               (struct message_update){
                   .id = ++last_id,
                   .refusal = refusal,
                   .prerequisite_count = packed.counts[0],
                   .change_count = packed.counts[1],
                   .prerequisites = span_of(packed.octets[0], packed.writers[0].length),
                   .changes = span_of(packed.octets[1], packed.writers[1].length),
                   .who = "a test"});
    return last_id;
}

static struct message told;
static uint64_t awaited;

static bool was_answered(struct rig *context)
{
    int kind;

    while ((kind = rig_desk_told(context, &told)) != -1) {
        if (kind == MESSAGE_UPDATED && told.updated.id == awaited)
            return true;
    }
    return false;
}

static uint16_t wait_for(uint64_t id)
{
    awaited = id;
    rig_run_until(&rig, was_answered, "the answer to an update");
    return told.updated.rcode;
}

static uint16_t update(const char *text)
{
    return wait_for(send_update(text, 0));
}

/* ---- what is there ----------------------------------------------------------------------------
 */

static uint16_t count_records(const char *owner, uint16_t type)
{
    struct name name;
    struct node_view node;
    struct rrset_view view;
    uint16_t count = 0;

    ck_assert_int_eq(name_from_string(owner, &name), RESULT_OK);
    ck_assert_int_eq(snapshot_renew(&rig.keeper.view), RENEWAL_READY);
    if (lookup_node(&rig.keeper.view, row()->version, &name, &node) == RECORD_THERE &&
        node_find(&node, type, &view) == RECORD_THERE)
        count = view.rdata.count;
    snapshot_rest(&rig.keeper.view);
    return count;
}

static void check_whole(void)
{
    ck_assert_uint_eq(row()->rrsets_signed, row()->rrsets);
    ck_assert_uint_eq(row()->denials_signed, row()->denials);
    ck_assert_uint_eq(rig_check_signatures(&rig, ZONE, NULL), row()->rrsets + row()->denials);
    ck_assert(!(row()->flags & ZONE_SIGNED) || row()->flags & ZONE_FULLY_SIGNED);
    ck_assert_str_eq(rig_zone(&rig, ZONE)->problem, "");
}

/* ---- the answers ------------------------------------------------------------------------------
 */

static const struct {
    const char *what, *update;
    uint16_t rcode;
    const char *owner; /* and then it has so many records of the type; NULL: the serial stands */
    uint16_t type, count;
} rows[] = {
    {"a name in use", "yxdomain two.example.\nadd x.example. 5 A 192.0.2.9", RCODE_NOERROR,
     "x.example.", TYPE_A, 1},
    {"a name that is not in use", "yxdomain no.example.\nadd x.example. 5 A 192.0.2.9",
     RCODE_NXDOMAIN, NULL, 0, 0},
    {"an empty non-terminal is not in use", "yxdomain b.c.example.", RCODE_NXDOMAIN, NULL, 0, 0},
    {"a wildcard is not expanded", "yxrrset some.example. MX", RCODE_NXRRSET, NULL, 0, 0},
    {"no name in use", "nxdomain no.example.\nadd x.example. 5 A 192.0.2.9", RCODE_NOERROR,
     "x.example.", TYPE_A, 1},
    {"a name in use after all", "nxdomain TWO.example.", RCODE_YXDOMAIN, NULL, 0, 0},
    {"an RRset that is there", "yxrrset two.example. A\ndel two.example. A", RCODE_NOERROR,
     "two.example.", TYPE_A, 0},
    {"an RRset that is not there", "yxrrset two.example. AAAA", RCODE_NXRRSET, NULL, 0, 0},
    {"no RRset", "nxrrset two.example. AAAA\nadd two.example. 5 AAAA ::1", RCODE_NOERROR,
     "two.example.", TYPE_AAAA, 1},
    {"an RRset after all", "nxrrset two.example. A", RCODE_YXRRSET, NULL, 0, 0},
    {"values in any order",
     "yxrrset two.example. A 192.0.2.2\nyxrrset two.example. A 192.0.2.1\n"
     "add two.example. 300 A 192.0.2.3",
     RCODE_NOERROR, "two.example.", TYPE_A, 3},
    {"values, one too few", "yxrrset two.example. A 192.0.2.2", RCODE_NXRRSET, NULL, 0, 0},
    {"values, one too many",
     "yxrrset two.example. A 192.0.2.2\nyxrrset two.example. A 192.0.2.1\n"
     "yxrrset two.example. A 192.0.2.3",
     RCODE_NXRRSET, NULL, 0, 0},
    {"a value twice",
     "yxrrset two.example. A 192.0.2.2\nyxrrset two.example. A 192.0.2.1\n"
     "yxrrset two.example. A 192.0.2.2",
     RCODE_NOERROR, NULL, 0, 0},
    {"a record that is there already", "add two.example. 300 A 192.0.2.1", RCODE_NOERROR, NULL, 0,
     0},
    {"another TTL", "add two.example. 600 A 192.0.2.1", RCODE_NOERROR, "two.example.", TYPE_A, 2},
    {"beside a CNAME", "add alias.example. 5 A 192.0.2.1", RCODE_NOERROR, NULL, 0, 0},
    {"a CNAME beside others", "add two.example. 5 CNAME x.example.", RCODE_NOERROR, NULL, 0, 0},
    {"a CNAME for a CNAME", "add alias.example. 5 CNAME x.example.", RCODE_NOERROR,
     "alias.example.", TYPE_CNAME, 1},
    {"a CNAME, after what was there is gone",
     "del two.example.\nadd two.example. 5 CNAME x.example.", RCODE_NOERROR, "two.example.",
     TYPE_CNAME, 1},
    {"a SOA that is not later", "add example. 300 SOA ns.example. h.example. 1 1 2 3 60",
     RCODE_NOERROR, NULL, 0, 0},
    {"a SOA elsewhere", "add x.example. 300 SOA ns.example. h.example. 9 1 2 3 60", RCODE_NOERROR,
     NULL, 0, 0},
    {"the apex loses its SOA", "del example. SOA", RCODE_NOERROR, NULL, 0, 0},
    {"the apex loses its NS", "del example. NS", RCODE_NOERROR, NULL, 0, 0},
    {"the apex loses everything", "add example. 5 A 192.0.2.1\ndel example.", RCODE_NOERROR, NULL,
     0, 0},
    {"one NS of the apex", "del example. NS ns.example.", RCODE_NOERROR, "example.", TYPE_NS, 1},
    {"all NS of the apex, one by one",
     "del example. NS ns.example.\ndel example. NS ns2.elsewhere.", RCODE_NOERROR, "example.",
     TYPE_NS, 1},
    {"a record that is not there", "del two.example. A 192.0.2.77", RCODE_NOERROR, NULL, 0, 0},
    {"a name that is not there", "del no.example.", RCODE_NOERROR, NULL, 0, 0},
    {"a new cut hides", "add b.c.example. 5 NS ns.b.c.example.", RCODE_NOERROR, "b.c.example.",
     TYPE_NS, 1},
    {"a cut that goes brings to light", "del cut.example. NS", RCODE_NOERROR, "cut.example.",
     TYPE_NS, 0},
    {"a DNAME takes another's place", "add d.example. 5 DNAME x.\nadd d.example. 5 DNAME y.",
     RCODE_NOERROR, "d.example.", TYPE_DNAME, 1},
    {"below a DNAME", "add d.example. 5 DNAME x.\nadd a.d.example. 5 A 192.0.2.1", RCODE_NOERROR,
     "a.d.example.", TYPE_A, 0},
    {"a DNAME above names", "add c.example. 5 DNAME x.", RCODE_NOERROR, NULL, 0, 0},
    {"NS beside a DNAME", "add d.example. 5 DNAME x.\nadd d.example. 5 NS y.", RCODE_NOERROR,
     "d.example.", TYPE_NS, 0},
    {"a DS at the apex",
     "add example. 5 DS 1 13 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
     RCODE_REFUSED, NULL, 0, 0},
    {"keys that sign cannot be deleted", "del example. DNSKEY", RCODE_NOERROR, NULL, 0, 0},
    {"what the signer makes cannot be deleted", "del example. NSEC3PARAM", RCODE_REFUSED, NULL, 0,
     0},
};

START_TEST(answers)
{
    start(policies[_i % 2], "policy: p");
    uint16_t rcode = update(rows[_i].update);
    ck_assert_msg(rcode == rows[_i].rcode, "%s: %s", rows[_i].what, rcode_to_text(rcode));
    if (rows[_i].owner) {
        uint16_t count = count_records(rows[_i].owner, rows[_i].type);
        ck_assert_msg(count == rows[_i].count, "%s: %u records", rows[_i].what, count);
        ck_assert_uint_eq(row()->serial, 2);
        ck_assert_uint_eq(row()->journal_entries, 1);
        ck_assert_uint_ne(told.updated.transaction, 0);
    } else {
        ck_assert_msg(row()->serial == 1, "%s: the serial moved", rows[_i].what);
    }
    ck_assert_uint_eq(told.updated.serial, row()->serial);
    check_whole();
}
END_TEST

/* What is due when the prerequisites hold is due only then. */
START_TEST(a_refusal_comes_behind_the_prerequisites)
{
    start(policies[0], "policy: p");
    ck_assert_int_eq(wait_for(send_update("yxdomain no.example.", RCODE_REFUSED)), RCODE_NXDOMAIN);
    ck_assert_int_eq(wait_for(send_update("yxdomain two.example.", RCODE_REFUSED)), RCODE_REFUSED);
    ck_assert_uint_eq(row()->serial, 1);
}
END_TEST

/* Many at once: one bad one fails alone, and all that are good share a serial. */
START_TEST(neighbours_share_a_round)
{
    uint64_t ids[20];

    start(policies[0], "policy: p");
    atomic_store(&rig.signer.hold, true);
    for (unsigned i = 0; i < COUNT(ids); i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "%sadd h%u.example. 5 A 192.0.2.9",
                       i % 4 == 3 ? "yxdomain no.example.\n" : "", i);
        ids[i] = send_update(text, 0);
    }
    rig_run_ms(&rig, 50);
    atomic_store(&rig.signer.hold, false);
    for (unsigned i = 0; i < COUNT(ids); i++) {
        uint16_t rcode = wait_for(ids[i]);
        ck_assert_int_eq(rcode, i % 4 == 3 ? RCODE_NXDOMAIN : RCODE_NOERROR);
        ck_assert_uint_le(row()->serial, 3);
    }
    check_whole();
}
END_TEST

START_TEST(a_later_soa_sets_the_serial)
{
    start(policies[0], "policy: p");
    ck_assert_int_eq(update("add example. 300 SOA ns.example. h.example. 77 1 2 3 30"),
                     RCODE_NOERROR);
    ck_assert_uint_eq(row()->serial, 77);
    ck_assert_uint_eq(row()->denial_ttl, 30);
    check_whole();
}
END_TEST

static const struct {
    const char *zone;
    uint32_t least, most;
} serials[] = {
    {"policy: p, serial: unixtime", 1700000000, 4000000000},
    {"policy: p, serial: date", 2026010100, 2999123199},
    {"policy: none, serial: increment", 2, 2},
};

START_TEST(serials_follow_the_configuration)
{
    start(policies[0], serials[_i].zone);
    ck_assert_int_eq(update("add x.example. 5 A 192.0.2.9"), RCODE_NOERROR);
    ck_assert_uint_ge(row()->serial, serials[_i].least);
    ck_assert_uint_le(row()->serial, serials[_i].most);
    uint32_t serial = row()->serial;
    ck_assert_int_eq(update("add y.example. 5 A 192.0.2.9"), RCODE_NOERROR);
    ck_assert_uint_gt(row()->serial, serial);
    check_whole();
}
END_TEST

START_TEST(own_keys_are_not_an_updates_to_change)
{
    char text[256];

    start(policies[0], "policy: p");
    ck_assert_int_eq(update("add example. 300 DNSKEY 256 3 8 AwEAAQ=="), RCODE_REFUSED);
    ck_assert_int_eq(update("add two.example. 300 DNSKEY 256 3 13 AAAA"), RCODE_REFUSED);
    (void)snprintf(text, sizeof text, "add example. 300 DNSKEY 256 3 13 %.*s", 88,
                   "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+"
                   "KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==");
    ck_assert_int_eq(update(text), RCODE_NOERROR);
    ck_assert_uint_eq(count_records("example.", TYPE_DNSKEY), 3);
    ck_assert_int_eq(update("del example. DNSKEY"), RCODE_NOERROR);
    ck_assert_uint_eq(count_records("example.", TYPE_DNSKEY), 2);
    check_whole();
}
END_TEST

/* ---- failures ---------------------------------------------------------------------------------
 */

/* A signer that dies under an update: it is signed by the next one, and acknowledged only then. */
START_TEST(a_signer_that_dies)
{
    start(policies[0], "policy: p");
    atomic_store(&rig.signer.hold, true);
    uint64_t id = send_update("add x.example. 5 A 192.0.2.9", 0);
    rig_run_ms(&rig, 50);
    rig_kill_signer(&rig);
    rig_run_ms(&rig, 50);
    ck_assert_uint_eq(row()->serial, 1);
    atomic_store(&rig.signer.hold, false);
    rig_start_signer(&rig);
    ck_assert_int_eq(wait_for(id), RCODE_NOERROR);
    ck_assert_uint_eq(count_records("x.example.", TYPE_A), 1);
    check_whole();
}
END_TEST

START_TEST(a_token_that_fails_for_a_while)
{
    start(policies[0], "policy: p");
    atomic_store(&rig.signer.fail, 9);
    ck_assert_int_eq(update("add x.example. 5 A 192.0.2.9"), RCODE_NOERROR);
    atomic_store(&rig.signer.fail, 0);
    ck_assert_uint_eq(rig_check_signatures(&rig, ZONE, NULL), row()->rrsets + row()->denials);
}
END_TEST

START_TEST(no_signature_in_time)
{
    start(policies[0], "policy: p");
    atomic_store(&rig.signer.silent, true);
    uint64_t id = send_update("add x.example. 5 A 192.0.2.9", 0);
    ck_assert_int_eq(wait_for(id), RCODE_SERVFAIL);
    atomic_store(&rig.signer.silent, false);
    ck_assert_uint_eq(row()->serial, 1);
    ck_assert_uint_eq(count_records("x.example.", TYPE_A), 0);
    ck_assert_int_eq(update("add x.example. 5 A 192.0.2.9"), RCODE_NOERROR);
    ck_assert_uint_eq(rig_check_signatures(&rig, ZONE, NULL), row()->rrsets + row()->denials);
}
END_TEST

/* ---- the journal ------------------------------------------------------------------------------
 *
 * The zone as a sorted list of records in octets: what an entry removes must be in the list of
 * before, and the list with the entry applied must be that of after.
 */

struct entry_record {
    uint8_t *octets;
    size_t length;
};

struct listing {
    struct entry_record *records;
    size_t count, capacity;
};

static void list_record(struct listing *listing, const struct name *owner, uint16_t type,
                        uint32_t ttl, const struct reader *rdata)
{
    struct buffer octets = {.length = 0};

    if (listing->count == listing->capacity) {
        listing->capacity = listing->capacity ? listing->capacity * 2 : 64;
        listing->records =
            reallocarray(listing->records, listing->capacity, sizeof *listing->records);
        ck_assert_ptr_nonnull(listing->records);
    }
    buffer_add(&octets, owner->octets, owner->length);
    buffer_u16(&octets, type);
    buffer_u32(&octets, ttl);
    buffer_add(&octets, rdata->at, reader_left(rdata));
    listing->records[listing->count++] = (struct entry_record){octets.octets, octets.length};
}

static void list_run(struct listing *listing, const struct name *owner, uint16_t type, uint32_t ttl,
                     const struct rdata_run *run)
{
    struct reader rdata;

    for (struct reader rest = rdata_run_reader(run); rdata_next(&rest, &rdata);)
        list_record(listing, owner, type, ttl, &rdata);
}

static void list_zone(struct listing *listing)
{
    struct node_view node;
    struct name owner;
    struct chain_nsec3 nsec3;
    uint8_t hash[NODE_HASH_OCTETS];
    const uint8_t *after = NULL;
    enum walk walk = WALK_FROM;

    ck_assert_int_eq(name_from_string(ZONE, &owner), RESULT_OK);
    ck_assert_int_eq(snapshot_renew(&rig.keeper.view), RENEWAL_READY);
    struct snapshot *view = &rig.keeper.view;
    while (lookup_walk(view, row()->version, walk, &owner, &node) == RECORD_THERE) {
        struct rrset_view set;
        walk = WALK_BEHIND;
        ck_assert_int_eq(node_name(&node, &owner), RESULT_OK);
        for (struct reader rest = node.rows; node_next(&rest, &set);) {
            ck_assert_int_eq(node_fetch(&node, &set), RESULT_OK);
            list_run(listing, &owner, set.type, set.ttl, &set.rdata);
            list_run(listing, &owner, TYPE_RRSIG, set.ttl, &set.signatures);
        }
    }
    while (chain_nsec3_walk(view, row()->version, after, &nsec3) == RECORD_THERE) {
        memcpy(hash, nsec3.hash, sizeof hash);
        after = hash;
        ck_assert_int_eq(nsec3_owner(hash, &rig_zone(&rig, ZONE)->name, &owner), RESULT_OK);
        name_lower(&owner);
        list_run(listing, &owner, TYPE_NSEC3, nsec3.rrset.ttl, &nsec3.rrset.rdata);
        list_run(listing, &owner, TYPE_RRSIG, nsec3.rrset.ttl, &nsec3.rrset.signatures);
    }
    snapshot_rest(view);
}

static int compare_records(const void *left, const void *right)
{
    const struct entry_record *a = left, *b = right;
    size_t length = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->octets, b->octets, length);

    return order ? order : (a->length > b->length) - (a->length < b->length);
}

static void free_listing(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->records[i].octets);
    free(listing->records);
    *listing = (struct listing){.count = 0};
}

static void remove_record(struct listing *listing, const struct entry_record *record)
{
    for (size_t i = 0; i < listing->count; i++) {
        if (compare_records(&listing->records[i], record) != 0)
            continue;
        free(listing->records[i].octets);
        listing->records[i] = listing->records[--listing->count];
        return;
    }
    ck_abort_msg("the journal removes what was not there");
}

static void apply_row(struct listing *listing, const struct journal_rrset *rrset)
{
    struct listing rows_of = {.count = 0};

    if (rrset->act == JOURNAL_ADDED) {
        list_run(listing, &rrset->owner, rrset->type, rrset->ttl, &rrset->rdata);
        return;
    }
    list_run(&rows_of, &rrset->owner, rrset->type, rrset->ttl, &rrset->rdata);
    for (size_t i = 0; i < rows_of.count; i++)
        remove_record(listing, &rows_of.records[i]);
    free_listing(&rows_of);
}

/* Follow the journal from a serial to what is served. */
static void apply_journal(struct listing *listing, uint32_t serial)
{
    ck_assert_int_eq(snapshot_renew(&rig.keeper.view), RENEWAL_READY);
    while (serial != row()->serial) {
        struct journal_entry entry;
        ck_assert_int_eq(journal_get(&rig.keeper.view, row()->version, serial, &entry),
                         RECORD_THERE);
        for (uint16_t piece = 0; piece < entry.pieces; piece++) {
            struct journal_rrset rrset;
            struct reader rows_of;
            ck_assert_int_eq(journal_piece(&rig.keeper.view, &entry, piece, &rows_of),
                             RECORD_THERE);
            while (journal_next(&rows_of, &rrset))
                apply_row(listing, &rrset);
            ck_assert_int_eq(reader_finish(&rows_of), RESULT_OK);
        }
        serial = entry.to;
    }
    snapshot_rest(&rig.keeper.view);
}

static void check_listing(struct listing *applied)
{
    struct listing now = {.count = 0};

    list_zone(&now);
    qsort(applied->records, applied->count, sizeof *applied->records, compare_records);
    qsort(now.records, now.count, sizeof *now.records, compare_records);
    ck_assert_uint_eq(applied->count, now.count);
    for (size_t i = 0; i < now.count; i++)
        ck_assert_int_eq(compare_records(&applied->records[i], &now.records[i]), 0);
    free_listing(&now);
}

static void random_change(struct buffer *text)
{
    static const char *const owners[] = {
        "example.",       "a.example.",       "b.a.example.",    "c.b.a.example.", "*.a.example.",
        "x.*.a.example.", "cut.example.",     "ns.cut.example.", "y.cut.example.", "d.example.",
        "z.d.example.",   "deep.er.example.", "two.example.",    "*.example."};
    static const char *const adds[] = {"A 192.0.2.%d",
                                       "AAAA 2001:db8::%d",
                                       "TXT t%d",
                                       "NS n%d.elsewhere.",
                                       "CNAME c%d.elsewhere.",
                                       "DNAME d%d.elsewhere.",
                                       "DS %d 13 2 "
                                       "00112233445566778899aabbccddeeff"
                                       "00112233445566778899aabbccddeeff",
                                       "MX %d m.elsewhere."};
    const char *owner = owners[rand() % (int)COUNT(owners)];
    const char *added = adds[rand() % (int)COUNT(adds)];
    int roll = rand() % 10;

    if (added[0] == 'D' && added[1] == 'S' && strcmp(owner, ZONE) == 0)
        owner = "cut.example."; /* at the apex it is refused */
    if (roll < 6) {
        buffer_format(text, "add %s %d ", owner, rand() % 8 ? 300 : 60);
        /* A format of our own, from the table above. */
        char rdata[128];
        (void)snprintf(rdata, sizeof rdata, "%s", added);
        char *mark = strstr(rdata, "%d");
        buffer_add(text, rdata, (size_t)(mark - rdata));
        buffer_format(text, "%d%s\n", 1 + rand() % 3, mark + 2);
    } else if (roll < 9) {
        static const char *const types[] = {"A", "NS", "TXT", "CNAME", "DNAME", "DS", "MX", "AAAA"};
        buffer_format(text, "del %s %s\n", owner, types[rand() % (int)COUNT(types)]);
    } else {
        buffer_format(text, "del %s\n", owner);
    }
}

START_TEST(the_journal_leads_from_serial_to_serial)
{
    struct listing zone = {.count = 0};

    srand((unsigned)_i);
    start(policies[_i % (int)COUNT(policies)], _i % 5 == 4 ? "policy: none" : "policy: p");
    list_zone(&zone);
    for (unsigned step = 0; step < 60; step++) {
        uint64_t ids[3];
        uint32_t serial = row()->serial;
        for (unsigned i = 0; i < COUNT(ids); i++) {
            struct buffer text = {.length = 0};
            for (int changes = 1 + rand() % 3; changes > 0; changes--)
                random_change(&text);
            buffer_u8(&text, 0);
            ids[i] = send_update((const char *)text.octets, 0);
            buffer_free(&text);
        }
        for (unsigned i = 0; i < COUNT(ids); i++)
            ck_assert_int_eq(wait_for(ids[i]), RCODE_NOERROR);
        apply_journal(&zone, serial);
        check_listing(&zone);
        check_whole();
    }
    free_listing(&zone);
}
END_TEST

/* A reload is a difference, too; so is what it brings when updates were there before. */
START_TEST(a_reload_is_in_the_journal)
{
    struct listing zone = {.count = 0};

    start(policies[_i], "policy: p, reload: replace");
    ck_assert_int_eq(update("add x.example. 5 A 192.0.2.9"), RCODE_NOERROR);
    list_zone(&zone);
    uint32_t serial = row()->serial;
    rig_write(&rig, "example.zone",
              "$ORIGIN example.\n$TTL 300\n@ SOA ns h 40 1 2 3 60\n@ NS ns\nns A 192.0.2.1\n"
              "two A 192.0.2.1\nnew.b.c TXT x\ncut A 192.0.2.8\n* MX 1 ns\n");
    ck_assert_int_eq(rig_ask(&rig, NULL, "zone reload example."), 0);
    ck_assert_uint_eq(row()->serial, 40);
    ck_assert_uint_eq(count_records("x.example.", TYPE_A), 0);
    apply_journal(&zone, serial);
    check_listing(&zone);
    check_whole();
    free_listing(&zone);
}
END_TEST

static const struct {
    const char *what, *zone;
    int code;
    uint16_t updated, filed; /* records afterwards: of the update, of the file */
} reloads[] = {
    {"it asks", "policy: p", 7, 1, 0},
    {"it replaces", "policy: p, reload: replace", 0, 0, 1},
    {"it merges", "policy: p, reload: merge", 0, 1, 1},
};

START_TEST(a_reload_over_updates)
{
    struct buffer file = {.length = 0};

    start(policies[0], reloads[_i].zone);
    ck_assert_int_eq(update("add x.example. 5 A 192.0.2.9\ndel two.example."), RCODE_NOERROR);
    buffer_format(&file, "%sfiled A 192.0.2.8\n", zone_text);
    buffer_u8(&file, 0);
    rig_write(&rig, "example.zone", (const char *)file.octets);
    buffer_free(&file);
    ck_assert_int_eq(rig_ask(&rig, NULL, "zone reload example."), reloads[_i].code);
    ck_assert_uint_eq(count_records("x.example.", TYPE_A), reloads[_i].updated);
    ck_assert_uint_eq(count_records("two.example.", TYPE_A), reloads[_i].updated ? 0 : 2);
    ck_assert_uint_eq(count_records("filed.example.", TYPE_A), reloads[_i].filed);
    ck_assert_uint_eq(rig_check_signatures(&rig, ZONE, NULL), row()->rrsets + row()->denials);
}
END_TEST

/* Another chain is made of what is served, not of the file that lacks the updates. */
START_TEST(another_policy_keeps_updates)
{
    char text[256];

    start(policies[0], "policy: p");
    ck_assert_int_eq(update("add x.example. 5 A 192.0.2.9"), RCODE_NOERROR);
    (void)snprintf(text, sizeof text, "%szones:\n  - {name: example., file: example.zone}\n",
                   "policies:\n  - {name: default, keystore: a, denial: nsec}\n");
    rig_configure(&rig, text);
    rig_run_until(&rig, rig_all_signed, "fully signed");
    ck_assert_uint_eq(row()->flags & ZONE_NSEC3, 0);
    ck_assert_uint_ne(row()->flags & ZONE_EDITED, 0);
    ck_assert_uint_eq(count_records("x.example.", TYPE_A), 1);
    check_whole();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper/update");
    TCase *tests = tcase_create("update");

    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, open_rig, close_rig);
    tcase_add_loop_test(tests, answers, 0, COUNT(rows));
    tcase_add_test(tests, a_refusal_comes_behind_the_prerequisites);
    tcase_add_test(tests, neighbours_share_a_round);
    tcase_add_test(tests, a_later_soa_sets_the_serial);
    tcase_add_loop_test(tests, serials_follow_the_configuration, 0, COUNT(serials));
    tcase_add_test(tests, own_keys_are_not_an_updates_to_change);
    tcase_add_test(tests, a_signer_that_dies);
    tcase_add_test(tests, a_token_that_fails_for_a_while);
    tcase_add_test(tests, no_signature_in_time);
    tcase_add_loop_test(tests, the_journal_leads_from_serial_to_serial, 0, 10);
    tcase_add_loop_test(tests, a_reload_is_in_the_journal, 0, COUNT(policies));
    tcase_add_loop_test(tests, a_reload_over_updates, 0, COUNT(reloads));
    tcase_add_test(tests, another_policy_keeps_updates);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
