/*
 * Events and checks beside the ledger, against a real Redis that is cut, refuses and fills: each is
 * in its stream at least once, repeats have one id, and the ledger's sums stay exact.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/event_log.h"
#include "base/slice.h"
#include "sinks/redis.h"
#include "sinks/redis/keys.h"
#include "support/fake_snapshot.h"
#include "support/loop_until.h"
#include "support/redis_server.h"

enum { T0 = 1700000000, KEEP = 10, IDS = 4096 };

static const char *const streams[] = { "{sd:events}:log", "{sd:checks}:log" };

static uv_loop_t loop;
static struct redis_server shared;

/* A sink that an event log feeds. */
struct rig {
    struct sink *sink;
    struct event_log *log;
    int intervals; /* fed, each with 1 of the counter `hits` */
};

static void on_added(void *cookie, const struct event_entry *e)
{
    struct sink *s = ((struct rig *)cookie)->sink;
    s->entry(s, e);
}

static void rig_init(struct rig *r, const char *url, uint32_t events_max)
{
    const struct redis_opts o = { .url = url,
                                  .prefix = "sd",
                                  .instance = "a",
                                  .retention_s = 600,
                                  .interval_ms = 4,
                                  .spool_max_bytes = 64 << 20,
                                  .spool_max_age_ms = 600000,
                                  .events_max = events_max,
                                  .reply_timeout_ms = 1000 };
    memset(r, 0, sizeof *r);
    freeReplyObject(redis_server_reply(&shared, "FLUSHALL"));
    assert_int_equal(redis_sink_new(&loop, &o, &r->sink), 0);
    r->log = event_log_new(KEEP);
    event_log_tell(r->log, on_added, r);
}

static void rig_release(struct rig *r)
{
    event_log_free(r->log);
    r->sink->close(r->sink);
    assert_true(loop_drain(&loop, 5000));
}

static struct redis_stats stats(const struct rig *r)
{
    struct redis_stats st;
    redis_sink_stats(r->sink, &st);
    return st;
}

static bool is_idle(void *cookie)
{
    const struct rig *r = cookie;
    return r->sink->idle(r->sink);
}

static bool is_connected(void *cookie)
{
    return stats(cookie).connected;
}

static bool has_disconnected(void *cookie)
{
    return stats(cookie).disconnects > 0;
}

static bool has_errors(void *cookie)
{
    return stats(cookie).errors > 0;
}

static bool nothing_waits(void *cookie)
{
    return stats(cookie).events_waiting == 0;
}

static void drain(struct rig *r)
{
    if (!loop_until(&loop, is_idle, r, 20000))
        fail_msg("not idle: %llu batches and %llu entries wait",
                 (unsigned long long)stats(r).spool_batches,
                 (unsigned long long)stats(r).events_waiting);
}

static void add(struct rig *r, enum event_kind kind, const char *title)
{
    const struct event_entry e = { .kind = kind,
                                   .received_ms = T0 * 1000ull,
                                   .title = slice_str(title),
                                   .text = SLICE_LIT("text"),
                                   .priority = kind == EVENT_ENTRY ? "normal" : NULL,
                                   .alert_type = kind == EVENT_ENTRY ? "info" : NULL };
    event_log_add(r->log, &e);
}

static void add_many(struct rig *r, unsigned n)
{
    while (n-- > 0)
        add(r, n % 4 == 0 ? CHECK_ENTRY : EVENT_ENTRY, "t");
}

static void feed(struct rig *r, bool final)
{
    struct fake_snapshot f;
    fake_snapshot_init(&f, T0 + 10 * r->intervals++);
    fake_snapshot_counter(&f, "hits", 1);
    fake_snapshot_give(&f, r->sink, final);
    fake_snapshot_release(&f);
}

