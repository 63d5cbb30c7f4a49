/* delta.c - records that went and came; what came and went cancels. */
#include "delta.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 256, CANCELLED = 2 /* beside the two acts */ };

/* An entry: this head, the owner, and the RDATA behind its length. */
struct head {
    uint64_t hash;
    uint32_t next; /* in its bucket: offset + 1; 0: none */
    uint32_t ttl;
    uint16_t type;
    uint16_t rdata;
    uint8_t owner;
    uint8_t act;
};

static size_t entry_octets(const struct head *head)
{
    return sizeof *head + head->owner + 2U + head->rdata;
}

static void load(const struct delta *delta, size_t at, struct head *head)
{
    memcpy(head, delta->entries.octets + at, sizeof *head);
}

static void store(struct delta *delta, size_t at, const struct head *head)
{
    memcpy(delta->entries.octets + at, head, sizeof *head);
}

enum result delta_open(struct delta *delta, size_t limit)
{
    *delta = (struct delta){.limit = limit};
    return hash_key_random(&delta->key);
}

void delta_close(struct delta *delta)
{
    free(delta->buckets);
    buffer_free(&delta->entries);
    *delta = (struct delta){.buckets = NULL};
}

static uint64_t hash_owner(const struct delta *delta, const struct name *owner)
{
    return hash_octets(&delta->key, owner->octets, owner->length);
}

static uint64_t hash_record(const struct delta *delta, const struct delta_record *record,
                            uint64_t owner)
{
    const uint64_t rest[2] = {owner, (uint64_t)record->ttl << 16 | record->type};

    return hash_pair(&delta->key, rest, sizeof rest, record->rdata, record->length);
}

static uint64_t *filter_word(struct delta *delta, uint64_t hash)
{
    return &delta->filter[hash / 64 % DELTA_FILTER_WORDS];
}

bool delta_touches(const struct delta *delta, const struct name *owner)
{
    if (delta_is_empty(delta))
        return false;
    uint64_t hash = hash_owner(delta, owner);
    return delta->filter[hash / 64 % DELTA_FILTER_WORDS] >> hash % 64 & 1;
}

static bool same_record(const struct delta *delta, size_t at, const struct head *head,
                        const struct delta_record *record)
{
    const uint8_t *octets = delta->entries.octets + at + sizeof *head;

    return head->type == record->type && head->ttl == record->ttl &&
           head->owner == record->owner->length && head->rdata == record->length &&
           memcmp(octets, record->owner->octets, head->owner) == 0 &&
           memcmp(octets + head->owner + 2, record->rdata, record->length) == 0;
}

/* Where the record's entry is, and its head; false when there is none. */
static bool find(const struct delta *delta, const struct delta_record *record, uint64_t hash,
                 size_t *at, struct head *head)
{
    if (delta->bucket_count == 0)
        return false;
    uint32_t next = delta->buckets[hash & (delta->bucket_count - 1)];
    while (next != 0) {
        *at = next - 1U;
        load(delta, *at, head);
        if (head->hash == hash && same_record(delta, *at, head, record))
            return true;
        next = head->next;
    }
    return false;
}

bool delta_added(const struct delta *delta, const struct delta_record *record)
{
    struct head head;
    size_t at;

    return find(delta, record, hash_record(delta, record, hash_owner(delta, record->owner)), &at,
                &head) &&
           head.act == JOURNAL_ADDED;
}

/* Enter every entry into so many fresh buckets. */
static enum result rehash(struct delta *delta, uint32_t count)
{
    uint32_t *buckets = calloc(count, sizeof *buckets);
    struct head head;

    if (!buckets)
        return RESULT_SYSTEM;
    free(delta->buckets);
    delta->buckets = buckets;
    delta->bucket_count = count;
    for (size_t at = 0; at < delta->entries.length; at += entry_octets(&head)) {
        load(delta, at, &head);
        uint32_t *bucket = &buckets[head.hash & (count - 1)];
        head.next = *bucket;
        *bucket = (uint32_t)at + 1;
        store(delta, at, &head);
    }
    return RESULT_OK;
}

