/*
 * An exposition from its begin to its end:
 *
 *     exposition_new
 *     exposition_step   take_packed       what the compressor has done goes into the stream
 *                       render_piece      up to STEP_PIECES, as long as readers keep up
 *                       answer, finish    requests get the stream once there is something in it
 *     exposition_free   when a step has returned false
 */
#include "expose/exposition.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"
#include "expose/negotiate.h"
#include "http/accept.h"

enum {
    PIECE_BYTES = 256 * 1024,      /* 0.5 ms of rendering */
    AHEAD_BYTES = 4 * PIECE_BYTES, /* made before it is read */
    LOW_BYTES = AHEAD_BYTES / 2,
    STEP_PIECES = 4, /* made before the control thread looks at other work */
    STATUS_UNAVAILABLE = 503
};

_Static_assert(EXPOSITION_PENDING_BYTES >= EXPOSITION_LAG_BYTES + AHEAD_BYTES, "memory_bound");

unsigned exposition_form_of(const struct http_request *r)
{
    char list[HTTP_ACCEPT_BYTES];
    size_t format = negotiate_format(http_request_header_list(r, "Accept", list, sizeof list),
                                     writers, WRITER_COUNT);
    enum encoding_id encoding =
        negotiate_encoding(http_request_header_list(r, "Accept-Encoding", list, sizeof list));
    return exposition_form((enum writer_format)format, encoding);
}

static bool is_packed(const struct exposition *e)
{
    return e->packer.z != NULL;
}

static void exposition_check(const struct exposition *e)
{
    assert(!e->ended || e->whole);
    assert(!e->whole || (e->rendered && e->piece == NULL));
    assert(is_packed(e) || e->piece == NULL);
    assert(!e->ended || e->n_to == 0);
}

struct exposition *exposition_new(const struct exposition_source *src, unsigned form,
                                  struct http_request *const *to, size_t n,
                                  void (*again)(void *cookie), void *cookie)
{
    struct exposition *e = mem_zalloc(sizeof *e);
    assert(form < EXPOSITION_FORMS && n > 0);
    e->source = src;
    e->form = form;
    e->writer = src->writers[form / ENCODING_COUNT];
    e->again = again;
    e->cookie = cookie;
    /* Without memory for the compressor its readers get it as it is. */
    const struct encoding *encoding = &encodings[form % ENCODING_COUNT];
    if (encoding->codec != NULL)
        (void)packer_init(&e->packer, encoding->codec, again, cookie);
    e->to = mem_alloc(n * sizeof(struct http_request *));
    memcpy(e->to, to, n * sizeof(struct http_request *));
    e->n_to = n;
    e->stream = http_stream_new(&(struct http_stream_opts){
        .type = e->writer->ops->content_type,
        .encoding = is_packed(e) ? encoding->token : NULL,
        .vary = "Accept, Accept-Encoding",
        .low = LOW_BYTES,
        .max_lag = EXPOSITION_LAG_BYTES,
        .on_read = again,
        .cookie = cookie,
    });
    render_begin(&e->render, e->writer, src->registry);
    return e;
}

/* ---- its stream ---- */

static void deliver(struct exposition *e, struct http_body *piece, bool last)
{
    if (e->stream != NULL)
        e->source->stats->cut += http_stream_append(e->stream, piece);
    e->delivered += http_body_bytes(piece).len;
    e->whole = last;
    http_body_unref(piece);
}

static void answer(struct exposition *e)
{
    if (e->n_to > 0)
        http_answer_stream(e->to, e->n_to, e->stream);
    e->n_to = 0;
}

/* Ended before it is answered: then the length is known, and is sent in front. */
static void finish(struct exposition *e)
{
    http_stream_end(e->stream);
    answer(e);
    e->ended = true;
}

static void release_stream(struct exposition *e)
{
    if (e->stream != NULL)
        http_stream_release(e->stream);
    e->stream = NULL;
    http_body_unref(e->piece);
    e->piece = NULL;
}

