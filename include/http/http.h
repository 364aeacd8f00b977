/**
 * http: the HTTP server (libmicrohttpd, its own epoll thread).  It serves finished bytes and computes nothing.
 *
 * A route is either static (bytes known at start), a probe (asked on the HTTP thread, answers at once), or deferred: the
 * connection is suspended, `ask` tells the owner, and the owner answers later from any thread by http_answer.  Requests that
 * wait at the same time may be answered with one and the same body.
 *
 *   GET and HEAD on every route, or POST and PUT alone where the route says so; another method: 405 with Allow.  Unknown path: 404.  Too many waiting: 503 + Retry-After.
 *   gzip when the client accepts it and the body has a gzip form.
 *
 * A client that hangs up while it waits is noticed only when it is answered: its request stays valid until then.  The
 * connection timeout does not run while a request waits.
 *
 *   thread   start, stop: any but the HTTP thread itself; answer: any, also from within ask
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct http_server;
struct http_request;

/* Immutable bytes, shared by reference count (atomic).  They are sent from where they are, never copied. */
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
    unsigned (*probe)(void *cookie, const char **ret_text);                    /* HTTP thread: status, and a static text,
                                                                                  one line without its end */
    void (*ask)(void *cookie, struct http_request *r);                         /* HTTP thread: r is ours until http_answer */
    void *cookie;
    bool post;                                                                 /* it changes something: POST and PUT, not GET */
};

struct http_opts {
    const char *listen;                 /* as base/address.h reads it: "127.0.0.1:9102", "[::1]:0"; no port: 9102 */
    const struct http_route *routes;    /* borrowed for the server's life */
    size_t n_routes;
    /* 0: the default, here in brackets.  At most max_waiting requests wait at once, the next gets 503. */
    uint32_t max_connections;           /* [1024] */
    uint32_t max_per_ip;                /* [32] */
    uint32_t timeout_s;                 /* [5] without a byte moved either way */
    uint32_t max_waiting;               /* [64] */
};

struct http_stats {
    uint64_t requests;                  /* with a well-formed head */
    uint64_t rejected;                  /* of these, by the server itself: 404, 405, 503 */
    uint64_t waiting;                   /* now */
};

/**
 * http_start(opts, ret, ret_error):
 *   returns  0; -EINVAL (listen), -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, ... with *ret_error a static text for people
 */
int http_start(const struct http_opts *opts, struct http_server **ret, const char **ret_error);

/* Where it listens: "127.0.0.1:9102" with the real port. */
const char *http_address(const struct http_server *s);

/* Does the waiting request accept gzip?  Any thread, until it is answered. */
bool http_request_gzip(const struct http_request *r);

/**
 * http_request_header(r, name), http_request_arg(r, name):
 * The request's first header of that name (any case), its first query argument (decoded); NULL: none.
 *   thread   within ask only; the text lives as long as that call
 */
const char *http_request_header(const struct http_request *r, const char *name);
const char *http_request_arg(const struct http_request *r, const char *name);

/**
 * http_answer(r, status, body):
 * Answer a request that ask() was given; r is gone afterwards.  Every r must come here once, also after http_stop, which
 * has then answered the client itself and only lets go of r here.
 *   body     a reference is taken; NULL: an empty reply
 */
void http_answer(struct http_request *r, unsigned status, struct http_body *body);

void http_stats(const struct http_server *s, struct http_stats *ret);

/**
 * http_stop(s):
 * Stop accepting, answer 503 to whoever still waits and to whoever asks now, give replies under way up to a second to leave,
 * end the thread.  s is gone afterwards; no callback runs any more.  NULL is fine.
 */
void http_stop(struct http_server *s);

#endif
