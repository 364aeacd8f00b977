/*
 * sandbox_calls_limit
 *   fill           allow_rows   the table
 *                  allow_seen   calls whose arguments are looked at
 *                  refuse       what fails in its own way, or ends the process
 */
#include "sandbox/calls.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "base/slice.h"

enum { NAME_BYTES = 32 };

/*
 * What a run makes (strace over all tests), and what the C library makes in its place on other
 * machines, kernels and versions.  A name that this machine does not know is skipped.
 */
/* clang-format off */
static const struct sandbox_calls rows[] = {
    { "sockets",
      "accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg "
      "recvmsg sendmmsg sendmsg sendto setsockopt shutdown", "" },
    { "further sockets", "socket",
      "of the families AF_INET, AF_INET6, AF_UNIX; others: EAFNOSUPPORT" },
    { "reading and writing",
      "close close_range copy_file_range dup dup2 dup3 eventfd2 fcntl lseek pipe pipe2 pread64 "
      "preadv pwrite64 pwritev read readv sendfile splice write writev", "" },
    { "devices and sockets",
      "ioctl",
      "FIONREAD, FIONBIO, FIOCLEX, TIOCOUTQ, TCGETS, TIOCGWINSZ alone, and SIOCGIFINDEX, "
      "SIOCGIFNAME: interfaces by name, as in [fe80::1%eth0]" },
    { "waiting",
      "epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait poll ppoll "
      "pselect6 select timerfd_create timerfd_settime", "" },
    { "files, where Landlock lets it",
      "access chmod chown faccessat faccessat2 fallocate fchmod fchmodat fchmodat2 fchown "
      "fchownat fdatasync flock fstat fstatfs fsync ftruncate getcwd getdents getdents64 lchown "
      "lstat memfd_create newfstatat open openat openat2 readlink readlinkat rename renameat "
      "renameat2 stat statfs statx umask unlink unlinkat", "" },
    { "memory",
      "brk madvise mincore mlock mmap mprotect mremap msync munlock munmap", "" },
    { "threads",
      "exit exit_group futex futex_wait futex_waitv futex_wake get_robust_list gettid membarrier "
      "rseq sched_getaffinity sched_getparam sched_getscheduler sched_yield set_robust_list "
      "set_tid_address setpriority getpriority", "" },
    { "starting threads", "clone", "with CLONE_THREAD; clone3: ENOSYS" },
    { "signals",
      "restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn rt_sigtimedwait "
      "sigaltstack tgkill", "" },
    { "the time",
      "clock_getres clock_gettime clock_nanosleep gettimeofday nanosleep time times", "" },
    { "about the process and the machine",
      "arch_prctl getegid geteuid getgid getgroups getpgrp getpid getppid getrandom getresgid "
      "getresuid getrlimit getrusage getuid prctl sysinfo uname", "" },
    { "its own limits", "prlimit64", "of the process itself" },
    { "ends the process, if it is called",
      "add_key bpf delete_module execve execveat finit_module init_module keyctl "
      "kexec_file_load kexec_load mount move_mount open_by_handle_at perf_event_open personality "
      "pivot_root process_vm_readv process_vm_writev ptrace request_key setns umount2 unshare "
      "userfaultfd", "" },
};
/* clang-format on */

const struct sandbox_calls *sandbox_calls_row(size_t i)
{
    return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

/* -1: not known here. */
static int number_of(struct slice name)
{
    char text[NAME_BYTES];
    if (name.len >= sizeof text)
        return -1;
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    int nr = seccomp_syscall_resolve_name(text);
    return nr < 0 ? -1 : nr;
}

static int add_all(scmp_filter_ctx f, uint32_t action, const char *names, size_t *n)
{
    struct slice left = slice_str(names), name;
    int rc = 0;
    for (bool more = true; rc == 0 && more;) {
        more = slice_cut(&left, ' ', &name);
        int nr = number_of(more ? name : left);
        if (nr < 0)
            continue;
        rc = seccomp_rule_add(f, action, nr, 0);
        *n += rc == 0;
    }
    return rc;
}

static int allow_rows(scmp_filter_ctx f, size_t *n)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i + 1 < ARRAY_LEN(rows); i++)
        if (rows[i].but[0] == '\0')
            rc = add_all(f, SCMP_ACT_ALLOW, rows[i].names, n);
    return rc;
}

/* The library's own macros leave a member out, which a compiler may mind. */
static struct scmp_arg_cmp argument(unsigned at, enum scmp_compare op, uint32_t value)
{
    return (struct scmp_arg_cmp){ .arg = at, .op = op, .datum_a = value };
}

static int allow_seen(scmp_filter_ctx f)
{
    static const int families[] = { AF_UNIX, AF_INET, AF_INET6 };
    static const unsigned long asked[] = { FIONREAD, FIONBIO,    FIOCLEX,      TIOCOUTQ,
                                           TCGETS,   TIOCGWINSZ, SIOCGIFINDEX, SIOCGIFNAME };
    int rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (rc == 0)
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
                              argument(0, SCMP_CMP_EQ, 0));
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(families); i++)
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                              argument(0, SCMP_CMP_EQ, (uint32_t)families[i]));
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(asked); i++)
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                              argument(1, SCMP_CMP_EQ, (uint32_t)asked[i]));
    return rc;
}

/*
 * The C library asks for a netlink socket before it looks a name up, and goes on when there is no
 * such family.
 */
static int refuse(scmp_filter_ctx f, enum sandbox_mode mode)
{
    const uint32_t no_family = SCMP_ACT_ERRNO(EAFNOSUPPORT);
    size_t n = 0;
    int rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (rc == 0 && mode != SANDBOX_LOG)
        rc = seccomp_rule_add(f, no_family, SCMP_SYS(socket), 1,
                              argument(0, SCMP_CMP_GT, (uint32_t)AF_INET6));
    if (rc == 0 && mode == SANDBOX_ON)
        rc = add_all(f, SCMP_ACT_KILL_PROCESS, rows[ARRAY_LEN(rows) - 1].names, &n);
    return rc;
}

static uint32_t default_action(enum sandbox_mode mode)
{
    if (mode == SANDBOX_LOG)
        return SCMP_ACT_LOG;
    return mode == SANDBOX_ON ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS;
}

static int fill(scmp_filter_ctx f, enum sandbox_mode mode, size_t *n)
{
    const uint32_t other = mode == SANDBOX_LOG ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS;
    /* 2: the kernel finds a call in a tree, not by comparing with one after the other. */
    int rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (rc == 0) /* calls of another architecture, as of 32-bit programs */
        rc = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, other);
    if (rc == 0)
        rc = allow_rows(f, n);
    if (rc == 0)
        rc = allow_seen(f);
    *n += 4; /* clone, prlimit64, socket, ioctl */
    return rc == 0 ? refuse(f, mode) : rc;
}

int sandbox_calls_limit(enum sandbox_mode mode, size_t *ret_n)
{
    size_t n = 0;
    if (mode == SANDBOX_OFF)
        return 0;
    scmp_filter_ctx f = seccomp_init(default_action(mode));
    if (f == NULL)
        return -ENOMEM;
    int rc = fill(f, mode, &n);
    if (rc == 0)
        rc = seccomp_load(f);
    seccomp_release(f);
    if (rc == 0)
        *ret_n = n;
    return rc;
}
