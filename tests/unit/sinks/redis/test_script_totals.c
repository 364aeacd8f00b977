/*
 * What stands in the totals beside the sums: the last interval of timers, the gauges of each
 * instance, what goes there alone, and what is removed when it is idle.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/reply.h"
#include "sinks/redis/script.h"
#include "support/fake_snapshot.h"
#include "support/redis_server.h"

enum { T0 = 1700000000, T0_MS_AFTER = 1000 };

#define TOKEN  "cccccccccccccccc"
#define LAST_T "return cjson.encode({cmsgpack.unpack(redis.call('HGET',KEYS[1],ARGV[1]))})"

static struct redis_server server;
static char sha[41];
static int next_id;

/* One instance that writes to shard 22, where foo lives. */
struct writer {
    struct redis_encode *encode;
    char id[REDIS_ID_DIGITS + 1];
    uint64_t seq;
    bool only;
};

static void writer_init(struct writer *w, const char *instance, bool own, bool all_own)
{
    *w = (struct writer){ .encode =
                              redis_encode_new(&(struct redis_encode_opts){ .prefix = "sd",
                                                                            .instance = instance,
                                                                            .retention_s = 600,
                                                                            .own = own,
                                                                            .all_own = all_own,
                                                                            .alive_ms = 50000 }) };
    snprintf(w->id, sizeof w->id, "%032x", ++next_id);
}

static void take(void *cookie, struct redis_batch *b)
{
    struct redis_batch **one = cookie;
    if (b->shard != 22 || (*one != NULL && b->series == 0)) {
        redis_batch_free(b);
        return;
    }
    redis_batch_free(*one);
    *one = b;
}

static redisReply *run(const struct redis_batch *b)
{
    redisReply *r;
    struct buf wire = { 0 };
    redis_batch_wire(b, &wire);
    redisAppendFormattedCommand(server.admin, wire.ptr, wire.len);
    buf_release(&wire);
    assert_int_equal(redisGetReply(server.admin, (void **)&r), REDIS_OK);
    if (r->type == REDIS_REPLY_ERROR)
        fail_msg("%s", r->str);
    return r;
}

/* Applies it, and once more, which must be a duplicate.  returns  values refused */
static uint32_t apply(struct writer *w, struct fake_snapshot *f)
{
    struct redis_batch *b = NULL;
    fake_snapshot_encode(f, w->encode, 4800, take, &b);
    fake_snapshot_release(f);
    if (w->only)
        redis_batch_totals_only(b);
    b->seq = ++w->seq;
    redis_batch_brand(b, TOKEN);
    const struct redis_address a = { .id = w->id, .before = TOKEN, .seq = w->seq, .generation = 1 };
    redis_batch_address(b, &a);
    redis_batch_sha(b, sha);
    redisReply *r = run(b);
    struct redis_verdict v = redis_reply_judge(r, b->seq);
    assert_int_equal(v.kind, REDIS_VERDICT_APPLIED);
    freeReplyObject(r);
    r = run(b);
    assert_int_equal(redis_reply_judge(r, b->seq).kind, REDIS_VERDICT_DUPLICATE);
    freeReplyObject(r);
    redis_batch_free(b);
    return v.refused;
}

static void expect(const char *hash, const char *field, const char *want)
{
    char *got = redis_server_text(&server, "HGET {sd:22}:%s %s", hash, field);
    if (want == NULL ? got != NULL : got == NULL || strcmp(got, want) != 0)
        fail_msg("%s %s is \"%s\", not \"%s\"", hash, field, got ? got : "(nil)",
                 want ? want : "(nil)");
    free(got);
}

/* All that a timer's field unpacks to, as JSON. */
static void expect_timer(const char *hash, const char *want)
{
    char *got = redis_server_text(&server, "EVAL %s 1 {sd:22}:%s h|foo", LAST_T, hash);
    assert_non_null(got);
    assert_string_equal(got, want);
    free(got);
}

