/* The queues of events and checks against a model of Redis that answers as the test pleases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "sinks/redis/append.h"

enum { WIRE = 64, SEQS = 20000 };

struct model {
    struct redis_append *append;
    struct redis_entry *wire[WIRE]; /* sent, not answered */
    size_t n_wire;
    bool down; /* send() refuses */
    uint64_t now_ms, seq;
    unsigned times[SEQS]; /* how often the stream has it */
    uint64_t at[SEQS];    /* where it is for the last time */
    uint64_t n[EVENT_KINDS];
    uint64_t farthest; /* of a repeat from the one before */
};

static bool send_entry(void *cookie, struct redis_entry *e)
{
    struct model *m = cookie;
    if (m->down)
        return false;
    assert_true(m->n_wire < WIRE);
    m->wire[m->n_wire++] = e;
    return true;
}

static void model_init(struct model *m, uint32_t max_entries, uint64_t max_bytes)
{
    memset(m, 0, sizeof *m);
    m->now_ms = 1000000;
    const struct redis_append_opts o = {
        .origin = { .prefix = "sd", .instance = "a", .id = "ID", .max_entries = max_entries },
        .max_bytes = max_bytes,
        .seed = 1,
        .cookie = m,
        .send = send_entry,
    };
    m->append = redis_append_new(&o);
}

static void take_of(struct model *m, enum event_kind kind, size_t bytes)
{
    static const char pad[65536];
    const struct event_entry e = { .kind = kind,
                                   .seq = ++m->seq,
                                   .title = SLICE_LIT("t"),
                                   .text = slice_of(pad, bytes),
                                   .priority = "normal",
                                   .alert_type = "info" };
    redis_append_take(m->append, &e, m->now_ms);
}

static void take(struct model *m, unsigned n)
{
    while (n-- > 0)
        take_of(m, EVENT_ENTRY, 0);
}

static uint64_t pump(struct model *m)
{
    return redis_append_pump(m->append, m->now_ms);
}

static uint64_t seq_of(const struct redis_entry *e)
{
    const char *id = memmem(e->bytes, e->len, "\r\nID-", 5);
    assert_non_null(id);
    return strtoull(id + 5, NULL, 10);
}

/* Redis runs it. */
static void append(struct model *m, const struct redis_entry *e)
{
    uint64_t seq = seq_of(e), at = ++m->n[e->kind];
    if (m->times[seq]++ > 0 && at - m->at[seq] > m->farthest)
        m->farthest = at - m->at[seq];
    m->at[seq] = at;
}

/* The answer to the oldest on the wire.  text: of LATER and FAILED.  returns  its seq */
static uint64_t answer(struct model *m, enum redis_verdict_kind kind, const char *text)
{
    struct redis_entry *e = m->wire[0];
    uint64_t seq = seq_of(e);
    const struct redis_verdict v = { .kind = kind, .text = text };
    assert_true(m->n_wire > 0);
    memmove(m->wire, m->wire + 1, --m->n_wire * sizeof m->wire[0]);
    if (kind == REDIS_VERDICT_APPLIED)
        append(m, e);
    redis_append_answer(m->append, e, &v, m->now_ms);
    return seq;
}

static uint64_t applied(struct model *m)
{
    return answer(m, REDIS_VERDICT_APPLIED, NULL);
}

/* The connection ends; of what was on the wire, Redis ran the first `ran`. */
static void cut(struct model *m, size_t ran)
{
    for (; m->n_wire > 0; ran -= ran > 0) {
        if (ran > 0)
            append(m, m->wire[0]);
        answer(m, REDIS_VERDICT_LOST, NULL);
    }
}

static struct redis_stats stats(const struct model *m)
{
    struct redis_stats s = { 0 };
    redis_append_stats(m->append, &s);
    return s;
}

static void model_release(struct model *m)
{
    struct redis_stats s = stats(m);
    assert_int_equal(s.events_appended + s.events_dropped + s.events_refused + s.events_waiting,
                     m->seq);
    cut(m, 0);
    redis_append_free(m->append);
}

