/*
 * What waits for Redis, in a state: packed batches stay packed, and become the commands that they
 * stand for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/script.h"
#include "sinks/redis/state.h"
#include "support/fake_snapshot.h"
#include "support/state_memory.h"

enum { COMMANDS = 256, NOW_MS = 1000000 };

static const uint64_t SCRIPT_OF_FORMAT_2 = 0xa01ff508c156162b;

/* What goes to Redis, as RESP. */
struct wires {
    struct buf at[COMMANDS];
    struct redis_batch *batch[COMMANDS];
    uint32_t generation_at[COMMANDS];
    size_t n;
    size_t most; /* 0: as many as there is room for */
    bool down;
};

static bool send_batch(void *cookie, struct redis_batch *b)
{
    struct wires *w = cookie;
    if (w->down || w->n == COMMANDS || (w->most > 0 && w->n == w->most))
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
    struct redis_encode *e = redis_encode_new(
        &(struct redis_encode_opts){ .prefix = "sd", .instance = "a", .retention_s = 600 });
    struct fake_snapshot f;
    fake_snapshot_init(&f, 1700000000);
    fake_snapshot_counter(&f, "hits|#env:prod", 3);
    fake_snapshot_gauge(&f, "hits.depth",
                        (struct gauge_change){ .absolute = true, .value = 0.1, .stamp_ms = 17 });
    fake_snapshot_gauge(&f, "hits.level",
                        (struct gauge_change){ .absolute = false, .value = -2.5, .stamp_ms = 18 });
    struct sketch *took = fake_snapshot_timer(&f, "hits.took", 5);
    (void)sketch_add(took, 12, 1);
    (void)sketch_add(took, -3, 1);
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

/* Saved and loaded n times.   returns  what the last one sends */
static void pass_on(struct redis_ledger *first, unsigned n, struct wires *ret)
{
    struct redis_ledger *l = first;
    for (unsigned i = 0; i < n; i++) {
        struct state_memory saved = { 0 };
        save(l, &saved);
        if (l != first)
            redis_ledger_free(l);
        *ret = (struct wires){ .down = true };
        l = ledger(ret);
        load(l, &saved);
        state_memory_release(&saved);
    }
    ret->down = false;
    redis_ledger_pump(l, NOW_MS);
    give_up(l, ret);
}

/* Half of them sent, all of it loaded and saved again. */
static void over_many_restarts_the_bytes_stay_whether_they_were_sent_or_not(void **state)
{
    static struct wires sent, after;
    (void)state;
    for (size_t most = 1; most < 6; most++) {
        sent = (struct wires){ .most = most };
        struct redis_ledger *l = ledger(&sent);
        fill(l);
        fill(l);
        redis_ledger_pump(l, NOW_MS);
        assert_int_equal(sent.n, most);
        sent.down = true;
        for (size_t i = 0; i < most; i++)
            redis_ledger_answer(l, sent.batch[i],
                                &(struct redis_verdict){ .kind = REDIS_VERDICT_LOST }, NOW_MS);
        pass_on(l, 3, &after);
        assert_true(after.n >= most);
        for (size_t i = 0; i < most; i++) {
            const uint32_t at = sent.generation_at[i];
            memcpy(sent.at[i].ptr + at, "000004", REDIS_GENERATION_DIGITS);
            assert_true(slice_eq(buf_slice(&after.at[i]), buf_slice(&sent.at[i])));
        }
        release(&sent);
        sent.n = 0;
        give_up(l, &sent);
        release(&after);
    }
}

/*
 * What waits is saved for the script, and may meet that of a later version.  Whoever changes the
 * keys or arguments that it takes raises REDIS_BATCH_FORMAT; whoever changes something else, the
 * hash alone.
 */
static void the_format_of_batches_goes_with_the_script(void **state)
{
    struct buf text = { 0 };
    (void)state;
    redis_script_append(&text);
    assert_int_equal(REDIS_BATCH_FORMAT, 2);
    assert_int_equal(XXH3_64bits(text.ptr, text.len), SCRIPT_OF_FORMAT_2);
    assert_int_equal(REDIS_SCRIPT_KEYS, 7);
    assert_int_equal(REDIS_SCRIPT_ARGS, 22);
    buf_release(&text);
}

/* All that waited is for another script: nothing of it is sent, and what comes next is. */
static void batches_of_another_format_are_left_out_and_counted(void **state)
{
    static struct wires wires;
    struct state_memory saved = { 0 };
    struct redis_stats stats;
    struct records_reader r;
    uint8_t type;
    struct slice body;
    (void)state;
    wires = (struct wires){ .down = true };
    struct redis_ledger *l = ledger(&wires), *next = ledger(&wires);
    fill(l);
    save(l, &saved);
    const struct records_source source = state_memory_source(&saved);
    assert_int_equal(records_open(&r, &source, STATE_MEMORY_VERSION), 0);
    while (records_next(&r, &type, &body) > 0) {
        struct buf other = { 0 };
        buf_append_slice(&other, body);
        if (type == REDIS_STATE_BATCH)
            other.ptr[0]++;
        assert_int_equal(redis_state_load(next, "sd", type, buf_slice(&other), NOW_MS, 0),
                         type != REDIS_STATE_BATCH);
        buf_release(&other);
    }
    records_close(&r);
    redis_ledger_loaded(next);
    redis_ledger_stats(next, NOW_MS, &stats);
    assert_true(redis_ledger_idle(next));
    assert_int_equal(stats.series_dropped, 44);
    assert_int_equal(stats.intervals_dropped, 1);
    fill(next);
    wires.down = false;
    redis_ledger_pump(next, NOW_MS);
    assert_true(wires.n > 1);
    give_up(next, &wires);
    wires.n = 0;
    redis_ledger_free(l);
    release(&wires);
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
        struct redis_encode *e = redis_encode_new(
            &(struct redis_encode_opts){ .prefix = "sd", .instance = "a", .retention_s = 600 });
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

/* Long names that differ in their end: as commands they are many times as large. */
static void what_waits_takes_as_much_memory_as_before(void **state)
{
    static struct wires wires;
    static char key[400];
    struct state_memory saved = { 0 };
    struct fake_snapshot f;
    struct redis_stats before, after;
    (void)state;
    wires = (struct wires){ .down = true };
    struct redis_ledger *l = ledger(&wires), *next = ledger(&wires);
    struct redis_encode *e = redis_encode_new(
        &(struct redis_encode_opts){ .prefix = "sd", .instance = "a", .retention_s = 600 });
    fake_snapshot_init(&f, 1700000000);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "hits|#deployment:%0300d,pod:%u", 0, i);
        fake_snapshot_counter(&f, key, i);
    }
    redis_ledger_begin(l, 1700000000, NOW_MS, NOW_MS);
    fake_snapshot_encode(&f, e, 4800, take, l);
    redis_ledger_end(l, NOW_MS);
    redis_ledger_stats(l, NOW_MS, &before);
    save(l, &saved);
    load(next, &saved);
    redis_ledger_stats(next, NOW_MS, &after);
    assert_int_equal(after.spool_batches, before.spool_batches);
    assert_int_equal(after.spool_bytes, before.spool_bytes);
    assert_true(saved.bytes.len < before.spool_bytes + 10000);
    fake_snapshot_release(&f);
    redis_encode_free(e);
    redis_ledger_free(next);
    redis_ledger_free(l);
    state_memory_release(&saved);
}

