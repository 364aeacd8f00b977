/*
 *     on_timer -> drain: each worker's ring, from where the last drain has ended
 *                   take_datagram: cut at LF -> take_line -> parser -> on_line
 */
#include "app/sampling.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"

enum { LOOK_AT_CLOCK = 16, BATCH = 64 }; /* datagrams; samples */

struct sampling {
    struct sampling_opts opts;
    struct tap_group *taps;
    struct parser *parser;
    struct batch batch;
    uv_timer_t timer;
    bool rejected; /* something of the line at hand */
    unsigned at;   /* the worker whose ring is next */
};

/* ---- lines ---- */

static void on_error(void *sampling, const struct parse_error *e)
{
    (void)e;
    ((struct sampling *)sampling)->rejected = true;
}

static void note_sample(const struct sample *s, struct sampled *one)
{
    one->name = slice_of(s->name, s->name_len);
    if (s->flags & (SAMPLE_HAS_ORIGIN | SAMPLE_ORIGIN_ASIDE))
        one->origin = s->origin;
}

static void take_line(struct sampling *s, struct sampled *one)
{
    struct batch *b = &s->batch;
    bool more;
    one->name = one->origin = slice_of(NULL, 0);
    one->samples = 0;
    s->rejected = false;
    parser_begin(s->parser, one->line.ptr, one->line.len, false);
    do {
        more = parser_next(s->parser, b);
        for (uint32_t i = 0; i < b->n; i++)
            one->samples += 1 + b->samples[i].more_n;
        if (b->n > 0)
            note_sample(&b->samples[0], one);
        one->rejected = s->rejected;
        if (!more)
            s->opts.on_line(s->opts.cookie, one);
        batch_clear(b);
    } while (more);
}

static void take_datagram(struct sampling *s, const struct tap_record *rec)
{
    const char *at = tap_record_data(rec), *stop = at + rec->len;
    struct sampled one = { .datagram = rec, .worker = s->at, .first = true };
    while (at < stop) {
        const char *lf = memchr(at, '\n', (size_t)(stop - at)), *end = lf != NULL ? lf : stop;
        one.line = slice_of(at, (size_t)(end - at));
        if (one.line.len > 0) {
            take_line(s, &one);
            one.first = false;
        }
        at = end + 1;
    }
}

/* ---- draining ---- */

/* returns  false: the time is up */
static bool drain_one(struct sampling *s, struct tap_ring *ring, uint64_t until_ns)
{
    const struct tap_record *rec;
    bool time = true;
    for (unsigned n = 1; time && (rec = tap_ring_next(ring)) != NULL; n++) {
        take_datagram(s, rec);
        time = n % LOOK_AT_CLOCK > 0 || now_mono_ns() < until_ns;
    }
    tap_ring_release(ring);
    return time;
}

/* returns  whether all rings are empty */
static bool drain(struct sampling *s)
{
    const uint64_t until_ns = now_mono_ns() + SAMPLING_SLICE_NS;
    bool time = true;
    for (unsigned i = 0; time && i < s->opts.n_workers; i++) {
        time = drain_one(s, tap_group_ring(s->taps, s->at), until_ns);
        s->at = (s->at + 1) % s->opts.n_workers;
    }
    return time;
}

static void on_timer(uv_timer_t *timer)
{
    struct sampling *s = timer->data;
    const bool all = drain(s), watched = s->opts.drained(s->opts.cookie);
    unsigned next_ms = watched ? SAMPLING_SOON_MS : SAMPLING_EVERY_MS;
    if (!all)
        next_ms = SAMPLING_MORE_MS;
    uv_timer_start(&s->timer, on_timer, next_ms, 0);
}

/* ---- life ---- */

int sampling_open(const struct sampling_opts *opts, struct sampling **ret)
{
    struct sampling *s = mem_zalloc(sizeof *s);
    struct parse_opts parse = *opts->parse;
    s->opts = *opts;
    parse.origins = true;
    parse.on_error = on_error;
    parse.cookie = s;
    s->parser = parser_new(&parse);
    if (s->parser == NULL || batch_init(&s->batch, BATCH, parse.max_line) < 0) {
        parser_free(s->parser);
        free(s);
        return -ENOMEM;
    }
    const struct tap_opts tap = { .budget = opts->budget, .senders = true };
    s->taps = tap_group_new(opts->workers, opts->n_workers, TAP_SAMPLE, &tap);
    uv_timer_init(opts->loop, &s->timer);
    s->timer.data = s;
    uv_timer_start(&s->timer, on_timer, SAMPLING_EVERY_MS, 0);
    *ret = s;
    return 0;
}

struct tap_ring_counts sampling_counts(const struct sampling *s)
{
    return s != NULL ? tap_group_counts(s->taps) : (struct tap_ring_counts){ 0 };
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void sampling_close(struct sampling *s)
{
    if (s == NULL)
        return;
    tap_group_free(s->taps);
    batch_release(&s->batch);
    parser_free(s->parser);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}
