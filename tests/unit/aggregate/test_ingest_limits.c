/* Limits on shares, as a worker and the control thread go by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "aggregate/ingest.h"
#include "support/pipeline.h"

enum { SERIES = 1000 };

/* Their memory is not in the bound then: `statsd check`. */
static void where_only_samples_are_limited_nobody_counts_series_of_names(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .limits = { .samples_per_name = 5 } });
    for (int i = 0; i < SERIES; i++) {
        char text[32];
        snprintf(text, sizeof text, "n%d:1|c|#t:%d", i, i);
        pipeline_feed(&p, 0, text);
    }
    pipeline_turn(&p);
    assert_int_equal(p.limit.n, SERIES);
    assert_int_equal(p.limit.more->shares.owners.n, 0);
    assert_int_equal(p.limit.more->shares.names.n, 0);
    pipeline_release(&p);
}

/* Sealing never waits: whoever else holds the limit's mutex may be anywhere. */
static void a_page_is_sealed_while_another_thread_holds_the_limit(void **unused)
{
    (void)unused;
    struct pipeline p;
    struct limit_totals t;
    pipeline_init(&p, &(struct pipeline_opts){ .limits = { .samples_per_name = 1 } });
    pipeline_feed(&p, 0, "a:1|c\na:1|c\na:1|c");
    alarm(20); /* it would wait for ever */
    pthread_mutex_lock(&p.limit.lock);
    assert_true(ingest_turn(p.in[0], p.now_ns));
    pthread_mutex_unlock(&p.limit.lock);
    alarm(0);
    struct page *page = ingest_take(p.in[0]);
    registry_merge(p.registry, page, p.now_ns);
    ingest_give(p.in[0], page);
    series_limit_totals(&p.limit, &t);
    assert_int_equal(limited_sum(&t.limited, LIMITED_SAMPLES_PER_NAME), 2);
    pipeline_turn(&p);
    pipeline_turn(&p);
    series_limit_totals(&p.limit, &t);
    assert_int_equal(limited_sum(&t.limited, LIMITED_SAMPLES_PER_NAME), 2); /* not twice */
    pipeline_release(&p);
}

/* The page has both, so that they are of one moment. */
static void a_page_says_which_limit_refused_how_many(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .limits = { .shares = { .per_name = 1 } } });
    pipeline_feed(&p, 0, "a:1|c|#k:1\na:1|c|#k:2\na:1|c|#k:3\nb:1|c");
    assert_true(ingest_turn(p.in[0], p.now_ns));
    struct page *page = ingest_take(p.in[0]);
    const struct ingest_counters *seen = page_stats(page);
    assert_int_equal(seen->v[INGEST_SAMPLES_REFUSED], 2);
    assert_int_equal(seen->refused_by[LIMITED_SERIES_PER_NAME], 2);
    assert_int_equal(seen->refused_by[LIMITED_SERIES_PER_ORIGIN], 0);
    registry_merge(p.registry, page, p.now_ns);
    ingest_give(p.in[0], page);
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_only_samples_are_limited_nobody_counts_series_of_names),
        cmocka_unit_test(a_page_says_which_limit_refused_how_many),
        cmocka_unit_test(a_page_is_sealed_while_another_thread_holds_the_limit),
    };
    return cmocka_run_group_tests_name("ingest limits", tests, NULL, NULL);
}
