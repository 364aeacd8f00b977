#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "aggregate/symbols.h"

static uint32_t tag_of(struct symbols *ss, unsigned i)
{
    char value[16];
    snprintf(value, sizeof value, "v%u", i);
    return symbols_tag(ss, SLICE_LIT("key"), slice_str(value));
}

static void a_symbol_is_kept_once_and_goes_with_its_last_user(void **unused)
{
    (void)unused;
    enum { N = 20000 };
    static uint32_t number[N];
    struct symbols ss;
    symbols_init(&ss);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < N; i++)
            number[i] = tag_of(&ss, i);
        assert_int_equal(symbols_count(&ss), N);
        for (unsigned i = 0; i < N; i++)
            assert_int_equal(tag_of(&ss, i), number[i]);
        assert_int_equal(symbols_count(&ss), N);
        for (unsigned i = 0; i < N; i++) {
            symbols_drop(&ss, number[i]);
            symbols_drop(&ss, number[i]);
        }
        assert_int_equal(symbols_count(&ss), 0);
        assert_int_equal(ss.end, N + 1); /* numbers are given out again */
    }
    symbols_release(&ss);
}

static void a_tag_has_the_label_that_the_page_shows(void **unused)
{
    (void)unused;
    static const struct {
        const char *key, *value, *label;
    } rows[] = {
        { "env", "prod", "env=\"prod\"" },
        { "a.b", "x", "a_b=\"x\"" },
        { "k", "a\"b\\", "k=\"a\\\"b\\\\\"" },
    };
    struct symbols ss;
    symbols_init(&ss);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t n = symbols_tag(&ss, slice_str(rows[i].key), slice_str(rows[i].value));
        const struct symbol *s = symbols_at(&ss, n);
        assert_true(slice_eq(symbol_key(s), slice_str(rows[i].key)));
        assert_true(slice_eq(symbol_value(s), slice_str(rows[i].value)));
        assert_true(slice_eq(symbol_label(s), slice_str(rows[i].label)));
        uint32_t name = symbols_name(&ss, slice_of(s->text, s->key_len));
        assert_int_not_equal(name, n);
        symbols_drop(&ss, name);
        symbols_drop(&ss, n);
    }
    symbols_release(&ss);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_symbol_is_kept_once_and_goes_with_its_last_user),
        cmocka_unit_test(a_tag_has_the_label_that_the_page_shows),
    };
    return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
