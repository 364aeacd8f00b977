#include "sinks/redis_memory.h"

#include <math.h>

enum {
    ENTRY = 32,  /* of a hash, or of the table of all keys: three pointers */
    SLOT = 11,   /* of its table: a pointer, of tables that are half full to full */
    OBJECT = 16, /* Redis' own head of a value with a key of its own */
    STAMP_DIGITS = 13,
    INTERVAL_DIGITS = 10,
    WRITER_DIGITS = 8,
    NUMBER_DIGITS = 6, /* of a gauge, and of a counter in an interval .. */
    SUM_DIGITS = 9,    /* .. and of its total */
    SET_KEY = 24       /* "{sd:NN}:s:T:" in front of a set's series */
};

/* What the allocator gives for n bytes: multiples of 16, then four sizes in each doubling. */
static double allocated(double n)
{
    if (n <= 8)
        return 8;
    double step = n <= 128 ? 16 : exp2(ceil(log2(n)) - 3);
    return ceil(n / step) * step;
}

/* A text of n bytes: its length, a flag and a NUL come to it. */
static double text(double n)
{
    double length = n < 32 ? 1 : n < 256 ? 3 : 5;
    return allocated(length + n + 1);
}

static double field(double key, double value)
{
    return ENTRY + SLOT + text(2 + key) + text(value); /* "c|" */
}

/* [n, sum, min, max, schema, zero, lo, c0, c1 ..] in msgpack: three doubles, small numbers else.
 * Behind it, in the totals, its last interval and unit. */
static double timer(double count, double buckets)
{
    enum { HEAD = 3, DOUBLES = 27, SMALL = 5 };
    return HEAD + DOUBLES + SMALL + count + count * buckets;
}

/*
 * A HyperLogLog in its sparse form: for each member a byte for its register and one, or two, for
 * the registers without any in front of it; two where there are more than 64.  It ends at 3,000
 * bytes.
 */
static double hyperloglog(double members)
{
    enum { HEAD = 18, REGISTERS = 16384, ONE_BYTE = 64, SPARSE = 3000, DENSE = 12304 };
    double n = HEAD + members * (2 + exp(-ONE_BYTE * members / REGISTERS));
    return n < SPARSE ? n : DENSE;
}

/* A member of a sorted set of more than 128: an entry of its table, and a node of its list. */
static double listed(double member)
{
    enum { NODE = 64 }; /* measured, on average: they have one level or more */
    return ENTRY + SLOT + NODE + text(member);
}

void redis_memory(enum series_kind kind, const struct redis_memory_shape *shape,
                  struct redis_memory *ret)
{
    enum { SPACES = 2, LAST_AND_UNIT = 6 };
    const double gauge = NUMBER_DIGITS + STAMP_DIGITS + WRITER_DIGITS + SPACES;
    double key = shape->key_bytes;
    *ret = (struct redis_memory){ 0 };
    switch (kind) {
    case SERIES_COUNTER:
        ret->total = field(key, SUM_DIGITS + 1 + INTERVAL_DIGITS);
        ret->interval = field(key, NUMBER_DIGITS);
        return;
    case SERIES_GAUGE:
        ret->total = ret->interval = field(key, gauge);
        return;
    case SERIES_TIMER: /* counts up to 65,535 in the totals, to 255 in an interval: 3 and 2 bytes */
        ret->total = field(key, timer(3, shape->buckets) + LAST_AND_UNIT);
        ret->interval = field(key, timer(2, shape->buckets));
        return;
    case SERIES_SET: /* in two tables, as it expires; and in the list of sets */
        ret->interval = 2 * (ENTRY + SLOT) + OBJECT + text(SET_KEY + key) +
                        text(hyperloglog(shape->members)) + listed(INTERVAL_DIGITS + 1 + key);
        return;
    case SERIES_KIND_COUNT:
        return;
    }
}

uint64_t redis_memory_intervals(uint64_t interval_ms, uint64_t retention_ms)
{
    return (retention_ms + interval_ms - 1) / interval_ms + 1;
}
