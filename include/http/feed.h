/**
 * feed: server-sent events (text/event-stream): a body without an end, which many read at once.
 *
 * An event is one immutable body that all readers share.  The feed keeps the last HTTP_FEED_EVENTS
 * that somebody has yet to read; a reader is a place among them, and no queue.  One that is so slow
 * that its place is gone has been overtaken: it gets what catch_up makes, and then goes on with all
 * others.
 *
 *     opening | e7 e8 e9 ...                  a reader that joined when e6 was the last
 *     opening | e7 -- overtaken -- catch_up | e72 ...
 *
 * How many readers all feeds of a server have is limited by http_opts.max_streams, so that other
 * requests find room, and how many of these one address has by http_request_share, so that others
 * find some.  They do not count for http_opts.max_per_ip.
 *
 * A reader that hangs up is noticed when it is next sent something, hence the heartbeat.
 *
 *   thread   the owner's alone; all feeds are freed before http_stop
 *   cost     an event: one wake-up and one write for each reader, on the HTTP thread
 */
#ifndef HTTP_FEED_H
#define HTTP_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/body.h"

struct http_feed;
struct http_request;

enum {
    HTTP_FEED_EVENTS = 64,
    HTTP_FEED_BEAT_MS = 5000, /* a comment goes out when nothing else has for so long */
};

/* Of all bodies given to a feed. */
extern const char http_feed_type[];

struct http_feed_opts {
    /*
     * Called within http_feed_append, once for all who were overtaken: an event that stands for all
     * those up to the one that is being appended.  The reference is the feed's.  NULL: they go on
     * with the oldest that is still there.
     */
    struct http_body *(*catch_up)(void *cookie);
    void *cookie;
};

/* opts NULL: no catch_up */
struct http_feed *http_feed_new(const struct http_feed_opts *opts);

/**
 * http_feed_answer(f, r, opening):
 * Answer r with the feed, from the next event on.  r is gone afterwards, as with http_answer.
 *   opening  what it is sent first, a reference is taken; NULL: nothing
 *   returns  NULL; or why not, for people (static): there are as many readers as may be, of all or
 *            of its address.  r is still the caller's, to be answered 503
 */
const char *http_feed_answer(struct http_feed *f, struct http_request *r,
                             struct http_body *opening);

/**
 * http_request_share(r, places):
 * For what has places for readers:
 *   returns  how many of them the client's address may hold: http_opts.max_streams_per_ip; without
 *            it a quarter, at least 4, and all of them where it is a loopback address, as a proxy
 *            on this machine has
 *   thread   any, until r is answered
 */
uint32_t http_request_share(const struct http_request *r, uint32_t places);

/* r does not get to its feed, for these places are taken; counted as if http_feed_answer had
 * refused it.  of_address: those that its address may hold */
void http_feed_refused(struct http_request *r, bool of_address);

/* A further event, whole: its last bytes are an empty line.  A reference is taken. */
void http_feed_append(struct http_feed *f, struct http_body *event);

/* To be called about once a second: the heartbeat. */
void http_feed_tick(struct http_feed *f, uint64_t now_ns);

/* Who has not left yet. */
size_t http_feed_readers(struct http_feed *f);

/* Of the slowest reader: bytes that it has yet to be given, and how many more events may be
 * appended before it is overtaken. */
size_t http_feed_unread(struct http_feed *f, size_t *ret_room);

/* End its readers' replies, each after the event that it is in, and let go of it.  NULL is fine. */
void http_feed_end(struct http_feed *f);

#endif
