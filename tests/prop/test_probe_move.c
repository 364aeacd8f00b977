/*
 * Tables that move in steps while keys are put, looked for, removed and expired at random, held
 * against a list of what is there: nothing is lost or found twice, and the table that a move leads
 * to has the keys whose homes were copied, each once.  All that twice: with memory that is there at
 * once, and with memory that another thread makes ready, for which the first step waits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/index.h"
#include "aggregate/limit.h"
#include "aggregate/table.h"
#include "base/backing.h"
#include "base/mem.h"
#include "base/slice.h"

enum { KEYS = 12000, ROUNDS = 6, STEPS = 12000, LOOK_EVERY = 1500 };

enum shape { SPREAD, CROWDED, AT_THE_END, SHAPES };

struct key {
    struct cell cell; /* first: a slot's cell is the key */
    uint64_t lo;
    bool in;
};

struct model {
    struct key *keys;
    unsigned used; /* of KEYS */
    size_t n;      /* that are in */
    uint64_t random;
};

static unsigned below(struct model *m, unsigned n)
{
    m->random = m->random * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((m->random >> 33) % n);
}

/* Crowded: homes that meet, in a table of any size; at the end: runs that wrap around. */
static uint64_t lo_of(enum shape shape, unsigned i)
{
    uint64_t spread = (i + 1) * 0x9E3779B97F4A7C15ull;
    switch (shape) {
    case CROWDED:
        return (spread >> 16) & ~(uint64_t)0x3c;
    case AT_THE_END:
        return UINT64_MAX - i % 29;
    default:
        return spread;
    }
}

static void model_init(struct model *m, enum shape shape)
{
    *m = (struct model){ .used = shape == AT_THE_END ? 400 : KEYS, .random = 11 + shape };
    m->keys = mem_zalloc(KEYS * sizeof *m->keys);
    for (unsigned i = 0; i < KEYS; i++) {
        m->keys[i].lo = lo_of(shape, i);
        m->keys[i].cell.check = i + 1;
    }
}

static struct hash128 hash_of(const struct key *k)
{
    return (struct hash128){ k->lo, k->cell.check };
}

/* Rounds that fill, rounds that empty, so that tables grow and shrink. */
static bool is_put(struct model *m, unsigned round)
{
    return below(m, 10) < (round % 2 == 0 ? 8u : 2u);
}

/* ---- a worker's table ---- */

static void expect_same_keys(const struct model *m, const struct table *t)
{
    size_t in_next = 0, in_slots = 0;
    for (uint64_t i = 0; i <= t->mask; i++)
        in_slots += t->slots[i].cell != NULL;
    assert_int_equal(in_slots, m->n);
    assert_int_equal(t->n, m->n);
    struct table next = { .slots = t->move.next, .mask = t->move.mask };
    for (unsigned i = 0; i < m->used; i++) {
        const struct key *k = &m->keys[i];
        assert_ptr_equal(table_find(t, hash_of(k)), k->in ? &k->cell : NULL);
        if (t->move.done == 0) /* nothing is there yet, and it is not the table's */
            continue;
        bool copied = k->in && (table_start(k->lo) & t->mask) < t->move.done;
        assert_ptr_equal(table_find(&next, hash_of(k)), copied ? &k->cell : NULL);
        in_next += copied;
    }
    for (uint64_t i = 0; t->move.done > 0 && i <= next.mask; i++)
        in_next -= next.slots[i].cell != NULL;
    assert_int_equal(in_next, 0);
}

static uint64_t slot_of(const struct table *t, const struct key *k)
{
    uint64_t i = table_start(k->lo) & t->mask;
    while (t->slots[i].cell != &k->cell)
        i = (i + 1) & t->mask;
    return i;
}

/* As a worker's sweep does: some slots from `at` on, where others may move up. */
static void sweep(struct model *m, struct table *t, uint64_t at)
{
    for (unsigned n = 0; n < 100 && t->n > 0; n++) {
        at &= t->mask;
        struct key *k = (struct key *)t->slots[at].cell;
        if (k == NULL || below(m, 4) != 0) {
            at++;
            continue;
        }
        table_remove_at(t, at);
        k->in = false;
        m->n--;
    }
}

static void change(struct model *m, struct table *t, unsigned round)
{
    struct key *k = &m->keys[below(m, m->used)];
    if (!k->in && is_put(m, round)) {
        assert_int_equal(table_reserve(t), 0);
        table_put(t, hash_of(k), &k->cell);
        k->in = true;
        m->n++;
    } else if (k->in && !is_put(m, round)) {
        if (below(m, 2) == 0)
            table_remove(t, hash_of(k));
        else
            table_remove_at(t, slot_of(t, k));
        k->in = false;
        m->n--;
    }
}

static void a_workers_table_has_what_was_put_and_not_removed_at_every_step_of_a_move(void **unused)
{
    (void)unused;
    for (enum shape shape = 0; shape < SHAPES; shape++) {
        struct model m;
        struct table t;
        unsigned moves = 0, during = 0;
        model_init(&m, shape);
        assert_int_equal(table_init(&t), 0);
        for (unsigned step = 0; step < ROUNDS * STEPS; step++) {
            const unsigned round = step / STEPS;
            const void *before = t.slots;
            change(&m, &t, round);
            if (round % 2 == 1 && below(&m, 200) == 0)
                sweep(&m, &t, below(&m, 1u << 20));
            if (below(&m, 5000) == 0)
                table_tidy(&t);
            moves += t.slots != before;
            during += t.move.next != NULL;
            if (step % LOOK_EVERY == 0 || (t.move.next != NULL && below(&m, 100) == 0))
                expect_same_keys(&m, &t);
        }
        expect_same_keys(&m, &t);
        assert_true(shape == AT_THE_END || (moves >= 4 && during > STEPS / 20));
        table_release(&t);
        free(m.keys);
    }
}

