#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"
#include "listen/tap_budget.h"

#define MS 1000000ull

enum { BUDGET = 256 << 10, SEED = 7 };

struct traffic {
    uint64_t now_ns, came, took, datagrams, taken;
    double estimate; /* of datagrams, by those that were taken */
};

/* Reads of n datagrams of so many bytes, one each `every`, for that long. */
static void run(struct tap_budget *b, struct traffic *t, unsigned n, uint64_t bytes,
                uint64_t every_ns, uint64_t for_ns)
{
    for (uint64_t stop = t->now_ns + for_ns; t->now_ns < stop; t->now_ns += every_ns) {
        bool looks = tap_budget_read(b);
        uint64_t took = 0;
        for (unsigned i = 0; looks && i < n; i++) {
            if (!tap_budget_datagram(b))
                continue;
            took += bytes;
            t->taken++;
            t->estimate += 1 / b->share;
        }
        t->datagrams += n;
        t->came += n * bytes;
        t->took += took;
        tap_budget_note(b, n * bytes, took, t->now_ns);
    }
}

static void what_the_budget_allows_is_all_taken(void **unused)
{
    struct tap_budget b;
    struct traffic t = { .now_ns = MS };
    (void)unused;
    tap_budget_init(&b, BUDGET, SEED);
    run(&b, &t, 1, 100, MS, 5000 * MS); /* 100 KB/s */
    assert_int_equal(t.taken, t.datagrams);
    assert_true(b.share == 1);
}

static void more_is_cut_to_about_the_budget_and_stands_for_all(void **unused)
{
    static const struct {
        unsigned n;
        uint64_t bytes, every_ns;
        double within; /* of the estimate */
    } cases[] = {
        { 1, 40, 20000, 0.05 },     /* 2 MB/s, one by one */
        { 64, 40, 100000, 0.1 },    /* 26 MB/s */
        { 64, 1432, 1000000, 0.2 }, /* 92 MB/s of large ones */
        { 64, 40, 2000, 0.1 },      /* more than there can be */
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tap_budget b;
        struct traffic t = { .now_ns = MS };
        tap_budget_init(&b, BUDGET, SEED + i);
        run(&b, &t, cases[i].n, cases[i].bytes, cases[i].every_ns, 300 * MS);
        t = (struct traffic){ .now_ns = t.now_ns };
        run(&b, &t, cases[i].n, cases[i].bytes, cases[i].every_ns, 20000 * MS);
        assert_true(t.took > 20 * BUDGET / 2 && t.took < 20 * BUDGET * 3 / 2);
        double off = t.estimate / (double)t.datagrams - 1;
        assert_true(off < cases[i].within && off > -cases[i].within);
    }
}

static void a_surge_brings_some_times_the_budget_alone(void **unused)
{
    struct tap_budget b;
    struct traffic t = { .now_ns = MS };
    (void)unused;
    tap_budget_init(&b, BUDGET, SEED);
    run(&b, &t, 1, 100, 10 * MS, 1000 * MS);
    t = (struct traffic){ .now_ns = t.now_ns };
    run(&b, &t, 64, 1000, MS / 10, 100 * MS); /* 640 MB/s out of nothing */
    assert_true(t.came > 60 << 20);
    assert_true(t.took < BUDGET * 2);
}

static void when_it_is_quiet_again_all_is_taken_again(void **unused)
{
    struct tap_budget b;
    struct traffic t = { .now_ns = MS };
    (void)unused;
    tap_budget_init(&b, BUDGET, SEED);
    run(&b, &t, 64, 1000, MS / 10, 1000 * MS);
    assert_true(b.share < 0.01);
    run(&b, &t, 1, 100, 100 * MS, 2000 * MS);
    assert_true(b.share == 1);
}

/* As a load that comes in bursts of large reads: now none in a period, now three. */
static void bursts_bring_no_more_than_the_budget_in_the_long_run(void **unused)
{
    struct tap_budget b;
    struct traffic t = { .now_ns = MS };
    (void)unused;
    tap_budget_init(&b, BUDGET, SEED);
    for (int i = 0; i < 200; i++) {
        run(&b, &t, 64, 1000, 10 * MS, 30 * MS);
        run(&b, &t, 1, 50, 10 * MS, 270 * MS);
    }
    assert_true(t.took < 60 * BUDGET * 5 / 4);
    assert_true(t.took > 60 * BUDGET / 4);
    double off = t.estimate / (double)t.datagrams - 1;
    assert_true(off < 0.3 && off > -0.3);
}

static void a_reading_of_the_clock_from_before_the_period_ends_nothing(void **unused)
{
    struct tap_budget b;
    struct traffic t = { .now_ns = 1000 * MS };
    (void)unused;
    tap_budget_init(&b, BUDGET, SEED);
    run(&b, &t, 64, 1000, MS, 500 * MS);
    const double share = b.share;
    assert_true(share < 0.1);
    tap_budget_note(&b, 10, 0, b.began_ns - 1);
    assert_true(b.share == share);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_budget_allows_is_all_taken),
        cmocka_unit_test(more_is_cut_to_about_the_budget_and_stands_for_all),
        cmocka_unit_test(a_surge_brings_some_times_the_budget_alone),
        cmocka_unit_test(when_it_is_quiet_again_all_is_taken_again),
        cmocka_unit_test(bursts_bring_no_more_than_the_budget_in_the_long_run),
        cmocka_unit_test(a_reading_of_the_clock_from_before_the_period_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
