/* ground.c - the state folder and its lock, the control socket, the pid file. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "avow/base/log.h"
#include "avowd.h"

enum { CONTROL_BACKLOG = 64, ORPHANS_MS = 10000 };

static enum result find_owner(struct ground *ground, const char *user)
{
    ground->user = (uid_t)-1;
    ground->group = (gid_t)-1;
    if (!user)
        return RESULT_OK;
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (!entry) {
        log_error("server.user: there is no user %s", user);
        return RESULT_SYSTEM;
    }
    if (geteuid() != 0) {
        if (entry->pw_uid == geteuid())
            return RESULT_OK;
        log_error("server.user: only root can become %s", user);
        return RESULT_SYSTEM;
    }
    ground->user = entry->pw_uid;
    ground->group = entry->pw_gid;
    return RESULT_OK;
}

/* Make a folder and those above it that are missing. Only the last one is ours alone. */
static int make_folders(const char *path)
{
    char *copy = strdup(path);
    int result = 0;

    if (!copy)
        return -1;
    for (char *slash = strchr(copy + 1, '/'); slash && result == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0755) && errno != EEXIST)
            result = -1;
        *slash = '/';
    }
    if (result == 0 && mkdir(copy, 0700) == 0)
        result = 1; /* made */
    else if (result == 0 && errno != EEXIST)
        result = -1;
    free(copy);
    return result;
}

static enum result open_state(const struct ground *ground, const char *path)
{
    struct stat status;
    uid_t owner = ground->user == (uid_t)-1 ? geteuid() : ground->user;
    int made = make_folders(path);

    if (made < 0) {
        log_error("the state folder %s cannot be made: %s", path, strerror(errno));
        return RESULT_SYSTEM;
    }
    if (made > 0 && ground->user != (uid_t)-1 && chown(path, ground->user, ground->group)) {
        log_error("the state folder %s cannot be given to its user: %s", path, strerror(errno));
        return RESULT_SYSTEM;
    }
    if (stat(path, &status) || !S_ISDIR(status.st_mode)) {
        log_error("the state folder %s is not a folder", path);
        return RESULT_SYSTEM;
    }
    if (status.st_uid != owner && geteuid() == 0 && ground->user != (uid_t)-1) {
        log_error("the state folder %s belongs to uid %u; the rooms run as uid %u", path,
                  (unsigned)status.st_uid, (unsigned)owner);
        return RESULT_SYSTEM;
    }
    if (status.st_mode & 077)
        log_warning("the state folder %s can be reached by others (mode %03o, better 700)", path,
                    (unsigned)(status.st_mode & 0777));
    return RESULT_OK;
}

