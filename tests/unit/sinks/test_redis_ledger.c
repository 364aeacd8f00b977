/*
 * The ledger against a model of Redis that loses connections, replies and acknowledged writes as the test pleases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sinks/redis_keys.h"
#include "sinks/redis_ledger.h"

enum { IDS = 8192, EPOCHS = 64, WIRE = 64 };

/* What a shard of the model knows: last number per epoch, and how often each batch was applied. */
struct state_of_redis {
    uint64_t last[REDIS_SHARDS][EPOCHS];
    uint8_t applied[IDS];
};

struct model {
    struct redis_ledger *ledger;
    struct state_of_redis now, saved;
    struct redis_batch *wire[WIRE];      /* sent, not answered */
    size_t n_wire, peak;
    bool down;                           /* send() refuses */
    uint64_t now_ms;
    uint32_t next_id;
    uint32_t poison;                     /* a batch that always fails, before its number is set; 0: none */
    bool poison_counts;                  /* after its number is set */
};

static bool send_batch(void *cookie, struct redis_batch *b)
{
    struct model *m = cookie;
    if (m->down)
        return false;
    assert_true(m->n_wire < WIRE);
    m->wire[m->n_wire++] = b;
    m->peak = m->n_wire > m->peak ? m->n_wire : m->peak;
    return true;
}

static void model_init(struct model *m, uint64_t max_bytes)
{
    memset(m, 0, sizeof *m);
    m->next_id = 1;
    m->now_ms = 1000000;
    m->ledger = redis_ledger_new(&(struct redis_ledger_opts){ .epoch = 0, .max_bytes = max_bytes, .max_age_ms = 600000,
                                                              .keep_ms = 20000, .cookie = m, .send = send_batch });
}

static void model_release(struct model *m)
{
    assert_int_equal(m->n_wire, 0);
    redis_ledger_free(m->ledger);
}

/* A batch whose bytes hold nothing but its id and the room of an address. */
static struct redis_batch *batch(struct model *m, uint8_t shard, size_t bytes)
{
    struct redis_batch *b = mem_zalloc(sizeof *b);
    b->len = bytes;
    b->bytes = mem_zalloc(bytes);
    b->epoch_at = 8;
    b->seq_at = 24;
    b->shard = shard;
    b->series = 10;
    memcpy(b->bytes, &m->next_id, sizeof m->next_id);
    m->next_id++;
    assert_true(m->next_id < IDS);
    return b;
}

static uint32_t id_of(const struct redis_batch *b)
{
    uint32_t id;
    memcpy(&id, b->bytes, sizeof id);
    return id;
}

/* One batch for each of the first `shards` shards; the last carries the log. */
static void interval(struct model *m, int64_t T, unsigned shards, size_t bytes)
{
    redis_ledger_begin(m->ledger, T, m->now_ms, 0);
    for (unsigned i = 0; i < shards; i++) {
        struct redis_batch *b = batch(m, (uint8_t)i, bytes);
        b->last = i + 1 == shards;
        redis_ledger_take(m->ledger, b);
    }
    redis_ledger_end(m->ledger, m->now_ms);
}

static struct redis_verdict execute(struct model *m, const struct redis_batch *b)
{
    uint64_t *last = &m->now.last[b->shard][b->epoch];
    bool poisoned = m->poison != 0 && id_of(b) == m->poison;
    assert_true(b->epoch < EPOCHS);
    if (b->seq <= *last)
        return (struct redis_verdict){ .kind = REDIS_VERDICT_DUPLICATE };
    if (b->seq > *last + 1)
        return (struct redis_verdict){ .kind = REDIS_VERDICT_GAP, .last = *last };
    if (poisoned && m->poison_counts)
        *last = b->seq;
    if (poisoned)
        return (struct redis_verdict){ .kind = REDIS_VERDICT_FAILED, .text = "WRONGTYPE" };
    *last = b->seq;
    m->now.applied[id_of(b)]++;
    return (struct redis_verdict){ .kind = REDIS_VERDICT_APPLIED };
}

