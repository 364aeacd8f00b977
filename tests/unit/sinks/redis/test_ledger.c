/*
 * The ledger against a model of Redis that loses connections, replies and acknowledged writes as
 * the test pleases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/ledger.h"
#include "sinks/redis/state.h"
#include "support/state_memory.h"

enum { IDS = 8192, EPOCHS = 64, WIRE = 64, RUNS = 64, ADDRESS_BYTES = 128 };

/* What Redis has of one producer: the last number, its mark, and the token of every number. */
struct state_of_producer {
    uint64_t last, series;
    uint32_t nth, generation;
    char token[RUNS]; /* what is not in the last RUNS numbers is not known any more */
};

/* What a shard of the model knows, and how often each batch was applied. */
struct state_of_redis {
    struct state_of_producer producer[REDIS_SHARDS][EPOCHS];
    uint64_t writes[REDIS_SHARDS];
    char birth[REDIS_SHARDS];  /* 0: no totals */
    char holder[REDIS_SHARDS]; /* of the log: a token */
    uint8_t applied[IDS];
};

struct model {
    struct redis_ledger *ledger;
    struct state_of_redis own; /* where no other ledger writes */
    struct state_of_redis *redis, saved;
    struct redis_batch *wire[WIRE]; /* sent, not answered */
    size_t n_wire, peak;
    bool down; /* send() refuses */
    uint64_t now_ms;
    uint32_t next_id;
    uint32_t poison;    /* a batch that always fails, before its number is set; 0: none */
    bool poison_counts; /* after its number is set */
};

/* Ids are numbers in the model, so that they are places in arrays; a token is one byte again and
 * again. */
static char next_id, next_token;

static void draw(char *ret, size_t digits)
{
    memset(ret, digits == REDIS_ID_DIGITS ? next_id++ : next_token++, digits);
    ret[digits] = '\0';
}

static bool send_batch(void *cookie, struct redis_batch *b)
{
    struct model *m = cookie;
    if (m->down)
        return false;
    assert_true(m->n_wire < WIRE);
    b->wire_len = b->len;
    m->wire[m->n_wire++] = b;
    m->peak = m->n_wire > m->peak ? m->n_wire : m->peak;
    return true;
}

/* The ledger of a process that starts; its producers' first id is of its own. */
static void open_ledger(struct model *m, uint64_t max_bytes, char id)
{
    struct redis_ledger_opts o = { .max_bytes = max_bytes,
                                   .max_age_ms = 600000,
                                   .keep_ms = 20000,
                                   .cookie = m,
                                   .send = send_batch,
                                   .draw = draw };
    memset(o.id, id, REDIS_ID_DIGITS);
    m->ledger = redis_ledger_new(&o);
}

static void model_init(struct model *m, uint64_t max_bytes)
{
    memset(m, 0, sizeof *m);
    m->next_id = 1;
    m->now_ms = 1000000;
    m->redis = &m->own;
    next_id = 2;
    next_token = 'A';
    open_ledger(m, max_bytes, 1);
}

static void model_release(struct model *m)
{
    assert_int_equal(m->n_wire, 0);
    redis_ledger_free(m->ledger);
}

