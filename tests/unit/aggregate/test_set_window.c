/*
 * The window of a set against a plain model: which step each member last came in.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/set.h"
#include "aggregate/set_window.h"
#include "base/slice.h"

enum { NAMES = 6000, NEVER = -1000 };

static uint64_t state;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((state >> 24) % n);
}

static uint64_t hash_of(unsigned name)
{
    char text[16];
    int n = snprintf(text, sizeof text, "user-%u", name);
    return members_hash(slice_of(text, (size_t)n));
}

static unsigned counted(const int *last, int step, unsigned keep)
{
    unsigned n = 0;
    for (unsigned i = 0; i < NAMES; i++)
        n += step - last[i] <= (int)keep;
    return n;
}

static void expect_count(const struct set_window *w, unsigned want)
{
    double have = (double)set_window_count(w);
    bool exact = want < MEMBERS_EXACT && w->steps == NULL;
    if (exact ? have != want
              : fabs(have - want) > 0.035 * want) /* four standard errors of 0.81 % */
        fail_msg("%g members, not %u", have, want);
    assert_true(want > 0 || set_window_empty(w));
}

/* Up to `most` different members a step, of `names` in all, with pauses. */
static void run(unsigned keep, unsigned names, unsigned most, unsigned steps)
{
    struct set_window w = { 0 };
    int last[NAMES];
    for (unsigned i = 0; i < NAMES; i++)
        last[i] = NEVER;
    for (unsigned step = 0; step < steps; step++) {
        set_window_advance(&w, step, keep);
        expect_count(&w, counted(last, (int)step, keep));
        for (unsigned pages = below(4); pages > 0; pages--) {
            struct members m = { 0 };
            for (unsigned n = below(most + 1); n > 0; n--) {
                unsigned name = below(names);
                assert_int_equal(members_add(&m, hash_of(name)), 0);
                last[name] = (int)step;
            }
            set_window_merge(&w, &m, step);
            members_release(&m);
            expect_count(&w, counted(last, (int)step, keep));
        }
        if (below(20) == 0) /* a pause that empties it */
            for (unsigned i = 0; i <= keep; i++)
                set_window_advance(&w, ++step, keep);
    }
    set_window_release(&w);
    assert_true(set_window_empty(&w) && set_window_count(&w) == 0);
}

static void the_window_holds_the_members_of_its_steps_and_no_others(void **unused)
{
    (void)unused;
    static const struct {
        unsigned names, most;
    } shapes[] = { { 3, 3 },     { 20, 8 },    { 400, 100 },  { 480, 480 },
                   { 600, 300 }, { 6000, 60 }, { 6000, 2000 } };
    for (unsigned keep = 1; keep <= PROFILE_SET_STEPS_MAX; keep++)
        for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
            state = keep * 100 + i;
            run(keep, shapes[i].names, shapes[i].most, 300); /* more steps than a byte counts */
        }
}

static void few_members_are_counted_exactly_up_to_the_limit(void **unused)
{
    (void)unused;
    struct set_window w = { 0 };
    for (unsigned i = 0; i < MEMBERS_EXACT; i++) {
        struct members m = { 0 };
        members_add(&m, hash_of(i));
        set_window_merge(&w, &m, i / 100);
        members_release(&m);
        assert_int_equal(set_window_count(&w), i + 1);
    }
    assert_null(w.steps);
    set_window_release(&w);
}

static void a_window_that_was_large_once_is_small_and_exact_again(void **unused)
{
    (void)unused;
    enum { KEEP = 6 };
    struct set_window w = { 0 };
    for (unsigned step = 0; step < 20; step++) {
        struct members m = { 0 };
        for (unsigned i = 0; i < (step == 3 ? 5000 : 90); i++)
            members_add(&m, hash_of(i));
        set_window_advance(&w, step, KEEP);
        set_window_merge(&w, &m, step);
        members_release(&m);
        assert_true((w.steps != NULL) == (step >= 3 && step <= 3 + KEEP));
        if (w.steps == NULL)
            assert_int_equal(set_window_count(&w), 90);
    }
    assert_true(w.cap <= 256);
    set_window_release(&w);
}