static void expect_exact(const struct rig *r)
{
    char *got = redis_server_text(&shared, "HGET {sd:%02u}:tot c|hits",
                                  redis_keys_shard(SLICE_LIT("hits")));
    assert_int_equal(got != NULL ? atoi(got) : 0, r->intervals);
    free(got);
}

static const char *field_of(const redisReply *entry, const char *name)
{
    const redisReply *fields = entry->element[1];
    for (size_t i = 0; i < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    return NULL;
}

/* How often each seq is in the streams; the same id never has another content. */
static unsigned read_streams(unsigned times[IDS])
{
    unsigned n = 0;
    char producer[64] = "";
    memset(times, 0, IDS * sizeof times[0]);
    for (size_t k = 0; k < ARRAY_LEN(streams); k++) {
        redisReply *all = redis_server_reply(&shared, "XRANGE %s - +", streams[k]);
        for (size_t i = 0; i < all->elements; i++, n++) {
            const char *id = field_of(all->element[i], "id");
            assert_int_equal(strcspn(id, "-"), 32);
            assert_true(producer[0] == '\0' || strncmp(id, producer, 33) == 0);
            snprintf(producer, sizeof producer, "%.33s", id);
            unsigned long seq = strtoul(id + 33, NULL, 10);
            assert_in_range(seq, 1, IDS - 1);
            times[seq]++;
        }
        freeReplyObject(all);
    }
    return n;
}

/* seqs 1 .. n are there, each at least once.  returns  the repeats */
static unsigned expect_each(unsigned n)
{
    unsigned times[IDS];
    unsigned there = read_streams(times);
    for (unsigned seq = 1; seq <= n; seq++)
        if (times[seq] == 0)
            fail_msg("entry %u of %u is not there", seq, n);
    return there - n;
}

/* ---- tests ---- */

static void entries_come_into_their_streams_with_their_fields(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, shared.url, 1000);
    assert_true(is_idle(&r));
    add(&r, EVENT_ENTRY, "deploy");
    assert_false(is_idle(&r));
    add(&r, CHECK_ENTRY, "db.up");
    drain(&r);
    assert_int_equal(expect_each(2), 0);
    redisReply *all = redis_server_reply(&shared, "XRANGE {sd:events}:log - +");
    assert_int_equal(all->elements, 1);
    assert_string_equal(field_of(all->element[0], "title"), "deploy");
    assert_string_equal(field_of(all->element[0], "instance"), "a");
    assert_string_equal(field_of(all->element[0], "received_ms"), "1700000000000");
    assert_string_equal(field_of(all->element[0], "tags"), "[]");
    freeReplyObject(all);
    struct redis_stats s = stats(&r);
    assert_int_equal(s.events_appended, 2);
    assert_int_equal(s.events_resent + s.events_dropped + s.events_refused + s.errors, 0);
    assert_true(s.bytes_sent > 300);
    rig_release(&r);
}

static void nothing_is_sent_when_it_is_off(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, shared.url, 0);
    add_many(&r, 20);
    assert_true(is_idle(&r));
    feed(&r, true);
    drain(&r);
    expect_exact(&r);
    assert_int_equal(redis_server_integer(&shared, "EXISTS %s %s", streams[0], streams[1]), 0);
    assert_int_equal(stats(&r).events_appended + stats(&r).events_dropped, 0);
    rig_release(&r);
}

static void a_stream_keeps_about_the_newest(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, shared.url, 200);
    for (int i = 0; i < 1500; i++) {
        add(&r, EVENT_ENTRY, "t");
        if (i % 100 == 99)
            drain(&r);
    }
    drain(&r);
    assert_in_range(redis_server_integer(&shared, "XLEN %s", streams[0]), 200, 300);
    unsigned times[IDS];
    read_streams(times);
    for (unsigned seq = 1301; seq <= 1500; seq++)
        assert_int_equal(times[seq], 1);
    rig_release(&r);
}

/* As in test_sink.c: ended after Redis has run commands and before it has written the answers. */
static void kill_unanswered(struct redis_server *at)
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
    freeReplyObject(r);
}

