/**
 * micro: what the benchmarks share: the median of several runs, and one line per figure that
 * bench/run.py reads:
 *
 *     RESULT <tab> name <tab> value <tab> unit
 *
 * The floor of a figure has its name with floor_ before it.
 *
 *   thread   main
 */
#ifndef BENCH_MICRO_H
#define BENCH_MICRO_H

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MICRO_RUNS = 7, MICRO_RUNS_MAX = 64 };

struct micro {
    double at[MICRO_RUNS_MAX];
    int n;
};

/* CPU time of this thread: other load on the core does not lengthen it, but makes it vary more. */
static inline uint64_t micro_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline void micro_add(struct micro *m, double v)
{
    assert(m->n < MICRO_RUNS_MAX);
    m->at[m->n++] = v;
}

static inline int micro_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double micro_median(struct micro *m)
{
    if (m->n == 0)
        return 0;
    qsort(m->at, (size_t)m->n, sizeof m->at[0], micro_compare);
    return m->n % 2 ? m->at[m->n / 2] : (m->at[m->n / 2 - 1] + m->at[m->n / 2]) / 2;
}

/* The floor under work that reads or writes `bytes` bytes: copying them once, in ns, the median. */
static inline double micro_copy_ns(size_t bytes)
{
    struct micro ns = { .n = 0 };
    char *from = malloc(bytes + 1), *to = malloc(bytes + 1);
    if (from == NULL || to == NULL)
        abort();
    memset(from, 1, bytes + 1);
    memset(to, 2, bytes + 1);
    size_t times = bytes < 1048576 ? 1048576 / (bytes + 1) + 1 : 1;
    for (int run = 0; run < MICRO_RUNS; run++) {
        uint64_t from_ns = micro_now_ns();
        for (size_t i = 0; i < times; i++) {
            memcpy(to, from, bytes);
            __asm__ volatile("" : : "r"(to) : "memory"); /* every copy is made */
        }
        micro_add(&ns, (double)(micro_now_ns() - from_ns) / (double)times);
    }
    free(from);
    free(to);
    return micro_median(&ns);
}

static inline void micro_print(const char *name, double value, const char *unit)
{
    printf("RESULT\t%s\t%.10g\t%s\n", name, value, unit);
    fflush(stdout);
}

#endif
