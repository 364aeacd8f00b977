#include "sinks/redis/resp.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/number.h"

static void line(struct buf *out, char sigil, uint64_t n)
{
    char *p = buf_reserve(out, NUMBER_TEXT_MAX + 3);
    p[0] = sigil;
    size_t digits = number_print_u64(p + 1, n);
    memcpy(p + 1 + digits, "\r\n", 2);
    out->len += digits + 3;
}

void redis_resp_command(struct buf *out, uint64_t n)
{
    line(out, '*', n);
}

void redis_resp_arg(struct buf *out, struct slice s)
{
    line(out, '$', s.len);
    buf_append_slice(out, s);
    buf_append(out, "\r\n", 2);
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

static void pack(struct buf *out, unsigned lead, uint64_t v, unsigned bytes)
{
    assert(lead <= 0xff && bytes <= 8);
    char *p = buf_reserve(out, 9);
    *p++ = (char)lead;
    for (unsigned i = bytes; i-- > 0;)
        *p++ = (char)(v >> (8 * i));
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
    if (fabs(v) <= exact && v == floor(v)) {
        redis_resp_pack_i64(out, (int64_t)v);
        return;
    }
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    pack(out, 0xcb, bits, 8);
}
