/*
 * A stream: a queue of pieces between its owner and its readers.
 *
 *     pieces   first            first + n
 *                | 0 | 1 | 2 | 3 |   <- http_stream_append (owner)
 *                  ^       ^
 *            slowest     fastest reader; ahead() is what it has yet to read
 *
 *     trim    frees the pieces that all readers are past
 *     notify  calls on_read when at most opts.low bytes are ahead of the fastest reader
 *     starve  a reader that has read all suspends its connection; wake resumes it
 *     cut     a reader gets an error in place of more bytes, so that libmicrohttpd closes
 *
 * Readers run on the HTTP thread (libmicrohttpd calls read_some when a connection has room for
 * more), the owner on its own; all that both touch is under the stream's lock.
 */
#include "http/stream_priv.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"
#include "http/body_priv.h"
#include "http/connections.h"

enum { BLOCK_BYTES = 32 * 1024 }; /* what libmicrohttpd asks for at once */

struct http_reader {
    struct http_stream *stream;
    struct MHD_Connection *connection;
    struct http_connection *peer;
    uint64_t since_ns; /* when it was attached */
    struct http_reader *next;
    uint64_t piece; /* number of the piece it reads; the first ever is 0 */
    size_t at;      /* bytes of that piece it has read ... */
    uint64_t read;  /* ... and bytes in all */
    uint64_t *sent; /* the same, for the request */
    bool starved;   /* suspended until there is more */
    bool cut;       /* its connection will be closed */
};

struct http_stream {
    pthread_mutex_t lock; /* of all that follows; before libmicrohttpd's own */
    struct http_stream_opts opts;
    size_t refs;               /* the owner's, and one per reader */
    struct http_body **pieces; /* n of them, none empty; an array of cap */
    size_t n, cap;
    uint64_t first;    /* number of pieces[0] */
    uint64_t bytes;    /* appended in all */
    uint64_t gone;     /* of these, read by all readers and freed */
    bool owned, ended; /* not released; no more pieces will come */
    bool begun;        /* all readers are attached */
    bool notified;     /* on_read was called for what is ahead now */
    struct http_reader *readers;
    size_t n_readers; /* without those that are cut */
};

/* Locked. */
static void stream_check(const struct http_stream *st)
{
    assert(st->n_readers + st->owned <= st->refs); /* a reader that is cut has one too */
    assert(st->n <= st->cap && st->gone <= st->bytes);
    assert((st->n == 0) == (st->gone == st->bytes)); /* no piece is empty */
    assert(st->begun || st->gone == 0);              /* kept for readers to come */
    assert(st->owned || st->ended || st->n_readers == 0);
}

/* Locked. */
static void reader_check(const struct http_reader *r)
{
    const struct http_stream *st = r->stream;
    stream_check(st);
    assert(r->read <= st->bytes);
    assert(!(r->cut && r->starved)); /* nobody would resume it */
    assert(!r->starved || !st->ended);
    if (r->cut)
        return; /* it no longer keeps its pieces */
    assert(r->read >= st->gone && r->piece >= st->first && r->piece <= st->first + st->n);
    assert(r->piece < st->first + st->n ? r->at < st->pieces[r->piece - st->first]->len
                                        : r->at == 0 && r->read == st->bytes);
}

struct http_stream *http_stream_new(const struct http_stream_opts *opts)
{
    assert(opts->type != NULL && opts->vary != NULL && opts->on_read != NULL);
    struct http_stream *st = mem_zalloc(sizeof *st);
    pthread_mutex_init(&st->lock, NULL);
    st->opts = *opts;
    st->refs = 1;
    st->owned = true;
    return st;
}

/* Locked at entry, not on return; st may be gone. */
static void unlock_and_unref(struct http_stream *st)
{
    bool last = --st->refs == 0;
    pthread_mutex_unlock(&st->lock);
    if (!last)
        return;
    for (size_t i = 0; i < st->n; i++)
        http_body_unref(st->pieces[i]);
    free(st->pieces);
    pthread_mutex_destroy(&st->lock);
    free(st);
}

/* ---- what follows is called with the lock held ---- */

