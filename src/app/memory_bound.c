#include "app/memory_bound.h"

#include <unistd.h>

#include "aggregate/members.h"
#include "app/core_opts.h"
#include "app/scrape.h"
#include "protocol/parse.h"

/**
 * What one of each takes, in bytes.  Text of a series (name and tags) is taken as TEXT; limits.max_tags and max_tag_len allow far
 * more, but no client sends a million such series.
 *
 *   a spelling at a worker    64 the cell + 64 its slot (16, the table half to a quarter full, both while it grows) + 48
 *                             lists of pages; at worst twice as many as series (ingest.h).  A gauge has a cell of 128 and two
 *                             aliases of 64, each with its slot
 *   a series in the registry  128 its head + 128 family or label text + 48 index and limit + 24 lists + TEXT twice
 *                             (identity, batch of Redis, label text)
 *   a timer on top            128 for the cell's two sketches + a sketch of 64 + window for each: two pages of a worker, the
 *                             interval, and the ages of the sliding window and one more
 *   a gauge on top            where several sockets are read, a list of GAUGE_RECENT_MAX steps of 24 for each page of a worker
 *                             and in the registry
 *   a set on top              32 for its cell + 8 for each of 16 places, which hold 8 members, in two pages of a worker; the same
 *                             in the interval, and in the window with a byte more for each place
 *   a window                  two decades of values: 2^schema * log2(100) buckets, in steps of 16, of 2 bytes
 */
enum {
    TEXT = 128,
    CELL = 128 + 2 * 64 + 3 * 64 + 48,
    GAUGE_LIST = 64 * 24 + 16,
    SERIES = 128 + 128 + 48 + 24 + 2 * TEXT,
    SKETCH = 64,
    LINE = 2 * TEXT,          /* of a series on /metrics: name, labels, value */
    CONNECTION = 48 * 1024,   /* libmicrohttpd's memory pool and our request */
    PROCESS = 24 << 20,
    STACK = 256 << 10,
    SLOTS = 64,               /* datagrams of one receive call */
    FEW_PLACES = 16,
    FEW_TABLE = 8 * FEW_PLACES,
    BATCH_LINE = 64           /* of a batch, for each byte of the longest line: samples of 112, values, text */
};

static uint64_t window_bytes(uint32_t schema)
{
    uint64_t buckets = ((6644ull << schema) + 999) / 1000;   /* log2(100) = 6.644 */
    buckets = (buckets + 31) / 16 * 16;
    return 2 * buckets;
}

static uint64_t set_bytes(unsigned workers)
{
    return 2ull * workers * (32 + 2 * FEW_TABLE) + FEW_TABLE + FEW_TABLE + FEW_PLACES;
}

static uint64_t lines_of_timer(const struct config *c)
{
    const struct doubles *list =
        c->prometheus_observer_type == OBSERVER_HISTOGRAM ? &c->prometheus_buckets : &c->aggregate_quantiles;
    return list->n + 3;
}

static uint64_t timer_bytes(const struct config *c, unsigned workers)
{
    uint64_t sketch = SKETCH + window_bytes(c->aggregate_sketch_schema);
    uint64_t bytes = 2ull * workers * (128 + 2 * sketch);   /* 2: spellings of a series, as for CELL */
    bytes += c->redis_url[0] != '\0' ? sketch : 0;
    if (c->prometheus_observer_type == OBSERVER_HISTOGRAM)
        bytes += (c->prometheus_buckets.n + 1) * 8 * (1 + 4ull * workers);
    else
        bytes += (c->aggregate_summary_age_buckets + 1) * (sketch + 16) + c->aggregate_quantiles.n * 8;
    return bytes;
}

static uint64_t gauge_bytes(const struct config *c, unsigned workers)
{
    return workers > 1 || c->n_sockets > 1 ? (2ull * workers + 1) * GAUGE_LIST : 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

const char *memory_bound_what(enum memory_part p)
{
    static const char *const what[] = {
#define X(id, text) text,
        MEMORY_PARTS(X)
#undef X
    };
    return what[p];
}

unsigned memory_bound_workers(const struct config *c)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (c->server_workers > 0)
        return c->server_workers;
    return cores > 2 ? (cores - 1 < 64 ? (unsigned)cores - 1 : 64) : 1;
}

void memory_bound(const struct config *c, unsigned workers, struct memory_bound *ret)
{
    struct memory_bound b = { 0 };
    uint64_t series = c->limits_max_series, page = series * LINE * lines_of_timer(c);
    const uint64_t pending = EXPOSITION_PENDING_BYTES, forms = 2 * SCRAPE_UNDER_WAY_MAX;
    uint64_t left = c->http_max_connections * page;   /* of pages that are made, for slow readers */
    left = left < SCRAPE_LEFT_BYTES ? left : SCRAPE_LEFT_BYTES;
#define PART(id, count, bytes)                                                                     \
    do {                                                                                           \
        b.part[MEMORY_##id].n = (count);                                                           \
        b.part[MEMORY_##id].each = (bytes);                                                        \
    } while (0)
    PART(PROCESS, 1, PROCESS + (uint64_t)workers * STACK);
    PART(WORKERS, workers, SLOTS * (uint64_t)(DATAGRAM_MAX + 1) + BATCH_LINE * (uint64_t)c->limits_max_line + (1 << 20));
    PART(SERIES, series, SERIES + (uint64_t)workers * CELL);
    uint64_t timer = timer_bytes(c, workers), other = larger(gauge_bytes(c, workers), set_bytes(workers));
    PART(TIMERS, series, larger(timer, other));
    PART(BODIES, c->http_listen[0] != '\0' ? forms : 0, (page < pending ? page : pending) + left / forms);
    PART(CONNECTIONS, c->http_listen[0] != '\0' ? c->http_max_connections + HTTP_LEAVING_MAX : 0, CONNECTION);
    PART(SPOOL, c->redis_url[0] != '\0' ? 1 : 0, c->redis_spool_max_bytes);
#undef PART
    for (unsigned i = 0; i < MEMORY_PART_COUNT; i++)
        b.total += b.part[i].n * b.part[i].each;
    for (size_t i = 0; i < c->n_sockets; i++)   /* the kernel doubles what is asked for */
        b.kernel += 2 * c->sockets[i].rcvbuf * socket_url_sockets(&c->sockets[i], workers);
    /* Two pages of each worker, the interval, the open step of the window and those before it. */
    b.large_set = (2ull * workers + 2 + core_registry_opts(c, NULL).set_steps) * MEMBERS_REGISTERS;
    *ret = b;
}