static void put_raw_timer(const char *hash, const char *lua)
{
    char text[256];
    snprintf(text, sizeof text, "return redis.call('HSET',KEYS[1],'h|foo',%s)", lua);
    free(redis_server_text(&server, "EVAL %s 1 {sd:22}:%s", text, hash));
}

static void timer(struct writer *w, int64_t T, double v)
{
    struct fake_snapshot f;
    fake_snapshot_init(&f, T);
    sketch_add(fake_snapshot_timer(&f, "foo", 5), v, 1);
    assert_int_equal(apply(w, &f), 0);
}

struct change {
    bool absolute;
    double v;
    enum gauge_merge rule;
};

static void gauge(struct writer *w, struct change c)
{
    struct fake_snapshot f;
    fake_snapshot_init(&f, T0);
    const struct gauge_change g = { c.absolute, c.absolute ? c.v : 0, c.absolute ? 0 : c.v,
                                    T0 * 1000ll + T0_MS_AFTER };
    fake_snapshot_gauge(&f, "foo", g);
    fake_snapshot_rule(&f, c.rule);
    assert_int_equal(apply(w, &f), 0);
}

static void empty(struct writer *w)
{
    struct fake_snapshot f;
    fake_snapshot_init(&f, T0);
    assert_int_equal(apply(w, &f), 0);
}

/* ---- timers ---- */

static void a_timer_has_its_last_interval_behind_the_array_in_the_totals_alone(void **state)
{
    struct writer w;
    (void)state;
    writer_init(&w, "a", false, false);
    timer(&w, T0 + 10, 1);
    expect_timer("tot", "[[1,1,1,1,5,0,0,1],1700000010]");
    expect_timer("i:1700000010", "[[1,1,1,1,5,0,0,1]]");
    timer(&w, T0 + 20, 1);
    expect_timer("tot", "[[2,2,1,1,5,0,0,2],1700000020]");
    timer(&w, T0, 1); /* a late one does not turn it back */
    expect_timer("tot", "[[3,3,1,1,5,0,0,3],1700000020]");
    expect_timer("i:1700000000", "[[1,1,1,1,5,0,0,1]]");
    redis_encode_free(w.encode);
}

static void whatever_stands_behind_a_timer_it_is_read_and_put_right(void **state)
{
    static const char *const rows[] = {
        "cmsgpack.pack({1,1,1,1,5,0,0,1})", /* of a version before */
        "cmsgpack.pack({1,1,1,1,5,0,0,1},'later')",
        "cmsgpack.pack({1,1,1,1,5,0,0,1},{})",
        "cmsgpack.pack({1,1,1,1,5,0,0,1},0/0)",
        "cmsgpack.pack({1,1,1,1,5,0,0,1},-5)",
        "cmsgpack.pack({1,1,1,1,5,0,0,1},1600000000,7)",
    };
    struct writer w;
    (void)state;
    writer_init(&w, "a", false, false);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        put_raw_timer("tot", rows[i]);
        timer(&w, T0, 1);
        expect_timer("tot", "[[2,2,1,1,5,0,0,2],1700000000]");
    }
    put_raw_timer("tot", "cmsgpack.pack({1,1,1,1,5,0,0,1})..'\\193'"); /* no msgpack at all */
    timer(&w, T0, 1);
    expect_timer("tot", "[[1,1,1,1,5,0,0,1],1700000000]");
    redis_encode_free(w.encode);
}

static void a_last_interval_of_a_timer_that_is_far_ahead_gives_way(void **state)
{
    struct writer w;
    (void)state;
    writer_init(&w, "a", false, false);
    put_raw_timer("tot", "cmsgpack.pack({1,1,1,1,5,0,0,1},2^40)");
    timer(&w, T0, 1);
    char *got =
        redis_server_text(&server, "EVAL %s 1 {sd:22}:tot",
                          "local _,t=cmsgpack.unpack(redis.call('HGET',KEYS[1],'h|foo')) "
                          "local d=t-redis.call('TIME')[1] return d>=3 and d<=5 and 'ok' or d");
    assert_string_equal(got, "ok");
    free(got);
    redis_encode_free(w.encode);
}

