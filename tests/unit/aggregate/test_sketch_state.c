/* A sketch as bytes: each form comes back as it was, and what is no form leaves nothing behind. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/sketch_state.h"
#include "base/buf.h"
#include "base/pack.h"
#include "base/slice.h"

static void expect_same_buckets(const struct sketch *a, const struct sketch *b, bool negative)
{
    struct sketch_buckets of_a, of_b;
    sketch_buckets_begin(a, negative, &of_a);
    sketch_buckets_begin(b, negative, &of_b);
    assert_int_equal(of_a.schema, of_b.schema);
    while (sketch_buckets_next(&of_a)) {
        assert_true(sketch_buckets_next(&of_b));
        assert_int_equal(of_a.index, of_b.index);
        assert_true(of_a.count == of_b.count);
    }
    assert_false(sketch_buckets_next(&of_b));
}

static bool load(struct sketch *k, const struct buf *b)
{
    struct unpack in = unpack_of(buf_slice(b));
    bool good = sketch_load(k, &in);
    if (good)
        assert_int_equal(in.rest.len, 0);
    return good;
}

/* Save k, load it, and save that: the bytes are the same.  returns  how many */
static size_t expect_back(const struct sketch *k)
{
    struct buf bytes = { 0 }, again = { 0 };
    struct sketch got;
    sketch_save(k, &bytes);
    assert_true(load(&got, &bytes));
    assert_true(got.count == k->count && got.sum == k->sum && got.zero == k->zero);
    assert_true(got.min == k->min && got.max == k->max);
    expect_same_buckets(k, &got, false);
    assert_int_equal(got.neg != NULL, k->neg != NULL);
    if (k->neg != NULL)
        expect_same_buckets(k, &got, true);
    sketch_save(&got, &again);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.ptr, bytes.ptr, bytes.len);
    /* Cut anywhere it is not a sketch, and nothing is left of it. */
    for (size_t n = 0; n < bytes.len; n++) {
        struct sketch cut;
        struct unpack in = unpack_of(slice_of(bytes.ptr, n));
        assert_false(sketch_load(&cut, &in));
        assert_true(cut.count == 0 && cut.neg == NULL && sketch_memory(&cut) == 0);
    }
    sketch_release(&got);
    buf_release(&bytes);
    size_t n = again.len;
    buf_release(&again);
    return n;
}

static void every_width_of_counts_comes_back(void **unused)
{
    (void)unused;
    /* clang-format off */
    static const struct {
        double count;  /* of one bucket of a row of 64; the others have 1 */
        size_t width;  /* bytes of each count */
    } rows[] = {
        { 1, 1 },          { 255, 1 },            { 256, 2 },  { 65535, 2 }, { 65536, 4 },
        { 4294967295, 4 }, { 4294967296, 8 },     { 1.5, 8 },  { 1e300, 8 },
    };
    /* clang-format on */
    size_t head = 5 * 8 + 1 + 1 + 2 + 4 + 1; /* sums, schema, width, span, first; no negatives */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sketch k;
        sketch_init(&k, 5);
        for (int at = 0; at < 64; at++)
            assert_int_equal(sketch_add(&k, sketch_middle(5, at), at == 20 ? rows[i].count : 1), 0);
        assert_int_equal(expect_back(&k), head + 64 * rows[i].width);
        sketch_release(&k);
    }
}

static void few_buckets_far_apart_are_pairs(void **unused)
{
    (void)unused;
    static const double values[] = { 1e-30, 0.5, 1, 1e9, 1e300 };
    struct sketch k;
    sketch_init(&k, 5);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        assert_int_equal(sketch_add(&k, values[i], 1.25), 0);
        assert_int_equal(sketch_add(&k, -values[i], 3), 0);
    }
    assert_int_equal(sketch_add(&k, 0, 7), 0);
    (void)expect_back(&k);
    sketch_release(&k);
}

static void gaps_and_negatives_come_back(void **unused)
{
    (void)unused;
    for (int apart = 1; apart <= 12; apart++) {
        struct sketch k;
        sketch_init(&k, 5);
        for (int at = -40; at <= 40; at += apart) {
            assert_int_equal(sketch_add(&k, sketch_middle(5, at), 1 + at * at), 0);
            assert_int_equal(sketch_add(&k, -sketch_middle(5, at / 2), 2), 0);
        }
        (void)expect_back(&k);
        sketch_release(&k);
    }
}

static void an_empty_one_comes_back(void **unused)
{
    (void)unused;
    struct sketch k;
    sketch_init(&k, 5);
    (void)expect_back(&k);
    sketch_release(&k);
}

/* A sketch of two samples with a window as given, which may make no sense. */
struct form {
    const char *what;
    bool good;
    double count, sum, min, max, zero;
    int schema;
    unsigned width, n;
    int32_t index; /* of pairs (width 0) of the only one, else of the first */
    double of_each;
};

