/**
 * exposition: one rendering of /metrics on its way to those who asked for it together.  Private to app/.
 *
 *     registry walk -> pieces -+-------------------------------> plain stream -> readers
 *                              +-> gzip on libuv's pool -------> gzip stream  -> readers
 *
 * Each form is made once, and only if somebody asked for it.  Rendering goes on as the fastest reader reads, some pieces ahead of
 * it: memory does not grow with the number of series, and the control thread does other work between two pieces.  What fits into
 * the first pieces (some thousands of series) is all of one moment; beyond that each series' lines are, and every one is at least
 * as fresh as the request.
 *
 *   thread   control
 */
#ifndef APP_EXPOSITION_H
#define APP_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "aggregate/registry.h"
#include "aggregate/registry_walk.h"
#include "base/buf.h"
#include "base/counters.h"
#include "http/http.h"
#include "sinks/prometheus.h"

/* The most that waits for a form's readers: made ahead of the fastest, and what a slower one may be behind it. */
enum { EXPOSITION_PENDING_BYTES = 9 << 20 };

/* X(id, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define EXPOSITION_COUNTERS(X)                                                                    \
    X(CUT, "statsd_http_scrapes_cut_total", COUNTER, "",                                          \
      "Clients of /metrics cut off because they read too slowly while others asked.")             \
    X(REFUSED, "statsd_http_scrapes_refused_total", COUNTER, "",                                  \
      "Requests for /metrics answered 503 because as many pages as may be were being read.")      \
    X(SECONDS, "statsd_last_render_duration_seconds", GAUGE, "",                                  \
      "Time the last rendering of /metrics took on the control thread.")                          \
    X(BYTES, "statsd_last_render_bytes", GAUGE, "",                                               \
      "Size of the last rendering of /metrics.")
/* clang-format on */

enum exposition_counter {
#define X(id, name, kind, labels, help) EXPOSITION_##id,
    EXPOSITION_COUNTERS(X)
#undef X
};

struct exposition_stats {
    uint64_t cut, refused;
    double seconds, bytes;                  /* of the last rendering */
};

extern const struct counter_table exposition_counters;   /* of a struct exposition_stats */

/* What is shown, all borrowed. */
struct exposition_source {
    uv_loop_t *loop;
    struct registry *registry;
    struct prometheus *prometheus;
    void (*put_own)(void *cookie, struct buf *out);   /* append the server's own numbers */
    void *cookie;
    struct exposition_stats *stats;         /* written */
};

struct exposition {
    struct exposition *next;                /* the owner's list */
    const struct exposition_source *source;
    struct registry_walk walk;
    bool started, rendered;
    double bytes;                           /* rendered so far ... */
    uint64_t took_ns;                       /* ... in so much time */
    struct exposition_form {
        struct http_stream *stream;         /* NULL: nobody asked for it, or it is over */
        struct http_request **to;           /* to be answered when there is a first piece */
        size_t n_to;
        bool ended;                         /* what comes now is up to its readers */
    } plain, gzip;
    struct http_body *piece;                /* rendered; the compressor has not taken it */
    struct gzip *compressor;
    uv_work_t work;
    enum { PACK_IDLE, PACK_BUSY, PACK_DONE } packing;
    struct http_body *unpacked;             /* the compressor's: in ... */
    struct buf packed;                      /* ... and out */
    bool last;                              /* unpacked is the last piece */
    void (*again)(void *cookie);
    void *cookie;
};

/**
 * exposition_new(src, to, n, again, cookie):
 *   to       the requests, n > 0 of them; each is answered by this exposition
 *   again    step it again; any thread, and it may do no more than wake the control thread
 */
struct exposition *exposition_new(const struct exposition_source *src, struct http_request *const *to, size_t n,
                                  void (*again)(void *cookie), void *cookie);

/* Go on as far as the readers let it.  returns  false: it is over, nobody reads it any more; free it */
bool exposition_step(struct exposition *e);

/* Nothing is left to do but to wait for slow readers; freed now, they still read it to its end. */
bool exposition_made(const struct exposition *e);

/* Nobody waits for it or reads it any more; it may have to wait for the compressor before it is freed. */
bool exposition_over(const struct exposition *e);

/* Who waits for it or reads it, as http_stream_readings. */
size_t exposition_readings(const struct exposition *e, uint64_t now_ns, struct http_reading *ret, size_t cap);

/* Bytes kept for its readers. */
size_t exposition_held(const struct exposition *e);

/* Cut off who still reads, answer 503 to who got nothing yet; step it until it is over. */
void exposition_cut(struct exposition *e);

void exposition_free(struct exposition *e);

#endif
