/* load_check.c - what a load would do to a zone, and whether somebody should be asked. */
#include "load_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "avow/store/key.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"

enum {
    DAY = 86400,
    EXPIRE_LEAST = 3600,
    EXPIRE_MOST = 365 * DAY,
    MINIMUM_MOST = 7 * DAY,
    TTL_MOST = 30 * DAY
};

/* ---- looking ----------------------------------------------------------------------------------
 */

struct looking {
    struct load_look *look;
    struct gather *gather;
    const struct order *touched;
    uint8_t apex[NAME_KEY_MAX_OCTETS];
    size_t apex_length;
    struct rdata_run servers; /* NS that are served */
};

static enum result note_soa(struct load_apex *apex, const uint8_t *rdata, size_t length)
{
    struct reader reader = reader_over(rdata, length);

    if (soa_read(rdata, length, &apex->soa))
        return RESULT_FORMAT;
    name_read_plain(&reader, &apex->primary);
    apex->there = !reader.failed;
    return apex->there ? RESULT_OK : RESULT_FORMAT;
}

static void note_ttl(struct load_apex *apex, uint32_t ttl)
{
    if (ttl > apex->longest_ttl)
        apex->longest_ttl = ttl;
}

static bool is_server(const struct rdata_run *run, const uint8_t *rdata, size_t length)
{
    struct reader given = reader_over(rdata, length), rest = rdata_run_reader(run), one;
    struct name name, other;

    name_read_plain(&given, &name);
    while (!given.failed && rdata_next(&rest, &one)) {
        name_read_plain(&one, &other);
        if (!one.failed && name_equal(&name, &other))
            return true;
    }
    return false;
}

/* A record of the file. */
static enum result note_record(struct looking *looking, const struct gathered *record)
{
    struct load_look *look = looking->look;

    note_ttl(&look->after, record->ttl);
    if (!store_key_equal(record->key, record->key_length, looking->apex, looking->apex_length))
        return RESULT_OK;
    if (record->type == TYPE_SOA)
        return note_soa(&look->after, record->rdata, record->rdata_length);
    if (record->type != TYPE_NS)
        return RESULT_OK;
    look->after.servers++;
    look->servers_kept += is_server(&looking->servers, record->rdata, record->rdata_length);
    return RESULT_OK;
}

/* Step over one name of the file. */
static enum result pass_name(struct looking *looking)
{
    struct gathered record, next;
    enum result result = RESULT_OK;

    looking->look->names++;
    if (gather_next(looking->gather, &record) == FOUND_NOT)
        return RESULT_OK;
    result = note_record(looking, &record);
    while (!result && gather_peek(looking->gather, &next) == FOUND_YES &&
           store_key_equal(next.key, next.key_length, record.key, record.key_length)) {
        (void)gather_next(looking->gather, &next);
        result = note_record(looking, &next);
    }
    return result;
}

/* Whether a name that the file does not have stays, for updates have changed it. */
static bool stays(const struct looking *looking, const uint8_t *key, size_t length)
{
    const struct order_item *item =
        looking->touched ? order_from(looking->touched, key, length) : NULL;

    return item && item->length == length + 2 && memcmp(item->key, key, length) == 0;
}

/* A name that is served: names of the file that come before it are new. */
static enum result pass_stored(struct looking *looking, const struct node_view *node)
{
    const uint8_t *key = node->key + RECORD_PREFIX_OCTETS;
    size_t length = node->key_length - RECORD_PREFIX_OCTETS;
    struct load_look *look = looking->look;
    struct gathered record;
    int order = 1;
    enum result result = RESULT_OK;

    look->names_served++;
    while (!result && gather_peek(looking->gather, &record) == FOUND_YES &&
           (order = store_key_compare(record.key, record.key_length, key, length)) <= 0) {
        result = pass_name(looking);
        if (order == 0)
            return result;
        look->fresh++;
    }
    look->gone += !stays(looking, key, length);
    return result;
}

static enum result note_apex(struct looking *looking, const struct node_view *node)
{
    struct load_look *look = looking->look;
    struct rrset_view rrset;

    if (node_find(node, TYPE_NS, &rrset) == RECORD_THERE) {
        looking->servers = rrset.rdata;
        look->before.servers = rrset.rdata.count;
    }
    if (node_find(node, TYPE_SOA, &rrset) != RECORD_THERE || rrset.rdata.length < 2)
        return RESULT_CORRUPT;
    return note_soa(&look->before, rrset.rdata.octets + 2, rrset.rdata.length - 2);
}

static void note_ttls(struct load_apex *apex, const struct node_view *node)
{
    struct rrset_view rrset;

    for (struct reader rows = node->rows; node_next(&rows, &rrset);)
        note_ttl(apex, rrset.ttl);
}

static enum result walk_stored(struct looking *looking, struct snapshot *snapshot, uint32_t version,
                               const struct name *apex)
{
    struct node_view node;
    enum found_record found = lookup_walk(snapshot, version, WALK_FROM, apex, &node);
    enum result result = found == RECORD_THERE ? note_apex(looking, &node) : RESULT_CORRUPT;

    while (!result && found == RECORD_THERE) {
        note_ttls(&looking->look->before, &node);
        if (!(node.flags & NODE_EMPTY))
            result = pass_stored(looking, &node);
        found = lookup_walk(snapshot, version, WALK_NEXT, apex, &node);
    }
    return !result && found == RECORD_CORRUPT ? RESULT_CORRUPT : result;
}