static void answer_first(struct model *m, const struct redis_verdict *v)
{
    struct redis_batch *b = m->wire[0];
    memmove(m->wire, m->wire + 1, --m->n_wire * sizeof m->wire[0]);
    redis_ledger_answer(m->ledger, b, v, m->now_ms);
}

static void step(struct model *m)
{
    struct redis_verdict v = execute(m, m->wire[0]);
    answer_first(m, &v);
    redis_ledger_pump(m->ledger, m->now_ms);
}

/* The connection ends; the first `executed` commands on the wire ran, and nobody hears of it. */
static void cut(struct model *m, size_t executed)
{
    static const struct redis_verdict lost = { .kind = REDIS_VERDICT_LOST };
    for (size_t i = 0; i < executed && i < m->n_wire; i++)
        execute(m, m->wire[i]);
    m->down = true;
    while (m->n_wire > 0)
        answer_first(m, &lost);
}

static void run(struct model *m)
{
    m->down = false;
    redis_ledger_pump(m->ledger, m->now_ms);
    for (int i = 0; m->n_wire > 0; i++) {
        assert_true(i < 100000);
        step(m);
    }
}

static void expect_once(const struct model *m, uint32_t from, uint32_t to)
{
    for (uint32_t id = from; id < to; id++)
        if (m->now.applied[id] != 1)
            fail_msg("batch %u was applied %d times", id, m->now.applied[id]);
}

static struct redis_stats stats(const struct model *m)
{
    struct redis_stats s;
    redis_ledger_stats(m->ledger, m->now_ms, &s);
    return s;
}

static void intervals_are_applied_in_order_and_counted(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    for (int i = 0; i < 3; i++)
        interval(&m, 10 * i, 64, 100);
    assert_false(redis_ledger_idle(m.ledger));
    run(&m);
    assert_true(redis_ledger_idle(m.ledger));
    expect_once(&m, 1, m.next_id);
    struct redis_stats s = stats(&m);
    assert_int_equal(s.intervals_queued, 3);
    assert_int_equal(s.intervals_applied, 3);
    assert_int_equal(s.series_applied, 3 * 64 * 10);
    assert_int_equal(s.batches_applied, 3 * 64);
    assert_int_equal(s.spool_batches, 0);
    assert_int_equal(s.spool_age_ms, 0);
    assert_true(s.spool_bytes > 0);    /* what is kept for repair */
    assert_true(m.peak <= REDIS_LEDGER_WINDOW);
    model_release(&m);
}

static void the_window_is_bounded_in_batches_and_in_bytes(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 64 << 20);
    interval(&m, 0, 64, 600 * 1024);
    redis_ledger_pump(m.ledger, m.now_ms);
    assert_int_equal(m.n_wire, 4);     /* 3 are 1.8 MB: there is room for one more */
    run(&m);
    interval(&m, 10, 64, 100);
    redis_ledger_pump(m.ledger, m.now_ms);
    assert_int_equal(m.n_wire, REDIS_LEDGER_WINDOW);
    run(&m);
    expect_once(&m, 1, m.next_id);
    model_release(&m);
}

static void the_log_entry_waits_for_all_others_of_its_interval(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    interval(&m, 0, 3, 100);
    interval(&m, 10, 3, 100);
    redis_ledger_pump(m.ledger, m.now_ms);
    assert_int_equal(m.n_wire, 2);
    step(&m);
    assert_int_equal(m.n_wire, 1);
    step(&m);
    assert_true(m.wire[0]->last);      /* the third of the first, and then the next interval */
    assert_int_equal(m.n_wire, 3);
    run(&m);
    expect_once(&m, 1, m.next_id);
    model_release(&m);
}

