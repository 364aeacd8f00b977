/*
 * What the script does with clocks, with sums that leave the finite numbers, with keys of the wrong
 * type and without rights: one batch at a time, in a real Redis.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/reply.h"
#include "sinks/redis/script.h"
#include "support/fake_snapshot.h"
#include "support/redis_server.h"

enum { T0 = 1700000000, BOUND_MS = 5000 };

static struct redis_server server;
static redisContext *user; /* whose rights change */
static char sha[41];
static int next_id;

/* One instance that writes to shard 22, where foo lives ("foo" is its log's shard, too, when it is
 * called so). */
struct writer {
    struct redis_encode *encode;
    char id[REDIS_ID_DIGITS + 1];
    uint64_t seq;
};

static void writer_init(struct writer *w, const char *instance)
{
    w->encode = redis_encode_new(
        &(struct redis_encode_opts){ .prefix = "sd", .instance = instance, .retention_s = 600 });
    snprintf(w->id, sizeof w->id, "%032x", ++next_id);
    w->seq = 0;
}

struct one {
    struct redis_batch *batch;
};

static void take(void *cookie, struct redis_batch *b)
{
    struct one *x = cookie;
    if (b->shard != 22 || (x->batch != NULL && b->series == 0)) {
        redis_batch_free(b);
        return;
    }
    redis_batch_free(x->batch);
    x->batch = b;
}

/* The batch of shard 22, numbered; the snapshot is released. */
static struct redis_batch *make(struct writer *w, struct fake_snapshot *f)
{
    struct one x = { NULL };
    fake_snapshot_encode(f, w->encode, 4800, take, &x);
    fake_snapshot_release(f);
    x.batch->seq = ++w->seq;
    redis_batch_brand(x.batch, "cccccccccccccccc");
    const struct redis_address a = {
        .id = w->id, .before = "cccccccccccccccc", .seq = w->seq, .generation = 1
    };
    redis_batch_address(x.batch, &a);
    redis_batch_sha(x.batch, sha);
    return x.batch;
}

static redisReply *run(redisContext *as, const struct redis_batch *b)
{
    redisReply *r;
    struct buf wire = { 0 };
    redis_batch_wire(b, &wire);
    redisAppendFormattedCommand(as, wire.ptr, wire.len);
    buf_release(&wire);
    assert_int_equal(redisGetReply(as, (void **)&r), REDIS_OK);
    return r;
}

static struct redis_verdict apply(struct writer *w, struct fake_snapshot *f)
{
    struct redis_batch *b = make(w, f);
    redisReply *r = run(server.admin, b);
    struct redis_verdict v = redis_reply_judge(r, b->seq);
    if (r->type == REDIS_REPLY_ERROR)
        fail_msg("%s", r->str);
    freeReplyObject(r);
    redis_batch_free(b);
    return v;
}

static void expect(const char *hash, const char *field, const char *want)
{
    char *got = redis_server_text(&server, "HGET {sd:22}:%s %s", hash, field);
    if (want == NULL ? got != NULL : got == NULL || strcmp(got, want) != 0)
        fail_msg("%s %s is \"%s\", not \"%s\"", hash, field, got ? got : "(nil)",
                 want ? want : "(nil)");
    free(got);
}

