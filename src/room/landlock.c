/* landlock.c - which paths, ports and signals a room can still reach (landlock(7)). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rights.h"

/* What Debian 12's header does not know yet; the kernel's version tells what it understands. */
#define RIGHT_REFER         (1ULL << 13) /* version 2 */
#define RIGHT_TRUNCATE      (1ULL << 14) /* version 3 */
#define RIGHT_IOCTL_DEV     (1ULL << 15) /* version 5 */
#define NET_BIND_TCP        (1ULL << 0)  /* version 4 */
#define NET_CONNECT_TCP     (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0) /* version 6 */
#define SCOPE_SIGNAL        (1ULL << 1)

struct ruleset_attributes {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

enum { MAX_SIBLINGS = 20000 };

static const uint64_t rights_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t rights_write = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                                     LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                                     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                     LANDLOCK_ACCESS_FS_REMOVE_DIR | RIGHT_REFER | RIGHT_TRUNCATE;
/* Of these rights, those that a plain file can have. */
static const uint64_t rights_of_files = LANDLOCK_ACCESS_FS_READ_FILE |
                                        LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE |
                                        RIGHT_TRUNCATE | RIGHT_IOCTL_DEV;

/* Every file-system right that a version knows. */
static uint64_t rights_known(int version)
{
    unsigned bits = version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13;
    return (1ULL << bits) - 1;
}

static int landlock_version(void)
{
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* Allow rights beneath a path. One that is not there needs no right. */
static int allow_beneath(int ruleset, int folder, const char *path, uint64_t rights)
{
    struct stat status;
    int result = 0;
    int descriptor = openat(folder, path, O_PATH | O_CLOEXEC);

    if (descriptor < 0)
        return errno == ENOENT || errno == EACCES ? 0 : -1;
    if (fstat(descriptor, &status) == 0) {
        if (!S_ISDIR(status.st_mode))
            rights &= rights_of_files;
        struct landlock_path_beneath_attr rule = {.allowed_access = rights,
                                                  .parent_fd = descriptor};
        if (rights && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
            result = errno == EINVAL || errno == EBADFD ? 0 : -1; /* a pipe or the like: left out */
    }
    close(descriptor);
    return result;
}

/* Allow everything in `folder` but the entry `except`. */
static int allow_siblings(int ruleset, const char *folder, const char *except, uint64_t rights)
{
    DIR *entries = opendir(folder);
    int result = 0;
    unsigned count = 0;

    if (!entries)
        return errno == EACCES ? 0 : -1;
    for (struct dirent *entry; result == 0 && (entry = readdir(entries));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            strcmp(entry->d_name, except) == 0)
            continue;
        if (++count > MAX_SIBLINGS)
            break;
        result = allow_beneath(ruleset, dirfd(entries), entry->d_name, rights);
    }
    closedir(entries);
    return result;
}

/* Landlock only ever allows. "Everything but this folder" is therefore everything beside it, and
 * everything beside each folder above it. */
static int allow_all_but(int ruleset, const char *forbidden, uint64_t rights)
{
    char path[PATH_MAX];

    if (!realpath(forbidden, path))
        return -1;
    while (strcmp(path, "/") != 0) {
        char *slash = strrchr(path, '/');
        char except[NAME_MAX + 1];

        (void)snprintf(except, sizeof except, "%s", slash + 1);
        slash[slash == path ? 1 : 0] = '\0';
        if (allow_siblings(ruleset, path, except, rights))
            return -1;
    }
    return 0;
}

static int make_ruleset(int version, bool is_signer)
{
    struct ruleset_attributes attributes = {.handled_access_fs = rights_known(version)};
    size_t size = offsetof(struct ruleset_attributes, handled_access_net);

    if (version >= 4) {
        /* The signer's module may be the client of an HSM: seccomp decides about its sockets. */
        attributes.handled_access_net = is_signer ? 0 : NET_BIND_TCP | NET_CONNECT_TCP;
        size = offsetof(struct ruleset_attributes, scoped);
    }
    if (version >= 6) {
        attributes.scoped = is_signer ? SCOPE_SIGNAL : SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
        size = sizeof attributes;
    }
    return (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
}

enum step_outcome landlock_prepare(struct landlock *landlock, const struct confine_order *order)
{
    int version = landlock_version();

    landlock->ruleset = -1;
    if (version < 1)
        return STEP_MISSING;
    landlock->ruleset = make_ruleset(version, order->room == ROOM_SIGNER);
    if (landlock->ruleset < 0)
        return STEP_FAILED;

    uint64_t known = rights_known(version);
    for (size_t i = 0; i < order->path_count; i++) {
        uint64_t rights = order->paths[i].access == CONFINE_WRITE ? rights_write : rights_read;
        if (allow_beneath(landlock->ruleset, AT_FDCWD, order->paths[i].path, rights & known))
            goto failed;
    }
    if (order->forbidden && allow_all_but(landlock->ruleset, order->forbidden, known))
        goto failed;
    return STEP_ACTIVE;

failed:
    close(landlock->ruleset);
    landlock->ruleset = -1;
    return STEP_FAILED;
}

enum step_outcome landlock_enforce(struct landlock *landlock)
{
    if (landlock->ruleset < 0)
        return STEP_MISSING;
    long failed = syscall(SYS_landlock_restrict_self, landlock->ruleset, 0);
    close(landlock->ruleset);
    landlock->ruleset = -1;
    return failed ? STEP_FAILED : STEP_ACTIVE;
}
