/*
 * From the configuration to the options of the rooms below: what is counted in other units there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/members.h"
#include "aggregate/memory.h"
#include "core/core_mapping.h"
#include "core/core_opts.h"
#include "core/memory_bound.h"
#include "sinks/redis.h"

static void a_sets_window_is_whole_intervals_in_at_most_twelve_steps(void **unused)
{
    (void)unused;
    static const struct {
        uint64_t window_ms, interval_ms;
        uint32_t steps, step_intervals;
    } rows[] = {
        { 60000, 10000, 6, 1 },   { 0, 10000, 0, 1 },     { 60000, 60000, 1, 1 },
        { 60000, 3600000, 1, 1 }, { 1, 100, 1, 1 },       { 60000, 100, 12, 50 },
        { 60000, 1000, 12, 5 },   { 61000, 1000, 11, 6 }, { 120000, 10000, 12, 1 },
        { 130000, 10000, 7, 2 },  { 15000, 10000, 2, 1 }, { 86400000, 100, 12, 72000 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config c;
        struct buf errors = { 0 };
        const struct config_source none = { 0 };
        assert_int_equal(config_load(&none, &c, &errors), 0);
        c.aggregate_set_window_ms = rows[i].window_ms;
        c.server_interval_ms = rows[i].interval_ms;
        struct profile o = core_profile(&c);
        if (o.set_steps != rows[i].steps || o.set_step_intervals != rows[i].step_intervals)
            fail_msg("%llu of %llu ms: %u steps of %u", (unsigned long long)rows[i].window_ms,
                     (unsigned long long)rows[i].interval_ms, o.set_steps, o.set_step_intervals);
        assert_true((uint64_t)o.set_steps * o.set_step_intervals * rows[i].interval_ms >=
                    rows[i].window_ms);
        struct memory_bound b;
        struct core_mapping mapping;
        assert_int_equal(core_mapping_load(&c, &mapping, &errors), 0);
        memory_bound(&c, &mapping, 3, &b);
        core_mapping_release(&mapping);
        assert_int_equal(b.large_set, (2 * 3 + 2 + rows[i].steps) * MEMBERS_REGISTERS);
        config_release(&c);
        buf_release(&errors);
    }
}

static void a_summarys_window_keeps_its_milliseconds(void **unused)
{
    (void)unused;
    struct config c;
    struct buf errors = { 0 };
    const struct config_source none = { 0 };
    assert_int_equal(config_load(&none, &c, &errors), 0);
    c.aggregate_summary_max_age_ms = 1500;
    assert_int_equal(core_profile(&c).summary_max_age_ms, 1500);
    config_release(&c);
    buf_release(&errors);
}

static void the_bound_of_dropped_spellings_does_not_wrap(void **unused)
{
    (void)unused;
    struct config c;
    struct buf errors = { 0 };
    struct core_mapping mapping;
    struct memory_bound b;
    const struct config_source none = { 0 };
    static const char text[] = "mappings: [{match: a, name: b, action: drop}]\n";
    assert_int_equal(config_load(&none, &c, &errors), 0);
    c.limits_max_series = 100000000;
    assert_int_equal(core_mapping_load_text(&c, "m.yml", slice_str(text), &mapping, &errors), 0);
    memory_bound(&c, &mapping, 64, &b);
    assert_true(b.part[MEMORY_MAPPING].n * b.part[MEMORY_MAPPING].each >=
                64 * 100000000ull * AGGREGATE_DROPPED_BYTES);
    core_mapping_release(&mapping);
    config_release(&c);
    buf_release(&errors);
}

static void what_waits_for_redis_is_in_the_bound_when_it_may_wait(void **unused)
{
    (void)unused;
    static const struct {
        const char *url;
        uint32_t events_max;
        bool bound;
    } rows[] = { { "redis://localhost", 1, true },
                 { "redis://localhost", 0, false },
                 { "", 10000, false } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config c;
        struct buf errors = { 0 };
        struct core_mapping mapping;
        struct memory_bound b;
        const struct config_source none = { 0 };
        assert_int_equal(config_load(&none, &c, &errors), 0);
        assert_int_equal(core_mapping_load(&c, &mapping, &errors), 0);
        free(c.redis_url);
        c.redis_url = strdup(rows[i].url);
        c.redis_events_max = rows[i].events_max;
        memory_bound(&c, &mapping, 1, &b);
        assert_int_equal(b.part[MEMORY_EVENT_QUEUE].n * b.part[MEMORY_EVENT_QUEUE].each,
                         rows[i].bound ? REDIS_EVENTS_BYTES : 0);
        core_mapping_release(&mapping);
        config_release(&c);
        buf_release(&errors);
    }
}

/* Each node has a window and a connection of its own, and /cluster/metrics connects once more. */
static void the_memory_bound_has_all_nodes_of_the_url(void **unused)
{
    (void)unused;
    static const struct {
        const char *url, *http;
        uint64_t n;
    } rows[] = { { "", "127.0.0.1:0", 0 },
                 { "redis://a", "", 3 },
                 { "redis://a,b,c,d", "", 8 },
                 { "redis://a,b,c,d", "127.0.0.1:0", 16 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config c;
        struct buf errors = { 0 };
        struct core_mapping mapping;
        struct memory_bound b;
        const struct config_source none = { 0 };
        assert_int_equal(config_load(&none, &c, &errors), 0);
        assert_int_equal(core_mapping_load(&c, &mapping, &errors), 0);
        free(c.redis_url);
        free(c.http_listen);
        c.redis_url = strdup(rows[i].url);
        c.http_listen = strdup(rows[i].http);
        memory_bound(&c, &mapping, 1, &b);
        assert_int_equal(b.part[MEMORY_NODES].n, rows[i].n);
        assert_true(b.part[MEMORY_NODES].each > REDIS_NODE_BYTES);
        core_mapping_release(&mapping);
        config_release(&c);
        buf_release(&errors);
    }
}

static void a_type_is_idle_for_two_intervals_at_least(void **unused)
{
    (void)unused;
    static const struct {
        uint64_t idle_ms, interval_ms, want_s;
    } rows[] = {
        { 600000, 10000, 600 }, { 1000, 10000, 20 }, { 600000, 3600000, 7200 },
        { 2500, 100, 3 },       { 1, 100, 1 },       { 0, 10000, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config c;
        struct buf errors = { 0 };
        const struct config_source none = { 0 };
        assert_int_equal(config_load(&none, &c, &errors), 0);
        c.prometheus_type_idle_ms = rows[i].idle_ms;
        c.server_interval_ms = rows[i].interval_ms;
        assert_int_equal(core_registry_opts(&c, NULL, NULL).type_idle_s, rows[i].want_s);
        config_release(&c);
        buf_release(&errors);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sets_window_is_whole_intervals_in_at_most_twelve_steps),
        cmocka_unit_test(a_summarys_window_keeps_its_milliseconds),
        cmocka_unit_test(the_bound_of_dropped_spellings_does_not_wrap),
        cmocka_unit_test(what_waits_for_redis_is_in_the_bound_when_it_may_wait),
        cmocka_unit_test(the_memory_bound_has_all_nodes_of_the_url),
        cmocka_unit_test(a_type_is_idle_for_two_intervals_at_least),
    };
    return cmocka_run_group_tests_name("core opts", tests, NULL, NULL);
}
