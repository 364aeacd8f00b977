/*
 * sketch_save    save_window, in the form that is the shorter one
 * sketch_load    load_window: bucket by bucket, so that it ends in a form of this process
 */
#include "aggregate/sketch_state.h"

#include <math.h>

#include "aggregate/sketch_build.h"
#include "base/mem.h"

enum { PAIR = 12 }; /* bytes of a bucket on its own */

/* ---- saving ---- */

static uint8_t width_of(double count)
{
    if (count != floor(count) || count > UINT32_MAX)
        return 8;
    return count <= UINT8_MAX ? 1 : count <= UINT16_MAX ? 2 : 4;
}

static void save_pairs(const struct sketch *k, bool negative, struct buf *out)
{
    struct sketch_buckets b;
    sketch_buckets_begin(k, negative, &b);
    while (sketch_buckets_next(&b)) {
        pack_u32(out, (uint32_t)b.index);
        pack_double(out, b.count);
    }
}

static void save_count(double count, uint8_t width, struct buf *out)
{
    if (width == 8)
        pack_double(out, count);
    else
        pack_uint(out, (uint64_t)count, width);
}

static void save_counts(const struct sketch *k, bool negative, uint8_t width, struct buf *out)
{
    struct sketch_buckets b;
    sketch_buckets_begin(k, negative, &b);
    pack_u32(out, (uint32_t)b.first);
    int32_t at = b.first;
    while (sketch_buckets_next(&b)) {
        for (; at < b.index; at++)
            save_count(0, width, out);
        save_count(b.count, width, out);
        at++;
    }
}

static void save_window(const struct sketch *k, bool negative, struct buf *out)
{
    struct sketch_buckets b;
    uint32_t used = 0, span = 0;
    uint8_t width = 1;
    sketch_buckets_begin(k, negative, &b);
    while (sketch_buckets_next(&b)) {
        used++;
        span = (uint32_t)(b.index - b.first) + 1;
        width = width_of(b.count) > width ? width_of(b.count) : width;
    }
    bool pairs = (size_t)used * PAIR <= (size_t)span * width + sizeof(int32_t);
    pack_u8(out, (uint8_t)(negative ? k->neg->schema : k->pos.schema));
    pack_u8(out, pairs ? 0 : width);
    pack_u16(out, (uint16_t)(pairs ? used : span));
    if (pairs)
        save_pairs(k, negative, out);
    else
        save_counts(k, negative, width, out);
}

void sketch_save(const struct sketch *k, struct buf *out)
{
    pack_double(out, k->count);
    pack_double(out, k->sum);
    pack_double(out, k->min);
    pack_double(out, k->max);
    pack_double(out, k->zero);
    save_window(k, false, out);
    pack_u8(out, k->neg != NULL);
    if (k->neg != NULL)
        save_window(k, true, out);
}

/* ---- loading ---- */

static double load_count(struct unpack *in, uint8_t width)
{
    return width == 8 ? unpack_double(in) : (double)unpack_uint(in, width);
}

static bool load_window(struct sketch *k, bool negative, struct unpack *in)
{
    int8_t schema = (int8_t)unpack_u8(in);
    uint8_t width = unpack_u8(in);
    uint16_t n = unpack_u16(in);
    if (schema < SKETCH_SCHEMA_MIN || schema > SKETCH_SCHEMA_MAX)
        return false;
    if (width > 8 || (width & (width - 1)) != 0 || n > SKETCH_BUCKETS_MAX)
        return false;
    if (negative)
        k->neg->schema = (int8_t)schema;
    else
        k->pos.schema = (int8_t)schema;
    int64_t index = width > 0 ? (int32_t)unpack_u32(in) : 0;
    bool good = true;
    for (uint16_t i = 0; i < n && good; i++) {
        if (width == 0)
            index = (int32_t)unpack_u32(in);
        double count = width == 0 ? unpack_double(in) : load_count(in, width);
        good = sketch_build_bucket(k, negative, schema, index, count) && !in->bad;
        index++;
    }
    return good && !in->bad;
}

bool sketch_load(struct sketch *k, struct unpack *in)
{
    sketch_init(k, SKETCH_SCHEMA_DEFAULT);
    struct sketch_sums sums;
    sums.count = unpack_double(in);
    sums.sum = unpack_double(in);
    sums.min = unpack_double(in);
    sums.max = unpack_double(in);
    sums.zero = unpack_double(in);
    bool good = sketch_build_sums(k, &sums) && load_window(k, false, in);
    if (good && unpack_u8(in) != 0) {
        k->neg = mem_zalloc(sizeof *k->neg);
        good = load_window(k, true, in);
    }
    if (!good || in->bad)
        sketch_release(k);
    return good && !in->bad;
}
