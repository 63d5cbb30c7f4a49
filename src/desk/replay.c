/* replay.c - updates are carried out once, however often their message comes. */
#include "replay.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024 };

struct replay_entry {
    uint64_t key; /* hash of its name */
    uint64_t signed_at;
    uint64_t expires; /* the last second in which its message is good */
    uint64_t update;
    uint32_t next; /* in its bucket, place + 1; 0: the last */
    uint16_t rcode;
    bool done;
    uint8_t mac[REPLAY_MAC_OCTETS];
};

struct replay_floor {
    uint64_t key;
    uint64_t signed_at;
};

static uint64_t key_of(const struct replay *replay, const struct replay_mark *mark)
{
    return hash_octets(&replay->hash, mark->key.octets, mark->key.length);
}

/* A MAC is as good as random. */
static uint32_t bucket_of(const uint8_t *mac, uint32_t capacity)
{
    uint32_t bits;

    memcpy(&bits, mac, sizeof bits);
    return bits & (capacity - 1);
}

static struct replay_entry *find(const struct replay *replay, const struct replay_mark *mark)
{
    uint64_t key = key_of(replay, mark);
    uint32_t place = replay->capacity ? replay->buckets[bucket_of(mark->mac, replay->capacity)] : 0;

    while (place) {
        struct replay_entry *entry = &replay->entries[place - 1];
        if (entry->key == key && memcmp(entry->mac, mark->mac, sizeof entry->mac) == 0)
            return entry;
        place = entry->next;
    }
    return NULL;
}

static struct replay_floor *floor_of(const struct replay *replay, uint64_t key)
{
    for (size_t i = 0; i < replay->floor_count; i++) {
        if (replay->floors[i].key == key)
            return &replay->floors[i];
    }
    return NULL;
}

/* False without memory. */
static bool raise_floor(struct replay *replay, uint64_t key, uint64_t signed_at)
{
    struct replay_floor *floor = floor_of(replay, key);

    if (!floor) {
        size_t octets = (replay->floor_count + 1) * sizeof *floor;
        struct replay_floor *more = realloc(replay->floors, octets);
        if (!more)
            return false;
        replay->floors = more;
        floor = &more[replay->floor_count++];
        *floor = (struct replay_floor){.key = key};
    }
    if (signed_at > floor->signed_at)
        floor->signed_at = signed_at;
    return true;
}

static void unlink_first(struct replay *replay)
{
    uint32_t place = replay->first + 1;
    struct replay_entry *entry = &replay->entries[replay->first];
    uint32_t *link = &replay->buckets[bucket_of(entry->mac, replay->capacity)];

    while (*link != place)
        link = &replay->entries[*link - 1].next;
    *link = entry->next;
    replay->first = (replay->first + 1) & (replay->capacity - 1);
    replay->count--;
}

static void link_last(struct replay *replay, const struct replay_entry *added)
{
    uint32_t place = (replay->first + replay->count) & (replay->capacity - 1);
    uint32_t *bucket = &replay->buckets[bucket_of(added->mac, replay->capacity)];

    replay->entries[place] = *added;
    replay->entries[place].next = *bucket;
    *bucket = place + 1;
    replay->count++;
}

/* False without memory. */
static bool grow(struct replay *replay)
{
    uint32_t capacity = replay->capacity ? replay->capacity * 2 : FIRST_CAPACITY;
    struct replay old = *replay;

    if (capacity > replay->limit)
        capacity = replay->limit;
    replay->entries = calloc(capacity, sizeof *replay->entries);
    replay->buckets = calloc(capacity, sizeof *replay->buckets);
    if (!replay->entries || !replay->buckets) {
        free(replay->entries);
        free(replay->buckets);
        *replay = old;
        return false;
    }
    replay->capacity = capacity;
    replay->first = replay->count = 0;
    for (uint32_t i = 0; i < old.count; i++)
        link_last(replay, &old.entries[(old.first + i) & (old.capacity - 1)]);
    free(old.entries);
    free(old.buckets);
    return true;
}

