#include "sinks/redis/msgpack.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Takes n <= 8 bytes, the first of them the highest.  returns  false: there are fewer */
static bool take(struct slice *rest, unsigned n, uint64_t *ret)
{
    if (rest->len < n)
        return false;
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++)
        v = v << 8 | (unsigned char)rest->ptr[i];
    *rest = slice_of(rest->ptr + n, rest->len - n);
    *ret = v;
    return true;
}

bool redis_msgpack_array(struct slice *rest, uint32_t *ret_n)
{
    struct slice at = *rest;
    uint64_t lead, n;
    if (!take(&at, 1, &lead))
        return false;
    if ((lead & 0xf0) == 0x90)
        n = lead & 0x0f;
    else if ((lead != 0xdc && lead != 0xdd) || !take(&at, lead == 0xdc ? 2 : 4, &n))
        return false;
    *ret_n = (uint32_t)n;
    *rest = at;
    return true;
}

static double signed_of(uint64_t bits, unsigned bytes)
{
    assert(bytes > 0 && bytes <= 8);
    unsigned unused = 64 - 8 * bytes;
    return (double)((int64_t)(bits << unused) >> unused);
}

static double float_of(uint64_t bits, unsigned bytes)
{
    double d;
    float f;
    uint32_t low = (uint32_t)bits;
    memcpy(&d, &bits, sizeof d);
    memcpy(&f, &low, sizeof f);
    return bytes == sizeof f ? (double)f : d;
}

bool redis_msgpack_number(struct slice *rest, double *ret)
{
    struct slice at = *rest;
    uint64_t lead, bits;
    if (!take(&at, 1, &lead))
        return false;
    double v;
    if (lead < 0x80) {
        v = (double)lead;
    } else if (lead >= 0xe0) {
        v = signed_of(lead, 1);
    } else if (lead >= 0xca && lead <= 0xd3) {
        /* float 32 and 64; unsigned of 8 to 64 bits; signed of 8 to 64 bits */
        unsigned bytes = lead < 0xcc ? 4u << (lead - 0xca) : 1u << ((lead - 0xcc) % 4);
        if (!take(&at, bytes, &bits))
            return false;
        v = lead < 0xcc   ? float_of(bits, bytes)
            : lead < 0xd0 ? (double)bits
                          : signed_of(bits, bytes);
    } else {
        return false;
    }
    if (!isfinite(v))
        return false;
    *rest = at;
    *ret = v;
    return true;
}