enum result load_look(struct load_look *look, struct gather *gather, const struct name *apex,
                      struct snapshot *snapshot, uint32_t version, const struct order *touched)
{
    struct looking looking = {.look = look,
                              .gather = gather,
                              .touched = touched,
                              .servers = {.octets = (const uint8_t *)""}};
    struct writer writer = writer_over(looking.apex, sizeof looking.apex);
    struct gathered record;
    enum result result = RESULT_OK;

    *look = (struct load_look){.served = snapshot != NULL};
    name_key_write(&writer, apex);
    looking.apex_length = writer.length;
    gather->next = 0;
    if (snapshot)
        result = walk_stored(&looking, snapshot, version, apex);
    if (result == RESULT_CORRUPT) { /* what is served cannot be compared with, and needs mending */
        look->served = false;
        result = RESULT_OK;
    }
    while (!result && gather_peek(gather, &record) == FOUND_YES) {
        look->fresh++;
        result = pass_name(&looking);
    }
    gather->next = 0;
    return result;
}

/* ---- judging ----------------------------------------------------------------------------------
 */

static bool is_odd_expire(const struct soa *soa)
{
    return soa->expire < EXPIRE_LEAST || soa->expire > EXPIRE_MOST ||
           soa->expire < (uint64_t)soa->refresh + soa->retry;
}

static bool servers_changed(const struct load_look *look)
{
    return look->servers_kept != look->before.servers || look->servers_kept != look->after.servers;
}

void load_add_reason(char text[HOLD_TEXT], const char *format, ...)
{
    size_t length = strlen(text);
    va_list arguments;

    (void)snprintf(text + length, HOLD_TEXT - length, "%s", length ? "; " : "");
    length = strlen(text);
    va_start(arguments, format);
    (void)vsnprintf(text + length, HOLD_TEXT - length, format, arguments);
    va_end(arguments);
}

static void judge_servers(const struct load_look *look, char text[HOLD_TEXT])
{
    const struct load_apex *before = &look->before, *after = &look->after;
    char old[NAME_MAX_TEXT], new[NAME_MAX_TEXT];

    if (before->servers && look->servers_kept == 0)
        load_add_reason(text, "none of its %lu name servers would stay",
                        (unsigned long)before->servers);
    else if (!name_equal(&before->primary, &after->primary) && servers_changed(look))
        load_add_reason(text,
                        "its name servers would change, and with them the primary in the SOA, from "
                        "%.80s to %.80s",
                        name_to_text(&before->primary, old), name_to_text(&after->primary, new));
}

static void judge_soa(const struct soa *before, const struct soa *after, char text[HOLD_TEXT])
{
    if (is_odd_expire(after) && !is_odd_expire(before))
        load_add_reason(text,
                        "EXPIRE of its SOA would go from %lu to %lu seconds, with REFRESH %lu and "
                        "RETRY %lu",
                        (unsigned long)before->expire, (unsigned long)after->expire,
                        (unsigned long)after->refresh, (unsigned long)after->retry);
    if (after->minimum > MINIMUM_MOST && before->minimum <= MINIMUM_MOST)
        load_add_reason(text, "MINIMUM of its SOA would go from %lu to %lu seconds",
                        (unsigned long)before->minimum, (unsigned long)after->minimum);
}

/* What is odd was not so before: a zone that has lived with it is left in peace. */
static void judge_apex(const struct load_look *look, const struct load_bounds *bounds,
                       char text[HOLD_TEXT])
{
    const struct load_apex *before = &look->before, *after = &look->after;

    judge_servers(look, text);
    if (bounds->has_serial && serial_is_after(bounds->serial, after->soa.serial))
        load_add_reason(text, "the file's serial %lu is before that of the file loaded last, %lu",
                        (unsigned long)after->soa.serial, (unsigned long)bounds->serial);
    judge_soa(&before->soa, &after->soa, text);
    if (after->longest_ttl > TTL_MOST && before->longest_ttl <= TTL_MOST)
        load_add_reason(text, "its longest TTL would go from %lu to %lu seconds",
                        (unsigned long)before->longest_ttl, (unsigned long)after->longest_ttl);
}

static bool deletes_too_much(const struct load_look *look, const struct load_bounds *bounds)
{
    return look->gone > bounds->free_deletions &&
           look->gone * 100 > look->names_served * bounds->largest_deletion;
}

enum hold_reason load_judge(const struct load_look *look, const struct load_bounds *bounds,
                            char text[HOLD_TEXT])
{
    enum hold_reason reason = HOLD_NONE;

    text[0] = '\0';
    if (!look->served)
        return HOLD_NONE;
    if (deletes_too_much(look, bounds)) {
        load_add_reason(text, "%llu of its %llu names would go, more than %lu %%",
                        (unsigned long long)look->gone, (unsigned long long)look->names_served,
                        (unsigned long)bounds->largest_deletion);
        reason = HOLD_DELETION;
    }
    /* A file without a SOA is none: the rules say so. */
    if (bounds->apex && look->after.there)
        judge_apex(look, bounds, text);
    return *text && !reason ? HOLD_APEX : reason;
}
