#include "sinks/redis/resp.h"

#include <assert.h>
#include <endian.h>
#include <math.h>
#include <string.h>

#include "base/number.h"

/* returns  the end of what it wrote, at most NUMBER_TEXT_MAX + 3 bytes */
static inline char *put_line(char *to, char sigil, uint64_t n)
{
    *to++ = sigil;
    if (n < 10)
        *to++ = (char)('0' + n);
    else
        to += number_print_u64(to, n);
    memcpy(to, "\r\n", 2);
    return to + 2;
}

static void line(struct buf *out, char sigil, uint64_t n)
{
    char *p = buf_reserve(out, NUMBER_TEXT_MAX + 3);
    out->len += (size_t)(put_line(p, sigil, n) - p);
}

void redis_resp_command(struct buf *out, uint64_t n)
{
    line(out, '*', n);
}

void redis_resp_arg(struct buf *out, struct slice s)
{
    char *from = buf_reserve(out, NUMBER_TEXT_MAX + 5 + s.len);
    char *to = slice_put(put_line(from, '$', s.len), s);
    memcpy(to, "\r\n", 2);
    out->len += (size_t)(to + 2 - from);
}

void redis_resp_arg_str(struct buf *out, const char *s)
{
    redis_resp_arg(out, slice_str(s));
}

void redis_resp_arg_u64(struct buf *out, uint64_t v)
{
    char text[NUMBER_TEXT_MAX];
    redis_resp_arg(out, slice_of(text, number_print_u64(text, v)));
}

void redis_resp_arg_i64(struct buf *out, int64_t v)
{
    char text[NUMBER_TEXT_MAX];
    redis_resp_arg(out, slice_of(text, number_print_i64(text, v)));
}

void redis_resp_arg_double(struct buf *out, double v)
{
    char text[NUMBER_TEXT_MAX];
    redis_resp_arg(out, slice_of(text, number_print(text, v)));
}

void redis_resp_digits(char *p, unsigned width, uint64_t v)
{
    while (width-- > 0) {
        p[width] = (char)('0' + v % 10);
        v /= 10;
    }
    assert(v == 0); /* it has no more than `width` digits */
}

void redis_resp_arg_fixed(struct buf *out, uint64_t v, unsigned width)
{
    line(out, '$', width);
    redis_resp_digits(buf_reserve(out, width), width, v);
    out->len += width;
    buf_append(out, "\r\n", 2);
}

static inline void pack(struct buf *out, unsigned lead, uint64_t v, unsigned bytes)
{
    assert(lead <= 0xff && bytes <= 8);
    char *p = buf_reserve(out, 1 + sizeof v);
    uint64_t big_endian = bytes > 0 ? htobe64(v << (64 - 8 * bytes)) : 0;
    *p = (char)lead;
    memcpy(p + 1, &big_endian, sizeof big_endian);
    out->len += bytes + 1;
}

void redis_resp_pack_array(struct buf *out, uint32_t n)
{
    if (n < 16)
        pack(out, 0x90 | n, 0, 0);
    else if (n < 65536)
        pack(out, 0xdc, n, 2);
    else
        pack(out, 0xdd, n, 4);
}

void redis_resp_pack_i64(struct buf *out, int64_t v)
{
    uint64_t u = (uint64_t)v;
    if (v >= 0) {
        if (u < 128)
            pack(out, (unsigned)u, 0, 0);
        else if (u < 256)
            pack(out, 0xcc, u, 1);
        else if (u < 65536)
            pack(out, 0xcd, u, 2);
        else if (u <= UINT32_MAX)
            pack(out, 0xce, u, 4);
        else
            pack(out, 0xcf, u, 8);
        return;
    }
    if (v >= -32)
        pack(out, (unsigned)(u & 0xff), 0, 0);
    else if (v >= INT8_MIN)
        pack(out, 0xd0, u, 1);
    else if (v >= INT16_MIN)
        pack(out, 0xd1, u, 2);
    else if (v >= INT32_MIN)
        pack(out, 0xd2, u, 4);
    else
        pack(out, 0xd3, u, 8);
}

void redis_resp_pack_double(struct buf *out, double v)
{
    const double exact = 9007199254740992.0; /* 2^53: Lua has doubles only */
    if (fabs(v) <= exact && v == (double)(int64_t)v) {
        redis_resp_pack_i64(out, (int64_t)v);
        return;
    }
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    pack(out, 0xcb, bits, 8);
}
