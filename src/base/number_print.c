/*
 * Double to its shortest text:
 *     number_print -> shortest_of (which digits) -> put_shortest (in which form)
 *
 * Which digits: R. Giulietti, "The Schubfach way to render doubles" (2020), with powers of ten of
 * 128 bits.  A double v is the result of rounding for every real number in an interval around v.
 * Scaled by the power of ten 10^-k that makes the interval between 1 and 10 wide, it contains at
 * least one integer and at most one multiple of ten: that multiple, if there is one, is the
 * shortest text, else the integer nearest to v.  Products are rounded to odd: two extra bits make
 * all comparisons exact.
 *
 * In which form: as Go prints %g from an exponent of -4 up to 20, which is what Prometheus shows.
 */
#include "base/number.h"

#include <assert.h>
#include <string.h>

#include "base/pow10_table.h"

__extension__ typedef unsigned __int128 u128;

enum { BIAS = 1075, FRACTION_BITS = 52, EXP10_PLAIN_MIN = -4, EXP10_PLAIN_MAX = 20 };

/* digits * 10^exp10 */
struct shortest {
    uint64_t digits;
    int exp10;
};

/* clang-format off */
static const char two_digits[] =
    "0001020304050607080910111213141516171819"
    "2021222324252627282930313233343536373839"
    "4041424344454647484950515253545556575859"
    "6061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";
/* clang-format on */

static inline void put2(char *out, uint32_t v)
{
    memcpy(out, two_digits + (size_t)v * 2, 2);
}

static inline void put8(char *out, uint32_t v)
{
    uint32_t hi = v / 10000, lo = v % 10000;
    put2(out, hi / 100);
    put2(out + 2, hi % 100);
    put2(out + 4, lo / 100);
    put2(out + 6, lo % 100);
}

static inline unsigned count_digits(uint64_t v)
{
    /* clang-format off */
    static const uint64_t least[] = {
        0, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u, 1000000000u,
        10000000000u, 100000000000u, 1000000000000u, 10000000000000u, 100000000000000u,
        1000000000000000u, 10000000000000000u, 100000000000000000u, 1000000000000000000u,
        10000000000000000000u
    };
    /* clang-format on */
    unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1);
    unsigned guess = bits * 1233 >> 12; /* log10(2) = 0.30103 */
    return guess + (v >= least[guess]);
}

/* The n digits of v; v has exactly n. */
static void put_digits(char *out, uint64_t v, unsigned n)
{
    while (n > 8) {
        n -= 8;
        put8(out + n, (uint32_t)(v % 100000000));
        v /= 100000000;
    }
    uint32_t w = (uint32_t)v;
    while (n >= 2) {
        n -= 2;
        put2(out + n, w % 100);
        w /= 100;
    }
    if (n)
        *out = (char)('0' + w);
}

size_t number_print_u64(char *out, uint64_t v)
{
    unsigned n = count_digits(v);
    put_digits(out, v, n);
    return n;
}

size_t number_print_i64(char *out, int64_t v)
{
    if (v >= 0)
        return number_print_u64(out, (uint64_t)v);
    *out = '-';
    return 1 + number_print_u64(out + 1, 0 - (uint64_t)v);
}

