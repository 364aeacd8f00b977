/**
 * tail_stream: the reader of one GET /api/v1/tail, and the lines on their way to it as server-sent
 * events.
 *
 *     event: line      {"at_s":..,"line":..,"from":..,"listener":..,"share":..}
 *     event: skipped   {"lines":n}, once a second when there were more than are shown
 *
 * Never waits: lines beyond the rate, those for which a slow reader has no room, and those that its
 * pattern takes too long for are skipped and counted.
 *
 *   thread   control        cost   memory: at most TAIL_STREAM_BYTES
 */
#ifndef API_TAIL_STREAM_H
#define API_TAIL_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    TAIL_LINE_BYTES = 1400,         /* of a longer line the front is matched and shown */
    TAIL_UNREAD_BYTES = 256 * 1024, /* that the reader has yet to read; what is beyond is skipped */
    TAIL_STREAM_BYTES = 2 * TAIL_UNREAD_BYTES,
};

struct http_request;
struct tail_stream;

struct tail_line {
    double at_s;           /* Unix time */
    struct slice line;     /* any bytes */
    struct slice from;     /* who sent it; ptr NULL: not known */
    struct slice listener; /* url; ptr NULL: not known */
    double share;          /* part of the traffic that was looked at then, up to 1 */
};

/* rate: lines a second at most, above 0 */
struct tail_stream *tail_stream_new(uint32_t rate, uint64_t now_ns);

/* Once, at first.  returns  NULL; or why not, as http_feed_answer: r is the caller's to answer */
const char *tail_stream_answer(struct tail_stream *t, struct http_request *r);

/* A line that it wants, all borrowed for the call.  returns  false: it is skipped */
bool tail_stream_line(struct tail_stream *t, const struct tail_line *line);

/* A line of which it is not known whether it is wanted, for to find out takes too long. */
void tail_stream_skip(struct tail_stream *t);

/* Send what came since the last time: every 100 ms or so. */
void tail_stream_flush(struct tail_stream *t, uint64_t now_ns);

/* Has the reader left?  It may take HTTP_FEED_BEAT_MS until that is seen. */
bool tail_stream_is_over(struct tail_stream *t);

/* End the reply and free t.  NULL is fine. */
void tail_stream_end(struct tail_stream *t);

#endif
