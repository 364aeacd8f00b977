#include "expose/native.h"

#include <math.h>

#include "expose/wire.h"

/* Field numbers of Histogram and BucketSpan (metrics.proto). */
enum {
    HISTOGRAM_SCHEMA = 5,
    HISTOGRAM_ZERO_THRESHOLD = 6,
    HISTOGRAM_ZERO_COUNT = 7,
    HISTOGRAM_NEGATIVE_SPAN = 9,
    HISTOGRAM_NEGATIVE_DELTA = 10,
    HISTOGRAM_POSITIVE_SPAN = 12,
    HISTOGRAM_POSITIVE_DELTA = 13,
    SPAN_OFFSET = 1,
    SPAN_LENGTH = 2
};

/* A gap of at most this many empty buckets is written as buckets, which is shorter than a span. */
enum { GAP_FILLED = 2 };

/*
 * Counts of absurd weights stop where the sum of all buckets still fits 64 bits, and twice as high
 * with each coarser schema, so that two that meet do not fall.
 */
static uint64_t whole(double count, int schema)
{
    return (uint64_t)fmin(count, ldexp(1, 52 - schema));
}

static void put_span(struct buf *fields, unsigned field, int64_t offset, uint32_t length)
{
    char *to = buf_reserve(fields, WIRE_NESTED_MAX + 2 * (1 + WIRE_VARINT_MAX));
    char *body = wire_open(to, field);
    to = wire_sint(body, SPAN_OFFSET, offset);
    to = wire_uint(to, SPAN_LENGTH, length);
    fields->len = (size_t)(wire_close(body, to) - fields->ptr);
}

static void put_delta(struct buf *deltas, uint64_t count, uint64_t before)
{
    char *to = buf_reserve(deltas, WIRE_VARINT_MAX);
    to = wire_varint(to, wire_zigzag((int64_t)count - (int64_t)before));
    deltas->len = (size_t)(to - deltas->ptr);
}

static void put_deltas(struct native *n, unsigned field)
{
    if (n->deltas.len == 0)
        return;
    char *to = buf_reserve(&n->fields, WIRE_NESTED_MAX + n->deltas.len);
    to = wire_bytes(to, field, n->deltas.ptr, n->deltas.len);
    n->fields.len = (size_t)(to - n->fields.ptr);
}

/* The buckets of one sign.   returns  how many samples are in them */
static uint64_t put_buckets(struct native *n, const struct sketch *k, bool negative)
{
    const unsigned span = negative ? HISTOGRAM_NEGATIVE_SPAN : HISTOGRAM_POSITIVE_SPAN;
    struct sketch_buckets b;
    uint64_t sum = 0, before = 0;
    int64_t next = 0, offset = 0; /* the index behind the last bucket; where the span begins */
    uint32_t length = 0;
    buf_clear(&n->deltas);
    sketch_buckets_begin(k, negative, &b);
    while (sketch_buckets_next(&b)) {
        int64_t gap = b.index - next;
        if (length > 0 && gap > GAP_FILLED)
            put_span(&n->fields, span, offset, length);
        if (length == 0 || gap > GAP_FILLED) {
            offset = gap;
            length = 0;
            gap = 0;
        }
        for (; gap > 0; gap--, length++, before = 0)
            put_delta(&n->deltas, 0, before);
        uint64_t count = whole(b.count, b.schema);
        put_delta(&n->deltas, count, before);
        sum += count;
        before = count;
        next = b.index + 1;
        length++;
    }
    if (length > 0)
        put_span(&n->fields, span, offset, length);
    put_deltas(n, negative ? HISTOGRAM_NEGATIVE_DELTA : HISTOGRAM_POSITIVE_DELTA);
    return sum;
}

uint64_t native_encode(struct native *n, const struct sketch *k, double zero_threshold)
{
    const uint64_t zero = whole(k->zero, 0);
    buf_clear(&n->fields);
    assert(k->neg == NULL || k->neg->schema == k->pos.schema);
    char *to = buf_reserve(&n->fields, 2 * (1 + WIRE_VARINT_MAX) + WIRE_DOUBLE);
    to = wire_sint(to, HISTOGRAM_SCHEMA, k->pos.schema);
    /* Also the mark by which a histogram without a bucket is told from a classic one. */
    to = wire_double(to, HISTOGRAM_ZERO_THRESHOLD, zero_threshold);
    to = wire_uint(to, HISTOGRAM_ZERO_COUNT, zero);
    n->fields.len = (size_t)(to - n->fields.ptr);
    return zero + put_buckets(n, k, false) + put_buckets(n, k, true);
}

void native_release(struct native *n)
{
    buf_release(&n->fields);
    buf_release(&n->deltas);
}
