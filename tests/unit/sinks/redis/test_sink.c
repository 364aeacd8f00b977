/*
 * The whole sink against a real Redis that is cut, stopped, killed, filled and emptied: the sums
 * stay exact.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "sinks/redis.h"
#include "sinks/redis/keys.h"
#include "support/fake_snapshot.h"
#include "support/loop_until.h"
#include "support/redis_server.h"

enum { T0 = 1700000000, NAMES = 40 };

static uv_loop_t loop;
static struct redis_server shared; /* for tests that do not hurt it */

static struct sink *open_sink(const char *url, const char *instance, const struct redis_opts *more)
{
    struct redis_opts o = more ? *more : (struct redis_opts){ 0 };
    struct sink *s = NULL;
    o.url = url;
    o.prefix = "sd";
    o.instance = instance;
    o.retention_s = 600;
    o.interval_ms = o.interval_ms ? o.interval_ms : 4; /* no delay to speak of */
    o.spool_max_bytes = o.spool_max_bytes ? o.spool_max_bytes : 64 << 20;
    o.spool_max_age_ms = 600000;
    o.reply_timeout_ms = o.reply_timeout_ms ? o.reply_timeout_ms : 1000;
    assert_int_equal(redis_sink_new(&loop, &o, &s), 0);
    assert_string_equal(s->name, "redis");
    return s;
}

static void shut(struct sink *s)
{
    s->close(s);
    assert_true(loop_drain(&loop, 5000));
}

static struct redis_stats stats(const struct sink *s)
{
    struct redis_stats st;
    redis_sink_stats(s, &st);
    return st;
}

static bool is_idle(void *cookie)
{
    struct sink *s = cookie;
    return s->idle(s);
}

static bool is_connected(void *cookie)
{
    return stats(cookie).connected;
}

static void drain(struct sink *s)
{
    if (!loop_until(&loop, is_idle, s, 20000))
        fail_msg("not idle: %llu batches wait", (unsigned long long)stats(s).spool_batches);
}

/* Interval i of a workload with known sums: each of NAMES counters gets 1 + i, a timer and a gauge
 * change per name too. */
static void feed(struct sink *s, int i, bool final)
{
    struct fake_snapshot f;
    char key[64];
    fake_snapshot_init(&f, T0 + 10 * i);
    for (int n = 0; n < NAMES; n++) {
        snprintf(key, sizeof key, "m%d.hits|#env:test", n);
        fake_snapshot_counter(&f, key, 1 + i);
        snprintf(key, sizeof key, "m%d.lat", n);
        sketch_add(fake_snapshot_timer(&f, key, 5), 1 + i, 1);
        snprintf(key, sizeof key, "m%d.load", n);
        fake_snapshot_gauge(&f, key,
                            (struct gauge_change){ false, 0, 1, (int64_t)1000 * (T0 + 10 * i) });
    }
    fake_snapshot_give(&f, s, final);
    fake_snapshot_release(&f);
}

static unsigned shard_of(const char *key)
{
    const char *bar = strchr(key, '|');
    return redis_keys_shard(slice_of(key, bar ? (size_t)(bar - key) : strlen(key)));
}

/* Those that feed() fills, and the one of the log of instance "a".  No other ever gets a key. */
static unsigned shards_used(void)
{
    bool used[REDIS_SHARDS] = { false };
    unsigned n = 0;
    used[redis_keys_shard(SLICE_LIT("a"))] = true;
    for (int i = 0; i < NAMES; i++) {
        static const char *const ends[] = { "hits", "lat", "load" };
        for (size_t k = 0; k < ARRAY_LEN(ends); k++) {
            char key[64];
            snprintf(key, sizeof key, "m%d.%s", i, ends[k]);
            used[shard_of(key)] = true;
        }
    }
    for (size_t i = 0; i < REDIS_SHARDS; i++)
        n += used[i];
    return n;
}

