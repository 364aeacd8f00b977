/* What /metrics shows, saved and loaded by another registry: it goes on as if never ended. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pack.h"
#include "support/state_memory.h"

static const double bounds[] = { 0.01, 0.1, 1 }, more_bounds[] = { 0.01, 0.1, 1, 10 };

/* p becomes a process that loaded what p saved, down_s later. */
static struct state_clock stop_and_start(struct pipeline *p, const struct pipeline_opts *next,
                                         unsigned down_s)
{
    struct state_memory m = { 0 };
    const struct state_clock saved = state_memory_clock(p);
    uint64_t now_ns = p->now_ns + down_s * PIPELINE_SECOND;
    assert_int_equal(state_memory_save(&m, p, false), 0);
    pipeline_release(p);
    pipeline_init(p, next);
    p->now_ns = now_ns;
    assert_int_equal(state_memory_load(&m, p, &saved), 0);
    state_memory_release(&m);
    return saved;
}

/* Later, when the interval is over and what is idle has gone. */
static void pass(struct pipeline *p, unsigned seconds)
{
    pipeline_forward(p, seconds);
    pipeline_close(p);
    while (registry_expire(p->registry, p->now_ns)) {}
}

static void feed_all(struct pipeline *p, const char *const *lines, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pipeline_feed(p, 0, lines[i]);
    pipeline_turn(p);
}

static const char *const all_kinds[] = {
    "c:3|c",
    "c:0.5|c|@0.1|#a:1,b:2",
    "g:4|g",
    "g:+2|g",
    "only.changes:+7|g",
    "t:100|ms",
    "t:2500|ms",
    "t:-3|h",
    "t:0|h",
    "s:a|s",
    "s:b|s",
    "s:a|s|#x:y",
    "both:1|g",
    "both:m|s",
    "weird-name:1|c|#k:a\"b\\c",
    "t2:0.5|h|#a",
    "t2:1e300|h|#a",
    "t2:1e-30|h|#a",
    "neg:-5|h",
};

static const struct pipeline_opts shapes[] = {
    { 0 },
    { .set_steps = 6, .set_step_intervals = 1 },
    { .set_steps = 3, .set_step_intervals = 4, .births = true, .format = &writer_openmetrics },
    { .histograms = true, .buckets = bounds, .n_buckets = 3 },
    { .histograms = true,
      .buckets = bounds,
      .n_buckets = 3,
      .native_factor = 1.1,
      .native_max_buckets = 20,
      .births = true,
      .format = &writer_openmetrics },
    { .histograms = true,
      .buckets = bounds,
      .n_buckets = 3,
      .native_factor = 1.1,
      .native_zero_threshold = 0.01,
      .format = &writer_protobuf },
    { .suffixes = true, .workers = 2 },
};

static char *text_of(struct pipeline *p)
{
    return p->opts.format == &writer_protobuf ? strndup(pipeline_protobuf(p).ptr, 0)
                                              : strdup(pipeline_text(p));
}

/* The page but for the server's own lines, which pipelines have none of. */
static void every_kind_shows_the_same_page(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        struct pipeline p;
        pipeline_init(&p, &shapes[i]);
        feed_all(&p, all_kinds, ARRAY_LEN(all_kinds));
        pipeline_close(&p);
        feed_all(&p, all_kinds, ARRAY_LEN(all_kinds) / 2);
        if (shapes[i].format == &writer_protobuf) {
            struct slice body = pipeline_protobuf(&p);
            struct buf before = { 0 };
            buf_append_slice(&before, body);
            stop_and_start(&p, &shapes[i], 0);
            body = pipeline_protobuf(&p);
            assert_int_equal(body.len, before.len); /* bucket for bucket */
            buf_release(&before);
        } else {
            char *before = text_of(&p);
            stop_and_start(&p, &shapes[i], 0);
            assert_string_equal(pipeline_text(&p), before);
            free(before);
        }
        pipeline_release(&p);
    }
}