static void connections_killed_all_the_time_leave_each_entry_there_and_exact_sums(void **state)
{
    struct rig r;
    unsigned n = 0;
    (void)state;
    rig_init(&r, shared.url, 10000);
    for (int i = 0; i < 12; i++) {
        assert_true(loop_until(&loop, is_connected, &r, 5000));
        feed(&r, false);
        add_many(&r, 30);
        n += 30;
        for (int k = i % 5; k > 0; k--)
            uv_run(&loop, UV_RUN_NOWAIT);
        kill_unanswered(&shared);
    }
    drain(&r);
    expect_exact(&r);
    unsigned repeats = expect_each(n);
    assert_true(repeats > 0);
    assert_true(repeats <= stats(&r).events_resent);
    assert_int_equal(stats(&r).events_appended, n);
    assert_int_equal(stats(&r).events_dropped + stats(&r).events_refused, 0);
    rig_release(&r);
}

/* Were entries sent behind batches that are refused each time, each attempt would repeat them. */
static void a_ledger_that_is_refused_neither_stops_nor_repeats_entries(void **state)
{
    struct rig r;
    char url[128];
    (void)state;
    snprintf(url, sizeof url, "redis://taken:pw@127.0.0.1:%u/0", shared.port);
    freeReplyObject(
        redis_server_reply(&shared, "ACL SETUSER taken reset on >pw ~{sd:* +@all -evalsha"));
    rig_init(&r, url, 10000);
    for (int i = 0; i < 5; i++)
        feed(&r, false);
    add_many(&r, 100); /* more than the windows of one attempt */
    assert_true(loop_until(&loop, nothing_waits, &r, 20000));
    assert_true(stats(&r).disconnects > 1);
    assert_int_equal(expect_each(100), 0);
    assert_int_equal(stats(&r).events_resent, 0);
    assert_false(is_idle(&r));
    freeReplyObject(redis_server_reply(&shared, "ACL SETUSER taken +evalsha"));
    drain(&r);
    expect_exact(&r);
    rig_release(&r);
}

static void keys_that_may_not_be_written_hold_up_their_entries_alone(void **state)
{
    struct rig r;
    char url[128];
    (void)state;
    snprintf(url, sizeof url, "redis://taken:pw@127.0.0.1:%u/0", shared.port);
    freeReplyObject(redis_server_reply(
        &shared, "ACL SETUSER taken reset on >pw ~{sd:checks}* ~{sd:0* ~{sd:1* ~{sd:2* ~{sd:3* "
                 "~{sd:4* ~{sd:5* ~{sd:6* +@all"));
    rig_init(&r, url, 10000);
    add(&r, EVENT_ENTRY, "waits");
    assert_true(loop_until(&loop, has_errors, &r, 5000));
    add(&r, CHECK_ENTRY, "goes");
    for (int i = 0; i < 3; i++)
        feed(&r, false);
    loop_for(&loop, 100);
    expect_exact(&r);
    assert_int_equal(redis_server_integer(&shared, "XLEN %s", streams[1]), 1);
    assert_int_equal(stats(&r).events_waiting, 1);
    assert_int_equal(stats(&r).disconnects, 0);
    assert_int_equal(stats(&r).spool_batches, 0);
    freeReplyObject(redis_server_reply(&shared, "ACL SETUSER taken ~{sd:*"));
    drain(&r);
    assert_int_equal(expect_each(2), 0);
    assert_int_equal(stats(&r).events_resent + stats(&r).events_refused, 0);
    rig_release(&r);
}

