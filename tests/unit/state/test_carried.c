/* The server's own counters over a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/counters.h"
#include "core/server_counters.h"
#include "listen/counters.h"
#include "state/carried.h"
#include "support/state_memory.h"

enum { TYPE = 17 };

/* The value of a line as it is shown. */
struct wanted {
    struct counter_lines lines;
    const char *label;
    double value;
    unsigned found;
};

static void look(struct counter_lines *to, const char *const *labels, double value)
{
    struct wanted *w = (struct wanted *)to;
    if (w->label != NULL && strcmp(labels[0], w->label) != 0)
        return;
    w->value = value;
    w->found++;
}

static double shown(const struct carried *c, const struct counter_source *of, size_t row,
                    const char *label)
{
    struct carried_source room;
    struct wanted w = { .lines = { .put = look }, .label = label };
    const struct counter_source s = carried_wrap(&room, c, of);
    s.table->read(s.of, row, &w.lines);
    assert_int_equal(w.found, 1);
    return w.value;
}

/* What `before` shows becomes what `c` carries. */
static void go_on(struct carried *c, const struct counter_source *before)
{
    struct state_memory m = { 0 };
    struct records_writer w;
    struct records_reader r;
    uint8_t type;
    struct slice body;
    const struct records_sink sink = state_memory_sink(&m);
    records_begin(&w, &sink, 1);
    carried_save(c, before, 1, TYPE, &w);
    assert_int_equal(records_end(&w), 0);
    carried_release(c);
    const struct records_source source = state_memory_source(&m);
    assert_int_equal(records_open(&r, &source, 1), 0);
    while (records_next(&r, &type, &body) > 0) {
        assert_int_equal(type, TYPE);
        assert_true(carried_load(c, body));
    }
    records_close(&r);
    state_memory_release(&m);
}

static void counters_add_up_line_by_line(void **state)
{
    struct carried c = { 0 };
    struct ingest_totals t = { .counters.v[INGEST_LINES] = 5, .rejected[0] = 2 };
    const struct counter_source s = { &ingest_counters, &t };
    (void)state;
    const char *first = reason_name((enum reason)0);
    assert_true(shown(&c, &s, INGEST_LINES, NULL) == 5);
    go_on(&c, &s);
    assert_true(shown(&c, &s, INGEST_LINES, NULL) == 10);
    assert_true(shown(&c, &s, INGEST_REJECTED, first) == 4);
    go_on(&c, &s);
    t = (struct ingest_totals){ 0 };
    assert_true(shown(&c, &s, INGEST_LINES, NULL) == 10);
    assert_true(shown(&c, &s, INGEST_REJECTED, first) == 4);
    carried_release(&c);
}

static void add_up(struct counter_lines *to, const char *const *labels, double value)
{
    struct wanted *w = (struct wanted *)to;
    assert_true(atoi(labels[1]) < 3);
    w->value += value;
    w->found++;
}

/* returns  how many lines */
static unsigned lines_of(const struct carried *c, const struct counter_source *of, double *ret_sum)
{
    struct carried_source room;
    struct wanted w = { .lines = { .put = add_up } };
    const struct counter_source s = carried_wrap(&room, c, of);
    s.table->read(s.of, LISTEN_KERNEL_DROPS, &w.lines);
    *ret_sum = w.value;
    return w.found;
}

static void what_other_workers_read_of_a_socket_goes_on_in_its_sum(void **state)
{
    static const struct {
        unsigned workers, first, lines;
    } rows[] = { { 3, 0, 3 }, { 1, 0, 3 }, { 1, 1, 3 }, { 2, 0, 3 }, { 3, 0, 3 } };
    static struct listener l[2];
    struct carried c = { 0 };
    struct listen_stats stats = { .listeners = l, .n_listeners = 1 };
    const struct counter_source s = { &listen_counters, &stats };
    double sum, want = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        l[0] = (struct listener){ .address = { .transport = LISTEN_UDP, .name = "udp://a:1" },
                                  .n_readers = rows[i].workers,
                                  .reader = rows[i].first };
        for (unsigned w = 0; w < rows[i].workers; w++)
            l[0].stats[w].kernel_drops = 10 * i + w + 1;
        stats.n_workers = rows[i].workers + rows[i].first;
        for (unsigned w = 0; w < rows[i].workers; w++)
            want += (double)l[0].stats[w].kernel_drops;
        assert_int_equal(lines_of(&c, &s, &sum), rows[i].lines);
        assert_true(sum == want);
        go_on(&c, &s);
    }
    snprintf(l[0].address.name, sizeof l[0].address.name, "udp://b:1"); /* that one is no more */
    assert_int_equal(lines_of(&c, &s, &sum), 3);
    assert_true(sum == 41 + 42 + 43);
    carried_release(&c);
}

static void gauges_and_what_is_the_process_own_begin_anew(void **state)
{
    struct carried c = { 0 };
    struct server_stats stats = { .intervals = 3, .mapping_rules = 7, .version = "", .commit = "" };
    const struct counter_source s = { &server_counters, &stats };
    (void)state;
    go_on(&c, &s);
    assert_true(shown(&c, &s, SERVER_INTERVALS, NULL) == 6);
    assert_true(shown(&c, &s, SERVER_MAPPING_RULES, NULL) == 7);
    for (size_t i = 0; i < c.n; i++)
        assert_string_not_equal(c.at[i].row->name, "process_cpu_seconds_total");
    carried_release(&c);
}

static void a_part_that_is_off_stays_off(void **state)
{
    struct carried c = { 0 };
    struct carried_source room;
    const struct counter_source off = { &ingest_counters, NULL };
    (void)state;
    assert_null(carried_wrap(&room, &c, &off).of);
    go_on(&c, &off);
    assert_int_equal(c.n, 0);
}

static void records_of_no_save_are_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        bool good;
    } rows[] = {
        { "", 0, false },
        { "\xff\xff\xff\xff"
          "x",
          5, false },
        { "\x04\0\0\0none", 8, true }, /* a counter of another version: left out */
        { "\x1b\0\0\0statsd_lines_received_total\0\0", 33, false },
        { "\x1b\0\0\0statsd_lines_received_total\0\0\0\0\0\0\xf0\x7f", 39, false }, /* infinite */
        { "\x1b\0\0\0statsd_lines_received_total\0\0\0\0\0\0\xf0\xbf", 39, false }, /* -1 */
        { "\x1b\0\0\0statsd_lines_received_total\0\0\0\0\0\0\xf0\x3f", 39, true },
        { "\x1b\0\0\0statsd_lines_received_total\0\0\0\0\0\0\xf0\x3fx", 40, false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct carried c = { 0 };
        assert_int_equal(carried_load(&c, slice_of(rows[i].bytes, rows[i].n)), rows[i].good);
        carried_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_add_up_line_by_line),
        cmocka_unit_test(what_other_workers_read_of_a_socket_goes_on_in_its_sum),
        cmocka_unit_test(gauges_and_what_is_the_process_own_begin_anew),
        cmocka_unit_test(a_part_that_is_off_stays_off),
        cmocka_unit_test(records_of_no_save_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
