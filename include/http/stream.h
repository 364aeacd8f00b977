/**
 * stream: a body that is sent while it is made.
 *
 * Its owner appends pieces, every request answered with it reads them all, each at its own pace,
 * and a piece is freed when the last reader is past it.  The fastest reader sets the owner's pace.
 *
 *     st = http_stream_new(&opts);
 *     http_answer_stream(requests, n, st);
 *     while (there is more)
 *         if (http_stream_ahead(st) < enough)
 *             http_stream_append(st, piece);
 *         else
 *             wait for on_read
 *     http_stream_end(st);
 *     http_stream_release(st);
 *
 * Requests answered after the end get a Content-Length, others chunks (HTTP/1.0: all until the
 * connection closes; HEAD: neither, and the connection closes).
 *
 *   thread   one, the owner's, but for on_read
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/body.h"

struct http_stream;

struct http_stream_opts {
    const char *type;                   /* Content-Type, static */
    bool gzip;                          /* the pieces are gzip: Content-Encoding */
    size_t low;                         /* on_read when no more bytes wait for the fastest reader */
    size_t max_lag;                     /* a reader further behind the end, in bytes, is cut off */
    /* HTTP thread, under a lock: it may wake the owner and do nothing else.  Once between two
     * appends, unless the fastest reader leaves and others are behind it; also when the last reader
     * has left; not after release. */
    void (*on_read)(void *cookie);
    void *cookie;
};

struct http_stream *http_stream_new(const struct http_stream_opts *opts);

/* Append; a reference is taken.  returns  how many readers were cut off */
size_t http_stream_append(struct http_stream *st, struct http_body *piece);

/* Bytes that nobody has read yet; 0 when all readers have left. */
size_t http_stream_ahead(struct http_stream *st);

/* Those that have not left and were not cut off. */
size_t http_stream_readers(struct http_stream *st);

struct http_reading {
    uint64_t who;            /* its address; an IPv6 /64 is one */
    uint64_t quiet_ns;       /* for how long it has read nothing; 0 while it waits for more */
    uint64_t age_ns;         /* for how long it could read */
};

/* The readers that were not cut off, the first cap of them into ret.  returns  how many in all */
size_t http_stream_readings(struct http_stream *st, uint64_t now_ns, struct http_reading *ret,
                            size_t cap);

/* Bytes kept because somebody has yet to read them. */
size_t http_stream_held(struct http_stream *st);

/* Cut off all readers: their connections are closed at once, so that they see that it is not whole.
 *   returns  how many */
size_t http_stream_cut(struct http_stream *st);

/* That was all. */
void http_stream_end(struct http_stream *st);

/**
 * http_stream_release(st):
 * The owner lets go.  Readers read it to its end; when it was not ended, their connections are
 * closed at once, so that they see that it is not whole.
 */
void http_stream_release(struct http_stream *st);

#endif
