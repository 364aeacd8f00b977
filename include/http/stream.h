/**
 * stream: a body that is sent while its owner still makes it.
 *
 * The owner appends pieces; each request answered with the stream is a reader, which gets all of
 * them at its own pace.  A piece is freed when the last reader is past it.  The fastest reader sets
 * the owner's pace:
 *
 *     st = http_stream_new(&opts);
 *     http_answer_stream(requests, n, st);
 *     while (there is more)
 *         if (http_stream_ahead(st) < enough)      (enough > opts.low)
 *             http_stream_append(st, piece);
 *         else
 *             wait for on_read
 *     http_stream_end(st);
 *     http_stream_release(st);
 *
 * Requests answered after the end get a Content-Length, others chunks (HTTP/1.0: bytes until the
 * connection closes; HEAD: the head alone, then the connection closes).
 *
 * A reader that is cut off gets no more bytes, and its connection is closed before the last chunk:
 * as soon as it has room for bytes, or by http_opts.timeout_s if its client reads nothing.  So the
 * client sees that the body is not whole (one of HTTP/1.0 cannot).
 *
 *   thread   the owner's alone, but for on_read
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/body.h"

struct http_stream;

struct http_stream_opts {
    const char *type;     /* Content-Type, static */
    const char *encoding; /* Content-Encoding of the pieces, static; NULL: none */
    const char *vary;     /* the headers by which this form was picked, static */
    size_t low;     /* call on_read when the fastest reader has at most this many bytes to read */
    size_t max_lag; /* a reader with more bytes than this still to read is cut off */
    /*
     * Called on the HTTP thread (or the owner's) under the stream's lock, so it may wake the owner
     * and do nothing else; not called after http_stream_release.  Once for each append, and again
     * when the fastest reader leaves: the next one may have more to read.  Also when the last
     * reader leaves.
     */
    void (*on_read)(void *cookie);
    void *cookie;
};

struct http_stream *http_stream_new(const struct http_stream_opts *opts);

/* Append piece; a reference is taken.  returns  how many readers were cut off (max_lag) */
size_t http_stream_append(struct http_stream *st, struct http_body *piece);

/* Bytes that the fastest reader has yet to read; 0 once all readers have left. */
size_t http_stream_ahead(struct http_stream *st);

/* How many readers there are, without those that left or were cut off. */
size_t http_stream_readers(struct http_stream *st);

struct http_reading {
    uint64_t who;      /* the reader's address as a number; an IPv6 /64 is one */
    uint64_t quiet_ns; /* since when it has read nothing; 0 while it waits for the owner */
    uint64_t age_ns;   /* since when it could read */
};

/**
 * http_stream_readings(st, now_ns, ret, cap):
 *   ret      the first cap of the readers that http_stream_readers counts
 *   returns  how many there are in all, maybe more than cap
 */
size_t http_stream_readings(struct http_stream *st, uint64_t now_ns, struct http_reading *ret,
                            size_t cap);

/* Bytes kept because a reader has yet to read them. */
size_t http_stream_held(struct http_stream *st);

/* Cut off all readers.  returns  how many */
size_t http_stream_cut(struct http_stream *st);

/* No more pieces will come; once. */
void http_stream_end(struct http_stream *st);

/**
 * http_stream_release(st):
 * The owner lets go.  A stream that was ended is read to its end; the readers of one that was not
 * are cut off.
 */
void http_stream_release(struct http_stream *st);

#endif
