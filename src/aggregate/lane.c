/*
 *     lane_begin      whose datagrams follow, and when they were read
 *     lane_datagram   without stamps: parser_next until the datagram is read, lane_flush when full
 *                     with stamps: parse_stamped, which notes in the batch when samples arrived
 *     lane_flush      on_batch, then ingest_batch
 *
 * The parser calls on_event, on_check, on_cut and on_rejected here, which pass them on; ingest
 * calls refusals.on_refused itself.
 */
#include "aggregate/lane.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct lane {
    struct parser *parser;
    struct ingest *ingest;
    struct batch batch;
    struct lane_taps taps;
    void (*on_datagram)(void *cookie, const struct lane_datagram *d); /* or NULL */
    void *on_datagram_cookie;
    struct lane_refusals refusals;
    struct lane_source *from; /* of the datagrams at hand */
    struct lane_clock clock;  /* when they were read */
    uint64_t datagram_ns;     /* when the datagram at hand arrived */
    bool senders;             /* series are limited by origin: notes in the batch who sent what */
    const struct sockaddr *sender; /* of the datagram at hand */
    uint64_t next_ns; /* when the batch's first sample arrived, unless its datagrams have stamps */
};

/* Between two datagrams. */
static inline void lane_check(const struct lane *l)
{
    assert(l->from != NULL && l->next_ns >= l->clock.now_ns);
    assert(l->batch.n <= l->batch.cap && l->batch.n_arrivals <= BATCH_ARRIVALS_MAX);
}

/* ---- the parser's hooks: taps and refusals have a cookie each, the parser has one ---- */

static void on_event(void *lane, const struct event *e)
{
    const struct lane *l = lane;
    l->taps.on_event(l->taps.cookie, e, l->datagram_ns);
}

static void on_check(void *lane, const struct service_check *c)
{
    const struct lane *l = lane;
    l->taps.on_check(l->taps.cookie, c, l->datagram_ns);
}

static void on_cut(void *lane, uint32_t sample, struct slice tag)
{
    const struct lane *l = lane;
    l->taps.on_cut(l->taps.cookie, sample, tag);
}

static void on_rejected(void *lane, const struct parse_error *e)
{
    const struct lane *l = lane;
    l->refusals.on_rejected(l->refusals.cookie, e);
}

/* ---- life ---- */

int lane_new(const struct lane_opts *opts, struct lane **ret)
{
    struct lane *l = mem_try_apart(sizeof *l);
    if (l == NULL)
        return -ENOMEM;
    memset(l, 0, sizeof *l);
    struct parse_opts parse = opts->parse;
    struct ingest_opts ingest = opts->ingest;
    int rc = -ENOMEM;
    l->taps = opts->taps;
    lane_tap_datagrams(l, l->taps.on_datagram, l->taps.cookie);
    l->refusals = opts->refusals;
    parse.on_event = l->taps.on_event != NULL ? on_event : NULL;
    parse.on_check = l->taps.on_check != NULL ? on_check : NULL;
    parse.on_cut = l->taps.on_cut != NULL ? on_cut : NULL;
    parse.on_error = l->refusals.on_rejected != NULL ? on_rejected : NULL;
    parse.errors = l->refusals.reasons;
    parse.cookie = l;
    ingest.on_refused = l->refusals.on_refused;
    ingest.cookie = l->refusals.cookie;
    l->senders = series_limit_by_origin(ingest.limit);
    l->parser = parser_new(&parse);
    if (l->parser == NULL)
        goto err_lane;
    rc = batch_init(&l->batch, INGEST_BATCH_MAX, parse.max_line);
    if (rc < 0)
        goto err_parser;
    rc = ingest_new(&ingest, &l->ingest);
    if (rc < 0)
        goto err_batch;
    *ret = l;
    return 0;
err_batch:
    batch_release(&l->batch);
err_parser:
    parser_free(l->parser);
err_lane:
    free(l);
    return rc;
}

