/**
 * http: the HTTP server (libmicrohttpd, its own epoll thread).  It serves finished bytes and computes nothing.
 *
 * A route is either static (bytes known at start), a probe (asked on the HTTP thread, answers at once), or deferred: the
 * connection is suspended, `ask` tells the owner, and the owner answers later from any thread by http_answer.  Requests that
 * wait at the same time may be answered with one and the same body.
 *
 *   GET and HEAD on every route; another method: 405 with Allow.  Unknown path: 404.  Too many waiting: 503 + Retry-After.
 *   gzip when the client accepts it and the body has a gzip form.
 *
 *   thread   start, stop, answer: any but the HTTP thread itself
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct http_server;
struct http_request;

/* Immutable bytes, shared by reference count (atomic). */
struct http_body;

/**
 * http_body_take(type, ptr, len):
 * A body that owns ptr (malloc'ed; freed with the last reference), one reference to the caller.
 *   type     Content-Type, static
 */
struct http_body *http_body_take(const char *type, char *ptr, size_t len);
/* Give the body a gzip form; before it is shared.  ptr is owned from here on. */
void http_body_take_gzip(struct http_body *b, char *ptr, size_t len);
void http_body_ref(struct http_body *b);
void http_body_unref(struct http_body *b);   /* NULL is fine */

struct http_route {
    const char *path;
    /* Exactly one of the three. */
    struct http_body *fixed;                                                   /* borrowed for the server's life */
    unsigned (*probe)(void *cookie, const char **ret_text);                    /* HTTP thread: status 200 or 503, static text */
    void (*ask)(void *cookie, struct http_request *r);                         /* HTTP thread: r is ours until http_answer */
    void *cookie;
};

struct http_opts {
    const char *listen;                 /* "127.0.0.1:9102", "[::1]:0"; port 0 picks a free one */
    const struct http_route *routes;    /* borrowed for the server's life */
    size_t n_routes;
    uint32_t max_connections, max_per_ip, timeout_s, max_waiting;
};

struct http_stats {
    uint64_t requests, rejected;        /* rejected: 404, 405, 503 */
    uint64_t waiting;
};

/**
 * http_start(opts, ret, ret_error):
 *   returns  0; -EINVAL (listen), -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, ... with *ret_error a static text for people
 */
int http_start(const struct http_opts *opts, struct http_server **ret, const char **ret_error);

/* Where it listens: "127.0.0.1:9102" with the real port. */
const char *http_address(const struct http_server *s);

/* Does the waiting request accept gzip? */
bool http_request_gzip(const struct http_request *r);

/**
 * http_answer(r, status, body):
 * Answer a request that ask() was given; r is gone afterwards.
 *   body     a reference is taken; NULL: an empty reply
 */
void http_answer(struct http_request *r, unsigned status, struct http_body *body);

void http_stats(const struct http_server *s, struct http_stats *ret);

/* Stops accepting, answers nobody any more (waiting requests must have been answered before), ends the thread. */
void http_stop(struct http_server *s);

#endif