/* A batch whose bytes hold nothing but its number among all and the room of an address. */
static struct redis_batch *batch(struct model *m, uint8_t shard, size_t bytes)
{
    struct redis_batch *b = mem_zalloc(sizeof *b);
    b->len = b->wire_len = bytes;
    b->head_len = b->split_at = (uint32_t)bytes; /* nothing is packed */
    b->bytes = mem_zalloc(bytes + ADDRESS_BYTES);
    b->stale_at = 4;
    b->id_at = 8;
    b->token_at = 40;
    b->before_at = 56;
    b->seq_at = 72;
    b->mark_at = 84;
    b->generation_at = 112;
    b->life_s = 3600;
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

static struct redis_totals totals(const struct model *m, uint8_t shard)
{
    struct redis_totals t = { .writes = m->redis->writes[shard] };
    t.birth[0] = m->redis->birth[shard] ? m->redis->birth[shard] : '-';
    return t;
}

static struct redis_verdict gap(const struct model *m, const struct redis_batch *b,
                                const struct state_of_producer *p)
{
    return (struct redis_verdict){ .kind = REDIS_VERDICT_GAP,
                                   .known = p->last > 0,
                                   .last = p->last,
                                   .series = p->series,
                                   .nth = p->nth,
                                   .totals = totals(m, b->shard) };
}

static uint32_t generation_of(const struct redis_batch *b)
{
    char digits[REDIS_GENERATION_DIGITS + 1] = "";
    memcpy(digits, b->bytes + b->generation_at, REDIS_GENERATION_DIGITS);
    return (uint32_t)strtoul(digits, NULL, 10);
}

/* Redis and its script. */
static struct redis_verdict execute(struct model *m, const struct redis_batch *b)
{
    static char holder[REDIS_TOKEN_DIGITS + 1];
    struct state_of_producer *p = &m->redis->producer[b->shard][(int)b->bytes[b->id_at]];
    bool poisoned = m->poison != 0 && id_of(b) == m->poison;
    char token = b->bytes[b->token_at], before = b->bytes[b->before_at];
    uint32_t generation = generation_of(b);
    if (p->generation > generation)
        return (struct redis_verdict){ .kind = REDIS_VERDICT_FENCED };
    if (p->last > 0)
        p->generation = generation;
    if (b->seq <= p->last) {
        bool ours = p->last - b->seq >= RUNS || p->token[b->seq % RUNS] == token;
        enum redis_verdict_kind kind = ours ? REDIS_VERDICT_DUPLICATE : REDIS_VERDICT_FOREIGN;
        return (struct redis_verdict){ .kind = kind };
    }
    if (b->seq > p->last + 1 || (p->last == 0 && b->bytes[b->stale_at] == '1'))
        return gap(m, b, p);
    if (p->last > 0 && p->token[p->last % RUNS] != before)
        return (struct redis_verdict){ .kind = REDIS_VERDICT_FOREIGN };
    if (poisoned && !m->poison_counts)
        return (struct redis_verdict){ .kind = REDIS_VERDICT_FAILED, .text = "WRONGTYPE" };
    p->last = b->seq;
    p->generation = generation;
    p->series = b->series_upto;
    p->nth = b->nth;
    p->token[b->seq % RUNS] = token;
    if (poisoned)
        return (struct redis_verdict){ .kind = REDIS_VERDICT_DROPPED, .text = "WRONGTYPE" };
    if (m->redis->birth[b->shard] == 0)
        m->redis->birth[b->shard] = token;
    m->redis->writes[b->shard]++;
    m->redis->applied[id_of(b)]++;
    char had = b->last ? m->redis->holder[b->shard] : 0;
    memset(holder, had, REDIS_TOKEN_DIGITS);
    if (b->last)
        m->redis->holder[b->shard] = token;
    return (struct redis_verdict){ .kind = REDIS_VERDICT_APPLIED,
                                   .totals = totals(m, b->shard),
                                   .holder = slice_str(had != 0 ? holder : "-") };
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
        if (m->redis->applied[id] != 1)
            fail_msg("batch %u was applied %d times", id, m->redis->applied[id]);
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
    assert_true(s.spool_bytes > 0); /* what is kept for repair */
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
    assert_int_equal(m.n_wire, 4); /* 3 are 1.8 MB: there is room for one more */
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
    assert_true(m.wire[0]->last); /* the third of the first, and then the next interval */
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
    m.saved = m.own; /* the replica is this far */
    interval(&m, 10, 64, 100);
    run(&m);
    interval(&m, 20, 64, 100);
    redis_ledger_pump(m.ledger, m.now_ms);
    step(&m);
    m.own = m.saved; /* .. and takes over, on the same connection */
    run(&m);
    interval(&m, 30, 64, 100); /* the shard that was acknowledged notices now */
    run(&m);
    expect_once(&m, 1, m.next_id);
    struct redis_stats s = stats(&m);
    assert_int_equal(s.gaps, 64);
    assert_int_equal(s.epochs, 0);
    assert_int_equal(s.intervals_applied, 4);
    assert_int_equal(s.series_applied, 4 * 64 * 10); /* each counted once */
    model_release(&m);
}

/* While a node is away nothing of its shards ages, however long its replica takes to follow. */
static void what_a_failover_lost_is_sent_again_however_long_it_took(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    interval(&m, 0, 64, 100);
    run(&m);
    m.saved = m.own; /* the replica is this far */
    interval(&m, 10, 64, 100);
    run(&m);
    m.now_ms += 300000;
    redis_ledger_pump(m.ledger, m.now_ms);
    m.own = m.saved;
    interval(&m, 20, 64, 100);
    run(&m);
    expect_once(&m, 1, m.next_id);
    struct redis_stats s = stats(&m);
    assert_int_equal(s.gaps, 64);
    assert_int_equal(s.lost_batches, 0);
    assert_int_equal(s.epochs, 0);
    model_release(&m);
}

static void a_gap_further_back_than_kept_begins_a_new_epoch(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    interval(&m, 0, 2, 100);
    run(&m);
    m.now_ms += 21000; /* past keep_ms */
    interval(&m, 10, 2, 100);
    run(&m);
    memset(&m.own, 0, sizeof m.own); /* all is gone */
    interval(&m, 20, 2, 100);
    run(&m);
    assert_true(redis_ledger_idle(m.ledger));
    assert_int_equal(m.own.applied[1] + m.own.applied[2], 0); /* too long ago */
    expect_once(&m, 3, m.next_id);
    struct redis_stats s = stats(&m);
    assert_int_equal(s.epochs, 2);
    assert_int_equal(s.lost_batches, 2);
    assert_int_equal(s.lost_series, 20);
    assert_int_equal(s.lost_intervals, 1); /* one, though two shards lost their part of it */
    interval(&m, 30, 2, 100);
    run(&m);
    expect_once(&m, 3, m.next_id);
    assert_int_equal(stats(&m).epochs, 2);
    assert_int_equal(m.own.producer[0][2].last, 3); /* the second producer: three batches */
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
        assert_int_equal(m.own.applied[3], 0);
        m.own.applied[3] = 1;
        expect_once(&m, 1, m.next_id);
        struct redis_stats s = stats(&m);
        assert_int_equal(s.errors, counts ? 1 : 2);
        assert_int_equal(s.epochs, counts ? 0 : 1);
        assert_int_equal(s.lost_batches, 0);
        assert_int_equal(s.series_dropped, 10);
        assert_int_equal(s.series_applied, 70);
        assert_int_equal(s.intervals_applied, 4);
        model_release(&m);
    }
}

/* It was counted as applied, so it is not dropped; and it is counted once, though it fails again
 * and again. */
