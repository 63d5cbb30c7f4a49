/* meta.c - numbers of the whole store that readers need. */
#include "avow/store/meta.h"

#include "avow/store/record.h"

enum found_record meta_last_version(struct snapshot *snapshot, uint32_t *version)
{
    struct store_record record = {.key = (const uint8_t *)META_VERSIONS,
                                  .key_length = sizeof META_VERSIONS - 1};
    struct reader payload;
    enum found_record found = snapshot_get(snapshot, TABLE_META, &record, &payload);

    if (found != RECORD_THERE)
        return found;
    *version = reader_u32(&payload);
    return reader_finish(&payload) ? RECORD_CORRUPT : RECORD_THERE;
}
