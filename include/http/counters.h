/**
 * counters: the HTTP server's numbers, and how /metrics shows them.
 *   thread   any
 */
#ifndef HTTP_COUNTERS_H
#define HTTP_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counters.h"
#include "http/auth.h"
#include "http/guard_reasons.h"

/* X(id, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define HTTP_COUNTERS(X)                                                                          \
    X(REQUESTS, "statsd_http_requests_total", COUNTER, "",                                        \
      "HTTP requests.")                                                                           \
    X(REJECTED, "statsd_http_requests_rejected_total", COUNTER, "",                               \
      "HTTP requests answered 401, 403 (no client certificate, or of another site), 404, 405, "   \
      "413, 414, 421, 429 or 503 by the server itself.")                                          \
    X(AUTH, "statsd_http_auth_total", COUNTER, "result",                                          \
      "HTTP requests by their user and password: checked now (ok, bad: also without any), "       \
      "remembered from a check before (cached_ok, cached_bad), or answered 429 because too "      \
      "many checks wait (busy).")                                                                 \
    X(RATE_LIMITED, "statsd_http_rate_limited_total", COUNTER, "",                                \
      "HTTP requests answered 429 because of rate_limit in http.web_config.")                     \
    X(GUARDED, "statsd_http_guarded_total", COUNTER, "reason",                                    \
      "HTTP requests kept off the page and the API because a browser sent them for another "      \
      "site: its name in Host (421, see http.hosts), in Origin, or Sec-Fetch-Site said "          \
      "cross-site (403).")                                                                        \
    X(CONNECTIONS, "statsd_http_connections", GAUGE, "",                                          \
      "HTTP connections open now.")                                                               \
    X(REPLACED, "statsd_http_connections_replaced_total", COUNTER, "",                            \
      "Quiet HTTP connections closed to make room for new ones.")                                 \
    X(REFUSED, "statsd_http_connections_refused_total", COUNTER, "reason",                        \
      "HTTP connections closed at once: http.max_connections or http.max_per_ip was reached, "    \
      "the address is not in http.allow (network), or too many TLS handshakes began in this "     \
      "second: limits.tls_handshakes_per_second of all (handshakes), an eighth of it of one "     \
      "address (handshakes_per_ip).")                                                             \
    X(TIMED_OUT, "statsd_http_connections_timed_out_total", COUNTER, "reason",                    \
      "HTTP connections closed because nothing moved for http.timeout (idle), or because the "    \
      "request was not complete 10 s after its first byte (request).")                            \
    X(HANDSHAKES, "statsd_http_tls_handshakes_total", COUNTER, "result",                          \
      "TLS handshakes of HTTP clients: ok, or why they failed: plain_text, closed (by the "       \
      "client), parameters (no version, cipher or curve in common), certificate (the client's), " \
      "timeout (http.timeout), other.")                                                           \
    X(STREAMS, "statsd_http_streams", GAUGE, "",                                                  \
      "Readers of live data (/api/v1/stream, /api/v1/tail) now; http.max_streams is their limit.") \
    X(STREAMS_OPENED, "statsd_http_streams_opened_total", COUNTER, "",                            \
      "Readers of live data that were let in.")                                                   \
    X(STREAMS_OVERTAKEN, "statsd_http_streams_overtaken_total", COUNTER, "",                      \
      "Times a reader of live data was so slow that it missed events, and was sent a summary.")   \
    X(STREAMS_REFUSED, "statsd_http_streams_refused_total", COUNTER, "reason",                    \
      "Readers of live data answered 503 because http.max_streams, or 16 tails, were reached "    \
      "(max_streams), or http.max_streams_per_ip by one address (max_streams_per_ip).")           \
    X(EXPIRES, "statsd_http_tls_certificate_expiry_timestamp_seconds", GAUGE, "",                 \
      "Unix time after which the certificate of the HTTP server is out of date.")
/* clang-format on */

enum http_counter {
#define X(id, name, kind, labels, help) HTTP_COUNTER_##id,
    HTTP_COUNTERS(X)
#undef X
};

enum http_handshake_result {
    HTTP_HANDSHAKE_OK,
    HTTP_HANDSHAKE_PLAIN_TEXT,
    HTTP_HANDSHAKE_CLOSED,
    HTTP_HANDSHAKE_PARAMETERS,
    HTTP_HANDSHAKE_CERTIFICATE,
    HTTP_HANDSHAKE_TIMEOUT,
    HTTP_HANDSHAKE_OTHER,
    HTTP_HANDSHAKE_RESULTS
};

/* What the rows are read from: http_stats fills it.  Counted since start, but for those "now". */
struct http_stats {
    uint64_t requests; /* with a well-formed head */
    uint64_t rejected; /* of these, answered by the server itself: 401, 403, 404, ... */
    struct http_auth_stats auth;
    uint64_t rate_limited;                     /* of those rejected */
    uint64_t guarded[HTTP_GUARD_REASON_COUNT]; /* of those rejected */
    uint64_t waiting;                          /* for their owner's answer, now */
    uint64_t connections;                      /* now */
    uint64_t refused_full;         /* connections closed at once: at max_connections ... */
    uint64_t refused_per_ip;       /* ... or at max_per_ip, and none could make room */
    uint64_t replaced;             /* quiet connections closed to make room for a new one */
    uint64_t timed_out_idle;       /* connections on which nothing moved for timeout_s */
    uint64_t timed_out_request;    /* connections whose request was not complete in time */
    uint64_t streams, streams_max; /* readers of feeds, now, and at most */
    uint64_t streams_opened, streams_overtaken;       /* see http/feed.h */
    uint64_t streams_refused, streams_refused_per_ip; /* at streams_max, or of one address */
    uint64_t refused_network; /* connections closed at once: not in the networks allowed */
    bool tls;                 /* the others are of a server with TLS: */
    uint64_t refused_handshakes, refused_handshakes_per_ip; /* closed at once */
    uint64_t handshakes[HTTP_HANDSHAKE_RESULTS];
    int64_t tls_expires_s; /* unix time, of the current certificate */
};

extern const struct counter_table http_counters; /* of a struct http_stats */

#endif
