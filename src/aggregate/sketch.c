/*
 * sketch_setup               the tables of sketch_index.h
 * sketch_add, sketch_merge   totals here, buckets in sketch_window.c
 * sketch_quantiles           a cursor goes over the buckets from the smallest value up, until the
 *                            rank is reached
 * sketch_mixed_quantiles     a cursor for each sketch, and the bucket of the smallest value first
 */
#include "aggregate/sketch.h"

#include <assert.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/sketch_bounds.h"
#include "aggregate/sketch_index.h"
#include "aggregate/sketch_mixed.h"
#include "aggregate/sketch_window.h"
#include "base/mem.h"

_Alignas(64) struct sketch_slot sketch_slots[SKETCH_SCHEMA_MAX + 1][SKETCH_SLOTS_MAX];

static void make_slots(int schema)
{
    size_t stride = (size_t)1 << (SKETCH_SCHEMA_MAX - schema);
    size_t k = 0, n_bounds = (size_t)1 << schema, n_slots = (size_t)2 << schema;
    for (size_t j = 0; j < n_slots; j++) {
        uint64_t end = (uint64_t)(j + 1) << (52 - (schema + 1));
        struct sketch_slot *t = &sketch_slots[schema][j];
        *t = (struct sketch_slot){ .bound = UINT64_MAX, .base = (int32_t)k };
        if (k < n_bounds && bounds[k * stride] < end)
            t->bound = bounds[k++ * stride];
        assert(k == n_bounds || bounds[k * stride] >= end);
    }
}

void sketch_setup(void)
{
    static bool done;
    if (done)
        return; /* others may be reading the tables by now */
    done = true;
    for (int s = 0; s <= SKETCH_SCHEMA_MAX; s++)
        make_slots(s);
}

/* Between two calls. */
static void sketch_check(const struct sketch *k)
{
    assert(k->count >= 0 && k->zero >= 0 && k->zero <= k->count);
    assert(k->count == 0 || k->min <= k->max);
    sketch_window_check(&k->pos);
}

int32_t sketch_index(int schema, double v)
{
    assert(v > 0 && schema >= SKETCH_SCHEMA_MIN && schema <= SKETCH_SCHEMA_MAX);
    if (schema >= 0)
        return sketch_index_fast(schema, v);
    return sketch_window_shift(sketch_index_fast(0, v), -schema);
}

double sketch_upper_bound(int schema, int32_t index)
{
    return schema >= 0 ? exp2(ldexp((double)index, -schema)) : ldexp(1.0, index * (1 << -schema));
}

void sketch_init(struct sketch *k, int schema)
{
    assert(schema >= SKETCH_SCHEMA_MIN && schema <= SKETCH_SCHEMA_MAX);
    *k = (struct sketch){ .min = INFINITY, .max = -INFINITY, .pos = { .schema = (int8_t)schema } };
}

void sketch_release(struct sketch *k)
{
    free(k->pos.counts);
    if (k->neg != NULL)
        free(k->neg->counts);
    free(k->neg);
    sketch_init(k, k->pos.schema);
}

void sketch_clear(struct sketch *k, int schema)
{
    /*
     * A coarser or a wide window is a trace of odd values: start small again rather than keep it
     * for ever.
     */
    bool wide = k->pos.width > 0 && k->pos.n > sketch_buckets_most(schema) / 4;
    if (k->neg != NULL || k->pos.schema != schema || wide) {
        sketch_release(k);
        sketch_init(k, schema);
        return;
    }
    struct sketch_window pos = k->pos;
    sketch_window_clear(&pos);
    sketch_init(k, schema);
    k->pos = pos;
}

int sketch_add(struct sketch *k, double value, double weight)
{
    assert(weight > 0);
    double count = k->count + weight, sum = k->sum + value * weight;
    if (!isfinite(count) || !isfinite(sum))
        return -ERANGE;
    k->count = count;
    k->sum = sum;
    k->min = value < k->min ? value : k->min;
    k->max = value > k->max ? value : k->max;
    if (fabs(value) <= SKETCH_ZERO_MAX) {
        k->zero += weight;
        return 0;
    }
    struct sketch_window *w = &k->pos;
    if (value < 0) {
        if (k->neg == NULL) {
            k->neg = calloc(1, sizeof *k->neg);
            if (k->neg == NULL)
                return -ENOMEM;
            k->neg->schema = k->pos.schema;
        }
        w = k->neg;
    }
    return sketch_window_add(w, w->schema, sketch_index(w->schema, fabs(value)), weight);
}

