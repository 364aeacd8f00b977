/*
 * Text to double: decimal_read applies the grammar, then the cheapest exact method converts.
 *   1. mantissa up to 2^53 and a power of ten up to 10^22: both are doubles, so one multiplication
 *      or division rounds once (W. Clinger, "How to read floating point numbers accurately", 1990)
 *   2. mantissa of up to 19 digits and a power of ten up to 10^19: product or quotient in 128 bits,
 *      of which the top 64 are kept, with their lowest bit set if anything below was not zero;
 *      converting those to double is the only rounding
 *   3. anything else, which clients do not send: decimal_slow writes a text of bounded length and
 *      calls strtod in the "C" locale
 *
 * After these: whole numbers (number_parse_int) and sizes in bytes.
 */
#include "base/number.h"

#include <assert.h>
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

__extension__ typedef unsigned __int128 u128;

enum {
    DIGITS_FAST = 19,   /* decimal digits that always fit in 64 bits */
    DIGITS_EXACT = 800, /* more than the 767 that can decide between two doubles */
    EXPONENT_CLAMP = 100000000
};

/* The parts that the grammar found.  The value is digits * 10^exp10. */
struct decimal {
    uint64_t mantissa;  /* valid when n_digits <= DIGITS_FAST */
    const char *digits; /* from the first digit that is not 0; holds one '.' at most */
    const char *digits_end;
    size_t n_digits; /* without leading zeros and without the '.' */
    int64_t exp10;
    bool negative;
};

/* clang-format off */
static const double pow10_exact[] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};

static const uint64_t pow10_u64[] = {
    1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u, 1000000000u,
    10000000000u, 100000000000u, 1000000000000u, 10000000000000u, 100000000000000u,
    1000000000000000u, 10000000000000000u, 100000000000000000u, 1000000000000000000u,
    10000000000000000000u
};
/* clang-format on */

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* ("e"/"E") ["+"/"-"] 1*D up to end; clamped, so that no exponent overflows. */
static bool exponent_read(const char *p, const char *end, int64_t *ret)
{
    if (*p != 'e' && *p != 'E')
        return false;
    p++;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end)
        return false;
    int64_t v = 0;
    for (; p < end && is_digit(*p); p++)
        if (v < EXPONENT_CLAMP)
            v = v * 10 + (*p - '0');
    *ret = negative ? -v : v;
    return p == end;
}

/* More than 19 digits, leading zeros among them: count again from the first that is not 0. */
static void decimal_trim(struct decimal *d, size_t n_seen)
{
    d->n_digits = n_seen;
    while (d->digits < d->digits_end && (*d->digits == '0' || *d->digits == '.')) {
        d->n_digits -= *d->digits == '0';
        d->digits++;
    }
    if (d->n_digits > DIGITS_FAST)
        return;
    uint64_t m = 0;
    for (const char *p = d->digits; p < d->digits_end; p++)
        if (*p != '.')
            m = m * 10 + (uint64_t)(*p - '0');
    d->mantissa = m;
}

static bool decimal_read(struct slice s, struct decimal *ret)
{
    const char *p = s.ptr, *end = s.ptr + s.len;
    struct decimal d = { 0 };
    if (s.len == 0)
        return false;
    if (*p == '-' || *p == '+')
        d.negative = *p++ == '-';
    d.digits = p;
    uint64_t m = 0; /* wraps beyond 19 digits; decimal_trim then recomputes it */
    for (; p < end && is_digit(*p); p++)
        m = m * 10 + (uint64_t)(*p - '0');
    size_t n = (size_t)(p - d.digits);
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        for (; p < end && is_digit(*p); p++)
            m = m * 10 + (uint64_t)(*p - '0');
        n += (size_t)(p - fraction);
        d.exp10 = -(int64_t)(p - fraction);
    }
    if (n == 0)
        return false;
    d.digits_end = p;
    d.mantissa = m;
    d.n_digits = n;
    if (n > DIGITS_FAST)
        decimal_trim(&d, n);
    if (p < end) {
        int64_t e;
        if (!exponent_read(p, end, &e))
            return false;
        d.exp10 += e;
    }
    *ret = d;
    return true;
}

/* m * 2^exp2 for 2^-200 < the result < 2^200, rounded once: where the 64 bits become 53. */
static double scale(uint64_t m, int exp2)
{
    union {
        uint64_t bits;
        double v;
    } power = { .bits = (uint64_t)(1023 + exp2) << 52 };
    assert(exp2 > -200 && exp2 < 200);
    return (double)m * power.v;
}

