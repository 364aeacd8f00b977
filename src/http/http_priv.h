/**
 * http_priv: the inside of the server and of a request, for http.c (the server's life), settings.c
 * (what changes in it) and request.c (a request's life) with reply.c alone.
 */
#ifndef HTTP_HTTP_PRIV_H
#define HTTP_HTTP_PRIV_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/networks.h"
#include "http/auth_priv.h"
#include "http/guard.h"
#include "http/connections.h"
#include "http/feed_priv.h"
#include "http/http.h"
#include "http/secure.h"
#include "http/stream_priv.h"

struct http_server {
    struct MHD_Daemon *daemon;
    struct http_connections *connections;
    const struct http_route *routes;
    size_t n_routes;
    uint32_t max_waiting;
    struct http_feeds feeds;
    struct http_auth *auth;      /* or NULL */
    struct http_rate *rate;      /* or NULL */
    struct networks allow;       /* none: everybody */
    struct log_gate refused_log; /* of `allow` */
    _Atomic uint64_t refused_network;
    struct http_secure *secure; /* NULL: plain HTTP */
    pthread_mutex_t headers_lock;
    struct buf headers; /* of every reply, under that lock: name, NUL, value, NUL, and so on */
    char address[ADDRESS_TEXT_MAX];
    char name[256]; /* of the machine, and others (http_opts.hosts; owned): see guard.h */
    char *hosts;
    bool access_log;
    uint64_t ids; /* of the requests so far; the HTTP thread's */
    _Atomic uint64_t guarded[HTTP_GUARD_REASON_COUNT]; /* refused; written by the HTTP thread */
    int listens;          /* the socket; quiesced: ours again, to be closed */
    bool quiesced;        /* accepts no more */
    _Atomic bool leaving; /* replies end their connection */
    atomic_uint refs;     /* one until http_stop, and one of each request */
    _Atomic uint64_t requests, rejected, rate_limited; /* written by the HTTP thread only */
    _Atomic size_t bodies_bytes; /* of the requests' bodies; who drops one may be any thread */

    pthread_mutex_t lock;         /* of what follows, and of the requests' `waits` */
    pthread_cond_t idle;          /* n_open became 0 */
    bool stopping;                /* http_stop was called: no request waits any more */
    uint64_t n_open;              /* requests whose head is here and whose reply is not yet sent */
    _Atomic uint64_t n_waiting;   /* length of the list; changed under the lock, read without */
    uint32_t n_checking;          /* those in the list whose password is checked */
    struct http_request *waiting; /* list of the suspended requests */
};

/*
 * A request.  Two hold a reference: its connection, until libmicrohttpd has completed the request,
 * and, once it is deferred, its owner, until http_answer.  libmicrohttpd completes nothing on a
 * suspended connection, so a request that waits always has its connection.
 */
struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    const struct http_route *found; /* by its path, before it is known who asks; or NULL */
    const struct http_route *route; /* the same, once it is entered */
    enum http_method method;        /* of an entered one */
    const char *method_name;        /* libmicrohttpd's, as path */
    bool uploads;                   /* its body is kept, in upload */
    char id[HTTP_REQUEST_ID_MAX + 1];
    char *target;           /* with the query, if the request will be logged; its copy, cut */
    uint64_t begun_ns;      /* when its head was here */
    unsigned sent_status;   /* of the answer that is queued; 0: none */
    uint64_t sent_bytes;    /* of its body, before TLS; as many as there are so far, of a stream */
    struct buf upload;      /* as far as it has come */
    unsigned upload_status; /* 413, 503: the body is not kept, and this is the answer */
    const char *path;       /* libmicrohttpd's, for the request's life */
    atomic_uint refs;
    bool begun;                /* its head is here */
    bool long_query;           /* the query was cut off before it was parsed: answer 414 */
    uint64_t who;              /* the client's address as a number */
    bool gzip, head;           /* the client accepts gzip; the method is HEAD */
    enum http_verdict verdict; /* of auth; UNKNOWN: not yet checked */
    bool asked;                /* it waits, or waited, for the verdict */
    bool rejected;             /* its answer is queued */
    bool deferred; /* HTTP thread: ask was called, and the next reply is the owner's answer */
    bool waits;    /* in the server's list: suspended, for a verdict or for its answer */
    struct http_request *prev, *next;
    /* The answer: written before the connection is resumed, read by the HTTP thread after. */
    unsigned status;
    struct http_body *body;               /* or NULL */
    struct buf headers;                   /* of this reply, as in the server */
    struct http_reader *reader;           /* in place of body: a place in a stream */
    struct http_feed_reader *feed_reader; /* or in a feed */
};

/* More than http_request_args has room for?  The head has been read. */
bool http_args_too_many(const struct http_request *r);

/* Drop a reference; the last one frees the server. */
void http_server_unref(struct http_server *s);

/**
 * http_request_resume(s, r):
 * Take r off the list and let its connection go on with the answer in r.  With s locked; the
 * connection's reference to r may be gone at once, so the caller needs its own.
 */
void http_request_resume(struct http_server *s, struct http_request *r);

/* Add the headers of every reply to one, but those that it has. */
void http_headers_add(struct http_server *s, struct MHD_Response *response);

/* Append headers to such a list. */
void http_headers_copy(struct buf *to, const struct http_header *headers, size_t n);

/* On the HTTP thread: of a server with TLS; once r has a good verdict, its address is trusted if
 * its client has shown a password or a certificate. */
bool http_request_lacks_certificate(const struct http_request *r);
void http_request_trust(const struct http_request *r);

/* libmicrohttpd's callbacks, cookie: the server. */
void *http_on_target(void *cookie, const char *target, struct MHD_Connection *connection);
/* NOLINTNEXTLINE(readability-function-size): the parameters are libmicrohttpd's */
enum MHD_Result http_on_request(void *cookie, struct MHD_Connection *connection, const char *path,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_len, void **request);
void http_on_completed(void *cookie, struct MHD_Connection *connection, void **request,
                       enum MHD_RequestTerminationCode why);

#endif
