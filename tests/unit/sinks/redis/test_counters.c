/* Each row of the table shows its own member of the stats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"
#include "sinks/redis.h"

static void every_row_reads_its_own_member(void **state)
{
    (void)state;
    struct redis_stats s = { 0 };
    uint64_t *const members[] = {
#define X(id, name, kind, labels, help) &s.id,
        REDIS_COUNTERS(X)
#undef X
    };
    const struct counter_source source = { &redis_counters, &s };
    assert_int_equal(ARRAY_LEN(members), redis_counters.n);
    for (size_t i = 0; i < redis_counters.n; i++)
        *members[i] = 1000 * (i + 1);
    for (int k = 0; k < REDIS_REDIRECT_COUNT; k++)
        s.redirects_of[k] = s.redirects / REDIS_REDIRECT_COUNT; /* its row has a line for each */
    for (size_t i = 0; i < redis_counters.n; i++) {
        double want = 1000 * ((double)i + 1);
        if (i == REDIS_COUNTER_spool_age_ms)
            want /= 1000; /* seconds */
        assert_true(counter_sum(&source, i) == want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_reads_its_own_member),
    };
    return cmocka_run_group_tests_name("redis_counters", tests, NULL, NULL);
}