/* "value stamp ..": the value is `value`, the stamp from..to. */
static void expect_stamped(const char *hash, const char *field, double value, int64_t from,
                           int64_t to)
{
    double v;
    long long stamp;
    char *got = redis_server_text(&server, "HGET {sd:22}:%s %s", hash, field);
    assert_non_null(got);
    assert_int_equal(sscanf(got, "%lf %lld", &v, &stamp), 2);
    if (v != value || stamp < from || stamp > to)
        fail_msg("%s %s is \"%s\", not %g with a stamp from %lld to %lld", hash, field, got, value,
                 (long long)from, (long long)to);
    free(got);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void gauge(struct writer *w, bool absolute, double v, int64_t stamp_ms)
{
    struct fake_snapshot f;
    fake_snapshot_init(&f, T0);
    const struct gauge_change g = { absolute, absolute ? v : 0, absolute ? 0 : v, stamp_ms };
    fake_snapshot_gauge(&f, "foo", g);
    assert_int_equal(apply(w, &f).kind, REDIS_VERDICT_APPLIED);
}

static uint32_t counter(struct writer *w, int64_t T, double v)
{
    struct fake_snapshot f;
    fake_snapshot_init(&f, T);
    fake_snapshot_counter(&f, "foo", v);
    struct redis_verdict x = apply(w, &f);
    assert_int_equal(x.kind, REDIS_VERDICT_APPLIED);
    return x.refused;
}

/* ---- generations ---- */

/* Who goes on as a producer says so with the first batch it sends, be it a duplicate. */
static void a_lower_generation_is_refused_once_a_higher_one_has_spoken(void **state)
{
    static const struct {
        uint32_t generation;
        enum redis_verdict_kind kind;
        const char *total;
    } rows[] = {
        { 1, REDIS_VERDICT_APPLIED, "3 1700000000" },
        { 1, REDIS_VERDICT_DUPLICATE, "3 1700000000" },
        { 3, REDIS_VERDICT_DUPLICATE, "3 1700000000" },
        { 2, REDIS_VERDICT_FENCED, "3 1700000000" },
        { 1, REDIS_VERDICT_FENCED, "3 1700000000" },
        { 3, REDIS_VERDICT_DUPLICATE, "3 1700000000" },
        { 999999, REDIS_VERDICT_DUPLICATE, "3 1700000000" },
        { 3, REDIS_VERDICT_FENCED, "3 1700000000" },
    };
    struct writer w, other;
    struct fake_snapshot f;
    (void)state;
    writer_init(&w, "a");
    fake_snapshot_init(&f, T0);
    fake_snapshot_counter(&f, "foo", 3);
    struct redis_batch *b = make(&w, &f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        redis_batch_generation(b, rows[i].generation);
        redisReply *r = run(server.admin, b);
        if (redis_reply_judge(r, b->seq).kind != rows[i].kind)
            fail_msg("row %zu: \"%s\"", i, r->str);
        freeReplyObject(r);
        expect("tot", "c|foo", rows[i].total);
    }
    redis_batch_free(b);
    redis_encode_free(w.encode);
    writer_init(&other, "a"); /* a new producer is fenced by nobody */
    assert_int_equal(counter(&other, T0, 2), 0);
    expect("tot", "c|foo", "5 1700000000");
    redis_encode_free(other.encode);
}

/* Tokens of the last 16 intervals are known: what a number was taken by before them is not. */
static void a_number_that_is_taken_comes_with_what_became_of_it(void **state)
{
    enum { INTERVALS = 20 };
    static const struct {
        uint64_t seq;
        char token;
        uint32_t generation;
        enum redis_verdict_kind kind;
        enum redis_fate fate;
    } rows[] = {
        { 20, 'a' + 19, 2, REDIS_VERDICT_DUPLICATE, REDIS_FATE_FREE },
        { 20, '#', 2, REDIS_VERDICT_FOREIGN, REDIS_FATE_TAKEN },
        { 5, 'a' + 4, 2, REDIS_VERDICT_DUPLICATE, REDIS_FATE_FREE },
        { 4, 'a' + 3, 2, REDIS_VERDICT_FOREIGN, REDIS_FATE_UNKNOWN },
        { 22, '#', 2, REDIS_VERDICT_GAP, REDIS_FATE_FREE },
        { 20, 'a' + 19, 1, REDIS_VERDICT_FENCED, REDIS_FATE_THERE },
        { 20, '#', 1, REDIS_VERDICT_FENCED, REDIS_FATE_TAKEN },
        { 5, 'a' + 4, 1, REDIS_VERDICT_FENCED, REDIS_FATE_THERE },
        { 4, 'a' + 3, 1, REDIS_VERDICT_FENCED, REDIS_FATE_UNKNOWN },
        { 21, '#', 1, REDIS_VERDICT_FENCED, REDIS_FATE_FREE },
        { 22, '#', 1, REDIS_VERDICT_FENCED, REDIS_FATE_FREE },
    };
    struct writer w;
    struct fake_snapshot f;
    (void)state;
    writer_init(&w, "a");
    for (unsigned i = 0; i < INTERVALS + ARRAY_LEN(rows); i++) {
        bool first = i < INTERVALS;
        uint64_t seq = first ? i + 1 : rows[i - INTERVALS].seq;
        uint32_t generation = first ? 2 : rows[i - INTERVALS].generation;
        char token[REDIS_TOKEN_DIGITS + 1], before[REDIS_TOKEN_DIGITS + 1];
        snprintf(token, sizeof token, "%016x",
                 (unsigned)(first ? 'a' + (char)i : rows[i - INTERVALS].token));
        snprintf(before, sizeof before, "%016x", (unsigned)('a' + (int)seq - 2));
        fake_snapshot_init(&f, T0);
        fake_snapshot_counter(&f, "foo", 1);
        struct redis_batch *b = make(&w, &f);
        const struct redis_address a = {
            .id = w.id, .before = before, .seq = seq, .generation = generation
        };
        b->seq = seq;
        redis_batch_brand(b, token);
        redis_batch_address(b, &a);
        redisReply *r = run(server.admin, b);
        struct redis_verdict v = redis_reply_judge(r, b->seq);
        if (first)
            assert_int_equal(v.kind, REDIS_VERDICT_APPLIED);
        else if (v.kind != rows[i - INTERVALS].kind || v.fate != rows[i - INTERVALS].fate)
            fail_msg("row %u: \"%s\"", i - INTERVALS, r->str);
        freeReplyObject(r);
        redis_batch_free(b);
    }
    redis_encode_free(w.encode);
}

/* ---- clocks ---- */

#define HOUR_MS      3600000LL
#define TEN_YEARS_MS (10 * 365 * 24 * HOUR_MS)

static void a_stamp_is_never_later_than_redis_clock_and_a_bound(void **state)
{
    struct writer ahead, right;
    int64_t before = now_ms();
    (void)state;
    writer_init(&ahead, "ahead");
    writer_init(&right, "right");
    gauge(&ahead, true, 1, before + TEN_YEARS_MS);
    expect_stamped("tot", "g|foo", 1, before + BOUND_MS, now_ms() + BOUND_MS);
    expect_stamped("i:1700000000", "g|foo", 1, before + BOUND_MS, now_ms() + BOUND_MS);
    gauge(&ahead, false, 2, before + TEN_YEARS_MS);
    expect_stamped("tot", "g|foo", 3, before + BOUND_MS, now_ms() + BOUND_MS);
    gauge(&right, true, 7, now_ms() + BOUND_MS); /* BOUND_MS later it is as late as that */
    expect_stamped("tot", "g|foo", 7, before, now_ms() + BOUND_MS);
    redis_encode_free(ahead.encode);
    redis_encode_free(right.encode);
}

static void a_writers_later_gauge_beats_its_own_earlier_one_whatever_its_clock(void **state)
{
    struct writer w, again;
    int64_t now = now_ms();
    (void)state;
    writer_init(&w, "w");
    writer_init(&again, "w"); /* the same server after a restart */
    gauge(&w, true, 1, now);
    gauge(&w, true, 2, now - HOUR_MS);
    expect_stamped("tot", "g|foo", 2, now - HOUR_MS, now - HOUR_MS);
    expect_stamped("i:1700000000", "g|foo", 2, now - HOUR_MS, now - HOUR_MS);
    gauge(&w, true, 3, now + TEN_YEARS_MS);
    gauge(&w, true, 4, now);
    expect_stamped("tot", "g|foo", 4, now, now);
    gauge(&again, true, 5, now - 2 * HOUR_MS);
    expect_stamped("tot", "g|foo", 5, now - 2 * HOUR_MS, now - 2 * HOUR_MS);
    redis_encode_free(w.encode);
    redis_encode_free(again.encode);
}

static void a_relative_change_of_another_leaves_the_gauge_its_writer(void **state)
{
    struct writer w, other;
    int64_t now = now_ms();
    (void)state;
    writer_init(&w, "w");
    writer_init(&other, "other");
    gauge(&w, true, 10, now - 3000);
    gauge(&other, false, 5, now - 1000);
    expect_stamped("tot", "g|foo", 15, now - 1000, now - 1000);
    gauge(&other, true, 99, now - 2000); /* older than what is there */
    expect_stamped("tot", "g|foo", 15, now - 1000, now - 1000);
    gauge(&w, true, 20, now - HOUR_MS);
    expect_stamped("tot", "g|foo", 20, now - HOUR_MS, now - HOUR_MS);
    redis_encode_free(w.encode);
    redis_encode_free(other.encode);
}

static void stamps_stored_in_the_future_heal(void **state)
{
    struct writer w;
    int64_t now = now_ms();
    (void)state;
    writer_init(&w, "w");
    for (int relative = 0; relative < 2; relative++) {
        /* As the version before wrote it, without a writer. */
        freeReplyObject(redis_server_reply(&server, "HSET {sd:22}:tot g|foo %s c|foo %s",
                                           "5 2100000000000", "5 2100000000"));
        gauge(&w, !relative, 1, now);
        expect_stamped("tot", "g|foo", relative ? 6 : 1, now, now_ms() + BOUND_MS);
        counter(&w, T0, 1);
        expect_stamped("tot", "c|foo", 6, now / 1000, now_ms() / 1000 + BOUND_MS / 1000);
    }
    redis_encode_free(w.encode);
}

static void the_last_interval_of_a_counter_is_not_in_the_future(void **state)
{
    struct writer w;
    int64_t now_s = now_ms() / 1000;
    (void)state;
    writer_init(&w, "w");
    counter(&w, now_s + TEN_YEARS_MS / 1000, 1);
    expect_stamped("tot", "c|foo", 1, now_s, now_s + 1 + BOUND_MS / 1000 + 1);
    counter(&w, now_s - 3600, 1);
    expect_stamped("tot", "c|foo", 2, now_s, now_s + 1 + BOUND_MS / 1000 + 1);
    redis_encode_free(w.encode);
}

static void gauges_of_the_version_before_are_read(void **state)
{
    struct writer w;
    (void)state;
    writer_init(&w, "w");
    freeReplyObject(redis_server_reply(&server, "HSET {sd:22}:tot g|foo %s", "5 1700000009000"));
    gauge(&w, true, 1, 1700000008000); /* older */
    expect("tot", "g|foo", "5 1700000009000");
    gauge(&w, false, 1, 1700000008000);
    expect_stamped("tot", "g|foo", 6, 1700000009000, 1700000009000);
    gauge(&w, true, 2, 1700000010000);
    expect_stamped("tot", "g|foo", 2, 1700000010000, 1700000010000);
    redis_encode_free(w.encode);
}

/* ---- the finite numbers ---- */

static void a_sum_that_would_not_be_finite_is_refused_and_its_neighbours_stay(void **state)
{
    struct writer w;
    struct fake_snapshot f;
    (void)state;
    writer_init(&w, "w");
    for (int i = 0; i < 2; i++) {
        fake_snapshot_init(&f, T0);
        fake_snapshot_counter(&f, "foo|#a:big", 1e308);
        fake_snapshot_counter(&f, "foo|#a:down", -1e308);
        fake_snapshot_counter(&f, "foo", 3);
        fake_snapshot_gauge(&f, "foo|#a:rel", (struct gauge_change){ false, 0, 1e308, 1000 });
        fake_snapshot_gauge(&f, "foo", (struct gauge_change){ true, 4, 0, 1000 });
        struct redis_verdict v = apply(&w, &f);
        assert_int_equal(v.refused, i == 0 ? 0 : 3);
    }
    expect("tot", "c|foo|#a:big", "1e+308 1700000000");
    expect("tot", "c|foo|#a:down", "-1e+308 1700000000");
    expect("i:1700000000", "c|foo|#a:big", "1e+308");
    expect("tot", "c|foo", "6 1700000000");
    expect_stamped("tot", "g|foo|#a:rel", 1e308, 1000, 1000);
    expect_stamped("tot", "g|foo", 4, 1000, 1000);
    assert_int_equal(counter(&w, T0 + 10, -1e308), 0); /* one that fits is taken again */
    redis_encode_free(w.encode);
}

/* Refused in the total, a value is not in the interval either. */
static void an_interval_holds_no_more_than_its_total(void **state)
{
    struct writer w;
    (void)state;
    writer_init(&w, "w");
    assert_int_equal(counter(&w, T0, 1.7e308), 0);
    assert_int_equal(counter(&w, T0 + 10, 1.7e308), 1);
    expect("i:1700000010", "c|foo", NULL);
    expect("tot", "c|foo", "1.7e+308 1700000000");
    redis_encode_free(w.encode);
}

static void timers_whose_count_or_sum_would_not_be_finite_are_refused_whole(void **state)
{
    static const struct {
        double v, weight;
    } cases[] = { { 1e308, 1 }, { -1e308, 1 }, { 1, 1e308 }, { 0, 1e308 } };
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        struct writer w;
        struct fake_snapshot f;
        char *first[2] = { NULL };
        writer_init(&w, "w");
        for (int i = 0; i < 2; i++) {
            fake_snapshot_init(&f, T0);
            sketch_add(fake_snapshot_timer(&f, "foo", 5), cases[c].v, cases[c].weight);
            sketch_add(fake_snapshot_timer(&f, "foo|#good:1", 5), 1, 1);
            struct redis_verdict v = apply(&w, &f);
            assert_int_equal(v.refused, i);
            char *now[2] = { redis_server_text(&server, "HGET {sd:22}:tot h|foo"),
                             redis_server_text(&server, "HGET {sd:22}:tot n|foo") };
            for (int k = 0; k < 2; k++) {
                if (i == 1)
                    assert_true(now[k] == NULL ? first[k] == NULL : strcmp(now[k], first[k]) == 0);
                free(first[k]);
                first[k] = now[k];
            }
        }
        assert_int_equal(
            redis_server_integer(&server, "EVAL %s 1 {sd:22}:tot h|foo|#good:1",
                                 "return cmsgpack.unpack(redis.call('HGET',KEYS[1],ARGV[1]))[1]"),
            2);
        free(first[0]);
        free(first[1]);
        freeReplyObject(redis_server_reply(&server, "FLUSHALL"));
        redis_encode_free(w.encode);
    }
}

