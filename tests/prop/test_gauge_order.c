/*
 * A gauge's value follows the order in which its changes arrived, whatever spellings they came in,
 * which workers read them, and when those turned their pages.  The model is one number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/gauge_value.h"
#include "support/pipeline.h"

static uint64_t state;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((state >> 24) % n);
}

static const char *const spellings[] = { "#a:1,b:2", "#b:2,a:1", "#a:1,,b:2", "#b:2,a:1,k:" };

struct world {
    struct pipeline p;
    double model;
    double told; /* what a sink that applies each closed interval has */
    uint64_t now_ns;
};

static void change(struct world *w, bool relative)
{
    char line[64];
    int v = (int)below(20) - 10;
    w->now_ns += 1 + below(100000);
    snprintf(line, sizeof line, relative ? "g:%+d|g|%s" : "g:%d|g|%s", relative ? v : v + 10,
             spellings[below(ARRAY_LEN(spellings))]);
    pipeline_feed_at(&w->p, below(w->p.opts.workers), line, w->now_ns);
    w->model = relative ? w->model + v : v + 10;
}

static void close_interval(struct world *w)
{
    double value = 0, delta = 0;
    w->p.now_ns = w->now_ns;
    const char *text = pipeline_close(&w->p), *key = "gauge g|#a:1,b:2 ";
    if (*text == '\0')
        return;
    assert_int_equal(strncmp(text, key, strlen(key)), 0);
    text += strlen(key);
    if (sscanf(text, "=%lf +%lf", &value, &delta) == 2)
        w->told = value + delta;
    else if (sscanf(text, "+%lf", &delta) == 1)
        w->told += delta;
    else
        fail_msg("%s", text);
}

/* Some workers turn, one after the other, and more comes in between. */
static void turn_some(struct world *w, bool all)
{
    unsigned first = below(w->p.opts.workers);
    for (unsigned i = 0; i < w->p.opts.workers; i++) {
        unsigned worker = (first + i) % w->p.opts.workers;
        if (all || below(3) > 0)
            pipeline_turn_worker(&w->p, worker);
        if (!all && below(3) == 0)
            change(w, below(4) > 0);
    }
}

static void check(struct world *w)
{
    char want[64];
    turn_some(w, true);
    snprintf(want, sizeof want, "g{a=\"1\",b=\"2\"} %g\n", w->model);
    pipeline_expect(&w->p, want);
    close_interval(w);
    assert_true(w->told == w->model);
}

static void a_gauge_follows_arrival_over_spellings_workers_pages_and_intervals(void **unused)
{
    (void)unused;
    for (unsigned round = 0; round < 400; round++) {
        struct world w = { .model = 0 };
        state = round + 1;
        pipeline_init(&w.p, &(struct pipeline_opts){ .workers = 1 + round % 4,
                                                     .gauge_sign = GAUGE_SIGN_DELTA,
                                                     .max_series = round % 5 == 0 ? 1 : 1000 });
        w.now_ns = w.p.now_ns;
        for (int step = 0; step < 200; step++) {
            change(&w, below(4) > 0);
            if (below(10) == 0)
                turn_some(&w, false);
            if (below(20) == 0)
                close_interval(&w);
            if (below(20) == 0)
                check(&w);
        }
        check(&w);
        pipeline_release(&w.p);
    }
}

/* Past the list's bound changes are added up: at most a sixteenth of them is out of place. */
static void more_changes_than_the_list_holds_are_nearly_in_place(void **unused)
{
    (void)unused;
    for (unsigned set_at = 0; set_at <= 1000; set_at += 37) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .workers = 2, .gauge_sign = GAUGE_SIGN_DELTA });
        uint64_t t = p.now_ns;
        for (unsigned i = 0; i < 1000; i++)
            pipeline_feed_at(&p, 0, "g:+1|g", t + 10 * i);
        pipeline_feed_at(&p, 1, "g:5000|g", t + 10 * set_at - 5);
        p.now_ns = t + 20000;
        pipeline_turn(&p);
        double value = atof(pipeline_lines(&p) + 2), right = 5000 + 1000 - set_at;
        assert_true(value >= right && value <= right + 1000.0 / 16);
        pipeline_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gauge_follows_arrival_over_spellings_workers_pages_and_intervals),
        cmocka_unit_test(more_changes_than_the_list_holds_are_nearly_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