static void a_table_shrinks_when_members_leave(void **unused)
{
    (void)unused;
    struct set_window w = { 0 };
    struct members many = { 0 }, few = { 0 };
    for (unsigned i = 0; i < 500; i++)
        members_add(&many, hash_of(i));
    members_add(&few, hash_of(7));
    set_window_merge(&w, &many, 0);
    assert_int_equal(w.cap, 1024);
    for (unsigned step = 1; step <= 3; step++) {
        set_window_advance(&w, step, 2);
        set_window_merge(&w, &few, step);
    }
    assert_int_equal(set_window_count(&w), 1);
    assert_int_equal(w.cap, 16);
    for (unsigned step = 4; step <= 6; step++)
        set_window_advance(&w, step, 2);
    assert_true(set_window_empty(&w) && w.hashes == NULL);
    members_release(&many);
    members_release(&few);
}

static void only_a_window_of_the_same_profile_is_absorbed(void **unused)
{
    (void)unused;
    const struct profile fine = { .set_steps = 2, .set_step_intervals = 1 };
    const struct profile coarse = { .set_steps = 12, .set_step_intervals = 2 };
    const struct profile *from_profile[] = { &fine, &coarse };
    for (size_t i = 0; i < ARRAY_LEN(from_profile); i++) {
        struct set_list list = { 0 };
        struct kind_now now = { .interval = 20, .sets = &list };
        struct set_cell c = { 0 };
        struct set_series s = { 0 };
        struct set_exposed from = { .line.exposed = { .profile = from_profile[i] } };
        struct set_exposed to = { .line.exposed = { .profile = &fine } };
        assert_int_equal(members_add(&c.part[0].members, hash_of(1)), 0);
        assert_true(set_merge(&s.series, &from.line.exposed, &c.cell, 0, &now));
        set_ops.absorb(&to.line.exposed, &from.line.exposed, &now);
        assert_int_equal(set_window_count(&to.window), from_profile[i] == &fine ? 1 : 0);
        set_ops.exposed_release(&from.line.exposed);
        set_ops.exposed_release(&to.line.exposed);
        set_ops.cell_release(&c.cell);
        set_list_release(&list);
    }
}

static void few_members_of_both_stay_exact_with_the_later_step_of_each(void **unused)
{
    (void)unused;
    struct set_window to = { 0 }, from = { 0 };
    for (unsigned step = 0; step < 2; step++) {
        struct members a = { 0 }, b = { 0 };
        for (unsigned i = 0; i < 20; i++) {
            assert_int_equal(members_add(&a, hash_of(i + 40 * step)), 0);
            assert_int_equal(members_add(&b, hash_of(i + 10 + 40 * (1 - step))), 0);
        }
        set_window_advance(&to, step, 2);
        set_window_advance(&from, step, 2);
        set_window_merge(&to, &a, step);   /* 0..19 in step 0, 40..59 in step 1 */
        set_window_merge(&from, &b, step); /* 50..69 in step 0, 10..29 in step 1 */
        members_release(&a);
        members_release(&b);
    }
    set_window_absorb(&to, &from, 1);
    assert_null(to.steps);
    assert_int_equal(set_window_count(&to), 30 + 30);
    set_window_advance(&to, 3, 2);
    assert_int_equal(set_window_count(&to), 20 + 20); /* what came in step 1 */
    set_window_advance(&to, 4, 2);
    assert_true(set_window_empty(&to));
    set_window_release(&to);
    set_window_release(&from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_window_holds_the_members_of_its_steps_and_no_others),
        cmocka_unit_test(few_members_are_counted_exactly_up_to_the_limit),
        cmocka_unit_test(a_window_that_was_large_once_is_small_and_exact_again),
        cmocka_unit_test(a_table_shrinks_when_members_leave),
        cmocka_unit_test(only_a_window_of_the_same_profile_is_absorbed),
        cmocka_unit_test(few_members_of_both_stay_exact_with_the_later_step_of_each),
    };
    return cmocka_run_group_tests_name("set window", tests, NULL, NULL);
}