static void what_does_not_fit_alone_is_left_out_before_redis_sees_it(void **state)
{
    struct writer w;
    struct fake_snapshot f;
    (void)state;
    writer_init(&w, "w");
    fake_snapshot_init(&f, T0);
    fake_snapshot_counter(&f, "foo|#a:inf", INFINITY);
    fake_snapshot_counter(&f, "foo|#a:nan", NAN);
    /* The absolute one stays. */
    fake_snapshot_gauge(&f, "foo|#a:b", (struct gauge_change){ true, 1e308, 1e308, 1000 });
    fake_snapshot_gauge(&f, "foo|#a:c", (struct gauge_change){ false, 0, -INFINITY, 1000 });
    fake_snapshot_counter(&f, "foo", 1);
    assert_int_equal(apply(&w, &f).kind, REDIS_VERDICT_APPLIED);
    assert_int_equal(redis_encode_refused(w.encode), 4);
    expect("tot", "c|foo|#a:inf", NULL);
    expect("tot", "c|foo|#a:nan", NULL);
    expect("tot", "g|foo|#a:c", NULL);
    expect("tot", "c|foo", "1 1700000000");
    expect_stamped("tot", "g|foo|#a:b", 1e308, 1000, 1000);
    redis_encode_free(w.encode);
}