static void what_redis_lost_and_then_refuses_counts_as_lost(void **state)
{
    (void)state;
    for (int counts = 0; counts < 2; counts++) {
        struct model m;
        model_init(&m, 1 << 20);
        interval(&m, 0, 2, 100);
        run(&m);
        memset(&m.own, 0, sizeof m.own);
        m.poison = 1;
        m.poison_counts = counts;
        for (int i = 1; i < 4; i++) {
            interval(&m, 10 * i, 2, 100);
            run(&m);
        }
        m.own.applied[1] = 1;
        expect_once(&m, 1, m.next_id);
        struct redis_stats s = stats(&m);
        assert_int_equal(s.series_applied, 80);
        assert_int_equal(s.series_dropped, 0);
        assert_int_equal(s.lost_series, 10);
        assert_int_equal(s.lost_batches, 1);
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
    cut(&m, 4); /* the first is begun, so it stays */
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
        assert_int_equal(m.own.applied[id], 0);
    expect_once(&m, second + 30, m.next_id);
    s = stats(&m);
    assert_int_equal(s.gaps, 0); /* what was never sent leaves no hole */
    assert_int_equal(s.epochs, 0);
    assert_int_equal(s.intervals_applied, 9);
    model_release(&m);
}

static void the_limits_hold_with_an_interval_that_is_still_encoded(void **state)
{
    enum { BATCHES = 10, NINE_INTERVALS = 9 * BATCHES * (1000 + sizeof(struct redis_batch)) };
    struct model m;
    (void)state;
    model_init(&m, NINE_INTERVALS);
    m.down = true;
    for (int i = 0; i < 9; i++)
        interval(&m, 10 * i, BATCHES, 1000);
    assert_int_equal(stats(&m).intervals_dropped, 0);
    struct redis_batch *coming[BATCHES];
    for (uint8_t i = 0; i < BATCHES; i++) {
        coming[i] = batch(&m, i, 1000);
        redis_ledger_expect(m.ledger, coming[i], m.now_ms);
        assert_true(stats(&m).spool_bytes <= NINE_INTERVALS);
        assert_int_equal(stats(&m).intervals_dropped, 1);
    }
    uint64_t bytes = stats(&m).spool_bytes;
    redis_ledger_begin(m.ledger, 100, m.now_ms, 0);
    for (unsigned i = 0; i < BATCHES; i++)
        redis_ledger_take(m.ledger, coming[i]);
    redis_ledger_end(m.ledger, m.now_ms);
    assert_int_equal(stats(&m).spool_bytes, bytes); /* nothing counts twice */
    assert_int_equal(stats(&m).intervals_dropped, 1);
    m.down = false;
    run(&m);
    expect_once(&m, 1 + BATCHES, m.next_id);
    model_release(&m);
}

static void what_was_kept_long_enough_goes_a_few_with_each_answer(void **state)
{
    enum { INTERVALS = 20, SHARDS = 50, STEP = 4 };
    struct model m;
    (void)state;
    model_init(&m, 64 << 20);
    for (int i = 0; i < INTERVALS; i++)
        interval(&m, 10 * i, SHARDS, 100);
    run(&m);
    uint64_t before = stats(&m).spool_bytes, each = before / INTERVALS;
    m.now_ms += 30000;
    redis_ledger_pump(m.ledger, m.now_ms);
    assert_int_equal(stats(&m).spool_bytes, before);
    for (int i = 1; i <= INTERVALS / STEP + 2; i++) {
        interval(&m, 10 * (INTERVALS + i), SHARDS, 100);
        run(&m);
        int left = INTERVALS > STEP * i ? INTERVALS - STEP * i : 0;
        uint64_t expected = (uint64_t)(left + i) * each, got = stats(&m).spool_bytes;
        assert_true(got <= expected + each / 2 && expected <= got + each / 2);
    }
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
    assert_true(stats(&m).spool_bytes <= 10000); /* a quarter at most is kept */
    assert_true(stats(&m).spool_bytes > 5000);
    m.down = true;
    interval(&m, 10, 30, 1000);
    assert_int_equal(stats(&m).intervals_dropped, 0);
    assert_true(stats(&m).spool_bytes <= 40000);
    run(&m);
    expect_once(&m, 1, m.next_id);
    model_release(&m);
}

/* Two shards; of shard 0 the acknowledged batch waits again, as Redis lost it. */
static void what_redis_lost_and_waits_again_is_given_up_as_lost(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    interval(&m, 0, 2, 100);
    run(&m);
    memset(&m.own, 0, sizeof m.own);
    interval(&m, 10, 2, 100);
    redis_ledger_pump(m.ledger, m.now_ms);
    step(&m);
    cut(&m, 0);
    redis_ledger_give_up(m.ledger);
    struct redis_stats s = stats(&m);
    assert_int_equal(s.series_applied, 20);
    assert_int_equal(s.series_dropped, 20);
    assert_int_equal(s.lost_series, 10);
    assert_int_equal(s.lost_batches, 1);
    model_release(&m);
}

/* Cuts, lost replies, lost writes within keep_ms, in any order: all of it is applied once in the
 * end. */
/* Two intervals of three batches: after one answer, what is left is the other five, of which one
 * was sent. */
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
            b->amount = (struct sink_amount){ .counted = 0.5, .timed = 100 };
            b->amount.series[SERIES_COUNTER] = 6;
            b->amount.series[SERIES_TIMER] = 4;
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
    assert_in_range(left.unsure, 10, 40); /* as many as the window let go */
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
        m.saved = m.own;
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
                m.saved = m.own;
            if (dice % 11 == 0)
                m.own = m.saved; /* a failover in the middle of things */
        }
        run(&m);
        interval(&m, 100, 5, 100); /* every shard speaks once more */
        run(&m);
        expect_once(&m, 1, m.next_id);
        assert_int_equal(stats(&m).epochs, 0);
        assert_int_equal(stats(&m).foreign, 0);
        assert_int_equal(stats(&m).rivals, 0);
        model_release(&m);
    }
}

/* ---- restarts ---- */

enum { SPOOL = 64 << 20, BYTES = 200 }; /* the address lies within */

/* The process ends: `executed` commands on the wire still run, and its state is in `to`. */
static void stop(struct model *m, struct state_memory *to, size_t executed)
{
    struct records_writer w;
    const struct records_sink sink = state_memory_sink(to);
    cut(m, executed);
    to->bytes.len = 0;
    records_begin(&w, &sink, STATE_MEMORY_VERSION);
    redis_state_save(m->ledger, "sd", m->now_ms, &w);
    assert_int_equal(records_end(&w), 0);
    redis_ledger_saved(m->ledger);
    assert_true(redis_ledger_idle(m->ledger));
    redis_ledger_free(m->ledger);
    m->ledger = NULL;
}

