/*
 * What a series costs at first sight, in this process, no sockets: the worker's part (parser,
 * table, cell), the control thread's (series, place on /metrics), and both.
 *
 *     first_shared    counters with three tags of 50 values each
 *     first_unique    counters with three tags, of which one is of that series alone
 *
 * Each run is in a process of its own: memory is as fresh as at a server's first sight.
 *
 *     micro_first [SERIES]
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aggregate/page.h"
#include "aggregate/registry.h"
#include "base/mem.h"
#include "micro.h"
#include "micro_load.h"

enum { SERIES = 200000, RUNS = 5, PACK = 1432, LINE_ROOM = 128 };

/* Datagrams of unique series, padded, one behind the other. */
struct unique {
    char *bytes;
    size_t *end; /* of each, without what pads it */
    size_t n;
};

static void unique_init(struct unique *u, uint32_t series)
{
    u->bytes = mem_zalloc(PARSE_PAD_BEFORE + (size_t)series * LINE_ROOM + PARSE_PAD_BEHIND);
    u->end = mem_alloc((series + 1) * sizeof *u->end);
    u->n = 0;
    size_t begin = PARSE_PAD_BEFORE, at = begin;
    for (uint32_t i = 0; i < series; i++) {
        at += (size_t)snprintf(u->bytes + at, LINE_ROOM,
                               "%sbench.requests.%03u.count:1|c|#env:prod,region:eu-%u,"
                               "user_id:u-%08x",
                               at == begin ? "" : "\n", i % 100, i % 7, i * 2654435761u);
        if (at - begin < PACK - LINE_ROOM && i + 1 < series)
            continue;
        u->end[u->n++] = begin = at;
    }
}

static void unique_pass(struct micro_load *l, const struct unique *u)
{
    size_t begin = PARSE_PAD_BEFORE;
    for (size_t i = 0; i < u->n; i++) {
        if (i % MICRO_RECEIVE == 0) {
            lane_flush(l->lane);
            lane_begin(l->lane, &l->source, (struct lane_clock){ .now_ns = now_mono_ns() });
        }
        lane_datagram(l->lane, &(struct lane_datagram){ .ptr = u->bytes + begin,
                                                        .len = u->end[i] - begin,
                                                        .padded = true });
        begin = u->end[i];
    }
    lane_flush(l->lane);
}

enum { WORKER, CONTROL, BOTH, PARTS };

static void run(uint32_t series, const struct unique *u, double ns[PARTS])
{
    struct micro_load l;
    micro_load_init(&l, u != NULL ? 1 : series, "c=1", u != NULL ? 1 : series, PACK);
    const struct registry_opts o = { .profiles = l.profiles, .limit = &l.limit };
    struct registry *r = registry_new(&o);
    const uint64_t t0 = micro_now_ns();
    if (u != NULL)
        unique_pass(&l, u);
    else
        micro_load_pass(&l, now_mono_ns());
    const uint64_t t1 = micro_now_ns();
    if (!ingest_turn(l.ingest, now_mono_ns()))
        abort();
    struct page *page = ingest_take(l.ingest);
    const uint64_t t2 = micro_now_ns();
    registry_merge(r, page, now_mono_ns());
    const uint64_t t3 = micro_now_ns();
    ingest_give(l.ingest, page);
    const double n = (double)registry_count(r, SERIES_COUNTER);
    ns[WORKER] = (double)(t1 - t0) / n;
    ns[CONTROL] = (double)(t3 - t2) / n;
    ns[BOTH] = ns[WORKER] + ns[CONTROL];
    registry_free(r);
    micro_load_release(&l);
}

static void run_apart(uint32_t series, const struct unique *u, double ns[PARTS])
{
    const pid_t child = fork();
    int status;
    if (child == 0) {
        run(series, u, ns);
        exit(0); /* NOLINT(concurrency-mt-unsafe): there is one thread */
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        abort();
}

static void measure(const char *name, uint32_t series, const struct unique *u)
{
    static const char *const parts[PARTS] = { "worker", "control", "both" };
    struct micro ns[PARTS] = { 0 };
    double *of_child = mmap(NULL, PARTS * sizeof *of_child, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (of_child == MAP_FAILED)
        abort();
    for (int i = 0; i < RUNS; i++) {
        run_apart(series, u, of_child);
        for (int p = 0; p < PARTS; p++)
            micro_add(&ns[p], of_child[p]);
    }
    for (int p = 0; p < PARTS; p++) {
        char full[64];
        snprintf(full, sizeof full, "first_%s_%s", name, parts[p]);
        micro_print(full, micro_median(&ns[p]), "ns/series");
    }
    munmap(of_child, PARTS * sizeof *of_child);
}

int main(int argc, char **argv)
{
    const uint32_t series = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : SERIES;
    struct unique u;
    unique_init(&u, series);
    measure("shared", series, NULL);
    measure("unique", series, &u);
    free(u.bytes);
    free(u.end);
    return 0;
}
