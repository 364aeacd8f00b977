/*
 * memory_bound: a PART for each row of MEMORY_PARTS, of sizes that the rooms tell:
 *
 *   largest_series                     aggregate, expose: the profile whose series take most
 *   mapping_bytes                      aggregate: rules, and spellings that they drop
 *   connection_bytes                   listen: a connection, and its part of the readers
 *   tls_connections, tls_handshakes    listen: how many may be at a time
 *   https_connections                  http: the same
 */
#include "core/memory_bound.h"

#include <assert.h>
#include <unistd.h>

#include "aggregate/check_board.h"
#include "aggregate/event_ring.h"
#include "aggregate/memory.h"
#include "api/api.h"
#include "api/live.h"
#include "api/tail_stream.h"
#include "base/tap_ring.h"
#include "capture/capture.h"
#include "core/core_mapping.h"
#include "core/core_opts.h"
#include "expose/scrape.h"
#include "http/http.h"
#include "listen/tap.h"
#include "listen/tls_door.h"
#include "listen/transport.h"
#include "listen/worker.h"
#include "mirror/mirror.h"
#include "sinks/redis.h"
#include "tls/session.h"

enum { PROCESS = 24 << 20, STACK = 256 << 10 };

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

const char *memory_bound_what(enum memory_part p)
{
    static const char *const what[] = {
#define X(id, text) text,
        MEMORY_PARTS(X)
#undef X
    };
    assert(p < MEMORY_PART_COUNT);
    return what[p];
}

unsigned memory_bound_workers(const struct config *c)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (c->server_workers > 0)
        return c->server_workers;
    return cores > 2 ? (unsigned)smaller((uint64_t)cores - 1, LISTEN_WORKERS_MAX) : 1;
}

/* Of a series of that profile which takes most, and of its lines. */
static void largest_series(const struct registry_opts *o, const struct core_mapping *m,
                           unsigned workers, struct aggregate_memory *ret, uint64_t *ret_exposed)
{
    *ret = (struct aggregate_memory){ 0 };
    *ret_exposed = 0;
    for (unsigned i = 0; i < m->n_profiles; i++) {
        const struct profile *p = profiles_at(m->profiles, (uint8_t)i);
        struct aggregate_memory one;
        aggregate_memory(o, p, workers, &one);
        ret->series = larger(ret->series, one.series);
        ret->timer = larger(ret->timer, one.timer);
        ret->gauge = larger(ret->gauge, one.gauge);
        ret->set = larger(ret->set, one.set);
        ret->restored = larger(ret->restored, one.restored);
        ret->large_set = larger(ret->large_set, one.large_set);
        *ret_exposed = larger(*ret_exposed, writers_exposed_bytes(p));
    }
}

/*
 * The rules, once more for a reload, which frees the old ones when all workers have the new; and
 * each worker's spellings that they drop.
 */
static uint64_t mapping_bytes(const struct config *c, const struct core_mapping *m,
                              unsigned workers)
{
    if (m->mapping == NULL)
        return 0;
    enum { TWICE = 2 };
    uint64_t rules =
        mapping_memory(m->mapping) + (workers + 1ull) * mapping_scratch_memory(m->mapping);
    return TWICE * rules + (uint64_t)workers * c->limits_max_series * AGGREGATE_DROPPED_BYTES;
}

/*
 * Of a series on /cluster/metrics: twice on a page, once in what is remembered of it, and for a
 * while in what was read of its shard.  A timer's moments are as many sketches as a window has.
 */
static uint64_t cluster_bytes(const struct config *c, const struct core_mapping *m)
{
    enum { PAGES = 2, KNOWN = 128, READ = 384 };
    struct registry_opts o = core_registry_opts(c, m, NULL);
    struct aggregate_memory one;
    uint64_t exposed;
    o.births = o.keep_intervals = false;
    o.exemplar_tag = NULL;
    largest_series(&o, m, 0, &one, &exposed);
    const uint64_t on_top = larger(one.timer, larger(one.gauge, one.set));
    return PAGES * one.series + KNOWN + READ + larger(PAGES * on_top, (PAGES + 1) * one.timer);
}

static uint64_t connections(const struct config *c)
{
    uint64_t n = 0;
    for (size_t i = 0; i < c->n_sockets; i++)
        n += socket_url_connections(&c->sockets[i]);
    return n;
}

/* The largest of a connection, and its part of what the workers' readers take. */
static uint64_t connection_bytes(const struct config *c, unsigned workers)
{
    uint64_t most = 0, readers = 0, n = connections(c);
    for (size_t i = 0; i < c->n_sockets; i++) {
        const struct transport *t = transport_of(c->sockets[i].transport);
        most = larger(most, t->connection_bytes);
        readers += (uint64_t)workers * t->reader_bytes;
    }
    return n == 0 ? 0 : most + readers / n + 1;
}

static uint64_t tls_connections(const struct config *c)
{
    uint64_t n = 0;
    for (size_t i = 0; i < c->n_sockets; i++)
        n += tls_door_wanted(&c->sockets[i]) ? socket_url_connections(&c->sockets[i]) : 0;
    return n;
}

static uint64_t tls_handshakes(const struct config *c)
{
    uint64_t n = 0;
    for (size_t i = 0; i < c->n_sockets; i++)
        n += tls_door_wanted(&c->sockets[i]) ? tls_door_handshakes(&c->sockets[i]) : 0;
    return n;
}

/* Whether the file asks for TLS is known to whoever reads it. */
static uint64_t https_connections(const struct config *c)
{
    if (c->http_web_config[0] == '\0')
        return 0;
    return smaller(c->http_max_connections, HTTP_SECURE_MAX) + HTTP_LEAVING_MAX;
}

