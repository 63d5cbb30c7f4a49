/* watermark.c - how full the map and the disk are. */
#include "avow/change/watermark.h"

#include <lmdb.h>
#include <string.h>
#include <sys/statvfs.h>

enum { FREE_TABLE = 0 };

/* From where on a level holds. */
static const struct bound {
    unsigned percent;     /* of the map used */
    uint64_t disk_octets; /* fewer left */
    const char *of_map, *of_disk;
} bounds[] = {
    [WATERMARK_NO_LOADS] = {80, (uint64_t)256 << 20, "the store is more than 80 % full",
                            "the store's disk has less than 256 MiB left"},
    [WATERMARK_NO_UPDATES] = {90, (uint64_t)64 << 20, "the store is more than 90 % full",
                              "the store's disk has less than 64 MiB left"},
};

/* LMDB keeps the pages that may be used again in its table 0: lists, each led by its length. */
static enum result count_free(struct snapshot *snapshot, uint64_t *pages)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int error = mdb_cursor_open(snapshot->transaction, FREE_TABLE, &cursor);

    *pages = 0;
    if (error)
        return RESULT_SYSTEM;
    while ((error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
        size_t count = 0;
        if (value.mv_size >= sizeof count)
            memcpy(&count, value.mv_data, sizeof count);
        *pages += count;
    }
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? RESULT_OK : RESULT_SYSTEM;
}

static uint64_t disk_octets(MDB_env *environment)
{
    struct statvfs status;
    int descriptor;

    if (mdb_env_get_fd(environment, &descriptor) || fstatvfs(descriptor, &status))
        return WATERMARK_DISK_UNKNOWN;
    return (uint64_t)status.f_bavail * status.f_frsize;
}

void watermark_judge(struct watermark *watermark)
{
    uint64_t used = watermark->file_octets - watermark->free_octets;
    bool known = watermark->disk_octets != WATERMARK_DISK_UNKNOWN;
    uint64_t left = watermark->disk_octets + watermark->free_octets;

    watermark->level = WATERMARK_NORMAL;
    watermark->disk_is_short = false;
    for (enum watermark_level level = WATERMARK_NO_LOADS; level < COUNT(bounds); level++) {
        bool of_map = used >= watermark->map_octets / 100 * bounds[level].percent;
        if (!of_map && !(known && left < bounds[level].disk_octets))
            continue;
        watermark->level = level;
        watermark->disk_is_short = !of_map;
    }
}

const char *watermark_shortage(const struct watermark *watermark)
{
    const struct bound *bound = &bounds[watermark->level];

    return watermark->disk_is_short ? bound->of_disk : bound->of_map;
}

enum result watermark_read(struct snapshot *snapshot, struct watermark *watermark)
{
    MDB_env *environment = snapshot->store->environment;
    MDB_envinfo info;
    MDB_stat pages;
    uint64_t free_pages = 0;

    if (mdb_env_info(environment, &info) || mdb_env_stat(environment, &pages))
        return RESULT_SYSTEM;
    *watermark = (struct watermark){
        .map_octets = info.me_mapsize,
        .file_octets = (info.me_last_pgno + 1) * pages.ms_psize,
        .disk_octets = disk_octets(environment),
    };
    watermark_judge(watermark);
    if (watermark->level != WATERMARK_NORMAL) {
        enum result result = count_free(snapshot, &free_pages);
        if (result)
            return result;
        watermark->free_octets = free_pages * pages.ms_psize;
        watermark_judge(watermark);
    }
    return RESULT_OK;
}
