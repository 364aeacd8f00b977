#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/limit.h"
#include "base/slice.h"

static uint64_t spread(uint64_t i)
{
    return (i + 1) * 0x9E3779B97F4A7C15ull;
}

static void each_hash_counts_once_up_to_the_maximum(void **unused)
{
    (void)unused;
    static const uint64_t max[] = { 0, 1, 2, 511, 512, 513, 5000 };
    for (size_t m = 0; m < ARRAY_LEN(max); m++) {
        struct series_limit l;
        assert_int_equal(series_limit_init(&l, max[m]), 0);
        for (uint64_t i = 0; i < max[m]; i++) {
            assert_true(series_limit_claim(&l, spread(i)));
            assert_true(series_limit_claim(&l, spread(i)));
            assert_int_equal(l.n, i + 1);
        }
        assert_false(series_limit_claim(&l, spread(max[m])));
        for (uint64_t i = 0; i < max[m]; i++)
            assert_true(series_limit_claim(&l, spread(i)));
        assert_int_equal(l.n, max[m]);
        series_limit_release(&l);
    }
}

/* Some are there, some come twice, and there is room for fewer than are new. */
static void many_at_once_are_claimed_like_one_after_another(void **unused)
{
    (void)unused;
    enum { MAX = 3000, KNOWN = 100 };
    static uint64_t hashes[2 * MAX];
    struct series_limit l;
    assert_int_equal(series_limit_init(&l, MAX), 0);
    for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
        hashes[i] = i == 1 ? 0 : spread(i / 2);
    for (size_t i = 0; i < KNOWN; i++)
        assert_true(series_limit_claim(&l, spread(i)));
    series_limit_claim_all(&l, hashes, 0);
    assert_int_equal(l.n, KNOWN);
    series_limit_claim_all(&l, hashes, 2 * KNOWN);
    assert_int_equal(l.n, KNOWN + 1); /* the 0 */
    series_limit_claim_all(&l, hashes, ARRAY_LEN(hashes));
    assert_int_equal(l.n, MAX);
    for (uint64_t i = 0; i < MAX - 1; i++)
        assert_true(series_limit_claim(&l, spread(i)));
    assert_false(series_limit_claim(&l, spread(MAX - 1)));
    series_limit_release(&l);
}

static void every_bit_of_a_hash_tells_series_apart(void **unused)
{
    (void)unused;
    struct series_limit l;
    assert_int_equal(series_limit_init(&l, 100), 0);
    const uint64_t hash = 1ull << 40;
    assert_true(series_limit_claim(&l, hash));
    for (unsigned bit = 0; bit < 64; bit++)
        assert_true(series_limit_claim(&l, hash ^ 1ull << bit));
    assert_int_equal(l.n, 65);
    for (unsigned bit = 0; bit < 64; bit++)
        series_limit_drop(&l, hash ^ 1ull << bit);
    assert_int_equal(l.n, 1);
    series_limit_release(&l);
}

static void what_is_dropped_makes_room_for_another(void **unused)
{
    (void)unused;
    struct series_limit l;
    assert_int_equal(series_limit_init(&l, 2), 0);
    series_limit_drop(&l, 7); /* not there: nothing happens */
    assert_int_equal(l.n, 0);
    assert_true(series_limit_claim(&l, 1) && series_limit_claim(&l, 4));
    assert_false(series_limit_claim(&l, 8));
    series_limit_drop(&l, 1);
    series_limit_drop(&l, 1);
    assert_int_equal(l.n, 1);
    assert_true(series_limit_claim(&l, 8));
    assert_false(series_limit_claim(&l, 1));
    series_limit_release(&l);
}

static void hashes_that_share_a_slot_survive_each_others_removal(void **unused)
{
    (void)unused;
    static const uint64_t shapes[] = { 0, 1020, 1023 }; /* at the front, wrapping round the end */
    for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
        for (unsigned gone = 0; gone < 16; gone++) {
            struct series_limit l;
            assert_int_equal(series_limit_init(&l, 100), 0);
            for (uint64_t i = 0; i < 16; i++)
                assert_true(
                    series_limit_claim(&l, (i + 1) << 32 | ((shapes[s] + i % 3 * 2) & 1023)));
            series_limit_drop(&l, (gone + 1ull) << 32 | ((shapes[s] + gone % 3 * 2) & 1023));
            assert_int_equal(l.n, 15);
            l.max = l.n; /* whoever is still in the set may claim, nobody else */
            for (uint64_t i = 0; i < 16; i++)
                assert_int_equal(
                    series_limit_claim(&l, (i + 1) << 32 | ((shapes[s] + i % 3 * 2) & 1023)),
                    i != gone);
            series_limit_release(&l);
        }
    }
}

enum { THREADS = 4, HASHES = 2000 };

static void *claim_all(void *limit)
{
    uintptr_t claimed = 0;
    for (uint64_t i = 0; i < HASHES; i++)
        claimed += series_limit_claim(limit, spread(i * 7 % HASHES));
    return (void *)claimed;
}

static void threads_that_see_the_same_series_count_it_once(void **unused)
{
    (void)unused;
    struct series_limit l;
    assert_int_equal(series_limit_init(&l, HASHES / 2), 0);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, claim_all, &l), 0);
    for (int i = 0; i < THREADS; i++) {
        void *claimed;
        pthread_join(threads[i], &claimed);
        assert_int_equal((uintptr_t)claimed, HASHES / 2);
    }
    assert_int_equal(l.n, HASHES / 2);
    series_limit_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_hash_counts_once_up_to_the_maximum),
        cmocka_unit_test(many_at_once_are_claimed_like_one_after_another),
        cmocka_unit_test(every_bit_of_a_hash_tells_series_apart),
        cmocka_unit_test(what_is_dropped_makes_room_for_another),
        cmocka_unit_test(hashes_that_share_a_slot_survive_each_others_removal),
        cmocka_unit_test(threads_that_see_the_same_series_count_it_once),
    };
    return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