static void samples_go_on_where_they_were(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        struct pipeline_opts o = shapes[i];
        struct pipeline p, twin;
        o.format = NULL;
        pipeline_init(&p, &o);
        pipeline_init(&twin, &o);
        for (int round = 0; round < 4; round++) {
            feed_all(&p, all_kinds + round, ARRAY_LEN(all_kinds) - 4);
            feed_all(&twin, all_kinds + round, ARRAY_LEN(all_kinds) - 4);
            if (round % 2 == 1) {
                pipeline_close(&p);
                pipeline_close(&twin);
            }
            stop_and_start(&p, &o, 0);
            twin.now_ns = p.now_ns;
            char *expected = strdup(pipeline_text(&twin));
            assert_string_equal(pipeline_text(&p), expected);
            free(expected);
        }
        pipeline_release(&p);
        pipeline_release(&twin);
    }
}

static void a_gauge_that_was_loaded_is_older_than_any_sample(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { 0 };
    (void)state;
    pipeline_init(&p, &o);
    pipeline_feed(&p, 0, "g:5|g");
    pipeline_feed(&p, 0, "h:5|g");
    pipeline_turn(&p);
    stop_and_start(&p, &o, 0);
    pipeline_feed_at(&p, 0, "g:+1|g", p.now_ns);
    pipeline_feed_at(&p, 0, "h:9|g", p.now_ns);
    pipeline_turn(&p);
    pipeline_expect(&p, "g 6\nh 9\n");
    pipeline_release(&p);
}

/* What waits in one socket at the stop may have arrived before what was read from another one. */
static void a_change_that_arrived_before_the_last_one_read_counts_after_a_restart(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { 0 };
    (void)state;
    pipeline_init(&p, &o);
    uint64_t waits_ns = p.now_ns;
    pipeline_feed_at(&p, 0, "g:5|g\nh:5|g", waits_ns + 1000000);
    pipeline_turn(&p);
    stop_and_start(&p, &o, 1);
    pipeline_feed_at(&p, 0, "g:+1|g\nh:9|g", waits_ns);
    pipeline_turn(&p);
    pipeline_expect(&p, "g 6\nh 9\n");
    pipeline_release(&p);
}

static void a_series_idle_beyond_its_ttl_is_not_brought_back(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { .ttl_s = 60 };
    (void)state;
    pipeline_init(&p, &o);
    pipeline_feed(&p, 0, "old:1|c");
    pipeline_turn(&p);
    pipeline_forward(&p, 40);
    pipeline_feed(&p, 0, "young:1|c");
    pipeline_turn(&p);
    stop_and_start(&p, &o, 30);
    pipeline_expect(&p, "young 1\n");
    assert_int_equal(registry_restored(p.registry), 1);
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_RESTORED_LEFT_OUT], 1);
    pass(&p, 40); /* 70 s without a sample by now */
    pipeline_expect(&p, "");
    assert_int_equal(registry_restored(p.registry), 0);
    pipeline_release(&p);
}

static void a_line_that_a_sample_came_for_lives_as_long_as_its_series(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { .ttl_s = 60 };
    (void)state;
    pipeline_init(&p, &o);
    pipeline_feed(&p, 0, "a:1|c");
    pipeline_turn(&p);
    stop_and_start(&p, &o, 10);
    pipeline_forward(&p, 45);
    pipeline_feed(&p, 0, "a:1|c");
    pipeline_turn(&p);
    pass(&p, 50);
    pipeline_expect(&p, "a 2\n");
    pass(&p, 15);
    pipeline_expect(&p, "");
    pipeline_release(&p);
}

/* A mapping may ask for all that a duration of Go can say: 292 years. */
static void a_ttl_of_centuries_comes_back(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { .ttl_s = 9223372037 };
    (void)state;
    pipeline_init(&p, &o);
    pipeline_feed(&p, 0, "c:1|c");
    pipeline_turn(&p);
    stop_and_start(&p, &o, 10);
    pipeline_expect(&p, "c 1\n");
    pass(&p, 1000);
    pipeline_expect(&p, "c 1\n");
    pipeline_release(&p);
}