/* ---- tests ---- */

static void entries_go_in_their_order_within_a_window(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1000, 1 << 20);
    assert_true(redis_append_idle(m.append));
    take(&m, 100);
    assert_int_equal(m.n_wire, 0);
    assert_int_equal(pump(&m), 0);
    assert_int_equal(m.n_wire, REDIS_APPEND_WINDOW);
    for (uint64_t i = 1; i <= 100; i++) {
        assert_int_equal(applied(&m), i);
        pump(&m);
    }
    assert_true(redis_append_idle(m.append));
    assert_int_equal(stats(&m).events_appended, 100);
    assert_int_equal(stats(&m).events_resent, 0);
    model_release(&m);
}

static void large_entries_have_a_window_in_bytes_and_one_alone_always_goes(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1000, 16 << 20);
    for (int i = 0; i < 10; i++)
        take_of(&m, EVENT_ENTRY, 65000);
    pump(&m);
    assert_int_equal(m.n_wire, 5); /* the fifth passes 256 KiB */
    applied(&m);
    applied(&m);
    pump(&m);
    assert_int_equal(m.n_wire, 5);
    model_release(&m);
}

static void what_a_cut_left_open_is_sent_again_as_it_was(void **state)
{
    struct model m;
    struct sink_amount left = { 0 };
    (void)state;
    model_init(&m, 1000, 1 << 20);
    take(&m, 3);
    pump(&m);
    struct redis_entry *first = m.wire[0];
    assert_int_equal(applied(&m), 1);
    first = m.wire[0];
    char bytes[512];
    size_t len = first->len;
    memcpy(bytes, first->bytes, len);
    m.down = true;
    cut(&m, 1);
    pump(&m);
    assert_int_equal(m.n_wire, 0);
    redis_append_left(m.append, &left);
    assert_int_equal(left.entries, 2);
    assert_int_equal(left.unsure, 2);
    m.down = false;
    take(&m, 1);
    pump(&m);
    assert_int_equal(m.n_wire, 3);
    assert_int_equal(m.wire[0]->len, len);
    assert_memory_equal(m.wire[0]->bytes, bytes, len);
    for (uint64_t i = 2; i <= 4; i++)
        assert_int_equal(applied(&m), i);
    assert_int_equal(stats(&m).events_resent, 2);
    assert_int_equal(m.times[2], 2); /* at least once, and here twice */
    assert_int_equal(m.times[3], 1);
    model_release(&m);
}

static void past_max_entries_the_oldest_that_waits_goes(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 5, 1 << 20);
    take(&m, 3);
    pump(&m);
    m.down = true;
    take(&m, 7); /* 4 to 10; 3 are in flight, 5 may wait */
    assert_int_equal(stats(&m).events_dropped, 2);
    assert_int_equal(stats(&m).events_waiting, 8);
    m.down = false;
    pump(&m);
    static const uint64_t want[] = { 1, 2, 3, 6, 7, 8, 9, 10 };
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_int_equal(applied(&m), want[i]);
    model_release(&m);
}

static void one_entry_may_wait_and_the_newest_is_the_one(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1, 1 << 20);
    m.down = true;
    take(&m, 9);
    assert_int_equal(stats(&m).events_dropped, 8);
    m.down = false;
    pump(&m);
    assert_int_equal(applied(&m), 9);
    model_release(&m);
}

static void past_max_bytes_the_kind_that_has_more_of_them_gives_way(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1000, 100000);
    m.down = true;
    take_of(&m, CHECK_ENTRY, 100); /* seq 1, the oldest of all */
    for (int i = 0; i < 50; i++)
        take_of(&m, EVENT_ENTRY, 9000);
    struct redis_stats s = stats(&m);
    assert_in_range(s.events_waiting, 10, 12);
    m.down = false;
    pump(&m);
    uint64_t last = 0, checks = 0;
    while (m.n_wire > 0) {
        uint64_t seq = applied(&m);
        checks += seq == 1;
        last = seq > last ? seq : last;
    }
    assert_int_equal(checks, 1);
    assert_int_equal(last, 51);
    take_of(&m, EVENT_ENTRY, 65000);
    take_of(&m, EVENT_ENTRY, 65000); /* never more than max_bytes */
    assert_int_equal(stats(&m).events_waiting, 1);
    model_release(&m);
}