/* Room for one more: of what is out of time, by growing, or at the cost of the oldest. */
static bool make_room(struct replay *replay, uint64_t now)
{
    if (now > replay->latest)
        replay->latest = now;
    while (replay->count && replay->entries[replay->first].expires < now) {
        uint64_t signed_at = replay->entries[replay->first].signed_at;
        if (signed_at > replay->forgotten)
            replay->forgotten = signed_at;
        unlink_first(replay);
    }
    if (replay->count < replay->capacity)
        return true;
    if (replay->capacity < replay->limit)
        return grow(replay);
    const struct replay_entry *oldest = &replay->entries[replay->first];
    bool ahead = oldest->signed_at > now + REPLAY_PATIENCE; /* by a clock that was wrong */
    if (!ahead && !raise_floor(replay, oldest->key, oldest->signed_at))
        return false;
    unlink_first(replay);
    return true;
}

void replay_mark(const struct tsig_session *session, struct replay_mark *mark)
{
    size_t length = session->mac_length < sizeof mark->mac ? session->mac_length : sizeof mark->mac;

    memset(mark->mac, 0, sizeof mark->mac);
    memcpy(mark->mac, session->mac, length);
    name_copy(&mark->key, &session->key_name);
    name_lower(&mark->key);
    mark->signed_at = session->time_signed;
    mark->fudge = session->fudge;
}

/* What was forgotten at `latest` is not good then, nor later. */
static bool is_of_forgotten_time(const struct replay *replay, const struct replay_mark *mark,
                                 uint64_t now)
{
    return now < replay->latest && mark->signed_at <= replay->forgotten;
}

enum replay_verdict replay_look(const struct replay *replay, const struct replay_mark *mark,
                                uint64_t now, struct replay_found *found)
{
    const struct replay_entry *entry = find(replay, mark);

    if (entry) {
        *found = (struct replay_found){.update = entry->update, .rcode = entry->rcode};
        return entry->done ? REPLAY_DONE : REPLAY_UNDER_WAY;
    }
    const struct replay_floor *floor = floor_of(replay, key_of(replay, mark));
    if (mark->signed_at < replay->start || (floor && mark->signed_at <= floor->signed_at) ||
        is_of_forgotten_time(replay, mark, now))
        return REPLAY_TOO_OLD;
    return REPLAY_NEW;
}

enum result replay_add(struct replay *replay, const struct replay_mark *mark, uint64_t update,
                       uint64_t now)
{
    struct replay_entry entry = {
        .key = key_of(replay, mark),
        .signed_at = mark->signed_at,
        .expires = mark->signed_at + mark->fudge, /* at the latest: tsig_check may trust it less */
        .update = update};

    if (!make_room(replay, now))
        return RESULT_SYSTEM;
    memcpy(entry.mac, mark->mac, sizeof entry.mac);
    link_last(replay, &entry);
    return RESULT_OK;
}

void replay_forget(struct replay *replay, const struct replay_mark *mark)
{
    uint32_t last = (replay->first + replay->count - 1) & (replay->capacity - 1);

    if (replay->count == 0 || find(replay, mark) != &replay->entries[last])
        return;
    /* The last one is the first of its bucket. */
    replay->buckets[bucket_of(mark->mac, replay->capacity)] = replay->entries[last].next;
    replay->count--;
}

/* A bound that would keep everybody out for long. */
static void lower(uint64_t *bound, uint64_t now)
{
    if (*bound > now + REPLAY_PATIENCE)
        *bound = now;
}

void replay_clock_back(struct replay *replay, uint64_t now)
{
    lower(&replay->start, now);
    lower(&replay->forgotten, now);
    for (size_t i = 0; i < replay->floor_count; i++)
        lower(&replay->floors[i].signed_at, now);
}

void replay_finish(struct replay *replay, const struct replay_mark *mark, uint16_t rcode)
{
    struct replay_entry *entry = find(replay, mark);

    if (!entry)
        return;
    entry->done = true;
    entry->rcode = rcode;
}

enum result replay_open(struct replay *replay, uint32_t limit, uint64_t start)
{
    *replay = (struct replay){.limit = limit, .start = start};
    return hash_key_random(&replay->hash);
}

void replay_close(struct replay *replay)
{
    free(replay->entries);
    free(replay->buckets);
    free(replay->floors);
    *replay = (struct replay){.entries = NULL};
}
