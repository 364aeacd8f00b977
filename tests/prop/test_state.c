/*
 * Law: to save, to load in another process and to go on is as if nothing had been stopped.
 *
 * Random walks of samples of every kind, turns, closed intervals and time; two pipelines get the
 * same, and one of them is stopped and started now and then.  Both show the same page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/state_memory.h"

enum { WALKS = 60, STEPS = 120, WORKERS = 2 };

struct random {
    uint64_t state;
};

static unsigned below(struct random *r, unsigned n)
{
    r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((r->state >> 33) % n);
}

static const double bounds[] = { -1, 0, 0.5, 20 };

static const struct pipeline_opts shapes[] = {
    { .workers = WORKERS },
    { .workers = WORKERS, .set_steps = 5, .set_step_intervals = 2, .births = true },
    { .workers = WORKERS, .histograms = true, .buckets = bounds, .n_buckets = 4 },
    { .workers = WORKERS,
      .histograms = true,
      .buckets = bounds,
      .n_buckets = 4,
      .native_factor = 1.3,
      .native_max_buckets = 12,
      .set_steps = 1,
      .set_step_intervals = 1 },
    { .workers = WORKERS, .max_age_ms = 50000, .age_buckets = 7, .suffixes = true },
};

static void draw_line(struct random *r, char *to, size_t room)
{
    static const char *const tags[] = { "", "|#a:b", "|#a:c,d:e", "|#q:\"\\" };
    static const char *const types[] = { "c", "g", "ms", "h", "d", "s" };
    static const char *const values[] = { "1", "0.25", "7", "1e9", "33.5", "-4", "+2", "0" };
    unsigned type = below(r, 6);
    const char *value = values[below(r, 8)];
    snprintf(to, room, "%s%u:%s|%s%s", types[type], below(r, 3), value, types[type],
             tags[below(r, 4)]);
}

static void restart(struct pipeline *p, const struct pipeline_opts *o)
{
    struct state_memory m = { 0 };
    const struct state_clock saved = state_memory_clock(p);
    uint64_t now_ns = p->now_ns;
    assert_int_equal(state_memory_save(&m, p, false), 0);
    pipeline_release(p);
    pipeline_init(p, o);
    p->now_ns = now_ns;
    assert_int_equal(state_memory_load(&m, p, &saved), 0);
    state_memory_release(&m);
}

static void step(struct random *r, struct pipeline both[2], const struct pipeline_opts *o)
{
    char line[96];
    unsigned worker = below(r, WORKERS), what = below(r, 40);
    draw_line(r, line, sizeof line);
    for (int i = 0; i < 2; i++) {
        struct pipeline *p = &both[i];
        if (what < 30)
            pipeline_feed(p, worker, line);
        else if (what < 35)
            pipeline_turn(p);
        else if (what < 37)
            pipeline_forward(p, 4);
        else
            pipeline_turn(p);
        if (what == 37)
            pipeline_close(p);
    }
    if (what < 38)
        return;
    restart(&both[0], o);
    both[1].now_ns = both[0].now_ns;
    char *expected = strdup(pipeline_text(&both[1]));
    assert_string_equal(pipeline_text(&both[0]), expected);
    free(expected);
}

static void nothing_tells_a_restart_from_none(void **state)
{
    (void)state;
    for (unsigned walk = 0; walk < WALKS; walk++) {
        struct pipeline_opts o = shapes[walk % ARRAY_LEN(shapes)];
        struct random r = { walk + 1 };
        struct pipeline both[2];
        o.format = o.births ? &writer_openmetrics : NULL;
        pipeline_init(&both[0], &o);
        pipeline_init(&both[1], &o);
        for (unsigned i = 0; i < STEPS; i++)
            step(&r, both, &o);
        pipeline_release(&both[0]);
        pipeline_release(&both[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_tells_a_restart_from_none) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
