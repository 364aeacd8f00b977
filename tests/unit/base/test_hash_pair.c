#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash_pair.h"
#include "base/slice.h"

typedef uint8_t block[HASH_PAIR_BLOCK];

/* ---- AES by the book (FIPS 197), for what the header promises ---- */

static uint8_t times2(uint8_t x)
{
    return (uint8_t)(x << 1 ^ (x >> 7) * 0x1b);
}

static uint8_t product(uint8_t a, uint8_t b)
{
    uint8_t sum = 0;
    for (; b != 0; b >>= 1, a = times2(a))
        sum ^= b & 1 ? a : 0;
    return sum;
}

static uint8_t s_box(uint8_t x)
{
    uint8_t inverse = 1, out = 0x63;
    for (int i = 0; i < 254; i++)
        inverse = product(inverse, x);
    for (int turn = 0; turn < 5; turn++)
        out ^= (uint8_t)(inverse << turn | inverse >> (8 - turn));
    return out;
}

/* SubBytes, ShiftRows, MixColumns, and the round's key. */
static void book_round(block x, const uint8_t *key)
{
    static uint8_t box[256];
    block s;
    for (int i = 0; box[0] == 0 && i < 256; i++)
        box[255 - i] = s_box((uint8_t)(255 - i));
    for (int column = 0; column < 4; column++)
        for (int row = 0; row < 4; row++)
            s[column * 4 + row] = box[x[(column + row) % 4 * 4 + row]];
    for (int i = 0; i < HASH_PAIR_BLOCK; i++) {
        const uint8_t *c = s + i / 4 * 4;
        int row = i % 4;
        x[i] = (uint8_t)(times2(c[row]) ^ times2(c[(row + 1) % 4]) ^ c[(row + 1) % 4] ^
                         c[(row + 2) % 4] ^ c[(row + 3) % 4] ^ key[i]);
    }
}

static void xor_into(block to, const uint8_t *with)
{
    for (int i = 0; i < HASH_PAIR_BLOCK; i++)
        to[i] ^= with[i];
}

static void text_by_the_book(block sum, const char *p, size_t n, size_t least,
                             const struct hash_pair_key *keys)
{
    for (size_t i = 0; i < least || i * HASH_PAIR_BLOCK < n; i++) {
        block x = { 0 };
        size_t at = i * HASH_PAIR_BLOCK, left = n > at ? n - at : 0;
        memcpy(x, p + (left > 0 ? at : 0), left < sizeof x ? left : sizeof x);
        xor_into(x, keys[i].of[0]);
        for (int round = 1; round <= 4; round++)
            book_round(x, keys[i].of[round]);
        xor_into(sum, x);
    }
}

static struct hash128 by_the_book(unsigned kind, const char *a, size_t n, const char *b, size_t m)
{
    block sum = { 0 };
    struct hash128 h;
    text_by_the_book(sum, a, n, HASH_PAIR_A_LEAST, hash_pair_keys.a);
    text_by_the_book(sum, b, m, HASH_PAIR_B_LEAST, hash_pair_keys.b);
    xor_into(sum, hash_pair_keys.kind[kind]);
    book_round(sum, hash_pair_keys.final[0]);
    book_round(sum, hash_pair_keys.final[1]);
    memcpy(&h, sum, sizeof h);
    return h;
}

/* ---- tests ---- */

static bool same(struct hash128 x, struct hash128 y)
{
    return x.lo == y.lo && x.hi == y.hi;
}

static void it_is_the_function_that_the_header_says(void **state)
{
    static const size_t lengths[] = { 0,  1,  2,  3,  4,  5,  7,  8,  9,   12,  15,
                                      16, 17, 31, 32, 33, 63, 64, 65, 100, 255, 256 };
    char text[1024];
    (void)state;
    hash_pair_ready();
    if (!hash_pair_by_aes())
        skip();
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(1 + i * 7 % 255);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
        for (size_t j = 0; j < ARRAY_LEN(lengths); j++) {
            size_t n = lengths[i], m = lengths[j] * 4;
            const char *b = text + (m < sizeof text ? 3 : 0);
            unsigned kind = (unsigned)(i + j) % HASH_PAIR_KINDS;
            assert_true(same(hash_pair(kind, text, n, b, m), by_the_book(kind, text, n, b, m)));
        }
}

/* Of either function: texts, their order, their border, kind and length all matter. */
static void what_differs_has_another_hash(void **state)
{
    static char long_a[2000], long_b[2000];
    static const struct {
        unsigned kind;
        const char *a, *b;
    } rows[] = {
        { 1, "", "" },         { 2, "", "" },         { 1, "a", "" },        { 1, "", "a" },
        { 1, "a", "b" },       { 1, "b", "a" },       { 1, "ab", "" },       { 1, "", "ab" },
        { 1, "ab", "c" },      { 1, "a", "bc" },      { 2, "a", "b" },       { 1, long_a, "" },
        { 1, "", long_a },     { 1, long_b, "" },     { 1, "", long_b },     { 1, long_a, long_b },
        { 1, long_b, long_a }, { 1, long_a + 1, "" }, { 1, "", long_a + 1 },
    };
    (void)state;
    memset(long_a, 'x', sizeof long_a - 1);
    memset(long_b, 'x', sizeof long_b - 1);
    long_b[1998] = 'y';
    for (int aes = 0; aes < 2; aes++) {
        hash_pair_choose(aes != 0);
        struct hash128 seen[ARRAY_LEN(rows)];
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            seen[i] =
                hash_pair(rows[i].kind, rows[i].a, strlen(rows[i].a), rows[i].b, strlen(rows[i].b));
            for (size_t j = 0; j < i; j++)
                assert_true(seen[i].lo != seen[j].lo && seen[i].hi != seen[j].hi);
        }
        assert_true(same(seen[0], hash_pair(1, NULL, 0, NULL, 0)));
    }
}

/* The sum of an empty second text, which is kept, by the keys of now. */
static void no_b_is_of_these_keys(void)
{
    block sum = { 0 };
    text_by_the_book(sum, "", 0, HASH_PAIR_B_LEAST, hash_pair_keys.b);
    if (hash_pair_by_aes())
        assert_memory_equal(hash_pair_no_b, sum, sizeof sum);
}

static void other_keys_give_another_hash(void **state)
{
    (void)state;
    hash_pair_choose(true);
    no_b_is_of_these_keys();
    struct hash128 before = hash_pair(0, "a", 1, "b", 1);
    assert_true(same(before, hash_pair(0, "a", 1, "b", 1)));
    hash_pair_random();
    no_b_is_of_these_keys();
    struct hash128 after = hash_pair(0, "a", 1, "b", 1);
    assert_true(before.lo != after.lo && before.hi != after.hi);
    for (int i = 0; i < HASH_PAIR_B_KEYS; i++)
        assert_memory_not_equal(hash_pair_keys.b[i].of[0], hash_pair_keys.a[0].of[0],
                                HASH_PAIR_BLOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_function_that_the_header_says),
        cmocka_unit_test(what_differs_has_another_hash),
        cmocka_unit_test(other_keys_give_another_hash),
    };
    return cmocka_run_group_tests_name("hash_pair", tests, NULL, NULL);
}
