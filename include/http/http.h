/**
 * http: the HTTP server (libmicrohttpd on a thread of its own), with TLS or without.  It serves
 * finished bytes.
 *
 * A route is one of three:
 *
 *   fixed      bytes known at start
 *   probe      a function on the HTTP thread that returns a status and a line of text at once
 *   deferred   `ask` hands the request to its owner and returns; the connection is suspended.  The
 *              owner answers later, from any thread, with a finished body (http_answer) or with a
 *              stream that it still appends to (http_answer_stream).  Requests that wait at the
 *              same time may share a body or a stream.
 *
 * A route takes the methods that it names; another one is answered 405 with Allow, an unknown path
 * 404, one request too many that waits 503 with Retry-After.  A route is one path, or all paths
 * below one; of several that match, the exact one is taken, else the longest.
 *
 * The body of a POST or PUT to a deferred route is kept for its owner (http_request_body): one that
 * is longer than the route takes is answered 413, one that all bodies together have no room for
 * 503.  Other bodies are read and dropped.
 *
 * A client that hangs up while its request waits is noticed only when it is answered: the request
 * stays valid until then.  The connection's timeout does not run while its request waits.
 *
 * Every answer has the header X-Request-ID: the request's own, if it is one of at most
 * HTTP_REQUEST_ID_MAX letters, digits, '.', '_' and '-'; else 16 hexadecimal digits.
 *
 *   thread   start, stop: any but the HTTP thread itself; answer: any, also from within ask
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/answer.h"
#include "http/body.h"
#include "http/counters.h"
#include "http/feed.h"
#include "http/stream.h"

struct http_auth;
struct http_rate;
struct http_server;
struct http_request;
struct networks;
struct tls_bundle;

enum http_guarded {
    HTTP_UNGUARDED, /* machines ask, by whatever name */
    HTTP_GUARDED,   /* a browser's: Host, Origin and Sec-Fetch-Site are looked at */
    /* Machines ask, and no page may: the same, of a request that has one of the last two. */
    HTTP_GUARDED_FROM_PAGES,
};

struct http_route {
    const char *path;          /* begins with "/" */
    bool prefix;               /* all paths that begin with path, which ends in "/" */
    unsigned methods;          /* bits of enum http_method; 0: HTTP_GET */
    size_t body_max;           /* bytes of a request's body, see above; 0: HTTP_BODY_BYTES */
    enum http_guarded guarded; /* what a browser brings of other sites is refused: guard.h */
    bool json; /* what the server itself answers here (4xx, 503) is {"error": "..."} */
    /* Exactly one of the three; probe and ask are called on the HTTP thread. */
    struct http_body *fixed; /* borrowed for the server's life */
    /* returns the status; *ret_text: static, one line without its end */
    unsigned (*probe)(void *cookie, const char **ret_text);
    /* r is the owner's until it calls http_answer */
    void (*ask)(void *cookie, struct http_request *r);
    void *cookie;
    /* n_headers of each of its own answers (a 405 or 421 is none), where neither the answer nor
     * http_set_headers has one of that name; borrowed for the server's life. */
    const struct http_header *headers;
    size_t n_headers;
};

/* Its methods as the header Allow has them.  NULL: of a route that takes GET.  thread  any */
const char *http_route_allows(const struct http_route *route);

/*
 * A connection that made room for another one is shut down, but counts for libmicrohttpd until it
 * is taken apart: this many may be open beyond max_connections.
 */
enum { HTTP_LEAVING_MAX = 32, HTTP_PORT_DEFAULT = 9102 };

enum { HTTP_REQUEST_ID_MAX = 64 };

/* The longest body of a request where its route says no other; and of all requests together. */
enum { HTTP_BODY_BYTES = 64 << 10, HTTP_BODIES_BYTES = 4 << 20 };

/* Memory that a connection takes: libmicrohttpd's pool and our request.  TLS comes on top. */
enum { HTTP_CONNECTION_BYTES = 48 * 1024 };

