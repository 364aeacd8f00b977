/*
 *   redis_field_name    the letter, the instance, the series
 *   redis_field_read
 *     read_counter, read_gauge, read_instance..    text of words with one blank between them
 *     read_timer, read_negative                    msgpack (msgpack.h) into a sketch
 */
#include "sinks/redis_field.h"

#include <assert.h>
#include <math.h>

#include "aggregate/sketch_build.h"
#include "base/number.h"
#include "sinks/redis/msgpack.h"

static const int64_t last_max = (int64_t)1 << 40; /* Unix s: what is later is no time */

/* ---- names ---- */

static enum redis_field_kind kind_of(char letter)
{
    switch (letter) {
    case 'c':
        return REDIS_FIELD_COUNTER;
    case 'g':
        return REDIS_FIELD_GAUGE;
    case 'h':
        return REDIS_FIELD_TIMER;
    case 'n':
        return REDIS_FIELD_TIMER_NEGATIVE;
    case 'i':
        return REDIS_FIELD_INSTANCE_GAUGE;
    default:
        return REDIS_FIELD_OTHER;
    }
}

void redis_field_name(struct slice name, struct redis_field *ret)
{
    *ret = (struct redis_field){ .kind = REDIS_FIELD_OTHER, .last_s = REDIS_FIELD_NEVER };
    sketch_init(&ret->part, SKETCH_SCHEMA_MAX);
    if (name.len < 3 || name.ptr[1] != '|')
        return;
    enum redis_field_kind kind = kind_of(name.ptr[0]);
    struct slice series = slice_of(name.ptr + 2, name.len - 2), instance = { 0 };
    if (kind == REDIS_FIELD_OTHER)
        return;
    if (kind == REDIS_FIELD_INSTANCE_GAUGE && !slice_cut(&series, '|', &instance)) {
        kind = REDIS_FIELD_INSTANCE;
        instance = series;
        series.len = 0;
    } else if (kind == REDIS_FIELD_INSTANCE_GAUGE && (instance.len == 0 || series.len == 0)) {
        return;
    }
    ret->kind = kind;
    ret->series = series;
    ret->instance = instance;
}

struct slice redis_series_name(struct slice series)
{
    struct slice rest = series, name;
    return slice_cut(&rest, '|', &name) ? name : series;
}

struct slice redis_series_tags(struct slice series)
{
    struct slice rest = series, name;
    if (!slice_cut(&rest, '|', &name) || !slice_starts(rest, SLICE_LIT("#")))
        return slice_of(NULL, 0);
    return slice_of(rest.ptr + 1, rest.len - 1);
}

static int hex_digit(char c)
{
    const char *digits = "0123456789ABCDEF", *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

void redis_field_instance(struct slice stored, struct buf *out)
{
    for (size_t i = 0; i < stored.len; i++) {
        int high = i + 2 < stored.len ? hex_digit(stored.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(stored.ptr[i + 2]) : -1;
        bool escaped = stored.ptr[i] == '%' && low >= 0;
        buf_append_char(out, escaped ? (char)(high * 16 + low) : stored.ptr[i]);
        i += escaped ? 2 : 0;
    }
}

/* ---- text ---- */

static struct slice word(struct slice *rest)
{
    struct slice head;
    if (slice_cut(rest, ' ', &head))
        return head;
    head = *rest;
    *rest = slice_of(NULL, 0);
    return head;
}

static bool word_time(struct slice *rest, int64_t unit, int64_t *ret)
{
    int64_t v;
    if (!number_parse_int(word(rest), &v) || v / unit > last_max)
        return false;
    *ret = v;
    return true;
}

static bool read_counter(struct slice value, struct redis_field *f)
{
    if (!number_parse(word(&value), &f->number))
        return false;
    return value.len == 0 || word_time(&value, 1, &f->last_s);
}

static bool read_gauge(struct slice value, struct redis_field *f)
{
    if (!number_parse(word(&value), &f->number) || !word_time(&value, 1000, &f->stamp_ms))
        return false;
    f->last_s = f->stamp_ms / 1000;
    return true;
}

static bool read_instance_gauge(struct slice value, struct redis_field *f)
{
    if (!number_parse(word(&value), &f->number) || !word_time(&value, 1000, &f->stamp_ms))
        return false;
    f->last_s = f->stamp_ms / 1000;
    struct slice rule = word(&value);
    for (int i = 0; i < GAUGE_MERGE_COUNT; i++) {
        f->rule = (enum gauge_merge)i;
        if (slice_eq(rule, slice_str(gauge_merge_name(f->rule))))
            return true;
    }
    return false;
}

static bool read_instance(struct slice value, struct redis_field *f)
{
    if (!word_time(&value, 1000, &f->stamp_ms) || !word_time(&value, 1000, &f->alive_ms))
        return false;
    f->last_s = f->stamp_ms / 1000;
    return true;
}

/* ---- msgpack ---- */

/* n numbers to `to`.  returns  false: there are fewer */
static bool take_numbers(struct slice *rest, double *to, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!redis_msgpack_number(rest, &to[i]))
            return false;
    return true;
}

static bool is_whole(double v, double most)
{
    return fabs(v) <= most && v == floor(v);
}

/* schema, and n counts of the buckets from index lo on */
static bool take_buckets(struct slice *rest, bool negative, double schema, double lo, uint32_t n,
                         struct redis_field *f)
{
    if (!is_whole(schema, SKETCH_BUILD_SCHEMA_MAX) || !is_whole(lo, 0x1p40))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        double count;
        if (!redis_msgpack_number(rest, &count) ||
            !sketch_build_bucket(&f->part, negative, (int)schema, (int64_t)lo + i, count))
            return false;
    }
    return true;
}