static void other_bounds_start_at_0_and_are_counted(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { .histograms = true, .buckets = bounds, .n_buckets = 3 }, other = o;
    (void)state;
    other.buckets = more_bounds;
    other.n_buckets = 4;
    pipeline_init(&p, &o);
    pipeline_feed(&p, 0, "t:0.5|h");
    pipeline_feed(&p, 0, "idle:0.5|h");
    pipeline_turn(&p);
    stop_and_start(&p, &other, 0);
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_RESTORED_RESET], 0);
    pipeline_feed(&p, 0, "t:5|h");
    pipeline_turn(&p);
    pipeline_expect(&p, "idle_bucket{le=\"0.01\"} 0\nidle_bucket{le=\"0.1\"} 0\n"
                        "idle_bucket{le=\"1\"} 1\nidle_bucket{le=\"+Inf\"} 1\n"
                        "idle_sum 0.5\nidle_count 1\n"
                        "t_bucket{le=\"0.01\"} 0\nt_bucket{le=\"0.1\"} 0\nt_bucket{le=\"1\"} 0\n"
                        "t_bucket{le=\"10\"} 1\nt_bucket{le=\"+Inf\"} 1\nt_sum 5\nt_count 1\n");
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_RESTORED_RESET], 1);
    pipeline_release(&p);
}

static void another_type_takes_the_name_at_once_and_is_counted(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { .type_idle_s = 600 };
    (void)state;
    pipeline_init(&p, &o);
    pipeline_feed(&p, 0, "x:1|c");
    pipeline_feed(&p, 0, "x:1|c|#a:b");
    pipeline_turn(&p);
    stop_and_start(&p, &o, 0);
    pipeline_feed(&p, 0, "x:7|g");
    pipeline_turn(&p);
    pipeline_expect(&p, "x 7\n");
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_RESTORED_RESET], 2);
    pipeline_feed(&p, 0, "x:1|c"); /* and it is a gauge from then on */
    pipeline_turn(&p);
    pipeline_expect(&p, "x 7\n");
    pass(&p, 1);
    assert_int_equal(registry_restored(p.registry), 0);
    pipeline_release(&p);
}

static void a_name_one_sample_has_come_for_is_no_newcomers(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { .type_idle_s = 600 };
    (void)state;
    pipeline_init(&p, &o);
    pipeline_feed(&p, 0, "x:1|c");
    pipeline_feed(&p, 0, "x:1|c|#a:b");
    pipeline_turn(&p);
    stop_and_start(&p, &o, 0);
    pipeline_feed(&p, 0, "x:1|c");
    pipeline_turn(&p);
    pipeline_feed(&p, 0, "x:7|g");
    pipeline_turn(&p);
    pipeline_expect(&p, "x 2\nx{a=\"b\"} 1\n");
    pipeline_release(&p);
}

static void a_gauge_and_a_set_of_one_line_both_come_back(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { .set_steps = 2, .ttl_s = 60 };
    (void)state;
    pipeline_init(&p, &o);
    pipeline_feed(&p, 0, "both:m|s");
    pipeline_feed(&p, 0, "both:n|s");
    pipeline_feed(&p, 0, "both:9|g");
    pipeline_turn(&p);
    stop_and_start(&p, &o, 0);
    pipeline_expect(&p, "both 9\n");
    pipeline_feed(&p, 0, "both:o|s");
    pipeline_turn(&p);
    pipeline_forward(&p, 30);
    pipeline_feed(&p, 0, "both:o|s");
    pipeline_turn(&p);
    pass(&p, 40); /* the gauge is over, the set steps forward */
    pipeline_expect(&p, "both 3\n");
    pipeline_release(&p);
}

/* A set's window goes on while nobody is there; so does a summary's. */
static void windows_go_on_while_it_is_down(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { .set_steps = 2, .max_age_ms = 100000, .age_buckets = 5 };
    (void)state;
    pipeline_init(&p, &o);
    pipeline_feed(&p, 0, "s:m|s\nt:5|h");
    pipeline_turn(&p);
    stop_and_start(&p, &o, 20);
    pipeline_expect(&p, "s 1\nt{quantile=\"0.5\"} 5\nt{quantile=\"0.9\"} 5\n"
                        "t{quantile=\"0.99\"} 5\nt_sum 5\nt_count 1\n");
    stop_and_start(&p, &o, 10);
    pipeline_expect(&p, "s 0\nt{quantile=\"0.5\"} 5\nt{quantile=\"0.9\"} 5\n"
                        "t{quantile=\"0.99\"} 5\nt_sum 5\nt_count 1\n");
    stop_and_start(&p, &o, 100);
    pipeline_expect(&p, "s 0\nt{quantile=\"0.5\"} NaN\nt{quantile=\"0.9\"} NaN\n"
                        "t{quantile=\"0.99\"} NaN\nt_sum 5\nt_count 1\n");
    pipeline_release(&p);
}