static void off_means_that_nothing_is_taken(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 0, 1 << 20);
    take(&m, 3);
    pump(&m);
    assert_int_equal(m.n_wire, 0);
    assert_true(redis_append_idle(m.append));
    m.seq = 0;
    model_release(&m);
}

static void a_refusal_pauses_its_stream_alone_for_longer_each_time(void **state)
{
    struct model m;
    uint64_t longest_ms = 0;
    (void)state;
    model_init(&m, 1000, 1 << 20);
    take(&m, 2);
    for (int round = 0; round < 12; round++) {
        pump(&m);
        assert_int_equal(m.n_wire, 2);
        assert_int_equal(answer(&m, REDIS_VERDICT_LATER, "NOPERM no"), 1);
        m.now_ms++;
        assert_int_equal(answer(&m, REDIS_VERDICT_LATER, "NOPERM no"), 2); /* the same refusal */
        uint64_t wake_ms = pump(&m), wait_ms = wake_ms - m.now_ms;
        assert_true(wake_ms > m.now_ms && m.n_wire == 0);
        longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
        assert_in_range(wait_ms, 49, 7500);
        if (round == 0) {
            assert_true(wait_ms <= 150);
            take_of(&m, CHECK_ENTRY, 0);
            pump(&m);
            assert_int_equal(m.n_wire, 1);
            assert_int_equal(applied(&m), 3);
        }
        m.now_ms = wake_ms;
    }
    assert_true(longest_ms > 2500);
    assert_int_equal(stats(&m).errors, 24);
    pump(&m);
    assert_int_equal(applied(&m), 1);
    assert_int_equal(applied(&m), 2);
    assert_int_equal(stats(&m).events_dropped + stats(&m).events_refused, 0);
    assert_int_equal(stats(&m).events_resent, 0); /* that they were not there was known */
    model_release(&m);
}

static void at_the_stop_a_pause_is_over(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1000, 1 << 20);
    take(&m, 1);
    pump(&m);
    answer(&m, REDIS_VERDICT_LATER, "OOM");
    assert_true(pump(&m) > m.now_ms);
    redis_append_hurry(m.append);
    assert_int_equal(pump(&m), 0);
    assert_int_equal(applied(&m), 1);
    model_release(&m);
}

static void what_can_never_be_taken_is_dropped_and_does_not_hold_up_the_rest(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1000, 1 << 20);
    take(&m, 3);
    pump(&m);
    answer(&m, REDIS_VERDICT_FAILED, "WRONGTYPE no stream");
    applied(&m);
    answer(&m, REDIS_VERDICT_FAILED, "WRONGTYPE no stream");
    assert_true(redis_append_idle(m.append));
    assert_int_equal(stats(&m).events_refused, 2);
    assert_int_equal(stats(&m).events_appended, 1);
    assert_int_equal(stats(&m).errors, 2);
    model_release(&m);
}

static void what_is_given_up_counts_as_dropped(void **state)
{
    struct model m;
    struct sink_amount left = { .entries = 1 };
    (void)state;
    model_init(&m, 1000, 1 << 20);
    take(&m, 20);
    pump(&m);
    applied(&m);
    redis_append_left(m.append, &left);
    assert_int_equal(left.entries, 1 + 19);
    assert_int_equal(left.unsure, REDIS_APPEND_WINDOW - 1);
    redis_append_give_up(m.append);
    assert_int_equal(stats(&m).events_dropped, 19);
    m.seq += 19; /* they wait and are counted as dropped */
    model_release(&m);
}