/* Whether the process that wrote its number into the lock file lives. */
static bool holder_lives(int lock)
{
    char text[32] = "";

    if (pread(lock, text, sizeof text - 1, 0) <= 0)
        return false;
    long pid = strtol(text, NULL, 10);
    return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

/* Two supervisors on one state would start two keepers. The rooms of a supervisor that was killed
 * hold its lock until they have noticed and are gone: that is waited for. */
static int lock_file(int lock)
{
    const struct timespec pause = {.tv_nsec = 20L * 1000 * 1000};

    for (unsigned i = 0; flock(lock, LOCK_EX | LOCK_NB); i++) {
        if (errno != EWOULDBLOCK || holder_lives(lock) || i * 20 >= ORPHANS_MS)
            return -1;
        (void)nanosleep(&pause, NULL);
    }
    return 0;
}

/* Who holds the lock, for the message that another will print. By a descriptor of its own: the
 * rooms inherit the one that locks, and are to have nothing open that they could write. */
static int sign_lock(const char *path)
{
    int descriptor = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
    int result = descriptor >= 0 && dprintf(descriptor, "%ld\n", (long)getpid()) > 0 ? 0 : -1;

    if (descriptor >= 0)
        close(descriptor);
    return result;
}

static enum result take_lock(struct ground *ground, const char *state)
{
    char *path = NULL;

    if (asprintf(&path, "%s/avowd.lock", state) < 0) {
        log_error("out of memory");
        return RESULT_SYSTEM;
    }
    ground->lock = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (ground->lock < 0) {
        log_error("%s cannot be opened: %s", path, strerror(errno));
    } else if (lock_file(ground->lock)) {
        log_error(errno == EWOULDBLOCK ? "another avowd runs on the state folder %s"
                                       : "the state folder %s cannot be locked",
                  state);
        close(ground->lock);
        ground->lock = -1;
    } else if (sign_lock(path)) {
        log_error("%s cannot be written: %s", path, strerror(errno));
        close(ground->lock);
        ground->lock = -1;
    }
    free(path);
    return ground->lock < 0 ? RESULT_SYSTEM : RESULT_OK;
}

static bool is_answered(const struct sockaddr_un *address)
{
    int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    bool answered = descriptor >= 0 &&
                    connect(descriptor, (const struct sockaddr *)address, sizeof *address) == 0;

    if (descriptor >= 0)
        close(descriptor);
    return answered;
}

/* A socket that was left behind by a daemon that died is taken away; anything else stays. */
static enum result clear_way(const char *path, const struct sockaddr_un *address)
{
    struct stat status;

    if (lstat(path, &status))
        return RESULT_OK;
    if (!S_ISSOCK(status.st_mode)) {
        log_error("server.control: %s exists and is not a socket", path);
        return RESULT_SYSTEM;
    }
    if (is_answered(address)) {
        log_error("server.control: another avowd answers on %s", path);
        return RESULT_SYSTEM;
    }
    if (unlink(path)) {
        log_error("server.control: the old socket %s cannot be removed: %s", path, strerror(errno));
        return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

static enum result open_control(struct ground *ground, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path) + 1); /* config checked its length */
    if (clear_way(path, &address))
        return RESULT_SYSTEM;
    ground->control = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ground->control < 0)
        goto failed;
    mode_t before = umask(0177); /* nobody else can connect, not even for a moment */
    int bound = bind(ground->control, (struct sockaddr *)&address, sizeof address);
    (void)umask(before);
    if (bound)
        goto failed;
    ground->control_made = true;
    if (ground->user != (uid_t)-1 && chown(path, ground->user, ground->group))
        goto failed;
    if (listen(ground->control, CONTROL_BACKLOG))
        goto failed;
    return RESULT_OK;

failed:
    log_error("server.control: %s cannot be made: %s", path, strerror(errno));
    return RESULT_SYSTEM;
}

static enum result write_pid(struct ground *ground, const char *path)
{
    if (!path)
        return RESULT_OK;
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (descriptor < 0 || dprintf(descriptor, "%ld\n", (long)getpid()) < 0) {
        log_error("server.pid-file: %s cannot be written: %s", path, strerror(errno));
        if (descriptor >= 0)
            close(descriptor);
        return RESULT_SYSTEM;
    }
    close(descriptor);
    ground->pid_made = true;
    return RESULT_OK;
}

enum result ground_open(struct ground *ground, const struct config_server *server)
{
    *ground = (struct ground){.lock = -1, .control = -1};
    if (find_owner(ground, server->user) || open_state(ground, server->state) ||
        take_lock(ground, server->state) || open_control(ground, server->control) ||
        write_pid(ground, server->pid_file)) {
        ground_close(ground, server);
        return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

void ground_close(struct ground *ground, const struct config_server *server)
{
    if (ground->pid_made)
        (void)unlink(server->pid_file);
    if (ground->control_made)
        (void)unlink(server->control);
    if (ground->control >= 0)
        close(ground->control);
    if (ground->lock >= 0)
        close(ground->lock); /* last: from here on another may begin */
    *ground = (struct ground){.lock = -1, .control = -1};
}
