/* dump_read.c - the copy of the store that does not depend on its format, inwards. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "avow/change/dump.h"
#include "avow/change/version.h"
#include "avow/wire/type.h"

#include "dump_fields.h"
#include "put.h"

enum { LARGEST_ROOM = 8 << 20 };

struct restore {
    struct change change;
    struct store *store;
    FILE *in;
    char *problem;
    char *line; /* getline's */
    size_t size;
    char *at; /* rest of the line */
    uint64_t lines, hash;
    struct buffer octets; /* what the node's RRsets consist of */
    bool ended;
};

static enum result bad_line(struct restore *restore, const char *what)
{
    snprintf(restore->problem, STORE_PROBLEM_OCTETS, "line %" PRIu64 " of the dump: %s",
             restore->lines, what);
    return RESULT_FORMAT;
}

/* The next line without its end; false at the end of the file. */
static bool next_line(struct restore *restore, uint64_t *hash_before)
{
    ssize_t length = getline(&restore->line, &restore->size, restore->in);

    if (length <= 0 || restore->line[length - 1] != '\n')
        return false;
    restore->line[length - 1] = '\0';
    *hash_before = restore->hash;
    restore->hash = dump_hash(restore->hash, restore->line, (size_t)length - 1);
    restore->lines++;
    restore->at = restore->line;
    return true;
}

/* The next word, ended by a NUL; empty at the end of the line. */
static char *word(struct restore *restore)
{
    char *start = restore->at;
    size_t length = strcspn(start, " ");

    restore->at += length + (start[length] == ' ');
    start[length] = '\0';
    return start;
}

static bool number_from(const char *text, int base, uint64_t limit, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, base);
    return *text != '\0' && *text != '-' && *text != '+' && *end == '\0' && errno == 0 &&
           *number <= limit;
}

static bool take_number(struct restore *restore, uint64_t limit, uint64_t *number)
{
    return number_from(word(restore), 10, limit, number);
}

static int digit_of(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                          : -1;
}

/* Octets in hexadecimal, appended to `octets`; their number, or -1. */
static ssize_t take_hex(struct restore *restore, struct buffer *octets)
{
    const char *text = word(restore);
    size_t length = strlen(text);

    if (strcmp(text, "-") == 0)
        return 0;
    if (length == 0 || length % 2)
        return -1;
    for (size_t i = 0; i < length; i += 2) {
        int high = digit_of(text[i]), low = digit_of(text[i + 1]);
        if (high < 0 || low < 0)
            return -1;
        buffer_u8(octets, (uint8_t)(high << 4 | low));
    }
    return octets->failed ? -1 : (ssize_t)(length / 2);
}

/* Octets into a field of at most `limit`; -1 when they do not fit. */
static ssize_t take_field(struct restore *restore, void *field, size_t limit)
{
    struct buffer octets = {.length = 0};
    ssize_t length = take_hex(restore, &octets);

    if (length > (ssize_t)limit)
        length = -1;
    if (length > 0)
        memcpy(field, octets.octets, (size_t)length);
    buffer_free(&octets);
    return length;
}

static bool take_name(struct restore *restore, struct name *name)
{
    return name_from_string(word(restore), name) == RESULT_OK;
}

/* Every field must be there once, in order. */
static bool take_fields(struct restore *restore, const struct dump_field *fields, size_t count,
                        void *row)
{
    for (size_t i = 0; i < count; i++) {
        char *text = word(restore);
        size_t length = strlen(fields[i].name);
        uint64_t number;
        if (strncmp(text, fields[i].name, length) != 0 || text[length] != '=' ||
            !number_from(text + length + 1, 10, UINT64_MAX, &number) ||
            !dump_field_set(&fields[i], row, number))
            return false;
    }
    return restore->at[0] == '\0';
}

static enum result read_versions(struct restore *restore)
{
    struct store_key key = {.length = 8, .octets = "versions"};
    uint64_t last;

    if (!take_number(restore, UINT32_MAX, &last))
        return bad_line(restore, "not a number");
    buffer_u32(put_begin(&restore->change), (uint32_t)last);
    put_record(&restore->change, TABLE_META, &key, 0);
    return RESULT_OK;
}

