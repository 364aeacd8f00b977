/*
 *     on_timer -> drain: each worker's ring, from where the last drain has ended
 *                   next_datagram: out of the ring, with room around for the fast parser
 *                   take_datagram: cut at LF -> take_line -> parser -> on_line
 */
#include "app/sampling.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"

/* Samples; and how many bytes are looked at between two looks at the clock, by the line: what is
 * done with one takes about as long as its bytes are many, and a short one is LINE_LEAST.  What
 * takes longer is told by on_line. */
enum { BATCH = 64, LOOK_AFTER = 2048, LINE_LEAST = 128 };

struct sampling {
    struct sampling_opts opts; /* without parse */
    struct tap_group *taps;
    struct parser *parser;
    struct batch batch;
    uv_timer_t timer;
    bool rejected; /* something of the line at hand */
    unsigned at;   /* the worker whose ring is next */
    /* The datagram at hand, of which text[read .. rec.len) is left: */
    struct tap_record rec;
    struct sampled one; /* the last line of it */
    char *text;         /* padded on both sides */
    uint32_t read;
    uint32_t looked; /* bytes since the last look at the clock */
    uint64_t until_ns;
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

/* cut: by the kernel, so that it is an error whatever it says.  returns  as on_line */
static uint32_t take_line(struct sampling *s, struct sampled *one, bool cut)
{
    struct batch *b = &s->batch;
    uint32_t cost = 0;
    bool more;
    one->name = one->origin = slice_of(NULL, 0);
    one->samples = 0;
    s->rejected = false;
    parser_begin_padded(s->parser, one->line.ptr, one->line.len, cut);
    do {
        more = parser_next(s->parser, b);
        for (uint32_t i = 0; i < b->n; i++)
            one->samples += 1 + b->samples[i].more_n;
        if (b->n > 0)
            note_sample(&b->samples[0], one);
        one->rejected = s->rejected;
        if (!more)
            cost = s->opts.on_line(s->opts.cookie, one);
        batch_clear(b);
    } while (more);
    return cost;
}

/* ---- datagrams ---- */

static bool is_time_up(struct sampling *s, size_t line_len, uint32_t beyond)
{
    s->looked += beyond + (line_len > LINE_LEAST ? (uint32_t)line_len : LINE_LEAST);
    if (s->looked < LOOK_AFTER)
        return false;
    s->looked = 0;
    return now_mono_ns() >= s->until_ns;
}

/* What is left of the one at hand.  returns  false: the time is up */
static bool take_datagram(struct sampling *s)
{
    bool up = false;
    while (!up && s->read < s->rec.len) {
        uint32_t beyond = 0;
        const char *at = s->text + s->read, *stop = s->text + s->rec.len;
        const char *lf = memchr(at, '\n', (size_t)(stop - at)), *end = lf != NULL ? lf : stop;
        s->one.line = slice_of(at, (size_t)(end - at));
        s->read = lf != NULL ? (uint32_t)(lf + 1 - s->text) : s->rec.len;
        if (s->one.line.len > 0) {
            beyond = take_line(s, &s->one, lf == NULL && s->rec.flags & TAP_TRUNCATED);
            s->one.first = false;
        }
        up = is_time_up(s, s->one.line.len, beyond);
    }
    if (s->read == s->rec.len && !s->one.first)
        s->opts.on_datagram(s->opts.cookie, &s->rec);
    return !up;
}

/* returns  false: the ring is empty */
static bool next_datagram(struct sampling *s, unsigned worker)
{
    struct tap_ring *ring = tap_group_ring(s->taps, worker);
    const struct tap_record *rec = tap_ring_next(ring);
    if (rec == NULL)
        return false;
    assert(s->read == s->rec.len && rec->len <= DATAGRAM_MAX);
    s->rec = *rec;
    memcpy(s->text, tap_record_data(rec), rec->len);
    tap_ring_release(ring);
    s->read = 0;
    s->one = (struct sampled){ .datagram = &s->rec, .worker = worker, .first = true };
    return true;
}

/* ---- draining ---- */

/* returns  whether all rings are empty; else the time is up */
static bool drain(struct sampling *s)
{
    s->until_ns = now_mono_ns() + SAMPLING_SLICE_NS;
    s->looked = 0;
    if (s->read < s->rec.len && !take_datagram(s))
        return false;
    for (unsigned i = 0; i < s->opts.n_workers; i++) {
        while (next_datagram(s, s->at))
            if (!take_datagram(s))
                return false;
        s->at = (s->at + 1) % s->opts.n_workers;
    }
    return true;
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

static char *text_new(void)
{
    char *p = mem_zalloc(PARSE_PAD_BEFORE + DATAGRAM_MAX + PARSE_PAD_BEHIND);
    return p + PARSE_PAD_BEFORE;
}

int sampling_open(const struct sampling_opts *opts, struct sampling **ret)
{
    struct sampling *s = mem_zalloc(sizeof *s);
    struct parse_opts parse = *opts->parse;
    s->opts = *opts;
    s->opts.parse = NULL;
    parse.origins = true;
    parse.on_error = on_error;
    parse.cookie = s;
    s->parser = parser_new(&parse);
    if (s->parser == NULL || batch_init(&s->batch, BATCH, parse.max_line) < 0) {
        parser_free(s->parser);
        free(s);
        return -ENOMEM;
    }
    s->text = text_new();
    const struct tap_opts tap = { .budget = opts->budget, .senders = true };
    s->taps = tap_group_new(opts->workers, opts->n_workers, TAP_SAMPLE, &tap);
    uv_timer_init(opts->loop, &s->timer);
    s->timer.data = s;
    uv_timer_start(&s->timer, on_timer, SAMPLING_EVERY_MS, 0);
    *ret = s;
    return 0;
}

void sampling_soon(struct sampling *s)
{
    uv_timer_start(&s->timer, on_timer, 0, 0);
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
    free(s->text - PARSE_PAD_BEFORE);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}