static void live_on(struct pipeline *p, unsigned intervals)
{
    while (intervals-- > 0) {
        pipeline_forward(p, 10);
        pipeline_close(p);
    }
}

/* Whether it was down, and for how long, and in which interval of a step: as one that ran. */
static void a_window_of_long_steps_goes_on_as_if_it_had_run(void **state)
{
    static const unsigned steps[] = { 1, 2, 3, 7 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        const struct pipeline_opts o = { .set_steps = 3, .set_step_intervals = steps[i] };
        for (unsigned down = 0; down < 30; down++) {
            for (unsigned first = 0; first < steps[i]; first++) {
                struct pipeline was, ran;
                struct pipeline *both[] = { &was, &ran };
                for (unsigned k = 0; k < 2; k++) {
                    pipeline_init(both[k], &o);
                    live_on(both[k], first);
                    pipeline_feed(both[k], 0, "s:a|s\ns:b|s\nother:a|s");
                    pipeline_turn(both[k]);
                    live_on(both[k], steps[i] + 1);
                    pipeline_feed(both[k], 0, "s:c|s");
                    pipeline_turn(both[k]);
                }
                stop_and_start(&was, &o, 10 * down);
                live_on(&ran, down);
                for (unsigned more = 0; more < 2 * steps[i]; more++) {
                    assert_string_equal(pipeline_text(&was), pipeline_text(&ran));
                    live_on(&was, 1);
                    live_on(&ran, 1);
                }
                pipeline_release(&was);
                pipeline_release(&ran);
            }
        }
    }
}

/* A day of intervals of 100 ms, and a window as long: it has to end. */
static void many_sets_go_on_over_many_intervals(void **state)
{
    enum { SETS = 20000, STEP = 72000 };
    struct pipeline p;
    const struct pipeline_opts o = { .set_steps = 12, .set_step_intervals = STEP };
    (void)state;
    pipeline_init(&p, &o);
    for (unsigned i = 0; i < SETS; i++) {
        char line[32];
        snprintf(line, sizeof line, "s:m|s|#k:%u", i);
        pipeline_feed(&p, 0, line);
    }
    pipeline_turn(&p);
    stop_and_start(&p, &o, 11 * STEP * 10);
    assert_non_null(strstr(pipeline_text(&p), "s{k=\"19999\"} 1\n"));
    stop_and_start(&p, &o, 2 * STEP * 10);
    assert_non_null(strstr(pipeline_text(&p), "s{k=\"19999\"} 0\n"));
    pipeline_release(&p);
}

static void a_snapshot_of_gauges_leaves_out_what_counts(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { .set_steps = 2 };
    struct state_memory m = { 0 };
    (void)state;
    pipeline_init(&p, &o);
    feed_all(&p, all_kinds, ARRAY_LEN(all_kinds));
    const struct state_clock saved = state_memory_clock(&p);
    assert_int_equal(state_memory_save(&m, &p, true), 0);
    pipeline_release(&p);
    pipeline_init(&p, &o);
    assert_int_equal(state_memory_load(&m, &p, &saved), 0);
    pipeline_expect(&p, "both 1\ng 6\nonly_changes 7\ns 2\ns{x=\"y\"} 1\n");
    pipeline_release(&p);
    state_memory_release(&m);
}

static void no_more_lines_come_back_than_there_may_be_series(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { 0 }, less = { .max_series = 2 };
    (void)state;
    pipeline_init(&p, &o);
    pipeline_feed(&p, 0, "a:1|c\nb:1|c\nc:1|c");
    pipeline_turn(&p);
    stop_and_start(&p, &less, 0);
    pipeline_expect(&p, "a 1\nb 1\n");
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_RESTORED_LEFT_OUT], 1);
    pipeline_release(&p);
}

static void a_name_that_became_reserved_stays_off(void **state)
{
    static const char *const own[] = { "mine" };
    struct pipeline p;
    struct pipeline_opts o = { 0 }, next = { .reserved = own, .n_reserved = 1 };
    (void)state;
    pipeline_init(&p, &o);
    pipeline_feed(&p, 0, "mine:1|c\nother:1|c");
    pipeline_turn(&p);
    stop_and_start(&p, &next, 0);
    pipeline_expect(&p, "other 1\n");
    pipeline_release(&p);
}

