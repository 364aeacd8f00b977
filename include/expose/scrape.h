/**
 * scrape: requests for /metrics, from the HTTP thread to an exposition and back.
 *
 *     desk: waits for a page turn --> who asked for the same form --> exposition --> readers
 *
 * Requests that wait for the same turn and want the same form share one exposition.  Of a form so
 * large that a slower reader could be left behind by a faster one, each address gets its own as
 * long as there is room.
 *
 * At most SCRAPE_UNDER_WAY_MAX expositions are being rendered.  For one more the one is cut off
 * that is read least (room.h); if all are being read, the new requests get 503.  And a new one
 * begins only when those that are rendered keep no more than SCRAPE_LEFT_BYTES for slow readers:
 * beyond that those are cut off that are read least.
 *
 *   thread   control
 */
#ifndef EXPOSE_SCRAPE_H
#define EXPOSE_SCRAPE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "aggregate/registry.h"
#include "base/buf.h"
#include "expose/counters.h"
#include "expose/writer.h"
#include "http/desk.h"

struct exposition;
struct scrape;

enum { SCRAPE_UNDER_WAY_MAX = 16, SCRAPE_LEFT_BYTES = 64 << 20 };

struct scrape_opts {
    uv_loop_t *loop;
    struct registry *registry;  /* NULL: scrape_show says which, before any turn is over */
    struct expose_stats *stats; /* written */
    /* Append the server's own numbers (render_counters). */
    void (*put_own)(void *own, struct writer *w, struct buf *out);
    /*
     * Nothing reads r any more, in whose place another one is shown; it may be freed.  NULL: there
     * never is another one
     */
    void (*left)(void *own, struct registry *r);
    void *own;
    /* As in http/desk.h. */
    uint64_t (*ask_turn)(void *turn);
    void *turn;
};

/* What opts points to is borrowed until scrape_free. */
int scrape_new(const struct scrape_opts *opts, struct scrape **ret);

/* When the monotonic clock was 0, in Unix milliseconds, as the writers have it. */
int64_t scrape_zero_ms(const struct scrape *s);

/* For http_route: http_mailbox_ask and this. */
struct http_mailbox *scrape_mailbox(struct scrape *s);

/* All turns up to number `done` are over: begin an exposition for those who waited for one. */
void scrape_turned(struct scrape *s, uint64_t done);

/* scrape_turned, but nothing can be shown: those get 503 and the text, a line without its end. */
void scrape_refused(struct scrape *s, uint64_t done, const char *text);

/**
 * scrape_show(s, r):
 * From now on expositions are of r.  Those under way go on with what they are of, which is borrowed
 * until opts.left is called for it.
 */
void scrape_show(struct scrape *s, struct registry *r);

/* Cut off all that is not of the registry shown. */
void scrape_cut_earlier(struct scrape *s);

/**
 * scrape_stop(s): Answer whoever waits with 503.  What is rendered is left to its
 * readers.  Expositions under way go on in the loop: run it until scrape_idle; scrape_cut hurries
 * them.
 */
void scrape_stop(struct scrape *s);
bool scrape_idle(const struct scrape *s);
void scrape_cut(struct scrape *s);

/*
 * Stopped and idle, after the HTTP server; s is gone when the loop has run once more.  NULL is
 * fine.
 */
void scrape_free(struct scrape *s);

/*
 * Bytes that one of SCRAPE_UNDER_WAY_MAX expositions keeps at most, its compressor included.
 *   page           bytes of the largest page
 *   connections    how many may read at a time
 */
uint64_t scrape_memory(uint64_t page, uint32_t connections);

#endif
