#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/slice.h"

static void objects_are_aligned_and_keep_their_bytes(void **unused)
{
    (void)unused;
    static const size_t sizes[] = { 1, 7, 8, 24, 100, 4096, 65535, 65536, 1000000, 3 };
    enum { ROUNDS = 20, N = ROUNDS * ARRAY_LEN(sizes) };
    unsigned char *at[N];
    struct arena a = { 0 };
    for (size_t i = 0; i < N; i++) {
        size_t bytes = sizes[i % ARRAY_LEN(sizes)];
        at[i] = arena_alloc(&a, bytes);
        assert_non_null(at[i]);
        assert_int_equal((uintptr_t)at[i] % 8, 0);
        memset(at[i], (int)i & 0xff, bytes);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t b = 0; b < sizes[i % ARRAY_LEN(sizes)]; b += 61)
            assert_int_equal(at[i][b], i & 0xff);
    arena_release(&a);
    assert_null(a.chunks);
}

static void an_object_that_is_undone_leaves_its_place_to_the_next(void **unused)
{
    (void)unused;
    struct arena a = { 0 };
    void *kept = arena_alloc(&a, 40), *gone = arena_alloc(&a, 100), *also = arena_alloc(&a, 8);
    assert_true((char *)gone == (char *)kept + 40 && (char *)also == (char *)gone + 104);
    arena_undo(&a, also);
    arena_undo(&a, gone);
    assert_ptr_equal(arena_alloc(&a, 8), gone);
    void *large = arena_alloc(&a, 1 << 20); /* alone in its chunk */
    arena_undo(&a, large);
    assert_ptr_equal(arena_alloc(&a, 16), large);
    arena_release(&a);
}

/* Objects are undone one by one, the last of them first, whichever chunks they lie in. */
static void what_lies_in_chunks_behind_is_undone_as_well(void **unused)
{
    (void)unused;
    struct arena a = { 0 };
    void *kept = arena_alloc(&a, 40), *gone = arena_alloc(&a, 65000);
    void *second = arena_alloc(&a, 1000), *third = arena_alloc(&a, 1 << 20);
    arena_undo(&a, third);
    arena_undo(&a, second);
    arena_undo(&a, gone);
    void *again = arena_alloc(&a, 24);
    assert_true(again != kept && again != NULL);
    arena_undo(&a, again);
    arena_undo(&a, kept);
    assert_non_null(arena_alloc(&a, 8));
    arena_release(&a);
}

static void the_first_chunk_stays_when_all_is_cleared_where_it_was_enough(void **unused)
{
    (void)unused;
    struct arena a = { 0 };
    arena_clear(&a);
    assert_null(a.chunks);
    void *first = arena_alloc(&a, 8);
    arena_clear(&a);
    assert_ptr_equal(arena_alloc(&a, 8), first);
    for (int i = 0; i < 10000; i++)
        assert_non_null(arena_alloc(&a, 1000));
    arena_clear(&a);
    assert_null(a.chunks);
    assert_non_null(arena_alloc(&a, 1 << 20));
    arena_clear(&a);
    assert_null(a.chunks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_aligned_and_keep_their_bytes),
        cmocka_unit_test(an_object_that_is_undone_leaves_its_place_to_the_next),
        cmocka_unit_test(what_lies_in_chunks_behind_is_undone_as_well),
        cmocka_unit_test(the_first_chunk_stays_when_all_is_cleared_where_it_was_enough),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