/* Nothing more is rendered that nobody reads. */
static void drop_unwanted(struct exposition *e)
{
    if (e->stream == NULL || e->n_to > 0 || http_stream_readers(e->stream) > 0)
        return;
    release_stream(e);
}

/* ---- its pieces ---- */

static bool may_render(const struct exposition *e)
{
    return !e->rendered && e->piece == NULL && e->stream != NULL &&
           http_stream_ahead(e->stream) < AHEAD_BYTES;
}

static void rendered(struct exposition *e)
{
    struct expose_stats *stats = e->source->stats;
    e->rendered = true;
    render_end(&e->render);
    stats->bytes = e->bytes;
    stats->seconds = (double)e->took_ns / 1e9;
}

static void render_piece(struct exposition *e)
{
    const struct exposition_source *src = e->source;
    struct buf text = { 0 };
    uint64_t start_ns = now_mono_ns();
    /* A piece ends behind a whole series, so some bytes past its size. */
    buf_reserve(&text, PIECE_BYTES + PIECE_BYTES / 16);
    if (!e->started)
        src->put_own(src->cookie, e->writer, &text);
    e->started = true;
    bool more = render_some(&e->render, start_ns, PIECE_BYTES, &text);
    e->took_ns += now_mono_ns() - start_ns;
    e->bytes += (double)text.len;
    if (!more)
        rendered(e);
    struct http_body *piece = http_body_take(e->writer->ops->content_type, text.ptr, text.len);
    if (is_packed(e))
        e->piece = piece;
    else
        deliver(e, piece, e->rendered);
}

static void pack(struct exposition *e)
{
    if (e->piece == NULL || e->packer.state != PACKER_IDLE)
        return;
    packer_pack(&e->packer, e->source->loop, e->piece, e->rendered);
    e->piece = NULL;
}

static void take_packed(struct exposition *e)
{
    if (e->packer.state != PACKER_DONE)
        return;
    struct http_body *packed = packer_take(&e->packer, e->writer->ops->content_type);
    deliver(e, packed, e->packer.last);
}

/* ---- going on ---- */

bool exposition_step(struct exposition *e)
{
    exposition_check(e);
    take_packed(e);
    drop_unwanted(e);
    bool more = true;
    for (unsigned pieces = 0; more && pieces < STEP_PIECES; pieces++) {
        more = may_render(e);
        if (more)
            render_piece(e);
        pack(e);
    }
    if (more && !e->rendered) /* a reader as fast as rendering must not keep the thread */
        e->again(e->cookie);
    if (e->stream != NULL && e->whole && !e->ended)
        finish(e);
    else if (e->stream != NULL && e->delivered > 0)
        answer(e);
    drop_unwanted(e);
    exposition_check(e);
    return e->stream != NULL || e->packer.state != PACKER_IDLE;
}

bool exposition_made(const struct exposition *e)
{
    return (e->stream == NULL || e->ended) && e->packer.state == PACKER_IDLE;
}

bool exposition_over(const struct exposition *e)
{
    return e->stream == NULL;
}

size_t exposition_readings(const struct exposition *e, uint64_t now_ns, struct http_reading *ret,
                           size_t cap)
{
    for (size_t i = 0; i < e->n_to && i < cap; i++)
        ret[i] = (struct http_reading){ .who = http_request_who(e->to[i]) };
    if (e->stream == NULL || e->n_to > 0)
        return e->n_to;
    return http_stream_readings(e->stream, now_ns, ret, cap);
}

size_t exposition_held(const struct exposition *e)
{
    return e->stream == NULL ? 0 : http_stream_held(e->stream);
}

void exposition_cut(struct exposition *e)
{
    for (size_t i = 0; i < e->n_to; i++)
        http_answer(e->to[i], STATUS_UNAVAILABLE, NULL);
    e->n_to = 0;
    if (e->stream != NULL)
        e->source->stats->cut += http_stream_cut(e->stream);
    release_stream(e);
}

void exposition_free(struct exposition *e)
{
    if (!e->rendered)
        render_end(&e->render);
    release_stream(e);
    packer_release(&e->packer);
    free(e->to);
    free(e);
}