/* ---- totals only ---- */

static void a_batch_for_the_totals_only_leaves_the_interval_as_it_is(void **state)
{
    struct writer w;
    struct fake_snapshot f;
    (void)state;
    writer_init(&w, "a", false, false);
    for (int round = 0; round < 2; round++) {
        w.only = round == 1;
        fake_snapshot_init(&f, T0);
        fake_snapshot_counter(&f, "foo", 3);
        fake_snapshot_gauge(&f, "foo", (struct gauge_change){ false, 0, 2, 1000 });
        fake_snapshot_gauge(&f, "foo|#a:b", (struct gauge_change){ true, 5 + round, 0, 1000 });
        sketch_add(fake_snapshot_timer(&f, "foo", 5), -1, 1);
        members_add(fake_snapshot_set(&f, "foo"), (uint64_t)round + 1);
        assert_int_equal(apply(&w, &f), 0);
    }
    expect("i:1700000000", "c|foo", "3");
    expect("tot", "c|foo", "6 1700000000");
    expect("i:1700000000", "g|foo", "2 1000 e40c292c");
    expect("tot", "g|foo", "4 1000 e40c292c");
    expect("i:1700000000", "g|foo|#a:b", "5 1000 e40c292c");
    expect("tot", "g|foo|#a:b", "6 1000 e40c292c");
    expect_timer("i:1700000000", "[[1,-1,-1,-1,5,0,0]]");
    expect_timer("tot", "[[2,-2,-1,-1,5,0,0],1700000000]");
    char *n = redis_server_text(&server, "EVAL %s 1 {sd:22}:s:1700000000:foo",
                                "return ''..redis.call('PFCOUNT',KEYS[1])");
    assert_string_equal(n, "1");
    free(n);
    redis_encode_free(w.encode);
}

static void a_batch_for_the_totals_only_makes_no_interval(void **state)
{
    struct writer w;
    struct fake_snapshot f;
    (void)state;
    writer_init(&w, "a", false, false);
    w.only = true;
    fake_snapshot_init(&f, T0);
    fake_snapshot_counter(&f, "foo", 3);
    members_add(fake_snapshot_set(&f, "foo"), 1);
    assert_int_equal(apply(&w, &f), 0);
    expect("tot", "c|foo", "3 1700000000");
    char *n = redis_server_text(&server, "EVAL %s 2 {sd:22}:i:1700000000 {sd:22}:s:1700000000:foo",
                                "return ''..redis.call('EXISTS',KEYS[1],KEYS[2])");
    assert_string_equal(n, "0");
    free(n);
    redis_encode_free(w.encode);
}

/* ---- gauges of each instance ---- */

static void a_gauge_with_a_rule_has_a_field_for_each_instance(void **state)
{
    struct writer a, b;
    (void)state;
    writer_init(&a, "a", false, false);
    writer_init(&b, "b|50%", false, false);
    gauge(&a, (struct change){ true, 3, GAUGE_MERGE_SUM });
    gauge(&b, (struct change){ true, 4, GAUGE_MERGE_SUM });
    expect("tot", "g|foo", "4 1700000001000 254b1f11");
    expect("tot", "i|a|foo", "3 1700000001000 sum");
    expect("tot", "i|b%7C50%25|foo", "4 1700000001000 sum");
    gauge(&a, (struct change){ false, -1, GAUGE_MERGE_SUM }); /* what is its own changes */
    expect("tot", "g|foo", "3 1700000001000 254b1f11");
    expect("tot", "i|a|foo", "2 1700000001000 sum");
    expect("tot", "i|b%7C50%25|foo", "4 1700000001000 sum");
    gauge(&b, (struct change){ true, 9, GAUGE_MERGE_MAX }); /* a new rule */
    expect("tot", "i|b%7C50%25|foo", "9 1700000001000 max");
    expect("i:1700000000", "i|a|foo", NULL);
    expect("i:1700000000", "i|a", NULL);
    redis_encode_free(a.encode);
    redis_encode_free(b.encode);
}