/* ---- the set of the limit ---- */

static void the_limits_set_counts_each_series_once_at_every_step_of_a_move(void **unused)
{
    (void)unused;
    for (enum shape shape = 0; shape < AT_THE_END; shape++) {
        struct model m;
        struct series_limit l;
        unsigned during = 0;
        model_init(&m, shape);
        assert_int_equal(series_limit_init(&l, KEYS), 0);
        for (unsigned step = 0; step < ROUNDS * STEPS; step++) {
            struct key *k = &m.keys[below(&m, m.used)];
            /* Two keys of one hash are one series; the shapes have none. */
            if (is_put(&m, step / STEPS)) {
                assert_true(series_limit_claim(&l, k->lo));
                m.n += !k->in;
                k->in = true;
            } else {
                series_limit_drop(&l, k->lo);
                m.n -= k->in;
                k->in = false;
            }
            assert_int_equal(l.n, m.n);
            during += l.move.next != NULL;
        }
        for (unsigned i = 0; i < m.used; i++)
            series_limit_claim(&l, m.keys[i].lo);
        assert_int_equal(l.n, m.used);
        assert_true(during > 100);
        series_limit_release(&l);
        free(m.keys);
    }
}

/* ---- control's index ---- */

static uint64_t key_hash(const void *key)
{
    return ((const struct key *)key)->lo;
}

static bool key_is(const void *key, const void *other)
{
    return key == other;
}

static void an_index_has_what_was_put_and_not_removed_at_every_step_of_a_move(void **unused)
{
    (void)unused;
    for (enum shape shape = 0; shape < SHAPES; shape++) {
        struct model m;
        struct index x;
        unsigned during = 0;
        model_init(&m, shape);
        index_init(&x, key_hash);
        for (unsigned step = 0; step < ROUNDS * STEPS; step++) {
            struct key *k = &m.keys[below(&m, m.used)];
            if (!k->in && is_put(&m, step / STEPS)) {
                index_put(&x, k);
                k->in = true;
                m.n++;
            } else if (k->in && !is_put(&m, step / STEPS)) {
                index_remove(&x, k);
                k->in = false;
                m.n--;
            }
            assert_int_equal(x.n, m.n);
            during += x.move.next != NULL;
            for (unsigned i = 0; i < m.used && step % LOOK_EVERY == 0; i++)
                assert_ptr_equal(index_find(&x, m.keys[i].lo, key_is, &m.keys[i]),
                                 m.keys[i].in ? &m.keys[i] : NULL);
        }
        assert_true(during > 100);
        index_release(&x);
        free(m.keys);
    }
}

/* ---- how long the first step may wait ---- */

static void a_move_waits_for_memory_as_long_as_there_is_room_and_no_longer(void **unused)
{
    (void)unused;
    static char next[1];
    for (uint64_t mask = 63; mask < 1u << 22; mask = mask * 2 + 1) {
        struct probe_move m = { 0 };
        uint64_t keys = 0;
        probe_move_begin(&m, mask, next, mask * 2 + 1);
        while (!probe_move_due(&m) || probe_move_put_off(&m))
            keys++;
        const uint64_t steps = (mask + 1) / PROBE_STEP;
        assert_true(keys + steps <= probe_move_keys(mask));
        assert_true(keys + PROBE_STEP > (mask + 1) / 8);
        m.done = PROBE_STEP;
        assert_false(probe_move_put_off(&m)); /* nor once it has begun */
    }
}

/* Keys that come until a table of that mask has moved, where memory is late for all it may be. */
static uint64_t keys_of_a_late_move(uint64_t mask, uint64_t next_mask)
{
    static char next[1];
    struct probe_move m = { 0 };
    uint64_t keys = 0;
    probe_move_begin(&m, mask, next, next_mask);
    for (; m.done <= mask; keys++)
        if (probe_move_due(&m) && !probe_move_put_off(&m))
            m.done += PROBE_STEP;
    return keys;
}

/* Few are left, it begins to shrink, and then as many come as can. */
static void a_table_that_shrinks_late_is_not_too_full_to_grow_late(void **unused)
{
    (void)unused;
    for (uint64_t mask = 2047; mask < 1u << 22; mask = mask * 2 + 1) {
        const uint64_t n = mask / 8 + keys_of_a_late_move(mask, mask / 2);
        assert_true(n <= (mask / 2 + 1) / 2);
        assert_true(n + keys_of_a_late_move(mask / 2, mask) <=
                    mask / 4 + 1 + probe_move_keys(mask / 2));
    }
}

static int start_backing(void **unused)
{
    (void)unused;
    return backing_start();
}

static int stop_backing(void **unused)
{
    (void)unused;
    backing_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_workers_table_has_what_was_put_and_not_removed_at_every_step_of_a_move),
        cmocka_unit_test(the_limits_set_counts_each_series_once_at_every_step_of_a_move),
        cmocka_unit_test(an_index_has_what_was_put_and_not_removed_at_every_step_of_a_move),
        cmocka_unit_test(a_move_waits_for_memory_as_long_as_there_is_room_and_no_longer),
        cmocka_unit_test(a_table_that_shrinks_late_is_not_too_full_to_grow_late),
    };
    const struct CMUnitTest awaited[] = {
        cmocka_unit_test(a_workers_table_has_what_was_put_and_not_removed_at_every_step_of_a_move),
        cmocka_unit_test(the_limits_set_counts_each_series_once_at_every_step_of_a_move),
    };
    int failed = cmocka_run_group_tests_name("probe_move", tests, NULL, NULL);
    failed +=
        cmocka_run_group_tests_name("probe_move_awaited", awaited, start_backing, stop_backing);
    return failed;
}
