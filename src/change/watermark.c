/* watermark.c - how full the map and the disk are. */
#include "avow/change/watermark.h"

#include <lmdb.h>
#include <string.h>
#include <sys/statvfs.h>

enum { LOADS_PERCENT = 80, UPDATES_PERCENT = 90, FREE_TABLE = 0 };

#define LOADS_DISK_OCTETS   ((uint64_t)256 << 20)
#define UPDATES_DISK_OCTETS ((uint64_t)64 << 20)

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
        return 0;
    return (uint64_t)status.f_bavail * status.f_frsize;
}

static enum watermark_level level_of(const struct watermark *watermark)
{
    uint64_t used = watermark->file_octets - watermark->free_octets;
    uint64_t hundredth = watermark->map_octets / 100;
    uint64_t disk =
        watermark->disk_octets ? watermark->disk_octets + watermark->free_octets : UINT64_MAX;

    if (used >= hundredth * UPDATES_PERCENT || disk < UPDATES_DISK_OCTETS)
        return WATERMARK_NO_UPDATES;
    if (used >= hundredth * LOADS_PERCENT || disk < LOADS_DISK_OCTETS)
        return WATERMARK_NO_LOADS;
    return WATERMARK_NORMAL;
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
    if (level_of(watermark) != WATERMARK_NORMAL) {
        enum result result = count_free(snapshot, &free_pages);
        if (result)
            return result;
        watermark->free_octets = free_pages * pages.ms_psize;
    }
    watermark->level = level_of(watermark);
    return RESULT_OK;
}
