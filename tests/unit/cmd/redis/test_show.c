/* Values as people and programs see them. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cmd/redis/value.h"

static void expect(struct buf *out, const char *want)
{
    buf_append_char(out, '\0');
    assert_string_equal(out->ptr, want);
    buf_release(out);
}

static struct sheet two_rows(void)
{
    struct sheet t = { .heads = { "counter", "sum", "last" }, .columns = 3 };
    sheet_text(&t, SLICE_LIT("a\x1b"));
    sheet_number(&t, 0.1 + 0.2);
    sheet_ago(&t, 100, 105 * 1000);
    sheet_text(&t, SLICE_LIT("caf\xc3\xa9"));
    sheet_estimate(&t, 1234567.8);
    sheet_ago(&t, REDIS_FIELD_NEVER, 105 * 1000);
    return t;
}

static void columns_are_aligned(void **state)
{
    struct sheet t = two_rows();
    struct buf out = { 0 };
    (void)state;
    sheet_print(&t, 0, &out);
    expect(&out, "counter      sum    last\n"
                 "a\\x1b        0.3  5s ago\n"
                 "caf\xc3\xa9     1234570       ?\n");
    sheet_release(&t);
}

static void a_row_is_broken_on_a_narrow_terminal(void **state)
{
    struct sheet t = two_rows();
    struct buf out = { 0 };
    (void)state;
    sheet_print(&t, 20, &out);
    expect(&out, "a\\x1b\n  sum 0.3\n    last 5s ago\ncaf\xc3\xa9\n  sum 1234570\n    last ?\n");
    sheet_print_lines(&t, &out);
    expect(&out, "a\\x1b  sum 0.3  last 5s ago\ncaf\xc3\xa9  sum 1234570  last ?\n");
    sheet_release(&t);
}

static void columns_that_may_be_left_out_make_room(void **state)
{
    static const struct {
        unsigned columns;
        const char *want;
    } cases[] = {
        { 0, "time  min  max  last\n1     0.5    7     4\n" },
        { 20, "time  min  max  last\n1     0.5    7     4\n" },
        { 19, "time  min  last\n1     0.5     4\n" },
        { 14, "time  last\n1        4\n" },
        { 9, "1\n  min 0.5\n    max 7\n    last 4\n" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sheet t = { .heads = { "time", "min", "max", "last" }, .columns = 4, .optional = 6 };
        struct buf out = { 0 };
        sheet_text(&t, SLICE_LIT("1"));
        sheet_number(&t, 0.5);
        sheet_number(&t, 7);
        sheet_number(&t, 4);
        sheet_print(&t, cases[i].columns, &out);
        expect(&out, cases[i].want);
        sheet_release(&t);
    }
}

static void a_whole_number_has_all_its_digits(void **state)
{
    static const struct {
        double v;
        const char *want;
    } cases[] = { { 9007199254740991.0, "9007199254740991" },
                  { 56867.5749999999, "56867.575" },
                  { -0.1, "-0.1" },
                  { 1e300, "1e+300" } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sheet t = { .heads = { "" }, .columns = 1 };
        sheet_number(&t, cases[i].v);
        assert_int_equal(t.text.len, strlen(cases[i].want));
        assert_memory_equal(t.text.ptr, cases[i].want, t.text.len);
        sheet_release(&t);
    }
}

static void a_time_is_told_in_the_unit_that_fits(void **state)
{
    static const struct {
        int64_t ago_s;
        const char *want;
    } cases[] = {
        { -5, "0s ago" },     { 0, "0s ago" },    { 119, "119s ago" },   { 120, "2m ago" },
        { 7199, "119m ago" }, { 7200, "2h ago" }, { 172799, "47h ago" }, { 172800, "2d ago" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sheet t = { .heads = { "" }, .columns = 1 };
        sheet_ago(&t, 1000000 - cases[i].ago_s, 1000000 * 1000);
        assert_int_equal(t.text.len, strlen(cases[i].want));
        assert_memory_equal(t.text.ptr, cases[i].want, t.text.len);
        sheet_release(&t);
    }
}

/* Bytes of a stranger in a name, and the two numbers next to 0.1. */
static void an_object_is_json_whatever_is_in_it(void **state)
{
    struct buf out = { 0 };
    json_error_t error;
    (void)state;
    object_begin(&out);
    object_text(&out, "text", SLICE_LIT("a\"\\\n\x01\xff\xc3\xa9|\xe2\x80"));
    object_number(&out, "number", 0.1);
    object_number(&out, "next", nextafter(0.1, 1));
    object_number(&out, "huge", 1e300);
    object_int(&out, "int", -5);
    object_end(&out);
    json_t *j = json_loadb(out.ptr, out.len, 0, &error);
    assert_non_null(j);
    assert_string_equal(json_string_value(json_object_get(j, "text")),
                        "a\"\\\n\x01\xef\xbf\xbd\xc3\xa9|\xef\xbf\xbd\xef\xbf\xbd");
    assert_true(json_real_value(json_object_get(j, "number")) == 0.1);
    assert_true(json_real_value(json_object_get(j, "next")) == nextafter(0.1, 1));
    assert_true(json_number_value(json_object_get(j, "huge")) == 1e300);
    json_decref(j);
    buf_release(&out);
}

