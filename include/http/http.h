/**
 * http: the HTTP server (libmicrohttpd, its own epoll thread).  It serves bytes that others make.
 *
 * A route is either static (bytes known at start), a probe (asked on the HTTP thread, answers at once), or deferred: the
 * connection is suspended, `ask` tells the owner, and the owner answers later from any thread: with a finished body by
 * http_answer, or with a stream that is still being made by http_answer_stream.  Requests that wait at the same time may share
 * a body or a stream.
 *
 *   GET and HEAD on every route, or POST and PUT alone where the route says so; another method:
 *   405 with Allow.  Unknown path: 404.  Too many waiting: 503 + Retry-After.  A route is one path,
 *   or all paths below one; the exact one goes first, then the longest.
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

#include "http/body.h"
#include "http/counters.h"
#include "http/stream.h"

struct http_server;
struct http_request;

struct http_route {
    const char *path;
    bool prefix;                        /* path ends in "/": it and all that begin with it */
    /* Exactly one of the three. */
    struct http_body *fixed;                                                   /* borrowed for the server's life */
    unsigned (*probe)(void *cookie, const char **ret_text);                    /* HTTP thread: status, and a static text,
                                                                                  one line without its end */
    void (*ask)(void *cookie, struct http_request *r);                         /* HTTP thread: r is the owner's until
                                                                                  it is answered */
    void *cookie;
    bool post;                                                                 /* it changes something: POST and PUT, not GET */
};

/* Connections that made room for others may be so many more than max_connections until they are gone. */
enum { HTTP_LEAVING_MAX = 32 };

/* Memory that a connection takes: libmicrohttpd's pool and our request. */
enum { HTTP_CONNECTION_BYTES = 48 * 1024 };

struct http_opts {
    const char *listen;                 /* as base/address.h reads it: "127.0.0.1:9102", "[::1]:0"; no port: 9102 */
    const struct http_route *routes;    /* borrowed for the server's life */
    size_t n_routes;
    /* 0: the default, here in brackets.  At most max_waiting requests wait at once, the next gets 503. */
    uint32_t max_connections;           /* [1024] */
    uint32_t max_per_ip;                /* [32] of one IPv4 address, or of one /64 of IPv6 */
    uint32_t timeout_s;                 /* [5] without a byte moved either way; a request has 10 s to come as a whole */
    uint32_t max_waiting;               /* [64] */
};

/**
 * http_start(opts, ret, ret_error):
 *   returns  0; -EINVAL (listen), -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, ... with *ret_error a static text for people
 */
int http_start(const struct http_opts *opts, struct http_server **ret, const char **ret_error);

/* Where it listens: "127.0.0.1:9102" with the real port. */
const char *http_address(const struct http_server *s);

/* Does the waiting request accept gzip, and whose is it (as in struct http_reading)?  Any thread, until it is answered. */
bool http_request_gzip(const struct http_request *r);
uint64_t http_request_who(const struct http_request *r);

/**
 * http_request_header(r, name), http_request_arg(r, name):
 * The request's first header of that name (any case), its first query argument (decoded); NULL: none.
 *   thread   within ask; then also the one that calls http_stop, until r is answered or http_stop
 *            is called, which is how long the text lives
 */
const char *http_request_header(const struct http_request *r, const char *name);
const char *http_request_arg(const struct http_request *r, const char *name);

/* The request's path, percent-decoded, without query: what was asked for below a prefix.  Nothing in
 * it is resolved ("..").  thread, life: as http_request_arg */
const char *http_request_path(const struct http_request *r);

/**
 * http_answer(r, status, body):
 * Answer a request that ask() was given; r is gone afterwards.  Every r must come here once, also after http_stop, which
 * has then answered the client itself and only lets go of r here.
 *   body     a reference is taken; NULL: an empty reply
 */
void http_answer(struct http_request *r, unsigned status, struct http_body *body);

struct http_header {
    const char *name, *value;
};

/* The same with headers of this one reply; they are copied.  One that has a line end in it, as a
 * stranger's text might, is left out. */
void http_answer_with(struct http_request *r, unsigned status, struct http_body *body,
                      const struct http_header *headers, size_t n_headers);

/**
 * http_answer_stream(to, n, st):
 * The same for n requests with status 200 and a stream; once per stream.  What was appended before waits for them.
 */
void http_answer_stream(struct http_request *const *to, size_t n, struct http_stream *st);

/**
 * http_tick(s, now_ns):
 * Ends the connections whose request is late.  To be called about once a second; nothing else depends on it.
 *   now_ns   of now_mono_ns
 *   cost     a system call for each connection that waits for a request or sends one
 */
void http_tick(struct http_server *s, uint64_t now_ns);

void http_stats(const struct http_server *s, struct http_stats *ret);

/**
 * http_stop(s):
 * Stop accepting, answer 503 to whoever still waits and to whoever asks now, give replies under way up to a second to leave,
 * end the thread.  s is gone afterwards; no callback runs any more.  Every stream has been released before.  NULL is fine.
 */
void http_stop(struct http_server *s);

#endif