static double field_number(struct redis_server *at, const char *hash, const char *kind,
                           const char *key)
{
    char *got = redis_server_text(at, "HGET {sd:%02u}:%s %s%s", shard_of(key), hash, kind, key);
    double v = got ? strtod(got, NULL) : -1;
    free(got);
    return v;
}

/* Everything of `intervals` intervals from each of `instances` instances is there, once. */
static void expect_exact(struct redis_server *at, int intervals, int instances)
{
    char key[64], hash[32];
    double sum = 0;
    for (int i = 0; i < intervals; i++)
        sum += 1 + i;
    for (int n = 0; n < NAMES; n++) {
        snprintf(key, sizeof key, "m%d.hits|#env:test", n);
        double got = field_number(at, "tot", "c|", key);
        if (got != sum * instances)
            fail_msg("%s is %g, not %g", key, got, sum * instances);
        snprintf(hash, sizeof hash, "i:%d", T0 + 10 * (intervals - 1));
        /* Of the last: `intervals` each. */
        assert_true(field_number(at, hash, "c|", key) == intervals * instances);
        snprintf(key, sizeof key, "m%d.load", n);
        assert_true(field_number(at, "tot", "g|", key) == intervals * instances);
        snprintf(key, sizeof key, "m%d.lat", n);
        char field[80];
        snprintf(field, sizeof field, "h|%s", key);
        long long n_values = redis_server_integer(
            at, "EVAL %s 1 {sd:%02u}:tot %s",
            "return cmsgpack.unpack(redis.call('HGET',KEYS[1],ARGV[1]))[1]", shard_of(key), field);
        assert_int_equal(n_values, intervals * instances);
    }
}

static void expect_log(struct redis_server *at, const char *instance, int intervals)
{
    assert_int_equal(
        redis_server_integer(at, "XLEN {sd:%02u}:log", redis_keys_shard(slice_str(instance))),
        intervals);
}

/* ---- tests ---- */

