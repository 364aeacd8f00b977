/**
 * stream_cut: what a worker reads of streams, cut into datagrams for its lane.  Private to listen/.
 *
 * A source reads its connections into one buffer, one after the other.  What is left of an
 * unfinished line or frame then moves to the connection's own room, which grows with it and goes
 * when it is complete.
 *
 *   thread   worker
 */
#ifndef LISTEN_STREAM_CUT_H
#define LISTEN_STREAM_CUT_H

#include "aggregate/lane.h"
#include "listen/connection.h"
#include "listen/refusals_priv.h"
#include "listen/source.h"
#include "listen/tap_priv.h"

enum { STREAM_READ_BYTES = 65536 };

struct stream_cut {
    struct lane *lane;
    struct refusals *refusals;
    struct taps *taps;
    struct lane_source from;
    uint16_t place; /* the source's, at its worker */
    char *read;     /* STREAM_READ_BYTES: where the source reads to */
    char *front;    /* FRAMING_ROOM: where an unfinished front is put together with what follows */
    /* Of the connection at hand: */
    const struct connection *at;
    size_t n;           /* bytes in read */
    struct slice piece; /* the datagram at hand */
    uint64_t datagrams; /* pieces so far, of all connections: frames, where these are cut */
};

/* gauge_sign: of the listener */
void stream_cut_init(struct stream_cut *s, const struct source_env *env,
                     enum gauge_sign gauge_sign);
void stream_cut_release(struct stream_cut *s);

/**
 * stream_cut_push(s, c, n, now_ns):
 * c has brought n bytes, which are in s->read.  Their samples are in the page when it returns.
 *   returns  STREAM_GOES_ON, or why c must be closed: a bad frame, or an error (no memory)
 */
enum stream_end stream_cut_push(struct stream_cut *s, struct connection *c, size_t n,
                                uint64_t now_ns);

/* Append what c has begun, for another process: one that goes on with it has it in c->begun. */
void stream_cut_begun(const struct connection *c, struct buf *out);

/* c, which is new and whose framing is, goes on with c->begun.   returns  as stream_cut_push */
enum stream_end stream_cut_go_on(struct stream_cut *s, struct connection *c, uint64_t now_ns);

/**
 * stream_cut_end(s, c, clean, now_ns):
 * c brings no more, and gives back its room.
 *   clean    its client closed it: a last line without LF counts, a frame that is not whole is one
 *            error; otherwise both are dropped
 *   returns  whether something was cut off: where it is clean, a frame, which is counted as bad
 */
bool stream_cut_end(struct stream_cut *s, struct connection *c, bool clean, uint64_t now_ns);

#endif
