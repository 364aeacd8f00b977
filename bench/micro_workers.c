/*
 * One worker and two on cores of their own, each with a lane and with all datagrams in memory
 * beforehand; limit and profiles are shared.
 *
 *     micro_workers [SERIES...]
 *
 * workers_N: how many workers' work two of them do, by the CPU time of a line alone and beside the
 * other one: 2 when they share nothing.  By CPU time, as other load on a core takes wall time away.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "micro.h"
#include "micro_load.h"

enum { LINES = 1000000, PASSES = 3 };

struct worker {
    const struct micro_load *load;
    struct lane *lane;
    int core;
    _Atomic int *waiting;
    double ns_per_line;
};

static void *work(void *cookie)
{
    struct worker *w = cookie;
    cpu_set_t set;
    struct lane_source source = { .gauge_sign = GAUGE_SIGN_AUTO };
    CPU_ZERO(&set);
    CPU_ZERO(&set);
    CPU_SET((size_t)w->core, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    /* Both begin at once. */
    for (atomic_fetch_sub(w->waiting, 1); atomic_load(w->waiting) > 0;)
        sched_yield();
    uint64_t from_ns = micro_now_ns();
    for (int i = 0; i < PASSES; i++)
        micro_load_into(w->load, w->lane, &source, now_mono_ns());
    w->ns_per_line = (double)(micro_now_ns() - from_ns) / ((double)w->load->payload.lines * PASSES);
    return NULL;
}

/* returns  the slowest one's ns per line */
static double run(struct worker *w, int n)
{
    pthread_t threads[2];
    _Atomic int waiting = n;
    double most = 0;
    for (int i = 0; i < n; i++) {
        w[i].waiting = &waiting;
        if (pthread_create(&threads[i], NULL, work, &w[i]) != 0)
            abort();
    }
    for (int i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        most = w[i].ns_per_line > most ? w[i].ns_per_line : most;
    }
    return most;
}

static void measure(uint32_t series)
{
    struct micro_load l;
    struct micro alone = { 0 }, both = { 0 }, ratio = { 0 };
    char name[64];
    micro_load_init(&l, series, "c=60,ms=30,g=10", LINES, 1432);
    struct worker w[2] = { { .load = &l, .lane = l.lane, .core = 0 },
                           { .load = &l, .lane = micro_load_lane(&l), .core = 1 } };
    for (int i = 0; i <= MICRO_RUNS; i++) {
        double one = run(w + i % 2, 1), two = run(w, 2);
        if (i <= 1) /* the first ones make the series */
            continue;
        micro_add(&alone, one);
        micro_add(&both, two);
        micro_add(&ratio, 2 * one / two);
    }
    snprintf(name, sizeof name, "worker_alone_%u", series);
    micro_print(name, micro_median(&alone), "ns/line");
    snprintf(name, sizeof name, "worker_beside_%u", series);
    micro_print(name, micro_median(&both), "ns/line");
    snprintf(name, sizeof name, "workers_%u", series);
    micro_print(name, micro_median(&ratio), "workers");
    lane_free(w[1].lane);
    micro_load_release(&l);
}

int main(int argc, char **argv)
{
    static const uint32_t usual[] = { 10000, 100000 };
    for (int i = 1; i < argc; i++)
        measure((uint32_t)strtoul(argv[i], NULL, 10));
    for (size_t i = 0; argc == 1 && i < ARRAY_LEN(usual); i++)
        measure(usual[i]);
    return 0;
}