static void bad_options_are_refused(void **state)
{
    static const struct redis_opts cases[] = {
        { .url = "http://x", .prefix = "sd", .instance = "a" },
        { .url = "redis://x", .prefix = "", .instance = "a" },
        { .url = "redis://x", .prefix = "s{d", .instance = "a" },
        { .url = "redis://x", .prefix = "sd", .instance = "" },
        { .url = "redis://x", .prefix = "sd", .instance = "a", .id = "1234" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sink *s = NULL;
        assert_int_equal(redis_sink_new(&loop, &cases[i], &s), -EINVAL);
        assert_null(s);
    }
}

static void two_instances_make_one_sum(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    struct sink *a = open_sink(shared.url, "a", NULL), *b = open_sink(shared.url, "b", NULL);
    for (int i = 0; i < 5; i++) {
        feed(a, i, false);
        feed(b, i, false);
    }
    drain(a);
    drain(b);
    expect_exact(&shared, 5, 2);
    struct redis_stats s = stats(a);
    assert_int_equal(s.intervals_applied, 5);
    assert_int_equal(s.series_applied, 5 * 3 * NAMES);
    assert_int_equal(s.batches_duplicate, 0);
    assert_true(s.connected);
    expect_log(&shared, "a", 5);
    a->close(a);
    shut(b);
}

static void the_bytes_of_a_password_and_a_db_reach_redis(void **state)
{
    struct redis_server locked;
    char url[128];
    (void)state;
    redis_server_init(&locked, &(struct redis_server_opts){ .tcp = true, .password = "p@ss/%" });
    redis_server_start(&locked);
    snprintf(url, sizeof url, "redis://:p%%40ss%%2F%%25@localhost:%u/4", locked.port);
    struct sink *s = open_sink(url, "a", NULL);
    feed(s, 0, false);
    drain(s);
    freeReplyObject(redis_server_reply(&locked, "SELECT 4"));
    expect_exact(&locked, 1, 1);
    shut(s);
    redis_server_release(&locked);
}

/* The command of docs/redis.md, which goes on over a second line. */
static void documented_acl(char *out, size_t n)
{
    FILE *doc = fopen("docs/redis.md", "r");
    char line[256];
    size_t len = 0;
    if (doc == NULL)
        fail_msg("docs/redis.md: %s (tests run in the top directory)", strerror(errno));
    while (fgets(line, sizeof line, doc) != NULL && (len == 0 || line[strspn(line, " ")] == '+')) {
        const char *from = line + strspn(line, " ");
        if (len > 0 || strncmp(from, "ACL SETUSER statsd ", 19) == 0)
            len += (size_t)snprintf(out + len, n - len, "%.*s ", (int)strcspn(from, "\n"), from);
        assert_true(len < n);
    }
    fclose(doc);
    assert_true(len > 100);
    out[len - 1] = '\0';
}

static void the_documented_acl_is_enough(void **state)
{
    char url[128];
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    char acl[512];
    documented_acl(acl, sizeof acl);
    freeReplyObject(redis_server_reply(&shared, acl));
    snprintf(url, sizeof url, "redis://statsd:secret@127.0.0.1:%u/0", shared.port);
    struct sink *s = open_sink(url, "a", &(struct redis_opts){ .events_max = 10 });
    for (int i = 0; i < 2; i++) {
        struct fake_snapshot f;
        fake_snapshot_init(&f, T0);
        struct members *users = fake_snapshot_set(&f, "users");
        for (uint64_t m = 1; m < 4000; m++)
            members_add(users, m << 32 | m);
        fake_snapshot_give(&f, s, false);
        fake_snapshot_release(&f);
        feed(s, i, false);
        const struct event_entry check = { .kind = CHECK_ENTRY, .seq = 1, .title = SLICE_LIT("x") };
        s->entry(s, &check);
    }
    drain(s);
    expect_exact(&shared, 2, 1);
    assert_int_equal(stats(s).events_appended, 2);
    assert_int_equal(stats(s).errors, 0);
    shut(s);
}

/*
 * End all connections after Redis has run commands of theirs and before it has written the answers:
 * it reads ours and the admin's in one turn of its loop, because it is stopped while both are
 * written.
 */
static int kill_unanswered(struct redis_server *at)
{
    redisReply *r = NULL;
    int done = 0;
    kill(at->pid, SIGSTOP);
    for (int k = 0; k < 3; k++)
        uv_run(&loop, UV_RUN_NOWAIT);
    redisAppendCommand(at->admin, "CLIENT KILL TYPE normal SKIPME yes");
    while (!done)
        assert_int_equal(redisBufferWrite(at->admin, &done), REDIS_OK);
    kill(at->pid, SIGCONT);
    assert_int_equal(redisGetReply(at->admin, (void **)&r), REDIS_OK);
    int n = (int)r->integer;
    freeReplyObject(r);
    return n;
}

static void connections_killed_all_the_time_leave_exact_sums(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    struct sink *a = open_sink(shared.url, "a", NULL), *b = open_sink(shared.url, "b", NULL);
    int killed = 0;
    for (int i = 0; i < 12; i++) {
        assert_true(loop_until(&loop, is_connected, a, 5000));
        feed(a, i, false);
        feed(b, i, false);
        for (int k = i % 5; k > 0; k--)
            uv_run(&loop, UV_RUN_NOWAIT);
        killed += kill_unanswered(&shared);
    }
    drain(a);
    drain(b);
    expect_exact(&shared, 12, 2);
    expect_log(&shared, "a", 12);
    assert_true(killed > 0);
    assert_true(stats(a).disconnects > 0);
    assert_true(stats(a).batches_resent > 0);
    assert_true(stats(a).batches_duplicate + stats(b).batches_duplicate > 0);
    assert_int_equal(stats(a).gaps, 0);
    a->close(a);
    shut(b);
}

static void redis_may_come_later(void **state)
{
    struct redis_server late;
    (void)state;
    redis_server_init(&late, NULL);
    struct sink *s = open_sink(late.url, "a", NULL);
    for (int i = 0; i < 3; i++)
        feed(s, i, false);
    loop_for(&loop, 20);
    assert_false(s->idle(s));
    assert_int_equal(stats(s).spool_batches, 3 * shards_used());
    assert_true(stats(s).connect_failures > 0);
    redis_server_start(&late);
    drain(s);
    expect_exact(&late, 3, 1);
    shut(s);
    redis_server_release(&late);
}

static bool has_disconnected(void *cookie)
{
    return stats(cookie).disconnects > 0;
}

static void a_frozen_redis_loses_and_doubles_nothing(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    struct sink *s = open_sink(
        shared.url, "a", &(struct redis_opts){ .reply_timeout_ms = 60, .connect_timeout_ms = 60 });
    feed(s, 0, false);
    drain(s);
    kill(shared.pid, SIGSTOP);
    for (int i = 1; i < 4; i++)
        feed(s, i, false);
    assert_true(loop_until(&loop, has_disconnected, s, 5000));
    kill(shared.pid, SIGCONT);
    drain(s);
    expect_exact(&shared, 4, 1);
    shut(s);
}

/* The loop's thread merges and renders too.  What it is late for itself is not Redis' silence. */
static void a_busy_loop_is_not_taken_for_a_silent_redis(void **state)
{
    enum { TIMEOUT_MS = 60, BUSY_MS = 150 };
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    struct sink *s =
        open_sink(shared.url, "a", &(struct redis_opts){ .reply_timeout_ms = TIMEOUT_MS });
    feed(s, 0, false);
    drain(s);
    uv_sleep(BUSY_MS); /* before the commands are sent */
    feed(s, 1, false);
    drain(s);
    assert_int_equal(stats(s).disconnects, 0);
    feed(s, 2, false);
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_sleep(BUSY_MS); /* while the answers come */
    drain(s);
    assert_int_equal(stats(s).disconnects, 0);
    expect_exact(&shared, 3, 1);
    shut(s);
}

static void a_restart_of_redis_loses_and_doubles_nothing(void **state)
{
    struct redis_server durable;
    (void)state;
    redis_server_init(&durable, &(struct redis_server_opts){ .appendonly = true });
    redis_server_start(&durable);
    struct sink *s = open_sink(durable.url, "a", NULL);
    for (int i = 0; i < 9; i++) {
        feed(s, i, false);
        for (int k = 0; k < i; k++)
            uv_run(&loop, UV_RUN_NOWAIT);
        if (i % 3 == 1) {
            assert_true(loop_until(&loop, is_connected, s, 5000));
            redis_server_stop(&durable);
            feed(s, ++i, false);
            redis_server_start(&durable); /* it does not know the script any more either */
        }
    }
    drain(s);
    expect_exact(&durable, 9, 1);
    assert_int_equal(stats(s).disconnects, 3);
    assert_int_equal(stats(s).intervals_applied, 9);
    shut(s);
    redis_server_release(&durable);
}

static void a_forgotten_script_is_loaded_again(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    struct sink *s = open_sink(shared.url, "a", NULL);
    feed(s, 0, false);
    drain(s);
    freeReplyObject(redis_server_reply(&shared, "SCRIPT FLUSH"));
    feed(s, 1, false);
    drain(s);
    expect_exact(&shared, 2, 1);
    shut(s);
}

/* Copies every key of ours to backup:<key>, or back. */
static const char save_script[] = "for _,k in ipairs(redis.call('KEYS','{sd:*')) do "
                                  "redis.call('COPY',k,'backup:'..k,'REPLACE') end";
static const char rewind_script[] =
    "for _,k in ipairs(redis.call('KEYS','{sd:*')) do redis.call('DEL',k) end "
    "for _,k in ipairs(redis.call('KEYS','backup:*')) do "
    "redis.call('COPY',k,string.sub(k,8),'REPLACE') end";

static void acknowledged_writes_that_redis_lost_are_repaired(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    struct sink *s = open_sink(shared.url, "a", NULL);
    feed(s, 0, false);
    drain(s);
    freeReplyObject(redis_server_reply(&shared, "EVAL %s 0", save_script));
    feed(s, 1, false);
    feed(s, 2, false);
    drain(s);
    /* A replica that was behind took over. */
    freeReplyObject(redis_server_reply(&shared, "EVAL %s 0", rewind_script));
    feed(s, 3, false);
    drain(s);
    expect_exact(&shared, 4, 1);
    expect_log(&shared, "a", 4);
    assert_int_equal(stats(s).gaps, shards_used());
    assert_int_equal(stats(s).epochs, 0);
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    feed(s, 4, false); /* all is gone; the last 15 s were kept, and that is all there was */
    drain(s);
    expect_exact(&shared, 5, 1);
    shut(s);
}

static void
past_the_spool_limit_intervals_are_dropped_and_counted_and_their_totals_stay(void **state)
{
    struct redis_server late;
    (void)state;
    redis_server_init(&late, NULL);
    struct sink *s = open_sink(late.url, "a", &(struct redis_opts){ .spool_max_bytes = 400000 });
    int fed = 0;
    while (stats(s).intervals_dropped < 4)
        feed(s, fed++, false);
    struct redis_stats st = stats(s);
    assert_true(fed > 4);
    assert_in_range(st.series_dropped, 3 * 3 * NAMES + 1, 4 * 3 * NAMES);
    assert_int_equal(st.series_carried, st.series_dropped);
    assert_true(st.spool_bytes <= 400000);
    redis_server_start(&late);
    drain(s);
    double want = 0;
    for (int i = 0; i < fed; i++)
        want += 1 + i;
    for (int n = 0; n < NAMES; n += 7) {
        char key[64];
        snprintf(key, sizeof key, "m%d.hits|#env:test", n);
        assert_true(field_number(&late, "tot", "c|", key) == want);
        snprintf(key, sizeof key, "m%d.load", n);
        assert_true(field_number(&late, "tot", "g|", key) == fed);
    }
    st = stats(s);
    assert_int_equal(st.intervals_queued, fed);
    assert_int_equal(st.intervals_applied + st.intervals_dropped, fed);
    assert_int_equal(st.gaps, 0);
    shut(s);
    redis_server_release(&late);
}

static void a_key_of_the_wrong_type_costs_its_batch_and_no_more(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    unsigned nn = shard_of("m0.hits");
    freeReplyObject(redis_server_reply(&shared, "SET {sd:%02u}:i:%d spoiled", nn, T0));
    freeReplyObject(redis_server_reply(&shared, "SET {sd:%02u}:i:%d spoiled", nn, T0 + 10));
    struct sink *s = open_sink(shared.url, "a", NULL);
    feed(s, 0, false);
    feed(s, 1, false);
    feed(s, 2, false);
    drain(s);
    assert_true(field_number(&shared, "tot", "c|", "m0.hits|#env:test") == 3);
    for (int n = 0; n < NAMES; n++) {
        char key[32];
        snprintf(key, sizeof key, "m%d.hits|#env:test", n);
        assert_true(field_number(&shared, "tot", "c|", key) == (shard_of(key) == nn ? 3 : 6));
    }
    struct redis_stats st = stats(s);
    assert_int_equal(st.errors, 2);
    assert_true(st.series_dropped > 0);
    assert_int_equal(st.series_dropped + st.series_applied, 3 * 3 * NAMES);
    assert_int_equal(st.intervals_applied, 3);
    assert_int_equal(st.disconnects, 0);
    shut(s);
}

static void a_full_redis_is_waited_for(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    struct sink *s = open_sink(shared.url, "a", NULL);
    feed(s, 0, false);
    drain(s);
    freeReplyObject(redis_server_reply(&shared, "CONFIG SET maxmemory 1"));
    feed(s, 1, false);
    assert_true(loop_until(&loop, has_disconnected, s, 5000));
    assert_false(s->idle(s));
    freeReplyObject(redis_server_reply(&shared, "CONFIG SET maxmemory 0"));
    drain(s);
    expect_exact(&shared, 2, 1);
    shut(s);
}

static void an_interval_waits_its_turn_and_the_final_one_does_not(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    /* crc16("b") is 0x3653, so the turn of b comes after 0.212 of a quarter of the interval: 424
     * ms */
    struct sink *s = open_sink(shared.url, "b", &(struct redis_opts){ .interval_ms = 8000 });
    assert_true(loop_until(&loop, is_connected, s, 5000));
    uint64_t before_ns = uv_hrtime();
    feed(s, 0, false);
    drain(s);
    assert_in_range((uv_hrtime() - before_ns) / 1000000, 400, 1500);
    feed(s, 1, false);
    before_ns = uv_hrtime();
    feed(s, 2, true);
    drain(s);
    assert_true((uv_hrtime() - before_ns) / 1000000 < 300);
    expect_exact(&shared, 3, 1);
    shut(s);
}

static void a_restarted_instance_goes_on_as_a_new_producer(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    for (int i = 0; i < 3; i++) {
        struct sink *s = open_sink(shared.url, "a", NULL);
        feed(s, i, true);
        drain(s);
        assert_int_equal(stats(s).rivals, 0);
        shut(s);
    }
    expect_exact(&shared, 3, 1);
}

static void closing_with_work_left_is_safe(void **state)
{
    (void)state;
    for (int steps = 0; steps < 8; steps++) {
        struct sink *s = open_sink(shared.url, "a", NULL);
        feed(s, 0, false);
        for (int i = 0; i < steps; i++)
            uv_run(&loop, UV_RUN_NOWAIT);
        shut(s);
    }
}

/* A snapshot of the state may begin between two slices of an interval. */
static void what_is_left_is_told_while_an_interval_comes_in(void **state)
{
    struct sink *s = open_sink(shared.url, "slices", NULL);
    const struct snapshot snap = { .start_s = T0 };
    struct sink_amount left;
    (void)state;
    s->left(s, &left);
    assert_int_equal(left.intervals, 0);
    s->begin(s, &snap, false);
    s->left(s, &left);
    assert_int_equal(left.intervals, 1);
    s->end(s);
    shut(s);
}

/* ---- two of one name ---- */

static bool both_idle(void *cookie)
{
    struct sink **s = cookie;
    return s[0]->idle(s[0]) && s[1]->idle(s[1]);
}

/* As of a machine that was copied: one id, one instance name. */
static void two_servers_with_one_identity_are_both_exact_and_it_is_counted(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
        const struct redis_opts one_id = { .id = "0123456789abcdef0123456789abcdef" };
        struct sink *s[2] = { open_sink(shared.url, "a", &one_id),
                              open_sink(shared.url, "a", &one_id) };
        for (int i = 0; i < 6; i++) {
            feed(s[0], i, false);
            feed(s[1], i, false);
            for (int k = 0; k < round; k++)
                uv_run(&loop, UV_RUN_NOWAIT);
            if (i % 2 == 1)
                kill_unanswered(&shared);
        }
        assert_true(loop_until(&loop, both_idle, s, 20000));
        expect_exact(&shared, 6, 2);
        expect_log(&shared, "a", 12);
        assert_true(stats(s[0]).foreign + stats(s[1]).foreign > 0);
        assert_int_equal(stats(s[0]).series_dropped + stats(s[1]).series_dropped, 0);
        s[0]->close(s[0]);
        shut(s[1]);
    }
}

