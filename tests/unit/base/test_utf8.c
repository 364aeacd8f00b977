#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static bool valid_exact(const unsigned char *p, size_t n)
{
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, p, n);
    bool ok = utf8_valid(slice_of(copy, n));
    free(copy);
    return ok;
}

/* Put a code point the way the RFC says, however absurd. */
static size_t encode(uint32_t cp, unsigned char *out)
{
    if (cp < 0x80) {
        out[0] = (unsigned char)cp;
        return 1;
    }
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = n - 1; i > 0; i--, cp >>= 6)
        out[i] = (unsigned char)(0x80 | (cp & 0x3f));
    out[0] = (unsigned char)(lead[n] | cp);
    return n;
}

static void every_code_point_but_surrogates_is_valid(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp < 0x200000; cp++) {
        unsigned char text[12] = "abcdefg";
        size_t n = encode(cp, text + 7);
        bool want = cp < 0xd800 || (cp > 0xdfff && cp <= 0x10ffff);
        if (utf8_valid(slice_of((char *)text, 7 + n)) != want)
            fail_msg("U+%04X", cp);
        if (want)
            assert_int_equal(utf8_len(slice_of((char *)text + 7, n)), n);
    }
}

/* Against the table of RFC 3629: all pairs, and all threes with a lead byte that wants three. */
static void every_short_run_of_bytes_is_judged_by_the_rfc(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            unsigned char two[2] = { (unsigned char)a, (unsigned char)b };
            bool want =
                (a < 0x80 && b < 0x80) || (a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf);
            assert_int_equal(valid_exact(two, 2), want);
            unsigned char three[3] = { (unsigned char)a, (unsigned char)b, 0x80 };
            bool tail = b >= 0x80 && b <= 0xbf;
            bool want3 = a >= 0xe0 && a <= 0xef && tail && !(a == 0xe0 && b < 0xa0) &&
                         !(a == 0xed && b > 0x9f);
            want3 = want3 || (a < 0x80 && b >= 0xc2 && b <= 0xdf);
            assert_int_equal(valid_exact(three, 3), want3);
        }
}

static void cut_and_overlong_forms_are_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        bool want;
    } cases[] = {
        { "", 0, true },
        { "caf\xc3\xa9", 5, true },
        { "caf\xc3", 4, false },
        { "\xe2\x82\xac", 3, true },
        { "\xe2\x82", 2, false },
        { "\xf0\x9f\x98\x80", 4, true },
        { "\xf0\x9f\x98", 3, false },
        { "\xc0\x80", 2, false },
        { "\xe0\x80\x80", 3, false },
        { "\xf0\x80\x80\x80", 4, false },
        { "\xf4\x90\x80\x80", 4, false },
        { "\xf8\x88\x80\x80\x80", 5, false },
        { "\x80", 1, false },
        { "\xff", 1, false },
        { "\xed\xa0\x80", 3, false },
        { "\xc3\x28", 2, false },
        { "12345678\xc3", 9, false },
        { "12345678\xc3\xa9", 10, true },
        { "1234567\xc3\xa9", 9, true },
        { "\xc3\xa9 234567\xff", 10, false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(valid_exact((const unsigned char *)cases[i].bytes, cases[i].n),
                         cases[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_but_surrogates_is_valid),
        cmocka_unit_test(every_short_run_of_bytes_is_judged_by_the_rfc),
        cmocka_unit_test(cut_and_overlong_forms_are_refused),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