static void what_is_loaded_is_saved_again(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { .births = true, .format = &writer_openmetrics };
    (void)state;
    pipeline_init(&p, &o);
    feed_all(&p, all_kinds, ARRAY_LEN(all_kinds));
    char *before = strdup(pipeline_text(&p));
    for (int i = 0; i < 3; i++)
        stop_and_start(&p, &o, 0);
    assert_string_equal(pipeline_text(&p), before);
    free(before);
    pipeline_release(&p);
}

/* One line more waits after each, and none ever goes: the profiles saved do not pile up. */
static void a_state_is_loaded_after_any_number_of_restarts(void **state)
{
    enum { RESTARTS = 1100 };
    struct pipeline p;
    struct pipeline_opts o = { 0 };
    (void)state;
    pipeline_init(&p, &o);
    for (int i = 0; i < RESTARTS; i++) {
        char line[32];
        snprintf(line, sizeof line, "c%d:1|c", i);
        pipeline_feed(&p, 0, line);
        pipeline_turn(&p);
        stop_and_start(&p, &o, 0);
    }
    assert_int_equal(registry_restored(p.registry), RESTARTS);
    pipeline_release(&p);
}

/* Lines that wait since many settings ago: what is too much costs itself, never the file. */
static void a_state_is_loaded_after_any_number_of_settings(void **state)
{
    enum { SETTINGS = 1100, KEPT = 1024 };
    struct pipeline p;
    struct pipeline_opts o = { .ttl_s = 100000 };
    (void)state;
    pipeline_init(&p, &o);
    for (int i = 0; i < SETTINGS; i++) {
        char line[32];
        snprintf(line, sizeof line, "c%d:1|c", i);
        pipeline_feed(&p, 0, line);
        pipeline_turn(&p);
        o.ttl_s++;
        stop_and_start(&p, &o, 0);
    }
    assert_int_equal(registry_restored(p.registry), KEPT);
    pipeline_release(&p);
}

static void a_reload_of_the_mapping_leaves_what_waits(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { 0 };
    const struct mapping_rule rule = { .match = "a", .name = "b" };
    struct pipeline_opts next = { .rules = &rule, .n_rules = 1 };
    (void)state;
    pipeline_init(&p, &o);
    pipeline_feed(&p, 0, "a:1|c\nc:2|c");
    pipeline_turn(&p);
    stop_and_start(&p, &o, 0);
    pipeline_feed(&p, 0, "a:1|c");
    pipeline_turn(&p);
    pipeline_remap(&p, &next);
    pipeline_feed(&p, 0, "a:5|c\nc:1|c");
    pipeline_turn(&p);
    pipeline_expect(&p, "b 5\nc 3\n");
    pipeline_release(&p);
}

/* A piece stays small where most families are left out. */
static void families_left_out_are_passed_in_pieces_too(void **state)
{
    enum { FAMILIES = 100, PIECE = 10 };
    struct pipeline p;
    struct pipeline_opts o = { 0 };
    struct state_memory m = { 0 };
    struct records_writer w;
    struct registry_save s;
    unsigned pieces = 1;
    (void)state;
    pipeline_init(&p, &o);
    for (int i = 0; i < FAMILIES; i++) {
        char line[32];
        snprintf(line, sizeof line, "c%d:1|c", i);
        pipeline_feed(&p, 0, line);
    }
    pipeline_feed(&p, 0, "d:1|g");
    pipeline_turn(&p);
    const struct state_clock clock = state_memory_clock(&p);
    const struct records_sink sink = state_memory_sink(&m);
    records_begin(&w, &sink, STATE_MEMORY_VERSION);
    registry_save_begin(&s, p.registry, &w, &clock, true);
    while (registry_save_some(&s, PIECE))
        pieces++;
    assert_int_equal(s.lines, 1);
    assert_true(pieces > FAMILIES / PIECE);
    registry_save_end(&s);
    assert_int_equal(records_end(&w), 0);
    state_memory_release(&m);
    pipeline_release(&p);
}