static void whatever_happens_each_is_there_or_counted(void **state)
{
    struct model m;
    (void)state;
    srand(7);
    model_init(&m, 40, 60000);
    while (m.seq < SEQS - 10) {
        m.now_ms += (uint64_t)rand() % 40;
        for (int n = rand() % 4; n > 0; n--)
            take_of(&m, rand() % 3 == 0, (size_t)(rand() % 3000));
        m.down = rand() % 20 == 0 ? !m.down : m.down;
        if (m.down)
            cut(&m, (size_t)(rand() % 3));
        pump(&m);
        for (int n = rand() % 12; n > 0 && m.n_wire > 0; n--) {
            int what = rand() % 60;
            if (what == 0)
                answer(&m, REDIS_VERDICT_FAILED, "WRONGTYPE");
            else if (what < 3)
                answer(&m, REDIS_VERDICT_LATER, what == 1 ? "OOM x" : "NOPERM");
            else
                applied(&m);
        }
    }
    m.down = false;
    while (!redis_append_idle(m.append)) {
        m.now_ms += 5000;
        pump(&m);
        while (m.n_wire > 0)
            applied(&m);
    }
    struct redis_stats s = stats(&m);
    uint64_t there = 0, more = 0;
    for (uint64_t i = 1; i <= m.seq; i++) {
        there += m.times[i] > 0;
        more += m.times[i] > 1;
    }
    assert_true(s.events_dropped > 100 && s.events_refused > 10 && more > 10);
    assert_true(there >= s.events_appended); /* one that was cut off may be there and be dropped */
    assert_true(m.seq - there <= s.events_dropped + s.events_refused);
    assert_true(more <= s.events_resent);
    assert_in_range(m.farthest, 1, REDIS_APPEND_WINDOW); /* docs/redis.md promises it */
    model_release(&m);
}

/* The first one may be on its way to another node while those behind it are still refused. */
static void what_is_returned_goes_out_again_in_its_order(void **state)
{
    (void)state;
    struct model m;
    model_init(&m, 100, 1 << 20);
    take(&m, 5);
    pump(&m);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        assert_int_equal(m.n_wire, 6 - seq);
        assert_int_equal(answer(&m, REDIS_VERDICT_RETURNED, NULL), seq);
        assert_int_equal(pump(&m), 0);
    }
    assert_int_equal(m.n_wire, 5); /* at once, not after a pause */
    for (uint64_t seq = 1; seq <= 5; seq++)
        assert_int_equal(applied(&m), seq);
    struct redis_stats s = { 0 };
    redis_append_stats(m.append, &s);
    assert_int_equal(s.events_appended, 5);
    assert_int_equal(s.events_resent + s.errors, 0); /* none of them may be there twice */
    redis_append_free(m.append);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_returned_goes_out_again_in_its_order),
        cmocka_unit_test(entries_go_in_their_order_within_a_window),
        cmocka_unit_test(large_entries_have_a_window_in_bytes_and_one_alone_always_goes),
        cmocka_unit_test(what_a_cut_left_open_is_sent_again_as_it_was),
        cmocka_unit_test(past_max_entries_the_oldest_that_waits_goes),
        cmocka_unit_test(one_entry_may_wait_and_the_newest_is_the_one),
        cmocka_unit_test(past_max_bytes_the_kind_that_has_more_of_them_gives_way),
        cmocka_unit_test(off_means_that_nothing_is_taken),
        cmocka_unit_test(a_refusal_pauses_its_stream_alone_for_longer_each_time),
        cmocka_unit_test(at_the_stop_a_pause_is_over),
        cmocka_unit_test(what_can_never_be_taken_is_dropped_and_does_not_hold_up_the_rest),
        cmocka_unit_test(what_is_given_up_counts_as_dropped),
        cmocka_unit_test(whatever_happens_each_is_there_or_counted),
    };
    return cmocka_run_group_tests_name("redis_append", tests, NULL, NULL);
}