/* What becomes of a record before it is loaded.   returns  whether it makes sense afterwards */
typedef bool (*change_fn)(uint8_t type, char *body, size_t len, unsigned nth_of_type);

/* returns  how many records were left out: those that change says make no sense */
static unsigned start_changed(struct model *m, struct state_memory *from, uint64_t down_ms,
                              change_fn change)
{
    struct records_reader r;
    const struct records_source source = state_memory_source(from);
    uint8_t type;
    struct slice body;
    struct buf copy = { 0 };
    unsigned seen[256] = { 0 }, left_out = 0;
    m->now_ms += down_ms;
    from->at = 0;
    open_ledger(m, SPOOL, next_id++);
    assert_int_equal(records_open(&r, &source, STATE_MEMORY_VERSION), 0);
    while (records_next(&r, &type, &body) > 0) {
        buf_clear(&copy);
        buf_append_slice(&copy, body);
        bool good = change == NULL || change(type, copy.ptr, copy.len, seen[type]++);
        assert_int_equal(
            redis_state_load(m->ledger, "sd", type, buf_slice(&copy), m->now_ms, down_ms), good);
        left_out += !good;
    }
    records_close(&r);
    buf_release(&copy);
    redis_ledger_loaded(m->ledger);
    return left_out;
}

static void start(struct model *m, struct state_memory *from, uint64_t down_ms)
{
    assert_int_equal(start_changed(m, from, down_ms, NULL), 0);
}

static void restart(struct model *m, size_t executed, uint64_t down_ms)
{
    struct state_memory state = { 0 };
    stop(m, &state, executed);
    start(m, &state, down_ms);
    state_memory_release(&state);
}

static void a_restart_loses_and_doubles_nothing_wherever_it_comes(void **state)
{
    (void)state;
    for (unsigned sent = 0; sent < 12; sent++) {
        for (unsigned executed = 0; executed < 12; executed++) {
            struct model m;
            model_init(&m, SPOOL);
            interval(&m, 0, 5, BYTES);
            run(&m);
            interval(&m, 10, 5, BYTES);
            interval(&m, 20, 5, BYTES);
            redis_ledger_pump(m.ledger, m.now_ms);
            for (unsigned k = 0; k < sent && m.n_wire > 0; k++)
                step(&m);
            restart(&m, executed, 1000);
            assert_int_equal(stats(&m).series_dropped, 0);
            interval(&m, 30, 5, BYTES);
            run(&m);
            expect_once(&m, 1, m.next_id);
            assert_int_equal(stats(&m).foreign + stats(&m).gaps + stats(&m).rivals, 0);
            model_release(&m);
        }
    }
}

static void chaos_with_restarts_leaves_exact_sums(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 200; seed++) {
        static struct model m;
        unsigned r = seed * 2654435761u | 1;
        model_init(&m, SPOOL);
        m.saved = m.own;
        for (int i = 0; i < 40; i++) {
            r = r * 1103515245u + 12345u;
            unsigned dice = r >> 16;
            m.now_ms += 500;
            interval(&m, i, 1 + dice % 5, BYTES);
            m.down = false;
            redis_ledger_pump(m.ledger, m.now_ms);
            for (unsigned k = dice % 23; k > 0 && m.n_wire > 0; k--)
                step(&m);
            if (dice % 3 == 0)
                cut(&m, (dice >> 4) % 17);
            if (dice % 5 == 0)
                restart(&m, (dice >> 5) % 17, (dice >> 3) % 50);
            if (dice % 7 == 0)
                m.saved = m.own;
            if (dice % 11 == 0)
                m.own = m.saved; /* a failover in the middle of things */
        }
        run(&m);
        interval(&m, 100, 5, BYTES); /* every shard speaks once more */
        run(&m);
        expect_once(&m, 1, m.next_id);
        assert_int_equal(stats(&m).epochs + stats(&m).lost_batches, 0);
        assert_int_equal(stats(&m).series_dropped + stats(&m).fenced + stats(&m).rivals, 0);
        model_release(&m);
    }
}

/* What a process had not sent when it stopped is sent by whoever goes on from it, once. */
static void a_state_that_is_restored_later_sends_nothing_of_what_it_held(void **state)
{
    (void)state;
    for (unsigned later = 1; later < 5; later++) {
        struct model m;
        struct state_memory backup = { 0 };
        model_init(&m, SPOOL);
        interval(&m, 0, 5, BYTES);
        run(&m);
        interval(&m, 10, 5, BYTES);
        stop(&m, &backup, 0);
        start(&m, &backup, 0);
        for (unsigned i = 0; i < later; i++) {
            interval(&m, 20 + i, 5, BYTES);
            run(&m);
            restart(&m, 0, 0);
        }
        run(&m);
        redis_ledger_free(m.ledger);
        start(&m, &backup, 0);
        interval(&m, 40, 5, BYTES);
        run(&m);
        interval(&m, 50, 5, BYTES);
        run(&m);
        expect_once(&m, 1, m.next_id);
        /* Of one generation they are like two that were copied: told apart by their tokens. */
        assert_int_equal(stats(&m).fenced, later > 1 ? 5 * 10 : 0);
        assert_int_equal(stats(&m).series_dropped, 0);
        assert_true(redis_ledger_idle(m.ledger));
        model_release(&m);
        state_memory_release(&backup);
    }
}