static void relative_changes_of_instances_add_up_to_the_shared_gauge(void **state)
{
    static const double changes[] = { 0.5, -3, 7, 0, 1e9 };
    struct writer w[3];
    double sum = 0, own = 0;
    (void)state;
    for (int i = 0; i < 3; i++)
        writer_init(&w[i], (const char *[]){ "a", "b", "c" }[i], true, false);
    for (size_t k = 0; k < 15; k++) {
        gauge(&w[k * 7 % 3], (struct change){ false, changes[k % 5], GAUGE_MERGE_SUM });
        sum += changes[k % 5];
    }
    for (int i = 0; i < 3; i++) {
        char *v = redis_server_text(&server, "HGET {sd:22}:tot i|%s|foo",
                                    (const char *[]){ "a", "b", "c" }[i]);
        own += strtod(v, NULL);
        free(v);
        redis_encode_free(w[i].encode);
    }
    assert_true(own == sum);
    char *v = redis_server_text(&server, "HGET {sd:22}:tot g|foo");
    assert_true(strtod(v, NULL) == sum);
    free(v);
}

static void without_a_rule_there_is_no_field_of_an_instance(void **state)
{
    struct writer w;
    (void)state;
    writer_init(&w, "a", false, false);
    gauge(&w, (struct change){ true, 3, GAUGE_MERGE_LATEST });
    expect("tot", "i|a|foo", NULL);
    expect("tot", "i|a", NULL);
    redis_encode_free(w.encode);
    writer_init(&w, "a", false, true); /* all gauges */
    gauge(&w, (struct change){ true, 3, GAUGE_MERGE_LATEST });
    expect("tot", "i|a|foo", "3 1700000001000 latest");
    redis_encode_free(w.encode);
}

static void an_instance_with_such_fields_says_that_it_is_alive_in_empty_batches_too(void **state)
{
    static const char is_now[] =
        "local s,ttl=string.match(redis.call('HGET',KEYS[1],'i|a') or '','^(%d+) (%d+)$') "
        "local t=redis.call('TIME') local d=t[1]*1000+t[2]/1000-(s or 0) "
        "return d<5000 and d>=0 and ttl=='50000' and 'ok' or tostring(d)";
    struct writer w;
    (void)state;
    writer_init(&w, "a", true, false);
    empty(&w);
    expect("tot", "i|a", NULL); /* there was no such gauge so far */
    gauge(&w, (struct change){ true, 3, GAUGE_MERGE_MIN });
    for (int round = 0; round < 2; round++) {
        char *got = redis_server_text(&server, "EVAL %s 1 {sd:22}:tot", is_now);
        assert_string_equal(got, "ok");
        free(got);
        redis_server_integer(&server, "HSET {sd:22}:tot i|a 5");
        if (round == 1) { /* the next process */
            redis_encode_free(w.encode);
            writer_init(&w, "a", true, false);
        }
        empty(&w);
    }
    redis_encode_free(w.encode);
    writer_init(&w, "a", false, false); /* and one that has no such gauges any more */
    redis_server_integer(&server, "HSET {sd:22}:tot i|a 5");
    empty(&w);
    expect("tot", "i|a", "5");
    redis_encode_free(w.encode);
}

static void an_own_value_that_would_not_be_finite_is_refused(void **state)
{
    struct writer w;
    struct fake_snapshot f;
    (void)state;
    writer_init(&w, "a", true, false);
    free(redis_server_text(&server, "EVAL %s 1 {sd:22}:tot",
                           "return ''..redis.call('HSET',KEYS[1],'i|a|foo','1e308 5 sum')"));
    fake_snapshot_init(&f, T0);
    fake_snapshot_gauge(&f, "foo", (struct gauge_change){ false, 0, 1e308, 1000 });
    fake_snapshot_rule(&f, GAUGE_MERGE_SUM);
    assert_int_equal(apply(&w, &f), 1);
    expect("tot", "i|a|foo", "1e308 5 sum");
    expect("tot", "g|foo", "1e+308 1000 e40c292c");
    redis_encode_free(w.encode);
}

