/* environment.c - the folder, our own lock and the LMDB environment in it. */
#include "environment.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avow/base/log.h"

enum { ENVIRONMENT_READERS = 2048 };

enum result store_problem(struct store *store, enum result result, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(store->problem, sizeof store->problem, format, arguments);
    va_end(arguments);
    return result;
}

/* LMDB gives up on a page that contradicts itself; what it says goes into our log first. */
static void note_assertion(MDB_env *environment, const char *message)
{
    (void)environment;
    log_error("the store is damaged beyond reading: %s", message);
}

static enum result make_folder(struct store *store, const char *folder)
{
    if (mkdir(folder, 0700) && errno != EEXIST)
        return store_problem(store, RESULT_SYSTEM, "cannot make the folder %s: %s", folder,
                             strerror(errno));
    return RESULT_OK;
}

/* Write who holds the lock, for the message that another process will print. */
static void sign_lock(int lock)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());

    if (ftruncate(lock, 0) || pwrite(lock, text, (size_t)length, 0) != length)
        return; /* only the message is poorer */
}

static enum result refuse_lock(struct store *store, const char *folder, int lock)
{
    char holder[32] = "";
    ssize_t length = pread(lock, holder, sizeof holder - 1, 0);

    holder[length > 0 ? strcspn(holder, "\n") : 0] = '\0';
    return store_problem(store, RESULT_REFUSED, "another process%s%s has the store in %s",
                         *holder ? ", number " : "", holder, folder);
}

static enum result take_lock(struct store *store, const struct store_options *options)
{
    bool writer = options->access == STORE_WRITER;
    char path[4096];

    if (snprintf(path, sizeof path, "%s/writer.lock", options->folder) >= (int)sizeof path)
        return store_problem(store, RESULT_SYSTEM, "the folder's path is too long");
    int lock = open(path, (writer ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return store_problem(store, RESULT_SYSTEM, "cannot open %s: %s", path, strerror(errno));
    if (flock(lock, (writer ? LOCK_EX : LOCK_SH) | LOCK_NB)) {
        enum result result = refuse_lock(store, options->folder, lock);
        close(lock);
        return result;
    }
    if (writer)
        sign_lock(lock);
    store->lock_plus_one = lock + 1;
    return RESULT_OK;
}

/*
 * LMDB maps more than the file holds. A file that was cut short would end a reader by SIGBUS;
 * filled up with zeros, the missing pages are found damaged when they are met. (A whole file may
 * also be a few pages short: those at its end that the last commit freed again.)
 */
static enum result fill_up_file(struct store *store, const char *folder)
{
    MDB_envinfo info;
    MDB_stat stat_;
    struct stat status;
    char path[4096];
    enum result result = RESULT_OK;

    if (snprintf(path, sizeof path, "%s/data.mdb", folder) >= (int)sizeof path ||
        mdb_env_info(store->environment, &info) || mdb_env_stat(store->environment, &stat_))
        return store_problem(store, RESULT_SYSTEM, "cannot measure the store in %s", folder);
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return store_problem(store, RESULT_SYSTEM, "cannot open %s: %s", path, strerror(errno));
    off_t needed = (off_t)((info.me_last_pgno + 1) * stat_.ms_psize);
    if (fstat(file, &status) || (status.st_size < needed && ftruncate(file, needed)))
        result =
            store_problem(store, RESULT_SYSTEM, "cannot fill up %s: %s", path, strerror(errno));
    else if (needed - status.st_size > (off_t)stat_.ms_psize * 1024)
        log_warning("%s was %lld octets short: was it cut?", path,
                    (long long)(needed - status.st_size));
    close(file);
    return result;
}

static enum result explain_open(struct store *store, const char *folder, int error)
{
    if (error == MDB_VERSION_MISMATCH)
        return store_problem(store, RESULT_REFUSED, "%s is of another version of LMDB", folder);
    if (error == MDB_INVALID || error == MDB_CORRUPTED)
        return store_problem(store, RESULT_CORRUPT, "%s/data.mdb is no store, or is damaged",
                             folder);
    return store_problem(store, RESULT_SYSTEM, "cannot open the store in %s: %s", folder,
                         mdb_strerror(error));
}

static enum result open_lmdb(struct store *store, const struct store_options *options)
{
    unsigned flags = MDB_NOTLS;
    int error = mdb_env_create(&store->environment);

    if (error) {
        store->environment = NULL;
        return explain_open(store, options->folder, error);
    }
    if (options->access != STORE_WRITER)
        flags |= MDB_RDONLY | MDB_NOLOCK;
    error = mdb_env_set_mapsize(store->environment, store->map_octets);
    if (!error)
        error = mdb_env_set_maxdbs(store->environment, STORE_TABLES);
    if (!error)
        error = mdb_env_set_maxreaders(store->environment, ENVIRONMENT_READERS);
    if (!error)
        error = mdb_env_set_assert(store->environment, note_assertion);
    if (!error)
        error = mdb_env_open(store->environment, options->folder, flags, 0600);
    return error ? explain_open(store, options->folder, error) : RESULT_OK;
}

enum result environment_open(struct store *store, const struct store_options *options)
{
    enum result result = RESULT_OK;
    int dead;

    store->map_octets = options->map_octets ? options->map_octets : STORE_MAP_OCTETS;
    if (options->access == STORE_WRITER)
        result = make_folder(store, options->folder);
    if (result == RESULT_OK && options->access != STORE_READER)
        result = take_lock(store, options);
    if (result == RESULT_OK)
        result = open_lmdb(store, options);
    if (result == RESULT_OK && options->access != STORE_READER)
        result = fill_up_file(store, options->folder);
    /* Slots of a keeper that was killed would keep old pages for ever. */
    if (result == RESULT_OK && options->access == STORE_WRITER &&
        mdb_reader_check(store->environment, &dead))
        result = store_problem(store, RESULT_SYSTEM, "cannot check LMDB's table of readers");
    return result;
}

void environment_close(struct store *store)
{
    if (store->environment)
        mdb_env_close(store->environment);
    store->environment = NULL;
    if (store->lock_plus_one)
        close(store->lock_plus_one - 1);
    store->lock_plus_one = 0;
}
