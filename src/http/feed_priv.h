/* The reading end of a feed, for request.c and reply.c only. */
#ifndef HTTP_FEED_PRIV_H
#define HTTP_FEED_PRIV_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Of a server: all its feeds' readers.  Relaxed throughout: numbers, which order nothing else. */
struct http_feeds {
    uint32_t max, max_per_ip; /* as in http_opts; max_per_ip 0: see http_request_share */
    _Atomic uint32_t open;
    _Atomic uint64_t opened, overtaken, refused, refused_per_ip;
};

/* Of a client with that address as a number: see http_request_share. */
uint32_t http_feeds_share(const struct http_feeds *all, uint64_t who, uint32_t places);

struct http_connection;

/* One more reader, by that connection; all->open goes down when it is detached.  returns  NULL; or
 * why not, as http_feed_answer: then it is counted as refused.  thread  any */
const char *http_feeds_enter(struct http_feeds *all, struct http_connection *c);

struct http_body;
struct http_feed;
struct http_feed_reader;

/**
 * http_feed_attach(f, c, all, opening, ret_why):
 * With the connection suspended.  Whoever holds the pointer detaches it, once.
 *   returns  NULL, with *ret_why as http_feed_answer: there are as many readers as may be
 */
struct http_feed_reader *http_feed_attach(struct http_feed *f, struct MHD_Connection *c,
                                          struct http_feeds *all, struct http_body *opening,
                                          const char **ret_why);

/* Not while its connection is suspended.  NULL is fine.  thread  any */
void http_feed_detach(struct http_feed_reader *r);

/* A response whose bytes are what r reads; takes r in any case.  returns  NULL: no memory */
struct MHD_Response *http_feed_response(struct http_feed_reader *r, bool head);

#endif
