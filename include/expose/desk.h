/**
 * desk: where requests wait for fresh data.
 *
 *     HTTP thread            control thread
 *     route.ask  -- wake --> desk_look: a page turn is asked for, the requests wait for it
 *                            desk_turned: it is over; serve() gets all who waited for it
 *
 * Whatever the kernel had delivered before a request came is in what serve() then finds: the turn
 * begins after it.  Requests that wait for the same turn are served together.  A route that needs
 * fresh data has a desk of its own.
 *
 *   thread   control
 */
#ifndef EXPOSE_DESK_H
#define EXPOSE_DESK_H

#include <stddef.h>
#include <stdint.h>

#include "http/mailbox.h"

struct desk_opts {
    /* A turn that begins from now on.  returns  its number; later turns have larger ones */
    uint64_t (*ask_turn)(void *turn_cookie);
    void *turn_cookie;
    /* Each of the n > 0 requests is to be answered. */
    void (*serve)(void *cookie, struct http_request *const *to, size_t n);
    /* Any thread: make the control thread call desk_look, and do nothing else. */
    void (*wake)(void *cookie);
    void *cookie;
};

struct desk_waiter {
    struct http_request *request;
    uint64_t turn; /* the one that answers it */
};

struct desk {
    struct desk_opts opts;
    struct http_mailbox mailbox; /* for http_route: http_mailbox_ask and this */
    struct desk_waiter *waiting;
    size_t n, cap;
};

/* What opts points to is borrowed until desk_release. */
void desk_init(struct desk *d, const struct desk_opts *opts);

/* Requests have come in, perhaps. */
void desk_look(struct desk *d);

/* All turns up to number `done` are over. */
void desk_turned(struct desk *d, uint64_t done);

/* Answer 503 to whoever waits and to whoever comes. */
void desk_close(struct desk *d);

/* A closed one, when the HTTP server has stopped. */
void desk_release(struct desk *d);

#endif