/* ---- what is idle ---- */

/* One step, of 24 hours.  returns  its answer; free it */
static char *prune(const char *cursor, long long ttl_s)
{
    return redis_server_text(&server, "EVALSHA %s 2 {sd:22}:tot {sd:22}:jan prune %s %lld 900", sha,
                             cursor, ttl_s);
}

static void expect_prune(const char *want)
{
    char *got = prune("0", 86400);
    assert_string_equal(got, want);
    free(got);
    redis_server_integer(&server, "DEL {sd:22}:jan");
}

static void what_nobody_sent_for_as_long_is_removed_and_all_else_stays(void **state)
{
    /* s(d): so many seconds before now. */
    static const struct {
        const char *field, *lua;
        bool goes;
    } rows[] = {
        { "c|old", "'5 '..s(86402)", true },
        { "c|new", "'5 '..s(86390)", false },
        { "c|ahead", "'5 '..s(-3)", false },
        { "c|", "'5 0'", true },
        { "g|old|#a:b", "'5 '..s(86402)..'000 e40c292c'", true },
        { "g|new", "'5 '..s(86390)..'000 e40c292c'", false },
        { "g|before", "'5 '..s(86402)..'000'", true }, /* of a version without the writer */
        { "h|old", "timer(1)..cmsgpack.pack(s(86402)+0)", true },
        { "n|old", "'whatever'", true },
        { "h|ms old", "timer(1)..cmsgpack.pack(s(86402)+0,1)", true },
        { "h|ms new", "timer(1)..cmsgpack.pack(s(86390)+0,1)", false },
        { "h|ends in 1", "timer(1)..cmsgpack.pack(1600000001)", true },
        { "h|ms ends in 1", "timer(1)..cmsgpack.pack(1600000001,1)", true },
        { "h|new", "timer(1)..cmsgpack.pack(s(86390)+0)", false },
        { "n|new", "'whatever'", false },
        { "h|zero", "timer(1)..cmsgpack.pack(10)", true },
        { "h|real", "timer(1)..cmsgpack.pack(10.5)", true },
        { "i|a|old", "'5 '..s(86402)..'000 sum'", true },
        { "i|a|new", "'5 '..s(86390)..'000 sum'", false },
        { "i|a%7C|old|#x:y", "'5 '..s(86402)..'000 sum'", true },
        { "i|gone", "s(86402)..'000 50000'", true },
        { "i|alive", "s(86390)..'000 50000'", false },
        { "x|other", "'5 0'", false },
        { "ledger", "'a 0'", false },
        { "c|odd", "'x y z'", false },
        { "g|odd", "'x'", false },
        { "h|odd", "'\\193'", false },
        { "h|odd2", "cmsgpack.pack('no array')", false },
        { "h|odd3", "timer(1)..cmsgpack.pack('no time')", false },
        /* The last count is 206, and the second of its last interval ends in a byte of 1. */
        { "h|looks like ms", "timer(206)..cmsgpack.pack(1600000001)", true },
        { "i|", "''", false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char lua[512];
        snprintf(lua, sizeof lua,
                 "local t=redis.call('TIME')[1] local function s(d) return "
                 "string.format('%%.0f',t-d) end "
                 "local function timer(n) return cmsgpack.pack({n,1,1,1,5,0,0,n}) end "
                 "return ''..redis.call('HSET',KEYS[1],ARGV[1],%s)",
                 rows[i].lua);
        free(redis_server_text(&server, "EVAL %s 1 {sd:22}:tot %s", lua, rows[i].field));
    }
    expect_prune("pruned 0 11");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        long long there = redis_server_integer(&server, "HEXISTS {sd:22}:tot %s", rows[i].field);
        if (there == rows[i].goes)
            fail_msg("%s is %s", rows[i].field, there ? "there" : "gone");
    }
}