static void nothing_is_sent_before_its_time_except_in_a_hurry(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    redis_ledger_begin(m.ledger, 0, m.now_ms, m.now_ms + 700);
    redis_ledger_take(m.ledger, batch(&m, 0, 100));
    redis_ledger_end(m.ledger, m.now_ms);
    assert_int_equal(redis_ledger_pump(m.ledger, m.now_ms), m.now_ms + 700);
    assert_int_equal(redis_ledger_pump(m.ledger, m.now_ms + 699), m.now_ms + 700);
    assert_int_equal(m.n_wire, 0);
    assert_int_equal(redis_ledger_pump(m.ledger, m.now_ms + 700), 0);
    assert_int_equal(m.n_wire, 1);
    run(&m);
    redis_ledger_begin(m.ledger, 10, m.now_ms, m.now_ms + 700);
    redis_ledger_take(m.ledger, batch(&m, 0, 100));
    redis_ledger_end(m.ledger, m.now_ms);
    redis_ledger_hurry(m.ledger);
    redis_ledger_pump(m.ledger, m.now_ms);
    assert_int_equal(m.n_wire, 1);
    run(&m);
    expect_once(&m, 1, 3);
    model_release(&m);
}

static void a_cut_connection_applies_each_batch_once_wherever_it_cuts(void **state)
{
    (void)state;
    for (size_t executed = 0; executed <= REDIS_LEDGER_WINDOW; executed++) {
        struct model m;
        model_init(&m, 1 << 20);
        interval(&m, 0, 20, 100);
        interval(&m, 10, 20, 100);
        redis_ledger_pump(m.ledger, m.now_ms);
        step(&m);
        cut(&m, executed);
        assert_false(redis_ledger_idle(m.ledger));
        run(&m);
        assert_true(redis_ledger_idle(m.ledger));
        expect_once(&m, 1, m.next_id);
        assert_int_equal(stats(&m).batches_duplicate, executed < 16 ? executed : 16);
        assert_int_equal(stats(&m).intervals_applied, 2);
        model_release(&m);
    }
}

static void a_passing_error_leaves_the_batch_in_its_place(void **state)
{
    static const struct redis_verdict later = { .kind = REDIS_VERDICT_LATER, .text = "LOADING" };
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    interval(&m, 0, 4, 100);
    interval(&m, 10, 4, 100);
    redis_ledger_pump(m.ledger, m.now_ms);
    answer_first(&m, &later);
    cut(&m, 1);
    run(&m);
    expect_once(&m, 1, m.next_id);
    assert_int_equal(stats(&m).errors, 1);
    model_release(&m);
}

static void acknowledged_writes_that_redis_lost_are_sent_again(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    interval(&m, 0, 64, 100);
    run(&m);
    m.saved = m.now;                   /* the replica is this far */
    interval(&m, 10, 64, 100);
    run(&m);
    interval(&m, 20, 64, 100);
    redis_ledger_pump(m.ledger, m.now_ms);
    step(&m);
    m.now = m.saved;                   /* .. and takes over, on the same connection */
    run(&m);
    interval(&m, 30, 64, 100);         /* the shard that was acknowledged notices now */
    run(&m);
    expect_once(&m, 1, m.next_id);
    struct redis_stats s = stats(&m);
    assert_int_equal(s.gaps, 64);
    assert_int_equal(s.epochs, 0);
    assert_int_equal(s.intervals_applied, 4);
    assert_int_equal(s.series_applied, 4 * 64 * 10);    /* each counted once */
    model_release(&m);
}

static void a_gap_further_back_than_kept_begins_a_new_epoch(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    interval(&m, 0, 2, 100);
    run(&m);
    m.now_ms += 21000;                 /* past keep_ms */
    interval(&m, 10, 2, 100);
    run(&m);
    memset(&m.now, 0, sizeof m.now);   /* all is gone */
    interval(&m, 20, 2, 100);
    run(&m);
    assert_true(redis_ledger_idle(m.ledger));
    assert_int_equal(m.now.applied[1] + m.now.applied[2], 0);    /* too long ago */
    expect_once(&m, 3, m.next_id);
    assert_int_equal(stats(&m).epochs, 2);
    interval(&m, 30, 2, 100);
    run(&m);
    expect_once(&m, 3, m.next_id);
    assert_int_equal(stats(&m).epochs, 2);
    assert_int_equal(m.now.last[0][1], 3);    /* epoch 1: three batches */
    model_release(&m);
}