static void two_live_servers_of_one_instance_name_are_both_exact_and_it_is_counted(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    struct sink *s[2] = { open_sink(shared.url, "a", NULL), open_sink(shared.url, "a", NULL) };
    for (int i = 0; i < 4; i++) {
        feed(s[0], i, false);
        drain(s[0]);
        feed(s[1], i, false);
        drain(s[1]);
    }
    expect_exact(&shared, 4, 2);
    assert_int_equal(stats(s[0]).rivals, 3);
    assert_int_equal(stats(s[1]).rivals, 3);
    assert_int_equal(stats(s[0]).batches_duplicate + stats(s[0]).foreign, 0);
    s[0]->close(s[0]);
    shut(s[1]);
}

/* ---- rights ---- */

static bool has_errors(void *cookie)
{
    return stats(cookie).errors > 0;
}

static void a_right_taken_away_loses_nothing_and_the_sink_goes_on_when_it_is_back(void **state)
{
    static const char *const commands[] = { "evalsha", "time",  "get",  "set", "del",
                                            "expire",  "hmget", "hset", "xadd" };
    char url[128];
    (void)state;
    snprintf(url, sizeof url, "redis://taken:pw@127.0.0.1:%u/0", shared.port);
    for (size_t c = 0; c < ARRAY_LEN(commands); c++) {
        bool needed = strcmp(commands[c], "del") != 0; /* it is for sets */
        freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
        freeReplyObject(redis_server_reply(&shared, "ACL SETUSER taken reset on >pw ~{sd:* +@all"));
        struct sink *s = open_sink(url, "a", NULL);
        feed(s, 0, false);
        drain(s);
        freeReplyObject(redis_server_reply(&shared, "ACL SETUSER taken -%s", commands[c]));
        feed(s, 1, false);
        feed(s, 2, false);
        if (needed && !loop_until(&loop, has_errors, s, 5000))
            fail_msg("without %s nothing is missing", commands[c]);
        assert_int_equal(s->idle(s), false);
        assert_int_equal(stats(s).series_dropped, 0);
        freeReplyObject(redis_server_reply(&shared, "ACL SETUSER taken +%s", commands[c]));
        drain(s);
        expect_exact(&shared, 3, 1);
        expect_log(&shared, "a", 3);
        assert_int_equal(stats(s).series_dropped, 0);
        assert_int_equal(stats(s).intervals_applied, 3);
        shut(s);
    }
}

