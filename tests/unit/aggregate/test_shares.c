#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/limit.h"
#include "base/slice.h"

static uint64_t spread(uint64_t i)
{
    return (i + 1) * 0x9E3779B97F4A7C15ull;
}

static void a_name_and_an_origin_are_full_at_their_limits(void **unused)
{
    (void)unused;
    struct shares s;
    assert_int_equal(shares_init(&s, &(struct shares_opts){ 2, 3 }), 0);
    const struct share a1 = { 10, 1 }, b1 = { 11, 1 }, a2 = { 10, 2 }, c0 = { 12, 0 };
    assert_int_equal(shares_take(&s, 100, a1, true), SHARE_TAKEN);
    assert_int_equal(shares_take(&s, 101, a1, true), SHARE_TAKEN);
    assert_int_equal(shares_take(&s, 102, a1, true), SHARE_NAME_FULL);
    assert_int_equal(shares_take(&s, 102, a2, true), SHARE_NAME_FULL);
    assert_int_equal(shares_take(&s, 103, b1, true), SHARE_TAKEN);
    assert_int_equal(shares_take(&s, 104, b1, true), SHARE_ORIGIN_FULL);
    for (uint64_t id = 0; id < 2; id++) /* who is not known is in no origin's way */
        assert_int_equal(shares_take(&s, 200 + id, c0, true), SHARE_TAKEN);
    assert_int_equal(shares_take(&s, 104, b1, false), SHARE_TAKEN);
    assert_int_equal(shares_of_origin(&s, 1), 4);
    shares_drop(&s, 100);
    shares_drop(&s, 100);
    shares_drop(&s, 999);
    assert_int_equal(shares_of_name(&s, 10), 1);
    assert_int_equal(shares_of_origin(&s, 1), 3);
    assert_int_equal(shares_take(&s, 102, a2, true), SHARE_TAKEN);
    assert_int_equal(s.origins.n, 2);
    shares_release(&s);
}

static void a_limit_of_0_limits_nothing(void **unused)
{
    (void)unused;
    struct shares s;
    assert_int_equal(shares_init(&s, &(struct shares_opts){ 0, 0 }), 0);
    for (uint64_t id = 0; id < 5000; id++)
        assert_int_equal(shares_take(&s, spread(id), (struct share){ 1, 2 }, true), SHARE_TAKEN);
    assert_int_equal(shares_of_name(&s, 1), 5000);
    assert_int_equal(shares_of_origin(&s, 2), 5000);
    shares_release(&s);
}

/* Against counts kept in arrays; the tables grow meanwhile. */
static void counts_are_those_of_a_plain_model(void **unused)
{
    (void)unused;
    enum {
        IDS = 20000,
        NAMES = 700,
        ORIGINS = 90,
        STEPS = 200000,
        PER_NAME = 25,
        PER_ORIGIN = 150
    };
    static struct share of[IDS];
    static bool has[IDS];
    static uint64_t names[NAMES], origins[ORIGINS];
    struct shares s;
    uint64_t x = 13, n = 0;
    assert_int_equal(shares_init(&s, &(struct shares_opts){ PER_NAME, PER_ORIGIN }), 0);
    for (int i = 0; i < STEPS; i++) {
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        const uint64_t id = (x >> 33) % IDS, name = (x >> 20) % NAMES, origin = (x >> 40) % ORIGINS;
        if (has[id]) {
            shares_drop(&s, spread(id));
            names[of[id].name]--;
            origins[of[id].origin] -= of[id].origin > 0;
            has[id] = false;
            n--;
            continue;
        }
        enum share_answer want = SHARE_TAKEN;
        if (names[name] >= PER_NAME)
            want = SHARE_NAME_FULL;
        else if (origin > 0 && origins[origin] >= PER_ORIGIN)
            want = SHARE_ORIGIN_FULL;
        const struct share whose = { spread(name), origin == 0 ? 0 : spread(origin) };
        assert_int_equal(shares_take(&s, spread(id), whose, true), want);
        if (want != SHARE_TAKEN)
            continue;
        has[id] = true;
        of[id] = (struct share){ name, origin };
        names[name]++;
        origins[origin] += origin > 0;
        n++;
    }
    assert_int_equal(s.owners.n, n);
    for (uint64_t k = 0; k < NAMES; k++)
        assert_int_equal(shares_of_name(&s, spread(k)), names[k]);
    for (uint64_t k = 1; k < ORIGINS; k++)
        assert_int_equal(shares_of_origin(&s, spread(k)), origins[k]);
    for (uint64_t id = 0; id < IDS; id++)
        shares_drop(&s, spread(id));
    assert_true(s.owners.n == 0 && s.names.n == 0 && s.origins.n == 0);
    shares_release(&s);
}

static void a_series_of_the_limit_has_a_share_and_takes_it_along(void **unused)
{
    (void)unused;
    struct series_limit l;
    const struct share a = { 1, 7 };
    const struct limit_opts opts = { .shares = { .per_name = 2 } };
    assert_int_equal(series_limit_init(&l, 4), 0);
    assert_int_equal(series_limit_shares(&l, &opts), 0);
    assert_false(series_limit_by_origin(&l));
    assert_int_equal(series_limit_claim_share(&l, 10, a), LIMIT_OK);
    assert_int_equal(series_limit_claim_share(&l, 11, a), LIMIT_OK);
    assert_int_equal(series_limit_claim_share(&l, 11, a), LIMIT_OK); /* it is there */
    assert_int_equal(series_limit_claim_share(&l, 12, a), LIMIT_PER_NAME);
    assert_true(l.n == 2 && l.more->shares.owners.n == 2);
    series_limit_drop(&l, 10);
    series_limit_claim_again(&l, 11, a);
    assert_int_equal(shares_of_name(&l.more->shares, 1), 1);
    series_limit_claim_again(&l, 10, a);
    assert_int_equal(shares_of_name(&l.more->shares, 1), 2);
    assert_int_equal(series_limit_claim_share(&l, 20, (struct share){ 2, 0 }), LIMIT_OK);
    assert_int_equal(series_limit_claim_share(&l, 21, (struct share){ 2, 0 }), LIMIT_OK);
    assert_int_equal(series_limit_claim_share(&l, 22, (struct share){ 3, 0 }), LIMIT_SERIES);
    assert_true(l.n == 4 && l.more->shares.owners.n == 4);
    series_limit_release(&l);
}

static void without_limits_on_shares_there_is_nothing_more(void **unused)
{
    (void)unused;
    struct series_limit l;
    struct limit_totals t;
    assert_int_equal(series_limit_init(&l, 4), 0);
    assert_int_equal(series_limit_shares(&l, &(struct limit_opts){ .v4_bits = 32 }), 0);
    assert_null(l.more);
    series_limit_totals(&l, &t);
    assert_false(t.on);
    series_limit_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_and_an_origin_are_full_at_their_limits),
        cmocka_unit_test(a_limit_of_0_limits_nothing),
        cmocka_unit_test(counts_are_those_of_a_plain_model),
        cmocka_unit_test(a_series_of_the_limit_has_a_share_and_takes_it_along),
        cmocka_unit_test(without_limits_on_shares_there_is_nothing_more),
    };
    return cmocka_run_group_tests_name("shares", tests, NULL, NULL);
}
