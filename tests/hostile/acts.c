/* acts.c - what somebody who has taken over a room may try. */
#include "acts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

volatile long hostile_secret = 4711;

static int close_if_open(int descriptor)
{
    if (descriptor < 0)
        return -1;
    close(descriptor);
    return 0;
}

/* ---- files ---- */
static int act_open(struct spoils *s)
{
    return close_if_open((int)syscall(SYS_open, s->store, O_RDONLY));
}
static int act_openat(struct spoils *s)
{
    return close_if_open((int)syscall(SYS_openat, AT_FDCWD, s->store, O_RDONLY));
}
static int act_openat_folder(struct spoils *s)
{
    return close_if_open((int)syscall(SYS_openat, s->folder_fd, "store", O_RDONLY));
}
static int act_openat2(struct spoils *s)
{
    struct {
        uint64_t flags, mode, resolve;
    } how = {.flags = O_RDONLY};
    return close_if_open((int)syscall(SYS_openat2, AT_FDCWD, s->store, &how, sizeof how));
}
static int act_open_store_to_write(struct spoils *s)
{
    return close_if_open((int)syscall(SYS_openat, AT_FDCWD, s->store, O_RDWR));
}
static int act_reopen_store_to_write(struct spoils *s)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", s->store_fd);
    return close_if_open((int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR));
}
static int act_read_key(struct spoils *s)
{
    return close_if_open((int)syscall(SYS_openat, AT_FDCWD, s->key, O_RDONLY));
}
static int act_read_pin(struct spoils *s)
{
    return close_if_open((int)syscall(SYS_openat, AT_FDCWD, s->pin, O_RDONLY | O_CLOEXEC));
}
static int act_lock_file(struct spoils *s)
{
    return close_if_open((int)syscall(SYS_openat, AT_FDCWD, s->lock, O_RDWR | O_CREAT, 0600));
}
/* As dlopen begins: the token's module as a program. */
static int act_open_token(struct spoils *s)
{
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, s->token, O_RDONLY | O_CLOEXEC);
    void *page;

    if (descriptor < 0)
        return -1;
    page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, descriptor, 0);
    close(descriptor);
    return page == MAP_FAILED ? -1 : munmap(page, 4096);
}
static int act_map_program(struct spoils *s)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, s->store_fd, 0) == MAP_FAILED ? -1
                                                                                              : 0;
}
/* The descriptor is open for reading: not even the kernel of an unconfined process gives that. */
static int act_map_store_to_write(struct spoils *s)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, s->store_fd, 0) == MAP_FAILED ? -1
                                                                                              : 0;
}
static int act_make_map_writable(struct spoils *s)
{
    void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, s->store_fd, 0);
    return page == MAP_FAILED ? -1 : mprotect(page, 4096, PROT_READ | PROT_WRITE);
}
static int act_write_store(struct spoils *s)
{
    return pwrite(s->store_fd, "x", 1, 0) == 1 ? 0 : -1;
}
static int act_copy_into_store(struct spoils *s)
{
    return copy_file_range(s->store_fd, NULL, s->store_fd, NULL, 1, 0) == 1 ? 0 : -1;
}
static int act_flock(struct spoils *s)
{
    return (int)syscall(SYS_flock, s->store_fd, 2 | 4); /* LOCK_EX | LOCK_NB */
}
static int act_creat(struct spoils *s)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/new", s->folder);
    return close_if_open((int)syscall(SYS_creat, path, 0600));
}
static int act_truncate(struct spoils *s)
{
    return truncate(s->store, 0);
}
static int act_unlink(struct spoils *s)
{
    return unlink(s->store);
}
static int act_rename(struct spoils *s)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/renamed", s->folder);
    return rename(s->store, path);
}
static int act_link(struct spoils *s)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/linked", s->folder);
    return link(s->store, path);
}
static int act_symlink(struct spoils *s)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/symlinked", s->folder);
    return symlink(s->store, path);
}
static int act_mkdir(struct spoils *s)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/made", s->folder);
    return mkdir(path, 0700);
}
static int act_mkfifo(struct spoils *s)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/fifo", s->folder);
    return mkfifo(path, 0600);
}
static int act_chmod(struct spoils *s)
{
    return chmod(s->store, 0666);
}
static int act_fchmod(struct spoils *s)
{
    return fchmod(s->store_fd, 0666);
}
static int act_stat(struct spoils *s)
{
    struct stat status;
    return (int)syscall(SYS_stat, s->store, &status);
}
static int act_readlink(struct spoils *s)
{
    char target[64];
    (void)s;
    return readlink("/proc/self/exe", target, sizeof target) > 0 ? 0 : -1;
}
static int act_list_folder(struct spoils *s)
{
    char entries[1024];
    return syscall(SYS_getdents64, s->folder_fd, entries, sizeof entries) > 0 ? 0 : -1;
}
static int act_chdir(struct spoils *s)
{
    return chdir(s->folder);
}
static int act_memfd(struct spoils *s)
{
    (void)s;
    return close_if_open(memfd_create("x", 0));
}
static int act_inotify(struct spoils *s)
{
    (void)s;
    return close_if_open(inotify_init1(0));
}

