/* Limits on shares, as a worker and the control thread go by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_only_samples_are_limited_nobody_counts_series_of_names),
    };
    return cmocka_run_group_tests_name("ingest limits", tests, NULL, NULL);
}
