/* Batches that are folded: what comes out adds up to what went in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/sketch.h"
#include "base/buf.h"
#include "sinks/redis/carry.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/keys.h"
#include "sinks/redis_field.h"

static const struct redis_encode_opts opts = {
    .prefix = "sd", .instance = "one", .retention_s = 600, .own = true, .alive_ms = 5000
};

enum { CHAIN = 4096 };

struct chain {
    struct redis_batch *at[CHAIN];
    size_t n;
};

static void take(void *cookie, struct redis_batch *b)
{
    struct chain *c = cookie;
    assert_true(c->n < CHAIN);
    c->at[c->n++] = b;
}

static void release(struct chain *c)
{
    for (size_t i = 0; i < c->n; i++)
        redis_batch_free(c->at[i]);
    c->n = 0;
}

/* An interval of series, as batches. */
static void encode(const struct closed_series *s, size_t n, struct chain *ret)
{
    struct redis_encode *e = redis_encode_new(&opts);
    const struct snapshot snap = { .start_s = 1000, .interval_ms = 10000, .n_series = n };
    redis_encode_begin(e, &snap, 3600, take, ret);
    for (size_t i = 0; i < n; i++)
        redis_encode_put(e, &s[i]);
    redis_encode_end(e);
    redis_encode_free(e);
}

static uint64_t fold(struct redis_carry *c, const struct closed_series *s, size_t n)
{
    struct chain in = { .n = 0 };
    uint64_t carried = 0;
    encode(s, n, &in);
    for (size_t i = 0; i < in.n; i++)
        carried += redis_carry_fold(c, in.at[i]);
    release(&in);
    return carried;
}

static void unfold(struct redis_carry *c, struct chain *ret)
{
    for (unsigned i = 0; i < REDIS_SHARDS; i++)
        redis_carry_encode(c, (uint8_t)i, 2000, take, ret);
    assert_int_equal(redis_carry_series(c), 0);
    assert_int_equal(redis_carry_bytes(c), 0);
}

static struct closed_series counter(const char *key, double v)
{
    return (struct closed_series){ .key = slice_str(key),
                                   .name = redis_series_name(slice_str(key)),
                                   .kind = SERIES_COUNTER,
                                   .counter = v };
}

static struct closed_series gauge(const char *key, bool absolute, double v, int64_t stamp_ms,
                                  enum gauge_merge merge)
{
    return (struct closed_series){ .key = slice_str(key),
                                   .name = slice_str(key),
                                   .kind = SERIES_GAUGE,
                                   .merge = merge,
                                   .gauge = { .absolute = absolute,
                                              .value = absolute ? v : 0,
                                              .delta = absolute ? 0 : v,
                                              .stamp_ms = stamp_ms } };
}

static struct closed_series timer(const char *key, const struct sketch *k)
{
    return (struct closed_series){
        .key = slice_str(key), .name = slice_str(key), .kind = SERIES_TIMER, .timer = k
    };
}

/* What is sent of a chain, but for the flag and the start of the interval. */
static void expect_same(struct redis_carry *c, const struct closed_series *sum, size_t n)
{
    struct chain got = { .n = 0 }, want = { .n = 0 };
    unfold(c, &got);
    encode(sum, n, &want);
    size_t found = 0;
    for (size_t i = 0; i < want.n; i++) {
        const struct redis_batch *w = want.at[i];
        if (w->series == 0)
            continue;
        assert_true(found < got.n);
        struct redis_batch *g = NULL;
        for (size_t k = 0; k < got.n && g == NULL; k++)
            g = got.at[k]->shard == w->shard ? got.at[k] : NULL;
        assert_non_null(g);
        assert_int_equal(g->series, w->series);
        assert_memory_equal(g->ops, w->ops, sizeof w->ops);
        assert_int_equal(g->bytes[g->only_at], '1');
        assert_false(g->last);
        assert_true(slice_eq(slice_of(g->bytes + g->head_len, g->len - g->head_len),
                             slice_of(w->bytes + w->head_len, w->len - w->head_len)));
        assert_true(redis_batch_sound(g));
        found++;
    }
    assert_int_equal(found, got.n);
    release(&got);
    release(&want);
}

static void counters_are_summed(void **state)
{
    struct redis_carry *c = redis_carry_new(&opts);
    const struct closed_series a[] = { counter("a", 1), counter("b", 0.5) },
                               b[] = { counter("a", 41), counter("c|#k:v", -3) },
                               sum[] = { counter("a", 42), counter("b", 0.5),
                                         counter("c|#k:v", -3) };
    (void)state;
    assert_int_equal(fold(c, a, 2), 2);
    assert_int_equal(fold(c, b, 2), 2);
    assert_int_equal(redis_carry_series(c), 3);
    expect_same(c, sum, 3);
    redis_carry_free(c);
}

static void a_sum_that_is_not_finite_is_not_carried(void **state)
{
    struct redis_carry *c = redis_carry_new(&opts);
    const struct closed_series most = counter("a", 1.7e308), less = counter("a", -1.7e308);
    (void)state;
    assert_int_equal(fold(c, &most, 1), 1);
    assert_int_equal(fold(c, &most, 1), 0);
    expect_same(c, &most, 1);
    assert_int_equal(fold(c, &less, 1), 1);
    redis_carry_free(c);
}

