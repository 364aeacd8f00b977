#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "send/shape.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) <= 1e-6 * fmax(1, fabs(b)))

static const struct {
    const char *name;
    struct shape_spec spec;
    double at_s, rate, total;
} cases[] = {
    { "constant", { .rate = 100, .duration_s = 10 }, 0, 100, 0 },
    { "constant", { .rate = 100, .duration_s = 10 }, 7.5, 100, 750 },
    { "constant", { .rate = 100, .duration_s = 10 }, 12, 100, 1200 },
    { "ramp", { .rate = 0, .rate_to = 100, .duration_s = 10 }, 5, 50, 125 },
    { "ramp", { .rate = 100, .rate_to = 0, .duration_s = 10 }, 10, 0, 500 },
    { "steps", { .rate = 100, .rate_to = 300, .duration_s = 6, .steps = 3 }, 1.9, 100, 190 },
    { "steps", { .rate = 100, .rate_to = 300, .duration_s = 6, .steps = 3 }, 2, 200, 200 },
    { "steps", { .rate = 100, .rate_to = 300, .duration_s = 6, .steps = 3 }, 6, 300, 1200 },
    { "spike", { .rate = 10, .rate_to = 1000, .duration_s = 10, .period_s = 2 }, 3.9, 10, 39 },
    { "spike", { .rate = 10, .rate_to = 1000, .duration_s = 10, .period_s = 2 }, 5, 1000, 1040 },
    { "spike", { .rate = 10, .rate_to = 1000, .duration_s = 10, .period_s = 2 }, 10, 10, 2080 },
    { "sine", { .rate = 100, .rate_to = 300, .duration_s = 20, .period_s = 10 }, 0, 100, 0 },
    { "sine", { .rate = 100, .rate_to = 300, .duration_s = 20, .period_s = 10 }, 5, 300, 1000 },
    { "sine", { .rate = 100, .rate_to = 300, .duration_s = 20, .period_s = 10 }, 20, 100, 4000 },
};

static void a_named_shape_has_its_rate_and_its_integral(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct shape s;
        assert_int_equal(shape_init(&s, cases[i].name, &cases[i].spec), 0);
        NEAR(shape_rate(&s, cases[i].at_s), cases[i].rate);
        NEAR(shape_total(&s, cases[i].at_s), cases[i].total);
        NEAR(shape_end(&s), cases[i].spec.duration_s);
        shape_release(&s);
    }
}

static void the_integral_is_the_sum_of_the_rates(void **state)
{
    (void)state;
    const struct shape_spec spec = {
        .rate = 50,
        .rate_to = 900,
        .duration_s = 8,
        .period_s = 3,
        .steps = 4,
    };
    static const char *const names[] = { "constant", "ramp", "steps", "spike", "sine" };
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        struct shape s;
        double sum = 0, step = 1e-4;
        assert_int_equal(shape_init(&s, names[k], &spec), 0);
        for (int i = 0; i < 80000; i++)
            sum += shape_rate(&s, (i + 0.5) * step) * step;
        assert_true(fabs(sum - shape_total(&s, 8)) < 1);
        shape_release(&s);
    }
}

static void an_unknown_name_is_refused(void **state)
{
    (void)state;
    struct shape s;
    const struct shape_spec spec = { .rate = 1, .duration_s = 1 };
    assert_int_equal(shape_init(&s, "zigzag", &spec), -EINVAL);
}

/* clang-format off */
static const struct {
    const char *text;
    int rc;
    unsigned line;
    double end_s, at_s, rate, total;
} csv[] = {
    { "0,100\n10,200\n",                     0,       0, 10, 5,  150, 625 },
    { "second,rate\n0,100\n10,200",          0,       0, 10, 10, 200, 1500 },
    { "# a day\n\n 0 , 10 \r\n4,10\n4,90\n8,90\n", 0, 0, 8,  4,  90,  40 },
    { "2,100\n4,100\n",                      0,       0, 4,  1,  100, 100 },
    { "0,5",                                 0,       0, 0,  3,  5,   15 },
    { "",                                    -EINVAL, 0, 0,  0,  0,   0 },
    { "# nothing\n",                         -EINVAL, 0, 0,  0,  0,   0 },
    { "0,1\n1\n",                            -EINVAL, 2, 0,  0,  0,   0 },
    { "0,1\n5,2\n4,3\n",                     -EINVAL, 3, 0,  0,  0,   0 },
    { "0,-1\n",                              -EINVAL, 1, 0,  0,  0,   0 },
    { "\xef\xbb\xbfsecond,rate\r\n0,5\r\n2,5\r\n", 0, 0, 2, 1,  5,   5 },
    { "# a day\n\nsecond,rate\n0,5\n2,5\n",   0,       0, 2,  1,  5,   5 },
    { "0,1\nsecond,rate\n",                  -EINVAL, 2, 0,  0,  0,   0 },
    { "0,1,2\n",                             -EINVAL, 1, 0,  0,  0,   0 },
};
/* clang-format on */

static void a_csv_file_is_a_chain_of_points_or_a_bad_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(csv); i++) {
        struct shape s;
        unsigned line = 99;
        size_t n = strlen(csv[i].text);
        char *exact = mem_alloc(n);
        memcpy(exact, csv[i].text, n);
        assert_int_equal(shape_init_csv(&s, slice_of(exact, n), &line), csv[i].rc);
        assert_int_equal(line, csv[i].line);
        free(exact);
        if (csv[i].rc < 0)
            continue;
        NEAR(shape_end(&s), csv[i].end_s);
        NEAR(shape_rate(&s, csv[i].at_s), csv[i].rate);
        NEAR(shape_total(&s, csv[i].at_s), csv[i].total);
        shape_release(&s);
    }
}

/* A sender asks before each send: a day by the second must not slow it down. */
static void a_long_file_is_asked_as_quickly_as_a_short_one(void **state)
{
    (void)state;
    struct shape s;
    struct buf text = { 0 };
    unsigned line;
    enum { SECONDS = 86400, ASKED = 20000 };
    double sum = 0;
    for (int i = 0; i <= SECONDS; i++)
        buf_printf(&text, "%d,%d\n", i, i % 100);
    assert_int_equal(shape_init_csv(&s, buf_slice(&text), &line), 0);
    clock_t from = clock();
    for (int i = 0; i < ASKED; i++)
        sum += shape_total(&s, SECONDS - i * 1e-3);
    assert_true(sum > 0 && (double)(clock() - from) / CLOCKS_PER_SEC < 1);
    NEAR(shape_total(&s, SECONDS), 49.5 * SECONDS);
    shape_release(&s);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_named_shape_has_its_rate_and_its_integral),
        cmocka_unit_test(the_integral_is_the_sum_of_the_rates),
        cmocka_unit_test(an_unknown_name_is_refused),
        cmocka_unit_test(a_csv_file_is_a_chain_of_points_or_a_bad_line),
        cmocka_unit_test(a_long_file_is_asked_as_quickly_as_a_short_one),
    };
    return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
