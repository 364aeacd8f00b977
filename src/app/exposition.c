#include "app/exposition.h"

#include <stdlib.h>

#include "base/gzip.h"
#include "base/mem.h"
#include "base/now.h"

enum {
    PIECE_BYTES = 256 * 1024,           /* 0.5 ms of rendering */
    AHEAD_BYTES = 4 * PIECE_BYTES,      /* made before it is read */
    LOW_BYTES = AHEAD_BYTES / 2,
    STEP_PIECES = 4,                    /* made before the control thread looks at what else there is */
    MAX_LAG_BYTES = EXPOSITION_PENDING_BYTES - AHEAD_BYTES,   /* of a reader slower than another one of the same rendering */
    STATUS_UNAVAILABLE = 503
};

static void form_open(struct exposition *e, struct exposition_form *f, bool gzip)
{
    struct http_stream_opts o = { .type = PROMETHEUS_TEXT,
                                  .gzip = gzip,
                                  .low = LOW_BYTES,
                                  .max_lag = MAX_LAG_BYTES,
                                  .on_read = e->again,
                                  .cookie = e->cookie };
    if (f->n_to > 0)
        f->stream = http_stream_new(&o);
}

struct exposition *exposition_new(const struct exposition_source *src, struct http_request *const *to, size_t n,
                                  void (*again)(void *cookie), void *cookie)
{
    struct exposition *e = mem_zalloc(sizeof *e);
    e->source = src;
    e->again = again;
    e->cookie = cookie;
    e->work.data = e;
    e->plain.to = mem_alloc(n * sizeof(struct http_request *));
    e->gzip.to = mem_alloc(n * sizeof(struct http_request *));
    for (size_t i = 0; i < n; i++) {
        bool gzip = http_request_gzip(to[i]) && (e->compressor != NULL || (e->compressor = gzip_new()) != NULL);
        struct exposition_form *f = gzip ? &e->gzip : &e->plain;
        f->to[f->n_to++] = to[i];
    }
    form_open(e, &e->plain, false);
    form_open(e, &e->gzip, true);
    registry_walk_begin(src->registry, &e->walk);
    return e;
}

/* ---- a form's stream ---- */

static void form_put(struct exposition *e, struct exposition_form *f, struct http_body *piece)
{
    if (f->stream != NULL)
        e->source->stats->cut += http_stream_append(f->stream, piece);
}

/* There is something to read. */
static void form_answer(struct exposition_form *f)
{
    if (f->stream != NULL && f->n_to > 0)
        http_answer_stream(f->to, f->n_to, f->stream);
    f->n_to = 0;
}

static void form_release(struct exposition_form *f)
{
    if (f->stream != NULL)
        http_stream_release(f->stream);
    f->stream = NULL;
}

static void form_end(struct exposition_form *f)
{
    if (f->stream == NULL || f->ended)
        return;
    http_stream_end(f->stream);
    form_answer(f);
    f->ended = true;
}

static bool form_wanted(const struct exposition_form *f)
{
    return f->stream != NULL && (f->n_to > 0 || http_stream_readers(f->stream) > 0);
}

static void form_cut(struct exposition *e, struct exposition_form *f)
{
    for (size_t i = 0; i < f->n_to; i++)
        http_answer(f->to[i], STATUS_UNAVAILABLE, NULL);
    f->n_to = 0;
    if (f->stream != NULL)
        e->source->stats->cut += http_stream_cut(f->stream);
    form_release(f);
}

/* ---- rendering ---- */

static size_t form_ahead(const struct exposition_form *f)
{
    return f->stream == NULL ? SIZE_MAX : http_stream_ahead(f->stream);
}

/* The form that is read faster sets the pace. */
static bool may_render(const struct exposition *e)
{
    size_t plain = form_ahead(&e->plain), gzip = form_ahead(&e->gzip);
    return !e->rendered && e->piece == NULL && (plain < gzip ? plain : gzip) < AHEAD_BYTES;
}

static void render_piece(struct exposition *e)
{
    const struct exposition_source *src = e->source;
    struct buf text = { 0 };
    uint64_t start_ns = now_mono_ns();
    /* A piece ends behind a whole series, so some bytes past its size. */
    buf_reserve(&text, PIECE_BYTES + PIECE_BYTES / 16);
    if (!e->started)
        src->put_own(src->cookie, &text);
    e->started = true;
    e->rendered = !prometheus_render_some(src->prometheus, &e->walk, start_ns, PIECE_BYTES, &text);
    e->took_ns += now_mono_ns() - start_ns;
    e->bytes += (double)text.len;
    if (e->rendered) {
        registry_walk_end(&e->walk);
        src->stats->bytes = e->bytes;
        src->stats->seconds = (double)e->took_ns / 1e9;
    }
    struct http_body *piece = http_body_take(PROMETHEUS_TEXT, text.ptr, text.len);
    form_put(e, &e->plain, piece);
    if (e->gzip.stream != NULL)
        e->piece = piece;
    else
        http_body_unref(piece);
}

