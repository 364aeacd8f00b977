/*
 * What waits for Redis, in a state: packed batches become the commands that they stand for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sinks/redis/encode.h"
#include "sinks/redis/state.h"
#include "support/fake_snapshot.h"
#include "support/state_memory.h"

enum { COMMANDS = 256, NOW_MS = 1000000 };

/* What goes to Redis, as RESP. */
struct wires {
    struct buf at[COMMANDS];
    struct redis_batch *batch[COMMANDS];
    uint32_t generation_at[COMMANDS];
    size_t n;
    bool down;
};

static bool send_batch(void *cookie, struct redis_batch *b)
{
    struct wires *w = cookie;
    if (w->down || w->n == COMMANDS)
        return false;
    size_t inserted = redis_batch_wire(b, &w->at[w->n]);
    w->generation_at[w->n] =
        b->generation_at + (uint32_t)(b->generation_at >= b->split_at ? inserted : 0);
    b->wire_len = w->at[w->n].len;
    w->batch[w->n++] = b;
    return true;
}

static void draw(char *ret, size_t digits)
{
    static char next = 'a';
    memset(ret, next++, digits);
    ret[digits] = '\0';
}

static struct redis_ledger *ledger(struct wires *w)
{
    struct redis_ledger_opts o = { .max_bytes = 64 << 20,
                                   .max_age_ms = 600000,
                                   .keep_ms = 20000,
                                   .cookie = w,
                                   .send = send_batch,
                                   .draw = draw };
    memset(o.id, '0', REDIS_ID_DIGITS);
    return redis_ledger_new(&o);
}

static void take(void *cookie, struct redis_batch *b)
{
    redis_ledger_take(cookie, b);
}

/* Counters, gauges, timers and sets, whose keys stand in the middle of the command. */
static void fill(struct redis_ledger *l)
{
    struct redis_encode *e = redis_encode_new(&(struct redis_encode_opts){ "sd", "a", 600 });
    struct fake_snapshot f;
    fake_snapshot_init(&f, 1700000000);
    fake_snapshot_counter(&f, "hits|#env:prod", 3);
    fake_snapshot_gauge(&f, "hits.depth",
                        (struct gauge_change){ .absolute = true, .value = 0.1, .stamp_ms = 17 });
    (void)sketch_add(fake_snapshot_timer(&f, "hits.took", 5), 12, 1);
    for (unsigned i = 0; i < 40; i++) {
        char key[32];
        snprintf(key, sizeof key, "users|#shop:%u", i);
        (void)members_add(fake_snapshot_set(&f, key), members_hash(slice_str(key)));
    }
    redis_ledger_begin(l, 1700000000, NOW_MS, NOW_MS);
    fake_snapshot_encode(&f, e, 4800, take, l);
    redis_ledger_end(l, NOW_MS);
    fake_snapshot_release(&f);
    redis_encode_free(e);
}

static void save(struct redis_ledger *l, struct state_memory *to)
{
    struct records_writer w;
    const struct records_sink sink = state_memory_sink(to);
    records_begin(&w, &sink, STATE_MEMORY_VERSION);
    redis_state_save(l, "sd", NOW_MS, &w);
    assert_int_equal(records_end(&w), 0);
}

static void load(struct redis_ledger *l, struct state_memory *from)
{
    struct records_reader r;
    const struct records_source source = state_memory_source(from);
    uint8_t type;
    struct slice body;
    assert_int_equal(records_open(&r, &source, STATE_MEMORY_VERSION), 0);
    while (records_next(&r, &type, &body) > 0)
        assert_true(redis_state_load(l, "sd", type, body, NOW_MS, 0));
    records_close(&r);
    redis_ledger_loaded(l);
}

/* All that is on the wire was lost with a connection. */
static void give_up(struct redis_ledger *l, const struct wires *w)
{
    for (size_t i = 0; i < w->n; i++)
        redis_ledger_answer(l, w->batch[i], &(struct redis_verdict){ .kind = REDIS_VERDICT_LOST },
                            NOW_MS);
    redis_ledger_give_up(l);
    redis_ledger_free(l);
}

static void release(struct wires *w)
{
    for (size_t i = 0; i < w->n; i++)
        buf_release(&w->at[i]);
}

static void the_next_process_sends_the_same_bytes_but_for_the_generation(void **state)
{
    static struct wires before, after;
    struct state_memory saved = { 0 };
    (void)state;
    before = after = (struct wires){ .down = true };
    struct redis_ledger *l = ledger(&before);
    fill(l);
    save(l, &saved); /* numbers what waits */
    struct redis_ledger *next = ledger(&after);
    load(next, &saved);
    before.down = after.down = false;
    redis_ledger_pump(l, NOW_MS);
    redis_ledger_pump(next, NOW_MS);
    assert_true(before.n > 1);
    assert_int_equal(after.n, before.n);
    for (size_t i = 0; i < before.n; i++) {
        struct buf *is = &after.at[i], *was = &before.at[i];
        const uint32_t at = before.generation_at[i];
        assert_memory_equal(was->ptr + at, "000001", REDIS_GENERATION_DIGITS);
        assert_int_equal(after.generation_at[i], at);
        assert_memory_equal(is->ptr + at, "000002", REDIS_GENERATION_DIGITS);
        memcpy(is->ptr + at, was->ptr + at, REDIS_GENERATION_DIGITS);
        assert_int_equal(is->len, was->len);
        assert_memory_equal(is->ptr, was->ptr, was->len);
    }
    give_up(next, &after);
    give_up(l, &before);
    release(&before);
    release(&after);
    state_memory_release(&saved);
}

/* Anybody may send them: one batch's sum of counters leaves the finite doubles. */
static void sums_of_the_largest_counters_are_loaded_again(void **state)
{
    static const double largest[][2] = { { 1.7e308, 1.7e308 }, { -1.7e308, -1.7e308 } };
    (void)state;
    for (size_t i = 0; i < sizeof largest / sizeof largest[0]; i++) {
        static struct wires wires;
        struct state_memory saved = { 0 };
        struct fake_snapshot f;
        wires = (struct wires){ .down = true };
        struct redis_ledger *l = ledger(&wires), *next = ledger(&wires);
        struct redis_encode *e = redis_encode_new(&(struct redis_encode_opts){ "sd", "a", 600 });
        fake_snapshot_init(&f, 1700000000);
        fake_snapshot_counter(&f, "hits|#n:1", largest[i][0]);
        fake_snapshot_counter(&f, "hits|#n:2", largest[i][1]);
        redis_ledger_begin(l, 1700000000, NOW_MS, NOW_MS);
        fake_snapshot_encode(&f, e, 4800, take, l);
        redis_ledger_end(l, NOW_MS);
        save(l, &saved);
        load(next, &saved);
        fake_snapshot_release(&f);
        redis_encode_free(e);
        redis_ledger_free(next);
        redis_ledger_free(l);
        state_memory_release(&saved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_process_sends_the_same_bytes_but_for_the_generation),
        cmocka_unit_test(sums_of_the_largest_counters_are_loaded_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
