#include "http/counters.h"

static void put(struct counter_lines *to, const char *word, uint64_t value)
{
    counter_put(to, &word, (double)value);
}

static void put_handshakes(struct counter_lines *to, const struct http_stats *s)
{
    static const char *const results[] = {
        [HTTP_HANDSHAKE_OK] = "ok",
        [HTTP_HANDSHAKE_PLAIN_TEXT] = "plain_text",
        [HTTP_HANDSHAKE_CLOSED] = "closed",
        [HTTP_HANDSHAKE_PARAMETERS] = "parameters",
        [HTTP_HANDSHAKE_CERTIFICATE] = "certificate",
        [HTTP_HANDSHAKE_TIMEOUT] = "timeout",
        [HTTP_HANDSHAKE_OTHER] = "other",
    };
    for (int i = 0; s->tls && i < HTTP_HANDSHAKE_RESULTS; i++)
        put(to, results[i], s->handshakes[i]);
}

static void put_refused(struct counter_lines *to, const struct http_stats *s)
{
    put(to, "max_connections", s->refused_full);
    put(to, "max_per_ip", s->refused_per_ip);
    put(to, "network", s->refused_network);
    if (!s->tls)
        return;
    put(to, "handshakes", s->refused_handshakes);
    put(to, "handshakes_per_ip", s->refused_handshakes_per_ip);
}

static void put_guarded(struct counter_lines *to, const struct http_stats *s)
{
    static const char *const reasons[] = {
#define X(id, word) word,
        HTTP_GUARD_REASONS(X)
#undef X
    };
    for (int i = 0; i < HTTP_GUARD_REASON_COUNT; i++)
        put(to, reasons[i], s->guarded[i]);
}

static void put_row(const void *of, size_t row, struct counter_lines *to)
{
    const struct http_stats *s = of;
    switch ((enum http_counter)row) {
    case HTTP_COUNTER_REQUESTS:
        counter_put(to, NULL, (double)s->requests);
        break;
    case HTTP_COUNTER_REJECTED:
        counter_put(to, NULL, (double)s->rejected);
        break;
    case HTTP_COUNTER_AUTH:
        put(to, "ok", s->auth.ok);
        put(to, "bad", s->auth.bad);
        put(to, "cached_ok", s->auth.cached_ok);
        put(to, "cached_bad", s->auth.cached_bad);
        put(to, "busy", s->auth.busy);
        break;
    case HTTP_COUNTER_RATE_LIMITED:
        counter_put(to, NULL, (double)s->rate_limited);
        break;
    case HTTP_COUNTER_GUARDED:
        put_guarded(to, s);
        break;
    case HTTP_COUNTER_CONNECTIONS:
        counter_put(to, NULL, (double)s->connections);
        break;
    case HTTP_COUNTER_REPLACED:
        counter_put(to, NULL, (double)s->replaced);
        break;
    case HTTP_COUNTER_REFUSED:
        put_refused(to, s);
        break;
    case HTTP_COUNTER_TIMED_OUT:
        put(to, "idle", s->timed_out_idle);
        put(to, "request", s->timed_out_request);
        break;
    case HTTP_COUNTER_HANDSHAKES:
        put_handshakes(to, s);
        break;
    case HTTP_COUNTER_STREAMS:
        counter_put(to, NULL, (double)s->streams);
        break;
    case HTTP_COUNTER_STREAMS_OPENED:
        counter_put(to, NULL, (double)s->streams_opened);
        break;
    case HTTP_COUNTER_STREAMS_OVERTAKEN:
        counter_put(to, NULL, (double)s->streams_overtaken);
        break;
    case HTTP_COUNTER_STREAMS_REFUSED:
        put(to, "max_streams", s->streams_refused);
        put(to, "max_streams_per_ip", s->streams_refused_per_ip);
        break;
    case HTTP_COUNTER_EXPIRES:
        if (s->tls)
            counter_put(to, NULL, (double)s->tls_expires_s);
        break;
    }
}

const struct counter_table http_counters = COUNTERS_TABLE(HTTP_COUNTERS, put_row);
