/*
 * For how long a summary's quantiles show a value: for more than summary_max_age less one step, and
 * at most summary_max_age, whatever the two settings are and whenever the value came.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/pipeline.h"

static uint64_t state = 1;

static uint64_t below(uint64_t n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (state >> 16) % n;
}

static bool seen_at(struct pipeline *p, uint64_t now_ns)
{
    static const char start[] = "t{quantile=\"0.5\"} ";
    p->now_ns = now_ns;
    const char *at = strstr(pipeline_lines(p), start);
    assert_non_null(at);
    return !isnan(strtod(at + strlen(start), NULL));
}

/* Nanoseconds for which a value that came at came_ns is seen. */
static uint64_t seen_for(uint32_t max_age_ms, uint32_t steps, uint64_t came_ns)
{
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .max_age_ms = max_age_ms, .age_buckets = steps });
    p.now_ns = came_ns;
    pipeline_feed(&p, 0, "t:7|h");
    pipeline_turn(&p);
    uint64_t merged_ns = p.now_ns, in = 0, out = 2ull * max_age_ms * 1000000;
    while (out - in > 1) { /* seen after `in`, not after `out` */
        uint64_t middle = in + (out - in) / 2;
        if (seen_at(&p, merged_ns + middle))
            in = middle;
        else
            out = middle;
    }
    pipeline_release(&p);
    return out;
}

static void a_value_is_seen_for_the_max_age_but_for_a_step(void **unused)
{
    (void)unused;
    static const uint32_t ages_ms[] = { 1000,  1500,  2000,  3000,   7000,    9000,
                                        19000, 59999, 60000, 600000, 86400000 };
    for (size_t i = 0; i < ARRAY_LEN(ages_ms); i++)
        for (uint32_t steps = 1; steps <= 10; steps++)
            for (int times = 0; times < 6; times++) {
                double max_age_ns = ages_ms[i] * 1e6;
                uint64_t came_ns =
                    1000 * PIPELINE_SECOND + (times == 0 ? 0 : below(1000000 * PIPELINE_SECOND));
                double ns = (double)seen_for(ages_ms[i], steps, came_ns);
                if (ns <= max_age_ns - max_age_ns / steps || ns > max_age_ns)
                    fail_msg("%u ms in %u steps, came at %llu: seen for %.0f ns", ages_ms[i], steps,
                             (unsigned long long)came_ns, ns);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_seen_for_the_max_age_but_for_a_step),
    };
    return cmocka_run_group_tests_name("summary window", tests, NULL, NULL);
}