/* Names as long as a datagram, and timers with every bucket there is. */
static void the_largest_batches_are_loaded_again(void **state)
{
    enum { SERIES = 30, NAME = 65000 };
    static struct wires wires;
    static char key[NAME + 8];
    struct state_memory saved = { 0 };
    struct fake_snapshot f;
    (void)state;
    wires = (struct wires){ .down = true };
    struct redis_ledger *l = ledger(&wires), *next = ledger(&wires);
    struct redis_encode *e = redis_encode_new(
        &(struct redis_encode_opts){ .prefix = "sd", .instance = "a", .retention_s = 600 });
    fake_snapshot_init(&f, 1700000000);
    for (unsigned i = 0; i < SERIES; i++) {
        snprintf(key, sizeof key, "hits|#n:%02u%0*d", i, NAME - 12, 0);
        struct sketch *k = fake_snapshot_timer(&f, key, 8);
        for (double v = 1; v < 1e6; v *= 1.003) {
            (void)sketch_add(k, v, 0.7);
            (void)sketch_add(k, -v, 0.7);
        }
    }
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

/* What was saved, with one byte of a batch changed. */
static void load_changed(struct state_memory *from, size_t at, unsigned char by)
{
    static struct wires wires;
    struct records_reader r;
    const struct records_source source = state_memory_source(from);
    uint8_t type;
    struct slice body;
    wires = (struct wires){ 0 };
    struct redis_ledger *l = ledger(&wires);
    bool changed = false;
    from->at = 0;
    assert_int_equal(records_open(&r, &source, STATE_MEMORY_VERSION), 0);
    while (records_next(&r, &type, &body) > 0) {
        struct buf other = { 0 };
        buf_append_slice(&other, body);
        if (type == REDIS_STATE_BATCH && !changed && body.len > 1000) {
            other.ptr[at % body.len] ^= (char)by;
            changed = true;
        }
        (void)redis_state_load(l, "sd", type, buf_slice(&other), NOW_MS, 0);
        buf_release(&other);
    }
    records_close(&r);
    assert_true(changed);
    redis_ledger_loaded(l);
    redis_ledger_pump(l, NOW_MS); /* what was taken becomes a command */
    give_up(l, &wires);
    release(&wires);
}

static void a_batch_of_any_bytes_is_left_out_or_becomes_a_command(void **state)
{
    static const unsigned char changes[] = { 1, 0x80, 0xff };
    static struct wires wires;
    struct state_memory saved = { 0 };
    (void)state;
    wires = (struct wires){ .down = true };
    struct redis_ledger *l = ledger(&wires);
    fill(l);
    save(l, &saved);
    redis_ledger_free(l);
    for (size_t at = 0; at < 1500; at++)
        for (size_t i = 0; i < sizeof changes; i++)
            load_changed(&saved, at, changes[i]);
    state_memory_release(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_process_sends_the_same_bytes_but_for_the_generation),
        cmocka_unit_test(over_many_restarts_the_bytes_stay_whether_they_were_sent_or_not),
        cmocka_unit_test(the_format_of_batches_goes_with_the_script),
        cmocka_unit_test(batches_of_another_format_are_left_out_and_counted),
        cmocka_unit_test(sums_of_the_largest_counters_are_loaded_again),
        cmocka_unit_test(what_waits_takes_as_much_memory_as_before),
        cmocka_unit_test(the_largest_batches_are_loaded_again),
        cmocka_unit_test(a_batch_of_any_bytes_is_left_out_or_becomes_a_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