/* Free the pieces that all readers are past. */
static void trim(struct http_stream *st)
{
    uint64_t least = st->first + (st->begun ? st->n : 0);
    for (const struct http_reader *r = st->readers; r != NULL; r = r->next)
        if (!r->cut && r->piece < least)
            least = r->piece;
    size_t gone = (size_t)(least - st->first);
    if (gone == 0)
        return;
    for (size_t i = 0; i < gone; i++) {
        st->gone += st->pieces[i]->len;
        http_body_unref(st->pieces[i]);
    }
    st->n -= gone;
    st->first = least;
    memmove(st->pieces, st->pieces + gone, st->n * sizeof(struct http_body *));
}

/* Bytes that the fastest reader has yet to read; 0 when there are no readers any more. */
static uint64_t ahead(const struct http_stream *st)
{
    uint64_t most = st->begun && st->n_readers == 0 ? st->bytes : 0;
    for (const struct http_reader *r = st->readers; r != NULL; r = r->next)
        if (!r->cut && r->read > most)
            most = r->read;
    return st->bytes - most;
}

static void notify(struct http_stream *st)
{
    if (!st->owned || st->notified || ahead(st) > st->opts.low)
        return;
    st->notified = true;
    st->opts.on_read(st->opts.cookie);
}

static void wake(struct http_reader *r)
{
    if (!r->starved)
        return;
    r->starved = false;
    MHD_resume_connection(r->connection);
}

static void cut(struct http_reader *r)
{
    if (r->cut)
        return;
    r->cut = true;
    r->stream->n_readers--;
    wake(r);
}

/* Copy up to max bytes from where r is. */
static size_t copy(struct http_reader *r, char *to, size_t max)
{
    struct http_stream *st = r->stream;
    size_t got = 0;
    while (got < max && r->piece < st->first + st->n) {
        const struct http_body *piece = st->pieces[r->piece - st->first];
        size_t n = piece->len - r->at < max - got ? piece->len - r->at : max - got;
        memcpy(to + got, piece->ptr + r->at, n);
        got += n;
        r->at += n;
        if (r->at == piece->len) {
            r->piece++;
            r->at = 0;
        }
    }
    r->read += got;
    return got;
}

/* ---- the reading end ---- */

struct http_reader *http_reader_attach(struct http_stream *st, struct MHD_Connection *c)
{
    struct http_reader *r = mem_zalloc(sizeof *r);
    r->stream = st;
    r->connection = c;
    r->peer = http_connection_of(c);
    r->since_ns = now_mono_ns();
    pthread_mutex_lock(&st->lock);
    assert(st->owned && !st->begun);
    r->next = st->readers;
    st->readers = r;
    st->n_readers++;
    st->refs++;
    pthread_mutex_unlock(&st->lock);
    return r;
}

void http_reader_begin(struct http_stream *st)
{
    pthread_mutex_lock(&st->lock);
    assert(st->owned && !st->begun);
    st->begun = true;
    trim(st);
    stream_check(st);
    pthread_mutex_unlock(&st->lock);
}

void http_reader_detach(struct http_reader *r)
{
    if (r == NULL)
        return;
    struct http_stream *st = r->stream;
    pthread_mutex_lock(&st->lock);
    reader_check(r);
    assert(!r->starved); /* suspended: it would stay so */
    struct http_reader **at = &st->readers;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    st->n_readers -= !r->cut;
    free(r);
    trim(st);
    /* If the fastest reader left, more may be ahead now than when on_read was called: re-arm it. */
    st->notified = st->notified && st->n_readers > 0 && ahead(st) <= st->opts.low;
    notify(st);
    unlock_and_unref(st);
}

