/*
 * A name changes hands: its type is idle, and another one is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/off_page.h"
#include "support/pipeline.h"

static const double median[] = { 0.5 };

enum { IDLE_S = 600 };

struct handover {
    const char *old, *newcomer; /* old once, then only newcomer, each ten seconds */
    /* lines of /metrics while old is not idle yet, and from then on */
    const char *before, *after;
};

static void feed_for(struct pipeline *p, const char *lines, unsigned seconds)
{
    for (unsigned i = 0; i < seconds / 10; i++) {
        pipeline_forward(p, 10);
        pipeline_feed(p, 0, lines);
        pipeline_turn(p);
        pipeline_close(p);
    }
}

static void an_idle_name_goes_to_the_newcomer_that_keeps_sending(void **unused)
{
    (void)unused;
    static const struct handover rows[] = {
        { "jobs:1|c", "jobs:7|g", "jobs 1\n", "jobs 7\n" },
        /* with what came while it was kept off */
        { "jobs:7|g", "jobs:1|c", "jobs 7\n", "jobs 61\n" },
        { "jobs:1|c|#a:1\njobs:1|c|#a:2", "jobs:7|g|#b:1\njobs:8|g",
          "jobs{a=\"1\"} 1\njobs{a=\"2\"} 1\n", "jobs{b=\"1\"} 7\njobs 8\n" },
        { "a.b:1|c\na-b:1|c", "a_b:7|g\na.b:8|g", "a_b 2\n", "a_b 8\n" },
        { "x:2|h", "x:1|g", "x{quantile=\"0.5\"} 2\nx_sum 2\nx_count 1\n", "x 1\n" },
        { "x:1|g", "x:2|h", "x 1\n", "x{quantile=\"0.5\"} 2\nx_sum 122\nx_count 61\n" },
        { "x:a|s", "x:1|c", "x 0\n", "x 61\n" },
        /* Names that a summary makes, from both sides. */
        { "x:2|h", "x_sum:1|g", "x{quantile=\"0.5\"} 2\nx_sum 2\nx_count 1\n", "x_sum 1\n" },
        { "x_sum:1|g", "x:2|h", "x_sum 1\n", "x{quantile=\"0.5\"} 2\nx_sum 122\nx_count 61\n" },
        { "x_sum:1|g\nx_count:2|c\nx:3|g\nx_bucket:4|g", "x:2|h",
          "x 3\nx_bucket 4\nx_count 2\nx_sum 1\n",
          "x_bucket 4\nx{quantile=\"0.5\"} 2\nx_sum 122\nx_count 61\n" },
        { "x:2|h", "x_count:9|h", "x{quantile=\"0.5\"} 2\nx_sum 2\nx_count 1\n",
          "x_count{quantile=\"0.5\"} 9\nx_count_sum 549\nx_count_count 61\n" },
        /* A counter that only goes down takes nothing. */
        { "x:1|g", "x:-1|c", "x 1\n", "x 1\n" },
        /* Names of our own and of Prometheus are never idle. */
        { "y:1|g", "own:1|g\nup:1|g", "y 1\n", "y 1\n" },
    };
    static const char *const own[] = { "own" };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 86400,
                                                   .type_idle_s = IDLE_S,
                                                   .quantiles = median,
                                                   .n_quantiles = 1,
                                                   .max_age_ms = 6000000,
                                                   .reserved = own,
                                                   .n_reserved = 1 });
        pipeline_feed(&p, 0, rows[i].old);
        pipeline_turn(&p);
        pipeline_close(&p);
        feed_for(&p, rows[i].newcomer, IDLE_S);
        pipeline_expect(&p, rows[i].before);
        feed_for(&p, rows[i].newcomer, 10);
        pipeline_expect(&p, rows[i].after);
        pipeline_release(&p);
    }
}

static void a_name_stays_with_the_type_that_is_sent(void **unused)
{
    (void)unused;
    /* 0: never, and a day of silence changes nothing */
    static const uint64_t idle_s[] = { IDLE_S, 0 };
    for (size_t i = 0; i < ARRAY_LEN(idle_s); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .type_idle_s = idle_s[i] });
        pipeline_feed(&p, 0, "x:1|c|#n:1\nx:1|c|#n:2\nx:1|c|#n:3");
        pipeline_turn(&p);
        for (int round = 0; round < 20; round++) {
            feed_for(&p, "x:7|g", IDLE_S - 10);
            if (idle_s[i] != 0)
                /* one of its series is enough */
                pipeline_feed(&p, 0, round % 2 ? "x:1|c|#n:2" : "x:1|c|#n:3");
            pipeline_turn(&p);
        }
        pipeline_expect(&p, idle_s[i] != 0 ? "x{n=\"1\"} 1\nx{n=\"2\"} 11\nx{n=\"3\"} 11\n"
                                           : "x{n=\"1\"} 1\nx{n=\"2\"} 1\nx{n=\"3\"} 1\n");
        assert_int_equal(registry_stats(p.registry)->v[REGISTRY_TYPE_CONFLICTS],
                         20 * (IDLE_S / 10 - 1));
        pipeline_release(&p);
    }
}

static void who_lost_a_name_is_the_one_kept_off_and_may_take_it_back(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 86400, .type_idle_s = IDLE_S });
    pipeline_feed(&p, 0, "x:1|c|#a:1\nx:1|c");
    pipeline_turn(&p);
    pipeline_forward(&p, IDLE_S + 1);
    pipeline_feed(&p, 0, "x:7|g");
    pipeline_turn(&p);
    pipeline_expect(&p, "x 7\n");
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_TYPE_CONFLICTS], 0);
    pipeline_close(&p);
    pipeline_feed(&p, 0, "x:5|c");
    pipeline_turn(&p);
    pipeline_expect(&p, "x 7\n");
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_TYPE_CONFLICTS], 1);
    assert_true(pipeline_has(pipeline_close(&p), "counter x 5")); /* the sinks have it */
    assert_int_equal(pipeline_series(&p), 3);
    size_t n;
    const struct off_page_note *const *notes = registry_off_page(p.registry, &n);
    assert_int_equal(n, 1);
    assert_true(notes[0]->taken_over);
    assert_int_equal(notes[0]->samples, 1);
    pipeline_forward(&p, IDLE_S + 1);
    pipeline_feed(&p, 0, "x:1|c");
    pipeline_turn(&p);
    /* what it had brought is not lost, and its silent series is not back */
    pipeline_expect(&p, "x 7\n");
    assert_non_null(strstr(pipeline_text(&p), "# TYPE x counter\n"));
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_name_goes_to_the_newcomer_that_keeps_sending),
        cmocka_unit_test(a_name_stays_with_the_type_that_is_sent),
        cmocka_unit_test(who_lost_a_name_is_the_one_kept_off_and_may_take_it_back),
    };
    return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
