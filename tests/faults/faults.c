/*
 * What runs before main:           what runs in each call that calls.h lists:
 *
 *   the environment is read          the site is found, by the chain of frames
 *   the log is opened                it is noted, if it is new
 *                                    it fails, if it is one of those that have to
 */
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"

enum {
    SITES = 1 << 14, /* a power of two, and several times what there is */
    MOST_THROUGH = 256,
    MOST_FAULTS = 64,
    DEEPEST = 8
};

extern const char __executable_start; /* the linker's: where the file's address 0 is */

static _Atomic uintptr_t seen[SITES];

static struct {
    uintptr_t from, to;
} through[MOST_THROUGH];
static unsigned n_through;

static struct {
    char call[32];
    uintptr_t at;
    int error;
    _Atomic long left; /* calls that still fail; negative: all */
} faults[MOST_FAULTS];
static unsigned n_faults;

static int log_fd = -1;

long __real_syscall(long nr, long a, long b, long c, long d, long e, long f);

__attribute__((constructor)) static void read_environment(void)
{
    const char *s = getenv("FAULTS_THROUGH");
    for (int used; s != NULL && n_through < MOST_THROUGH; s += used, n_through++) {
        if (sscanf(s, "%lx-%lx,%n", &through[n_through].from, &through[n_through].to, &used) != 2)
            break;
    }
    s = getenv("FAULTS");
    for (int used; s != NULL && n_faults < MOST_FAULTS; s += used, n_faults++) {
        long count;
        if (sscanf(s, "%31[^:]:%lx:%d:%ld,%n", faults[n_faults].call, &faults[n_faults].at,
                   &faults[n_faults].error, &count, &used) != 4)
            break;
        faults[n_faults].left = count == 0 ? -1 : count;
    }
    s = getenv("FAULTS_LOG");
    if (s != NULL)
        log_fd = (int)__real_syscall(SYS_openat, AT_FDCWD, (long)s,
                                     O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600, 0, 0);
}

static void say(const char *what, const char *call, uintptr_t at)
{
    char line[96];
    int n = snprintf(line, sizeof line, "%s %s %lx\n", what, call, at);
    if (log_fd >= 0)
        (void)__real_syscall(SYS_write, log_fd, (long)line, n, 0, 0, 0);
}

static bool is_through(uintptr_t at)
{
    for (unsigned i = 0; i < n_through; i++) {
        if (at >= through[i].from && at < through[i].to)
            return true;
    }
    return false;
}

/* All our code keeps frame pointers, so the chain holds as long as it is in ours. */
static uintptr_t site_of(void *const *frame)
{
    uintptr_t at = 0;
    for (int depth = 0; depth < DEEPEST; depth++) {
        at = (uintptr_t)frame[1] - (uintptr_t)&__executable_start;
        if (!is_through(at))
            break;
        frame = frame[0];
    }
    return at;
}

/* Was it not there yet?  What a full table does not hold is told again each time. */
static bool note(const char *call, uintptr_t at)
{
    uintptr_t key = at << 8 ^ (unsigned char)call[0] ^ (uintptr_t)(unsigned char)call[2] << 4;
    for (unsigned i = 0; i < SITES; i++) {
        _Atomic uintptr_t *slot = &seen[(key * 0x9E3779B97F4A7C15u + i) >> 20 & (SITES - 1)];
        uintptr_t had = 0;
        if (atomic_load_explicit(slot, memory_order_relaxed) == key)
            return false;
        if (atomic_compare_exchange_strong(slot, &had, key))
            return true;
        if (had == key)
            return false;
    }
    return true;
}

bool fault_here(const char *call, void *const *frame)
{
    int before = errno;
    uintptr_t at = site_of(frame);
    if (note(call, at))
        say("site", call, at);
    for (unsigned i = 0; i < n_faults; i++) {
        if (faults[i].at != at || strcmp(faults[i].call, call) != 0 || faults[i].left == 0)
            continue;
        if (faults[i].left > 0 && atomic_fetch_sub(&faults[i].left, 1) <= 0)
            continue;
        say("fault", call, at);
        errno = faults[i].error;
        return true;
    }
    errno = before;
    return false;
}

static int fault_errno(void)
{
    return errno;
}

#define FAILS_INSTEAD(name, type, failure, params, args)                                           \
    type __real_##name params;                                                                     \
    type __wrap_##name params;                                                                     \
    type __wrap_##name params                                                                      \
    {                                                                                              \
        if (fault_here(#name, __builtin_frame_address(0)))                                         \
            return failure;                                                                        \
        return __real_##name args;                                                                 \
    }
ALLOCATIONS(FAILS_INSTEAD)
SYSTEM_CALLS(FAILS_INSTEAD)

#define FAILS_AFTERWARDS(name, type, failure, params, args)                                        \
    type __real_##name params;                                                                     \
    type __wrap_##name params;                                                                     \
    type __wrap_##name params                                                                      \
    {                                                                                              \
        bool fails = fault_here(#name, __builtin_frame_address(0));                                \
        int error = errno;                                                                         \
        type got = __real_##name args;                                                             \
        if (!fails)                                                                                \
            return got;                                                                            \
        errno = error;                                                                             \
        return failure;                                                                            \
    }
ENDINGS(FAILS_AFTERWARDS)
