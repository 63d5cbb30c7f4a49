/* seccomp.c - which system calls a room may make: one table for all rooms. */
#include <errno.h>
#include <seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <unistd.h>

#include "rights.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum {
    F = 1 << ROOM_FRONT,
    D = 1 << ROOM_DESK,
    K = 1 << ROOM_KEEPER,
    V = 1 << ROOM_VEIL,
    NET = F | D | V,       /* rooms that move datagrams and streams */
    LISTED = F | D | K | V /* rooms that may do only what is listed; the signer: see `denied` */
};

#define CALL(name, rooms)                                                                          \
    {                                                                                              \
        SCMP_SYS(name), rooms                                                                      \
    }

struct call {
    int number;
    unsigned rooms;
};

/* What is in no row ends the process. Calls whose arguments matter are in allow_by_argument. */
static const struct call allowed[] = {
    /* what is open already */
    CALL(read, LISTED),
    CALL(write, LISTED),
    CALL(readv, LISTED),
    CALL(writev, LISTED),
    CALL(close, LISTED),
    CALL(fcntl, LISTED),
    CALL(dup, LISTED),
    CALL(dup3, LISTED),
    CALL(fstat, LISTED),
    CALL(lseek, LISTED),
    CALL(pread64, LISTED),
    CALL(pipe2, LISTED),
    /* waiting */
    CALL(epoll_create1, LISTED),
    CALL(epoll_ctl, LISTED),
    CALL(epoll_wait, LISTED),
    CALL(epoll_pwait, LISTED),
    CALL(epoll_pwait2, LISTED),
    CALL(poll, LISTED),
    CALL(ppoll, LISTED),
    CALL(select, LISTED),
    CALL(pselect6, LISTED),
    CALL(eventfd2, LISTED),
    CALL(timerfd_create, LISTED),
    CALL(timerfd_settime, LISTED),
    CALL(timerfd_gettime, LISTED),
    CALL(futex, LISTED),
    CALL(nanosleep, LISTED),
    CALL(clock_nanosleep, LISTED),
    CALL(restart_syscall, LISTED),
    CALL(sched_yield, LISTED),
    /* time, chance, who am I */
    CALL(clock_gettime, LISTED),
    CALL(clock_getres, LISTED),
    CALL(gettimeofday, LISTED),
    CALL(time, LISTED),
    CALL(getrandom, LISTED),
    CALL(getpid, LISTED),
    CALL(gettid, LISTED),
    CALL(getppid, LISTED),
    CALL(getuid, LISTED),
    CALL(geteuid, LISTED),
    CALL(getgid, LISTED),
    CALL(getegid, LISTED),
    CALL(getcpu, LISTED),
    CALL(uname, LISTED),
    CALL(getrusage, LISTED),
    CALL(sysinfo, LISTED),
    CALL(sched_getaffinity, LISTED),
    CALL(sched_setaffinity, LISTED),
    CALL(getpriority, LISTED),
    CALL(setpriority, LISTED),
    CALL(times, LISTED),
    /* memory; mmap and mprotect below */
    CALL(munmap, LISTED),
    CALL(mremap, LISTED),
    CALL(madvise, LISTED),
    CALL(brk, LISTED),
    CALL(mlock, LISTED),
    CALL(mlock2, LISTED),
    CALL(munlock, LISTED),
    CALL(mincore, LISTED),
    CALL(membarrier, LISTED),
    /* threads and signals of our own; clone, prctl and tgkill below */
    CALL(set_robust_list, LISTED),
    CALL(get_robust_list, LISTED),
    CALL(rseq, LISTED),
    CALL(set_tid_address, LISTED),
    CALL(arch_prctl, LISTED),
    CALL(rt_sigaction, LISTED),
    CALL(rt_sigprocmask, LISTED),
    CALL(rt_sigreturn, LISTED),
    CALL(rt_sigtimedwait, LISTED),
    CALL(sigaltstack, LISTED),
    CALL(exit, LISTED),
    CALL(exit_group, LISTED),
    /* sockets that somebody else made */
    CALL(recvmsg, LISTED),
    CALL(sendmsg, LISTED),
    CALL(recvfrom, LISTED),
    CALL(sendto, LISTED),
    CALL(recvmmsg, F | D),
    CALL(sendmmsg, F | D),
    CALL(accept4, F | K | V),
    CALL(shutdown, LISTED),
    CALL(getsockname, LISTED),
    CALL(getpeername, LISTED),
    CALL(getsockopt, LISTED),
    CALL(setsockopt, LISTED),
    /* files, where Landlock allows them */
    CALL(open, K),
    CALL(openat, K),
    CALL(stat, K),
    CALL(lstat, K),
    CALL(newfstatat, K),
    CALL(statx, K),
    CALL(access, K),
    CALL(faccessat, K),
    CALL(faccessat2, K),
    CALL(readlink, K),
    CALL(readlinkat, K),
    CALL(getdents64, K),
    CALL(getcwd, K),
    CALL(statfs, K),
    CALL(fstatfs, K),
    CALL(pwrite64, K),
    CALL(preadv, K),
    CALL(pwritev, K),
    CALL(ftruncate, K),
    CALL(fallocate, K),
    CALL(fsync, K),
    CALL(fdatasync, K),
    CALL(msync, K),
    CALL(sync_file_range, K),
    CALL(flock, K),
    CALL(fadvise64, K),
    CALL(unlink, K),
    CALL(unlinkat, K),
    CALL(rename, K),
    CALL(renameat, K),
    CALL(renameat2, K),
    CALL(mkdir, K),
    CALL(mkdirat, K),
    CALL(rmdir, K),
    CALL(umask, K),
    CALL(chmod, K),
    CALL(fchmod, K),
    CALL(fchown, K),
    CALL(fchmodat, K),
    CALL(copy_file_range, K),
#if SANITIZED
    /* what the sanitizers' runtime does behind our back */
    CALL(open, LISTED),
    CALL(openat, LISTED),
    CALL(readlink, LISTED),
    CALL(readlinkat, LISTED),
    CALL(newfstatat, LISTED),
    CALL(stat, LISTED),
    CALL(mmap, LISTED),
    CALL(mprotect, LISTED),
    CALL(clone, LISTED),
    CALL(wait4, LISTED),
    CALL(ptrace, LISTED),
    CALL(prctl, LISTED),
    CALL(kill, LISTED),
    CALL(tgkill, LISTED),
    CALL(getrlimit, LISTED),
    CALL(prlimit64, LISTED),
    CALL(process_vm_readv, LISTED),
    CALL(personality, LISTED),
    CALL(sched_setattr, F),
    CALL(ioctl, LISTED),
    CALL(getdents64, LISTED),
    CALL(socketpair, LISTED),
    CALL(pipe, LISTED),
    CALL(dup2, LISTED),
#endif
};