static enum result read_zone(struct restore *restore)
{
    struct zone zone = {.version = 0};
    bool named = take_name(restore, &zone.apex);
    ssize_t salt = take_field(restore, zone.salt, sizeof zone.salt);

    if (!named || salt < 0 || !take_fields(restore, dump_zone_fields, dump_zone_field_count, &zone))
        return bad_line(restore, "not a zone");
    zone.salt_length = (uint8_t)salt;
    change_put_zone(&restore->change, &zone);
    return RESULT_OK;
}

/* The row's own reader judges it: what it would not read is not written. */
static bool key_is_readable(const struct key_row *key)
{
    struct buffer value = {.length = 0};
    struct key_row again;

    key_compose(key, &value);
    bool readable = buffer_check(&value) == RESULT_OK &&
                    key_open(reader_over(value.octets, value.length), &again) == RESULT_OK;
    buffer_free(&value);
    return readable;
}

static enum result read_key(struct restore *restore)
{
    struct key_row key = {.number = 0};
    bool named = take_name(restore, &key.zone);
    ssize_t keystore = take_field(restore, key.keystore, KEY_MAX_KEYSTORE);
    ssize_t id = take_field(restore, key.id, sizeof key.id);
    ssize_t dnskey = take_field(restore, key.dnskey, sizeof key.dnskey);

    if (!named || keystore < 0 || id < 0 || dnskey < 0 ||
        !take_fields(restore, dump_key_fields, dump_key_field_count, &key))
        return bad_line(restore, "not a key");
    key.id_length = (uint8_t)id;
    key.dnskey_length = (uint16_t)dnskey;
    if (!key_is_readable(&key))
        return bad_line(restore, "not a key: a field is out of range");
    change_put_key(&restore->change, &key);
    return RESULT_OK;
}

/* An RRset whose octets lie in restore->octets, which may still move as it grows. */
struct restored {
    struct node_rrset rrset;
    size_t rdata_at, signatures_at;
};

/* A run of records, counted; its octets go to the buffer at `*at`. */
static bool take_run(struct restore *restore, struct rdata_run *run, size_t *at)
{
    *at = restore->octets.length;
    ssize_t length = take_hex(restore, &restore->octets);
    uint32_t count = 0;

    if (length < 0)
        return false;
    struct reader octets =
        reader_over(length ? restore->octets.octets + *at : NULL, (size_t)length);
    for (; reader_left(&octets) > 0; count++)
        reader_take(&octets, reader_u16(&octets));
    *run = (struct rdata_run){.length = (uint32_t)length, .count = (uint16_t)count};
    return !octets.failed && count <= UINT16_MAX;
}

static bool take_body(struct restore *restore, struct restored *to)
{
    uint64_t ttl, room;

    if (!take_number(restore, UINT32_MAX, &ttl) ||
        !take_number(restore, (uint64_t)LARGEST_ROOM, &room))
        return false;
    to->rrset.ttl = (uint32_t)ttl;
    to->rrset.signature_room = (uint32_t)room;
    return take_run(restore, &to->rrset.rdata, &to->rdata_at) &&
           take_run(restore, &to->rrset.signatures, &to->signatures_at) && restore->at[0] == '\0';
}

static struct node_rrset settle(const struct restore *restore, const struct restored *from)
{
    struct node_rrset rrset = from->rrset;

    rrset.rdata.octets = restore->octets.octets + from->rdata_at;
    rrset.signatures.octets = restore->octets.octets + from->signatures_at;
    return rrset;
}

/* The lines of a node's RRsets, and the node itself into the store. */
static enum result read_rrsets(struct restore *restore, uint32_t version, const struct name *name,
                               struct node_parts *parts)
{
    struct restored *rows = calloc(parts->count + 1, sizeof *rows);
    struct node_rrset *settled = calloc(parts->count + 1, sizeof *settled);
    enum result result = rows && settled ? RESULT_OK : RESULT_SYSTEM;
    uint64_t before, type;