/* g * c / 2^128, the lowest bit set when any of the bits cut off was. */
static inline uint64_t round_to_odd(struct pow10_row g, uint64_t c)
{
    u128 low = (u128)g.lo * c;
    u128 high = (u128)g.hi * c + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

static struct shortest shortest_of(uint64_t fraction, int exponent)
{
    bool normal = exponent != 0;
    uint64_t c = normal ? fraction | 1ull << FRACTION_BITS : fraction;
    int q = (normal ? exponent : 1) - BIAS;
    unsigned odd = c & 1;                       /* ties go to even: an odd v excludes the bounds */
    int closer = fraction == 0 && exponent > 1; /* the double below v is at half the distance */
    int k = (q * 1262611 - (closer ? 524031 : 0)) >> 22;
    int h = q + ((-k * 1741647) >> 19) + 1;
    assert(-k >= POW10_MIN && (size_t)(-k - POW10_MIN) < ARRAY_LEN(pow10_table));
    struct pow10_row g = pow10_table[-k - POW10_MIN];
    uint64_t below = round_to_odd(g, (4 * c - 2 + (unsigned)closer) << h) + odd;
    uint64_t v = round_to_odd(g, (4 * c) << h);
    uint64_t above = round_to_odd(g, (4 * c + 2) << h) - odd;

    uint64_t s = v / 4;
    if (s >= 10) {
        uint64_t tens = s / 10 * 40;
        bool down = below <= tens, up = tens + 40 <= above;
        if (down != up)
            return (struct shortest){ s / 10 + up, k + 1 };
    }
    bool down = below <= 4 * s, up = 4 * s + 4 <= above;
    if (down != up)
        return (struct shortest){ s + up, k };
    uint64_t middle = 4 * s + 2;
    return (struct shortest){ s + (v > middle || (v == middle && (s & 1))), k };
}

static void strip_zeros(struct shortest *d)
{
    assert(d->digits > 0);
    if (d->digits % 10 != 0)
        return;
    while (d->digits % 100000000 == 0) {
        d->digits /= 100000000;
        d->exp10 += 8;
    }
    while (d->digits % 10 == 0) {
        d->digits /= 10;
        d->exp10++;
    }
}

/* d.ddde+XX, two digits of exponent at least */
static size_t put_exponent_form(char *out, struct shortest d, unsigned n, int exp10)
{
    char *p = out;
    put_digits(p + 1, d.digits, n);
    p[0] = p[1];
    if (n > 1) {
        p[1] = '.';
        p += n + 1;
    } else {
        p += 1;
    }
    *p++ = 'e';
    *p++ = exp10 < 0 ? '-' : '+';
    unsigned e = (unsigned)(exp10 < 0 ? -exp10 : exp10);
    if (e >= 100) {
        *p++ = (char)('0' + e / 100);
        e %= 100;
    }
    put2(p, e);
    return (size_t)(p + 2 - out);
}

static size_t put_shortest(char *out, struct shortest d)
{
    unsigned n = count_digits(d.digits);
    int exp10 = d.exp10 + (int)n - 1;
    if (exp10 < EXP10_PLAIN_MIN || exp10 > EXP10_PLAIN_MAX)
        return put_exponent_form(out, d, n, exp10);
    if (d.exp10 >= 0) { /* 1200 */
        put_digits(out, d.digits, n);
        memset(out + n, '0', (size_t)d.exp10);
        return n + (size_t)d.exp10;
    }
    if (exp10 >= 0) { /* 1.2 */
        unsigned whole = (unsigned)exp10 + 1;
        put_digits(out + 1, d.digits, n);
        memmove(out, out + 1, whole);
        out[whole] = '.';
        return n + 1;
    }
    size_t zeros = (size_t)(-exp10 - 1); /* 0.0012 */
    memcpy(out, "0.0000", 6);
    put_digits(out + 2 + zeros, d.digits, n);
    return 2 + zeros + n;
}

size_t number_print(char *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint64_t fraction = bits & ((1ull << FRACTION_BITS) - 1);
    int exponent = (int)(bits >> FRACTION_BITS & 0x7ff);
    size_t sign = bits >> 63;
    if (exponent == 0x7ff) {
        const char *word = fraction ? "NaN" : sign ? "-Inf" : "+Inf";
        size_t n = strlen(word);
        memcpy(out, word, n);
        return n;
    }
    *out = '-'; /* overwritten when v is not negative */
    out += sign;
    double magnitude = sign ? -v : v;
    if (magnitude <= 9007199254740992.0) {
        uint64_t whole = (uint64_t)magnitude;
        if ((double)whole == magnitude)
            return sign + number_print_u64(out, whole);
    }
    struct shortest d = shortest_of(fraction, exponent);
    strip_zeros(&d);
    size_t n = sign + put_shortest(out, d);
    assert(n <= NUMBER_TEXT_MAX);
    return n;
}