static void a_batch_that_always_fails_does_not_stop_its_shard(void **state)
{
    (void)state;
    for (int counts = 0; counts < 2; counts++) {
        struct model m;
        model_init(&m, 1 << 20);
        m.poison = 3;
        m.poison_counts = counts;
        for (int i = 0; i < 4; i++) {
            interval(&m, 10 * i, 2, 100);
            run(&m);
        }
        assert_true(redis_ledger_idle(m.ledger));
        assert_int_equal(m.now.applied[3], 0);
        m.now.applied[3] = 1;
        expect_once(&m, 1, m.next_id);
        struct redis_stats s = stats(&m);
        assert_int_equal(s.errors, counts ? 1 : 2);
        assert_int_equal(s.epochs, counts ? 0 : 1);
        assert_int_equal(s.series_dropped, 10);
        assert_int_equal(s.series_applied, 70);
        assert_int_equal(s.intervals_applied, 4);
        model_release(&m);
    }
}

static void past_the_spool_limit_the_oldest_whole_unsent_interval_goes(void **state)
{
    enum { NINE_INTERVALS = 9 * 10 * (1000 + sizeof(struct redis_batch)) };
    struct model m;
    (void)state;
    model_init(&m, NINE_INTERVALS);
    interval(&m, 0, 10, 1000);
    redis_ledger_pump(m.ledger, m.now_ms);
    cut(&m, 4);                        /* the first is begun, so it stays */
    uint32_t second = m.next_id;
    for (int i = 1; i < 12; i++) {
        m.now_ms += 10000;
        interval(&m, 10 * i, 10, 1000);
        assert_true(stats(&m).spool_bytes <= NINE_INTERVALS);
    }
    struct redis_stats s = stats(&m);
    assert_int_equal(s.intervals_dropped, 3);
    assert_int_equal(s.series_dropped, 3 * 100);
    assert_int_equal(s.spool_age_ms, 110000);
    run(&m);
    expect_once(&m, 1, 11);
    for (uint32_t id = second; id < second + 30; id++)
        assert_int_equal(m.now.applied[id], 0);
    expect_once(&m, second + 30, m.next_id);
    s = stats(&m);
    assert_int_equal(s.gaps, 0);       /* what was never sent leaves no hole */
    assert_int_equal(s.epochs, 0);
    assert_int_equal(s.intervals_applied, 9);
    model_release(&m);
}

static void past_the_age_limit_unsent_intervals_go_too(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    m.down = true;
    for (int i = 0; i < 3; i++) {
        interval(&m, 10 * i, 4, 100);
        m.now_ms += 10000;
    }
    m.now_ms += 600000 - 15000;
    redis_ledger_pump(m.ledger, m.now_ms);
    assert_int_equal(stats(&m).intervals_dropped, 2);
    run(&m);
    expect_once(&m, 9, m.next_id);
    assert_int_equal(stats(&m).intervals_applied, 1);
    model_release(&m);
}

static void kept_batches_leave_before_anything_is_dropped(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 40000);
    interval(&m, 0, 20, 1000);
    run(&m);
    assert_true(stats(&m).spool_bytes <= 10000);    /* a quarter at most is kept */
    assert_true(stats(&m).spool_bytes > 5000);
    m.down = true;
    interval(&m, 10, 30, 1000);
    assert_int_equal(stats(&m).intervals_dropped, 0);
    assert_true(stats(&m).spool_bytes <= 40000);
    run(&m);
    expect_once(&m, 1, m.next_id);
    model_release(&m);
}