static double product(uint64_t m, unsigned k)
{
    assert(m > 0 && k < ARRAY_LEN(pow10_u64));
    u128 p = (u128)m * pow10_u64[k];
    uint64_t hi = (uint64_t)(p >> 64);
    if (hi == 0)
        return (double)(uint64_t)p;
    int shift = __builtin_clzll(hi);
    p <<= shift;
    uint64_t top = (uint64_t)(p >> 64) | ((uint64_t)p != 0);
    return scale(top, 64 - shift);
}

static double quotient(uint64_t m, unsigned k)
{
    assert(m > 0 && k < ARRAY_LEN(pow10_u64));
    uint64_t d = pow10_u64[k];
    int shift_m = __builtin_clzll(m), shift_d = __builtin_clzll(d);
    m <<= shift_m;
    d <<= shift_d;
    u128 n = (u128)m << 63; /* its upper half is below d: the quotient has 63 or 64 bits */
    uint64_t q = (uint64_t)(n / d);
    uint64_t cut = n != (u128)q * d;
    return scale(q | cut, shift_d - shift_m - 63);
}

static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void c_locale_make(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    assert(c_locale != (locale_t)0); /* "C" needs no file and no memory */
}

static double decimal_slow(const struct decimal *d)
{
    int64_t leading = d->exp10 + (int64_t)d->n_digits - 1; /* exponent of the first digit */
    if (leading > 400)
        return HUGE_VAL;
    if (leading < -400)
        return 0;
    char text[DIGITS_EXACT + 32];
    size_t n = 0;
    const char *p = d->digits;
    for (; p < d->digits_end && n < DIGITS_EXACT; p++)
        if (*p != '.')
            text[n++] = *p;
    int64_t exp10 = d->exp10 + (int64_t)(d->n_digits - n);
    for (; p < d->digits_end; p++) {
        if (*p == '0' || *p == '.')
            continue;
        text[n++] = '1'; /* stands for all further digits, some of which are not 0 */
        exp10--;
        break;
    }
    text[n++] = 'e';
    text[n++] = exp10 < 0 ? '-' : '+';
    n += number_print_u64(text + n, (uint64_t)(exp10 < 0 ? -exp10 : exp10));
    assert(n < sizeof text);
    text[n] = '\0';
    pthread_once(&c_locale_once, c_locale_make);
    return strtod_l(text, NULL, c_locale);
}

bool number_parse(struct slice s, double *ret)
{
    struct decimal d;
    double v;
    if (!decimal_read(s, &d))
        return false;
    int64_t e = d.exp10;
    uint64_t m = d.mantissa;
    bool fits = d.n_digits <= DIGITS_FAST;
    if (fits && m == 0)
        v = 0;
    else if (fits && m <= 1ull << 53 && e >= -22 && e <= 22)
        v = e < 0 ? (double)m / pow10_exact[-e] : (double)m * pow10_exact[e];
    else if (fits && e >= -DIGITS_FAST && e <= DIGITS_FAST)
        v = e < 0 ? quotient(m, (unsigned)-e) : product(m, (unsigned)e);
    else
        v = decimal_slow(&d);
    if (v > DBL_MAX)
        return false;
    *ret = d.negative ? -v : v;
    return true;
}

bool number_parse_int(struct slice s, int64_t *ret)
{
    if (s.len == 0 || s.len > DIGITS_FAST)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]))
            return false;
        v = v * 10 + (uint64_t)(s.ptr[i] - '0');
    }
    if (v > INT64_MAX)
        return false;
    *ret = (int64_t)v;
    return true;
}

static const struct {
    const char *unit;
    unsigned shift;
} sizes[] = { { "GiB", 30 }, { "MiB", 20 }, { "KiB", 10 } };

int number_parse_size(struct slice s, uint64_t *ret)
{
    unsigned shift = 0;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct slice unit = slice_str(sizes[i].unit);
        if (s.len > unit.len && slice_ends(s, unit)) {
            shift = sizes[i].shift;
            s.len -= unit.len;
            break;
        }
    }
    bool too_large = false;
    uint64_t n = 0;
    if (s.len == 0)
        return -EINVAL;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]))
            return -EINVAL;
        unsigned digit = (unsigned)(s.ptr[i] - '0');
        too_large |= __builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, digit, &n);
    }
    if (too_large || n > UINT64_MAX >> shift)
        return -ERANGE;
    *ret = n << shift;
    return 0;
}

size_t number_print_size(char *out, uint64_t bytes)
{
    for (size_t i = 0; bytes > 0 && i < ARRAY_LEN(sizes); i++) {
        if (bytes % (1ull << sizes[i].shift) != 0)
            continue;
        size_t n = number_print_u64(out, bytes >> sizes[i].shift);
        memcpy(out + n, sizes[i].unit, strlen(sizes[i].unit));
        return n + strlen(sizes[i].unit);
    }
    return number_print_u64(out, bytes);
}
