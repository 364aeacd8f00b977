/*
 * redis_pack_key, redis_unpack_key     shared: how much of the key before
 * redis_pack_number, .._int, .._bytes  put_count, append_count <-> take_count
 */
#include "sinks/redis/pack.h"

#include <assert.h>
#include <endian.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { COUNT_MAX = 10 }; /* bytes of a count of 64 bits */

void redis_pack_release(struct redis_pack *p)
{
    buf_release(&p->bytes);
    buf_release(&p->key);
}

void redis_pack_clear(struct redis_pack *p)
{
    buf_clear(&p->bytes);
    buf_clear(&p->key);
}

/* ---- writing ---- */

static inline char *put_count(char *to, uint64_t v)
{
    for (; v >= 128; v >>= 7)
        *to++ = (char)(v | 128);
    *to++ = (char)v;
    return to;
}

static inline uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

/* How many bytes the two have in common at the front. */
static inline size_t shared(struct slice a, struct slice b)
{
    size_t most = a.len < b.len ? a.len : b.len, n = 0;
    for (; n + 8 <= most; n += 8) {
        uint64_t x, y;
        memcpy(&x, a.ptr + n, 8);
        memcpy(&y, b.ptr + n, 8);
        if (x != y)
            return n + (size_t)__builtin_ctzll(htole64(x ^ y)) / 8;
    }
    while (n < most && a.ptr[n] == b.ptr[n])
        n++;
    return n;
}

static void append_count(struct buf *out, uint64_t v)
{
    char *to = buf_reserve(out, COUNT_MAX);
    out->len += (size_t)(put_count(to, v) - to);
}

void redis_pack_key(struct redis_pack *p, struct slice key)
{
    size_t same = shared(buf_slice(&p->key), key);
    const struct slice rest = slice_of(key.ptr + same, key.len - same);
    char *from = buf_reserve(&p->bytes, 2ul * COUNT_MAX + rest.len);
    char *to = slice_put(put_count(put_count(from, same), rest.len), rest);
    p->bytes.len += (size_t)(to - from);
    p->key.len = same;
    (void)slice_put(buf_reserve(&p->key, rest.len), rest);
    p->key.len = key.len;
}

void redis_pack_number(struct redis_pack *p, double v)
{
    assert(isfinite(v));
    int64_t whole = fabs(v) < 0x1p53 ? (int64_t)v : 0;
    if ((double)whole == v && !(v == 0 && signbit(v))) {
        append_count(&p->bytes, zigzag(whole) << 1);
        return;
    }
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits = htole64(bits);
    append_count(&p->bytes, 1);
    buf_append(&p->bytes, &bits, sizeof bits);
}

void redis_pack_int(struct redis_pack *p, int64_t v)
{
    append_count(&p->bytes, zigzag(v));
}

void redis_pack_bytes(struct redis_pack *p, struct slice s)
{
    append_count(&p->bytes, s.len);
    buf_append_slice(&p->bytes, s);
}

/* ---- reading ---- */

void redis_unpack_begin(struct redis_unpack *u)
{
    buf_clear(&u->key);
}

void redis_unpack_release(struct redis_unpack *u)
{
    buf_release(&u->key);
}

static struct slice go_bad(struct redis_unpack *u)
{
    u->bad = true;
    u->rest.len = 0;
    return u->rest;
}

static inline struct slice take(struct redis_unpack *u, uint64_t n)
{
    if (__builtin_expect(n > u->rest.len, 0))
        return go_bad(u);
    const struct slice ret = slice_of(u->rest.ptr, (size_t)n);
    u->rest = slice_of(u->rest.ptr + n, u->rest.len - (size_t)n);
    return ret;
}

static uint64_t take_long_count(struct redis_unpack *u)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 7 * COUNT_MAX; shift += 7) {
        const struct slice one = take(u, 1);
        unsigned char byte = one.len > 0 ? (unsigned char)one.ptr[0] : 0;
        v |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return u->bad ? 0 : v;
    }
    (void)go_bad(u);
    return 0;
}

static inline uint64_t take_count(struct redis_unpack *u)
{
    unsigned char byte = u->rest.len > 0 ? (unsigned char)u->rest.ptr[0] : 128;
    if (byte >= 128)
        return take_long_count(u);
    u->rest = slice_of(u->rest.ptr + 1, u->rest.len - 1);
    return byte;
}

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

struct slice redis_unpack_key(struct redis_unpack *u)
{
    uint64_t same = take_count(u), rest = take_count(u);
    if (__builtin_expect(same > u->key.len, 0)) {
        (void)go_bad(u);
        same = rest = 0;
    }
    u->key.len = (size_t)same;
    buf_append_slice(&u->key, take(u, rest));
    return buf_slice(&u->key);
}

struct redis_number redis_unpack_number(struct redis_unpack *u)
{
    uint64_t v = take_count(u);
    if (v % 2 == 0)
        return (struct redis_number){ .is_whole = true, .whole = unzigzag(v >> 1) };
    struct redis_number ret = { .is_whole = false };
    uint64_t bits = 0;
    const struct slice eight = take(u, sizeof bits);
    memcpy(&bits, eight.ptr, eight.len);
    bits = le64toh(bits);
    memcpy(&ret.real, &bits, sizeof bits);
    if (!isfinite(ret.real))
        (void)go_bad(u);
    return ret;
}

int64_t redis_unpack_int(struct redis_unpack *u)
{
    return unzigzag(take_count(u));
}

struct slice redis_unpack_bytes(struct redis_unpack *u)
{
    return take(u, take_count(u));
}
