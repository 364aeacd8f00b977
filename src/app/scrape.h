/**
 * scrape: requests for /metrics, from the HTTP thread to an exposition and back.  Private to app/.
 *
 * A request waits for the next page turn, so that it shows all that came in before it (P2).  Requests that wait for the same
 * turn share one exposition.
 *
 * At most SCRAPE_UNDER_WAY_MAX expositions are being made.  For one more the one is cut off that is read least (scrape_room.h);
 * if all are being read, the new requests get 503.  And a new one begins only when those that are made keep no more than
 * SCRAPE_LEFT_BYTES for slow readers: beyond that those are cut off that are read least.
 *
 *   thread   control
 */
#ifndef APP_SCRAPE_H
#define APP_SCRAPE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "app/exposition.h"
#include "app/turn.h"
#include "http/mailbox.h"

enum {
    SCRAPE_UNDER_WAY_MAX = 16,
    SCRAPE_FORMS_MAX = 2 * SCRAPE_UNDER_WAY_MAX,   /* plain and gzip of each */
    SCRAPE_LEFT_BYTES = 64 << 20
};

struct scrape_waiter {
    struct http_request *request;
    uint64_t turn;                    /* the one that answers it */
};

struct scrape {
    struct turn *turn;                                       /* borrowed */
    struct exposition_source source;                         /* filled in before the first request */

    uv_async_t asked;                 /* a request came in, or an exposition may go on */
    struct http_mailbox mailbox;
    bool stopped;
    struct scrape_waiter *waiting;
    size_t n_waiting, cap_waiting;
    struct exposition *under_way;                            /* newest first, with what is made and still read */
};

int scrape_init(struct scrape *s, uv_loop_t *loop);

/* A turn is over: begin an exposition for those who waited for it. */
void scrape_turned(struct scrape *s);

/**
 * scrape_stop(s):
 * Answer whoever waits with 503.  What is made is left to its readers.  Expositions under way go on in the loop: run it until
 * scrape_idle; scrape_cut hurries them.
 */
void scrape_stop(struct scrape *s);
bool scrape_idle(const struct scrape *s);
void scrape_cut(struct scrape *s);
void scrape_close(struct scrape *s);

/* Bytes that each of SCRAPE_FORMS_MAX forms keeps at most, of pages of so many bytes. */
uint64_t scrape_form_memory(uint64_t page, uint32_t connections);

#endif