/* Intervals end while a save goes on in pieces, as gauges' do: windows stay right. */
static void intervals_may_end_while_it_is_saved_in_pieces(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { .set_steps = 2 };
    struct state_memory m = { 0 };
    struct records_writer w;
    struct registry_save s;
    (void)state;
    pipeline_init(&p, &o);
    pipeline_feed(&p, 0, "a:1|s\nb:1|s\nc:1|s");
    pipeline_turn(&p);
    struct state_clock clock = state_memory_clock(&p);
    const struct records_sink sink = state_memory_sink(&m);
    records_begin(&w, &sink, STATE_MEMORY_VERSION);
    registry_save_begin(&s, p.registry, &w, &clock, true);
    assert_true(registry_save_some(&s, 1));
    for (int i = 0; i < 2; i++) {
        pipeline_forward(&p, 10);
        pipeline_close(&p);
    }
    pipeline_feed(&p, 0, "b:2|s");
    pipeline_turn(&p);
    while (registry_save_some(&s, 1)) {}
    registry_save_end(&s);
    assert_int_equal(records_end(&w), 0);
    pipeline_expect(&p, "a 1\nb 2\nc 1\n");
    pipeline_release(&p);
    pipeline_init(&p, &o);
    p.now_ns += 20 * PIPELINE_SECOND;
    assert_int_equal(state_memory_load(&m, &p, &clock), 0);
    pipeline_expect(&p, "a 1\nb 2\nc 1\n");
    pipeline_close(&p);
    pipeline_expect(&p, "a 0\nb 1\nc 0\n");
    pipeline_release(&p);
    state_memory_release(&m);
}

/* Sets of all ages: some lose their last member at the next end of an interval. */
static void feed_sets(struct pipeline *p, unsigned round)
{
    char line[64];
    for (unsigned i = 0; i < 40; i++) {
        snprintf(line, sizeof line, "s%u:m%u|s", i, round % (1 + i % 5));
        if (round % (1 + i % 7) == 0)
            pipeline_feed(p, 0, line);
    }
    pipeline_turn(p);
}

static void expect_same_page(struct pipeline *a, struct pipeline *b)
{
    char *expected = strdup(pipeline_lines(a));
    assert_string_equal(pipeline_lines(b), expected);
    free(expected);
}

/*
 * An interval has ended, and `told` sets have heard of it when all is saved.  It is loaded when
 * `later` intervals more have ended, and shows what the process shows that was never stopped.
 */
static void save_in_the_middle(const struct pipeline_opts *o, size_t told, unsigned later,
                               bool gauges_only)
{
    struct pipeline p, q;
    struct state_memory m = { 0 };
    struct interval_end end = { .interval_ms = 10000 };
    struct snapshot snap;
    pipeline_init(&p, o);
    for (unsigned round = 0; round < 9; round++) {
        feed_sets(&p, round);
        pipeline_forward(&p, 10);
        if (round < 8)
            pipeline_close(&p);
    }
    end.now_ns = p.now_ns;
    registry_close(p.registry, &end, &snap);
    size_t most = 4 * told;
    if (told > 0)
        assert_true(registry_give(p.registry, most));
    const struct state_clock saved = state_memory_clock(&p);
    assert_int_equal(state_memory_save(&m, &p, gauges_only), 0);
    while (registry_give(p.registry, 5)) {}
    for (unsigned i = 0; i < later; i++) {
        pipeline_forward(&p, 10);
        pipeline_close(&p);
    }
    pipeline_init(&q, o);
    q.now_ns = p.now_ns;
    assert_int_equal(state_memory_load(&m, &q, &saved), 0);
    expect_same_page(&p, &q);
    for (unsigned round = 9; round < 16; round++) {
        feed_sets(&p, round);
        feed_sets(&q, round);
        expect_same_page(&p, &q);
        pipeline_close(&p);
        pipeline_close(&q);
        expect_same_page(&p, &q);
    }
    pipeline_release(&p);
    pipeline_release(&q);
    state_memory_release(&m);
}

