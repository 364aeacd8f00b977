/*
 * The ledger over two nodes, against a model of Redis: what is slow or gone on one must not hold up
 * the other, and all of it is applied once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/slice.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/ledger.h"

enum {
    NODES = 2,
    IDS = 32768,
    PRODUCERS = 64,
    WIRE = 64,
    BYTES = 200,
    SERIES = 10,
    ADDRESS_BYTES = 128
};

/* What Redis has of one producer. */
struct producer {
    uint64_t last, series;
    uint32_t nth;
};

struct data {
    struct producer producers[REDIS_SHARDS][PRODUCERS];
    uint64_t writes[REDIS_SHARDS];
    uint8_t applied[IDS]; /* by batch: how often */
};

struct node {
    struct redis_batch *wire[WIRE]; /* sent, not answered */
    size_t n;
    bool down; /* it takes nothing */
};

struct model {
    struct redis_ledger *ledger;
    struct node nodes[NODES];
    uint8_t node_of[REDIS_SHARDS]; /* as the ledger is told */
    uint8_t owner[REDIS_SHARDS];   /* as it is */
    uint8_t asked[REDIS_SHARDS];   /* 1 + the node of the next batch alone; 0: node_of */
    struct data redis, saved;
    uint64_t now_ms;
    uint32_t next_id;
};

/* Ids are numbers in the model, so that they are places in an array. */
static char next_producer;

static void draw(char *ret, size_t digits)
{
    memset(ret, digits == REDIS_ID_DIGITS ? next_producer++ : 'A', digits);
    ret[digits] = '\0';
}

static bool send_batch(void *cookie, struct redis_batch *b)
{
    struct model *m = cookie;
    uint8_t *asked = &m->asked[b->shard];
    assert_int_equal(b->node, m->node_of[b->shard]);
    if (*asked != 0)
        b->node = (uint8_t)(*asked - 1);
    struct node *node = &m->nodes[b->node];
    if (node->down)
        return false;
    *asked = 0;
    assert_true(node->n < WIRE);
    node->wire[node->n++] = b;
    return true;
}

/* Odd shards live on node 1. */
static struct model *model_new(uint64_t max_bytes)
{
    struct model *m = mem_zalloc(sizeof *m);
    for (int i = 0; i < REDIS_SHARDS; i++)
        m->node_of[i] = m->owner[i] = (uint8_t)(i % NODES);
    m->next_id = 1;
    m->now_ms = 1000000;
    next_producer = 2;
    struct redis_ledger_opts o = { .max_bytes = max_bytes,
                                   .max_age_ms = 600000,
                                   .keep_ms = 20000,
                                   .node_of = m->node_of,
                                   .cookie = m,
                                   .send = send_batch,
                                   .draw = draw };
    memset(o.id, 1, REDIS_ID_DIGITS);
    m->ledger = redis_ledger_new(&o);
    return m;
}

static void model_free(struct model *m)
{
    redis_ledger_free(m->ledger);
    free(m);
}

static struct redis_batch *batch(struct model *m, uint8_t shard)
{
    struct redis_batch *b = mem_zalloc(sizeof *b);
    b->len = b->wire_len = BYTES;
    b->bytes = mem_zalloc(BYTES + ADDRESS_BYTES);
    b->stale_at = 4;
    b->id_at = 8;
    b->token_at = 40;
    b->before_at = 56;
    b->seq_at = 72;
    b->mark_at = 84;
    b->generation_at = 112;
    b->life_s = 3600;
    b->shard = shard;
    b->series = SERIES;
    memcpy(b->bytes, &m->next_id, sizeof m->next_id);
    m->next_id++;
    assert_true(m->next_id < IDS);
    return b;
}