static int merge_windows(struct sketch *dst, const struct sketch *src)
{
    int rc = sketch_window_merge(&dst->pos, &src->pos);
    if (rc < 0 || src->neg == NULL)
        return rc;
    if (dst->neg == NULL) {
        dst->neg = calloc(1, sizeof *dst->neg);
        if (dst->neg == NULL)
            return -ENOMEM;
        dst->neg->schema = src->neg->schema;
    }
    return sketch_window_merge(dst->neg, src->neg);
}

int sketch_merge(struct sketch *dst, const struct sketch *src)
{
    double count = dst->count + src->count, sum = dst->sum + src->sum;
    bool fits = fabs(sum) <= DBL_MAX;
    if (count > DBL_MAX)
        return -ERANGE;
    dst->count = count;
    dst->sum = fits ? sum : dst->sum;
    dst->zero += src->zero;
    dst->min = src->min < dst->min ? src->min : dst->min;
    dst->max = src->max > dst->max ? src->max : dst->max;
    int rc = merge_windows(dst, src);
    return fits || rc < 0 ? rc : -ERANGE;
}

double sketch_middle(int schema, int32_t index)
{
    double b = sketch_upper_bound(schema, index), a = sketch_upper_bound(schema, index - 1);
    return 2 / (1 / a + 1 / b);
}

static double bucket_value(const struct sketch_window *w, uint32_t i)
{
    return sketch_middle(w->schema, w->first + (int32_t)i);
}

/* A place among the buckets, from the smallest value up. */
struct cursor {
    struct sketch_window neg, pos; /* none of them a list */
    double zero;
    uint32_t i; /* next bucket of the stage, from its end that is nearer to
                                        -inf */
    enum { STAGE_NEG, STAGE_ZERO, STAGE_POS, STAGE_END } stage;
    uint32_t at;                                     /* the bucket it stands at ... */
    enum { AT_NONE, AT_NEG, AT_ZERO, AT_POS } where; /* ... of these */
};

static bool cursor_next_neg(struct cursor *w, double *count)
{
    while (w->i < w->neg.n) {
        w->at = w->neg.n - 1 - w->i++;
        *count = sketch_window_count(&w->neg, w->at);
        if (*count > 0) {
            w->where = AT_NEG;
            return true;
        }
    }
    return false;
}

static bool cursor_next_pos(struct cursor *w, double *count)
{
    const struct sketch_window *pos = &w->pos;
    while (w->i < pos->n) {
        uint64_t eight = 1;
        if (pos->width == 1 && w->i % 8 == 0)
            memcpy(&eight, (const uint8_t *)pos->counts + w->i, sizeof eight);
        if (eight == 0) {
            w->i += 8;
            continue;
        }
        w->at = w->i++;
        *count = sketch_window_count(pos, w->at);
        if (*count > 0) {
            w->where = AT_POS;
            return true;
        }
    }
    return false;
}

static bool cursor_next(struct cursor *w, double *count)
{
    if (w->stage == STAGE_NEG) {
        if (cursor_next_neg(w, count))
            return true;
        w->stage = STAGE_ZERO;
    }
    if (w->stage == STAGE_ZERO) {
        w->stage = STAGE_POS;
        w->i = 0;
        *count = w->zero;
        if (*count > 0) {
            w->where = AT_ZERO;
            return true;
        }
    }
    if (w->stage == STAGE_POS && cursor_next_pos(w, count))
        return true;
    w->stage = STAGE_END;
    return false;
}

static double cursor_value(const struct cursor *w)
{
    switch (w->where) {
    case AT_NEG:
        return -bucket_value(&w->neg, w->at);
    case AT_ZERO:
        return 0;
    case AT_POS:
        return bucket_value(&w->pos, w->at);
    case AT_NONE:
        break;
    }
    return NAN;
}

static double clamp(double v, double least, double most)
{
    return v < least ? least : v > most ? most : v;
}

/*
 * A hair below the rank, so that 0.07 * 100 = 7.000000000000001 asks for the 7th value and not for
 * the 8th.
 */
static double rank_of(double q, double count)
{
    return q * count * (1 - 1e-12);
}

static bool is_largest(double q, double rank, double count)
{
    return q >= 1 || rank > count - 1;
}