/* libmicrohttpd wants bytes.  If there are none yet, the connection is suspended. */
static ssize_t read_some(void *reader, uint64_t pos, char *to, size_t max)
{
    struct http_reader *r = reader;
    struct http_stream *st = r->stream;
    (void)pos;
    pthread_mutex_lock(&st->lock);
    reader_check(r);
    assert(st->begun && !r->starved);
    ssize_t rc = r->cut ? MHD_CONTENT_READER_END_WITH_ERROR : (ssize_t)copy(r, to, max);
    if (rc > 0) {
        *r->sent += (uint64_t)rc;
        http_connection_moved(r->peer);
        trim(st);
        notify(st);
    } else if (rc == 0 && st->ended) {
        rc = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (rc == 0) {
        r->starved = true;
        http_connection_waits(r->peer);
        MHD_suspend_connection(r->connection);
    }
    pthread_mutex_unlock(&st->lock);
    return rc;
}

static void reader_free(void *reader)
{
    http_reader_detach(reader);
}

struct MHD_Response *http_reader_response(struct http_reader *r, bool head, uint64_t *sent)
{
    r->sent = sent;
    struct http_stream *st = r->stream;
    pthread_mutex_lock(&st->lock);
    uint64_t size = st->ended && !r->cut ? st->bytes : MHD_SIZE_UNKNOWN;
    pthread_mutex_unlock(&st->lock);
    struct MHD_Response *response =
        MHD_create_response_from_callback(size, BLOCK_BYTES, read_some, r, reader_free);
    if (response == NULL) {
        http_reader_detach(r);
        return NULL;
    }
    /*
     * Behind the head alone, libmicrohttpd sends the end of the chunks too, which the client would
     * take for the next reply: no chunks, then.
     */
    if (head && size == MHD_SIZE_UNKNOWN)
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, st->opts.type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, st->opts.vary);
    if (st->opts.encoding != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, st->opts.encoding);
    return response;
}

/* ---- the owner's end ---- */

size_t http_stream_append(struct http_stream *st, struct http_body *piece)
{
    size_t n_cut = 0;
    pthread_mutex_lock(&st->lock);
    stream_check(st);
    assert(st->owned && !st->ended);
    if (piece->len > 0) {
        http_body_ref(piece);
        st->pieces = mem_grow(st->pieces, &st->cap, st->n + 1, sizeof(struct http_body *));
        st->pieces[st->n++] = piece;
        st->bytes += piece->len;
    }
    st->notified = false;
    for (struct http_reader *r = st->readers; r != NULL; r = r->next) {
        if (!r->cut && st->bytes - r->read > st->opts.max_lag) {
            cut(r);
            n_cut++;
        }
        wake(r);
    }
    trim(st);
    pthread_mutex_unlock(&st->lock);
    return n_cut;
}

size_t http_stream_ahead(struct http_stream *st)
{
    pthread_mutex_lock(&st->lock);
    size_t n = (size_t)ahead(st);
    pthread_mutex_unlock(&st->lock);
    return n;
}

size_t http_stream_readers(struct http_stream *st)
{
    pthread_mutex_lock(&st->lock);
    size_t n = st->n_readers;
    pthread_mutex_unlock(&st->lock);
    return n;
}

size_t http_stream_readings(struct http_stream *st, uint64_t now_ns, struct http_reading *ret,
                            size_t cap)
{
    size_t n = 0;
    pthread_mutex_lock(&st->lock);
    for (const struct http_reader *r = st->readers; r != NULL; r = r->next) {
        if (r->cut)
            continue;
        if (n < cap)
            ret[n] = (struct http_reading){
                .who = http_connection_who(r->peer),
                .quiet_ns = http_connection_quiet_ns(r->peer, now_ns),
                .age_ns = now_ns > r->since_ns ? now_ns - r->since_ns : 0,
            };
        n++;
    }
    pthread_mutex_unlock(&st->lock);
    return n;
}

size_t http_stream_held(struct http_stream *st)
{
    pthread_mutex_lock(&st->lock);
    size_t n = (size_t)(st->bytes - st->gone);
    pthread_mutex_unlock(&st->lock);
    return n;
}

/* Locked. */
static size_t cut_all(struct http_stream *st)
{
    size_t n = st->n_readers;
    for (struct http_reader *r = st->readers; r != NULL; r = r->next)
        cut(r);
    trim(st);
    return n;
}

size_t http_stream_cut(struct http_stream *st)
{
    pthread_mutex_lock(&st->lock);
    size_t n = cut_all(st);
    pthread_mutex_unlock(&st->lock);
    return n;
}

void http_stream_end(struct http_stream *st)
{
    pthread_mutex_lock(&st->lock);
    assert(st->owned && !st->ended);
    st->ended = true;
    for (struct http_reader *r = st->readers; r != NULL; r = r->next)
        wake(r);
    pthread_mutex_unlock(&st->lock);
}

void http_stream_release(struct http_stream *st)
{
    pthread_mutex_lock(&st->lock);
    assert(st->owned);
    st->owned = false;
    if (!st->ended)
        (void)cut_all(st);
    trim(st);
    stream_check(st);
    unlock_and_unref(st);
}