    buffer_clear(&restore->octets);
    for (size_t i = 0; i < parts->count && !result; i++) {
        if (!next_line(restore, &before) || strcmp(word(restore), "rrset") != 0 ||
            !take_number(restore, UINT16_MAX, &type) || !take_body(restore, &rows[i]))
            result = bad_line(restore, "not an RRset");
        else
            rows[i].rrset.type = (uint16_t)type;
    }
    if (!result && restore->octets.failed)
        result = RESULT_SYSTEM;
    if (!result) {
        /* Room for one octet at least: an empty run still points somewhere. */
        buffer_u8(&restore->octets, 0);
        for (size_t i = 0; i < parts->count; i++)
            settled[i] = settle(restore, &rows[i]);
        parts->rrsets = settled;
        version_append_node(&restore->change, version, name, parts);
        if (restore->change.failed == RESULT_FORMAT)
            result = bad_line(restore, "the node above does not hold together");
    }
    free(rows);
    free(settled);
    return result;
}

static enum result read_node(struct restore *restore)
{
    uint64_t version, flags, above, count;
    struct name name;
    struct node_parts parts = {.flags = 0};

    if (!take_number(restore, UINT32_MAX, &version) || !take_name(restore, &name) ||
        !take_number(restore, UINT16_MAX, &flags) || !take_number(restore, UINT8_MAX, &above))
        return bad_line(restore, "not a node");
    ssize_t hash = take_field(restore, parts.hash, NODE_HASH_OCTETS);
    ssize_t wildcard = take_field(restore, parts.wildcard_hash, NODE_HASH_OCTETS);
    if (hash != (flags & NODE_HAS_HASH ? NODE_HASH_OCTETS : 0) ||
        wildcard != (flags & NODE_HAS_WILDCARD_HASH ? NODE_HASH_OCTETS : 0) ||
        !take_number(restore, UINT16_MAX, &count) || restore->at[0] != '\0')
        return bad_line(restore, "not a node");
    parts.flags = (uint16_t)flags;
    parts.above = (uint8_t)above;
    parts.count = count;
    return read_rrsets(restore, (uint32_t)version, &name, &parts);
}

static enum result read_nsec3(struct restore *restore)
{
    uint64_t version;
    uint8_t hash[NODE_HASH_OCTETS];
    struct restored row = {.rrset = {.type = TYPE_NSEC3}};

    buffer_clear(&restore->octets);
    if (!take_number(restore, UINT32_MAX, &version) ||
        take_field(restore, hash, sizeof hash) != NODE_HASH_OCTETS || !take_body(restore, &row))
        return bad_line(restore, "not an NSEC3 record");
    buffer_u8(&restore->octets, 0);
    if (restore->octets.failed)
        return RESULT_SYSTEM;
    struct node_rrset rrset = settle(restore, &row);
    version_append_nsec3(&restore->change, (uint32_t)version, hash, &rrset);
    return RESULT_OK;
}

static enum result read_expiry(struct restore *restore)
{
    struct expiry expiry = {.at = 0};
    uint64_t at, version, kind;

    if (!take_number(restore, UINT32_MAX, &at) || !take_number(restore, UINT32_MAX, &version) ||
        !take_number(restore, EXPIRY_NSEC3, &kind) || kind < EXPIRY_NODES)
        return bad_line(restore, "not an expiry");
    ssize_t first = take_field(restore, expiry.first, sizeof expiry.first);
    ssize_t last = take_field(restore, expiry.last, sizeof expiry.last);
    bool sized = kind == EXPIRY_NODES || (first == NODE_HASH_OCTETS && last == NODE_HASH_OCTETS);
    if (first < 0 || last < 0 || !sized || restore->at[0] != '\0')
        return bad_line(restore, "not an expiry");
    expiry.at = (uint32_t)at;
    expiry.version = (uint32_t)version;
    expiry.kind = (enum expiry_kind)kind;
    expiry.first_length = (uint16_t)first;
    expiry.last_length = (uint16_t)last;
    change_put_expiry(&restore->change, &expiry);
    return RESULT_OK;
}

static enum result read_end(struct restore *restore, uint64_t hash_before)
{
    uint64_t lines, hash;

    if (!take_number(restore, UINT64_MAX, &lines) ||
        !number_from(word(restore), 16, UINT64_MAX, &hash) || lines != restore->lines - 1 ||
        hash != hash_before)
        return bad_line(restore, "the dump is not the one that was written");
    restore->ended = true;
    return RESULT_OK;
}