/* ---- what Redis forgets ---- */

static void producer_keys_deleted_while_the_totals_stay_double_nothing(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    struct sink *s = open_sink(shared.url, "a", NULL);
    for (int i = 0; i < 3; i++)
        feed(s, i, false);
    drain(s);
    static const char forget[] = "for _,k in ipairs(redis.call('KEYS','{sd:*}:p:*')) do "
                                 "redis.call('DEL',k) end";
    freeReplyObject(redis_server_reply(&shared, "EVAL %s 0", forget));
    feed(s, 3, false);
    drain(s);
    expect_exact(&shared, 4, 1);
    struct redis_stats st = stats(s);
    assert_int_equal(st.forgotten, shards_used());
    assert_int_equal(st.lost_batches + st.series_dropped, 0);
    shut(s);
}

static void what_is_lost_beyond_what_is_kept_is_counted(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    /* A quarter of it is kept: not even one interval. */
    struct sink *s = open_sink(shared.url, "a", &(struct redis_opts){ .spool_max_bytes = 100000 });
    for (int i = 0; i < 3; i++) {
        feed(s, i, false);
        drain(s);
    }
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    feed(s, 3, false);
    drain(s);
    struct redis_stats st = stats(s);
    double there = 0;
    for (int n = 0; n < NAMES; n++) {
        char key[64];
        snprintf(key, sizeof key, "m%d.load", n);
        there += field_number(&shared, "tot", "g|", key); /* +1 for each interval that is there */
    }
    assert_true(there < 4 * NAMES && there >= NAMES);
    assert_true(st.lost_series >= (uint64_t)(4 * NAMES - there));
    assert_true(st.lost_series <= 3 * 3 * NAMES);
    assert_in_range(st.lost_batches, 1, 3 * shards_used());
    assert_in_range(st.lost_intervals, 2, 3);
    assert_int_equal(st.forgotten, 0);
    shut(s);
}