/* The tail of a timer that has no last interval may look like one, whatever its buckets count. */
static void a_count_that_looks_like_an_old_interval_removes_nothing(void **state)
{
    (void)state;
    put_raw_timer("tot", "cmsgpack.pack({1,1,1,1,5,0,0,1600000000})");
    expect_prune("pruned 0 0");
    char *got = redis_server_text(
        &server, "EVAL %s 1 {sd:22}:tot",
        "local x,t=cmsgpack.unpack(redis.call('HGET',KEYS[1],'h|foo')) "
        "return x[8]==1600000000 and redis.call('TIME')[1]-t<5 and 'ok' or 'not'");
    assert_string_equal(got, "ok");
    free(got);
}

static void what_a_version_before_left_is_idle_from_now_on(void **state)
{
    (void)state;
    put_raw_timer("tot", "cmsgpack.pack({1,1,1,1,5,0,0,1})");
    redis_server_integer(&server, "HSET {sd:22}:tot c|foo 5");
    for (int round = 0; round < 2; round++) {
        expect_prune("pruned 0 0");
        char *got = redis_server_text(
            &server, "EVAL %s 1 {sd:22}:tot",
            "local x,t=cmsgpack.unpack(redis.call('HGET',KEYS[1],'h|foo')) "
            "local v,c=string.match(redis.call('HGET',KEYS[1],'c|foo'),'^(%d+) (%d+)$') "
            "return x[1]==1 and v=='5' and t==tonumber(c) and redis.call('TIME')[1]-t<5 and 'ok'");
        assert_string_equal(got, "ok");
        free(got);
    }
    char *got = prune("0", -5); /* five seconds later */
    assert_string_equal(got, "pruned 0 2");
    free(got);
}

static void one_instance_at_a_time_has_the_turn_of_a_shard(void **state)
{
    struct writer w;
    (void)state;
    char *got = prune("0", 86400); /* there is nothing, and nothing comes of it */
    assert_string_equal(got, "pruned 0 0");
    free(got);
    assert_int_equal(redis_server_integer(&server, "EXISTS {sd:22}:jan"), 0);
    writer_init(&w, "a", false, false);
    timer(&w, T0, 1);
    got = prune("0", 200000000);
    assert_string_equal(got, "pruned 0 0");
    free(got);
    assert_in_range(redis_server_integer(&server, "PTTL {sd:22}:jan"), 1, 900);
    got = prune("0", 86400);
    assert_string_equal(got, "busy");
    free(got);
    got = prune("7", 86400); /* a walk that has begun goes on */
    assert_true(strncmp(got, "pruned ", 7) == 0);
    free(got);
    redis_encode_free(w.encode);
}

static void a_series_that_comes_back_begins_at_nothing(void **state)
{
    struct writer w;
    (void)state;
    writer_init(&w, "a", false, false);
    timer(&w, T0, 1);
    expect_prune("pruned 0 1");
    timer(&w, T0 + 10, 1);
    expect_timer("tot", "[[1,1,1,1,5,0,0,1],1700000010]");
    redis_encode_free(w.encode);
}

static void a_walk_over_many_fields_takes_small_steps_and_sees_each(void **state)
{
    enum { FIELDS = 20000 };
    char cursor[32] = "0";
    long long pruned = 0, steps = 0, n;
    (void)state;
    free(redis_server_text(&server, "EVAL %s 1 {sd:22}:tot",
                           "for i=1,20000 do redis.call('HSET',KEYS[1],'c|'..i,i%2==0 and '5 0' or "
                           "'5 4000000000') end return 'ok'"));
    do {
        char *got = prune(cursor, 86400);
        assert_int_equal(sscanf(got, "pruned %31s %lld", cursor, &n), 2);
        free(got);
        assert_in_range(n, 0, 400);
        pruned += n;
        steps++;
    } while (strcmp(cursor, "0") != 0);
    assert_int_equal(pruned, FIELDS / 2);
    assert_true(steps >= FIELDS / 400);
    assert_int_equal(redis_server_integer(&server, "HLEN {sd:22}:tot"), FIELDS / 2);
}

