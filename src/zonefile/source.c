/* source.c - opening and reading the files of a zone, never outside its folder. */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t source_read(struct source *source, uint8_t *place, size_t room)
{
    if (source->descriptor < 0) {
        size_t length = room < source->left ? room : source->left;
        if (length)
            memcpy(place, source->octets, length);
        source->octets += length;
        source->left -= length;
        return (ssize_t)length;
    }
    ssize_t length;
    do
        length = read(source->descriptor, place, room);
    while (length < 0 && errno == EINTR);
    return length;
}

/* Pass a descriptor on when it is a regular file, else close it. */
static int regular_only(int descriptor)
{
    struct stat status;

    if (descriptor < 0)
        return -1;
    int error = fstat(descriptor, &status) ? errno : 0;
    if (!error && S_ISDIR(status.st_mode))
        error = EISDIR;
    if (!error && !S_ISREG(status.st_mode))
        error = EINVAL;
    if (!error)
        return descriptor;
    close(descriptor);
    errno = error;
    return -1;
}

enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

int source_open(const char *path)
{
    if (strcmp(path, "-") == 0)
        return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    return regular_only(open(path, OPEN_FLAGS));
}

int source_open_folder(const char *path)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0; /* keeps the slash: "/" stays "/" */

    if (length >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (length) {
        memcpy(folder, path, length);
        folder[length] = '\0';
    }
    return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* One step down. */
static int step_down(int folder, const char *name, size_t length, int flags)
{
    char component[NAME_MAX + 1];

    if (length > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(component, name, length);
    component[length] = '\0';
    if (strcmp(component, "..") == 0) {
        errno = EXDEV;
        return -1;
    }
    return openat(folder, component, flags | O_NOFOLLOW);
}

int source_open_by_steps(int folder, const char *path)
{
    int at = -1; /* the folder reached, once it is not `folder` itself */

    if (*path == '/') {
        errno = EXDEV;
        return -1;
    }
    for (;;) {
        size_t length = strcspn(path, "/");
        const char *rest = path + length + strspn(path + length, "/");
        int flags = *rest ? O_PATH | O_DIRECTORY | O_CLOEXEC : OPEN_FLAGS;
        int next = step_down(at < 0 ? folder : at, path, length, flags);
        int error = errno;
        if (at >= 0)
            close(at);
        errno = error;
        if (next < 0 || !*rest)
            return *rest ? -1 : regular_only(next);
        at = next;
        path = rest;
    }
}

int source_open_below(int folder, const char *path)
{
    struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long descriptor = syscall(SYS_openat2, folder, path, &how, sizeof how);

    if (descriptor < 0 && (errno == ENOSYS || errno == EPERM))
        return source_open_by_steps(folder, path);
    return regular_only((int)descriptor);
}
