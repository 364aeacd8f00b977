#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/slice.h"

static void without_a_seed_the_hash_is_repeatable(void **state)
{
    (void)state;
    struct hash128 a = hash_bytes("web.hits", 8), b = hash_bytes("web.hits", 8);
    assert_true(a.lo == b.lo && a.hi == b.hi);
    /* XXH3's published value of nothing with seed 0 */
    struct hash128 nothing = hash_bytes("", 0);
    assert_true(nothing.lo == 0x6001C324468D497Full && nothing.hi == 0x99AA06D3014798D8ull);
    assert_true(hash64_bytes("", 0) == 0x2D06800538D394C2ull);
}

static void the_order_of_joined_hashes_matters(void **state)
{
    (void)state;
    struct hash128 a = hash_bytes("a", 1), b = hash_bytes("b", 1);
    struct hash128 ab = hash_join(a, b), ba = hash_join(b, a);
    assert_true(ab.lo != ba.lo && ab.hi != ba.hi);
    struct hash128 aa = hash_join(a, a);
    assert_true(aa.lo != a.lo && aa.lo != 0);
}

static void a_random_seed_changes_the_hash(void **state)
{
    (void)state;
    struct hash128 before = hash_bytes("web.hits", 8);
    hash_seed_random();
    uint64_t first = hash_seed;
    struct hash128 after = hash_bytes("web.hits", 8);
    hash_seed_random();
    assert_true(first != hash_seed);
    assert_true(before.lo != after.lo && before.hi != after.hi);
    hash_seed = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_seed_the_hash_is_repeatable),
        cmocka_unit_test(the_order_of_joined_hashes_matters),
        cmocka_unit_test(a_random_seed_changes_the_hash),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