/* A batch for each of the first `shards` shards; the last carries the log entry. */
static void interval(struct model *m, unsigned shards)
{
    redis_ledger_begin(m->ledger, (int64_t)(m->now_ms / 1000), m->now_ms, 0);
    for (unsigned i = 0; i < shards; i++) {
        struct redis_batch *b = batch(m, (uint8_t)i);
        b->last = i + 1 == shards;
        redis_ledger_take(m->ledger, b);
    }
    redis_ledger_end(m->ledger, m->now_ms);
}

static struct redis_totals totals(const struct model *m, uint8_t shard)
{
    uint64_t writes = m->redis.writes[shard];
    return (struct redis_totals){ .birth = { writes > 0 ? 't' : '-' }, .writes = writes };
}

static struct redis_verdict execute(struct model *m, const struct redis_batch *b)
{
    struct producer *p = &m->redis.producers[b->shard][(int)b->bytes[b->id_at]];
    struct redis_totals t = totals(m, b->shard);
    uint32_t id;
    if (b->seq <= p->last)
        return (struct redis_verdict){ .kind = REDIS_VERDICT_DUPLICATE };
    if (b->seq > p->last + 1)
        return (struct redis_verdict){ .kind = REDIS_VERDICT_GAP,
                                       .known = p->last > 0,
                                       .last = p->last,
                                       .series = p->series,
                                       .nth = p->nth,
                                       .totals = t };
    *p = (struct producer){ .last = b->seq, .series = b->series_upto, .nth = b->nth };
    m->redis.writes[b->shard]++;
    memcpy(&id, b->bytes, sizeof id);
    m->redis.applied[id]++;
    return (struct redis_verdict){ .kind = REDIS_VERDICT_APPLIED,
                                   .totals = totals(m, b->shard),
                                   .holder = SLICE_LIT("-") };
}

static void answer(struct model *m, struct node *node, const struct redis_verdict *v)
{
    struct redis_batch *b = node->wire[0];
    memmove(node->wire, node->wire + 1, --node->n * sizeof node->wire[0]);
    redis_ledger_answer(m->ledger, b, v, m->now_ms);
}

static void step(struct model *m, int node)
{
    static const struct redis_verdict returned = { .kind = REDIS_VERDICT_RETURNED };
    struct redis_batch *b = m->nodes[node].wire[0];
    bool moved = m->owner[b->shard] != node;
    struct redis_verdict v = moved ? returned : execute(m, b);
    if (moved)
        m->node_of[b->shard] = m->owner[b->shard];
    answer(m, &m->nodes[node], &v);
    redis_ledger_pump(m->ledger, m->now_ms);
}

/* The node goes away; the first `executed` commands on its wire ran, and nobody hears of it. */
static void cut(struct model *m, int at, size_t executed)
{
    static const struct redis_verdict lost = { .kind = REDIS_VERDICT_LOST };
    struct node *node = &m->nodes[at];
    for (size_t i = 0; i < executed && i < node->n; i++)
        execute(m, node->wire[i]);
    node->down = true;
    while (node->n > 0)
        answer(m, node, &lost);
}

/* Until this node has answered to all that is sent to it. */
static void run(struct model *m, int node)
{
    redis_ledger_pump(m->ledger, m->now_ms);
    while (m->nodes[node].n > 0)
        step(m, node);
}

static void run_all(struct model *m)
{
    for (int i = 0; i < NODES; i++)
        m->nodes[i].down = false;
    while (!redis_ledger_idle(m->ledger)) {
        run(m, 0);
        run(m, 1);
    }
}

static void expect_once(const struct model *m)
{
    for (uint32_t id = 1; id < m->next_id; id++)
        if (m->redis.applied[id] != 1)
            fail_msg("batch %u was applied %d times", id, m->redis.applied[id]);
}

static struct redis_stats stats(const struct model *m)
{
    struct redis_stats s;
    redis_ledger_stats(m->ledger, m->now_ms, &s);
    return s;
}