/* What was acknowledged, was lost by Redis and waits again is in no interval any more. */
static void what_waits_again_is_fenced_too_and_counted_once(void **state)
{
    struct model m;
    struct state_memory backup = { 0 };
    (void)state;
    model_init(&m, SPOOL);
    interval(&m, 0, 5, BYTES);
    run(&m);
    m.saved = m.own;
    interval(&m, 10, 5, BYTES);
    run(&m);
    m.own = m.saved;
    interval(&m, 20, 5, BYTES);
    redis_ledger_pump(m.ledger, m.now_ms);
    m.down = true;
    while (m.n_wire > 0)
        step(&m);
    stop(&m, &backup, 0);
    m.down = false;
    start(&m, &backup, 0);
    run(&m);
    restart(&m, 0, 0);
    interval(&m, 30, 5, BYTES);
    run(&m);
    redis_ledger_free(m.ledger);
    start(&m, &backup, 0);
    run(&m);
    expect_once(&m, 1, m.next_id);
    assert_int_equal(stats(&m).series_dropped, 0);
    assert_int_equal(stats(&m).fenced, (5 + 4) * 10); /* the log entry of the lost one is kept */
    model_release(&m);
    state_memory_release(&backup);
}

static void two_that_go_on_from_one_state_are_both_exact(void **state)
{
    (void)state;
    for (unsigned ahead = 0; ahead < 16; ahead++) {
        static struct model a, b;
        struct state_memory saved = { 0 };
        model_init(&a, SPOOL);
        interval(&a, 0, 5, BYTES);
        run(&a);
        interval(&a, 10, 5, BYTES);
        redis_ledger_pump(a.ledger, a.now_ms);
        stop(&a, &saved, ahead);
        memset(&b, 0, sizeof b);
        b.redis = &a.own;
        b.now_ms = a.now_ms;
        start(&a, &saved, 0);
        start(&b, &saved, 0);
        uint32_t next = a.next_id;
        b.next_id = IDS / 2;
        for (int i = 2; i < 6; i++) {
            interval(&a, 10 * i, 5, BYTES);
            interval(&b, 10 * i, 5, BYTES);
            run(ahead % 2 == 0 ? &a : &b);
            run(ahead % 2 == 0 ? &b : &a);
        }
        assert_true(a.next_id > next);
        expect_once(&a, 1, a.next_id);
        expect_once(&a, IDS / 2, b.next_id);
        model_release(&a);
        model_release(&b);
        state_memory_release(&saved);
    }
}

static void a_damaged_state_leaves_a_ledger_as_new(void **state)
{
    struct model m;
    struct state_memory saved = { 0 };
    (void)state;
    model_init(&m, SPOOL);
    interval(&m, 0, 5, BYTES);
    stop(&m, &saved, 0);
    start(&m, &saved, 0);
    redis_ledger_unload(m.ledger);
    assert_true(redis_ledger_idle(m.ledger));
    interval(&m, 10, 5, BYTES);
    run(&m);
    expect_once(&m, 6, m.next_id);
    assert_int_equal(m.redis->applied[1], 0);
    model_release(&m);
    state_memory_release(&saved);
}

/* A number was given before the producer's successor began, and its batch waits still. */
static void a_batch_of_the_producer_before_waits_over_a_restart_too(void **state)
{
    static const struct redis_verdict later = { .kind = REDIS_VERDICT_LATER, .text = "OOM" },
                                      foreign = { .kind = REDIS_VERDICT_FOREIGN };
    struct model m;
    (void)state;
    model_init(&m, SPOOL);
    interval(&m, 0, 2, BYTES);
    run(&m);
    interval(&m, 10, 1, BYTES);
    interval(&m, 20, 1, BYTES);
    redis_ledger_pump(m.ledger, m.now_ms);
    assert_int_equal(m.n_wire, 2);
    m.down = true;
    answer_first(&m, &later);
    answer_first(&m, &foreign);
    assert_int_equal(stats(&m).foreign, 1);
    for (int i = 0; i < 3; i++)
        restart(&m, 0, 1000);
    assert_int_equal(stats(&m).spool_batches, 2);
    run(&m);
    interval(&m, 30, 2, BYTES);
    run(&m);
    expect_once(&m, 1, m.next_id);
    assert_int_equal(stats(&m).series_dropped, 0);
    model_release(&m);
}

/* Where these stand in a record of a batch. */
enum { FORMAT_AT = 0, SEQ_AT = 15, FIRST_PLACE_AT = 67 };

static bool spoil_number(uint8_t type, char *body, size_t len, unsigned nth)
{
    bool spoilt = type == REDIS_STATE_BATCH && nth == 6;
    assert_true(type != REDIS_STATE_BATCH || len > FIRST_PLACE_AT);
    if (spoilt)
        body[SEQ_AT + 3] = 1;
    return !spoilt;
}

static bool spoil_place(uint8_t type, char *body, size_t len, unsigned nth)
{
    bool spoilt = type == REDIS_STATE_BATCH && nth == 6;
    (void)len;
    if (spoilt)
        body[FIRST_PLACE_AT + 3] = 1;
    return !spoilt;
}

static bool another_format(uint8_t type, char *body, size_t len, unsigned nth)
{
    bool spoilt = type == REDIS_STATE_BATCH && nth == 6;
    (void)len;
    if (spoilt)
        body[FORMAT_AT]++;
    return !spoilt;
}

