#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/symbols.h"

static uint32_t use(struct symbols *ss, struct symbol_text t)
{
    return symbols_use(ss, &t, symbol_text_hash(&t));
}

static uint32_t use_tag(struct symbols *ss, const char *key, const char *value)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%s:%s", key, value);
    assert_in_range(n, 1, sizeof text - 1);
    return use(ss, symbol_text_tag(text, (uint16_t)strlen(key), (uint16_t)strlen(value)));
}

static uint32_t numbered(struct symbols *ss, unsigned i)
{
    char value[16];
    snprintf(value, sizeof value, "v%u", i);
    return use_tag(ss, "key", value);
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
            number[i] = numbered(&ss, i);
        assert_int_equal(symbols_count(&ss), N);
        for (unsigned i = 0; i < N; i++)
            assert_int_equal(numbered(&ss, i), number[i]);
        assert_int_equal(symbols_count(&ss), N);
        for (unsigned i = 0; i < N; i++) {
            symbols_drop(&ss, number[i]);
            assert_int_equal(symbols_count(&ss), N - i);
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
        { "k", "a\nb", "k=\"a\\nb\"" },
        { "k", "", "k=\"\"" },
        { "9", "9", "_9=\"9\"" },
        { "k", "\\", "k=\"\\\\\"" },
    };
    struct symbols ss;
    symbols_init(&ss);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t n = use_tag(&ss, rows[i].key, rows[i].value);
        const struct symbol *s = symbols_at(&ss, n);
        assert_true(slice_eq(symbol_key(s), slice_str(rows[i].key)));
        assert_true(slice_eq(symbol_value(s), slice_str(rows[i].value)));
        assert_true(slice_eq(symbol_label(s), slice_str(rows[i].label)));
        symbols_drop(&ss, n);
    }
    symbols_release(&ss);
}

/*
 * A tag is spelled `key="value"`, and looked for as `key:value`: texts that one of the two spells
 * alike, and names that read like tags.
 */
static void what_is_not_the_same_key_and_value_has_a_symbol_of_its_own(void **unused)
{
    (void)unused;
    static const struct {
        const char *key, *value; /* value NULL: a name */
    } rows[] = {
        { "a", "b" },
        { "a:b", "c" },
        { "a", "b:c" },
        { "a=\"b", "c" },
        { "a", "b=\"c" },
        { "a=\"b\"", "c" },
        { "a", "=\"" },
        { "a=\"", "" },
        { "a", "" },
        { "", "a" },
        { "", "" },
        { "a:", "" },
        { "", ":a" },
        { "a", ":" },
        { "a:b", NULL },
        { "a=\"b\"", NULL },
        { "a", NULL },
        { "a:", NULL },
        { "a=\"\"", NULL },
        { "", NULL },
        { ":", NULL },
        { "=\"\"", NULL },
        { "a=\"b\":c", NULL },
        { "A", "b" },
    };
    uint32_t number[ARRAY_LEN(rows)];
    struct symbols ss;
    symbols_init(&ss);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            uint32_t n = rows[i].value == NULL ? use(&ss, symbol_text_name(slice_str(rows[i].key)))
                                               : use_tag(&ss, rows[i].key, rows[i].value);
            assert_true(round == 0 || n == number[i]);
            number[i] = n;
        }
        assert_int_equal(symbols_count(&ss), ARRAY_LEN(rows));
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct symbol *s = symbols_at(&ss, number[i]);
        assert_true(slice_eq(symbol_key(s), slice_str(rows[i].key)));
        if (rows[i].value != NULL)
            assert_true(slice_eq(symbol_value(s), slice_str(rows[i].value)));
        symbols_drop(&ss, number[i]);
        symbols_drop(&ss, number[i]);
    }
    symbols_release(&ss);
}

static void texts_of_any_length_are_kept_whole(void **unused)
{
    (void)unused;
    enum { LONGEST = UINT16_MAX };
    static const uint16_t lengths[] = {
        0, 1, 2, 7, 8, 15, 16, 17, 200, 255, 256, 257, 4000, LONGEST
    };
    static char text[2 * LONGEST + 1];
    struct symbols ss;
    symbols_init(&ss);
    memset(text, 'x', sizeof text);
    text[3] = '"'; /* escaped: a label beside the text */
    for (size_t k = 0; k < ARRAY_LEN(lengths); k++)
        for (size_t v = 0; v < ARRAY_LEN(lengths); v++) {
            text[lengths[k]] = ':';
            const struct symbol *s =
                symbols_at(&ss, use(&ss, symbol_text_tag(text, lengths[k], lengths[v])));
            assert_true(slice_eq(symbol_key(s), slice_of(text, lengths[k])));
            assert_true(slice_eq(symbol_value(s), slice_of(text + lengths[k] + 1, lengths[v])));
            text[lengths[k]] = 'x';
        }
    for (uint32_t n = 1; n < ss.end; n++)
        symbols_drop(&ss, n);
    assert_int_equal(symbols_count(&ss), 0);
    symbols_release(&ss);
}

/* Against a model: a number for each of many tags, and how many users it has. */
static void users_that_come_and_go_at_random_leave_what_is_still_used(void **unused)
{
    (void)unused;
    enum { TAGS = 3000, STEPS = 200000 };
    static uint32_t number[TAGS], users[TAGS];
    struct symbols ss;
    size_t n_used = 0;
    uint64_t random = 7;
    symbols_init(&ss);
    for (int step = 0; step < STEPS; step++) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        const unsigned i = (unsigned)(random >> 33) % TAGS;
        const bool grows = step / 20000 % 2 == 0;
        if (users[i] == 0 || (random >> 60) < (grows ? 10u : 4u)) {
            uint32_t n = numbered(&ss, i);
            assert_true(users[i] == 0 || n == number[i]);
            n_used += users[i]++ == 0;
            number[i] = n;
        } else {
            symbols_drop(&ss, number[i]);
            n_used -= --users[i] == 0;
        }
        assert_int_equal(symbols_count(&ss), n_used);
        if (users[i] > 0)
            assert_int_equal(symbols_at(&ss, number[i])->users, users[i]);
    }
    for (unsigned i = 0; i < TAGS; i++)
        for (; users[i] > 0; users[i]--)
            symbols_drop(&ss, number[i]);
    symbols_release(&ss);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_symbol_is_kept_once_and_goes_with_its_last_user),
        cmocka_unit_test(a_tag_has_the_label_that_the_page_shows),
        cmocka_unit_test(what_is_not_the_same_key_and_value_has_a_symbol_of_its_own),
        cmocka_unit_test(texts_of_any_length_are_kept_whole),
        cmocka_unit_test(users_that_come_and_go_at_random_leave_what_is_still_used),
    };
    return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