static void each_node_has_a_window_of_its_own(void **state)
{
    (void)state;
    struct model *m = model_new(1 << 20);
    interval(m, REDIS_SHARDS);
    redis_ledger_pump(m->ledger, m->now_ms);
    assert_int_equal(m->nodes[0].n, REDIS_LEDGER_WINDOW);
    assert_int_equal(m->nodes[1].n, REDIS_LEDGER_WINDOW);
    run_all(m);
    expect_once(m);
    model_free(m);
}

/* 8 shards, the log entry in that of `log_shard`: 4 shards a node. */
static void expect_only_its_own_shards_wait(bool takes_without_answer, unsigned shards)
{
    enum { INTERVALS = 12, GONE = 1 };
    struct model *m = model_new(1 << 20);
    uint8_t log_shard = (uint8_t)(shards - 1);
    m->nodes[GONE].down = !takes_without_answer;
    for (unsigned i = 0; i < INTERVALS; i++) {
        m->now_ms += 10000;
        interval(m, shards);
        run(m, 0);
    }
    for (unsigned i = 0; i < INTERVALS * shards; i++) {
        uint8_t shard = (uint8_t)(i % shards);
        bool waits = m->node_of[shard] == GONE || shard == log_shard;
        assert_int_equal(m->redis.applied[1 + i], !waits);
    }
    assert_true(m->nodes[GONE].n <= REDIS_LEDGER_WINDOW);
    assert_int_equal(stats(m).intervals_applied, 0);
    run_all(m);
    expect_once(m);
    struct redis_stats s = stats(m);
    assert_int_equal(s.intervals_applied, INTERVALS);
    assert_int_equal(s.intervals_dropped + s.series_dropped + s.gaps, 0);
    model_free(m);
}

static void a_node_that_is_gone_holds_up_its_own_shards_and_the_log(void **state)
{
    (void)state;
    expect_only_its_own_shards_wait(false, 8); /* the log is on the node that is gone */
    expect_only_its_own_shards_wait(false, 9); /* on the other */
}

static void a_node_that_never_answers_holds_up_its_own_shards_and_the_log(void **state)
{
    (void)state;
    expect_only_its_own_shards_wait(true, 8);
    expect_only_its_own_shards_wait(true, 9);
}

static void the_log_entry_is_sent_when_both_nodes_have_answered(void **state)
{
    (void)state;
    struct model *m = model_new(1 << 20);
    interval(m, 3);
    redis_ledger_pump(m->ledger, m->now_ms);
    assert_int_equal(m->nodes[0].n, 1);
    assert_int_equal(m->nodes[1].n, 1);
    step(m, 0);
    assert_int_equal(m->nodes[0].n, 0);
    step(m, 1);
    assert_int_equal(m->nodes[0].n, 1);
    assert_true(m->nodes[0].wire[0]->last);
    run_all(m);
    expect_once(m);
    model_free(m);
}

/* Room for ten intervals' part of the node that is gone. */
static void past_the_limit_the_part_of_the_node_that_is_gone_is_dropped(void **state)
{
    enum { SHARDS = 8, GONE = 1, INTERVALS = 30, DROPPED = 20 };
    enum { MAX_BYTES = 10 * SHARDS / 2 * (BYTES + sizeof(struct redis_batch)) };
    (void)state;
    struct model *m = model_new(MAX_BYTES);
    m->nodes[GONE].down = true;
    for (int i = 0; i < INTERVALS; i++) {
        m->now_ms += 10000;
        interval(m, SHARDS);
        run(m, 0);
        assert_true(stats(m).spool_bytes <= MAX_BYTES);
    }
    struct redis_stats s = stats(m);
    assert_in_range(s.intervals_dropped, DROPPED, DROPPED + 1);
    assert_int_equal(s.series_dropped, s.intervals_dropped * SHARDS / 2 * SERIES);
    run_all(m);
    for (unsigned i = 0; i < INTERVALS * SHARDS; i++) {
        bool dropped = i / SHARDS < s.intervals_dropped && m->node_of[i % SHARDS] == GONE;
        assert_int_equal(m->redis.applied[1 + i], !dropped);
    }
    struct redis_stats end = stats(m);
    assert_int_equal(end.intervals_dropped, s.intervals_dropped);
    assert_int_equal(end.intervals_applied + end.intervals_dropped, INTERVALS);
    assert_int_equal(end.series_applied + end.series_dropped, INTERVALS * SHARDS * SERIES);
    assert_int_equal(end.gaps, 0);
    model_free(m);
}

