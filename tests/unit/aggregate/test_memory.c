/*
 * Bounds for planning: they rise with what makes a series larger, and hold what a worker really
 * takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "aggregate/memory.h"
#include "support/pipeline.h"

static const struct profile usual = {
    .n_buckets = 11,
    .n_quantiles = 3,
    .summary_age_buckets = 5,
    .sketch_schema = 5,
    .set_steps = 6,
    .set_step_intervals = 1,
};

static struct aggregate_memory with(struct registry_opts o, struct profile p, unsigned workers)
{
    struct aggregate_memory m;
    aggregate_memory(&o, &p, workers, &m);
    return m;
}

static struct aggregate_memory of(struct profile p, unsigned workers)
{
    return with((struct registry_opts){ 0 }, p, workers);
}

static void what_makes_a_series_larger_raises_its_bound(void **state)
{
    (void)state;
    const struct aggregate_memory m = of(usual, 2);
    struct profile p = usual;
    assert_true(of(usual, 3).series > m.series && of(usual, 3).timer > m.timer);
    p.sketch_schema = 6;
    assert_true(of(p, 2).timer > m.timer && of(p, 2).series == m.series);
    p = usual;
    p.summary_age_buckets = 10;
    assert_true(of(p, 2).timer > m.timer);
    assert_true(with((struct registry_opts){ .keep_intervals = true }, usual, 2).timer > m.timer);
    p = usual;
    p.histogram = true;
    struct aggregate_memory few = of(p, 2);
    p.n_buckets = 100;
    assert_true(of(p, 2).timer > few.timer);
    p.n_buckets = usual.n_buckets;
    p.native_factor = 1.1;
    struct aggregate_memory native = of(p, 2);
    assert_true(native.timer > few.timer);
    p.native_factor = 1.02; /* finer than the sketch, which is raised */
    assert_true(of(p, 2).timer > 2 * native.timer);
    assert_true(of(usual, 3).gauge > m.gauge && m.gauge > 0);
    const struct registry_opts exemplars = { .exemplar_tag = "id" }, none = { .exemplar_tag = "" };
    assert_true(with(exemplars, usual, 2).series > m.series);
    assert_true(with(exemplars, usual, 3).series - of(usual, 3).series >
                with(exemplars, usual, 2).series - m.series);
    assert_true(with(exemplars, usual, 2).timer == m.timer); /* a summary shows none */
    assert_true(with(none, usual, 2).series == m.series);
    p.native_factor = 0;
    few = with(exemplars, p, 2);
    assert_true(few.timer > of(p, 2).timer);
    p.n_buckets = 100;
    assert_true(with(exemplars, p, 2).timer - of(p, 2).timer > few.timer);
    p = usual;
    p.set_steps = 12;
    assert_true(of(p, 2).large_set > m.large_set && of(p, 2).set == m.set);
}

/* Counters alone, of which the worker has the cells and their table. */
static void the_bound_of_a_series_holds_a_workers_cells(void **state)
{
    (void)state;
    enum { SERIES = 20000 };
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ 0 });
    for (unsigned i = 0; i < SERIES; i++) {
        char line[64];
        snprintf(line, sizeof line, "memory.of.series.%u:1|c", i);
        pipeline_feed(&p, 0, line);
    }
    uint64_t taken = ingest_memory(p.in[0]);
    assert_true(taken > 0 && taken < SERIES * of(usual, 1).series);
    pipeline_release(&p);
}

/* Of which it has an entry each; there are so many that the table has just begun to move. */
static void the_bound_of_what_is_dropped_holds_a_workers_entries(void **state)
{
    (void)state;
    enum { SPELLINGS = (1 << 18) + 1, REGIONS = 4 << 20 }; /* the last one, and the next */
    static const struct mapping_rule all = { .match = "*", .name = "d", .drop = true };
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .rules = &all, .n_rules = 1 });
    for (unsigned i = 0; i < SPELLINGS; i++) {
        char line[64];
        snprintf(line, sizeof line, "dropped%u:1|c", i);
        pipeline_feed(&p, 0, line);
    }
    uint64_t taken = ingest_memory(p.in[0]);
    assert_true(taken <= (uint64_t)SPELLINGS * AGGREGATE_DROPPED_BYTES + REGIONS);
    pipeline_turn(&p);
    assert_int_equal(pipeline_dropped(&p, INGEST_DROP_RULE), SPELLINGS);
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_makes_a_series_larger_raises_its_bound),
        cmocka_unit_test(the_bound_of_a_series_holds_a_workers_cells),
        cmocka_unit_test(the_bound_of_what_is_dropped_holds_a_workers_entries),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