static enum result read_line(struct restore *restore, uint64_t hash_before)
{
    static const struct {
        const char *word;
        enum result (*read)(struct restore *);
    } kinds[] = {
        {"versions", read_versions}, {"zone", read_zone},   {"key", read_key},
        {"node", read_node},         {"nsec3", read_nsec3}, {"expiry", read_expiry},
    };
    const char *kind = word(restore);

    if (strcmp(kind, "end") == 0)
        return read_end(restore, hash_before);
    for (unsigned i = 0; i < COUNT(kinds); i++)
        if (strcmp(kind, kinds[i].word) == 0)
            return kinds[i].read(restore);
    return bad_line(restore, "an unknown kind of line");
}

static enum result read_title(struct restore *restore)
{
    uint64_t before, version;

    if (!next_line(restore, &before) || strcmp(word(restore), DUMP_TITLE) != 0 ||
        !take_number(restore, UINT32_MAX, &version))
        return bad_line(restore, "this is no dump of a store");
    if (version != DUMP_VERSION)
        return bad_line(restore, "a dump of another version than this program reads");
    return RESULT_OK;
}

/* Rows come before the records that their digests are of: they follow what was read so far. */
static enum result settle_digests(struct restore *restore)
{
    struct snapshot *view = change_view(&restore->change);
    struct name after;
    struct zone zone;
    enum found_record found = zone_walk(view, NULL, &zone);

    for (; found == RECORD_THERE; found = zone_walk(view, &after, &zone)) {
        struct version_digest before = zone.digest;
        change_take_digest(&restore->change, zone.version, &zone.digest);
        name_copy(&after, &zone.apex);
        if (!digest_equal(&before, &zone.digest))
            change_put_zone(&restore->change, &zone);
    }
    return found == RECORD_CORRUPT ? RESULT_CORRUPT : restore->change.failed;
}

static enum result end_slice(struct restore *restore)
{
    enum result result = settle_digests(restore);

    return result ? result : change_commit(&restore->change, NULL);
}

/* Commit what was read so far, and begin anew. */
static enum result next_slice(struct restore *restore)
{
    enum result result = end_slice(restore);

    if (!result)
        result = change_begin(&restore->change, restore->store);
    if (result)
        snprintf(restore->problem, STORE_PROBLEM_OCTETS, "%s", restore->store->problem);
    return result;
}

static enum result read_all(struct restore *restore)
{
    uint64_t before;
    enum result result = read_title(restore);

    while (!result && !restore->ended) {
        if (!next_line(restore, &before))
            return bad_line(restore, "the dump ends too early");
        result = read_line(restore, before);
        if (!result && change_octets(&restore->change) > VERSION_SLICE_OCTETS)
            result = next_slice(restore);
    }
    if (!result && getc(restore->in) != EOF)
        result = bad_line(restore, "something follows the end");
    return result;
}

/* What a fresh store has: nothing in any table but the format and the seed. */
static enum result check_empty(struct restore *restore)
{
    for (unsigned i = 0; i < STORE_TABLES; i++) {
        MDB_stat status;
        if (mdb_stat(restore->change.view.transaction, restore->store->tables[i], &status))
            return RESULT_SYSTEM;
        if (status.ms_entries > (i == TABLE_META ? 2 : 0)) {
            snprintf(restore->problem, STORE_PROBLEM_OCTETS, "the store is not empty");
            return RESULT_REFUSED;
        }
    }
    return RESULT_OK;
}

enum result dump_read(struct store *store, FILE *in, char problem[STORE_PROBLEM_OCTETS])
{
    struct restore restore = {.store = store, .in = in, .problem = problem};

    problem[0] = '\0';
    enum result result = change_begin(&restore.change, store);
    if (result) {
        snprintf(problem, STORE_PROBLEM_OCTETS, "%s", store->problem);
        return result;
    }
    result = check_empty(&restore);
    if (!result)
        result = read_all(&restore);
    if (!result) {
        result = end_slice(&restore);
        if (result)
            snprintf(problem, STORE_PROBLEM_OCTETS, "%s", store->problem);
    }
    change_abandon(&restore.change);
    free(restore.line);
    buffer_free(&restore.octets);
    return result;
}
