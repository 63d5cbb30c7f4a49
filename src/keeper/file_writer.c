/* file_writer.c - a zone's file, written from the store. */
#include "file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "load_task.h"
#include "zone_text.h"

enum { PIECE_OCTETS = 256 * 1024, NEW_FILE_MODE = 0644 };

#define NEW_SUFFIX ".avow-new" /* one writer: a fixed name; what a crash left is written over */

/* What one file needs. */
struct writing {
    const struct file_task *task;
    struct file_end *end;
    struct snapshot snapshot;
    struct zone row;
    struct zone_text text;
    struct buffer out;
    int descriptor;
    char path[PATH_MAX]; /* of the new file */
};

static enum result fail(struct file_end *end, enum result result, const char *format, ...)
    PRINTF_LIKE(3, 4);
static enum result fail(struct file_end *end, enum result result, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(end->why, sizeof end->why, format, arguments);
    va_end(arguments);
    return result;
}

static enum result fail_on(struct file_end *end, const char *what, const char *path)
{
    int error = errno;
    return fail(end, RESULT_SYSTEM, "%s %s: %s", path, what, strerror(error));
}

static bool new_path(const struct file_task *task, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s%s", task->path, NEW_SUFFIX) < PATH_MAX;
}

static uint64_t time_of(const struct stat *status)
{
    return (uint64_t)status->st_mtim.tv_sec * 1000000000 + (uint64_t)status->st_mtim.tv_nsec;
}

/* ---- the old file -----------------------------------------------------------------------------
 */

/* Look at what stands there: it must be the file that was loaded, or written by ourselves. */
static enum result check_old(struct writing *writing, struct stat *status)
{
    const struct file_task *task = writing->task;
    struct file_end *end = writing->end;
    const struct zone *row = &writing->row;

    end->had_old = lstat(task->path, status) == 0;
    if (!end->had_old)
        return errno == ENOENT ? RESULT_OK : fail_on(end, "cannot be looked at", task->path);
    if (!S_ISREG(status->st_mode))
        return fail(end, RESULT_REFUSED, "%s is no plain file: it is not replaced", task->path);
    end->old_size = (uint64_t)status->st_size;
    end->old_time = time_of(status);
    if (task->forced || (end->old_size == row->file_size && end->old_time == row->file_time) ||
        row->file_hash == load_file_hash(end->old_size, end->old_time))
        return RESULT_OK;
    return fail(end, RESULT_REFUSED,
                "%s was changed by somebody else since it was loaded: zone write --force writes "
                "over it, zone reload --force takes it",
                task->path);
}

/* The new file belongs to whom the old one belonged to, and may be used as that might. */
static enum result keep_mode(struct writing *writing, const struct stat *old)
{
    struct stat new;

    if (!writing->end->had_old)
        return RESULT_OK;
    if (fstat(writing->descriptor, &new))
        return fail_on(writing->end, "cannot be looked at", writing->path);
    if ((new.st_uid != old->st_uid || new.st_gid != old->st_gid) &&
        fchown(writing->descriptor, old->st_uid, old->st_gid))
        return fail(writing->end, RESULT_SYSTEM,
                    "%s belongs to somebody else, and its owner cannot be kept: give it to the "
                    "daemon's user",
                    writing->task->path);
    if (fchmod(writing->descriptor, old->st_mode & 07777))
        return fail_on(writing->end, "cannot be given its mode", writing->path);
    return RESULT_OK;
}

/* ---- the new file -----------------------------------------------------------------------------
 */

static enum result flush(struct writing *writing, size_t least)
{
    const uint8_t *at = writing->out.octets;
    size_t left = writing->out.length;

    if (buffer_check(&writing->out))
        return fail(writing->end, RESULT_SYSTEM, "no memory");
    if (left < least)
        return RESULT_OK;
    while (left) {
        ssize_t written = write(writing->descriptor, at, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return fail_on(writing->end, "cannot be written", writing->path);
        at += written;
        left -= (size_t)written;
    }
    buffer_clear(&writing->out);
    return RESULT_OK;
}

static void put_head(struct writing *writing)
{
    char name[NAME_MAX_TEXT], when[32] = "";
    time_t now = (time_t)writing->task->now;
    struct tm parts;

    if (gmtime_r(&now, &parts))
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
    (void)name_to_text(&writing->row.apex, name);
    buffer_format(&writing->out,
                  "; %s as avowd served it with serial %u, written %s by avowd " AVOW_VERSION
                  ".\n; It is written anew when the zone changes. To edit it: change it, then "
                  "avowctl zone reload %s\n",
                  name, writing->row.serial, when, name);
}

static enum result put_zone(struct writing *writing)
{
    struct node_view node;
    struct name owner;
    enum walk walk = WALK_FROM;
    enum found_record found = RECORD_THERE;
    enum result result = RESULT_OK;