void lane_free(struct lane *l)
{
    if (l == NULL)
        return;
    ingest_free(l->ingest);
    batch_release(&l->batch);
    parser_free(l->parser);
    free(l);
}

struct ingest *lane_ingest(struct lane *l)
{
    return l->ingest;
}

uint64_t lane_next_ns(const struct lane *l)
{
    return l->next_ns + l->batch.n;
}

void lane_tap_datagrams(struct lane *l,
                        void (*on_datagram)(void *cookie, const struct lane_datagram *d),
                        void *cookie)
{
    l->on_datagram = on_datagram;
    l->on_datagram_cookie = cookie;
}

/* ---- datagrams ---- */

void lane_begin(struct lane *l, struct lane_source *from, struct lane_clock clock)
{
    assert(l->batch.n == 0); /* flushed: stamps of one source are not those of the next */
    assert(clock.now_ns > 0);
    l->from = from;
    l->clock = clock;
    l->next_ns = l->datagram_ns = clock.now_ns;
    l->sender = NULL;
    l->batch.n_senders = 0; /* one that a flush has noted again */
    parser_set_gauge_sign(l->parser, from->gauge_sign);
}

void lane_flush(struct lane *l)
{
    if (l->taps.on_batch != NULL)
        l->taps.on_batch(l->taps.cookie, &l->batch);
    ingest_batch(l->ingest, &l->batch, l->next_ns);
    l->next_ns += l->batch.n;
    batch_clear(&l->batch);
    if (l->senders) /* the rest of a datagram may follow */
        batch_sent(&l->batch, l->sender);
}

static void note_sender(struct lane *l, const struct sockaddr *sender)
{
    if (l->batch.n_senders == BATCH_SENDERS_MAX)
        lane_flush(l);
    l->sender = sender;
    if (l->batch.n_senders == 0 || l->batch.senders[l->batch.n_senders - 1].from != sender)
        batch_sent(&l->batch, sender);
}

void lane_reject(struct lane *l, enum reason why, uint32_t n)
{
    assert(why < REASON_COUNT);
    l->batch.counts.samples += n;
    l->batch.counts.rejected[why] += n;
}

/* The stamp by the monotonic clock, which all else goes by. */
static uint64_t arrival_ns(const struct lane *l, uint64_t stamp_ns)
{
    uint64_t at = stamp_ns - (uint64_t)l->clock.wall_ahead_ns;
    if (stamp_ns == 0 || (int64_t)at < 0 || at > l->clock.now_ns)
        at = l->clock.now_ns;
    return at > l->from->arrived_ns ? at : l->from->arrived_ns + 1;
}

/* The rest of a datagram whose samples have stamps of their own, across batches. */
static void parse_stamped(struct lane *l, uint64_t stamp_ns)
{
    uint64_t at = l->datagram_ns = arrival_ns(l, stamp_ns);
    if (l->batch.n_arrivals == BATCH_ARRIVALS_MAX)
        lane_flush(l);
    uint32_t before = l->batch.n;
    batch_arrived(&l->batch, at);
    while (parser_next(l->parser, &l->batch)) {
        at += l->batch.n - before;
        lane_flush(l);
        before = 0;
        batch_arrived(&l->batch, at);
    }
    l->from->arrived_ns = at + (l->batch.n - before);
}

void lane_datagram(struct lane *l, const struct lane_datagram *d)
{
    lane_check(l);
    if (l->on_datagram != NULL)
        l->on_datagram(l->on_datagram_cookie, d);
    if (__builtin_expect(l->senders, 0))
        note_sender(l, d->sender);
    if (d->padded)
        parser_begin_padded(l->parser, d->ptr, d->len, d->truncated);
    else
        parser_begin(l->parser, d->ptr, d->len, d->truncated);
    if (l->clock.wall_ahead_ns != 0)
        parse_stamped(l, d->stamp_ns);
    else
        while (parser_next(l->parser, &l->batch))
            lane_flush(l);
}
