#include "app/descriptors.h"

#include <assert.h>
#include <sys/resource.h>

#include "base/log.h"
#include "http/http.h"
#include "listen/socket_url.h"
#include "sinks/redis_files.h"

/*
 * OWN: 0 to 2, what the control thread's loop has (a poll set and an event; four more for signals
 * and the pool), and files that are open for a moment (the config, /proc).  PER_WORKER: its loop's
 * poll set and event.  REDIS: besides the sockets to nodes, those of 16 lookups.  HTTP: the
 * listening socket, and the poll set and events of its thread.
 */
enum { OWN = 24, PER_WORKER = 2, REDIS = 32, HTTP = 4 };

/* All but connections of streams. */
static uint64_t without_streams(const struct config *c, unsigned workers)
{
    assert(workers > 0);
    uint64_t n = OWN + PER_WORKER * (uint64_t)workers;
    for (size_t i = 0; i < c->n_sockets; i++)
        n += socket_url_descriptors(&c->sockets[i], workers);
    const uint64_t nodes = redis_url_nodes(c->redis_url);
    if (nodes > 0) /* /cluster/metrics has as many of its own */
        n += REDIS + nodes * (c->http_listen[0] != '\0' ? 2 : 1);
    if (c->http_listen[0] != '\0')
        n += HTTP + HTTP_LEAVING_MAX + (uint64_t)c->http_max_connections;
    return n;
}

static uint64_t of_streams(const struct config *c)
{
    uint64_t n = 0;
    for (size_t i = 0; i < c->n_sockets; i++)
        n += socket_url_connections(&c->sockets[i]);
    return n;
}

void descriptors_prepare(const struct config *c, unsigned workers, struct descriptors *ret)
{
    struct rlimit limit;
    const uint64_t first = without_streams(c, workers), streams = of_streams(c);
    *ret = (struct descriptors){ c->http_max_connections, streams };
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    struct rlimit raised = { limit.rlim_max, limit.rlim_max };
    if (limit.rlim_cur < limit.rlim_max && setrlimit(RLIMIT_NOFILE, &raised) == 0)
        limit = raised;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= first + streams)
        return;
    if (limit.rlim_cur < first) {
        uint64_t lacking = first - limit.rlim_cur, http = c->http_max_connections;
        ret->http_connections = http > lacking ? (uint32_t)(http - lacking) : 1;
    }
    if (streams > 0)
        ret->stream_connections = limit.rlim_cur > first ? limit.rlim_cur - first : 1;
    LOG(LOG_WARN, "the limit on open files is too low", F_U64("limit", limit.rlim_cur),
        F_U64("needed", first + streams), F_U64("http_connections", ret->http_connections),
        F_U64("stream_connections", ret->stream_connections),
        F_STR("remedy", "raise it (ulimit -n, LimitNOFILE of the service), or lower "
                        "http.max_connections, or limits.max_connections of streams"));
}
