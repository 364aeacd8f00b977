/* Tables of counters as text: labelled rows like any other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "expose/render.h"

#define POND_COUNTERS(X)                                                                           \
    X(FROGS, "statsd_pond_frogs_total", COUNTER, "", "Frogs \\ toads.")                            \
    X(DEPTH, "statsd_pond_depth_meters", GAUGE, "basin", "Depth.")                                 \
    X(VISITS, "statsd_pond_visits_total", COUNTER, "basin,bird", "Visits.")

enum pond_counter {
#define X(id, name, kind, labels, help) POND_##id,
    POND_COUNTERS(X)
#undef X
};

struct pond {
    double frogs;
    size_t n_basins;
    const char *basins[4];
};

static void pond_read(const void *of, size_t row, struct counter_lines *to)
{
    const struct pond *p = of;
    if (row == POND_FROGS)
        counter_put(to, NULL, p->frogs);
    for (size_t i = 0; i < p->n_basins; i++) {
        if (row == POND_DEPTH)
            counter_put(to, &p->basins[i], (double)i + 0.5);
        if (row == POND_VISITS)
            counter_put(to, (const char *const[]){ p->basins[i], "heron" }, (double)i + 1);
    }
}

static const struct counter_table pond_counters = COUNTERS_TABLE(POND_COUNTERS, pond_read);
static const char *const names[] = { COUNTERS_NAMES(POND_COUNTERS) };

#define HEAD(name, help, type)                                                                     \
    "# HELP statsd_pond_" name " " help "\n"                                                       \
    "# TYPE statsd_pond_" name " " type "\n"

static const struct {
    struct pond pond;
    bool off;
    const char *text;
} cases[] = {
    { { 0 }, true, "" },
    { { .frogs = 3 },
      false,
      HEAD("frogs_total", "Frogs \\\\ toads.", "counter") "statsd_pond_frogs_total 3\n" HEAD(
          "depth_meters", "Depth.", "gauge") HEAD("visits_total", "Visits.", "counter") },
    { { .frogs = 0.5, .n_basins = 2, .basins = { "a", "b\"\\\nc" } },
      false,
      HEAD("frogs_total", "Frogs \\\\ toads.", "counter") "statsd_pond_frogs_total 0.5\n" HEAD(
          "depth_meters", "Depth.",
          "gauge") "statsd_pond_depth_meters{basin=\"a\"} 0.5\n"
                   "statsd_pond_depth_meters{basin=\"b\\\"\\\\_c\"} 1.5\n" HEAD(
                       "visits_total", "Visits.",
                       "counter") "statsd_pond_visits_total{basin=\"a\",bird=\"heron\"} 1\n"
                                  "statsd_pond_visits_total{basin=\"b\\\"\\\\_c\",bird=\"heron\"} "
                                  "2\n" },
};

static void a_table_is_its_heads_and_the_lines_of_its_rows(void **state)
{
    (void)state;
    struct writer *w = writer_text.open(&(struct writer_opts){ 0 });
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = { 0 };
        const struct counter_source s = { &pond_counters, cases[i].off ? NULL : &cases[i].pond };
        render_counters(w, &s, 1, &out);
        buf_append_char(&out, '\0');
        assert_string_equal(out.ptr, cases[i].text);
        buf_release(&out);
    }
    w->ops->close(w);
}

static void a_sum_is_over_all_lines_of_a_row(void **state)
{
    (void)state;
    const struct pond pond = { .frogs = 7, .n_basins = 3, .basins = { "a", "b", "c" } };
    const struct counter_source on = { &pond_counters, &pond }, off = { &pond_counters, NULL };
    assert_true(counter_sum(&on, POND_FROGS) == 7);
    assert_true(counter_sum(&on, POND_VISITS) == 6);
    assert_true(counter_sum(&off, POND_FROGS) == 0);
}

static void a_table_stacks_its_names_in_the_order_of_its_rows(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(names), pond_counters.n);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_string_equal(names[i], pond_counters.rows[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_its_heads_and_the_lines_of_its_rows),
        cmocka_unit_test(a_sum_is_over_all_lines_of_a_row),
        cmocka_unit_test(a_table_stacks_its_names_in_the_order_of_its_rows),
    };
    return cmocka_run_group_tests_name("render_counters", tests, NULL, NULL);
}
