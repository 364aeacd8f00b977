#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"
#include "send/pace.h"

/*
 * Senders on a made-up clock: they sleep as pace says, wake up to late_s too late, and sending
 * takes no time.
 */
static double simulate(const struct shape *shape, unsigned senders, double unit, double late_s,
                       double *forgiven)
{
    double sent = 0;
    *forgiven = 0;
    for (unsigned i = 0; i < senders; i++) {
        struct pace p = {
            .shape = shape, .share = 1.0 / senders, .phase = (i + 0.5) / senders, .unit = unit
        };
        unsigned short lateness[3] = { (unsigned short)(i + 1) };
        for (double t = 0; t < shape_end(shape);
             t += pace_sleep(&p, t, unit) + late_s * erand48(lateness))
            for (double due = pace_due(&p, t); pace_takes(&p, due, unit); due -= unit)
                pace_sent(&p, unit);
        for (double due = pace_due(&p, shape_end(shape)); pace_takes(&p, due, unit); due -= unit)
            pace_sent(&p, unit);
        sent += p.sent;
        *forgiven += p.forgiven;
    }
    return sent;
}

/* clang-format off */
static const struct {
    const char *name;
    struct shape_spec spec;
    unsigned senders;
    double unit, late_s;
} cases[] = {
    { "constant", { .rate = 1e6, .duration_s = 5 },                              1, 16, 0 },
    { "constant", { .rate = 1e6, .duration_s = 5 },                              4, 16, 0.004 },
    { "constant", { .rate = 1000, .duration_s = 5 },                             3, 1,  0.002 },
    { "constant", { .rate = 40, .duration_s = 10 },                              2, 1,  0.01 },
    { "ramp",     { .rate = 0, .rate_to = 50000, .duration_s = 4 },              2, 18, 0.001 },
    { "steps",    { .rate = 1e3, .rate_to = 2e5, .duration_s = 4, .steps = 5 },  2, 18, 0.003 },
    { "spike",    { .rate = 1e3, .rate_to = 5e5, .duration_s = 4 },              1, 18, 0.002 },
    { "spike",    { .rate = 1e3, .rate_to = 5e5, .duration_s = 4 },              1, 1,  0.002 },
    { "sine",     { .rate = 1e3, .rate_to = 3e5, .duration_s = 4, .period_s = 1 }, 2, 18, 0.002 },
};
/* clang-format on */

static void a_paced_rate_is_held_to_one_percent(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct shape s;
        double forgiven;
        assert_int_equal(shape_init(&s, cases[i].name, &cases[i].spec), 0);
        double sent = simulate(&s, cases[i].senders, cases[i].unit, cases[i].late_s, &forgiven);
        double wished = shape_total(&s, shape_end(&s));
        assert_true(fabs(sent - wished) <= 0.01 * wished);
        assert_true(forgiven == 0);
        shape_release(&s);
    }
}

static void a_debt_is_paid_back_up_to_a_tenth_of_a_second(void **state)
{
    (void)state;
    struct shape s;
    const struct shape_spec spec = { .rate = 1e5, .duration_s = 10 };
    assert_int_equal(shape_init(&s, "constant", &spec), 0);
    struct pace p = { .shape = &s, .share = 1, .phase = 0.5, .unit = 1 };
    double due = pace_due(&p, 1.0); /* nothing sent for a second */
    assert_true(fabs(due - 1e5 * PACE_DEBT_MAX_S) < 1);
    assert_true(fabs(p.forgiven - 9e4) < 1);
    pace_sent(&p, due);
    assert_true(pace_due(&p, 1.0) < 1);
    assert_true(fabs(pace_due(&p, 1.01) - 1000) < 1);
    shape_release(&s);
}

static void sleep_ends_when_the_next_datagram_is_due(void **state)
{
    (void)state;
    struct shape s;
    const struct shape_spec spec = { .rate = 100, .duration_s = 10 };
    assert_int_equal(shape_init(&s, "constant", &spec), 0);
    struct pace p = { .shape = &s, .share = 1, .phase = 0.5, .unit = 1 };
    assert_true(pace_due(&p, 0) < 0.5);
    double first = pace_sleep(&p, 0, 1);
    assert_true(first > 0.004 && first < 0.006);
    assert_true(pace_due(&p, first + 1e-9) >= 0.5);
    pace_sent(&p, 1);
    double second = pace_sleep(&p, first, 1);
    assert_true(second > 0.009 && second < 0.011);
    shape_release(&s);
}

/* Of a stream that was captured a piece may have thousands of lines, and the next one a few. */
static void a_datagram_of_more_than_can_be_due_goes_and_the_rate_is_held(void **state)
{
    (void)state;
    static const double amounts[] = { 200, 1, 5000, 0, 129, 128, 17 };
    struct shape s;
    const struct shape_spec spec = { .rate = 500, .duration_s = 100 };
    assert_int_equal(shape_init(&s, "constant", &spec), 0);
    struct pace p = { .shape = &s, .share = 1, .phase = 0.5, .unit = 1 };
    size_t next = 0;
    for (double t = 0; t < shape_end(&s);
         t += pace_sleep(&p, t, amounts[next % ARRAY_LEN(amounts)])) {
        for (double due;
             due = pace_due(&p, t), pace_takes(&p, due, amounts[next % ARRAY_LEN(amounts)]); next++)
            pace_sent(&p, amounts[next % ARRAY_LEN(amounts)]);
        assert_true(p.sent <= shape_total(&s, t) + 5000);
    }
    assert_true(p.sent >= shape_total(&s, shape_end(&s)) - 64);
    assert_true(p.forgiven == 0);
    shape_release(&s);
}

static void without_a_shape_there_is_no_limit_and_no_sleep(void **state)
{
    (void)state;
    struct pace p = { .share = 1, .unit = 1 };
    assert_true(isinf(pace_due(&p, 0)));
    assert_true(pace_sleep(&p, 0, 1) <= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_paced_rate_is_held_to_one_percent),
        cmocka_unit_test(a_debt_is_paid_back_up_to_a_tenth_of_a_second),
        cmocka_unit_test(sleep_ends_when_the_next_datagram_is_due),
        cmocka_unit_test(a_datagram_of_more_than_can_be_due_goes_and_the_rate_is_held),
        cmocka_unit_test(without_a_shape_there_is_no_limit_and_no_sleep),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
