/**
 * scrape: requests for /metrics, from the HTTP thread to a body and back.  Private to app/.
 *
 * A request waits for the next page turn, so that it shows all that came in before it (P2).  Requests that wait for the same
 * turn share one body, rendered once, and compressed once on libuv's thread pool if one of them takes gzip.
 *
 *   thread   control, but for scrape_ask: HTTP thread
 */
#ifndef APP_SCRAPE_H
#define APP_SCRAPE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "app/turn.h"
#include "base/buf.h"
#include "http/http.h"

struct scrape_waiter {
    struct http_request *request;
    uint64_t turn;                    /* the one that answers it */
};

struct scrape {
    struct turn *turn;                                       /* borrowed */
    void (*render)(void *cookie, struct buf *out);
    void *cookie;

    uv_async_t asked;
    uv_mutex_t lock;                                         /* of incoming: HTTP thread and control */
    struct http_request **incoming;
    size_t n_incoming, cap_incoming;
    bool stopped;                                            /* under lock: whoever asks now gets 503 */
    struct scrape_waiter *waiting;
    size_t n_waiting, cap_waiting;
    unsigned compressing;                                    /* bodies on the thread pool */
};

int scrape_init(struct scrape *s, uv_loop_t *loop);
void scrape_ask(void *scrape, struct http_request *r);       /* for http_route */

/* A turn is over: render for those who waited for it. */
void scrape_turned(struct scrape *s);

/* Answer whoever waits with 503.  Bodies still being compressed are answered by the loop: run it until scrape_idle. */
void scrape_stop(struct scrape *s);
bool scrape_idle(const struct scrape *s);
void scrape_close(struct scrape *s);

#endif
