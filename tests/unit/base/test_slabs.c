#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slabs.h"

static void objects_of_every_size_do_not_overlap(void **unused)
{
    (void)unused;
    enum { SIZES = 300, ROUNDS = 2, EACH = 20 };
    static unsigned char *at[SIZES + 1][EACH];
    struct slabs s;
    slabs_init(&s);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t n = 1; n <= SIZES; n++) {
            for (size_t i = 0; i < EACH; i++) {
                at[n][i] = slabs_alloc(&s, n);
                assert_int_equal((uintptr_t)at[n][i] % 8, 0);
                memset(at[n][i], (int)(n + i) & 0xff, n);
            }
        }
        for (size_t n = 1; n <= SIZES; n++) {
            for (size_t i = 0; i < EACH; i++) {
                for (size_t b = 0; b < n; b++)
                    assert_int_equal(at[n][i][b], (n + i) & 0xff);
                slabs_free(&s, at[n][i], n);
            }
        }
    }
    slabs_free(&s, NULL, 8);
    slabs_release(&s);
}

static void a_size_takes_no_more_than_the_next_multiple_of_eight(void **unused)
{
    (void)unused;
    enum { N = 100000, BYTES = 33 };
    static void *at[N];
    struct slabs s;
    slabs_init(&s);
    for (int i = 0; i < N; i++)
        at[i] = slabs_alloc(&s, BYTES);
    assert_true(s.of[BYTES / SLABS_STEP].bytes < (size_t)N * 40 + (2u << 20));
    for (int i = 0; i < N; i++)
        slabs_free(&s, at[i], BYTES);
    slabs_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_of_every_size_do_not_overlap),
        cmocka_unit_test(a_size_takes_no_more_than_the_next_multiple_of_eight),
    };
    return cmocka_run_group_tests_name("slabs", tests, NULL, NULL);
}