/*
 * lastT behind an array of the totals, and a 1 behind that where values are milliseconds; nothing
 * behind one of an interval.
 */
static bool take_last(struct slice *rest, struct redis_field *f)
{
    double last, unit;
    if (rest->len == 0)
        return true;
    if (!redis_msgpack_number(rest, &last) || last < 0 || !is_whole(last, (double)last_max))
        return false;
    f->last_s = (int64_t)last;
    if (rest->len == 0)
        return true;
    f->milliseconds = redis_msgpack_number(rest, &unit) && unit == 1;
    return f->milliseconds && rest->len == 0;
}

/* The bounds of arrays: as many buckets as a window of ours has. */
static bool read_timer(struct slice value, struct redis_field *f)
{
    enum { N, SUM, MIN, MAX, SCHEMA, ZERO, LO, HEAD };
    double v[HEAD];
    uint32_t n;
    if (!redis_msgpack_array(&value, &n) || n < HEAD || n > HEAD + SKETCH_BUCKETS_MAX ||
        !take_numbers(&value, v, HEAD))
        return false;
    /* Sums that were rounded in another order each may be a little apart. */
    const struct sketch_sums sums = {
        .count = v[N], .sum = v[SUM], .min = v[MIN], .max = v[MAX], .zero = fmin(v[ZERO], v[N])
    };
    return sums.count > 0 && take_buckets(&value, false, v[SCHEMA], v[LO], n - HEAD, f) &&
           sketch_build_sums(&f->part, &sums) && take_last(&value, f);
}

static bool read_negative(struct slice value, struct redis_field *f)
{
    enum { N, SCHEMA, LO, HEAD };
    double v[HEAD];
    uint32_t n;
    return redis_msgpack_array(&value, &n) && n >= HEAD && n <= HEAD + SKETCH_BUCKETS_MAX &&
           take_numbers(&value, v, HEAD) &&
           take_buckets(&value, true, v[SCHEMA], v[LO], n - HEAD, f) && take_last(&value, f);
}

enum redis_field_result redis_field_read(struct slice name, struct slice value,
                                         struct redis_field *ret)
{
    static bool (*const readers[])(struct slice, struct redis_field *) = {
        [REDIS_FIELD_COUNTER] = read_counter,
        [REDIS_FIELD_GAUGE] = read_gauge,
        [REDIS_FIELD_TIMER] = read_timer,
        [REDIS_FIELD_TIMER_NEGATIVE] = read_negative,
        [REDIS_FIELD_INSTANCE_GAUGE] = read_instance_gauge,
        [REDIS_FIELD_INSTANCE] = read_instance,
    };
    redis_field_name(name, ret);
    if (ret->kind == REDIS_FIELD_OTHER)
        return REDIS_FIELD_OK;
    assert((size_t)ret->kind < ARRAY_LEN(readers));
    return readers[ret->kind](value, ret) ? REDIS_FIELD_OK : REDIS_FIELD_ODD;
}

void redis_field_release(struct redis_field *f)
{
    sketch_release(&f->part);
}