/* Cuts, lost replies, lost writes within keep_ms, in any order: all of it is applied once in the end. */
/* Two intervals of three batches: after one answer, what is left is the other five, of which one was sent. */
static void what_is_left_is_told_and_given_up_as_dropped(void **state)
{
    struct model m;
    struct sink_amount left;
    (void)state;
    model_init(&m, 1 << 20);
    for (int64_t T = 0; T < 20; T += 10) {
        redis_ledger_begin(m.ledger, T, m.now_ms, 0);
        for (uint8_t shard = 0; shard < 3; shard++) {
            struct redis_batch *b = batch(&m, shard, 100);
            b->amount = (struct sink_amount){ .series = { [SERIES_COUNTER] = 6, [SERIES_TIMER] = 4 }, .counted = 0.5, .timed = 100 };
            b->last = shard == 2;
            redis_ledger_take(m.ledger, b);
        }
        redis_ledger_end(m.ledger, m.now_ms);
    }
    redis_ledger_pump(m.ledger, m.now_ms);
    step(&m);
    cut(&m, 0);
    redis_ledger_left(m.ledger, &left);
    assert_int_equal(left.intervals, 2);
    assert_int_equal(left.series[SERIES_COUNTER], 5 * 6);
    assert_int_equal(left.series[SERIES_TIMER], 5 * 4);
    assert_int_equal(sink_amount_series(&left), 50);
    assert_true(left.counted == 2.5 && left.timed == 500);
    assert_in_range(left.unsure, 10, 40);     /* as many as the window let go */
    assert_int_equal(stats(&m).series_dropped, 0);
    redis_ledger_give_up(m.ledger);
    struct redis_stats s = stats(&m);
    assert_int_equal(s.intervals_dropped + s.intervals_applied, s.intervals_queued);
    assert_int_equal(s.series_dropped, 50);
    assert_int_equal(s.series_applied, 10);
    model_release(&m);
}

static void chaos_leaves_exact_sums(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 200; seed++) {
        struct model m;
        unsigned r = seed * 2654435761u | 1;
        model_init(&m, 64 << 20);
        m.saved = m.now;
        for (int i = 0; i < 40; i++) {
            r = r * 1103515245u + 12345u;
            unsigned dice = r >> 16;
            m.now_ms += 500;
            interval(&m, i, 1 + dice % 5, 100);
            m.down = false;
            redis_ledger_pump(m.ledger, m.now_ms);
            for (unsigned k = dice % 23; k > 0 && m.n_wire > 0; k--)
                step(&m);
            if (dice % 3 == 0)
                cut(&m, (dice >> 4) % 17);
            if (dice % 7 == 0)
                m.saved = m.now;
            if (dice % 11 == 0)
                m.now = m.saved;       /* a failover in the middle of things */
        }
        run(&m);
        interval(&m, 100, 5, 100);     /* every shard speaks once more */
        run(&m);
        expect_once(&m, 1, m.next_id);
        assert_int_equal(stats(&m).epochs, 0);
        model_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_are_applied_in_order_and_counted),
        cmocka_unit_test(the_window_is_bounded_in_batches_and_in_bytes),
        cmocka_unit_test(the_log_entry_waits_for_all_others_of_its_interval),
        cmocka_unit_test(nothing_is_sent_before_its_time_except_in_a_hurry),
        cmocka_unit_test(a_cut_connection_applies_each_batch_once_wherever_it_cuts),
        cmocka_unit_test(a_passing_error_leaves_the_batch_in_its_place),
        cmocka_unit_test(acknowledged_writes_that_redis_lost_are_sent_again),
        cmocka_unit_test(a_gap_further_back_than_kept_begins_a_new_epoch),
        cmocka_unit_test(a_batch_that_always_fails_does_not_stop_its_shard),
        cmocka_unit_test(past_the_spool_limit_the_oldest_whole_unsent_interval_goes),
        cmocka_unit_test(past_the_age_limit_unsent_intervals_go_too),
        cmocka_unit_test(kept_batches_leave_before_anything_is_dropped),
        cmocka_unit_test(what_is_left_is_told_and_given_up_as_dropped),
        cmocka_unit_test(chaos_leaves_exact_sums),
    };
    return cmocka_run_group_tests_name("redis_ledger", tests, NULL, NULL);
}