static void nothing_is_in_redis_before_the_first_data_and_little_after_the_last(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    for (int i = 0; i < 20; i++) {
        struct fake_snapshot f;
        struct sink *s = open_sink(shared.url, "a", NULL);
        fake_snapshot_init(&f, T0 + 10 * i);
        fake_snapshot_give(&f, s, true);
        fake_snapshot_release(&f);
        drain(s);
        assert_int_equal(stats(s).intervals_applied, 1);
        shut(s);
    }
    assert_int_equal(redis_server_integer(&shared, "DBSIZE"), 0);
    static const char longest[] = "local m=0 for _,k in ipairs(redis.call('KEYS','{sd:*}:p:*')) do "
                                  "m=math.max(m,redis.call('TTL',k)) end return m";
    struct sink *s = open_sink(shared.url, "a", NULL);
    feed(s, 0, false);
    drain(s);
    assert_in_range(redis_server_integer(&shared, "EVAL %s 0", longest), 3600, 5000);
    feed(s, 1, true); /* a clean stop: nobody sends these again */
    drain(s);
    assert_in_range(redis_server_integer(&shared, "EVAL %s 0", longest), 1, 60);
    shut(s);
}

static int start(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    redis_server_init(&shared, &(struct redis_server_opts){ .tcp = true });
    redis_server_start(&shared);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_server_release(&shared);
    return uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(two_instances_make_one_sum),
        cmocka_unit_test(the_bytes_of_a_password_and_a_db_reach_redis),
        cmocka_unit_test(the_documented_acl_is_enough),
        cmocka_unit_test(connections_killed_all_the_time_leave_exact_sums),
        cmocka_unit_test(redis_may_come_later),
        cmocka_unit_test(a_frozen_redis_loses_and_doubles_nothing),
        cmocka_unit_test(a_busy_loop_is_not_taken_for_a_silent_redis),
        cmocka_unit_test(a_restart_of_redis_loses_and_doubles_nothing),
        cmocka_unit_test(a_forgotten_script_is_loaded_again),
        cmocka_unit_test(acknowledged_writes_that_redis_lost_are_repaired),
        cmocka_unit_test(
            past_the_spool_limit_intervals_are_dropped_and_counted_and_their_totals_stay),
        cmocka_unit_test(a_key_of_the_wrong_type_costs_its_batch_and_no_more),
        cmocka_unit_test(a_full_redis_is_waited_for),
        cmocka_unit_test(an_interval_waits_its_turn_and_the_final_one_does_not),
        cmocka_unit_test(a_restarted_instance_goes_on_as_a_new_producer),
        cmocka_unit_test(closing_with_work_left_is_safe),
        cmocka_unit_test(what_is_left_is_told_while_an_interval_comes_in),
        cmocka_unit_test(two_servers_with_one_identity_are_both_exact_and_it_is_counted),
        cmocka_unit_test(two_live_servers_of_one_instance_name_are_both_exact_and_it_is_counted),
        cmocka_unit_test(a_right_taken_away_loses_nothing_and_the_sink_goes_on_when_it_is_back),
        cmocka_unit_test(producer_keys_deleted_while_the_totals_stay_double_nothing),
        cmocka_unit_test(what_is_lost_beyond_what_is_kept_is_counted),
        cmocka_unit_test(nothing_is_in_redis_before_the_first_data_and_little_after_the_last),
    };
    return cmocka_run_group_tests_name("redis_sink", tests, start, stop);
}
