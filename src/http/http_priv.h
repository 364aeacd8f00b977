/**
 * http_priv: the server's and a request's inside, shared by http.c (the server's life) and request.c (requests).
 * Private to http/.
 */
#ifndef HTTP_HTTP_PRIV_H
#define HTTP_HTTP_PRIV_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/address.h"
#include "base/buf.h"
#include "http/connections.h"
#include "http/http.h"
#include "http/stream_priv.h"

struct http_server {
    struct MHD_Daemon *daemon;
    struct http_connections *connections;
    const struct http_route *routes;
    size_t n_routes;
    uint32_t max_waiting;
    char address[ADDRESS_TEXT_MAX];
    atomic_uint refs;                       /* http_stop's, and one per request */
    _Atomic uint64_t requests, rejected;    /* written by the HTTP thread only */

    pthread_mutex_t lock;                   /* of what follows, and of the requests' `waits` */
    pthread_cond_t idle;                    /* n_open became 0 */
    bool stopping;
    uint64_t n_open;                        /* begun and not yet sent */
    _Atomic uint64_t n_waiting;             /* in the list; changed under the lock, read without */
    struct http_request *waiting;           /* list */
};

/**
 * A request.  Two hold it: the connection, until libmicrohttpd says that it is done with it, and, for a deferred one, its
 * owner, until http_answer.  A suspended connection does not end before it is resumed, so a request that waits has one.
 */
struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    const struct http_route *route;
    const char *path;                       /* libmicrohttpd's, for the request's life */
    atomic_uint refs;
    bool begun;                             /* its head is here */
    bool long_query;                        /* it was not parsed; to be refused */
    uint64_t who;
    bool gzip, head;
    bool deferred;                          /* HTTP thread: ask was called, what comes next is the answer */
    bool waits;                             /* in the server's list; leaves it once, by whoever answers */
    struct http_request *prev, *next;
    /* The answer: written before the connection is resumed, read after. */
    unsigned status;
    struct http_body *body;
    struct buf headers;                     /* of this reply: name, NUL, value, NUL, and so on */
    struct http_reader *reader;             /* instead of body */
};

/* One hold less on the server; the last one frees it. */
void http_server_unref(struct http_server *s);

/* Locked.  The connection goes on with what was put into r; its hold on r may end at once, the owner's stays. */
void http_request_resume(struct http_server *s, struct http_request *r);

/* libmicrohttpd's callbacks, cookie: the server. */
void *http_on_target(void *cookie, const char *target, struct MHD_Connection *connection);
/* NOLINTNEXTLINE(readability-function-size): the parameters are libmicrohttpd's */
enum MHD_Result http_on_request(void *cookie, struct MHD_Connection *connection, const char *path, const char *method,
                                const char *version, const char *upload, size_t *upload_len, void **request);
void http_on_completed(void *cookie, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode why);

#endif