void sketch_quantiles(const struct sketch *k, const double *q, size_t n, double *ret)
{
    sketch_check(k);
    uint8_t room[2][SKETCH_BUCKETS_MAX];
    struct cursor w = { .pos = sketch_window_flat(&k->pos, room[0]), .zero = k->zero };
    double seen = 0, count;
    bool any = k->count > 0;
    if (k->neg != NULL)
        w.neg = sketch_window_flat(k->neg, room[1]);
    for (size_t i = 0; i < n; i++) {
        double rank = rank_of(q[i], k->count);
        while (any && (seen < rank || seen == 0) && cursor_next(&w, &count))
            seen += count;
        /* Where there was no memory for a bucket at all, nothing but the range is known. */
        bool largest = is_largest(q[i], rank, k->count) || w.where == AT_NONE;
        ret[i] = !any        ? NAN
                 : rank <= 1 ? k->min
                 : largest   ? k->max
                             : clamp(cursor_value(&w), k->min, k->max);
    }
}

/* One of the cursors that go on together: the bucket it is at, which is still to be passed. */
struct unit_cursor {
    struct cursor cursor;
    double least, most;  /* of the sketch's values, mirrored where the scale is below 0 */
    double per, scale;   /* >= 0 */
    double count, value; /* of the bucket; value is infinite behind the last */
    uint8_t room[2][SKETCH_BUCKETS_MAX];
};

static double in_unit(const struct unit_cursor *u, double v)
{
    return clamp(clamp(v, u->least, u->most) / u->per * u->scale, -DBL_MAX, DBL_MAX);
}

static void unit_cursor_next(struct unit_cursor *u)
{
    bool more = cursor_next(&u->cursor, &u->count);
    u->value = more ? in_unit(u, cursor_value(&u->cursor)) : INFINITY;
}

static void unit_cursor_begin(struct unit_cursor *u, const struct sketch_in_unit *of)
{
    const struct sketch *k = of->sketch;
    const bool mirror = of->scale < 0;
    const struct sketch_window none = { 0 }, *neg = k->neg == NULL ? &none : k->neg;
    sketch_check(k);
    assert(of->per > 0 && isfinite(of->scale));
    u->per = of->per;
    u->scale = fabs(of->scale);
    u->least = mirror ? -k->max : k->min;
    u->most = mirror ? -k->min : k->max;
    u->cursor = (struct cursor){ .pos = sketch_window_flat(mirror ? neg : &k->pos, u->room[0]),
                                 .neg = sketch_window_flat(mirror ? &k->pos : neg, u->room[1]),
                                 .zero = k->zero };
    unit_cursor_next(u);
}

/* The one whose bucket comes first. */
static struct unit_cursor *least_of(struct unit_cursor *u, size_t n)
{
    struct unit_cursor *least = u;
    for (size_t i = 1; i < n; i++)
        least = u[i].value < least->value ? &u[i] : least;
    return least;
}

void sketch_mixed_quantiles(const struct sketch_in_unit *of, size_t n_of, const double *q, size_t n,
                            double *ret)
{
    struct unit_cursor *u = mem_alloc((n_of + 1) * sizeof *u), *next;
    double seen = 0, value, count = 0, least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < n_of; i++) {
        unit_cursor_begin(&u[i], &of[i]);
        if (of[i].sketch->count == 0)
            continue;
        count = fmin(count + of[i].sketch->count, DBL_MAX);
        least = fmin(least, in_unit(&u[i], u[i].least));
        most = fmax(most, in_unit(&u[i], u[i].most));
    }
    value = most;
    for (size_t i = 0; i < n; i++) {
        double rank = rank_of(q[i], count);
        while ((seen < rank || seen == 0) && count > 0 &&
               isfinite((next = least_of(u, n_of))->value)) {
            seen += next->count;
            value = next->value;
            unit_cursor_next(next);
        }
        ret[i] = count == 0                      ? NAN
                 : rank <= 1                     ? least
                 : is_largest(q[i], rank, count) ? most
                                                 : value;
    }
    free(u);
}

double sketch_quantile(const struct sketch *k, double q)
{
    double v;
    sketch_quantiles(k, &q, 1, &v);
    return v;
}

size_t sketch_memory(const struct sketch *k)
{
    size_t n = sketch_window_memory(&k->pos);
    return k->neg == NULL ? n : n + sizeof *k->neg + sketch_window_memory(k->neg);
}
