/**
 * mailbox: requests on their way from the HTTP thread to the thread that answers them.
 *
 *     HTTP thread                               owner
 *     route.ask = http_mailbox_ask  -- wake -->  http_mailbox_take: what has come since
 *                                                http_answer, now or later
 *
 * A route that needs what another thread owns has a mailbox, its `ask` puts requests in, and `wake`
 * makes the owner's loop take them.  Once it is closed whoever asks gets 503.
 *   thread   ask: HTTP; the rest: the owner's
 */
#ifndef HTTP_MAILBOX_H
#define HTTP_MAILBOX_H

#include <pthread.h>

#include "http/http.h"

struct http_mailbox {
    pthread_mutex_t lock;                 /* of incoming and closed */
    struct http_request **incoming, **taken;
    size_t n, cap, cap_taken;
    bool closed;
    void (*wake)(void *cookie);
    void *cookie;
};

/**
 * http_mailbox_init(m, wake, cookie):
 *   wake     HTTP thread, under a lock: it wakes the owner and does nothing else; not after
 *            http_mailbox_close
 */
void http_mailbox_init(struct http_mailbox *m, void (*wake)(void *cookie), void *cookie);

/* For http_route, with the mailbox as cookie. */
void http_mailbox_ask(void *mailbox, struct http_request *r);

/**
 * http_mailbox_take(m, ret):
 *   ret      the requests, in the order in which they came; each is to be answered.  The array is
 *            valid until the next take
 *   returns  how many
 */
size_t http_mailbox_take(struct http_mailbox *m, struct http_request *const **ret);

/* Answer 503 to those that were not taken and to all that come. */
void http_mailbox_close(struct http_mailbox *m);

/* Closed ones, when the HTTP server has stopped. */
void http_mailbox_release(struct http_mailbox *m);

#endif
