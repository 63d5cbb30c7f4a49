/* meta_rows.c - numbers of the whole store: when it was last looked through, which commit it is. */
#include <string.h>

#include "avow/change/check.h"

#include "put.h"

#define META_SCRUBBED "scrubbed"
#define META_COMMIT   "commit"

static struct store_key key_of(const char *word)
{
    struct store_key key = {.length = (uint16_t)strlen(word)};

    memcpy(key.octets, word, key.length);
    return key;
}

static enum found_record get_number(struct snapshot *snapshot, const char *word, uint64_t *number)
{
    struct store_key key = key_of(word);
    struct store_record record = store_key_record(&key);
    struct reader payload;
    enum found_record found = snapshot_get(snapshot, TABLE_META, &record, &payload);

    if (found != RECORD_THERE)
        return found;
    *number = reader_u64(&payload);
    return reader_finish(&payload) ? RECORD_CORRUPT : RECORD_THERE;
}

static void put_number(struct change *change, const char *word, uint64_t number)
{
    struct store_key key = key_of(word);

    buffer_u64(put_begin(change), number);
    put_record(change, TABLE_META, &key, 0);
}

uint64_t scrubbed_at(struct snapshot *snapshot)
{
    uint64_t at;

    return get_number(snapshot, META_SCRUBBED, &at) == RECORD_THERE ? at : 0;
}

void change_put_scrubbed(struct change *change, uint64_t at)
{
    put_number(change, META_SCRUBBED, at);
}

void put_commit(struct change *change)
{
    put_number(change, META_COMMIT, change->view.id);
}

bool store_is_of_its_commit(struct snapshot *snapshot)
{
    enum { MADE = 1 }; /* the transaction that makes a store has none */
    uint64_t id = 0;

    switch (get_number(snapshot, META_COMMIT, &id)) {
    case RECORD_THERE:
        return id == snapshot->id;
    case RECORD_ABSENT:
        return snapshot->id <= MADE;
    default:
        return true; /* damage, which others tell of */
    }
}