static void a_total_without_its_last_interval_goes_on(void **state)
{
    struct writer w;
    (void)state;
    writer_init(&w, "w");
    redis_server_integer(&server, "HSET {sd:22}:tot c|foo 5");
    assert_int_equal(counter(&w, T0, 2), 0);
    expect("tot", "c|foo", "7 1700000000");
    redis_encode_free(w.encode);
}

static void what_is_stored_and_no_finite_number_begins_anew(void **state)
{
    static const char *const stored[] = { "inf", "-inf", "nan", "-nan", "rubbish", "" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stored); i++) {
        struct writer w;
        struct fake_snapshot f;
        char text[64];
        snprintf(text, sizeof text, "%s 1700000000", stored[i]);
        writer_init(&w, "w");
        freeReplyObject(redis_server_reply(
            &server, "HSET {sd:22}:tot c|foo %s g|foo %s g|foo|#r:1 %s h|foo %s n|foo %s", text,
            text, text, stored[i], stored[i]));
        freeReplyObject(redis_server_reply(
            &server, "HSET {sd:22}:i:1700000000 c|foo %s g|foo %s g|foo|#r:1 %s h|foo %s",
            stored[i], text, text, stored[i]));
        fake_snapshot_init(&f, T0);
        fake_snapshot_counter(&f, "foo", 2);
        fake_snapshot_gauge(&f, "foo", (struct gauge_change){ true, 3, 0, 1000 });
        fake_snapshot_gauge(&f, "foo|#r:1", (struct gauge_change){ false, 0, 4, 1000 });
        sketch_add(fake_snapshot_timer(&f, "foo", 5), -5, 1);
        assert_int_equal(apply(&w, &f).refused, 0);
        expect("tot", "c|foo", "2 1700000000");
        expect("i:1700000000", "c|foo", "2");
        expect_stamped("tot", "g|foo", 3, 1000, 1000);
        expect_stamped("tot", "g|foo|#r:1", 4, 1000, 1000);
        assert_int_equal(
            redis_server_integer(&server, "EVAL %s 1 {sd:22}:tot h|foo",
                                 "return cmsgpack.unpack(redis.call('HGET',KEYS[1],ARGV[1]))[1]"),
            1);
        freeReplyObject(redis_server_reply(&server, "FLUSHALL"));
        redis_encode_free(w.encode);
    }
}