static void of_gauges_the_latest_and_what_was_added_to_it_stays(void **state)
{
    static const struct {
        const char *what;
        bool absolute[3];
        double value[3];
        int64_t stamp_ms[3];
        bool is_absolute;
        double is;
        int64_t is_stamp_ms;
    } rows[] = {
        { "the latest", { true, true, true }, { 1, 2, 3 }, { 10, 20, 30 }, true, 3, 30 },
        { "a clock set back", { true, true, true }, { 1, 2, 3 }, { 10, 30, 20 }, true, 3, 20 },
        { "added", { false, false, false }, { 1, 2, -5 }, { 10, 30, 20 }, false, -2, 30 },
        { "set, then added", { true, false, false }, { 7, 2, 3 }, { 10, 20, 30 }, true, 12, 30 },
        { "added, then set", { false, true, false }, { 7, 2, 3 }, { 10, 20, 30 }, true, 5, 30 },
        { "back, then added", { true, true, false }, { 1, 2, 3 }, { 30, 10, 20 }, true, 5, 20 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_carry *c = redis_carry_new(&opts);
        for (int k = 0; k < 3; k++) {
            const struct closed_series s = gauge("g", rows[i].absolute[k], rows[i].value[k],
                                                 rows[i].stamp_ms[k], GAUGE_MERGE_LATEST);
            assert_int_equal(fold(c, &s, 1), 1);
        }
        const struct closed_series sum =
            gauge("g", rows[i].is_absolute, rows[i].is, rows[i].is_stamp_ms, GAUGE_MERGE_LATEST);
        expect_same(c, &sum, 1);
        redis_carry_free(c);
    }
}

static void a_gauge_keeps_its_rule(void **state)
{
    (void)state;
    for (int m = 0; m < GAUGE_MERGE_COUNT; m++) {
        struct redis_carry *c = redis_carry_new(&opts);
        const struct closed_series a = gauge("g", true, 5, 10, (enum gauge_merge)m),
                                   b = gauge("g", true, 6, 20, (enum gauge_merge)m);
        assert_int_equal(fold(c, &a, 1), 1);
        assert_int_equal(fold(c, &b, 1), 1);
        expect_same(c, &b, 1);
        redis_carry_free(c);
    }
}

static void timers_are_merged_of_both_signs(void **state)
{
    static const double values[] = { 1, 2.5, -7, 1e-3, 0, 4e6, -0.25, 3, 3, 3 };
    struct sketch all, part;
    struct redis_carry *c = redis_carry_new(&opts);
    (void)state;
    sketch_init(&all, 5);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        sketch_init(&part, 5);
        assert_int_equal(sketch_add(&part, values[i], 1), 0);
        assert_int_equal(sketch_add(&all, values[i], 1), 0);
        struct closed_series s[] = { timer("t", &part), timer("u", &part) };
        s[1].milliseconds = true;
        assert_int_equal(fold(c, s, 2), 2);
        sketch_release(&part);
    }
    struct closed_series sum[] = { timer("t", &all), timer("u", &all) };
    sum[1].milliseconds = true;
    expect_same(c, sum, 2);
    sketch_release(&all);
    redis_carry_free(c);
}

static void one_name_of_two_kinds_is_two_series(void **state)
{
    struct sketch k;
    struct redis_carry *c = redis_carry_new(&opts);
    (void)state;
    sketch_init(&k, 5);
    assert_int_equal(sketch_add(&k, 3, 1), 0);
    const struct closed_series s[] = { counter("a", 1), gauge("a", true, 2, 5, GAUGE_MERGE_LATEST),
                                       timer("a", &k) };
    assert_int_equal(fold(c, s, 3), 3);
    assert_int_equal(redis_carry_series(c), 3);
    struct chain out = { .n = 0 };
    unfold(c, &out);
    assert_int_equal(out.n, 1);
    assert_int_equal(out.at[0]->series, 3);
    release(&out);
    sketch_release(&k);
    redis_carry_free(c);
}

static void what_comes_out_can_be_folded_again(void **state)
{
    struct redis_carry *c = redis_carry_new(&opts);
    char keys[2000][16];
    uint64_t bytes = 0;
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2000; i++) {
            snprintf(keys[i], sizeof keys[i], "n.%d", i);
            const struct closed_series s = counter(keys[i], 1);
            assert_int_equal(fold(c, &s, 1), 1);
        }
        assert_int_equal(redis_carry_series(c), 2000);
        if (round == 0)
            bytes = redis_carry_bytes(c);
        assert_int_equal(redis_carry_bytes(c), bytes); /* however many intervals */
        struct chain out = { .n = 0 };
        unfold(c, &out);
        for (size_t i = 0; i < out.n; i++)
            (void)redis_carry_fold(c, out.at[i]);
        release(&out);
        assert_int_equal(redis_carry_series(c), 2000);
    }
    redis_carry_free(c);
}

static int setup(void **state)
{
    (void)state;
    sketch_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_summed),
        cmocka_unit_test(a_sum_that_is_not_finite_is_not_carried),
        cmocka_unit_test(of_gauges_the_latest_and_what_was_added_to_it_stays),
        cmocka_unit_test(a_gauge_keeps_its_rule),
        cmocka_unit_test(timers_are_merged_of_both_signs),
        cmocka_unit_test(one_name_of_two_kinds_is_two_series),
        cmocka_unit_test(what_comes_out_can_be_folded_again),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
