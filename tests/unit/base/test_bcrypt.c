#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bcrypt.h"

/* A hash that is fine. */
static const char fine[] = "$2y$10$abcdefghijklmnopqrstuuAVz09./ABCDEFGHIJKLMNOPQRSTUVWX";

static const char *wrong(const char *hash)
{
    return bcrypt_wrong(slice_str(hash));
}

static const char *with(size_t at, char c)
{
    static char text[sizeof fine];
    memcpy(text, fine, sizeof fine);
    text[at] = c;
    return bcrypt_wrong(slice_of(text, sizeof fine - 1));
}

static void the_front_of_a_hash_is_checked_byte_for_byte(void **state)
{
    static const char *const good[] = { "$", "2", "aby", "$", "01", "0123456", "$" };
    (void)state;
    assert_int_equal(strlen(fine), BCRYPT_LEN);
    assert_null(wrong(fine));
    for (size_t at = 0; at < ARRAY_LEN(good); at++) {
        for (int c = 0; c < 256; c++) {
            bool right = c != 0 && strchr(good[at], c) != NULL;
            if (at == 4 && c >= '0' && c <= '9')
                continue; /* the cost: below */
            if ((with(at, (char)c) == NULL) != right)
                fail_msg("byte %zu: %d", at, c);
        }
    }
}

static void the_rest_is_of_64_characters(void **state)
{
    static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    (void)state;
    for (size_t at = 7; at < BCRYPT_LEN; at++) {
        for (int c = 0; c < 256; c++)
            assert_int_equal(with(at, (char)c) == NULL, c != 0 && strchr(digits, c) != NULL);
    }
}

static void a_hash_has_its_length(void **state)
{
    (void)state;
    assert_non_null(bcrypt_wrong(slice_of(fine, BCRYPT_LEN - 1)));
    assert_non_null(bcrypt_wrong(slice_of(fine, BCRYPT_LEN + 1)));
    assert_non_null(wrong(""));
}

static void costs_from_4_to_16_are_taken(void **state)
{
    (void)state;
    for (unsigned cost = 0; cost < 100; cost++) {
        char text[sizeof fine];
        memcpy(text, fine, sizeof fine);
        text[4] = (char)('0' + cost / 10);
        text[5] = (char)('0' + cost % 10);
        const char *why = wrong(text);
        assert_int_equal(bcrypt_cost(slice_str(text)), cost);
        assert_int_equal(why == NULL, cost >= 4 && cost <= 16);
        if (why != NULL)
            assert_non_null(strstr(why, cost < 4 ? "4 to 16" : "above 16"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_front_of_a_hash_is_checked_byte_for_byte),
        cmocka_unit_test(the_rest_is_of_64_characters),
        cmocka_unit_test(a_hash_has_its_length),
        cmocka_unit_test(costs_from_4_to_16_are_taken),
    };
    return cmocka_run_group_tests_name("bcrypt", tests, NULL, NULL);
}