static void past_the_age_limit_only_that_part_goes_too(void **state)
{
    (void)state;
    struct model *m = model_new(1 << 20);
    m->nodes[1].down = true;
    interval(m, 9);
    run(m, 0);
    assert_int_equal(stats(m).series_applied, 4 * SERIES);
    m->now_ms += 600001;
    run(m, 0); /* the log entry's wait is over with it */
    assert_true(redis_ledger_idle(m->ledger));
    struct redis_stats s = stats(m);
    assert_int_equal(s.series_applied, 5 * SERIES);
    assert_int_equal(s.series_dropped, 4 * SERIES);
    assert_int_equal(s.intervals_dropped, 1);
    assert_int_equal(s.intervals_applied, 0);
    model_free(m);
}

/*
 * Something of the first interval is under way to a node that is gone for good, so that interval is
 * never complete.  The other node has a shard of data beside the log: it must not wait for ever.
 */
static void a_node_gone_for_good_holds_up_the_log_for_the_age_limit_only(void **state)
{
    enum { INTERVALS = 100, SHARDS = 9, LOG_SHARD = 8, MAX_AGE_MS = 600000 };
    (void)state;
    struct model *m = model_new(1 << 20);
    interval(m, SHARDS);
    run(m, 0);
    cut(m, 1, 0);
    for (unsigned i = 1; i < INTERVALS; i++) {
        m->now_ms += 10000;
        interval(m, SHARDS);
        run(m, 0);
        for (unsigned k = 0; k <= i; k++)
            if ((i - k) * 10000 > MAX_AGE_MS)
                assert_int_equal(m->redis.applied[1 + k * SHARDS + LOG_SHARD], 1);
    }
    run_all(m);
    struct redis_stats s = stats(m);
    assert_int_equal(s.intervals_applied + s.intervals_dropped, INTERVALS);
    assert_int_equal(s.series_applied + s.series_dropped, INTERVALS * SHARDS * SERIES);
    model_free(m);
}

/* What the log's shard piles up must not push out the data of the node that works. */
static void a_node_gone_for_good_does_not_fill_the_spool_by_way_of_the_log(void **state)
{
    enum { INTERVALS = 60, SHARDS = 9, ROOM = 40 };
    enum { MAX_BYTES = ROOM * (BYTES + sizeof(struct redis_batch)) };
    (void)state;
    struct model *m = model_new(MAX_BYTES);
    interval(m, SHARDS);
    run(m, 0);
    cut(m, 1, 0);
    for (unsigned i = 1; i < INTERVALS; i++) {
        m->now_ms += 10000;
        interval(m, SHARDS);
        run(m, 0);
        assert_true(stats(m).spool_bytes <= MAX_BYTES);
        for (unsigned shard = 0; shard < SHARDS - 1; shard += NODES)
            assert_int_equal(m->redis.applied[1 + i * SHARDS + shard], 1);
    }
    run_all(m);
    struct redis_stats s = stats(m);
    assert_int_equal(s.intervals_applied + s.intervals_dropped, INTERVALS);
    assert_int_equal(s.series_applied + s.series_dropped, INTERVALS * SHARDS * SERIES);
    model_free(m);
}

static void what_is_given_up_is_counted_once_though_a_part_was_dropped(void **state)
{
    (void)state;
    struct model *m = model_new(1 << 20);
    m->nodes[1].down = true;
    interval(m, 9);
    m->now_ms += 600001;
    redis_ledger_pump(m->ledger, m->now_ms);
    m->nodes[0].down = true;
    cut(m, 0, 0);
    redis_ledger_give_up(m->ledger);
    struct redis_stats s = stats(m);
    assert_int_equal(s.intervals_dropped, 1);
    assert_int_equal(s.series_dropped, 9 * SERIES);
    model_free(m);
}