/* ---- network ---- */
static int act_socket_tcp(struct spoils *s)
{
    (void)s;
    return close_if_open(socket(AF_INET, SOCK_STREAM, 0));
}
static int act_socket_udp(struct spoils *s)
{
    (void)s;
    return close_if_open(socket(AF_INET, SOCK_DGRAM, 0));
}
static int act_socket_tcp6(struct spoils *s)
{
    (void)s;
    return close_if_open(socket(AF_INET6, SOCK_STREAM, 0));
}
static int act_socket_unix(struct spoils *s)
{
    (void)s;
    return close_if_open(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int act_socket_netlink(struct spoils *s)
{
    (void)s;
    return close_if_open(socket(AF_NETLINK, SOCK_RAW, 0));
}
static int act_socket_raw(struct spoils *s)
{
    (void)s;
    return close_if_open(socket(AF_INET, SOCK_RAW, IPPROTO_UDP));
}
static int act_socket_packet(struct spoils *s)
{
    (void)s;
    return close_if_open(socket(AF_PACKET, SOCK_RAW, 0));
}
static int act_accept(struct spoils *s)
{
    /* Nobody connects: what counts is that asking is allowed. */
    int descriptor = accept4(s->listener_fd, NULL, NULL, SOCK_NONBLOCK);
    if (descriptor >= 0)
        close(descriptor);
    return descriptor >= 0 || errno == EAGAIN ? 0 : -1;
}
static int act_socketpair(struct spoils *s)
{
    int ends[2];
    (void)s;
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
}
static int act_connect(struct spoils *s)
{
    return connect(s->tcp, (struct sockaddr *)&s->listener, sizeof s->listener);
}
static int act_connect_udp(struct spoils *s)
{
    return connect(s->udp, (struct sockaddr *)&s->listener, sizeof s->listener);
}
static int act_bind(struct spoils *s)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return bind(s->tcp, (struct sockaddr *)&any, sizeof any);
}
static int act_listen(struct spoils *s)
{
    return listen(s->tcp, 1);
}

/* ---- processes ---- */
static int reap(pid_t pid)
{
    if (pid == 0)
        _exit(0);
    if (pid < 0)
        return -1;
    (void)waitpid(pid, NULL, 0);
    return 0;
}
static int act_fork(struct spoils *s)
{
    (void)s;
    return reap((pid_t)syscall(SYS_fork));
}
static int act_clone(struct spoils *s)
{
    (void)s;
    return reap((pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}
static int act_clone3(struct spoils *s)
{
    uint64_t arguments[8] = {[4] = SIGCHLD};
    (void)s;
    return reap((pid_t)syscall(SYS_clone3, arguments, sizeof arguments));
}
static int act_execve(struct spoils *s)
{
    char *const arguments[] = {(char *)"true", NULL};
    (void)s;
    return execve("/bin/true", arguments, NULL); /* which ends with 0: it worked */
}
static int act_execveat(struct spoils *s)
{
    char *const arguments[] = {(char *)"true", NULL};
    (void)s;
    return (int)syscall(SYS_execveat, AT_FDCWD, "/bin/true", arguments, NULL, 0);
}
static int act_kill(struct spoils *s)
{
    return kill(s->victim, SIGUSR1);
}
static int act_kill_parent(struct spoils *s)
{
    (void)s;
    return kill(getppid(), 0);
}
static int act_tgkill(struct spoils *s)
{
    return (int)syscall(SYS_tgkill, s->victim, s->victim, SIGUSR1);
}
static int act_tkill(struct spoils *s)
{
    return (int)syscall(SYS_tkill, s->victim, SIGUSR1);
}
static int act_pidfd(struct spoils *s)
{
    return close_if_open((int)syscall(SYS_pidfd_open, s->victim, 0));
}
static int act_signal_group(struct spoils *s)
{
    (void)s;
    return kill(0, 0);
}
static int act_take_descriptor(struct spoils *s)
{
    int process = (int)syscall(SYS_pidfd_open, s->victim, 0);
    return process < 0 ? -1 : close_if_open((int)syscall(SYS_pidfd_getfd, process, 0, 0));
}
static int act_victim_memory(struct spoils *s)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)s->victim);
    return close_if_open((int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR));
}
static int act_ptrace(struct spoils *s)
{
    return ptrace(PTRACE_SEIZE, s->victim, NULL, NULL) ? -1 : 0;
}
static int act_vm_read(struct spoils *s)
{
    long copy = 0;
    struct iovec here = {&copy, sizeof copy}, there = {(void *)s->victim_memory, sizeof copy};
    return process_vm_readv(s->victim, &here, 1, &there, 1, 0) == sizeof copy ? 0 : -1;
}
static int act_vm_write(struct spoils *s)
{
    long copy = 0;
    struct iovec here = {&copy, sizeof copy}, there = {(void *)s->victim_memory, sizeof copy};
    return process_vm_writev(s->victim, &here, 1, &there, 1, 0) == sizeof copy ? 0 : -1;
}