/* A reader's, and its part of what all of them share. */
static uint64_t stream_bytes(const struct config *c)
{
    return larger(API_LIVE_EVENT_BYTES, TAIL_STREAM_BYTES) + API_LIVE_BYTES / c->http_max_streams +
           1;
}

/* The kernel doubles the size that is asked for. */
static uint64_t kernel_bytes(const struct config *c, unsigned workers)
{
    uint64_t n = 0;
    for (size_t i = 0; i < c->n_sockets; i++)
        n += 2 * c->sockets[i].rcvbuf *
             (socket_url_sockets(&c->sockets[i], workers) +
              (uint64_t)socket_url_connections(&c->sockets[i]));
    return n;
}

void memory_bound(const struct config *c, const struct core_mapping *m, unsigned workers,
                  struct memory_bound *ret)
{
    struct memory_bound b = { 0 };
    struct registry_opts registry = core_registry_opts(c, m, NULL);
    struct aggregate_memory one;
    uint64_t exposed;
    largest_series(&registry, m, workers, &one, &exposed);
    const uint64_t series = c->limits_max_series;
    const bool taken_over = c->server_control_socket[0] != '\0';
    const bool restores = c->server_state_dir[0] != '\0' || taken_over;
    /* Lines of the last process may stand beside as many of this one. */
    const uint64_t page = series * exposed * (restores ? 2 : 1);
    const bool http = c->http_listen[0] != '\0', redis = c->redis_url[0] != '\0';
#define PART(id, count, bytes)                                                                     \
    do {                                                                                           \
        b.part[MEMORY_##id].n = (count);                                                           \
        b.part[MEMORY_##id].each = (bytes);                                                        \
    } while (0)
    PART(PROCESS, 1, PROCESS + (uint64_t)workers * STACK);
    PART(WORKERS, workers, worker_memory(c->limits_max_line));
    PART(STREAMS, connections(c), connection_bytes(c, workers));
    PART(TLS, tls_connections(c), TLS_SESSION_BYTES);
    PART(HANDSHAKES, tls_handshakes(c), TLS_HANDSHAKE_BYTES - TLS_SESSION_BYTES);
    PART(SERIES, series, one.series);
    PART(TIMERS, series, larger(one.timer, larger(one.gauge, one.set)));
    const struct limit_opts limits = core_limit_opts(c);
    PART(SHARES, limits.shares.per_name > 0 || limits.shares.per_origin > 0 ? series : 0,
         SHARES_SERIES_BYTES);
    PART(RATES, limits.samples_per_name > 0 ? workers : 0, LIMIT_RATES_BYTES);
    PART(RESTORED, restores ? series : 0, one.restored);
    PART(EVENTS, 1,
         event_log_memory(EVENT_LOG_KEEP, c->limits_max_line) +
             (uint64_t)workers * EVENT_RING_BYTES);
    PART(SAMPLE, http && c->http_sample > 0 ? workers : 0, tap_budget_ring(c->http_sample));
    PART(CHECKS, c->prometheus_service_checks ? 1 : 0,
         check_board_memory() + (http ? SCRAPE_UNDER_WAY_MAX * check_board_page_bytes() : 0));
    PART(MAPPING, 1, mapping_bytes(c, m, workers));
    /* /cluster/metrics has as many of its own. */
    PART(BODIES, http ? SCRAPE_UNDER_WAY_MAX * (redis ? UINT64_C(2) : 1) : 0,
         scrape_memory(page, c->http_max_connections));
    PART(ANSWERS, http ? 1 : 0, API_MEMORY_BYTES + HTTP_BODIES_BYTES);
    PART(READERS, http ? c->http_max_streams : 0, stream_bytes(c));
    PART(CONNECTIONS, http ? c->http_max_connections + HTTP_LEAVING_MAX : 0, HTTP_CONNECTION_BYTES);
    PART(SECURE, http ? https_connections(c) : 0, TLS_HANDSHAKE_BYTES);
    PART(MIRROR, c->mirror_to[0] != '\0' ? 1 : 0,
         (uint64_t)workers * TAP_RING_BYTES + MIRROR_BYTES);
    PART(CAPTURE, c->capture_dir[0] != '\0' ? 1 : 0,
         CAPTURE_MEMORY_BYTES + (uint64_t)workers * CAPTURE_RING_BYTES);
    PART(SPOOL, redis ? 1 : 0, c->redis_spool_max_bytes + REDIS_SPOOL_BYTES);
    PART(NODES, redis_url_nodes(c->redis_url) * (http ? UINT64_C(2) : 1),
         REDIS_NODE_BYTES + TLS_HANDSHAKE_BYTES);
    PART(CLUSTER, redis && http ? series : 0, redis && http ? cluster_bytes(c, m) : 0);
    PART(EVENT_QUEUE, redis && c->redis_events_max > 0 ? 1 : 0, REDIS_EVENTS_BYTES);
#undef PART
    for (unsigned i = 0; i < MEMORY_PART_COUNT; i++)
        b.total += b.part[i].n * b.part[i].each;
    b.kernel = kernel_bytes(c, workers);
    const uint64_t spool = redis ? c->redis_spool_max_bytes : 0;
    if (redis && c->server_state_dir[0] != '\0')
        b.spool_disk = c->redis_spool_disk_max_bytes;
    if (c->server_state_dir[0] != '\0')
        b.state_file = series * AGGREGATE_STATE_BYTES + spool;
    if (c->capture_dir[0] != '\0')
        b.capture = c->capture_max_files * c->capture_max_file_bytes;
    if (taken_over) /* a line in the state is shorter than once it is loaded */
        b.takeover = 2 * b.total + series * one.restored + spool;
    b.large_set = one.large_set;
    *ret = b;
}