static void a_key_that_is_no_stream_costs_its_entries_and_no_more(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, shared.url, 10000);
    freeReplyObject(redis_server_reply(&shared, "SET %s spoiled", streams[0]));
    add_many(&r, 40); /* 10 of them checks */
    feed(&r, false);
    drain(&r);
    expect_exact(&r);
    assert_int_equal(stats(&r).events_refused, 30);
    assert_int_equal(stats(&r).events_appended, 10);
    assert_int_equal(stats(&r).disconnects, 0);
    freeReplyObject(redis_server_reply(&shared, "DEL %s", streams[0]));
    add(&r, EVENT_ENTRY, "t");
    drain(&r);
    assert_int_equal(redis_server_integer(&shared, "XLEN %s", streams[0]), 1);
    rig_release(&r);
}

static void a_full_redis_is_waited_for(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, shared.url, 10000);
    assert_true(loop_until(&loop, is_connected, &r, 5000));
    freeReplyObject(redis_server_reply(&shared, "CONFIG SET maxmemory 1"));
    add_many(&r, 40);
    assert_true(loop_until(&loop, has_errors, &r, 5000));
    assert_int_equal(stats(&r).disconnects, 0);
    freeReplyObject(redis_server_reply(&shared, "CONFIG SET maxmemory 0"));
    drain(&r);
    assert_int_equal(expect_each(40), 0);
    rig_release(&r);
}

/* The ledger may have nothing to send, so nobody else would find out. */
static void a_master_that_became_a_replica_is_left(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, shared.url, 10000);
    assert_true(loop_until(&loop, is_connected, &r, 5000));
    freeReplyObject(redis_server_reply(&shared, "REPLICAOF 127.0.0.1 1"));
    add_many(&r, 40);
    assert_true(loop_until(&loop, has_disconnected, &r, 5000));
    freeReplyObject(redis_server_reply(&shared, "REPLICAOF NO ONE"));
    drain(&r);
    assert_int_equal(expect_each(40), 0);
    rig_release(&r);
}

static void what_is_left_at_a_stop_is_told_and_counted(void **state)
{
    struct rig r;
    struct redis_server away;
    struct sink_amount left;
    (void)state;
    redis_server_init(&away, NULL);
    rig_init(&r, away.url, 10);
    add_many(&r, 40); /* 10 checks and 30 events, of which 10 may wait */
    feed(&r, true);
    r.sink->left(r.sink, &left);
    assert_int_equal(left.entries, 20);
    assert_int_equal(left.unsure, 0);
    assert_int_equal(stats(&r).events_dropped, 20);
    assert_false(is_idle(&r));
    r.sink->give_up(r.sink);
    assert_int_equal(stats(&r).events_dropped, 40);
    rig_release(&r);
    redis_server_release(&away);
}

static void closing_with_entries_on_their_way_is_safe(void **state)
{
    (void)state;
    for (int steps = 0; steps < 8; steps++) {
        struct rig r;
        rig_init(&r, shared.url, 10);
        add_many(&r, 8);
        feed(&r, false);
        for (int i = 0; i < steps; i++)
            uv_run(&loop, UV_RUN_NOWAIT);
        rig_release(&r);
    }
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
        cmocka_unit_test(entries_come_into_their_streams_with_their_fields),
        cmocka_unit_test(nothing_is_sent_when_it_is_off),
        cmocka_unit_test(a_stream_keeps_about_the_newest),
        cmocka_unit_test(connections_killed_all_the_time_leave_each_entry_there_and_exact_sums),
        cmocka_unit_test(a_ledger_that_is_refused_neither_stops_nor_repeats_entries),
        cmocka_unit_test(keys_that_may_not_be_written_hold_up_their_entries_alone),
        cmocka_unit_test(a_key_that_is_no_stream_costs_its_entries_and_no_more),
        cmocka_unit_test(a_full_redis_is_waited_for),
        cmocka_unit_test(a_master_that_became_a_replica_is_left),
        cmocka_unit_test(what_is_left_at_a_stop_is_told_and_counted),
        cmocka_unit_test(closing_with_entries_on_their_way_is_safe),
    };
    return cmocka_run_group_tests_name("redis_sink_events", tests, start, stop);
}