/* msgpack that is not a sketch of ours: nothing of it may stop the script, or keep Redis busy. */
static void a_timer_that_others_spoiled_begins_anew(void **state)
{
    static const char *const lua[] = {
        "'x'",
        "{}",
        "{1,2,3}",
        "{1,2,3,4,1e300,0,0,1}",
        "{1,2,3,4,5,0,1e300,1}",
        "{1,2,3,4,5.5,0,0,1}",
        "{1,2,3,4,5,0,0,'x'}",
        "{1,2,3,4,-1e9,0,0,1}",
        "{1/0,2,3,4,5,0,0,1}",
        "{1,-1/0,3,4,5,0,0,1}",
        "{1,2,0/0,4,5,0,0,1}",
        "{a=1}",
        "{{},2,3,4,5,0,0,1}",
        "{1,2,3,4,5,0,0,'1'}",
        "{'1',2,3,4,5,0,0,1}",
        "{1,2,3,4,'5',0,0,1}",
        "'12345678'",
        "{1,2,3,4,5,0,0,true}",
        "{1,2,3,4,nil,0,0,1}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lua); i++) {
        struct writer w;
        struct fake_snapshot f;
        char text[160];
        writer_init(&w, "w");
        snprintf(text, sizeof text, "return redis.call('HSET',KEYS[1],'h|foo',cmsgpack.pack(%s))",
                 lua[i]);
        freeReplyObject(redis_server_reply(&server, "EVAL %s 1 {sd:22}:tot", text));
        fake_snapshot_init(&f, T0);
        sketch_add(fake_snapshot_timer(&f, "foo", 5), 5, 1);
        assert_int_equal(apply(&w, &f).kind, REDIS_VERDICT_APPLIED);
        assert_int_equal(
            redis_server_integer(&server, "EVAL %s 1 {sd:22}:tot h|foo",
                                 "return cmsgpack.unpack(redis.call('HGET',KEYS[1],ARGV[1]))[2]"),
            5);
        freeReplyObject(redis_server_reply(&server, "FLUSHALL"));
        redis_encode_free(w.encode);
    }
}

