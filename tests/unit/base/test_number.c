#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"
#include "base/pow10_table.h"

static uint64_t random_state = 0x853c49e6748fea9b;

static uint64_t random_u64(void) /* xorshift64*: the same numbers in every run */
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1D;
}

static uint64_t bits_of(double v)
{
    uint64_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

/* The text in memory of exactly its size. */
static bool parse_exact(const char *text, size_t n, double *ret)
{
    char *p = malloc(n ? n : 1);
    assert_non_null(p);
    memcpy(p, text, n);
    bool ok = number_parse(slice_of(p, n), ret);
    free(p);
    return ok;
}

static void assert_parses_as_strtod(const char *text)
{
    double want = strtod(text, NULL), got = 0.1;
    bool ok = parse_exact(text, strlen(text), &got);
    if (ok != (bool)isfinite(want) || (ok && bits_of(got) != bits_of(want)))
        fail_msg("%s: got %d %.17g, want %.17g", text, ok, got, want);
}

static void plain_texts_are_read_exactly(void **state)
{
    static const struct {
        const char *text;
        double want;
    } cases[] = {
        { "0", 0 },
        { "-0", -0.0 },
        { "+0", 0 },
        { "7", 7 },
        { "0012", 12 },
        { ".75", 0.75 },
        { "1.", 1 },
        { "-.5", -0.5 },
        { "4.5E+2", 450 },
        { "1e-05", 1e-05 },
        { "1e16", 1e16 },
        { "0e99999", 0 },
        { "-0.0", -0.0 },
        { "1e-400", 0 },
        { "-1e-400", -0.0 },
        { "4.9e-324", 5e-324 },
        { "2.4e-324", 0 },
        { "2.5e-324", 5e-324 },
        { "1.7976931348623157e308", DBL_MAX },
        { "9007199254740993", 9007199254740992.0 },
        { "9223372036854775807", 9223372036854775808.0 },
        { "18446744073709551615", 18446744073709551616.0 },
        { "0.2718281828459045", 0.2718281828459045 },
        { "1e-99999999999999999999", 0 },
        { "9999999999999999999e19", 9999999999999999999e19 },
        { "0000000000000000000000000000001", 1 },
        { "0.00000000000000000000000000000001e32", 1 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double got = 0.1;
        if (!parse_exact(cases[i].text, strlen(cases[i].text), &got) ||
            bits_of(got) != bits_of(cases[i].want))
            fail_msg("%s: got %.17g, want %.17g", cases[i].text, got, cases[i].want);
    }
}

static void anything_but_a_finite_decimal_is_refused_and_leaves_the_output(void **state)
{
    /* clang-format off */
    static const char *const cases[] = {
        "", "+", "-", ".", "+.", "e5", "1e", "1e+", "1e-", "1e5.", "--1", "+-1", "1 ", " 1", "1..2",
        "1.2.3", "0x10", "1_0", "1,5", "nan", "inf", "-inf", "Infinity", "1e400", "-1e400", "1d1",
        "1f", "abc", "1e5e", "1e 5", "..1", "1.e", ".e1", "1.7976931348623159e308",
        "1e99999999999999999999", "1\0", "1e2147483648", "1e9223372036854775808", "0x", "1-", "1+1",
        "e", "E", "-e", "-.", "\xd9\xa1"
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double got = 0.125;
        size_t n = strcmp(cases[i], "1") == 0 ? 2 : strlen(cases[i]); /* the row with a NUL */
        if (parse_exact(cases[i], n, &got) || got != 0.125)
            fail_msg("'%s' was read as %.17g", cases[i], got);
    }
}

static void random_texts_parse_as_the_c_library_parses_them(void **state)
{
    char text[64];
    (void)state;
    for (int i = 0; i < 600000; i++) {
        uint64_t r = random_u64(), m = random_u64() >> (r & 63);
        int e = (int)(r >> 8 & 63) - 31;
        switch (r >> 16 & 7) {
        case 0:
            snprintf(text, sizeof text, "%llu", (unsigned long long)m);
            break;
        case 1:
            snprintf(text, sizeof text, "%llu.%llu", (unsigned long long)(m >> 32),
                     (unsigned long long)(m & 0xffffff));
            break;
        case 2:
            snprintf(text, sizeof text, "-%llue%d", (unsigned long long)m, e);
            break;
        case 3:
            snprintf(text, sizeof text, "0.%0*llu", (int)(r >> 32 & 15), (unsigned long long)m);
            break;
        case 4:
            snprintf(text, sizeof text, "%llu.%llue%d", (unsigned long long)(m & 0xff),
                     (unsigned long long)(m >> 8), e);
            break;
        case 5:
            snprintf(text, sizeof text, "%lluE%d", (unsigned long long)m,
                     (int)(r >> 32 & 1023) - 512);
            break;
        case 6:
            snprintf(text, sizeof text, "%llu%llu.%llu", (unsigned long long)m,
                     (unsigned long long)r, (unsigned long long)m);
            break;
        default:
            snprintf(text, sizeof text, "%.*g", (int)(r >> 32 & 15) + 5,
                     (double)m / (double)(r | 1));
            break;
        }
        assert_parses_as_strtod(text);
    }
}

/*
 * Half way between two doubles, and one digit to either side: where a parser that rounds twice
 * shows.
 */
static void ties_are_rounded_to_even(void **state)
{
    char text[1200];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t r = random_u64();
        int e = (int)(r % 40) - 20;
        int exp2 = i % 8 == 0 ? (int)(r % 1900) - 1074 : e - 52;
        double v = ldexp((double)((r >> 11) | 1ull << 52), exp2);
        long double middle = ((long double)v + (long double)nextafter(v, INFINITY)) / 2;
        int n = snprintf(text, sizeof text - 2, "%.900Lf", middle);
        assert_true(n > 0 && n < (int)sizeof text - 2);
        assert_parses_as_strtod(text);
        text[n] = '1';
        text[n + 1] = '\0';
        assert_parses_as_strtod(text);
        if (i % 8)
            continue;
        snprintf(text, sizeof text, "%.850Le", middle);
        assert_parses_as_strtod(text);
    }
}

static void long_texts_stay_linear_and_exact(void **state)
{
    enum { LONG = 65535 };
    char *text = malloc(LONG + 1);
    double got;
    (void)state;
    assert_non_null(text);
    memset(text, '9', LONG);
    text[LONG] = '\0';
    assert_false(number_parse(slice_of(text, LONG), &got));
    text[0] = '.';
    assert_true(number_parse(slice_of(text, LONG), &got) && got == 1.0);
    memset(text + 1, '0', LONG - 2);
    assert_true(number_parse(slice_of(text, LONG), &got) && got == 0 && !signbit(got));
    memcpy(text, "9007199254740993.", 17); /* a tie, but for the last of 65,535 digits */
    text[LONG - 1] = '0';
    assert_true(number_parse(slice_of(text, LONG), &got) && got == 9007199254740992.0);
    text[LONG - 1] = '1';
    assert_true(number_parse(slice_of(text, LONG), &got) && got == 9007199254740994.0);
    memset(text, '0', LONG);
    memcpy(text + LONG - 6, "1e-300", 6);
    assert_true(number_parse(slice_of(text, LONG), &got) && got == 1e-300);
    memset(text, '0', LONG);
    text[0] = '1';
    memcpy(text + 4000, "e-3990", 6);
    assert_true(number_parse(slice_of(text, 4006), &got) && got == 1e9);
    free(text);
}

static void no_locale_changes_the_decimal_point(void **state)
{
    double got;
    (void)state;
    /* Where installed. */
    (void)(setlocale(LC_ALL, "de_DE.UTF-8") || setlocale(LC_ALL, "fr_FR.UTF-8"));
    assert_true(number_parse(SLICE_LIT("1.5e-30"), &got) && got == 1.5e-30);
    assert_false(number_parse(SLICE_LIT("1,5"), &got));
    setlocale(LC_ALL, "C");
}

static void whole_seconds_are_read_within_their_range(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } cases[] = {
        { "0", true, 0 },
        { "1700000000", true, 1700000000 },
        { "9223372036854775807", true, INT64_MAX },
        { "0000000000000000001", true, 1 },
        { "", false, 0 },
        { "-1", false, 0 },
        { "+1", false, 0 },
        { "9223372036854775808", false, 0 },
        { "1.0", false, 0 },
        { "00000000000000000001", false, 0 },
        { "12a", false, 0 },
        { "9999999999999999999", false, 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t got = -7;
        bool ok = number_parse_int(slice_str(cases[i].text), &got);
        if (ok != cases[i].ok || got != (ok ? cases[i].want : -7))
            fail_msg("%s: %d %lld", cases[i].text, ok, (long long)got);
    }
}

static void assert_prints(double v, const char *want)
{
    char text[NUMBER_TEXT_MAX + 1];
    size_t n = number_print(text, v);
    assert_in_range(n, 1, NUMBER_TEXT_MAX);
    text[n] = '\0';
    assert_string_equal(text, want);
}

static void values_print_in_the_forms_of_prometheus(void **state)
{
    static const struct {
        double v;
        const char *want;
    } cases[] = {
        { 0, "0" },
        { -0.0, "-0" },
        { 5, "5" },
        { -20, "-20" },
        { 0.042, "0.042" },
        { 1e21, "1e+21" },
        { 1e-7, "1e-07" },
        { 1e20, "100000000000000000000" },
        { 123456789012345680000.0, "123456789012345680000" },
        { 1.5e21, "1.5e+21" },
        { 0.0001, "0.0001" },
        { 0.00001, "1e-05" },
        { 0.00012345678901234567, "0.00012345678901234567" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 1e22, "1e+22" },
        { 1e23, "1e+23" },
        { 5e-324, "5e-324" },
        { DBL_MAX, "1.7976931348623157e+308" },
        { DBL_MIN, "2.2250738585072014e-308" },
        { 9007199254740992.0, "9007199254740992" },
        { 9007199254740994.0, "9007199254740994" },
        { 9007199254740991.0, "9007199254740991" },
        { 1.7976931348623157e308, "1.7976931348623157e+308" },
        { -1.25, "-1.25" },
        { 100, "100" },
        { 1000000, "1000000" },
        { 99.5, "99.5" },
        { 1e100, "1e+100" },
        { -1e-100, "-1e-100" },
        { 2e-44, "2e-44" },
        { 9.5367431640625e-07, "9.5367431640625e-07" },
        { 2251799813685248.5, "2251799813685248.5" },
        { INFINITY, "+Inf" },
        { -INFINITY, "-Inf" },
        { NAN, "NaN" },
        { 18446744073709551616.0, "18446744073709552000" },
        { 0.5, "0.5" },
        { 5.764607523034235e17, "576460752303423500" },
        { 2.2250738585072011e-308, "2.225073858507201e-308" },
        { 9.007199254740993e15, "9007199254740992" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_prints(cases[i].v, cases[i].want);
}

static size_t significant_digits(const char *text, size_t n)
{
    size_t digits = 0, zeros = 0;
    for (size_t i = 0; i < n && text[i] != 'e'; i++) {
        if (text[i] < '0' || text[i] > '9' || (digits == 0 && text[i] == '0'))
            continue;
        digits++;
        zeros = text[i] == '0' ? zeros + 1 : 0;
    }
    return digits - zeros;
}

static void assert_shortest(double v, bool check_length)
{
    char text[NUMBER_TEXT_MAX + 1], other[40];
    double back;
    size_t n = number_print(text, v);
    assert_in_range(n, 1, NUMBER_TEXT_MAX);
    text[n] = '\0';
    if (!number_parse(slice_of(text, n), &back) || bits_of(back) != bits_of(v) ||
        bits_of(strtod(text, NULL)) != bits_of(v))
        fail_msg("%.17g printed as %s", v, text);
    if (!check_length)
        return;
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(other, sizeof other, "%.*e", precision - 1, v);
        if (bits_of(strtod(other, NULL)) != bits_of(v))
            continue;
        size_t got = significant_digits(text, n), want = significant_digits(other, strlen(other));
        /*
         * %.*e rounds to nearest; a shortest text that is not the nearest of its length may be one
         * digit shorter.
         */
        if (got > want)
            fail_msg("%s is longer than %s", text, other);
        if (got == want && strtod(other, NULL) == v && got == (size_t)precision) {
            long double d_got = fabsl(strtold(text, NULL) - (long double)v),
                        d_want = fabsl(strtold(other, NULL) - (long double)v);
            assert_true(d_got <= d_want * (1 + 1e-3L) || v == 0 || fabs(v) < 1e-300);
        }
        return;
    }
    fail_msg("%.17g has no text", v);
}

static void every_double_prints_shortest_and_reads_back(void **state)
{
    (void)state;
    for (int i = 0; i < 800000; i++) {
        uint64_t bits = random_u64();
        double v;
        memcpy(&v, &bits, sizeof v);
        if (isfinite(v))
            assert_shortest(v, i % 64 == 0);
        /* As clients send. */
        assert_shortest((double)(int64_t)(bits >> 20) / 1000.0, i % 64 == 0);
    }
    for (int e = -1074; e < 1024; e++)
        for (int d = -1; d <= 1; d++) {
            double p = ldexp(1, e);
            double v = d == 0 ? p : nextafter(p, d < 0 ? 0 : INFINITY);
            assert_shortest(v, true);
        }
    for (int e = -323; e < 309; e++) {
        char text[16];
        snprintf(text, sizeof text, "1e%d", e);
        assert_shortest(strtod(text, NULL), true);
    }
}

static void every_number_below_the_normal_ones_prints_shortest_and_reads_back(void **state)
{
    (void)state;
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = (random_u64() >> 12) >> (random_u64() % 52);
        double v;
        memcpy(&v, &bits, sizeof v);
        assert_shortest(i % 2 ? v : -v, i % 16 == 0);
    }
}

static void integers_print_all_their_digits(void **state)
{
    char want[40], got[NUMBER_TEXT_MAX];
    (void)state;
    for (uint64_t p = 1;; p *= 10) {
        for (uint64_t v = p - 1; v <= p + 1; v++) {
            int n = snprintf(want, sizeof want, "%llu", (unsigned long long)v);
            assert_int_equal(number_print_u64(got, v), n);
            assert_memory_equal(got, want, (size_t)n);
        }
        if (p == 10000000000000000000u)
            break;
    }
    static const int64_t edges[] = { INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX };
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        int n = snprintf(want, sizeof want, "%lld", (long long)edges[i]);
        assert_int_equal(number_print_i64(got, edges[i]), n);
        assert_memory_equal(got, want, (size_t)n);
    }
    assert_int_equal(number_print_u64(got, UINT64_MAX), 20);
    assert_memory_equal(got, "18446744073709551615", 20);
}

