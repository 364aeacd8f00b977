#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/backing.h"
#include "base/mem.h"
#include "base/slab.h"
#include "base/slice.h"

static const uint32_t sizes[] = { 32, 64, 96, 128, 192, 1024 };

static void objects_are_aligned_and_do_not_overlap(void **unused)
{
    (void)unused;
    enum { N = 3000 };
    unsigned char **at = mem_alloc(N * sizeof *at);
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        struct slab slab;
        slab_init(&slab, sizes[s]);
        for (int i = 0; i < N; i++) {
            at[i] = slab_alloc(&slab);
            assert_non_null(at[i]);
            assert_int_equal((uintptr_t)at[i] % (sizes[s] % 64 == 0 ? 64 : 32), 0);
            memset(at[i], i & 0xff, sizes[s]);
        }
        assert_int_equal(slab.objects, N);
        for (int i = 0; i < N; i++)
            for (uint32_t b = 0; b < sizes[s]; b += 31)
                assert_int_equal(at[i][b], i & 0xff);
        for (int i = 0; i < N; i++)
            slab_free(&slab, at[i]);
        slab_release(&slab);
        assert_int_equal(slab.bytes, 0);
    }
    free(at);
}

static void memory_grows_with_use_and_goes_back_when_freed(void **unused)
{
    (void)unused;
    enum { N = 100000 };
    static void *at[N];
    struct slab slab;
    slab_init(&slab, 192);
    at[0] = slab_alloc(&slab);
    assert_true(slab.bytes <= 64 << 10);
    size_t first = slab.bytes;
    for (int i = 1; i < N; i++)
        at[i] = slab_alloc(&slab);
    assert_true(slab.bytes >= (size_t)N * 192);
    assert_true(slab.bytes <= (size_t)N * 192 + (4u << 20));
    for (int i = 1; i < N; i++)
        slab_free(&slab, at[i]);
    assert_true(slab.bytes <= first + (2u << 20));
    assert_int_equal(slab.objects, 1);
    slab_free(&slab, at[0]);
    slab_release(&slab);
}

static void freed_objects_are_used_again_before_memory_is_mapped(void **unused)
{
    (void)unused;
    enum { N = 20000 };
    static void *at[N];
    struct slab slab;
    slab_init(&slab, 64);
    for (int i = 0; i < N; i++)
        at[i] = slab_alloc(&slab);
    size_t bytes = slab.bytes;
    uint64_t random = 3;
    for (int step = 0; step < 100000; step++) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        size_t i = (random >> 33) % N;
        slab_free(&slab, at[i]);
        at[i] = slab_alloc(&slab);
        memset(at[i], 0xa5, 64);
    }
    assert_int_equal(slab.objects, N);
    assert_int_equal(slab.bytes, bytes);
    for (int i = N - 1; i >= 0; i -= 2)
        slab_free(&slab, at[i]);
    for (int i = 0; i < N; i += 2)
        slab_free(&slab, at[i]);
    slab_release(&slab);
}

static void freeing_null_is_nothing_and_one_object_may_come_and_go(void **unused)
{
    (void)unused;
    struct slab slab;
    slab_init(&slab, 32);
    slab_free(&slab, NULL);
    size_t bytes = 0;
    for (int i = 0; i < 1000; i++) {
        void *o = slab_alloc(&slab);
        bytes = bytes == 0 ? slab.bytes : bytes;
        assert_int_equal(slab.bytes, bytes);
        slab_free(&slab, o);
        assert_int_equal(slab.bytes, bytes); /* kept: no mapping for each coming and going */
    }
    slab_release(&slab);
}

static void big_tables_are_zeroed(void **unused)
{
    (void)unused;
    static const size_t bytes[] = { 1, 4096, 100000, 5u << 20 };
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
        char *p = slab_map(bytes[i]);
        assert_non_null(p);
        for (size_t b = 0; b < bytes[i]; b += 511)
            assert_int_equal(p[b], 0);
        p[bytes[i] - 1] = 1;
        slab_unmap(p, bytes[i]);
    }
    slab_unmap(NULL, 100);
    assert_null(slab_map((size_t)1 << 60));
}

/* The next region is there before it is needed, but not before much of the last one is used. */
static void the_next_huge_page_is_mapped_ahead(void **unused)
{
    (void)unused;
    enum { BYTES = 1024, HUGE_PAGE = 2 << 20, N = 20000 };
    static void *at[N];
    for (int with_backing = 0; with_backing < 2; with_backing++) {
        struct slab slab;
        slab_init(&slab, BYTES);
        if (with_backing)
            assert_int_equal(backing_start(), 0);
        for (int i = 0; i < N; i++) {
            const void *spare = slab.spare;
            at[i] = slab_alloc(&slab);
            memset(at[i], 0x5a, BYTES);
            const size_t used = (size_t)(i + 1) * BYTES;
            assert_true(slab.bytes <= used + used / 16 + 2 * HUGE_PAGE);
            if (spare != NULL && slab.spare == NULL) /* taken whole */
                assert_int_equal((uintptr_t)at[i] & ~(uintptr_t)(HUGE_PAGE - 1), (uintptr_t)spare);
            assert_true(used < 3 * HUGE_PAGE || spare != NULL || slab.spare == NULL ||
                        slab.bytes >= used + HUGE_PAGE);
        }
        for (int i = 0; i < N; i++)
            slab_free(&slab, at[i]);
        assert_null(slab.spare); /* there is room without it */
        slab_release(&slab);
        assert_int_equal(slab.bytes, 0);
        backing_stop();
    }
}

static void a_list_grows_where_it_is_or_moves_as_it_was(void **unused)
{
    (void)unused;
    size_t bytes = 0;
    uint64_t *p = NULL;
    for (size_t more = 4096; more <= 16 << 20; more *= 2) {
        p = slab_grow_small(p, bytes, more);
        assert_non_null(p);
        for (size_t i = bytes / sizeof *p; i < more / sizeof *p; i++) {
            assert_int_equal(p[i], 0);
            p[i] = i;
        }
        for (size_t i = 0; i < more / sizeof *p; i += 97)
            assert_int_equal(p[i], i);
        bytes = more;
    }
    assert_null(slab_grow_small(p, bytes, (size_t)1 << 60));
    assert_int_equal(p[1000], 1000); /* stays */
    slab_unmap(p, bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_aligned_and_do_not_overlap),
        cmocka_unit_test(memory_grows_with_use_and_goes_back_when_freed),
        cmocka_unit_test(freed_objects_are_used_again_before_memory_is_mapped),
        cmocka_unit_test(freeing_null_is_nothing_and_one_object_may_come_and_go),
        cmocka_unit_test(big_tables_are_zeroed),
        cmocka_unit_test(the_next_huge_page_is_mapped_ahead),
        cmocka_unit_test(a_list_grows_where_it_is_or_moves_as_it_was),
    };
    return cmocka_run_group_tests_name("slab", tests, NULL, NULL);
}