/* ---- compressing ---- */

/* Pool thread. */
static void pack(uv_work_t *work)
{
    struct exposition *e = work->data;
    struct slice text = http_body_bytes(e->unpacked);
    gzip_add(e->compressor, text.ptr, text.len, &e->packed);
    if (e->last)
        gzip_finish(e->compressor, &e->packed);
}

static void packed(uv_work_t *work, int status)
{
    struct exposition *e = work->data;
    (void)status;
    e->packing = PACK_DONE;
    e->again(e->cookie);
}

static void pack_begin(struct exposition *e)
{
    e->unpacked = e->piece;
    e->piece = NULL;
    e->last = e->rendered;
    e->packing = PACK_BUSY;
    uv_queue_work(e->source->loop, &e->work, pack, packed);
}

static void pack_end(struct exposition *e)
{
    e->packing = PACK_IDLE;
    http_body_unref(e->unpacked);
    e->unpacked = NULL;
    struct http_body *piece = http_body_take(PROMETHEUS_TEXT, e->packed.ptr, e->packed.len);
    e->packed = (struct buf){ 0 };
    form_put(e, &e->gzip, piece);
    http_body_unref(piece);
    if (!e->last) {
        form_answer(&e->gzip);
        return;
    }
    form_end(&e->gzip);
    gzip_free(e->compressor);
    e->compressor = NULL;
}

/* ---- going on ---- */

/* Nothing more is made in a form that nobody reads any longer. */
static void drop_unwanted(struct exposition *e)
{
    if (!form_wanted(&e->plain))
        form_release(&e->plain);
    if (form_wanted(&e->gzip))
        return;
    form_release(&e->gzip);
    http_body_unref(e->piece);
    e->piece = NULL;
}

bool exposition_step(struct exposition *e)
{
    if (e->packing == PACK_DONE)
        pack_end(e);
    drop_unwanted(e);
    bool more = true;
    for (unsigned pieces = 0; more && pieces < STEP_PIECES; pieces++) {
        more = may_render(e);
        if (more)
            render_piece(e);
        if (e->piece != NULL && e->packing == PACK_IDLE)
            pack_begin(e);
    }
    if (more && !e->rendered)   /* whoever reads as fast as this is made must not keep the thread */
        e->again(e->cookie);
    if (e->rendered)
        form_end(&e->plain);
    else
        form_answer(&e->plain);
    drop_unwanted(e);
    return e->plain.stream != NULL || e->gzip.stream != NULL || e->packing != PACK_IDLE;
}

static bool form_made(const struct exposition_form *f)
{
    return f->stream == NULL || f->ended;
}

bool exposition_made(const struct exposition *e)
{
    return form_made(&e->plain) && form_made(&e->gzip) && e->packing == PACK_IDLE;
}

bool exposition_over(const struct exposition *e)
{
    return e->plain.stream == NULL && e->gzip.stream == NULL;
}

static size_t form_readings(const struct exposition_form *f, uint64_t now_ns, struct http_reading *ret, size_t cap)
{
    for (size_t i = 0; i < f->n_to && i < cap; i++)
        ret[i] = (struct http_reading){ .who = http_request_who(f->to[i]) };
    if (f->stream == NULL || f->n_to > 0)
        return f->n_to;
    return http_stream_readings(f->stream, now_ns, ret, cap);
}

size_t exposition_readings(const struct exposition *e, uint64_t now_ns, struct http_reading *ret, size_t cap)
{
    size_t n = form_readings(&e->plain, now_ns, ret, cap), used = n < cap ? n : cap;
    return n + form_readings(&e->gzip, now_ns, ret + used, cap - used);
}

size_t exposition_held(const struct exposition *e)
{
    size_t plain = e->plain.stream == NULL ? 0 : http_stream_held(e->plain.stream);
    return plain + (e->gzip.stream == NULL ? 0 : http_stream_held(e->gzip.stream));
}

void exposition_cut(struct exposition *e)
{
    form_cut(e, &e->plain);
    form_cut(e, &e->gzip);
}

void exposition_free(struct exposition *e)
{
    if (!e->rendered)
        registry_walk_end(&e->walk);
    form_release(&e->plain);
    form_release(&e->gzip);
    gzip_free(e->compressor);
    buf_release(&e->packed);
    free(e->plain.to);
    free(e->gzip.to);
    free(e);
}