/* ---- memory that is program ---- */
static int act_mmap_exec(struct spoils *s)
{
    (void)s;
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) == MAP_FAILED
               ? -1
               : 0;
}
static int act_mprotect_exec(struct spoils *s)
{
    (void)s;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : mprotect(page, 4096, PROT_READ | PROT_EXEC);
}
static int act_shm_exec(struct spoils *s)
{
    (void)s;
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
    if (id < 0)
        return -1;
    return shmctl(id, IPC_RMID, NULL);
}

/* ---- the system ---- */
static int act_unshare(struct spoils *s)
{
    (void)s;
    return unshare(CLONE_FS);
}
static int act_setuid(struct spoils *s)
{
    (void)s;
    return setresuid(getuid(), getuid(), getuid());
}
static int act_setrlimit(struct spoils *s)
{
    struct rlimit limit = {64, 64};
    (void)s;
    return setrlimit(RLIMIT_NOFILE, &limit);
}
static int act_dumpable(struct spoils *s)
{
    (void)s;
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}
static int act_umask(struct spoils *s)
{
    (void)s;
    return umask(0) == (mode_t)-1 ? -1 : 0;
}
static int act_realtime(struct spoils *s)
{
    const struct sched_param priority = {.sched_priority = 50};
    (void)s;
    return sched_setscheduler(0, SCHED_FIFO, &priority);
}
/* What a worker may ask for itself, for another process. */
static int act_parent_realtime(struct spoils *s)
{
    const uint32_t wish[12] = {sizeof wish, SCHED_OTHER};
    (void)s;
    return syscall(SYS_sched_setattr, getppid(), wish, 0) < 0 ? -1 : 0;
}
static int act_io_uring(struct spoils *s)
{
    struct io_uring_params parameters = {0};
    (void)s;
    return close_if_open((int)syscall(SYS_io_uring_setup, 4, &parameters));
}
static int act_personality(struct spoils *s)
{
    (void)s;
    return syscall(SYS_personality, 0xffffffff) < 0 ? -1 : 0;
}

