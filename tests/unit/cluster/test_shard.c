/* The totals of a shard, on their way to a registry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aggregate/profile.h"
#include "aggregate/registry.h"
#include "base/slice.h"
#include "cluster/shard.h"

enum { MOST = 2 };

static struct profiles *profiles;

static int setup(void **state)
{
    const struct profile p = {
        .sketch_schema = 5, .scale = 1, .summary_max_age_ms = 600000, .summary_age_buckets = 5
    };
    (void)state;
    sketch_setup();
    profiles = profiles_new(&p);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    profiles_free(profiles);
    return 0;
}

static void what_is_not_shown_as_it_is_too_much_is_not_remembered(void **state)
{
    static const char *const names[] = { "c|a", "c|b", "c|c", "c|d" };
    static const char timer[] = "\x97\x01\x01\x01\x01\x05\x00\x00";
    struct cluster_memory m = { .window_ns = 1000000000 };
    (void)state;
    for (int round = 0; round < 2; round++) {
        struct registry *r = registry_new(&(struct registry_opts){ .profiles = profiles });
        struct cluster_shard s = { .n = 0 };
        cluster_memory_begin(&m, 1000000000, false);
        struct cluster_totals to = { .to = registry_fill(r, MOST, 1), .memory = &m };
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            cluster_shard_field(&s, slice_str(names[i]), SLICE_LIT("5"));
        cluster_shard_field(&s, SLICE_LIT("h|e"), slice_of(timer, sizeof timer - 1));
        assert_true(cluster_shard_put(&s, &to));
        registry_filled(to.to);
        cluster_memory_end(&m, true);
        assert_int_equal(registry_filled_series(r), MOST);
        assert_int_equal(m.n, MOST);
        assert_int_equal(to.left_out[CLUSTER_LEFT_OUT_LIMITED], 3);
        assert_int_equal(to.left_out[CLUSTER_LEFT_OUT_ODD], 0);
        buf_release(&to.scratch);
        registry_free(r);
    }
    cluster_memory_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_shown_as_it_is_too_much_is_not_remembered),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
