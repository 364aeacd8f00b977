#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/table.h"
#include "base/mem.h"
#include "base/slice.h"

enum { CELLS = 5000 };

static struct hash128 hash_of(unsigned shape, unsigned i)
{
    uint64_t lo = shape == 0   ? (i + 1) * 0x9E3779B97F4A7C15ull
                  : shape == 1 ? i / 8              /* the same lo for eight */
                  : shape == 2 ? UINT64_MAX - i % 5 /* at the table's end */
                               : i % 3 * 2;         /* overlapping runs */
    return (struct hash128){ lo, i * 0xD1B54A32D192ED03ull + 1 };
}

static uint64_t slot_of(const struct table *t, const struct cell *c)
{
    for (uint64_t i = 0; i <= t->mask; i++)
        if (t->slots[i].cell == c)
            return i;
    fail_msg("not in the table");
    return 0;
}

static void what_is_put_is_found_until_it_is_removed(void **unused)
{
    (void)unused;
    struct cell *cells = mem_zalloc(CELLS * sizeof *cells);
    bool *in = mem_zalloc(CELLS);
    for (unsigned shape = 0; shape < 4; shape++) {
        struct table t;
        assert_int_equal(table_init(&t), 0);
        unsigned used = shape == 0 ? CELLS : 300;
        uint64_t random = 7;
        size_t n = 0;
        for (unsigned i = 0; i < CELLS; i++)
            in[i] = false;
        for (unsigned step = 0; step < 8000; step++) {
            random = random * 6364136223846793005ull + 1442695040888963407ull;
            unsigned i = (unsigned)((random >> 33) % used);
            cells[i].check = hash_of(shape, i).hi;
            if (in[i] && step % 2 == 0) {
                table_remove(&t, hash_of(shape, i));
            } else if (in[i]) {
                table_remove_at(&t, slot_of(&t, &cells[i]));
            } else {
                assert_int_equal(table_reserve(&t), 0);
                table_put(&t, hash_of(shape, i), &cells[i]);
            }
            in[i] = !in[i];
            n += in[i] ? 1 : -1ull;
            assert_int_equal(t.n, n);
            unsigned j = (unsigned)((random >> 13) % used);
            assert_ptr_equal(table_find(&t, hash_of(shape, j)), in[j] ? &cells[j] : NULL);
            if (step % 500 == 0)
                table_tidy(&t);
        }
        for (unsigned i = 0; i < used; i++)
            assert_ptr_equal(table_find(&t, hash_of(shape, i)), in[i] ? &cells[i] : NULL);
        table_release(&t);
    }
    free(in);
    free(cells);
}

static void one_lo_and_two_checks_are_two_cells(void **unused)
{
    (void)unused;
    struct table t;
    assert_int_equal(table_init(&t), 0);
    struct cell a = { .check = 1 }, b = { .check = 2 };
    table_put(&t, (struct hash128){ 99, 1 }, &a);
    assert_null(table_find(&t, (struct hash128){ 99, 2 }));
    table_put(&t, (struct hash128){ 99, 2 }, &b);
    assert_ptr_equal(table_find(&t, (struct hash128){ 99, 1 }), &a);
    assert_ptr_equal(table_find(&t, (struct hash128){ 99, 2 }), &b);
    table_release(&t);
}

static void it_grows_at_half_full_and_gives_memory_back_when_few_are_left(void **unused)
{
    (void)unused;
    struct cell *cells = mem_zalloc(CELLS * sizeof *cells);
    struct table t;
    assert_int_equal(table_init(&t), 0);
    uint64_t first = t.mask;
    for (unsigned i = 0; i < CELLS; i++) {
        cells[i].check = hash_of(0, i).hi;
        assert_int_equal(table_reserve(&t), 0);
        table_put(&t, hash_of(0, i), &cells[i]);
        assert_true(t.n * 16 <= (t.mask + 1) * 9 + 32); /* half, and a sixteenth during a move */
    }
    uint64_t grown = t.mask;
    assert_true(grown >= 2 * CELLS - 1);
    table_tidy(&t);
    assert_int_equal(t.mask, grown);
    for (unsigned i = 0; i < CELLS - 10; i++)
        table_remove_at(&t, slot_of(&t, &cells[i]));
    while (table_tidy(&t)) {} /* half the size, and again */
    assert_int_equal(t.mask, first);
    for (unsigned i = CELLS - 10; i < CELLS; i++)
        assert_ptr_equal(table_find(&t, hash_of(0, i)), &cells[i]);
    table_release(&t);
    free(cells);
}

static void a_guess_is_right_for_nearly_all_of_a_table_that_is_half_full(void **unused)
{
    (void)unused;
    enum { N = 2000, RIGHT_PERCENT = 90 };
    struct cell *cells = mem_zalloc(N * sizeof *cells);
    struct table t;
    assert_int_equal(table_init(&t), 0);
    for (unsigned i = 0; i < N; i++) {
        cells[i].check = hash_of(0, i).hi;
        assert_int_equal(table_reserve(&t), 0);
        assert_null(table_guess(&t, hash_of(0, i)));
        table_put(&t, hash_of(0, i), &cells[i]);
    }
    unsigned right = 0;
    for (unsigned i = 0; i < N; i++) {
        const struct cell *c = table_guess(&t, hash_of(0, i));
        assert_true(c == NULL || c == &cells[i]); /* no two have the same lo */
        right += c != NULL;
    }
    assert_true(right >= N * RIGHT_PERCENT / 100);
    table_release(&t);
    free(cells);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found_until_it_is_removed),
        cmocka_unit_test(a_guess_is_right_for_nearly_all_of_a_table_that_is_half_full),
        cmocka_unit_test(one_lo_and_two_checks_are_two_cells),
        cmocka_unit_test(it_grows_at_half_full_and_gives_memory_back_when_few_are_left),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