/* A batch's timer is added twice, and the sum may be made of it in one of the two. */
static void the_interval_and_the_total_get_the_same_whichever_timer_begins_lower(void **state)
{
    static const struct {
        double v[3]; /* of three batches: a value each, 0 is the zero bucket */
        int schema[3];
    } cases[] = {
        { { 100, 1, 10 }, { 5, 5, 5 } },     { { 1, 100, 10 }, { 5, 5, 5 } },
        { { 100, 1, 10 }, { 5, 3, 4 } },     { { 1, 100, 10 }, { 3, 5, 4 } },
        { { 0, 1, 100 }, { 5, 5, 5 } },      { { 100, 0, 1 }, { 5, 5, 5 } },
        { { 1e-30, 1e30, 1 }, { 5, 5, 5 } }, { { 1e30, 1e-30, 1 }, { 8, 8, 8 } },
        { { -100, -1, -10 }, { 5, 5, 5 } },  { { -1, 100, -10 }, { 5, 4, 3 } },
    };
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        struct writer w;
        double sum = 0;
        writer_init(&w, "w");
        for (int i = 0; i < 3; i++) {
            struct fake_snapshot f;
            fake_snapshot_init(&f, T0);
            sketch_add(fake_snapshot_timer(&f, "foo", cases[c].schema[i]), cases[c].v[i], 1);
            assert_int_equal(apply(&w, &f).kind, REDIS_VERDICT_APPLIED);
            sum += cases[c].v[i];
        }
        char text[512];
        snprintf(
            text, sizeof text,
            "for _,k in ipairs({'h|foo','n|foo'}) do "
            "local t,i=redis.call('HGET',KEYS[1],k),redis.call('HGET',KEYS[2],k) "
            "if i and string.sub(t,1,#i)~=i then return -1 end " /* the last interval follows */
            "end local h=cmsgpack.unpack(redis.call('HGET',KEYS[1],'h|foo')) "
            "if h[2]~=%.17g then return -2 end local n=h[6] for i=8,#h do n=n+h[i] end "
            "local m=redis.call('HGET',KEYS[1],'n|foo') if m then n=n+cmsgpack.unpack(m)[1] end "
            "return n*100+h[1]",
            sum);
        assert_int_equal(
            redis_server_integer(&server, "EVAL %s 2 {sd:22}:tot {sd:22}:i:1700000000", text), 303);
        freeReplyObject(redis_server_reply(&server, "FLUSHALL"));
        redis_encode_free(w.encode);
    }
}

/* ---- rights and types ---- */

/* A batch of every kind, for the second time, and with the log entry: each command of the script is
 * used. */
static struct redis_batch *every_kind(struct writer *w)
{
    struct fake_snapshot f;
    fake_snapshot_init(&f, T0);
    fake_snapshot_counter(&f, "foo", 1);
    fake_snapshot_gauge(&f, "foo", (struct gauge_change){ false, 0, 1, 1000 });
    sketch_add(fake_snapshot_timer(&f, "foo", 5), -1, 1);
    members_add(fake_snapshot_set(&f, "foo"), 0x9E3779B97F4A7C15ull * w->seq);
    return make(w, &f);
}

/* Everything but the scratch key, which is never there between scripts, and what only says for how
 * long keys live. */
static char *contents(void)
{
    return redis_server_text(
        &server, "EVAL %s 0",
        "local k,t=redis.call('KEYS','*'),{} table.sort(k) "
        "for _,x in ipairs(k) do t[#t+1]=x..'='..redis.sha1hex(redis.call('DUMP',x)) end "
        "return table.concat(t,' ')");
}

static const char *const commands[] = {
    "time", "get",     "set",  "del",  "expire",          "hmget",
    "hset", "pfmerge", "xadd", "zadd", "zremrangebyscore"
};

static void no_right_but_the_documented_ones_is_needed_and_each_is_probed(void **state)
{
    struct writer w;
    (void)state;
    writer_init(&w, "foo");
    freeReplyObject(
        redis_server_reply(&server, "ACL SETUSER u reset on >pw ~{sd:* -@all +auth +evalsha"));
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        freeReplyObject(redis_server_reply(&server, "ACL SETUSER u +%s", commands[i]));
    user = redisConnectUnix(server.socket);
    freeReplyObject(redisCommand(user, "AUTH u pw"));
    for (int i = 0; i < 2; i++) {
        struct redis_batch *b = every_kind(&w);
        redisReply *r = run(user, b);
        if (redis_reply_judge(r, b->seq).kind != REDIS_VERDICT_APPLIED)
            fail_msg("%s", r->str);
        freeReplyObject(r);
        redis_batch_free(b);
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        char wanted[32];
        struct redis_batch *b = every_kind(&w);
        freeReplyObject(redis_server_reply(&server, "ACL SETUSER u -%s", commands[i]));
        char *before = contents();
        redisReply *r = run(user, b);
        struct redis_verdict v = redis_reply_judge(r, b->seq);
        char *after = contents();
        if (v.kind != REDIS_VERDICT_LATER)
            fail_msg("without %s: %s", commands[i], r->str);
        snprintf(wanted, sizeof wanted, "NEEDS %s", commands[i]);
        if (strncasecmp(v.text, wanted, strlen(wanted)) != 0)
            fail_msg("without %s: %s", commands[i], v.text);
        assert_non_null(strstr(redis_reply_remedy(v.text), "ACL SETUSER"));
        if (strcmp(commands[i], "xadd") != 0 && strcmp(before, after) != 0)
            fail_msg("without %s something was written", commands[i]);
        free(before);
        free(after);
        freeReplyObject(r);
        freeReplyObject(redis_server_reply(&server, "ACL SETUSER u +%s", commands[i]));
        r = run(user, b); /* the same batch, when the right is back */
        if (redis_reply_judge(r, b->seq).kind != REDIS_VERDICT_APPLIED)
            fail_msg("with %s again: %s", commands[i], r->str);
        freeReplyObject(r);
        redis_batch_free(b);
    }
    char want[32];
    snprintf(want, sizeof want, "%d 1700000000", (int)w.seq);
    expect("tot", "c|foo", want);
    assert_int_equal(redis_server_integer(&server, "XLEN {sd:22}:log"), (long long)w.seq);
    redisFree(user);
    redis_encode_free(w.encode);
}

