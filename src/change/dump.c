/*
 * dump.c - the copy of the store that does not depend on its format, outwards.
 *
 *     avow-store-dump 1
 *     versions LAST
 *     zone NAME SALT field=number ...
 *     key NAME KEYSTORE ID DNSKEY field=number ...
 *     node VERSION NAME FLAGS ABOVE HASH WILDCARD-HASH RRSETS
 *     rrset TYPE TTL ROOM RDATA SIGNATURES            (so many, behind their node)
 *     nsec3 VERSION HASH TTL ROOM RDATA SIGNATURES
 *     expiry AT VERSION KIND FIRST LAST
 *     end LINES HASH
 *
 * Names are in presentation form, octets in hexadecimal, "-" when there are none; flags and kinds
 * are the numbers of the enums in the headers. RDATA and signatures are runs (wire/rrset.h).
 *
 * The journal is not dumped, nor what a zone's row says of it: it only saves secondaries a whole
 * transfer, its form is the most likely to change, and a store that was loaded begins it anew.
 */
#include "avow/change/dump.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "avow/store/chain.h"
#include "avow/store/key.h"
#include "avow/store/lookup.h"

#include "dump_fields.h"

struct dump {
    struct snapshot *snapshot;
    FILE *out;
    char *problem;
    struct buffer line;
    uint64_t lines, hash;
};

static void add_hex(struct buffer *line, const uint8_t *octets, size_t length)
{
    static const char digits[] = "0123456789abcdef";

    buffer_u8(line, ' ');
    if (length == 0)
        buffer_u8(line, '-');
    for (size_t i = 0; i < length; i++) {
        buffer_u8(line, (uint8_t)digits[octets[i] >> 4]);
        buffer_u8(line, (uint8_t)digits[octets[i] & 15]);
    }
}

static void add_name(struct buffer *line, const struct name *name)
{
    char text[NAME_MAX_TEXT];

    buffer_u8(line, ' ');
    buffer_text(line, name_to_text(name, text));
}

static void add_fields(struct buffer *line, const struct dump_field *fields, size_t count,
                       const void *row)
{
    for (size_t i = 0; i < count; i++)
        buffer_format(line, " %s=%" PRIu64, fields[i].name, dump_field_get(&fields[i], row));
}

static enum result write_line(struct dump *dump)
{
    if (buffer_check(&dump->line)) {
        snprintf(dump->problem, STORE_PROBLEM_OCTETS, "out of memory");
        return RESULT_SYSTEM;
    }
    dump->lines++;
    dump->hash = dump_hash(dump->hash, dump->line.octets, dump->line.length);
    buffer_u8(&dump->line, '\n');
    if (buffer_check(&dump->line) ||
        fwrite(dump->line.octets, 1, dump->line.length, dump->out) != dump->line.length) {
        snprintf(dump->problem, STORE_PROBLEM_OCTETS, "the dump cannot be written");
        return RESULT_SYSTEM;
    }
    buffer_clear(&dump->line);
    return RESULT_OK;
}

static enum result damaged(struct dump *dump, enum store_table table)
{
    snprintf(dump->problem, STORE_PROBLEM_OCTETS,
             "a record of the table \"%s\" is damaged: see `avowctl store check`",
             store_table_name(table));
    return RESULT_CORRUPT;
}

static enum result dump_versions(struct dump *dump)
{
    struct store_record record = {.key = (const uint8_t *)"versions", .key_length = 8};
    struct reader payload;
    enum found_record found = snapshot_get(dump->snapshot, TABLE_META, &record, &payload);

    if (found == RECORD_CORRUPT)
        return damaged(dump, TABLE_META);
    buffer_format(&dump->line, "versions %u",
                  (unsigned)(found == RECORD_THERE ? reader_u32(&payload) : 0));
    return write_line(dump);
}

static enum result dump_zones(struct dump *dump)
{
    struct zone zone;
    struct name after;
    enum found_record found = zone_walk(dump->snapshot, NULL, &zone);