static void the_documented_rights_are_enough_and_one_that_is_missing_is_named(void **state)
{
    static const char *const rights[] = { "time", "hscan", "hdel", "set", "hset" };
    (void)state;
    freeReplyObject(redis_server_reply(
        &server, "ACL SETUSER u reset on >pw ~{sd:* -@all +auth +evalsha +time +hscan +hdel +set "
                 "+hset"));
    redisContext *user = redisConnectUnix(server.socket);
    freeReplyObject(redisCommand(user, "AUTH u pw"));
    for (size_t i = 0; i <= ARRAY_LEN(rights); i++) {
        const char *without = i < ARRAY_LEN(rights) ? rights[i] : "";
        redis_server_integer(&server, "HSET {sd:22}:tot c|a 5 c|b %s", "5 5");
        redis_server_integer(&server, "DEL {sd:22}:jan");
        if (without[0] != '\0')
            freeReplyObject(redis_server_reply(&server, "ACL SETUSER u -%s", without));
        redisReply *r =
            redisCommand(user, "EVALSHA %s 2 {sd:22}:tot {sd:22}:jan prune 0 86400 900", sha);
        bool said = without[0] == '\0' ? strcmp(r->str, "pruned 0 1") == 0
                                       : strcasestr(r->str, without) != NULL;
        if ((r->type == REDIS_REPLY_ERROR) != (without[0] != '\0') || !said)
            fail_msg("without %s: %s", without, r->str);
        freeReplyObject(r);
        if (without[0] != '\0')
            freeReplyObject(redis_server_reply(&server, "ACL SETUSER u +%s", without));
    }
    redisFree(user);
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
        cmocka_unit_test_setup(a_timer_has_its_last_interval_behind_the_array_in_the_totals_alone,
                               flush),
        cmocka_unit_test_setup(whatever_stands_behind_a_timer_it_is_read_and_put_right, flush),
        cmocka_unit_test_setup(a_last_interval_of_a_timer_that_is_far_ahead_gives_way, flush),
        cmocka_unit_test_setup(a_batch_for_the_totals_only_leaves_the_interval_as_it_is, flush),
        cmocka_unit_test_setup(a_batch_for_the_totals_only_makes_no_interval, flush),
        cmocka_unit_test_setup(a_gauge_with_a_rule_has_a_field_for_each_instance, flush),
        cmocka_unit_test_setup(relative_changes_of_instances_add_up_to_the_shared_gauge, flush),
        cmocka_unit_test_setup(without_a_rule_there_is_no_field_of_an_instance, flush),
        cmocka_unit_test_setup(
            an_instance_with_such_fields_says_that_it_is_alive_in_empty_batches_too, flush),
        cmocka_unit_test_setup(an_own_value_that_would_not_be_finite_is_refused, flush),
        cmocka_unit_test_setup(what_nobody_sent_for_as_long_is_removed_and_all_else_stays, flush),
        cmocka_unit_test_setup(a_count_that_looks_like_an_old_interval_removes_nothing, flush),
        cmocka_unit_test_setup(what_a_version_before_left_is_idle_from_now_on, flush),
        cmocka_unit_test_setup(one_instance_at_a_time_has_the_turn_of_a_shard, flush),
        cmocka_unit_test_setup(a_series_that_comes_back_begins_at_nothing, flush),
        cmocka_unit_test_setup(a_walk_over_many_fields_takes_small_steps_and_sees_each, flush),
        cmocka_unit_test_setup(the_documented_rights_are_enough_and_one_that_is_missing_is_named,
                               flush),
    };
    return cmocka_run_group_tests_name("redis_script_totals", tests, start, stop);
}
