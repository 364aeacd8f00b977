/*
 * Bytes that a series takes, of worker and control thread together: how much the process grew by
 * (resident memory), each case in a process of its own, so that none gets what another one freed.
 *
 *     memory_counters   a million counters with three tags of 50 values each
 *     memory_mixed      100,000 series, of which 60 % are counters, 30 % timers and 10 % gauges
 *     memory_unique     a million counters; one of the three tags is of that series alone
 *
 *     micro_memory [SERIES]      counters and unique of so many, mixed of a tenth
 */
#include <sys/wait.h>
#include <unistd.h>

#include "aggregate/registry.h"
#include "micro.h"
#include "micro_load.h"

enum { SERIES = 1000000, MIXED_SHARE = 10, TURNS = 3, LINE_ROOM = 128 };

struct server {
    struct micro_load load;
    struct registry *registry;
};

static double resident_bytes(void)
{
    unsigned long all, resident;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL)
        abort();
    int n = fscanf(f, "%lu %lu", &all, &resident); /* NOLINT(cert-err34-c): the kernel's own */
    (void)fclose(f);
    if (n != 2)
        abort();
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void server_init(struct server *s, uint32_t lines, const char *types)
{
    micro_load_init(&s->load, lines, types, lines, 1432);
    const struct registry_opts o = { .profiles = s->load.profiles,
                                     .keep_intervals = true,
                                     .limit = &s->load.limit };
    s->registry = registry_new(&o);
}

static void server_release(struct server *s)
{
    registry_free(s->registry);
    micro_load_release(&s->load);
}

static void turn(struct server *s)
{
    uint64_t now_ns = now_mono_ns();
    if (!ingest_turn(s->load.ingest, now_ns))
        abort();
    struct page *p = ingest_take(s->load.ingest);
    registry_merge(s->registry, p, now_ns);
    ingest_give(s->load.ingest, p);
}

static void payload_pass(struct server *s, uint32_t series)
{
    (void)series;
    micro_load_pass(&s->load, now_mono_ns());
}

static void unique_pass(struct server *s, uint32_t series)
{
    char room[PARSE_PAD_BEFORE + LINE_ROOM + PARSE_PAD_BEHIND] = "",
                                             *line = room + PARSE_PAD_BEFORE;
    lane_begin(s->load.lane, &s->load.source, (struct lane_clock){ .now_ns = now_mono_ns() });
    for (uint32_t i = 0; i < series; i++) {
        int n = snprintf(line, LINE_ROOM,
                         "bench.requests.%03u.count:1|c|#env:prod,region:eu-%u,"
                         "user_id:u-%08x",
                         i % 100, i % 7, i * 2654435761u);
        lane_datagram(s->load.lane,
                      &(struct lane_datagram){ .ptr = line, .len = (size_t)n, .padded = true });
        lane_flush(s->load.lane); /* the line is overwritten */
    }
}

struct case_of {
    const char *name, *types;
    void (*pass)(struct server *s, uint32_t series);
    uint32_t share; /* of the series asked for: one in so many */
    bool generated; /* the generator's payload is read */
};

static void measure(const struct case_of *c, uint32_t series)
{
    struct server s;
    char name[64];
    server_init(&s, c->generated ? series : 1, c->types);
    double before = resident_bytes();
    for (int i = 0; i < TURNS; i++) {
        c->pass(&s, series);
        turn(&s);
    }
    double grown = resident_bytes() - before;
    uint64_t n = 0;
    for (unsigned k = 0; k < SERIES_KIND_COUNT; k++)
        n += registry_count(s.registry, (enum series_kind)k);
    snprintf(name, sizeof name, "memory_%s", c->name);
    micro_print(name, grown / (double)n, "bytes/series");
    server_release(&s);
}

int main(int argc, char **argv)
{
    static const struct case_of cases[] = {
        { "counters", "c=1", payload_pass, 1, true },
        { "mixed", "c=60,ms=30,g=10", payload_pass, MIXED_SHARE, true },
        { "unique", "c=1", unique_pass, 1, false },
    };
    uint32_t series = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : SERIES;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            measure(&cases[i], series / cases[i].share);
            exit(0); /* NOLINT(concurrency-mt-unsafe): there is one thread */
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            return 1;
    }
    return 0;
}
