/**
 * counters: what the HTTP server tells about itself.
 */
#ifndef HTTP_COUNTERS_H
#define HTTP_COUNTERS_H

#include "base/counters.h"
#include "http/http.h"

/* X(id, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define HTTP_COUNTERS(X)                                                                          \
    X(REQUESTS, "statsd_http_requests_total", COUNTER, "",                                        \
      "HTTP requests.")                                                                           \
    X(REJECTED, "statsd_http_requests_rejected_total", COUNTER, "",                               \
      "HTTP requests answered 404, 405, 414 or 503.")                                             \
    X(CONNECTIONS, "statsd_http_connections", GAUGE, "",                                          \
      "HTTP connections open now.")                                                               \
    X(REPLACED, "statsd_http_connections_replaced_total", COUNTER, "",                            \
      "Quiet HTTP connections closed to make room for new ones.")                                 \
    X(REFUSED, "statsd_http_connections_refused_total", COUNTER, "reason",                        \
      "HTTP connections closed at once because http.max_connections or http.max_per_ip was "      \
      "reached.")                                                                                 \
    X(TIMED_OUT, "statsd_http_connections_timed_out_total", COUNTER, "reason",                    \
      "HTTP connections closed because nothing moved for http.timeout (idle), or because the "    \
      "request was not complete 10 s after its first byte (request).")
/* clang-format on */

enum http_counter {
#define X(id, name, kind, labels, help) HTTP_COUNTER_##id,
    HTTP_COUNTERS(X)
#undef X
};

extern const struct counter_table http_counters;   /* of a struct http_stats */

#endif