static void put(struct series_list *l, size_t column, const char *name, const char *value)
{
    struct redis_field f;
    assert_int_equal(redis_field_read(slice_str(name), slice_str(value), &f), REDIS_FIELD_OK);
    series_put(l, column, &f);
    redis_field_release(&f);
}

static void values_meet_by_kind(void **state)
{
    struct series_list l = { .columns = 2, .most = 3 };
    (void)state;
    put(&l, 0, "c|x", "5 100");
    put(&l, 0, "c|x", "7 90");
    put(&l, 1, "c|x", "1");
    put(&l, 0, "g|x", "5 100000 a");
    put(&l, 0, "g|x", "6 90000 b"); /* set before the other */
    put(&l, 0, "c|a", "1 100");
    put(&l, 0, "c|too.many", "1 100");
    put(&l, 0, "c|x", "0.5 100"); /* one that is there is no further one */
    assert_int_equal(l.n, 3);
    assert_int_equal(l.left_out, 1);
    series_sort(&l);
    assert_true(slice_eq(l.at[0]->key, SLICE_LIT("a")));
    assert_int_equal(l.at[1]->kind, SERIES_COUNTER);
    assert_true(l.at[1]->values[0].number == 12.5 && l.at[1]->values[0].last_s == 100);
    assert_true(l.at[1]->values[1].number == 1 && l.at[1]->values[1].last_s == REDIS_FIELD_NEVER);
    assert_int_equal(l.at[2]->kind, SERIES_GAUGE);
    assert_true(l.at[2]->values[0].number == 5 && l.at[2]->values[0].stamp_ms == 100000);
    assert_false(l.at[2]->values[1].there);
    series_release(&l);
}

static void many_series_are_each_found_again(void **state)
{
    enum { MANY = 5000 };
    struct series_list l = { .columns = 1 };
    char name[32];
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "c|x%d", i);
            put(&l, 0, name, "1");
        }
    }
    assert_int_equal(l.n, MANY);
    for (int i = 0; i < MANY; i++)
        assert_true(l.at[i]->values[0].number == 2);
    series_release(&l);
}

static void a_gauge_is_what_its_rule_makes_of_those_alive(void **state)
{
    static const struct {
        const char *rule;
        double want, nobody;
    } cases[] = {
        { "sum", 3, 9 }, { "min", 1, 9 }, { "max", 2, 9 }, { "avg", 1.5, 9 }, { "latest", 9, 9 }
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct series_list l = { .columns = 1 };
        static const char *const names[] = { "i|a|x", "i|b%7C1|x", "i|gone|x" };
        put(&l, 0, "g|x", "9 5000 w");
        for (int k = 0; k < 3; k++) {
            char value[40];
            snprintf(value, sizeof value, "%d 5000 %s", k + 1, cases[i].rule);
            put(&l, 0, names[k], value);
        }
        struct series *s = l.at[0];
        assert_int_equal(s->n_own, 3);
        assert_true(series_gauge(s, &s->values[0], 6000) == cases[i].nobody);
        s->own[0].alive = s->own[1].alive = true;
        assert_string_equal(s->own[1].instance, "b|1");
        assert_true(series_gauge(s, &s->values[0], 6000) == cases[i].want);
        s->values[0].stamp_ms = 5001; /* with an own value that was read before, perhaps */
        assert_true(series_gauge(s, &s->values[0], 5001 + REDIS_FIELD_RULE_MS) == cases[i].want);
        assert_true(series_gauge(s, &s->values[0], 5002 + REDIS_FIELD_RULE_MS) == 9); /* given up */
        series_release(&l);
    }
}

