#include "sandbox/calls.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/slice.h"
#include "sandbox/process.h"
#include "support/in_child.h"

#include <setjmp.h> /* IWYU pragma: keep */
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static bool limited(enum sandbox_mode mode)
{
    size_t n = 0;
    return sandbox_no_new_privileges() == 0 && sandbox_calls_limit(mode, &n) == 0 && n > 100 &&
           n < 500;
}

static void *say(void *ret)
{
    *(int *)ret = 42;
    return NULL;
}

static bool starts_a_thread(void)
{
    pthread_t t;
    int got = 0;
    return pthread_create(&t, NULL, say, &got) == 0 && pthread_join(t, NULL) == 0 && got == 42;
}

static bool refuses(long rc, int error)
{
    return rc < 0 && errno == error;
}

static int works_on(void)
{
    static const int families[] = { AF_UNIX, AF_INET, AF_INET6 };
    struct addrinfo *found = NULL;
    if (!limited(SANDBOX_ON))
        return 100;
    if (!starts_a_thread())
        return 1;
    if (!refuses(fork(), EPERM) || !refuses(syscall(SYS_sethostname, "x", 1), EPERM))
        return 2;
    if (!refuses(socket(AF_NETLINK, SOCK_RAW, 0), EAFNOSUPPORT) ||
        !refuses(socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT))
        return 3;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), n;
    if (fd < 0 || ioctl(fd, FIONREAD, &n) < 0 || !refuses(ioctl(fd, TIOCSTI, "x"), EPERM))
        return 4;
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        if (socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0) < 0)
            return 7;
    if (!refuses(socket(AF_UNSPEC, SOCK_STREAM, 0), EPERM) ||
        !refuses(socket(AF_AX25, SOCK_DGRAM, 0), EPERM)) /* below those that are refused by name */
        return 8;
    if (getaddrinfo("localhost", NULL, NULL, &found) != 0)
        return 5;
    freeaddrinfo(found);
    char name[IF_NAMESIZE];
    if (if_nametoindex("lo") == 0 || if_indextoname(if_nametoindex("lo"), name) == NULL)
        return 7;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
        !refuses(prlimit(1, RLIMIT_NOFILE, NULL, &limit), EPERM))
        return 6;
    return 0;
}

static int executes(void)
{
    if (!limited(SANDBOX_ON))
        return 100;
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int traces(void)
{
    if (!limited(SANDBOX_ON))
        return 100;
    syscall(SYS_ptrace, 0, 0, 0, 0);
    return 1;
}

static int executes_logged(void)
{
    if (!limited(SANDBOX_LOG))
        return 100;
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int logs(void)
{
    if (!limited(SANDBOX_LOG) || !starts_a_thread())
        return 100;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0 && errno == EAFNOSUPPORT)
        return 2;
    pid_t pid = getppid();
    return getpriority(PRIO_PROCESS, (id_t)pid) >= -20 && syscall(SYS_getpgid, 0) >= 0 ? 0 : 1;
}

static int is_killed(void)
{
    if (!limited(SANDBOX_KILL) || !starts_a_thread())
        return 100;
    syscall(SYS_getpgid, 0);
    return 1;
}

/* getpid as programs of x32 number it: this kernel may not know it, the filter has to. */
static long foreign_call(void)
{
#ifdef __x86_64__
    return syscall(0x40000000 + SYS_getpid);
#else
    errno = ENOSYS;
    return -1;
#endif
}

static int calls_as_another_machine(void)
{
    if (!limited(SANDBOX_ON))
        return 100;
#ifndef __x86_64__
    syscall(SYS_ptrace, 0, 0, 0, 0); /* it is one of those that end the process, too */
#endif
    (void)foreign_call();
    return 1;
}

static int logs_another_machine(void)
{
    if (!limited(SANDBOX_LOG))
        return 100;
    long rc = foreign_call();
    return rc > 0 || errno == ENOSYS ? 0 : 1;
}

static int is_off(void)
{
    size_t n = 7;
    return sandbox_calls_limit(SANDBOX_OFF, &n) == 0 && n == 7 && syscall(SYS_getpgid, 0) >= 0 ? 0
                                                                                               : 1;
}

static int has_no_core(void)
{
    struct rlimit limit;
    errno = EIO;
    if (sandbox_no_core() < 0 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 1;
    return getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0 ? 0 : 2;
}

static void each_mode_does_what_it_says(void **state)
{
    static const struct {
        int (*run)(void);
        int want;
    } rows[] = {
        { works_on, 0 },
        { executes, -SIGSYS },
        { traces, -SIGSYS },
        { logs, 0 },
        { executes_logged, 0 },
        { calls_as_another_machine, -SIGSYS },
        { logs_another_machine, 0 },
        { is_off, 0 },
        { is_killed, -SIGSYS },
        { has_no_core, 0 },
    };
    (void)state;
    if (!sandbox_fits())
        skip();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(in_child(rows[i].run), rows[i].want);
}

static bool named_twice(struct slice name)
{
    unsigned n = 0;
    for (size_t i = 0; sandbox_calls_row(i) != NULL; i++) {
        struct slice left = slice_str(sandbox_calls_row(i)->names), one;
        for (bool more = true; more;) {
            more = slice_cut(&left, ' ', &one);
            n += slice_eq(more ? one : left, name);
        }
    }
    return n != 1;
}

static void every_name_is_a_call_and_stands_there_once(void **state)
{
    /* What the library of Debian 12 has not heard of. */
    static const char newer[] = " epoll_pwait2 fchmodat2 futex_wait futex_wake ";
    size_t rows = 0;
    (void)state;
    for (; sandbox_calls_row(rows) != NULL; rows++) {
        struct slice left = slice_str(sandbox_calls_row(rows)->names), one;
        for (bool more = true; more;) {
            char name[64], padded[66];
            more = slice_cut(&left, ' ', &one);
            struct slice s = more ? one : left;
            assert_true(s.len > 0 && s.len < 32);
            snprintf(name, sizeof name, "%.*s", (int)s.len, s.ptr);
            snprintf(padded, sizeof padded, " %.*s ", (int)s.len, s.ptr);
            assert_false(named_twice(s));
            if (seccomp_syscall_resolve_name(name) == __NR_SCMP_ERROR)
                assert_non_null(strstr(newer, padded));
        }
    }
    assert_true(rows > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mode_does_what_it_says),
        cmocka_unit_test(every_name_is_a_call_and_stands_there_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