/* The library asks whether it can have these, and lives without. */
static const struct call absent[] = {
    CALL(clone3, LISTED), /* its arguments lie in memory, where a filter cannot see them */
    CALL(statx, NET),
    CALL(futex_waitv, LISTED),
};

#if !SANITIZED
static const struct call refused[] = {
    CALL(ioctl, LISTED),     /* isatty */
    CALL(prlimit64, LISTED), /* getrlimit: how large may a stack be */
    CALL(newfstatat, NET),   /* but as fstat, below */
};
#endif

/*
 * The signer runs the code of whoever made the token, so its list says what it may not: serve the
 * network, look into other processes, become something else, get round this filter.
 */
static const int denied[] = {
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(personality),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(syslog),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
};

static int add_rows(scmp_filter_ctx filter, uint32_t action, const struct call *rows, size_t count,
                    enum room_kind room)
{
    for (size_t i = 0; i < count; i++) {
        if (!(rows[i].rooms & 1U << room))
            continue;
        int failed = seccomp_rule_add(filter, action, rows[i].number, 0);
        if (failed && failed != -EEXIST && failed != -EDOM)
            return failed;
    }
    return 0;
}

#if !SANITIZED
/* No memory that is both data and program; no process but ourselves; no look at paths. */
static int allow_by_argument(scmp_filter_ctx filter, enum room_kind room)
{
    int failed = 0;

    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                               SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                               SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                               SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
    /* A worker's thread of itself: how urgent it is, as far as RLIMIT_RTPRIO goes. */
    if (1U << room & F)
        failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sched_setattr), 2,
                                   SCMP_A0(SCMP_CMP_EQ, 0, 0), SCMP_A2(SCMP_CMP_EQ, 0, 0));
    /* The plain side of a connection, of which the front gets one end. */
    if (1U << room & V)
        failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2,
                                   SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0), SCMP_A2(SCMP_CMP_EQ, 0, 0));
    if (1U << room & NET)
        failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                                   SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH, 0));
    /* When a thread gives memory back for the first time the library asks the system how generous
     * it is (/proc/sys/vm/overcommit_memory), and does without an answer. */
    if (1U << room & NET)
        failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 1,
                                   SCMP_A2(SCMP_CMP_EQ, O_RDONLY | O_CLOEXEC, 0));
    return failed;
}
#endif

static int fill_listed(scmp_filter_ctx filter, enum room_kind room)
{
    int failed = add_rows(filter, SCMP_ACT_ALLOW, allowed, sizeof allowed / sizeof *allowed, room);

    if (!failed)
        failed =
            add_rows(filter, SCMP_ACT_ERRNO(ENOSYS), absent, sizeof absent / sizeof *absent, room);
#if !SANITIZED
    if (!failed)
        failed = allow_by_argument(filter, room);
    if (!failed)
        failed = add_rows(filter, SCMP_ACT_ERRNO(EPERM), refused, sizeof refused / sizeof *refused,
                          room);
#endif
    return failed;
}

static int fill_signer(scmp_filter_ctx filter, bool network)
{
    /* Without: only local sockets, such as that of a daemon for smart cards. */
    int socket_failed = network ? seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket),
                                                   1, SCMP_A0(SCMP_CMP_EQ, AF_PACKET, 0))
                                : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket),
                                                   1, SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
    if (socket_failed)
        return socket_failed;
    for (size_t i = 0; i < sizeof denied / sizeof *denied; i++) {
        int failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
        if (failed && failed != -EDOM)
            return failed;
    }
    return 0;
}

enum step_outcome seccomp_enforce(const struct confine_order *order)
{
    bool is_signer = order->room == ROOM_SIGNER;
    scmp_filter_ctx filter = seccomp_init(is_signer ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);

    if (!filter)
        return STEP_FAILED;
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0); /* set already, or refused */
    if (!failed)
        failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (!failed)
        failed = is_signer ? fill_signer(filter, order->network) : fill_listed(filter, order->room);
    if (!failed)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    if (failed)
        return failed == -ENOSYS || failed == -EINVAL ? STEP_MISSING : STEP_FAILED;
    return STEP_ACTIVE;
}