static void one_batch_that_makes_no_sense_costs_itself(void **state)
{
    static const change_fn changes[] = { spoil_number, spoil_place, another_format };
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct model m;
        struct state_memory saved = { 0 };
        unsigned lost = 0;
        model_init(&m, SPOOL);
        for (int T = 0; T < 40; T += 10)
            interval(&m, T, 5, BYTES);
        stop(&m, &saved, 0);
        assert_int_equal(start_changed(&m, &saved, 0, changes[i]), 1);
        assert_int_equal(stats(&m).spool_batches, 4 * 5 - 1);
        assert_int_equal(stats(&m).series_dropped, 10);
        assert_int_equal(stats(&m).intervals_dropped, 1);
        run(&m);
        interval(&m, 50, 5, BYTES);
        run(&m);
        restart(&m, 0, 0);
        run(&m);
        for (uint32_t id = 1; id < m.next_id; id++) {
            assert_in_range(m.redis->applied[id], 0, 1);
            lost += m.redis->applied[id] == 0;
        }
        assert_int_equal(lost, 1);
        assert_int_equal(stats(&m).lost_batches, 0); /* it is not Redis that lost it */
        model_release(&m);
        state_memory_release(&saved);
    }
}

static bool spoil_producer(uint8_t type, char *body, size_t len, unsigned nth)
{
    bool of_shard_1 = type == REDIS_STATE_BATCH && body[2] == 1;
    bool spoilt = type == REDIS_STATE_SHARD && nth == 1;
    if (spoilt)
        body[len - 1] = body[len - 9] = 1; /* more than there is */
    return !spoilt && !of_shard_1;
}

static bool spoil_interval(uint8_t type, char *body, size_t len, unsigned nth)
{
    bool spoilt = type == REDIS_STATE_INTERVAL && nth == 1;
    (void)len;
    if (spoilt)
        body[3] = 1;
    return !spoilt && !(type == REDIS_STATE_BATCH && nth % 3 == 1);
}

static bool spoil_head(uint8_t type, char *body, size_t len, unsigned nth)
{
    (void)nth;
    if (type == REDIS_STATE_LEDGER)
        body[len - 1] = 1; /* a text longer than the record */
    return type != REDIS_STATE_LEDGER;
}

static void what_belongs_to_a_record_that_makes_no_sense_is_left_out_with_it(void **state)
{
    static const struct {
        change_fn change;
        unsigned left_out, waiting;
    } rows[] = {
        { spoil_producer, 1 + 3, 4 * 3 },
        { spoil_interval, 1 + 5, 5 * 2 },
        { spoil_head, 1, 15 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct model m;
        struct state_memory saved = { 0 };
        model_init(&m, SPOOL);
        for (int T = 0; T < 30; T += 10)
            interval(&m, T, 5, BYTES);
        stop(&m, &saved, 0);
        assert_int_equal(start_changed(&m, &saved, 0, rows[i].change), rows[i].left_out);
        assert_int_equal(stats(&m).spool_batches, rows[i].waiting);
        run(&m);
        uint32_t next = m.next_id;
        interval(&m, 50, 5, BYTES);
        run(&m);
        expect_once(&m, next, m.next_id);
        for (uint32_t id = 1; id < next; id++)
            assert_in_range(m.redis->applied[id], 0, 1);
        assert_int_equal(stats(&m).lost_batches, 0);
        model_release(&m);
        state_memory_release(&saved);
    }
}

/* ---- identity ---- */

/* Intervals of both, answers and cuts, in any order. */
static void two_that_count_under_one_id_are_both_exact(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 100; seed++) {
        static struct model a, b;
        unsigned r = seed * 2654435761u | 1;
        model_init(&a, 64 << 20);
        model_init(&b, 64 << 20);
        b.redis = &a.own;
        b.next_id = IDS / 2; /* the two have one id, and tokens of their own */
        for (int i = 0; i < 12; i++) {
            struct model *m[2] = { &a, &b };
            for (int k = 0; k < 8; k++) {
                r = r * 1103515245u + 12345u;
                unsigned dice = r >> 16;
                struct model *x = m[dice & 1];
                if (k < 2)
                    interval(m[k], 10 * i, 3, 100);
                x->down = false;
                redis_ledger_pump(x->ledger, x->now_ms);
                for (unsigned n = dice % 7; n > 0 && x->n_wire > 0; n--)
                    step(x);
                if (dice % 5 == 0)
                    cut(x, (dice >> 4) % 5);
            }
        }
        run(&a);
        run(&b);
        expect_once(&a, 1, a.next_id);
        expect_once(&a, IDS / 2, b.next_id);
        assert_true(stats(&a).foreign + stats(&b).foreign > 0);
        assert_int_equal(stats(&a).lost_batches + stats(&b).lost_batches, 0);
        model_release(&a);
        model_release(&b);
    }
}

/* fork() copies the ledger as a snapshot of a machine's memory does; Redis' state is shared. */
static void a_copy_of_a_running_server_and_the_server_are_both_exact(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 12; at++) {
        struct model m;
        model_init(&m, 1 << 20);
        m.redis =
            mmap(NULL, sizeof *m.redis, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(m.redis, MAP_FAILED);
        interval(&m, 0, 3, 100);
        run(&m);
        interval(&m, 10, 3, 100);
        redis_ledger_pump(m.ledger, m.now_ms);
        for (unsigned k = 0; k < at % 3; k++)
            step(&m);
        if (at % 4 == 3)
            cut(&m, 1); /* the copy is made while nobody is connected */
        fflush(NULL);
        pid_t copy = fork();
        if (copy == 0) {
            cut(&m, 0);
            next_token = 'a';
            m.next_id = IDS / 2;
            for (int i = 2; i < 30; i++) {
                interval(&m, 10 * i, 3, 100);
                run(&m);
            }
            _exit(redis_ledger_idle(m.ledger) && m.next_id == IDS / 2 + 84 ? 0 : 1);
        }
        int status;
        if (at >= 6)
            /* It runs ahead by more than the window. */
            assert_int_equal(waitpid(copy, &status, 0), copy);
        for (int i = 2; i < 5; i++) {
            interval(&m, 10 * i, 3, 100);
            run(&m);
        }
        if (at < 6)
            assert_int_equal(waitpid(copy, &status, 0), copy);
        assert_int_equal(status, 0);
        expect_once(&m, 1, m.next_id);
        expect_once(&m, IDS / 2, IDS / 2 + 84);
        munmap(m.redis, sizeof *m.redis);
        model_release(&m);
    }
}

