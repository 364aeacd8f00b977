/**
 * desk: where requests wait for fresh data.
 *
 *     HTTP thread            control thread
 *     route.ask  -- wake --> http_desk_look: a page turn is asked for, the requests wait for it
 *                            http_desk_turned: it is over; serve() gets all who waited for it
 *
 * Whatever the kernel had delivered before a request came is in what serve() then finds: the turn
 * begins after it.  Requests that wait for the same turn are served together.  A route that needs
 * fresh data has a desk of its own.
 *
 *   thread   control
 */
#ifndef HTTP_DESK_H
#define HTTP_DESK_H

#include <stddef.h>
#include <stdint.h>

#include "http/mailbox.h"

struct http_desk_opts {
    /* A turn that begins from now on.  returns  its number; later turns have larger ones */
    uint64_t (*ask_turn)(void *turn_cookie);
    void *turn_cookie;
    /* Each of the n > 0 requests is to be answered. */
    void (*serve)(void *cookie, struct http_request *const *to, size_t n);
    /* Any thread: make the control thread call http_desk_look, and do nothing else. */
    void (*wake)(void *cookie);
    void *cookie;
};

struct http_desk_waiter {
    struct http_request *request;
    uint64_t turn; /* the one that answers it */
};

struct http_desk {
    struct http_desk_opts opts;
    struct http_mailbox mailbox; /* for http_route: http_mailbox_ask and this */
    struct http_desk_waiter *waiting;
    size_t n, cap;
};

/* What opts points to is borrowed until http_desk_release. */
void http_desk_init(struct http_desk *d, const struct http_desk_opts *opts);

/* Requests have come in, perhaps. */
void http_desk_look(struct http_desk *d);

/* All turns up to number `done` are over. */
void http_desk_turned(struct http_desk *d, uint64_t done);

/* Answer 503 to whoever waits and to whoever comes. */
void http_desk_close(struct http_desk *d);

/* A closed one, when the HTTP server has stopped. */
void http_desk_release(struct http_desk *d);

#endif
