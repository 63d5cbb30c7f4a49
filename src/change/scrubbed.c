/* scrubbed.c - when the whole store was last looked through: a keeper that starts must know. */
#include <string.h>

#include "avow/change/check.h"

#include "put.h"

#define META_SCRUBBED "scrubbed"

static struct store_key scrubbed_key(void)
{
    struct store_key key = {.length = sizeof META_SCRUBBED - 1};

    memcpy(key.octets, META_SCRUBBED, key.length);
    return key;
}

uint64_t scrubbed_at(struct snapshot *snapshot)
{
    struct store_key key = scrubbed_key();
    struct store_record record = store_key_record(&key);
    struct reader payload;

    if (snapshot_get(snapshot, TABLE_META, &record, &payload) != RECORD_THERE)
        return 0;
    uint64_t at = reader_u64(&payload);
    return reader_finish(&payload) ? 0 : at;
}

void change_put_scrubbed(struct change *change, uint64_t at)
{
    struct store_key key = scrubbed_key();

    buffer_u64(put_begin(change), at);
    put_record(change, TABLE_META, &key, 0);
}