    name_copy(&owner, &writing->row.apex);
    while (!result && (found = lookup_walk(&writing->snapshot, writing->row.version, walk, &owner,
                                           &node)) == RECORD_THERE) {
        result = zone_text_node(&writing->text, &node, &owner, &writing->out);
        walk = WALK_BEHIND;
        if (!result && atomic_load_explicit(writing->task->cancelled, memory_order_relaxed))
            return fail(writing->end, RESULT_SYSTEM, "the daemon stops");
        if (!result)
            result = flush(writing, PIECE_OCTETS);
    }
    if (result == RESULT_CORRUPT || found == RECORD_CORRUPT)
        return fail(writing->end, RESULT_CORRUPT, "a record of the store is damaged");
    return result ? result : flush(writing, 0);
}

static enum result write_new(struct writing *writing, const struct stat *old)
{
    struct stat status;

    put_head(writing);
    enum result result = put_zone(writing);
    if (!result)
        result = keep_mode(writing, old);
    if (result)
        return result;
    if (fsync(writing->descriptor) || fstat(writing->descriptor, &status))
        return fail_on(writing->end, "cannot be flushed", writing->path);
    writing->end->version = writing->row.version;
    writing->end->serial = writing->row.serial;
    writing->end->records = writing->text.records;
    writing->end->size = (uint64_t)status.st_size;
    writing->end->time = time_of(&status);
    return RESULT_OK;
}

static enum result open_new(struct writing *writing)
{
    if (!new_path(writing->task, writing->path))
        return fail(writing->end, RESULT_SYSTEM, "%.200s... is too long", writing->task->path);
    if (unlink(writing->path) && errno != ENOENT)
        return fail_on(writing->end, "is in the way", writing->path);
    writing->descriptor =
        open(writing->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, NEW_FILE_MODE);
    if (writing->descriptor < 0 && errno == EACCES)
        return fail(writing->end, RESULT_SYSTEM,
                    "%s cannot be made: not permitted; the keeper may write into folders of zones "
                    "that had zone-file: write when it started",
                    writing->path);
    return writing->descriptor < 0 ? fail_on(writing->end, "cannot be made", writing->path)
                                   : RESULT_OK;
}

void file_writer_doubt(struct file_end *end)
{
    end->result = fail(end, RESULT_CORRUPT,
                       "the zone is in doubt: records of the store have vanished or are old ones, "
                       "and its file may be better; zone reload --force takes the file");
}

static enum result prepare(struct writing *writing)
{
    struct stat old = {.st_mode = 0};

    if (snapshot_renew(&writing->snapshot) != RENEWAL_READY ||
        zone_get(&writing->snapshot, &writing->task->zone, &writing->row) != RECORD_THERE ||
        !writing->row.version)
        return fail(writing->end, RESULT_CORRUPT, "the zone cannot be read from the store");
    if (writing->row.flags & ZONE_DOUBTFUL) {
        file_writer_doubt(writing->end);
        return writing->end->result;
    }
    enum result result = check_old(writing, &old);
    if (!result)
        result = open_new(writing);
    if (result)
        return result;
    zone_text_open(&writing->text, &writing->snapshot, &writing->task->zone,
                   writing->row.flags & ZONE_SIGNED);
    result = write_new(writing, &old);
    if (close(writing->descriptor) && !result)
        result = fail_on(writing->end, "cannot be closed", writing->path);
    if (result)
        (void)unlink(writing->path);
    return result;
}

void file_writer_prepare(const struct file_task *task, struct file_end *end)
{
    struct writing writing = {.task = task, .end = end, .descriptor = -1};

    *end = (struct file_end){.result = RESULT_OK};
    if (snapshot_open(&writing.snapshot, task->store, NULL, 0))
        end->result = fail(end, RESULT_SYSTEM, "no memory");
    else
        end->result = prepare(&writing);
    snapshot_close(&writing.snapshot);
    buffer_free(&writing.out);
}

/* ---- in its place -----------------------------------------------------------------------------
 */

/* A rename is safe on the disk once the folder is. */
static enum result flush_folder(const struct file_task *task, struct file_end *end)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(task->path, '/');
    size_t length = slash && slash != task->path ? (size_t)(slash - task->path) : 1;

    (void)snprintf(folder, sizeof folder, "%.*s", (int)length, slash ? task->path : ".");
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return fail_on(end, "cannot be opened", folder);
    enum result result = fsync(descriptor) ? fail_on(end, "cannot be flushed", folder) : RESULT_OK;
    (void)close(descriptor);
    return result;
}

/* Whether the old file is still the one that was looked at. */
static bool is_as_before(const struct file_task *task, const struct file_end *end)
{
    struct stat status;

    if (lstat(task->path, &status))
        return errno == ENOENT && !end->had_old;
    return end->had_old && (uint64_t)status.st_size == end->old_size &&
           time_of(&status) == end->old_time;
}

static enum result put_in_place(const struct file_task *task, struct file_end *end)
{
    char path[PATH_MAX];

    if (!new_path(task, path))
        return RESULT_SYSTEM;
    if (!task->forced && !is_as_before(task, end))
        return fail(end, RESULT_REFUSED, "%s was changed while it was written", task->path);
    if (rename(path, task->path))
        return fail_on(end, "cannot be replaced", task->path);
    return flush_folder(task, end);
}

void file_writer_rename(const struct file_task *task, struct file_end *end)
{
    end->result = put_in_place(task, end);
    if (end->result)
        file_writer_discard(task);
}

void file_writer_discard(const struct file_task *task)
{
    char path[PATH_MAX];

    if (new_path(task, path))
        (void)unlink(path); /* not there, or left for the next writer to write over */
}