const struct attempt attempts[] = {
    {"open a file", act_open, false, NOBODY},
    {"open a file with openat", act_openat, false, NOBODY},
    {"open a file beneath an open folder", act_openat_folder, false, NOBODY},
    {"open a file with openat2", act_openat2, true, NOBODY},
    {"open the store for writing", act_open_store_to_write, false, NOBODY},
    {"open the store's descriptor anew for writing", act_reopen_store_to_write, false, NOBODY},
    {"read a key file", act_read_key, false, NOBODY},
    {"read the PIN", act_read_pin, false, NOBODY},
    {"open the lock file", act_lock_file, false, NOBODY},
    {"open the token's module", act_open_token, false, NOBODY},
    {"map an open file as program", act_map_program, false, NOBODY},
    {"map the store for writing", act_map_store_to_write, true, NOBODY},
    {"make the store's map writable", act_make_map_writable, true, NOBODY},
    {"write to the store's descriptor", act_write_store, true, NOBODY},
    {"copy into the store's descriptor", act_copy_into_store, true, NOBODY},
    {"lock the store", act_flock, false, NOBODY},
    {"make a file", act_creat, false, NOBODY},
    {"truncate the store", act_truncate, false, NOBODY},
    {"remove the store", act_unlink, false, NOBODY},
    {"rename the store", act_rename, false, NOBODY},
    {"link the store", act_link, false, NOBODY},
    {"make a symbolic link", act_symlink, false, NOBODY},
    {"make a folder", act_mkdir, false, NOBODY},
    {"make a pipe with a name", act_mkfifo, false, NOBODY},
    {"change a file's mode", act_chmod, false, NOBODY},
    {"change an open file's mode", act_fchmod, false, NOBODY},
    {"look at a file", act_stat, false, NOBODY},
    {"read a link", act_readlink, false, NOBODY},
    {"list an open folder", act_list_folder, false, NOBODY},
    {"change folder", act_chdir, false, NOBODY},
    {"make a memory file", act_memfd, false, NOBODY},
    {"watch files", act_inotify, false, NOBODY},
    {"make a TCP socket", act_socket_tcp, false, NOBODY},
    {"make a UDP socket", act_socket_udp, false, NOBODY},
    {"make a TCP socket for IPv6", act_socket_tcp6, true, NOBODY},
    {"make a local socket", act_socket_unix, false, NOBODY},
    {"make a netlink socket", act_socket_netlink, true, NOBODY},
    {"make a raw socket", act_socket_raw, true, NOBODY},
    {"make a packet socket", act_socket_packet, true, NOBODY},
    {"accept a connection", act_accept, false, FRONT | VEIL},
    {"make a socket pair", act_socketpair, false, VEIL},
    {"connect an open socket", act_connect, false, NOBODY},
    {"connect an open UDP socket", act_connect_udp, false, NOBODY},
    {"bind an open socket", act_bind, false, NOBODY},
    {"listen on an open socket", act_listen, false, NOBODY},
    {"fork", act_fork, false, NOBODY},
    {"clone a process", act_clone, false, NOBODY},
    {"clone3 a process", act_clone3, true, NOBODY},
    {"execute a program", act_execve, false, NOBODY},
    {"execute a program with execveat", act_execveat, false, NOBODY},
    {"signal another process", act_kill, false, NOBODY},
    {"signal the parent", act_kill_parent, false, NOBODY},
    {"signal another process with tgkill", act_tgkill, false, NOBODY},
    {"signal another process with tkill", act_tkill, false, NOBODY},
    {"hold another process", act_pidfd, true, NOBODY},
    {"signal the whole group", act_signal_group, false, NOBODY},
    {"take another process's descriptor", act_take_descriptor, true, NOBODY},
    {"open another process's memory", act_victim_memory, true, NOBODY},
    {"trace another process", act_ptrace, true, NOBODY},
    {"read another process's memory", act_vm_read, true, NOBODY},
    {"write another process's memory", act_vm_write, true, NOBODY},
    {"map memory that is program", act_mmap_exec, false, NOBODY},
    {"make memory a program", act_mprotect_exec, false, NOBODY},
    {"make System V shared memory", act_shm_exec, true, NOBODY},
    {"leave a name space", act_unshare, false, NOBODY},
    {"set the user", act_setuid, false, NOBODY},
    {"change a limit", act_setrlimit, false, NOBODY},
    {"become dumpable", act_dumpable, false, NOBODY},
    {"change the umask", act_umask, false, NOBODY},
    {"go before all other processes", act_realtime, true, NOBODY},
    {"change another process's priority", act_parent_realtime, false, NOBODY},
    {"set up an io_uring", act_io_uring, true, NOBODY},
    {"change the personality", act_personality, false, NOBODY},
};

const size_t attempt_count = sizeof attempts / sizeof *attempts;
