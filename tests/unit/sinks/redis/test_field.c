/* Fields of the ledger as values, and what strangers may have written in their place. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sinks/redis/resp.h"
#include "sinks/redis_field.h"

static void a_name_is_kind_instance_and_series(void **state)
{
    static const struct {
        const char *name;
        enum redis_field_kind kind;
        const char *series, *instance;
    } cases[] = {
        { "c|hits", REDIS_FIELD_COUNTER, "hits", "" },
        { "g|load|#host:a", REDIS_FIELD_GAUGE, "load|#host:a", "" },
        { "h|t|#a:b|c", REDIS_FIELD_TIMER, "t|#a:b|c", "" },
        { "n|t", REDIS_FIELD_TIMER_NEGATIVE, "t", "" },
        { "i|web-1|load|#host:a", REDIS_FIELD_INSTANCE_GAUGE, "load|#host:a", "web-1" },
        { "i|web-1", REDIS_FIELD_INSTANCE, "", "web-1" },
        { "i||load", REDIS_FIELD_OTHER, "", "" },
        { "i|web-1|", REDIS_FIELD_OTHER, "", "" },
        { "ledger", REDIS_FIELD_OTHER, "", "" },
        { "c|", REDIS_FIELD_OTHER, "", "" },
        { "c", REDIS_FIELD_OTHER, "", "" },
        { "", REDIS_FIELD_OTHER, "", "" },
        { "z|later", REDIS_FIELD_OTHER, "", "" },
        { "chits", REDIS_FIELD_OTHER, "", "" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_field f;
        redis_field_name(slice_str(cases[i].name), &f);
        assert_int_equal(f.kind, cases[i].kind);
        assert_true(slice_eq(f.series, slice_str(cases[i].series)));
        assert_true(slice_eq(f.instance, slice_str(cases[i].instance)));
    }
}

static void a_series_is_a_name_and_tags(void **state)
{
    static const struct {
        const char *series, *name, *tags;
    } cases[] = {
        { "hits", "hits", "" },
        { "hits|#env:prod,x", "hits", "env:prod,x" },
        { "hits|#a:1|2", "hits", "a:1|2" },
        { "hits|odd", "hits", "" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice s = slice_str(cases[i].series);
        assert_true(slice_eq(redis_series_name(s), slice_str(cases[i].name)));
        assert_true(slice_eq(redis_series_tags(s), slice_str(cases[i].tags)));
    }
}

/* last and stamp: REDIS_FIELD_NEVER and 0 where the text has none. */
static void text_is_a_number_with_its_time_or_odd(void **state)
{
    static const struct {
        const char *name, *value;
        enum redis_field_result want;
        double number;
        int64_t last_s, stamp_ms;
    } cases[] = {
        { "c|x", "363 1700000020", REDIS_FIELD_OK, 363, 1700000020, 0 },
        { "c|x", "-0.5", REDIS_FIELD_OK, -0.5, REDIS_FIELD_NEVER, 0 },
        { "c|x", "1e+300 5", REDIS_FIELD_OK, 1e300, 5, 0 },
        { "c|x", "", REDIS_FIELD_ODD, 0, 0, 0 },
        { "c|x", "nan 5", REDIS_FIELD_ODD, 0, 0, 0 },
        { "c|x", "inf", REDIS_FIELD_ODD, 0, 0, 0 },
        { "c|x", "0x10", REDIS_FIELD_ODD, 0, 0, 0 },
        { "c|x", "5 soon", REDIS_FIELD_ODD, 0, 0, 0 },
        { "c|x", "5 -1", REDIS_FIELD_ODD, 0, 0, 0 },
        { "c|x", "5 9223372036854775807", REDIS_FIELD_ODD, 0, 0, 0 },
        { "c|x", " 5", REDIS_FIELD_ODD, 0, 0, 0 },
        { "g|x", "40 1700000029000 76b7b71f", REDIS_FIELD_OK, 40, 1700000029, 1700000029000 },
        { "g|x", "40 1700000029000", REDIS_FIELD_OK, 40, 1700000029, 1700000029000 },
        { "g|x", "40", REDIS_FIELD_ODD, 0, 0, 0 },
        { "g|x", "40 now", REDIS_FIELD_ODD, 0, 0, 0 },
        { "i|a|x", "7 1700000029000 sum", REDIS_FIELD_OK, 7, 1700000029, 1700000029000 },
        { "i|a|x", "7 1700000029000", REDIS_FIELD_ODD, 0, 0, 0 },
        { "i|a|x", "7 1700000029000 median", REDIS_FIELD_ODD, 0, 0, 0 },
        { "i|a", "1700000029000 50000", REDIS_FIELD_OK, 0, 1700000029, 1700000029000 },
        { "i|a", "1700000029000", REDIS_FIELD_ODD, 0, 0, 0 },
        { "i|a", "1700000029000 -1", REDIS_FIELD_ODD, 0, 0, 0 },
        { "ledger", "080268193c9409c9 3", REDIS_FIELD_OK, 0, REDIS_FIELD_NEVER, 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_field f;
        enum redis_field_result got =
            redis_field_read(slice_str(cases[i].name), slice_str(cases[i].value), &f);
        assert_int_equal(got, cases[i].want);
        if (got == REDIS_FIELD_OK) {
            assert_true(f.number == cases[i].number);
            assert_int_equal(f.last_s, cases[i].last_s);
            assert_int_equal(f.stamp_ms, cases[i].stamp_ms);
        }
        redis_field_release(&f);
    }
}

static void every_rule_of_a_gauge_has_a_name_that_reads_back(void **state)
{
    (void)state;
    for (int rule = 0; rule < GAUGE_MERGE_COUNT; rule++) {
        struct redis_field f;
        struct buf value = { 0 };
        buf_printf(&value, "1 2 %s", gauge_merge_name((enum gauge_merge)rule));
        assert_int_equal(redis_field_read(SLICE_LIT("i|a|x"), buf_slice(&value), &f),
                         REDIS_FIELD_OK);
        assert_int_equal(f.rule, rule);
        buf_release(&value);
    }
}

static void an_instance_reads_as_it_was_configured(void **state)
{
    static const char *const cases[][2] = {
        { "web-1", "web-1" }, { "a%7Cb", "a|b" }, { "a%25b", "a%b" },
        { "100%", "100%" },   { "a%7", "a%7" },   { "a%zzb", "a%zzb" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = { 0 };
        redis_field_instance(slice_str(cases[i][0]), &out);
        assert_true(slice_eq(buf_slice(&out), slice_str(cases[i][1])));
        buf_release(&out);
    }
}

/* ---- timers ---- */

static void pack_all(struct buf *out, const double *v, size_t n)
{
    redis_resp_pack_array(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        redis_resp_pack_double(out, v[i]);
}

/* 1 and 2 three times, at schema 0: 1 is in bucket 0, 2 in bucket 1. */
static const double timer[] = { 4, 7, 1, 2, 0, 0, 0, 1, 3 };

static void a_timer_is_the_sketch_that_was_stored(void **state)
{
    struct redis_field f;
    struct buf value = { 0 };
    (void)state;
    pack_all(&value, timer, ARRAY_LEN(timer));
    for (int last = 0; last < 2; last++) {
        if (last)
            redis_resp_pack_i64(&value, 1700000020);
        assert_int_equal(redis_field_read(SLICE_LIT("h|x"), buf_slice(&value), &f), REDIS_FIELD_OK);
        assert_int_equal(f.last_s, last ? 1700000020 : REDIS_FIELD_NEVER);
        assert_true(f.part.count == 4 && f.part.sum == 7 && f.part.min == 1 && f.part.max == 2);
        struct sketch_buckets b;
        sketch_buckets_begin(&f.part, false, &b);
        assert_int_equal(b.schema, 0);
        assert_true(sketch_buckets_next(&b) && b.index == 0 && b.count == 1);
        assert_true(sketch_buckets_next(&b) && b.index == 1 && b.count == 3);
        assert_false(sketch_buckets_next(&b));
        redis_field_release(&f);
    }
    buf_release(&value);
}

static void both_fields_of_a_timer_make_one_sketch_in_any_order(void **state)
{
    static const double positive[] = { 3, -5, -4, 1, 2, 0, 0, 1 }; /* 1, -2, -4 */
    static const double negative[] = { 2, 2, 4, 1, 0, 0, 0, 1 };
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct sketch whole;
        sketch_init(&whole, SKETCH_SCHEMA_MAX);
        for (int i = 0; i < 2; i++) {
            struct redis_field f;
            struct buf value = { 0 };
            bool below = i != first;
            pack_all(&value, below ? negative : positive, ARRAY_LEN(positive));
            assert_int_equal(
                redis_field_read(slice_str(below ? "n|x" : "h|x"), buf_slice(&value), &f),
                REDIS_FIELD_OK);
            assert_int_equal(sketch_merge(&whole, &f.part), 0);
            redis_field_release(&f);
            buf_release(&value);
        }
        assert_true(whole.count == 3 && whole.sum == -5);
        assert_true(sketch_quantile(&whole, 0) == -4 && sketch_quantile(&whole, 1) == 1);
        assert_true(fabs(sketch_quantile(&whole, 0.5) + 2) < 0.2);
        sketch_release(&whole);
    }
}

static void a_timer_that_no_sketch_of_ours_is_is_odd(void **state)
{
    enum { N, SUM, MIN, MAX, SCHEMA, ZERO, LO, C0 };
    static const struct {
        size_t at;
        double v;
    } cases[] = {
        { N, 0 },     { N, -1 },   { MIN, 3 },     { SCHEMA, 13 }, { SCHEMA, -5 }, { SCHEMA, 0.5 },
        { ZERO, -1 }, { LO, 1e6 }, { LO, -1e300 }, { LO, 0.5 },    { C0, -1 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_field f;
        struct buf value = { 0 };
        double v[ARRAY_LEN(timer)];
        memcpy(v, timer, sizeof v);
        v[cases[i].at] = cases[i].v;
        pack_all(&value, v, ARRAY_LEN(v));
        assert_int_equal(redis_field_read(SLICE_LIT("h|x"), buf_slice(&value), &f),
                         REDIS_FIELD_ODD);
        redis_field_release(&f);
        buf_release(&value);
    }
}

/* From memory of exactly its size; every cut of a timer is odd, but for one without its lastT. */
static void a_timer_that_was_cut_is_odd(void **state)
{
    struct buf value = { 0 };
    (void)state;
    pack_all(&value, timer, ARRAY_LEN(timer));
    size_t whole = value.len;
    redis_resp_pack_i64(&value, 1700000020);
    for (size_t n = 0; n <= value.len; n++) {
        struct redis_field f;
        char *exact = malloc(n > 0 ? n : 1);
        assert_non_null(exact);
        memcpy(exact, value.ptr, n);
        assert_int_equal(redis_field_read(SLICE_LIT("h|x"), slice_of(exact, n), &f),
                         n == whole || n == value.len ? REDIS_FIELD_OK : REDIS_FIELD_ODD);
        redis_field_release(&f);
        free(exact);
    }
    buf_release(&value);
}

/* Every form that msgpack has for a number: Lua picks one by the value. */
static void numbers_of_every_form_are_read(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        double want;
    } cases[] = {
        { "\x05", 1, 5 },
        { "\xff", 1, -1 },
        { "\xcc\xff", 2, 255 },
        { "\xcd\x01\x00", 3, 256 },
        { "\xce\x00\x01\x00\x00", 5, 65536 },
        { "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 9, 4294967296.0 },
        { "\xd0\x80", 2, -128 },
        { "\xd1\xff\x7f", 3, -129 },
        { "\xd2\xff\xff\x7f\xff", 5, -32769 },
        { "\xd3\xff\xff\xff\xff\x00\x00\x00\x00", 9, -4294967296.0 },
        { "\xca\x3f\x00\x00\x00", 5, 0.5 },
        { "\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00", 9, 0.5 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_field f;
        struct buf value = { 0 };
        redis_resp_pack_array(&value, 7); /* the number is the sum of it */
        redis_resp_pack_i64(&value, 1);
        buf_append(&value, cases[i].bytes, cases[i].n);
        static const double rest[] = { 0, 0, 0, 1, 0 };
        for (size_t k = 0; k < ARRAY_LEN(rest); k++)
            redis_resp_pack_double(&value, rest[k]);
        assert_int_equal(redis_field_read(SLICE_LIT("h|x"), buf_slice(&value), &f), REDIS_FIELD_OK);
        assert_true(f.part.sum == cases[i].want);
        redis_field_release(&f);
        buf_release(&value);
    }
}

static int setup(void **state)
{
    (void)state;
    sketch_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_kind_instance_and_series),
        cmocka_unit_test(a_series_is_a_name_and_tags),
        cmocka_unit_test(text_is_a_number_with_its_time_or_odd),
        cmocka_unit_test(every_rule_of_a_gauge_has_a_name_that_reads_back),
        cmocka_unit_test(an_instance_reads_as_it_was_configured),
        cmocka_unit_test(a_timer_is_the_sketch_that_was_stored),
        cmocka_unit_test(both_fields_of_a_timer_make_one_sketch_in_any_order),
        cmocka_unit_test(a_timer_that_no_sketch_of_ours_is_is_odd),
        cmocka_unit_test(a_timer_that_was_cut_is_odd),
        cmocka_unit_test(numbers_of_every_form_are_read),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
