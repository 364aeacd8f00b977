/**
 * mailbox: requests on their way from the HTTP thread to the thread that answers them, its owner.
 *
 *     HTTP thread                               owner
 *     route.ask = http_mailbox_ask  -- wake -->  http_mailbox_take: all since the last take
 *                                                http_answer, now or later
 *
 * For a route whose answer needs what another thread owns: the route's `ask` is http_mailbox_ask,
 * and `wake` makes the owner's loop call http_mailbox_take.  Requests that come in after the close
 * are answered 503.  How many requests may lie here is limited by http_opts.max_waiting.
 *   thread   ask: HTTP; the rest: the owner's
 */
#ifndef HTTP_MAILBOX_H
#define HTTP_MAILBOX_H

#include <pthread.h>

#include "http/http.h"

/* Private to mailbox.c; here so that it can be part of another struct. */
struct http_mailbox {
    pthread_mutex_t lock;           /* of incoming, n, cap and closed */
    struct http_request **incoming; /* n of them, in an array of cap */
    size_t n, cap;
    bool closed;
    struct http_request **taken; /* what the last take returned; an array of cap_taken */
    size_t cap_taken;
    void (*wake)(void *cookie);
    void *cookie;
};

/**
 * http_mailbox_init(m, wake, cookie):
 *   wake     called on the HTTP thread under the mailbox's lock, so it may wake the owner and do
 *            nothing else; not called any more once http_mailbox_close has returned
 */
void http_mailbox_init(struct http_mailbox *m, void (*wake)(void *cookie), void *cookie);

/* For http_route.ask; its cookie is the mailbox. */
void http_mailbox_ask(void *mailbox, struct http_request *r);

/**
 * http_mailbox_take(m, ret):
 *   ret      the requests in order of arrival, the owner's from here on: each is to be answered.
 *            The array is valid until the next take
 *   returns  how many
 */
size_t http_mailbox_take(struct http_mailbox *m, struct http_request *const **ret);

/* Answer 503 to those that were not taken and to all that come in from now on. */
void http_mailbox_close(struct http_mailbox *m);

/* After the close, and after the HTTP server has stopped. */
void http_mailbox_release(struct http_mailbox *m);

#endif