    for (; found == RECORD_THERE; found = zone_walk(dump->snapshot, &after, &zone)) {
        buffer_text(&dump->line, "zone");
        add_name(&dump->line, &zone.apex);
        add_hex(&dump->line, zone.salt, zone.salt_length);
        add_fields(&dump->line, dump_zone_fields, dump_zone_field_count, &zone);
        enum result result = write_line(dump);
        if (result)
            return result;
        name_copy(&after, &zone.apex);
    }
    return found == RECORD_ABSENT ? RESULT_OK : damaged(dump, TABLE_ZONES);
}

static enum result dump_keys(struct dump *dump)
{
    const uint8_t first[1] = {0};
    struct store_record record = {.key = first, .key_length = sizeof first};
    enum found_record found = snapshot_move(dump->snapshot, TABLE_KEYS, MOVE_AT_OR_AFTER, &record);

    for (; found == RECORD_THERE;
         found = snapshot_move(dump->snapshot, TABLE_KEYS, MOVE_NEXT, &record)) {
        struct reader payload;
        struct key_row key;
        if (record_open(dump->snapshot->store, TABLE_KEYS, &record, &payload) ||
            key_open(payload, &key))
            return damaged(dump, TABLE_KEYS);
        buffer_text(&dump->line, "key");
        add_name(&dump->line, &key.zone);
        add_hex(&dump->line, (const uint8_t *)key.keystore, strlen(key.keystore));
        add_hex(&dump->line, key.id, key.id_length);
        add_hex(&dump->line, key.dnskey, key.dnskey_length);
        add_fields(&dump->line, dump_key_fields, dump_key_field_count, &key);
        enum result result = write_line(dump);
        if (result)
            return result;
    }
    return found == RECORD_ABSENT ? RESULT_OK : damaged(dump, TABLE_KEYS);
}

static void add_body(struct buffer *line, const struct rrset_view *rrset)
{
    buffer_format(line, " %u %u", (unsigned)rrset->ttl, (unsigned)rrset->signature_room);
    add_hex(line, rrset->rdata.octets, rrset->rdata.length);
    add_hex(line, rrset->signatures.octets, rrset->signatures.length);
}

static enum result dump_node(struct dump *dump, const struct node_view *node)
{
    struct rrset_view rrset;
    struct name name;

    if (node_name(node, &name))
        return damaged(dump, TABLE_NODES);
    buffer_format(&dump->line, "node %u", (unsigned)store_key_version(node->key, node->key_length));
    add_name(&dump->line, &name);
    buffer_format(&dump->line, " %u %u", node->flags, node->above);
    add_hex(&dump->line, node->hash, node->hash ? NODE_HASH_OCTETS : 0);
    add_hex(&dump->line, node->wildcard_hash, node->wildcard_hash ? NODE_HASH_OCTETS : 0);
    buffer_format(&dump->line, " %u", node->count);
    enum result result = write_line(dump);
    for (struct reader rows = node->rows; !result && node_next(&rows, &rrset);) {
        if (node_fetch(node, &rrset))
            return damaged(dump, TABLE_RRSETS);
        buffer_format(&dump->line, "rrset %u", rrset.type);
        add_body(&dump->line, &rrset);
        result = write_line(dump);
    }
    return result;
}

/* The first version at or above `from` in a table; false when there is none. */
static bool find_version(struct snapshot *snapshot, enum store_table table, uint32_t from,
                         uint32_t *version)
{
    uint8_t key[RECORD_PREFIX_OCTETS];
    struct writer writer = writer_over(key, sizeof key);
    struct store_record record = {.key = key, .key_length = sizeof key};

    writer_u32(&writer, from);
    if (snapshot_move(snapshot, table, MOVE_AT_OR_AFTER, &record) != RECORD_THERE)
        return false;
    *version = store_key_version(record.key, record.key_length);
    return true;
}