static void a_number_taken_by_another_costs_a_new_producer_and_nothing_else(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    interval(&m, 0, 2, 100);
    run(&m);
    struct state_of_producer *p = &m.own.producer[0][1];
    p->last = 2; /* another server wrote number 2 of shard 0 */
    p->token[2] = '#';
    interval(&m, 10, 2, 100);
    interval(&m, 20, 2, 100);
    run(&m);
    expect_once(&m, 1, m.next_id);
    struct redis_stats s = stats(&m);
    assert_true(s.foreign >= 1);
    assert_int_equal(s.batches_duplicate, 0);
    assert_int_equal(s.intervals_applied, 3);
    assert_int_equal(p->last, 2); /* what is the other's stayed */
    model_release(&m);
}

/*
 * Redis went back, so the first batch of six meets a gap; then the copy of this server came there
 * first, so the others meet its numbers.  None of the six was applied, and all go on under the new
 * producer.
 */
static void a_gap_that_another_server_fills_doubles_nothing(void **state)
{
    enum { BATCHES = 6 };
    static const struct redis_verdict behind = { .kind = REDIS_VERDICT_GAP, .known = true };
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    interval(&m, 0, 2, 100);
    run(&m);
    redis_ledger_begin(m.ledger, 10, m.now_ms, 0);
    for (int i = 0; i < BATCHES; i++)
        redis_ledger_take(m.ledger, batch(&m, 0, 100));
    redis_ledger_end(m.ledger, m.now_ms);
    redis_ledger_pump(m.ledger, m.now_ms);
    assert_int_equal(m.n_wire, BATCHES);
    struct state_of_producer *p = &m.own.producer[0][1];
    p->last = 20;
    memset(p->token, '#', sizeof p->token);
    answer_first(&m, &behind);
    while (m.n_wire > 0) {
        struct redis_verdict v = execute(&m, m.wire[0]);
        assert_int_equal(v.kind, REDIS_VERDICT_FOREIGN);
        answer_first(&m, &v);
    }
    redis_ledger_pump(m.ledger, m.now_ms);
    assert_int_equal(m.n_wire, BATCHES);
    step(&m);
    cut(&m, BATCHES); /* all of it ran */
    run(&m);
    expect_once(&m, 1, m.next_id);
    assert_int_equal(p->last, 20);
    model_release(&m);
}

static void an_answer_lost_on_the_way_is_not_taken_for_anothers(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    for (int i = 0; i < 20; i++) {
        interval(&m, 10 * i, 1, 100);
        redis_ledger_pump(m.ledger, m.now_ms);
        cut(&m, m.n_wire); /* all of it ran, and every time it is sent again on a new connection */
        m.down = false;
    }
    run(&m);
    expect_once(&m, 1, m.next_id);
    assert_int_equal(stats(&m).foreign, 0);
    assert_true(stats(&m).batches_duplicate >= 16);
    model_release(&m);
}

static void another_live_server_of_the_same_name_is_counted_by_interval(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    m.own.holder[1] = '#'; /* one that went before us: a restart */
    interval(&m, 0, 2, 100);
    run(&m);
    interval(&m, 10, 2, 100);
    run(&m);
    assert_int_equal(stats(&m).rivals, 0);
    for (int i = 2; i < 5; i++) {
        m.own.holder[1] = '#';
        interval(&m, 10 * i, 2, 100);
        run(&m);
    }
    assert_int_equal(stats(&m).rivals, 3);
    model_release(&m);
}

static void a_log_older_than_what_is_kept_is_not_taken_for_anothers(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    interval(&m, 0, 2, 100);
    run(&m);
    m.saved = m.own;
    for (int i = 1; i < 4; i++) {
        m.now_ms += 21000; /* past keep_ms */
        interval(&m, 10 * i, 2, 100);
        run(&m);
    }
    m.own = m.saved; /* its log was written last by an entry that nobody here remembers */
    interval(&m, 40, 2, 100);
    run(&m);
    assert_true(stats(&m).lost_batches > 0);
    assert_int_equal(stats(&m).rivals, 0);
    m.own.holder[1] = '#';
    interval(&m, 50, 2, 100);
    run(&m);
    assert_int_equal(stats(&m).rivals, 1);
    model_release(&m);
}

/* ---- what Redis forgets ---- */

static void producer_keys_lost_alone_double_nothing(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    for (int i = 0; i < 3; i++) {
        interval(&m, 10 * i, 4, 100);
        run(&m);
    }
    memset(m.own.producer, 0, sizeof m.own.producer); /* the totals stay */
    interval(&m, 30, 4, 100);
    interval(&m, 40, 4, 100);
    run(&m);
    expect_once(&m, 1, m.next_id);
    struct redis_stats s = stats(&m);
    assert_int_equal(s.forgotten, 4);
    assert_int_equal(s.lost_batches, 0);
    assert_int_equal(s.series_dropped, 0);
    assert_int_equal(s.intervals_applied, 5);
    model_release(&m);
}

/* What was under way when the connection ended is dropped, unless the totals tell that it was not
 * applied. */
static void a_batch_in_doubt_is_never_added_twice(void **state)
{
    (void)state;
    for (int ran = 0; ran < 2; ran++) {
        struct model m;
        model_init(&m, 1 << 20);
        interval(&m, 0, 1, 100);
        run(&m);
        interval(&m, 10, 1, 100);
        redis_ledger_pump(m.ledger, m.now_ms);
        cut(&m, ran ? 1 : 0);
        memset(m.own.producer, 0, sizeof m.own.producer);
        interval(&m, 20, 1, 100);
        run(&m);
        expect_once(&m, 1, m.next_id);
        assert_int_equal(stats(&m).forgotten, 1);
        assert_int_equal(stats(&m).series_dropped, ran ? 10 : 0);
        assert_true(redis_ledger_idle(m.ledger));
        model_release(&m);
    }
}