/* Close the gaps that cancelled entries left: signatures made anew come and go in long rows. */
static enum result compact(struct delta *delta)
{
    uint8_t *octets = delta->entries.octets;
    size_t to = 0, size;
    struct head head;

    delta->entry_count = 0;
    for (size_t at = 0; at < delta->entries.length; at += size) {
        load(delta, at, &head);
        size = entry_octets(&head);
        if (head.act == CANCELLED)
            continue;
        memmove(octets + to, octets + at, size);
        to += size;
        delta->entry_count++;
    }
    delta->entries.length = to;
    return rehash(delta, delta->bucket_count);
}

/* Room for one entry more of so many octets. */
static enum result make_room(struct delta *delta, size_t size)
{
    enum result result = RESULT_OK;

    if (delta->entries.length + size > delta->limit && delta->live_octets < delta->limit / 2)
        result = compact(delta);
    if (result == RESULT_OK && delta->entry_count >= delta->bucket_count)
        result = rehash(delta, delta->bucket_count ? delta->bucket_count * 2 : FIRST_BUCKETS);
    if (result)
        return result;
    return delta->entries.length + size > delta->limit ? RESULT_FULL : RESULT_OK;
}

static enum result add(struct delta *delta, enum journal_act act, const struct delta_record *record,
                       uint64_t hash)
{
    struct head head = {.hash = hash,
                        .ttl = record->ttl,
                        .type = record->type,
                        .rdata = record->length,
                        .owner = record->owner->length,
                        .act = (uint8_t)act};
    enum result result = make_room(delta, entry_octets(&head));

    if (result)
        return result;
    size_t at = delta->entries.length;
    uint32_t *bucket = &delta->buckets[hash & (delta->bucket_count - 1)];
    head.next = *bucket;
    buffer_add(&delta->entries, &head, sizeof head);
    buffer_add(&delta->entries, record->owner->octets, record->owner->length);
    buffer_u16(&delta->entries, record->length);
    buffer_add(&delta->entries, record->rdata, record->length);
    if (buffer_check(&delta->entries))
        return RESULT_SYSTEM;
    *bucket = (uint32_t)at + 1;
    delta->entry_count++;
    delta->live[act]++;
    delta->live_octets += entry_octets(&head);
    return RESULT_OK;
}

/* It is in the set already. */
static enum result change(struct delta *delta, enum journal_act act, size_t at, struct head *head)
{
    if (head->act == act)
        return RESULT_CORRUPT;
    if (head->act == CANCELLED) {
        head->act = (uint8_t)act;
        delta->live[act]++;
        delta->live_octets += entry_octets(head);
    } else {
        delta->live[head->act]--;
        delta->live_octets -= entry_octets(head);
        head->act = CANCELLED;
    }
    store(delta, at, head);
    return RESULT_OK;
}

enum result delta_note(struct delta *delta, enum journal_act act, const struct delta_record *record)
{
    uint64_t owner = hash_owner(delta, record->owner), hash = hash_record(delta, record, owner);
    struct head head;
    size_t at;

    if (find(delta, record, hash, &at, &head))
        return change(delta, act, at, &head);
    *filter_word(delta, owner) |= UINT64_C(1) << owner % 64;
    return add(delta, act, record, hash);
}

bool delta_next(const struct delta *delta, enum journal_act act, size_t *at,
                struct delta_entry *entry)
{
    struct head head;

    while (*at < delta->entries.length) {
        load(delta, *at, &head);
        const uint8_t *octets = delta->entries.octets + *at + sizeof head;
        *at += entry_octets(&head);
        if (head.act != act)
            continue;
        struct reader reader = reader_over(octets, (size_t)head.owner + 2 + head.rdata);
        name_read_plain(&reader, &entry->owner);
        entry->type = head.type;
        entry->ttl = head.ttl;
        entry->run = reader_over(reader.at, reader_left(&reader));
        return !reader.failed;
    }
    return false;
}