/* Rights by key: read-only, or none, where one key of the shard is written. */
static void a_right_that_one_key_lacks_leaves_nothing_half_written(void **state)
{
    static const char *const others[] = { "p:*", "i:*", "tot", "s:*", "log", "w:*", "tmp", "sets" };
    struct writer w;
    (void)state;
    writer_init(&w, "foo");
    for (int i = 0; i < 2; i++) {
        struct redis_batch *b = every_kind(&w);
        freeReplyObject(run(server.admin, b));
        redis_batch_free(b);
    }
    for (size_t i = 0; i < 2 * ARRAY_LEN(others); i++) {
        struct redis_batch *b = every_kind(&w);
        bool readable = i % 2 == 0;
        freeReplyObject(redis_server_reply(&server, "ACL SETUSER u reset on >pw +@all"));
        for (size_t k = 0; k < ARRAY_LEN(others); k++) {
            if (k != i / 2)
                freeReplyObject(redis_server_reply(&server, "ACL SETUSER u ~{sd:*}:%s", others[k]));
            else if (readable)
                freeReplyObject(
                    redis_server_reply(&server, "ACL SETUSER u %%R~{sd:*}:%s", others[k]));
        }
        user = redisConnectUnix(server.socket);
        freeReplyObject(redisCommand(user, "AUTH u pw"));
        redisReply *r = run(user, b);
        char want[32];
        if (r->type == REDIS_REPLY_ERROR) {
            if (redis_reply_judge(r, b->seq).kind != REDIS_VERDICT_LATER)
                fail_msg("%s: %s", others[i / 2], r->str);
            snprintf(want, sizeof want, "%d 1700000000", (int)w.seq - 1);
            expect("tot", "c|foo", want);
        }
        freeReplyObject(r);
        redisFree(user);
        r = run(server.admin, b);
        freeReplyObject(r);
        redis_batch_free(b);
        snprintf(want, sizeof want, "%d 1700000000", (int)w.seq);
        expect("tot", "c|foo", want);
        snprintf(want, sizeof want, "%d", (int)w.seq);
        expect("i:1700000000", "c|foo", want);
    }
    redis_encode_free(w.encode);
}