/* A natural number of 38 x 32 bits: enough for 10^324 and for 128-bit rows times 10^292. */
enum { LIMBS = 38 };
struct natural {
    uint32_t limb[LIMBS];
};

static void natural_mul(struct natural *a, uint32_t by)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < LIMBS; i++) {
        carry += (uint64_t)a->limb[i] * by;
        a->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    assert_true(carry == 0);
}

static int natural_cmp(const struct natural *a, const struct natural *b)
{
    for (size_t i = LIMBS; i-- > 0;)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

static struct natural natural_of(struct pow10_row g, uint64_t minus)
{
    uint64_t lo = g.lo - minus, hi = g.hi - (g.lo < minus);
    return (struct natural){ { (uint32_t)lo, (uint32_t)(lo >> 32), (uint32_t)hi,
                               (uint32_t)(hi >> 32) } };
}

static struct natural natural_shift(struct natural a, unsigned bits)
{
    struct natural r = { { 0 } };
    for (size_t i = 0; i < LIMBS * 32 - bits; i++)
        if (a.limb[i / 32] >> (i % 32) & 1)
            r.limb[(i + bits) / 32] |= 1u << ((i + bits) % 32);
    return r;
}

/* Row g for 10^k is the least integer with  g * 2^(e - 127) >= 10^k. */
static void the_table_of_powers_is_what_it_says(void **state)
{
    (void)state;
    for (int k = POW10_MIN; k <= POW10_MAX; k++) {
        struct pow10_row g = pow10_table[k - POW10_MIN];
        int shift = ((k * 1741647) >> 19) - 127;
        struct natural row = natural_of(g, 0), less = natural_of(g, 1), one = { { 1 } };
        struct natural power = { { 1 } };
        for (int i = 0; i < abs(k); i++)
            natural_mul(&power, 10);
        assert_true(g.hi >> 63);
        /* Compare g * 2^shift with 10^k, moving the shift to the side where it is positive. */
        if (k >= 0) {
            struct natural left = shift >= 0 ? natural_shift(row, (unsigned)shift) : row;
            struct natural below = shift >= 0 ? natural_shift(less, (unsigned)shift) : less;
            struct natural right = shift >= 0 ? power : natural_shift(power, (unsigned)-shift);
            assert_true(natural_cmp(&left, &right) >= 0 && natural_cmp(&below, &right) < 0);
        } else { /* g * 10^-k >= 2^-shift > (g - 1) * 10^-k */
            for (int i = 0; i < -k; i++) {
                natural_mul(&row, 10);
                natural_mul(&less, 10);
            }
            struct natural right = natural_shift(one, (unsigned)-shift);
            assert_true(natural_cmp(&row, &right) >= 0 && natural_cmp(&less, &right) < 0);
        }
    }
}

static void sizes_are_whole_numbers_of_binary_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        uint64_t bytes;
    } rows[] = {
        { "0", 0, 0 },
        { "4096", 0, 4096 },
        { "1KiB", 0, 1024 },
        { "32MiB", 0, 33554432 },
        { "1GiB", 0, 1073741824 },
        { "", -EINVAL, 0 },
        { "KiB", -EINVAL, 0 },
        { "1kib", -EINVAL, 0 },
        { "1KB", -EINVAL, 0 },
        { "1.5MiB", -EINVAL, 0 },
        { "-1", -EINVAL, 0 },
        { "1 MiB", -EINVAL, 0 },
        { "9223372036854775807GiB", -ERANGE, 0 },
        { "18446744073709551615", 0, UINT64_MAX },
        { "0018446744073709551615", 0, UINT64_MAX },
        { "18446744073709551616", -ERANGE, 0 },
        { "99999999999999999999999", -ERANGE, 0 },
        { "99999999999999999999x", -EINVAL, 0 },
        { "17179869183GiB", 0, UINT64_MAX << 30 },
        { "17179869184GiB", -ERANGE, 0 },
        { "100000000000000000000KiB", -ERANGE, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t bytes = 0;
        assert_int_equal(number_parse_size(slice_str(rows[i].text), &bytes), rows[i].rc);
        assert_int_equal(bytes, rows[i].bytes);
    }
}

