/**
 * exposition: one rendering of /metrics in one form, on its way to those who asked for it together.
 *
 *     registry walk -> writer -> pieces -+----------------------------+-> stream -> readers
 *                                        +-> packed on libuv's pool --+
 *
 * A form is a format and an encoding.  Forms are rendered apart, each as fast as its readers read:
 * a slow reader of one does not hold up, and is not left behind by, the readers of another.
 * Rendering stays some pieces ahead of the fastest reader: memory does not grow with the number of
 * series, and the control thread does other work between two pieces.  What fits into the first
 * pieces (some thousands of series) is all of one moment; beyond that each series' lines are, and
 * every one is at least as fresh as the request.
 *
 *   thread   control
 */
#ifndef EXPOSE_EXPOSITION_H
#define EXPOSE_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "aggregate/registry.h"
#include "base/buf.h"
#include "expose/counters.h"
#include "expose/encoding.h"
#include "expose/packer.h"
#include "expose/render.h"
#include "expose/writer.h"
#include "http/http.h"

enum {
    /*
     * What a reader may be behind another one of the same exposition, in bytes, before it is cut.
     */
    EXPOSITION_LAG_BYTES = 8 << 20,
    /*
     * The most that waits for readers: rendered ahead of the fastest, and the lag of the slowest.
     */
    EXPOSITION_PENDING_BYTES = 9 << 20
};

enum { EXPOSITION_FORMS = WRITER_COUNT * ENCODING_COUNT };

/* 0 .. EXPOSITION_FORMS - 1 */
static inline unsigned exposition_form(enum writer_format format, enum encoding_id encoding)
{
    return (unsigned)format * ENCODING_COUNT + (unsigned)encoding;
}

/* The form that suits the request best. */
unsigned exposition_form_of(const struct http_request *r);

/* What is shown, all borrowed. */
struct exposition_source {
    uv_loop_t *loop;
    struct registry *registry;
    struct writer *writers[WRITER_COUNT];
    /* Append the server's own numbers. */
    void (*put_own)(void *cookie, struct writer *w, struct buf *out);
    void *cookie;
    struct expose_stats *stats; /* written */
};

struct exposition {
    struct exposition *next; /* the owner's list */
    const struct exposition_source *source;
    unsigned form;
    struct writer *writer;
    struct render render;
    bool started, rendered;
    double bytes;               /* rendered so far ... */
    uint64_t took_ns;           /* ... and the time that this took */
    struct http_body *piece;    /* rendered, and the packer has not taken it */
    struct packer packer;       /* of encodings with a codec */
    struct http_stream *stream; /* NULL: it is over */
    size_t delivered;           /* bytes that went into the stream */
    bool whole;                 /* ... and those are all */
    bool ended;                 /* what comes now is up to its readers */
    struct http_request **to;   /* to be answered when there is something to read */
    size_t n_to;
    void (*again)(void *cookie);
    void *cookie;
};

/**
 * exposition_new(src, form, to, n, again, cookie):
 *   to       the requests, n > 0 of them; each is answered by this exposition
 *   again    step it again; any thread, and it may do no more than wake the control thread
 */
struct exposition *exposition_new(const struct exposition_source *src, unsigned form,
                                  struct http_request *const *to, size_t n,
                                  void (*again)(void *cookie), void *cookie);

/*
 * Go on as far as the readers let it.
 *   returns  false: it is over, nobody reads it any more; free it
 */
bool exposition_step(struct exposition *e);

/* Nothing is left to do but to wait for slow readers; freed now, they still read it to its end. */
bool exposition_made(const struct exposition *e);

/*
 * Nobody waits for it or reads it any more; it may have to wait for the compressor before it is
 * freed.
 */
bool exposition_over(const struct exposition *e);

/* Who waits for it or reads it, as http_stream_readings. */
size_t exposition_readings(const struct exposition *e, uint64_t now_ns, struct http_reading *ret,
                           size_t cap);

/* Bytes kept for its readers. */
size_t exposition_held(const struct exposition *e);

/* Cut off who still reads, answer 503 to who got nothing yet; step it until it is over. */
void exposition_cut(struct exposition *e);

void exposition_free(struct exposition *e);

#endif