static void a_key_of_the_wrong_type_costs_what_it_holds_and_no_more(void **state)
{
    static const struct {
        const char *key, *want;
        uint32_t dropped;
        bool unlogged;
        const char *total; /* of the counter, after one before and this one */
    } cases[] = {
        { "{sd:22}:i:1700000000", "dropped", 0, false, "1 1700000000" },
        { "{sd:22}:tot", "dropped", 0, false, NULL },
        { "{sd:22}:s:1700000000:foo", "applied", 1, false, "2 1700000000" },
        { "{sd:22}:log", "applied", 0, true, "2 1700000000" },
        { "{sd:22}:tmp", "applied", 0, false, "2 1700000000" },
        { "{sd:22}:w:foo", "applied", 0, false, "2 1700000000" },
        { "{sd:22}:sets", "applied", 1, false, "2 1700000000" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct writer w;
        writer_init(&w, "foo");
        struct redis_batch *b = every_kind(&w);
        freeReplyObject(run(server.admin, b));
        redis_batch_free(b);
        freeReplyObject(redis_server_reply(&server, "DEL %s", cases[i].key));
        freeReplyObject(redis_server_reply(&server, "RPUSH %s x", cases[i].key));
        b = every_kind(&w);
        redisReply *r = run(server.admin, b);
        struct redis_verdict v = redis_reply_judge(r, b->seq);
        if (r->type != REDIS_REPLY_STRING || strncmp(r->str, cases[i].want, 7) != 0 ||
            v.dropped != cases[i].dropped || v.unlogged != cases[i].unlogged)
            fail_msg("%s: %s", cases[i].key, r->str);
        freeReplyObject(r);
        redis_batch_free(b);
        if (cases[i].total != NULL)
            expect("tot", "c|foo", cases[i].total);
        /* The number was used up, so the next one is applied as soon as the key is gone. */
        freeReplyObject(redis_server_reply(&server, "DEL %s", cases[i].key));
        assert_int_equal(counter(&w, T0 + 20, 1), 0);
        freeReplyObject(redis_server_reply(&server, "FLUSHALL"));
        redis_encode_free(w.encode);
    }
}

static void the_list_of_sets_forgets_those_that_have_expired(void **state)
{
    struct writer w;
    (void)state;
    writer_init(&w, "foo");
    freeReplyObject(redis_server_reply(&server, "ZADD {sd:22}:sets 1 1600000000:foo +inf 9:bar"));
    for (int i = 0; i < 2; i++) {
        struct redis_batch *b = every_kind(&w);
        freeReplyObject(run(server.admin, b));
        redis_batch_free(b);
    }
    char *got = redis_server_text(&server, "EVAL %s 1 {sd:22}:sets",
                                  "return table.concat(redis.call('ZRANGE',KEYS[1],0,-1),' ')");
    assert_string_equal(got, "1700000000:foo 9:bar");
    free(got);
    redis_encode_free(w.encode);
}

/* A producer's key that is something else is a producer's key that is lost. */
static void a_producers_key_of_the_wrong_type_is_unknown(void **state)
{
    struct writer w;
    struct fake_snapshot f;
    (void)state;
    writer_init(&w, "foo");
    counter(&w, T0, 1);
    freeReplyObject(redis_server_reply(&server, "DEL {sd:22}:p:foo:%s", w.id));
    freeReplyObject(redis_server_reply(&server, "RPUSH {sd:22}:p:foo:%s x", w.id));
    fake_snapshot_init(&f, T0);
    fake_snapshot_counter(&f, "foo", 1);
    struct redis_verdict v = apply(&w, &f);
    assert_int_equal(v.kind, REDIS_VERDICT_GAP);
    assert_false(v.known);
    assert_int_equal(v.totals.writes, 1);
    redis_encode_free(w.encode);
}

static int flush(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&server, "FLUSHALL"));
    return 0;
}

static int start(void **state)
{
    (void)state;
    struct buf script = { 0 };
    sketch_setup();
    redis_server_init(&server, NULL);
    redis_server_start(&server);
    redis_script_append(&script);
    char *text = redis_server_text(&server, "SCRIPT LOAD %b", script.ptr, script.len);
    memcpy(sha, text, 40);
    free(text);
    buf_release(&script);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_server_release(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_stamp_is_never_later_than_redis_clock_and_a_bound, flush),
        cmocka_unit_test_setup(a_writers_later_gauge_beats_its_own_earlier_one_whatever_its_clock,
                               flush),
        cmocka_unit_test_setup(a_relative_change_of_another_leaves_the_gauge_its_writer, flush),
        cmocka_unit_test_setup(stamps_stored_in_the_future_heal, flush),
        cmocka_unit_test_setup(the_last_interval_of_a_counter_is_not_in_the_future, flush),
        cmocka_unit_test_setup(gauges_of_the_version_before_are_read, flush),
        cmocka_unit_test_setup(a_sum_that_would_not_be_finite_is_refused_and_its_neighbours_stay,
                               flush),
        cmocka_unit_test_setup(an_interval_holds_no_more_than_its_total, flush),
        cmocka_unit_test_setup(timers_whose_count_or_sum_would_not_be_finite_are_refused_whole,
                               flush),
        cmocka_unit_test_setup(what_does_not_fit_alone_is_left_out_before_redis_sees_it, flush),
        cmocka_unit_test_setup(a_total_without_its_last_interval_goes_on, flush),
        cmocka_unit_test_setup(what_is_stored_and_no_finite_number_begins_anew, flush),
        cmocka_unit_test_setup(a_timer_that_others_spoiled_begins_anew, flush),
        cmocka_unit_test_setup(the_interval_and_the_total_get_the_same_whichever_timer_begins_lower,
                               flush),
        cmocka_unit_test_setup(no_right_but_the_documented_ones_is_needed_and_each_is_probed,
                               flush),
        cmocka_unit_test_setup(a_right_that_one_key_lacks_leaves_nothing_half_written, flush),
        cmocka_unit_test_setup(a_key_of_the_wrong_type_costs_what_it_holds_and_no_more, flush),
        cmocka_unit_test_setup(the_list_of_sets_forgets_those_that_have_expired, flush),
        cmocka_unit_test_setup(a_producers_key_of_the_wrong_type_is_unknown, flush),
        cmocka_unit_test_setup(a_lower_generation_is_refused_once_a_higher_one_has_spoken, flush),
        cmocka_unit_test_setup(a_number_that_is_taken_comes_with_what_became_of_it, flush),
    };
    return cmocka_run_group_tests_name("redis_script", tests, start, stop);
}
