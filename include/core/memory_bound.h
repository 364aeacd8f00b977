/**
 * memory_bound: how much memory a config lets the server take, part by part.
 *   thread   any
 */
#ifndef CORE_MEMORY_BOUND_H
#define CORE_MEMORY_BOUND_H

#include "config/config.h"

struct core_mapping;

/* X(id, what) */
/* clang-format off */
#define MEMORY_PARTS(X)                                                                            \
    X(PROCESS,     "program, libraries, stacks")                                                   \
    X(WORKERS,     "workers: receive batches")                                                     \
    X(STREAMS,     "streams: connections, each inside the longest line")                           \
    X(TLS,         "TLS: sessions")                                                                \
    X(HANDSHAKES,  "TLS: more for each handshake (limits.tls_handshakes_per_second)")              \
    X(SERIES,      "series, all of them counters or gauges")                                       \
    X(TIMERS,                                                                                      \
     "more, if all are timers over two decades, sets of 8 members, or gauges changed up and down") \
    X(SHARES,      "limits.max_series_per_name, max_series_per_origin: who has how many")          \
    X(RATES,       "limits.max_samples_per_name: what each worker counts")                         \
    X(RESTORED,    "lines of the last process whose series have not come back (a saved state)")    \
    X(EVENTS,      "the last events and service checks, and those on their way")                   \
    X(SAMPLE,      "a sample of what arrives, until it is looked at (http.sample)")                \
    X(CHECKS,      "statuses of service checks (prometheus.service_checks)")                       \
    X(MAPPING,     "mapping: rules, and spellings that they drop")                                 \
    X(BODIES,      "HTTP: what waits for slow readers of /metrics, and compressors")               \
    X(ANSWERS,     "HTTP: what waits for slow readers of /api/v1/")                                \
    X(READERS,     "HTTP: what waits for slow readers of live data (http.max_streams)")            \
    X(CONNECTIONS, "HTTP: connections")                                                            \
    X(SECURE,      "HTTP: TLS of connections (http.web_config)")                                   \
    X(MIRROR,      "mirror: a ring for each worker, and what it remembers (mirror.to)")            \
    X(CAPTURE,     "capture: what waits for the disk (capture.dir)")                               \
    X(SPOOL,       "Redis: intervals waiting (redis.spool_max_bytes)")                             \
    X(EVENT_QUEUE, "Redis: events and service checks waiting")                                     \
    X(NODES,       "Redis: connections to nodes, by the hosts of redis.url")                       \
    X(CLUSTER,     "Redis: /cluster/metrics: two pages of all instances' series")

enum memory_part {
#define X(id, what) MEMORY_##id,
    MEMORY_PARTS(X)
#undef X
    MEMORY_PART_COUNT
};
/* clang-format on */

struct memory_bound {
    struct {
        uint64_t n, each; /* bytes = n * each */
    } part[MEMORY_PART_COUNT];
    uint64_t total;      /* of the process: the sum of the parts */
    uint64_t large_set;  /* not in total: more for each set with over MEMBERS_EXACT members in every
                           interval of its window */
    uint64_t spool_disk; /* on the disk: what waits for Redis and has no room in memory */
    uint64_t state_file; /* on the disk, where all series are counters; twice while it is written */
    uint64_t capture;    /* on the disk, while one runs: files of capture.dir */
    uint64_t takeover;   /* two processes, and the state in memory; 0: there can be none */
    uint64_t kernel;     /* not in total: receive buffers, which are the kernel's */
};

const char *memory_bound_what(enum memory_part p);

/* workers: as memory_bound_workers returns. */
void memory_bound(const struct config *c, const struct core_mapping *m, unsigned workers,
                  struct memory_bound *ret);

/* How many workers server.workers means on this machine; 0 is by its cores. */
unsigned memory_bound_workers(const struct config *c);

#endif