/*
 * Connections with TLS, at most: their thread polls, which costs more the more there are.  (With
 * epoll, libmicrohttpd spins on a hello that is half here.)
 */
enum { HTTP_SECURE_MAX = 256 };

/* A limit that is 0 is the default in brackets. */
struct http_opts {
    const char *listen; /* as base/address.h reads it: "127.0.0.1:9102", "[::1]:0"; no port: 9102 */
    bool given;         /* fd listens already, in place of `listen`; others may have it open too */
    int fd;             /* the server's from here on, also on failure */
    const struct http_route *routes; /* borrowed for the server's life */
    size_t n_routes;
    uint32_t max_connections;    /* [1024]; with TLS at most HTTP_SECURE_MAX */
    uint32_t max_per_ip;         /* [32] of one IPv4 address, or of one /64 of IPv6 */
    uint32_t timeout_s;          /* [5] without a byte moved; a whole request has 10 s to arrive */
    uint32_t max_streams;        /* [64] readers of feeds (http/feed.h), and at most half of
                                 max_connections; max_per_ip is without them */
    uint32_t max_streams_per_ip; /* of one address, at most; [see http_request_share] */
    uint32_t max_waiting; /* [64] deferred requests at a time; the next one is answered 503 */
    /* Who may connect, copied.  NULL or none: everybody. */
    const struct networks *allow;
    struct tls_bundle *tls; /* of a server, a reference is taken: HTTPS.  NULL: plain HTTP */
    uint32_t tls_handshakes_per_second; /* [200] begun; of one address, an eighth of these */
    const char
        *hosts;      /* http.hosts: further names of the server, for guard.h; copied, NULL: none */
    bool access_log; /* a line in the log for each request */
    /* Both borrowed for the server's life, and may change what they say meanwhile; or NULL. */
    struct http_auth *auth; /* who may ask: all others are answered 401, on every path */
    struct http_rate *rate; /* how often: 429 */
};

/**
 * http_bind(listen, ret_error):
 * Only listen, as http_start does where no socket is given: before the process gives up the right
 * to.  Connections wait until a server is given the socket.
 *   returns  the socket, owned; or -errno with *ret_error, as http_start
 */
int http_bind(const char *listen, const char **ret_error);

/**
 * http_start(opts, ret, ret_error):
 *   returns  0, or -errno with *ret_error a static text for people: -EINVAL (opts->listen),
 *            -EADDRINUSE, -EACCES, -EADDRNOTAVAIL and others of bind; -EAGAIN (no thread)
 */
int http_start(const struct http_opts *opts, struct http_server **ret, const char **ret_error);

/* Where it listens: "127.0.0.1:9102" with the real port. */
const char *http_address(const struct http_server *s);
const char *http_scheme(const struct http_server *s); /* "http", "https" */

/**
 * http_tick(s, now_ns):
 * Close the connections whose request is late.  To be called about once a second; nothing else
 * depends on it.
 *   now_ns   of now_mono_ns
 *   cost     a system call for each connection that is not being answered
 */
void http_tick(struct http_server *s, uint64_t now_ns);

void http_stats(const struct http_server *s, struct http_stats *ret);

/* The listening socket, borrowed; another process may go on accepting from it. */
int http_listens(const struct http_server *s);

/**
 * http_leave(s):
 * Accept no more connections, which then wait in the kernel for who has the socket next, and end
 * each connection with its next reply.  Over once http_stats says that there are none, but no
 * earlier than after HTTP_LEAVE_MS: one that is just being accepted is not counted yet.
 */
enum { HTTP_LEAVE_MS = 20 };
void http_leave(struct http_server *s);

/**
 * http_stop(s):
 * Accept no more connections, answer 503 to requests that wait or come in from now on, give replies
 * under way up to a second to leave, then end the thread.  s is gone afterwards, and no callback
 * runs any more.  Every stream has been released before.  NULL is fine.
 */
void http_stop(struct http_server *s);

#endif
