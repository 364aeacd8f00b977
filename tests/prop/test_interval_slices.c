/*
 * An interval that goes to the sinks in slices, while pages are merged, series expire and the
 * mapping changes in between, is the one that goes in one piece.
 *
 * Two pipelines get the same lines at the same times.  One gives each interval out at once, the
 * other one in slices of random size; the pages of the next interval come in between, in slices as
 * well.  What the sinks get is compared to the last bucket, whatever the order, and so is /metrics.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/ingest.h"
#include "base/mem.h"
#include "base/number.h"
#include "sinks/redis/encode.h"
#include "support/pipeline.h"

enum { ROUNDS = 60, LINES_MOST = 200, NAMES = 40, WORKERS = 2, TTL_S = 2 };

struct side {
    struct pipeline p;
    struct redis_encode *encode;
    struct buf text;       /* a line for each series */
    uint64_t hash, series; /* of all lines, in any order; series in the batches */
    unsigned given;
};

struct rig {
    struct side whole, sliced;
    uint64_t dice;
    bool remaps, expires;
};

static unsigned dice(struct rig *r, unsigned n)
{
    r->dice = r->dice * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(r->dice >> 33) % n;
}

/* ---- what the sinks get ---- */

static void put_number(struct buf *out, double v)
{
    buf_append_char(out, ' ');
    char *to = buf_reserve(out, NUMBER_TEXT_MAX);
    out->len += number_print(to, v);
}

static void put_buckets(struct buf *out, const struct sketch *k, bool negative)
{
    struct sketch_buckets b;
    sketch_buckets_begin(k, negative, &b);
    buf_printf(out, " %s schema %d", negative ? "neg" : "pos", b.schema);
    while (sketch_buckets_next(&b))
        buf_printf(out, " %d:%g", b.index, b.count);
}

static void put_members(struct buf *out, const struct members *m)
{
    struct buf bytes = { 0 };
    members_redis(m, &bytes);
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "%02x", (unsigned char)bytes.ptr[i]);
    buf_release(&bytes);
}

static void describe(struct buf *out, const struct closed_series *s)
{
    buf_append_str(out, series_kind_name(s->kind));
    buf_append_char(out, ' ');
    buf_append_slice(out, s->key);
    if (s->kind == SERIES_COUNTER)
        put_number(out, s->counter);
    if (s->kind == SERIES_GAUGE) {
        put_number(out, s->gauge.absolute ? s->gauge.value : -1);
        put_number(out, s->gauge.delta);
        put_number(out, (double)s->gauge.stamp_ms);
    }
    if (s->kind == SERIES_TIMER) {
        put_number(out, s->timer->count);
        put_number(out, s->timer->sum);
        put_number(out, s->timer->min);
        put_number(out, s->timer->max);
        put_buckets(out, s->timer, false);
        put_buckets(out, s->timer, true);
    }
    if (s->kind == SERIES_SET)
        put_members(out, s->set);
    buf_append_char(out, '\n');
}

static void give(void *cookie, const struct closed_series *s)
{
    struct side *side = cookie;
    struct buf line = { 0 };
    describe(&line, s);
    /* In any order: a sum of hashes. */
    uint64_t h = 14695981039346656037ull;
    for (size_t i = 0; i < line.len; i++)
        h = (h ^ (unsigned char)line.ptr[i]) * 1099511628211ull;
    side->hash += h;
    buf_append_slice(&side->text, buf_slice(&line));
    buf_release(&line);
    side->given++;
    redis_encode_put(side->encode, s);
}

/* ---- what Redis gets ---- */

static void take(void *cookie, struct redis_batch *b)
{
    struct side *side = cookie;
    side->series += b->series;
    redis_batch_free(b);
}

static void begin(struct side *side)
{
    struct pipeline *p = &side->p;
    struct snapshot snap;
    p->end = (struct interval_end){ .start_s = (int64_t)(p->now_ns / PIPELINE_SECOND) / 10 * 10,
                                    .interval_ms = 10000,
                                    .now_ns = p->now_ns,
                                    .now_wall_ms = (int64_t)(p->now_ns / 1000000),
                                    .give = give,
                                    .cookie = side };
    buf_clear(&side->text);
    side->hash = side->series = side->given = 0;
    registry_close(p->registry, &p->end, &snap);
    redis_encode_begin(side->encode, &snap, 4800, take, side);
}

/* ---- what comes in ---- */

static void put_line(struct rig *r, struct buf *out)
{
    unsigned n = dice(r, NAMES), v = dice(r, 1000);
    unsigned kind = dice(r, 6);
    /* A gauge that expires forgets what came before a page that is late.  When that is differs. */
    if (r->expires && (kind == 1 || kind == 2))
        kind = 0;
    switch (kind) {
    case 0:
        buf_printf(out, "c%u:%u|c|#k:%u\n", n, v, n % 3);
        break;
    case 1:
        buf_printf(out, "g%u:%u|g\n", n, v);
        break;
    case 2:
        buf_printf(out, "g%u:%s%u|g\n", n, v % 2 ? "+" : "-", v);
        break;
    case 3:
        buf_printf(out, "t%u:%d|ms\n", n, (int)v * (v % 7 == 0 ? -1 : 1));
        break;
    case 4:
        buf_printf(out, "s%u:m%u|s\n", n % 5, v);
        break;
    default: /* another spelling of one series, and a name that shares its line */
        buf_printf(out, "c.%u:%u|c|#b:1,a:2\nc-%u:%u|c|#a:2,b:1\n", n, v, n, v);
        break;
    }
}