static void saved_while_half_of_the_sets_know_of_an_interval_they_all_do(void **state)
{
    static const struct pipeline_opts of_sets[] = {
        { 0 },
        { .set_steps = 1, .set_step_intervals = 1 },
        { .set_steps = 3, .set_step_intervals = 1 },
        { .set_steps = 2, .set_step_intervals = 3 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(of_sets); i++)
        for (size_t told = 0; told < 20; told += 1 + told / 2)
            for (unsigned later = 0; later < 8; later++)
                save_in_the_middle(&of_sets[i], told, later, later % 2 == 0);
}

/* The sinks have the interval; the page goes on with it, in the next process. */
static void an_interval_that_goes_on_is_over_for_the_sinks_alone(void **state)
{
    static const struct {
        uint32_t set_steps;
        const char *after;
    } rows[] = {
        { 0, "c 2\ns 2\n" },
        { 1, "c 2\ns 2\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned odd = 0; odd < 2; odd++) {
            struct pipeline p;
            const struct pipeline_opts o = { .set_steps = rows[i].set_steps };
            pipeline_init(&p, &o);
            if (odd)
                pipeline_close(&p);
            pipeline_feed(&p, 0, "c:2|c\ns:a|s");
            pipeline_turn(&p);
            assert_string_equal(pipeline_close_as(&p, true), "counter c 2\nset s 1\n");
            (void)stop_and_start(&p, &o, 1);
            pipeline_feed(&p, 0, "s:b|s");
            pipeline_turn(&p);
            assert_string_equal(pipeline_close(&p), "set s 1\n");
            pipeline_expect(&p, rows[i].after);
            pipeline_release(&p);
        }
    }
}

/* ---- damage ---- */

/* Bits that flip behind the checksums: what a program wrote that is not this one. */
static void records_that_make_no_sense_leave_nothing_behind(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = {
        .set_steps = 2, .histograms = true, .buckets = bounds, .n_buckets = 3, .native_factor = 1.1
    };
    struct state_memory m = { 0 };
    (void)state;
    pipeline_init(&p, &o);
    feed_all(&p, all_kinds, ARRAY_LEN(all_kinds));
    const struct state_clock saved = state_memory_clock(&p);
    assert_int_equal(state_memory_save(&m, &p, false), 0);
    pipeline_release(&p);
    size_t body = m.bytes.len - RECORDS_HEAD - RECORDS_END - 16;
    char *bytes = m.bytes.ptr + RECORDS_HEAD + 16;
    for (size_t i = 0; i < body; i++) {
        struct registry_load l;
        bool good = true;
        char *copy = malloc(body);
        memcpy(copy, bytes, body);
        copy[i] = (char)(copy[i] ^ (1 << i % 8));
        pipeline_init(&p, &o);
        const struct state_clock now = state_memory_clock(&p);
        registry_load_begin(&l, p.registry, &now, &saved, p.now_ns);
        for (size_t at = 0; at + 4 <= body && good;) {
            uint32_t head;
            memcpy(&head, copy + at, 4);
            if ((head >> 8) > body - at - 4)
                break;
            good = registry_load_record(&l, (uint8_t)head, slice_of(copy + at + 4, head >> 8));
            at += 4 + (head >> 8);
        }
        registry_load_end(&l, good);
        const char *text = pipeline_text(&p);
        if (!good)
            assert_string_equal(text, "");
        pipeline_feed(&p, 0, "t:1|h\nc:1|c\ns:q|s");
        pipeline_turn(&p);
        pipeline_close(&p);
        pipeline_release(&p);
        free(copy);
    }
    state_memory_release(&m);
}

/* A histogram has no slices, and a summary no more than its window: what says so is no timer. */
static void a_timer_of_too_many_slices_is_refused(void **state)
{
    static const struct {
        struct pipeline_opts o;
        uint16_t least_bad;
    } rows[] = {
        { { .histograms = true, .buckets = bounds, .n_buckets = 3 }, 1 },
        { { .age_buckets = 3 }, 4 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        struct state_memory m = { 0 };
        struct buf unit = { 0 };
        pipeline_init(&p, &rows[i].o);
        pipeline_feed(&p, 0, "t:4096|h");
        pipeline_turn(&p);
        const struct state_clock saved = state_memory_clock(&p);
        assert_int_equal(state_memory_save(&m, &p, false), 0);
        pipeline_release(&p);
        pack_double(&unit, 4096);
        pack_double(&unit, 1);
        char *at = memmem(m.bytes.ptr, m.bytes.len, unit.ptr, unit.len);
        assert_non_null(at);
        at += unit.len + sizeof(double); /* sum, per, scale */
        at[0] = (char)rows[i].least_bad;
        at[1] = 0;
        char *bytes = m.bytes.ptr + RECORDS_HEAD + 16;
        const size_t body = m.bytes.len - RECORDS_HEAD - RECORDS_END - 16;
        struct registry_load l;
        bool good = true;
        pipeline_init(&p, &rows[i].o);
        const struct state_clock now = state_memory_clock(&p);
        registry_load_begin(&l, p.registry, &now, &saved, p.now_ns);
        for (size_t n = 0; n + 4 <= body && good;) {
            uint32_t head;
            memcpy(&head, bytes + n, 4);
            good = registry_load_record(&l, (uint8_t)head, slice_of(bytes + n + 4, head >> 8));
            n += 4 + (head >> 8);
        }
        registry_load_end(&l, good);
        assert_false(good);
        assert_string_equal(pipeline_text(&p), "");
        pipeline_release(&p);
        buf_release(&unit);
        state_memory_release(&m);
    }
}

static void a_damaged_stream_leaves_an_empty_page(void **state)
{
    struct pipeline p;
    struct pipeline_opts o = { 0 };
    struct state_memory m = { 0 };
    (void)state;
    pipeline_init(&p, &o);
    for (int i = 0; i < 5000; i++) {
        char line[64];
        snprintf(line, sizeof line, "name.%d:1|c|#tag:%d", i, i);
        pipeline_feed(&p, 0, line);
    }
    pipeline_turn(&p);
    const struct state_clock saved = state_memory_clock(&p);
    assert_int_equal(state_memory_save(&m, &p, false), 0);
    pipeline_release(&p);
    assert_true(m.bytes.len > 2 * RECORDS_BLOCK);
    m.bytes.ptr[m.bytes.len - 200] ^= 1; /* the first blocks are sound */
    pipeline_init(&p, &o);
    assert_int_equal(state_memory_load(&m, &p, &saved), -EBADMSG);
    pipeline_expect(&p, "");
    pipeline_feed(&p, 0, "name.1:1|c|#tag:1");
    pipeline_turn(&p);
    pipeline_expect(&p, "name_1{tag=\"1\"} 1\n");
    pipeline_release(&p);
    state_memory_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_shows_the_same_page),
        cmocka_unit_test(samples_go_on_where_they_were),
        cmocka_unit_test(a_gauge_that_was_loaded_is_older_than_any_sample),
        cmocka_unit_test(a_change_that_arrived_before_the_last_one_read_counts_after_a_restart),
        cmocka_unit_test(a_series_idle_beyond_its_ttl_is_not_brought_back),
        cmocka_unit_test(a_ttl_of_centuries_comes_back),
        cmocka_unit_test(a_line_that_a_sample_came_for_lives_as_long_as_its_series),
        cmocka_unit_test(other_bounds_start_at_0_and_are_counted),
        cmocka_unit_test(another_type_takes_the_name_at_once_and_is_counted),
        cmocka_unit_test(a_name_one_sample_has_come_for_is_no_newcomers),
        cmocka_unit_test(a_gauge_and_a_set_of_one_line_both_come_back),
        cmocka_unit_test(windows_go_on_while_it_is_down),
        cmocka_unit_test(a_window_of_long_steps_goes_on_as_if_it_had_run),
        cmocka_unit_test(many_sets_go_on_over_many_intervals),
        cmocka_unit_test(a_snapshot_of_gauges_leaves_out_what_counts),
        cmocka_unit_test(no_more_lines_come_back_than_there_may_be_series),
        cmocka_unit_test(a_name_that_became_reserved_stays_off),
        cmocka_unit_test(what_is_loaded_is_saved_again),
        cmocka_unit_test(a_state_is_loaded_after_any_number_of_restarts),
        cmocka_unit_test(a_state_is_loaded_after_any_number_of_settings),
        cmocka_unit_test(a_reload_of_the_mapping_leaves_what_waits),
        cmocka_unit_test(families_left_out_are_passed_in_pieces_too),
        cmocka_unit_test(intervals_may_end_while_it_is_saved_in_pieces),
        cmocka_unit_test(saved_while_half_of_the_sets_know_of_an_interval_they_all_do),
        cmocka_unit_test(an_interval_that_goes_on_is_over_for_the_sinks_alone),
        cmocka_unit_test(records_that_make_no_sense_leave_nothing_behind),
        cmocka_unit_test(a_damaged_stream_leaves_an_empty_page),
        cmocka_unit_test(a_timer_of_too_many_slices_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