/* Sent first, never answered, and Redis away for longer than it remembers a producer. */
static void a_first_batch_sent_again_after_a_long_time_is_never_added_twice(void **state)
{
    (void)state;
    for (int ran = 0; ran < 2; ran++) {
        struct model m;
        model_init(&m, 1 << 20);
        interval(&m, 0, 1, 100);
        redis_ledger_pump(m.ledger, m.now_ms);
        cut(&m, ran ? 1 : 0);
        m.now_ms += 2 * 3600 * 1000;
        memset(m.own.producer, 0, sizeof m.own.producer);
        interval(&m, 10, 1, 100);
        run(&m);
        expect_once(&m, 1, m.next_id);
        assert_true(redis_ledger_idle(m.ledger));
        assert_int_equal(stats(&m).series_dropped, ran ? 10 : 0);
        model_release(&m);
    }
}

static void totals_that_others_began_anew_are_not_taken_for_ours(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    interval(&m, 0, 1, 100);
    run(&m);
    memset(&m.own, 0, sizeof m.own); /* FLUSHALL, and then another server writes */
    m.own.birth[0] = '#';
    m.own.writes[0] = 100;
    interval(&m, 10, 1, 100);
    run(&m);
    expect_once(&m, 1, m.next_id); /* the first was kept, and is sent again */
    assert_int_equal(stats(&m).forgotten, 0);
    model_release(&m);
}

static void nothing_is_sent_before_the_first_data(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, 1 << 20);
    for (int i = 0; i < 3; i++) {
        redis_ledger_begin(m.ledger, 10 * i, m.now_ms, 0);
        for (uint8_t shard = 0; shard < 3; shard++) {
            struct redis_batch *b = batch(&m, shard, 100);
            b->series = i == 1 && shard == 1 ? 10 : 0;
            b->last = shard == 2;
            redis_ledger_take(m.ledger, b);
        }
        redis_ledger_end(m.ledger, m.now_ms);
        run(&m);
    }
    /* The shard with data, and the log entry. */
    static const uint8_t want[] = { 0, 0, 0, 0, 1, 1, 0, 1, 1 };
    for (size_t i = 0; i < sizeof want; i++)
        assert_int_equal(m.own.applied[1 + i], want[i]);
    assert_int_equal(stats(&m).intervals_applied, 3);
    assert_true(redis_ledger_idle(m.ledger));
    model_release(&m);
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
        cmocka_unit_test(what_a_failover_lost_is_sent_again_however_long_it_took),
        cmocka_unit_test(a_gap_further_back_than_kept_begins_a_new_epoch),
        cmocka_unit_test(a_batch_that_always_fails_does_not_stop_its_shard),
        cmocka_unit_test(what_redis_lost_and_then_refuses_counts_as_lost),
        cmocka_unit_test(past_the_spool_limit_the_oldest_whole_unsent_interval_goes),
        cmocka_unit_test(the_limits_hold_with_an_interval_that_is_still_encoded),
        cmocka_unit_test(what_was_kept_long_enough_goes_a_few_with_each_answer),
        cmocka_unit_test(past_the_age_limit_unsent_intervals_go_too),
        cmocka_unit_test(kept_batches_leave_before_anything_is_dropped),
        cmocka_unit_test(what_is_left_is_told_and_given_up_as_dropped),
        cmocka_unit_test(what_redis_lost_and_waits_again_is_given_up_as_lost),
        cmocka_unit_test(chaos_leaves_exact_sums),
        cmocka_unit_test(a_restart_loses_and_doubles_nothing_wherever_it_comes),
        cmocka_unit_test(chaos_with_restarts_leaves_exact_sums),
        cmocka_unit_test(a_state_that_is_restored_later_sends_nothing_of_what_it_held),
        cmocka_unit_test(what_waits_again_is_fenced_too_and_counted_once),
        cmocka_unit_test(two_that_go_on_from_one_state_are_both_exact),
        cmocka_unit_test(a_damaged_state_leaves_a_ledger_as_new),
        cmocka_unit_test(a_batch_of_the_producer_before_waits_over_a_restart_too),
        cmocka_unit_test(one_batch_that_makes_no_sense_costs_itself),
        cmocka_unit_test(what_belongs_to_a_record_that_makes_no_sense_is_left_out_with_it),
        cmocka_unit_test(two_that_count_under_one_id_are_both_exact),
        cmocka_unit_test(a_copy_of_a_running_server_and_the_server_are_both_exact),
        cmocka_unit_test(a_number_taken_by_another_costs_a_new_producer_and_nothing_else),
        cmocka_unit_test(a_gap_that_another_server_fills_doubles_nothing),
        cmocka_unit_test(an_answer_lost_on_the_way_is_not_taken_for_anothers),
        cmocka_unit_test(another_live_server_of_the_same_name_is_counted_by_interval),
        cmocka_unit_test(a_log_older_than_what_is_kept_is_not_taken_for_anothers),
        cmocka_unit_test(producer_keys_lost_alone_double_nothing),
        cmocka_unit_test(a_batch_in_doubt_is_never_added_twice),
        cmocka_unit_test(a_first_batch_sent_again_after_a_long_time_is_never_added_twice),
        cmocka_unit_test(totals_that_others_began_anew_are_not_taken_for_ours),
        cmocka_unit_test(nothing_is_sent_before_the_first_data),
    };
    return cmocka_run_group_tests_name("redis_ledger", tests, NULL, NULL);
}