/* ---- shards that move ---- */

static void batches_that_are_returned_go_out_again_in_their_order(void **state)
{
    (void)state;
    struct model *m = model_new(1 << 20);
    for (int i = 0; i < 4; i++)
        interval(m, 1);
    redis_ledger_pump(m->ledger, m->now_ms);
    size_t n = m->nodes[0].n;
    assert_true(n > 1);
    m->owner[0] = 1;
    while (m->nodes[0].n > 0) {
        assert_int_equal(m->nodes[1].n, 0); /* the first waits for the answers to those behind it */
        step(m, 0);
    }
    assert_int_equal(m->nodes[1].n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(m->nodes[1].wire[i]->seq, i + 1);
    run_all(m);
    expect_once(m);
    struct redis_stats s = stats(m);
    assert_int_equal(s.gaps + s.errors, 0);
    model_free(m);
}

static void a_shard_that_moved_waits_for_its_answers_from_the_old_node(void **state)
{
    (void)state;
    struct model *m = model_new(1 << 20);
    interval(m, 1);
    redis_ledger_pump(m->ledger, m->now_ms);
    m->node_of[0] = 1;
    interval(m, 1);
    redis_ledger_pump(m->ledger, m->now_ms);
    assert_int_equal(m->nodes[1].n, 0);
    step(m, 0);
    m->owner[0] = 1;
    assert_int_equal(m->nodes[1].n, 1);
    run_all(m);
    expect_once(m);
    assert_int_equal(stats(m).gaps, 0);
    model_free(m);
}

static void a_batch_that_goes_elsewhere_goes_alone_and_counts_there(void **state)
{
    (void)state;
    struct model *m = model_new(1 << 20);
    for (int i = 0; i < 3; i++)
        interval(m, 1);
    m->asked[0] = 2;
    m->owner[0] = 1;
    redis_ledger_pump(m->ledger, m->now_ms);
    assert_int_equal(m->nodes[0].n, 0);
    assert_int_equal(m->nodes[1].n, 1);
    step(m, 1);
    assert_int_equal(m->node_of[0], 0);
    run_all(m);
    expect_once(m);
    assert_int_equal(stats(m).gaps, 0);
    model_free(m);
}

static void one_batch_of_each_shard_may_go_elsewhere_beside_a_full_window(void **state)
{
    (void)state;
    struct model *m = model_new(1 << 20);
    interval(m, REDIS_SHARDS);
    interval(m, REDIS_SHARDS);
    for (int i = 0; i < REDIS_SHARDS; i += 2) {
        m->asked[i] = 2;
        m->owner[i] = 1;
    }
    redis_ledger_pump(m->ledger, m->now_ms);
    assert_int_equal(m->nodes[0].n, 0);
    assert_in_range(m->nodes[1].n, REDIS_LEDGER_WINDOW + 1, REDIS_LEDGER_WINDOW + REDIS_SHARDS);
    run_all(m);
    expect_once(m);
    assert_int_equal(stats(m).gaps, 0);
    model_free(m);
}

static void a_shard_without_a_node_waits_and_others_go_on(void **state)
{
    (void)state;
    struct model *m = model_new(1 << 20);
    m->node_of[2] = m->node_of[3] = REDIS_NODE_NONE;
    interval(m, 7);
    run(m, 0);
    run(m, 1);
    for (uint32_t shard = 0; shard < 6; shard++)
        assert_int_equal(m->redis.applied[1 + shard], shard != 2 && shard != 3);
    m->node_of[2] = 0;
    m->node_of[3] = 1;
    run_all(m);
    expect_once(m);
    model_free(m);
}

/* The replica that takes over lacks the last writes, and the slot goes to another node with it. */
static void what_a_takeover_lost_is_sent_again_to_where_the_shard_is_now(void **state)
{
    (void)state;
    struct model *m = model_new(1 << 20);
    for (int i = 0; i < 6; i++) {
        m->now_ms += 1000;
        interval(m, 4);
        if (i == 2)
            m->saved = m->redis;
        run_all(m);
    }
    m->redis = m->saved;
    for (int shard = 0; shard < 4; shard++)
        m->owner[shard] ^= 1;
    interval(m, 4);
    run_all(m);
    expect_once(m);
    assert_int_equal(stats(m).gaps, 4);
    assert_int_equal(stats(m).lost_batches, 0);
    model_free(m);
}

/* Nodes that are cut, slow, or lose acknowledged writes, and shards that move to the other. */
static void chaos_over_two_nodes_leaves_exact_sums(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 200; seed++) {
        struct model *m = model_new(64 << 20);
        unsigned r = seed * 2654435761u | 1;
        for (int i = 0; i < 40; i++) {
            m->now_ms += 400;
            interval(m, 6);
            for (int at = 0; at < NODES; at++) {
                r = r * 1103515245u + 12345u;
                unsigned dice = r >> 16;
                m->nodes[at].down = dice % 5 == 0;
                redis_ledger_pump(m->ledger, m->now_ms);
                for (unsigned k = dice % 23; k > 0 && m->nodes[at].n > 0; k--)
                    step(m, at);
                if (dice % 3 == 0)
                    cut(m, at, (dice >> 4) % 17);
                if (dice % 7 == 0)
                    m->saved = m->redis;
                if (dice % 11 == 0)
                    m->redis = m->saved;
                uint8_t shard = (uint8_t)((dice >> 4) % 6);
                if (dice % 13 == 0) /* the ledger hears of it by MOVED, or before */
                    m->owner[shard] ^= 1;
                if (dice % 26 == 0)
                    m->node_of[shard] = m->owner[shard];
                if (dice % 17 == 0) /* and of an odd one by ASK: the map is an old one */
                    m->asked[shard] = (uint8_t)(1 + m->owner[shard]);
            }
        }
        run_all(m);
        interval(m, 6); /* every shard speaks once more: the last gaps are noticed */
        run_all(m);
        expect_once(m);
        assert_int_equal(stats(m).epochs, 0);
        assert_int_equal(stats(m).intervals_applied, 41);
        model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_node_has_a_window_of_its_own),
        cmocka_unit_test(a_node_that_is_gone_holds_up_its_own_shards_and_the_log),
        cmocka_unit_test(a_node_that_never_answers_holds_up_its_own_shards_and_the_log),
        cmocka_unit_test(the_log_entry_is_sent_when_both_nodes_have_answered),
        cmocka_unit_test(past_the_limit_the_part_of_the_node_that_is_gone_is_dropped),
        cmocka_unit_test(past_the_age_limit_only_that_part_goes_too),
        cmocka_unit_test(a_node_gone_for_good_holds_up_the_log_for_the_age_limit_only),
        cmocka_unit_test(a_node_gone_for_good_does_not_fill_the_spool_by_way_of_the_log),
        cmocka_unit_test(what_is_given_up_is_counted_once_though_a_part_was_dropped),
        cmocka_unit_test(batches_that_are_returned_go_out_again_in_their_order),
        cmocka_unit_test(a_shard_that_moved_waits_for_its_answers_from_the_old_node),
        cmocka_unit_test(a_batch_that_goes_elsewhere_goes_alone_and_counts_there),
        cmocka_unit_test(one_batch_of_each_shard_may_go_elsewhere_beside_a_full_window),
        cmocka_unit_test(a_shard_without_a_node_waits_and_others_go_on),
        cmocka_unit_test(what_a_takeover_lost_is_sent_again_to_where_the_shard_is_now),
        cmocka_unit_test(chaos_over_two_nodes_leaves_exact_sums),
    };
    return cmocka_run_group_tests_name("redis_ledger_nodes", tests, NULL, NULL);
}