static void sizes_print_in_the_largest_unit_that_divides_them_and_read_back(void **unused)
{
    (void)unused;
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        { 0, "0" },
        { 1, "1" },
        { 1023, "1023" },
        { 1024, "1KiB" },
        { 1025, "1025" },
        { 1536, "1536" },
        { 10240, "10KiB" },
        { 8 << 20, "8MiB" },
        { 1 << 30, "1GiB" },
        { 3ull << 29, "1536MiB" },
        { 1ull << 40, "1024GiB" },
        { (1ull << 63) - 1, "9223372036854775807" },
        { UINT64_MAX, "18446744073709551615" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[NUMBER_TEXT_MAX];
        uint64_t again;
        size_t n = number_print_size(text, rows[i].bytes);
        assert_int_equal(n, strlen(rows[i].text));
        assert_memory_equal(text, rows[i].text, n);
        assert_int_equal(number_parse_size(slice_of(text, n), &again), 0);
        assert_int_equal(again, rows[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_texts_are_read_exactly),
        cmocka_unit_test(anything_but_a_finite_decimal_is_refused_and_leaves_the_output),
        cmocka_unit_test(random_texts_parse_as_the_c_library_parses_them),
        cmocka_unit_test(ties_are_rounded_to_even),
        cmocka_unit_test(long_texts_stay_linear_and_exact),
        cmocka_unit_test(no_locale_changes_the_decimal_point),
        cmocka_unit_test(whole_seconds_are_read_within_their_range),
        cmocka_unit_test(values_print_in_the_forms_of_prometheus),
        cmocka_unit_test(every_double_prints_shortest_and_reads_back),
        cmocka_unit_test(every_number_below_the_normal_ones_prints_shortest_and_reads_back),
        cmocka_unit_test(integers_print_all_their_digits),
        cmocka_unit_test(the_table_of_powers_is_what_it_says),
        cmocka_unit_test(sizes_are_whole_numbers_of_binary_units),
        cmocka_unit_test(sizes_print_in_the_largest_unit_that_divides_them_and_read_back),
    };
    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