static enum result dump_nodes_of(struct dump *dump, uint32_t version)
{
    struct node_view node;
    struct name root;

    name_root(&root);
    enum found_record found = lookup_walk(dump->snapshot, version, WALK_FROM, &root, &node);
    for (; found == RECORD_THERE;
         found = lookup_walk(dump->snapshot, version, WALK_NEXT, NULL, &node)) {
        enum result result = dump_node(dump, &node);
        if (result)
            return result;
    }
    return found == RECORD_ABSENT ? RESULT_OK : damaged(dump, TABLE_NODES);
}

static enum result dump_nsec3_of(struct dump *dump, uint32_t version)
{
    uint8_t after[NODE_HASH_OCTETS];
    struct chain_nsec3 nsec3;
    enum found_record found = chain_nsec3_walk(dump->snapshot, version, NULL, &nsec3);

    for (; found == RECORD_THERE;
         found = chain_nsec3_walk(dump->snapshot, version, after, &nsec3)) {
        buffer_format(&dump->line, "nsec3 %u", (unsigned)version);
        add_hex(&dump->line, nsec3.hash, NODE_HASH_OCTETS);
        add_body(&dump->line, &nsec3.rrset);
        enum result result = write_line(dump);
        if (result)
            return result;
        memcpy(after, nsec3.hash, sizeof after);
    }
    return found == RECORD_ABSENT ? RESULT_OK : damaged(dump, TABLE_NSEC3);
}

static enum result dump_versions_of(struct dump *dump, enum store_table table,
                                    enum result (*write)(struct dump *, uint32_t))
{
    uint32_t version = 0;
    enum result result = RESULT_OK;

    for (uint32_t from = 0; !result && find_version(dump->snapshot, table, from, &version);
         from = version + 1) {
        result = write(dump, version);
        if (version == UINT32_MAX)
            break;
    }
    return result;
}

static enum result dump_expiry(struct dump *dump)
{
    struct expiry expiry, after;
    enum found_record found = expiry_walk(dump->snapshot, NULL, &expiry);

    for (; found == RECORD_THERE; found = expiry_walk(dump->snapshot, &after, &expiry)) {
        buffer_format(&dump->line, "expiry %u %u %u", (unsigned)expiry.at, (unsigned)expiry.version,
                      (unsigned)expiry.kind);
        add_hex(&dump->line, expiry.first, expiry.first_length);
        add_hex(&dump->line, expiry.last, expiry.last_length);
        enum result result = write_line(dump);
        if (result)
            return result;
        after = expiry;
    }
    return found == RECORD_ABSENT ? RESULT_OK : damaged(dump, TABLE_EXPIRY);
}

static enum result dump_end(struct dump *dump)
{
    fprintf(dump->out, "end %" PRIu64 " %016" PRIx64 "\n", dump->lines, dump->hash);
    if (fflush(dump->out) || ferror(dump->out)) {
        snprintf(dump->problem, STORE_PROBLEM_OCTETS, "the dump cannot be written");
        return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

enum result dump_write(struct snapshot *snapshot, FILE *out, char problem[STORE_PROBLEM_OCTETS])
{
    struct dump dump = {.snapshot = snapshot, .out = out, .problem = problem};

    problem[0] = '\0';
    buffer_format(&dump.line, DUMP_TITLE " %d", DUMP_VERSION);
    enum result result = write_line(&dump);
    if (!result)
        result = dump_versions(&dump);
    if (!result)
        result = dump_zones(&dump);
    if (!result)
        result = dump_keys(&dump);
    if (!result)
        result = dump_versions_of(&dump, TABLE_NODES, dump_nodes_of);
    if (!result)
        result = dump_versions_of(&dump, TABLE_NSEC3, dump_nsec3_of);
    if (!result)
        result = dump_expiry(&dump);
    if (!result)
        result = dump_end(&dump);
    buffer_free(&dump.line);
    return result;
}