static bool loads(const struct form *f)
{
    struct buf b = { 0 };
    struct sketch k;
    const double head[] = { f->count, f->sum, f->min, f->max, f->zero };
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        pack_double(&b, head[i]);
    pack_u8(&b, (uint8_t)f->schema);
    pack_u8(&b, (uint8_t)f->width);
    pack_u16(&b, (uint16_t)f->n);
    if (f->width > 0)
        pack_u32(&b, (uint32_t)f->index);
    for (unsigned i = 0; i < f->n; i++) {
        if (f->width == 0)
            pack_u32(&b, (uint32_t)f->index);
        if (f->width == 0 || f->width == 8)
            pack_double(&b, f->of_each);
        else
            for (unsigned byte = 0; byte < f->width; byte++)
                pack_u8(&b, byte == 0 ? (uint8_t)f->of_each : 0);
    }
    pack_u8(&b, 0);
    bool good = load(&k, &b);
    if (!good)
        assert_true(k.count == 0 && sketch_memory(&k) == 0);
    sketch_release(&k);
    buf_release(&b);
    return good;
}

static void what_makes_no_sense_is_refused(void **unused)
{
    (void)unused;
    /* clang-format off */
    static const struct form forms[] = {
        { "as saved",            true,  2, 4, 1, 3, 0, 5, 1, 2, 0, 1 },
        { "pairs",               true,  2, 4, 1, 3, 0, 5, 0, 1, 7, 2 },
        { "width 2",             true,  2, 4, 1, 3, 0, 5, 2, 2, 0, 1 },
        { "width 4",             true,  2, 4, 1, 3, 0, 5, 4, 2, 0, 1 },
        { "width 8",             true,  2, 4, 1, 3, 0, 5, 8, 2, 0, 1 },
        { "width 3",             false, 2, 4, 1, 3, 0, 5, 3, 2, 0, 1 },
        { "width 16",            false, 2, 4, 1, 3, 0, 5, 16, 2, 0, 1 },
        { "no buckets",          true,  2, 4, 1, 3, 0, 5, 1, 0, 0, 1 },
        { "the finest schema",   true,  2, 4, 1, 3, 0, SKETCH_SCHEMA_MAX, 1, 2, 0, 1 },
        { "finer",               false, 2, 4, 1, 3, 0, SKETCH_SCHEMA_MAX + 1, 1, 2, 0, 1 },
        { "the coarsest schema", true,  2, 4, 1, 3, 0, SKETCH_SCHEMA_MIN, 1, 2, 0, 1 },
        { "coarser",             false, 2, 4, 1, 3, 0, SKETCH_SCHEMA_MIN - 1, 1, 2, 0, 1 },
        { "the smallest index",  true,  2, 4, 1, 3, 0, 0, 0, 1, -1100, 1 },
        { "below it",            false, 2, 4, 1, 3, 0, 0, 0, 1, -1101, 1 },
        { "the largest index",   true,  2, 4, 1, 3, 0, 0, 0, 1, 1100, 1 },
        { "above it",            false, 2, 4, 1, 3, 0, 0, 0, 1, 1101, 1 },
        { "of a finer schema",   true,  2, 4, 1, 3, 0, 3, 0, 1, 8800, 1 },
        { "above that",          false, 2, 4, 1, 3, 0, 3, 0, 1, 8801, 1 },
        { "of a coarser schema", true,  2, 4, 1, 3, 0, -3, 0, 1, 1100, 1 },
        { "an unused bucket may be anywhere", true, 2, 4, 1, 3, 0, 0, 0, 1, 99999, 0 },
        { "a count below 0",     false, 2, 4, 1, 3, 0, 5, 0, 1, 7, -1 },
        { "an infinite count",   false, 2, 4, 1, 3, 0, 5, 0, 1, 7, (double)INFINITY },
        { "the largest count",   true,  2, 4, 1, 3, 0, 5, 0, 1, 7, DBL_MAX },
        { "no number of counts", false, 2, 4, 1, 3, 0, 5, 0, 1, 7, (double)NAN },
        { "less than none",      false, -1, 4, 1, 3, 0, 5, 1, 2, 0, 1 },
        { "infinitely many",     false, (double)INFINITY, 4, 1, 3, 0, 5, 1, 2, 0, 1 },
        { "an infinite sum",     false, 2, (double)INFINITY, 1, 3, 0, 5, 1, 2, 0, 1 },
        { "min above max",       false, 2, 4, 3, 1, 0, 5, 1, 2, 0, 1 },
        { "min is max",          true,  2, 4, 2, 2, 0, 5, 1, 2, 0, 1 },
        { "min infinite",        false, 2, 4, -(double)INFINITY, 3, 0, 5, 1, 2, 0, 1 },
        { "max infinite",        false, 2, 4, 1, (double)INFINITY, 0, 5, 1, 2, 0, 1 },
        { "all of them 0",       true,  2, 0, 0, 0, 2, 5, 1, 0, 0, 0 },
        { "more zeros than all", false, 2, 0, 0, 0, 3, 5, 1, 0, 0, 0 },
        { "zeros below 0",       false, 2, 0, 0, 0, -1, 5, 1, 0, 0, 0 },
        { "no range", false, 2, 0, (double)INFINITY, -(double)INFINITY, 0, 5, 1, 0, 0, 0 },
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (loads(&forms[i]) != forms[i].good)
            fail_msg("%s", forms[i].what);
}

static int setup(void **unused)
{
    (void)unused;
    sketch_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_width_of_counts_comes_back),
        cmocka_unit_test(few_buckets_far_apart_are_pairs),
        cmocka_unit_test(gaps_and_negatives_come_back),
        cmocka_unit_test(an_empty_one_comes_back),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests_name("sketch_state", tests, setup, NULL);
}