static void feed(struct rig *r)
{
    struct buf lines = { 0 };
    for (unsigned n = dice(r, LINES_MOST); n > 0; n--) {
        buf_clear(&lines);
        put_line(r, &lines);
        unsigned worker = dice(r, WORKERS);
        pipeline_feed_bytes(&r->whole.p, worker, lines.ptr, lines.len);
        pipeline_feed_bytes(&r->sliced.p, worker, lines.ptr, lines.len);
    }
    buf_release(&lines);
}

/* A page in slices, and between them the interval before goes on to its sinks, and series expire.
 */
static void turn_sliced(struct rig *r, unsigned worker)
{
    struct pipeline *p = &r->sliced.p;
    p->now_ns += 1000;
    assert_true(ingest_turn(p->in[worker], p->now_ns));
    struct page *page = ingest_take(p->in[worker]);
    assert_non_null(page);
    while (registry_merge_some(p->registry, page, p->now_ns, 1 + dice(r, 20))) {
        if (dice(r, 3) == 0)
            (void)registry_give(p->registry, 1 + dice(r, 5));
        if (dice(r, 8) == 0)
            registry_expire(p->registry, p->now_ns);
    }
    ingest_give(p->in[worker], page);
}

static void turn(struct rig *r)
{
    unsigned worker = dice(r, WORKERS);
    pipeline_turn_worker(&r->whole.p, worker);
    turn_sliced(r, worker);
}

static void forward(struct rig *r)
{
    unsigned seconds = dice(r, TTL_S + 2);
    pipeline_forward(&r->whole.p, seconds);
    pipeline_forward(&r->sliced.p, seconds);
    registry_expire(r->whole.p.registry, r->whole.p.now_ns);
    registry_expire(r->sliced.p.registry, r->sliced.p.now_ns);
}

static void remap(struct rig *r)
{
    (void)pipeline_remap(&r->whole.p, &r->whole.p.opts);
    (void)pipeline_remap(&r->sliced.p, &r->sliced.p.opts);
}

/* ---- the law ---- */

static void interval(struct rig *r)
{
    begin(&r->whole);
    assert_false(registry_give(r->whole.p.registry, SIZE_MAX));
    redis_encode_end(r->whole.encode);
    begin(&r->sliced);
    bool more = true;
    while (more) {
        unsigned what = dice(r, 20);
        if (what < 4)
            feed(r);
        else if (what < 8)
            turn(r);
        else if (what == 8)
            forward(r);
        else if (what == 9 && r->remaps)
            remap(r);
        else
            more = registry_give(r->sliced.p.registry, 1 + dice(r, 30));
        if (!r->expires && what == 0) /* also of what has not heard of the interval's end */
            assert_string_equal(pipeline_text(&r->sliced.p), pipeline_text(&r->whole.p));
    }
    assert_false(registry_give(r->sliced.p.registry, 1)); /* that was all */
    redis_encode_end(r->sliced.encode);
    assert_int_equal(r->sliced.given, r->whole.given);
    if (r->sliced.hash != r->whole.hash)
        fail_msg("at once:\n%.*s\nin slices:\n%.*s", (int)r->whole.text.len, r->whole.text.ptr,
                 (int)r->sliced.text.len, r->sliced.text.ptr);
    assert_int_equal(r->sliced.series, r->whole.series);
    if (!r->expires)
        assert_string_equal(pipeline_text(&r->sliced.p), pipeline_text(&r->whole.p));
}

static void side_init(struct side *s, bool expires, unsigned set_steps)
{
    *s = (struct side){ .encode = redis_encode_new(&(struct redis_encode_opts){
                            .prefix = "sd", .instance = "a", .retention_s = 600 }) };
    pipeline_init(&s->p, &(struct pipeline_opts){ .workers = WORKERS,
                                                  .set_steps = set_steps,
                                                  .ttl_s = expires ? TTL_S : 0 });
}

static void side_release(struct side *s)
{
    pipeline_release(&s->p);
    redis_encode_free(s->encode);
    buf_release(&s->text);
}

static void run(uint64_t seed, bool remaps, bool expires)
{
    static struct rig r;
    r = (struct rig){ .dice = seed, .remaps = remaps, .expires = expires };
    side_init(&r.whole, expires, (unsigned)(seed % 3));
    side_init(&r.sliced, expires, (unsigned)(seed % 3));
    uint64_t given = 0;
    for (int i = 0; i < ROUNDS; i++) {
        feed(&r);
        turn(&r);
        interval(&r);
        given += r.whole.given;
    }
    assert_true(given > ROUNDS * 20);
    side_release(&r.sliced);
    side_release(&r.whole);
}

static void an_interval_in_slices_is_the_interval_at_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        run(seed, false, false);
}

static void what_expires_between_slices_has_been_given(void **state)
{
    (void)state;
    for (uint64_t seed = 21; seed <= 25; seed++)
        run(seed, seed % 2 == 0, true);
}

static void a_reload_between_slices_changes_no_value_of_the_interval(void **state)
{
    (void)state;
    for (uint64_t seed = 11; seed <= 13; seed++)
        run(seed, true, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interval_in_slices_is_the_interval_at_once),
        cmocka_unit_test(what_expires_between_slices_has_been_given),
        cmocka_unit_test(a_reload_between_slices_changes_no_value_of_the_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
