/*
 * What waits for Redis is read back as it was, and takes less.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sinks/redis/pack.h"

/* From memory of exactly its size. */
static char *exact(const struct redis_pack *p, struct redis_unpack *u)
{
    char *copy = mem_alloc(p->bytes.len + 1);
    if (p->bytes.len > 0)
        memcpy(copy + 1, p->bytes.ptr, p->bytes.len);
    *u = (struct redis_unpack){ .rest = slice_of(copy + 1, p->bytes.len) };
    return copy;
}

static void every_number_comes_back_to_the_bit(void **state)
{
    static const double cases[] = {
        0,          -0.0,   1,          -1,          63,      64,       -64,     -65,
        1e6,        0.1,    -0.5,       1e-320,      DBL_MAX, -DBL_MAX, DBL_MIN, 0x1p52,
        0x1p53 - 1, 0x1p53, 0x1p53 + 2, -0x1p53 + 1, -0x1p53, 0x1p63,   1e21,
    };
    (void)state;
    struct redis_pack p = { 0 };
    struct redis_unpack u;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        redis_pack_number(&p, cases[i]);
    char *copy = exact(&p, &u);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct redis_number n = redis_unpack_number(&u);
        double v = n.is_whole ? (double)n.whole : n.real;
        assert_memory_equal(&v, &cases[i], sizeof v);
    }
    assert_int_equal(u.rest.len, 0);
    free(copy);
    redis_unpack_release(&u);
    redis_pack_release(&p);
}

static void every_integer_comes_back(void **state)
{
    static const int64_t cases[] = {
        0, 1, -1, 63, 64, -64, -65, 1700000000123, INT64_MAX, INT64_MIN
    };
    (void)state;
    struct redis_pack p = { 0 };
    struct redis_unpack u;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        redis_pack_int(&p, cases[i]);
    char *copy = exact(&p, &u);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(redis_unpack_int(&u), cases[i]);
    assert_int_equal(u.rest.len, 0);
    free(copy);
    redis_unpack_release(&u);
    redis_pack_release(&p);
}

/* Any bytes, each key shorter, longer, equal, or without anything in common with the one before. */
static void keys_come_back_whatever_they_share(void **state)
{
    enum { KEYS = 2000, KEY_MAX = 300 };
    static char keys[KEYS][KEY_MAX];
    static size_t lens[KEYS];
    uint64_t dice = 1;
    (void)state;
    struct redis_pack p = { 0 };
    for (size_t i = 0; i < KEYS; i++) {
        dice = dice * 6364136223846793005ull + 1442695040888963407ull;
        lens[i] = (size_t)(dice >> 33) % KEY_MAX;
        size_t same = i > 0 ? (size_t)(dice >> 45) % (lens[i - 1] + 1) : 0;
        for (size_t k = 0; k < lens[i]; k++)
            keys[i][k] = (char)(k < same ? keys[i - 1][k] : (char)(dice >> (k % 50)));
        char *key = mem_alloc(lens[i] + 1);
        memcpy(key + 1, keys[i], lens[i]);
        redis_pack_key(&p, slice_of(key + 1, lens[i]));
        redis_pack_bytes(&p, slice_of(key + 1, lens[i] / 2));
        free(key);
    }
    struct redis_unpack u;
    char *copy = exact(&p, &u);
    for (size_t i = 0; i < KEYS; i++) {
        assert_true(slice_eq(redis_unpack_key(&u), slice_of(keys[i], lens[i])));
        assert_true(slice_eq(redis_unpack_bytes(&u), slice_of(keys[i], lens[i] / 2)));
    }
    assert_int_equal(u.rest.len, 0);
    free(copy);
    redis_unpack_release(&u);
    redis_pack_release(&p);
}

static void a_pack_that_was_cleared_knows_no_key(void **state)
{
    (void)state;
    struct redis_pack p = { 0 };
    struct redis_unpack u;
    redis_pack_key(&p, SLICE_LIT("requests|#env:prod"));
    redis_pack_clear(&p);
    redis_pack_key(&p, SLICE_LIT("requests|#env:test"));
    char *copy = exact(&p, &u);
    redis_unpack_begin(&u);
    assert_true(slice_eq(redis_unpack_key(&u), SLICE_LIT("requests|#env:test")));
    free(copy);
    redis_unpack_release(&u);
    redis_pack_release(&p);
}

static void a_key_like_the_one_before_takes_what_differs(void **state)
{
    (void)state;
    struct redis_pack p = { 0 };
    redis_pack_key(&p, SLICE_LIT("requests|#env:prod,host:a-17"));
    size_t before = p.bytes.len;
    redis_pack_key(&p, SLICE_LIT("requests|#env:prod,host:a-18"));
    redis_pack_number(&p, 42);
    assert_int_equal(p.bytes.len - before, 3 + 2);
    redis_pack_release(&p);
}

/* Whatever stands there: it ends, and reads nothing behind it. */
static void what_no_pack_has_made_is_told(void **state)
{
    static const char *const texts[] = {
        "",
        "\x80",
        "\x05"
        "abcd",
        "\x01"
        "1234567",
        "\x01\x01"
        "a",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (unsigned how = 0; how < 4; how++) {
            size_t n = strlen(texts[i]);
            char *copy = mem_alloc(n);
            memcpy(copy, texts[i], n);
            struct redis_unpack u = { .rest = slice_of(copy, n) };
            for (unsigned k = 0; k < 16; k++) {
                if (how == 0)
                    (void)redis_unpack_key(&u);
                else if (how == 1)
                    (void)redis_unpack_number(&u);
                else if (how == 2)
                    (void)redis_unpack_bytes(&u);
                else
                    (void)redis_unpack_int(&u);
            }
            assert_true(u.bad && u.rest.len == 0);
            redis_unpack_release(&u);
            free(copy);
        }
    }
}

/* A number that is none would never leave: Redis refuses its text. */
static void a_packed_number_is_finite(void **state)
{
    static const double cases[] = { INFINITY, -INFINITY, NAN };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char bytes[9] = { 1 };
        memcpy(bytes + 1, &cases[i], 8);
        struct redis_unpack u = { .rest = slice_of(bytes, sizeof bytes) };
        (void)redis_unpack_number(&u);
        assert_true(u.bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_comes_back_to_the_bit),
        cmocka_unit_test(every_integer_comes_back),
        cmocka_unit_test(keys_come_back_whatever_they_share),
        cmocka_unit_test(a_pack_that_was_cleared_knows_no_key),
        cmocka_unit_test(a_key_like_the_one_before_takes_what_differs),
        cmocka_unit_test(what_no_pack_has_made_is_told),
        cmocka_unit_test(a_packed_number_is_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
