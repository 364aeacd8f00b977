/*
 * How much CPU time a thread of any server takes from the end of one recvmmsg to the beginning of
 * the next, to be preloaded into it:
 *
 *     READS_FILE=FILE LD_PRELOAD=build/bench/reads.so build/statsd ...
 *
 * At the server's exit RESULT lines (micro.h) go to FILE: the longest, the 99.9th percentile and
 * the number of such times, over all threads, without those of up to a microsecond.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { TIMES_MAX = 8 << 20 };

typedef int receive(int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout);

static uint32_t times_ns[TIMES_MAX];
static atomic_uint n_times;
static _Thread_local uint64_t back_ns; /* from the last read; 0: there was none */

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void note(uint64_t ns)
{
    if (ns < 1000)
        return;
    unsigned i = atomic_fetch_add_explicit(&n_times, 1, memory_order_relaxed);
    if (i < TIMES_MAX)
        times_ns[i] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): glibc's are reserved */
int recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout)
{
    static receive *_Atomic real;
    receive *call = atomic_load(&real);
    if (call == NULL) {
        *(void **)&call = dlsym(RTLD_NEXT, "recvmmsg");
        atomic_store(&real, call);
    }
    if (back_ns != 0)
        note(cpu_ns() - back_ns);
    int got = call(fd, msgs, n, flags, timeout);
    back_ns = cpu_ns();
    return got;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

__attribute__((destructor)) static void print(void)
{
    const char *path = getenv("READS_FILE"); /* NOLINT(concurrency-mt-unsafe): at exit */
    unsigned n = atomic_load(&n_times);
    n = n < TIMES_MAX ? n : TIMES_MAX;
    FILE *f = path != NULL && n > 0 ? fopen(path, "w") : NULL;
    if (f == NULL)
        return;
    qsort(times_ns, n, sizeof times_ns[0], compare);
    fprintf(f, "RESULT\treads_cpu_max\t%.10g\tus\n", times_ns[n - 1] / 1e3);
    const uint64_t p999 = (uint64_t)(n - 1) * 999 / 1000;
    fprintf(f, "RESULT\treads_cpu_p999\t%.10g\tus\n", times_ns[p999] / 1e3);
    fprintf(f, "RESULT\treads\t%u\ttimes\n", n);
    (void)fclose(f);
}