static void a_rule_that_was_taken_away_or_changed_is_so_for_all(void **state)
{
    static const struct {
        const char *shared, *a, *b;
        double want;
        enum gauge_merge rule;
    } cases[] = {
        /* what was said last */
        { "9 5000 w", "1 5000 sum", "2 4000 max", 3, GAUGE_MERGE_SUM },
        { "9 5000 w", "1 4000 sum", "2 5000 max", 2, GAUGE_MERGE_MAX },
        /* set since then without a rule */
        { "9 5001 w", "1 5000 sum", "2 4000 sum", 9, GAUGE_MERGE_LATEST },
        /* not by all instances */
        { "9 305001 w", "1 5000 sum", "2 305001 max", 2, GAUGE_MERGE_MAX },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct series_list l = { .columns = 1 };
        put(&l, 0, "g|x", cases[i].shared);
        put(&l, 0, "i|a|x", cases[i].a);
        put(&l, 0, "i|b|x", cases[i].b);
        struct series *s = l.at[0];
        s->own[0].alive = s->own[1].alive = true;
        assert_int_equal(series_rule(s, &s->values[0], 400000), cases[i].rule);
        assert_true(series_gauge(s, &s->values[0], 400000) == cases[i].want);
        series_release(&l);
    }
}

static void an_interval_without_a_value_is_told_apart(void **state)
{
    struct series_list l = { .columns = 1 };
    static const struct value none = { .there = false };
    struct buf out = { 0 };
    (void)state;
    put(&l, 0, "c|x|#a:b", "30");
    put(&l, 0, "g|x", "4 5000 w");
    value_interval(l.at[0], &l.at[0]->values[0], 50, 10, &out);
    value_interval(l.at[0], &none, 60, 10, &out);
    value_interval(l.at[1], &none, 60, 10, &out);
    expect(&out, "{\"t\":50,\"seconds\":10,\"series\":\"x|#a:b\",\"name\":\"x\",\"tags\":[\"a:b\"],"
                 "\"kind\":\"counter\",\"value\":30,\"rate\":3}\n"
                 "{\"t\":60,\"seconds\":10,\"series\":\"x|#a:b\",\"name\":\"x\",\"tags\":[\"a:b\"],"
                 "\"kind\":\"counter\",\"value\":0,\"rate\":0}\n"
                 "{\"t\":60,\"seconds\":10,\"series\":\"x\",\"name\":\"x\",\"tags\":[],"
                 "\"kind\":\"gauge\"}\n");
    series_release(&l);
}

static int setup(void **state)
{
    (void)state;
    sketch_setup();
    return 0;
}

static void what_adds_up_past_the_doubles_stays_at_the_largest(void **state)
{
    const struct value huge = { .there = true, .number = 1.5e308 };
    const struct value low = { .there = true, .number = -1.5e308 };
    struct value up = huge, down = low;
    struct series s = { .kind = SERIES_COUNTER, .key = SLICE_LIT("big") };
    struct buf out = { 0 };
    (void)state;
    value_merge(SERIES_COUNTER, &up, &huge);
    value_merge(SERIES_COUNTER, &down, &low);
    assert_true(up.number == DBL_MAX && down.number == -DBL_MAX);
    value_interval(&s, &up, 10, 10, &out);
    json_t *j = json_loadb(out.ptr, out.len, 0, NULL);
    assert_true(json_real_value(json_object_get(j, "value")) == DBL_MAX);
    json_decref(j);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_adds_up_past_the_doubles_stays_at_the_largest),
        cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(a_row_is_broken_on_a_narrow_terminal),
        cmocka_unit_test(columns_that_may_be_left_out_make_room),
        cmocka_unit_test(a_whole_number_has_all_its_digits),
        cmocka_unit_test(a_time_is_told_in_the_unit_that_fits),
        cmocka_unit_test(an_object_is_json_whatever_is_in_it),
        cmocka_unit_test(values_meet_by_kind),
        cmocka_unit_test(many_series_are_each_found_again),
        cmocka_unit_test(a_gauge_is_what_its_rule_makes_of_those_alive),
        cmocka_unit_test(a_rule_that_was_taken_away_or_changed_is_so_for_all),
        cmocka_unit_test(an_interval_without_a_value_is_told_apart),
    };
    return cmocka_run_group_tests_name("redis_show", tests, setup, NULL);
}
