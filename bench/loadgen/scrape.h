/**
 * scrape: read the server's own counters from its /metrics, once.
 *   thread   any (no state)
 */
#ifndef LOADGEN_SCRAPE_H
#define LOADGEN_SCRAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct scrape_url {
    char host[128], port[8], path[256];
    /* Another server's counter of the lines it took, read as SAMPLES_AGGREGATED; empty: our own
     * name */
    char samples[128];
};

/* http://host[:port][/path]; the path is /metrics when none is given.   returns  0; -EINVAL */
int scrape_url_parse(const char *text, struct scrape_url *ret);

/**
 * scrape_get(url, timeout_ms, body):
 * One GET over HTTP/1.1, the connection closed afterwards.  Chunked bodies (RFC 9112, 7.1) are
 * joined, their extensions and trailers skipped.
 *   body     cleared, then the response's body
 *   returns  0; -ETIMEDOUT; -ENOENT: no such host; -EPROTO: not HTTP, a status other than 200, or a
 *            body that breaks off; another -errno
 */
int scrape_get(const struct scrape_url *url, int timeout_ms, struct buf *body);

/* X(id, name of the metric): summed over the labels. */
/* clang-format off */
#define SCRAPE_COUNTERS(X)                                        \
    X(DATAGRAMS, "statsd_datagrams_received_total")               \
    X(KERNEL_DROPS, "statsd_udp_kernel_drops_total")              \
    X(LINES, "statsd_lines_received_total")                       \
    X(SAMPLES_READ, "statsd_samples_read_total")                  \
    X(SAMPLES_AGGREGATED, "statsd_samples_aggregated_total")      \
    X(SAMPLES_REJECTED, "statsd_samples_rejected_total")          \
    X(SAMPLES_REFUSED, "statsd_samples_refused_total")            \
    X(VALUES_AGGREGATED, "statsd_values_aggregated_total")        \
    X(SERIES, "statsd_series")                                    \
    X(FLUSH_SECONDS, "statsd_last_flush_duration_seconds")        \
    X(RENDER_SECONDS, "statsd_last_render_duration_seconds")      \
    X(CPU_SECONDS, "process_cpu_seconds_total")                   \
    X(RESIDENT_BYTES, "process_resident_memory_bytes")

enum scrape_counter {
#define X(id, name) SCRAPE_##id,
    SCRAPE_COUNTERS(X)
#undef X
    SCRAPE_COUNT
};
/* clang-format on */

extern const char *const scrape_name[SCRAPE_COUNT];

enum { SCRAPE_REASONS_MAX = 48 };

struct scrape_reason {
    char name[48];
    double count;
};

struct scrape_counters {
    double v[SCRAPE_COUNT];
    bool has[SCRAPE_COUNT];
    /* samples_rejected by its label, those above 0 */
    struct scrape_reason rejected[SCRAPE_REASONS_MAX];
    size_t n_rejected;
};

/* Read an exposition; samples as in scrape_url.  What is not there stays 0 with has = false. */
void scrape_read(struct slice text, const char *samples, struct scrape_counters *ret);

#endif
