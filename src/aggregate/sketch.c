#include "aggregate/sketch.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/sketch_bounds.h"
#include "aggregate/sketch_index.h"

enum { WINDOW_STEP = 16 };

struct sketch_slot sketch_slots[SKETCH_SCHEMA_MAX + 1][SKETCH_SLOTS_MAX];

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
        return;   /* others may be reading the tables by now */
    done = true;
    for (int s = 0; s <= SKETCH_SCHEMA_MAX; s++)
        make_slots(s);
}

/* The index of a finer schema, `by` steps coarser: upper bounds stay upper bounds. */
static int32_t shift_index(int32_t i, int by)
{
    return by == 0 ? i : (int32_t)(((int64_t)i + ((int64_t)1 << by) - 1) >> by);
}

int32_t sketch_index(int schema, double v)
{
    assert(v > 0 && schema >= SKETCH_SCHEMA_MIN && schema <= SKETCH_SCHEMA_MAX);
    if (schema >= 0)
        return sketch_index_fast(schema, v);
    return shift_index(sketch_index_fast(0, v), -schema);
}

double sketch_upper_bound(int schema, int32_t index)
{
    return schema >= 0 ? exp2(ldexp((double)index, -schema)) : ldexp(1.0, index * (1 << -schema));
}

/* ---- windows ---- */

static void *count_at(const struct sketch_window *w, uint32_t i)
{
    return (char *)w->counts + (size_t)i * w->width;
}

double sketch_window_count(const struct sketch_window *w, uint32_t i)
{
    assert(i < w->n);
    switch (w->width) {
    case 1:
        return *(const uint8_t *)count_at(w, i);
    case 2:
        return *(const uint16_t *)count_at(w, i);
    case 4:
        return *(const uint32_t *)count_at(w, i);
    default:
        return *(const double *)count_at(w, i);
    }
}

static void count_set(struct sketch_window *w, uint32_t i, double c)
{
    switch (w->width) {
    case 1:
        *(uint8_t *)count_at(w, i) = (uint8_t)c;
        break;
    case 2:
        *(uint16_t *)count_at(w, i) = (uint16_t)c;
        break;
    case 4:
        *(uint32_t *)count_at(w, i) = (uint32_t)c;
        break;
    default:
        *(double *)count_at(w, i) = c;
    }
}

static uint8_t width_for(double c)
{
    if (c != floor(c) || c > UINT32_MAX)
        return 8;
    return c <= UINT8_MAX ? 1 : c <= UINT16_MAX ? 2 : 4;
}

/* Move the counts into a fresh window of another place, size, width or (coarser) schema. */
static int window_remake(struct sketch_window *w, struct sketch_window shape)
{
    shape.counts = calloc(shape.n, shape.width);
    if (shape.counts == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < w->n; i++) {
        double c = sketch_window_count(w, i);
        if (c == 0)
            continue;
        int32_t at = shift_index(w->first + (int32_t)i, w->schema - shape.schema) - shape.first;
        assert(at >= 0 && at < shape.n);
        count_set(&shape, (uint32_t)at, c + sketch_window_count(&shape, (uint32_t)at));
    }
    free(w->counts);
    *w = shape;
    return 0;
}

static int32_t floor_step(int32_t i)
{
    return (int32_t)((uint32_t)i & ~(uint32_t)(WINDOW_STEP - 1));
}

/* First and last bucket that holds something.  False: none does. */
static bool window_range(const struct sketch_window *w, int32_t *lo, int32_t *hi)
{
    uint32_t a = 0, b = w->n;
    while (a < b && sketch_window_count(w, a) == 0)
        a++;
    while (b > a && sketch_window_count(w, b - 1) == 0)
        b--;
    *lo = w->first + (int32_t)a;
    *hi = w->first + (int32_t)b - 1;
    return a < b;
}

/* Coarser by one step: two neighbours meet in one bucket, so their sum may ask for a wider count. */
static int window_coarsen(struct sketch_window *w, int by)
{
    int32_t lo, hi;
    struct sketch_window to = { .width = w->width, .schema = (int8_t)(w->schema - by) };
    if (!window_range(w, &lo, &hi)) {
        free(w->counts);
        *w = (struct sketch_window){ .schema = to.schema };
        return 0;
    }
    double total = 0;
    for (uint32_t i = 0; i < w->n; i++)
        total += sketch_window_count(w, i);
    uint8_t need = width_for(total);
    to.width = w->width > need ? w->width : need;
    to.first = floor_step(shift_index(lo, by));
    to.n = (uint16_t)(floor_step(shift_index(hi, by)) + WINDOW_STEP - to.first);
    return window_remake(w, to);
}

/* Make the window reach from index lo to hi (of its present schema), going coarser when that is too far apart. */
static int window_cover(struct sketch_window *w, int32_t lo, int32_t hi)
{
    int32_t have_lo, have_hi;
    if (window_range(w, &have_lo, &have_hi)) {
        lo = have_lo < lo ? have_lo : lo;
        hi = have_hi > hi ? have_hi : hi;
    }
    int by = 0;
    while (floor_step(shift_index(hi, by)) + WINDOW_STEP - floor_step(shift_index(lo, by)) > SKETCH_BUCKETS_MAX)
        by++;
    int rc = by > 0 ? window_coarsen(w, by) : 0;
    if (rc < 0)
        return rc;
    struct sketch_window to = { .width = w->width ? w->width : 1, .schema = w->schema };
    to.first = floor_step(shift_index(lo, by));
    to.n = (uint16_t)(floor_step(shift_index(hi, by)) + WINDOW_STEP - to.first);
    return window_remake(w, to);
}

/* Add c to the bucket of index i, which is of the schema `schema` (not coarser than the window's). */
static int window_add(struct sketch_window *w, int schema, int32_t i, double c)
{
    int32_t at = shift_index(i, schema - w->schema);
    if (at < w->first || at >= w->first + w->n) {
        int rc = window_cover(w, at, at);
        if (rc < 0)
            return rc;
        at = shift_index(i, schema - w->schema);
    }
    uint32_t slot = (uint32_t)(at - w->first);
    double sum = sketch_window_count(w, slot) + c;
    uint8_t need = width_for(sum);
    if (need > w->width) {
        struct sketch_window to = *w;
        to.width = need;
        int rc = window_remake(w, to);
        if (rc < 0)
            return rc;
    }
    count_set(w, slot, sum);
    return 0;
}

static int window_merge(struct sketch_window *dst, const struct sketch_window *src)
{
    int32_t lo, hi;
    if (!window_range(src, &lo, &hi))
        return 0;
    if (dst->schema > src->schema) {
        int rc = window_coarsen(dst, dst->schema - src->schema);
        if (rc < 0)
            return rc;
    }
    int by = src->schema - dst->schema;
    int32_t to_lo = shift_index(lo, by), to_hi = shift_index(hi, by);
    if (to_lo < dst->first || to_hi >= dst->first + dst->n) {
        int rc = window_cover(dst, to_lo, to_hi);
        if (rc < 0)
            return rc;
    }
    for (int32_t i = lo; i <= hi; i++) {
        double c = sketch_window_count(src, (uint32_t)(i - src->first));
        int rc = c == 0 ? 0 : window_add(dst, src->schema, i, c);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- sketches ---- */

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
    /* A coarser or a wide window is a trace of odd values: start small again rather than keep it for ever. */
    if (k->neg != NULL || k->pos.schema != schema || k->pos.n > SKETCH_BUCKETS_MAX / 4) {
        sketch_release(k);
        sketch_init(k, schema);
        return;
    }
    struct sketch_window pos = k->pos;
    sketch_init(k, schema);
    if (pos.counts != NULL)
        memset(pos.counts, 0, (size_t)pos.n * pos.width);
    k->pos = pos;
}

int sketch_add(struct sketch *k, double value, double weight)
{
    assert(weight > 0);
    k->count += weight;
    k->sum += value * weight;
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
    return window_add(w, w->schema, sketch_index(w->schema, fabs(value)), weight);
}

int sketch_merge(struct sketch *dst, const struct sketch *src)
{
    dst->count += src->count;
    dst->sum += src->sum;
    dst->zero += src->zero;
    dst->min = src->min < dst->min ? src->min : dst->min;
    dst->max = src->max > dst->max ? src->max : dst->max;
    int rc = window_merge(&dst->pos, &src->pos);
    if (rc < 0 || src->neg == NULL)
        return rc;
    if (dst->neg == NULL) {
        dst->neg = calloc(1, sizeof *dst->neg);
        if (dst->neg == NULL)
            return -ENOMEM;
        dst->neg->schema = src->neg->schema;
    }
    return window_merge(dst->neg, src->neg);
}

void sketch_downscale(struct sketch *k, int schema)
{
    assert(schema >= SKETCH_SCHEMA_MIN);
    /* A failed allocation leaves the finer window, which is still right. */
    if (k->pos.schema > schema)
        (void)window_coarsen(&k->pos, k->pos.schema - schema);
    if (k->neg != NULL && k->neg->schema > schema)
        (void)window_coarsen(k->neg, k->neg->schema - schema);
}

/* The value that stands for bucket i: at most (g-1)/(g+1) away from each end, relatively. */
static double bucket_value(const struct sketch_window *w, uint32_t i)
{
    double b = sketch_upper_bound(w->schema, w->first + (int32_t)i);
    double a = sketch_upper_bound(w->schema, w->first + (int32_t)i - 1);
    return 2 / (1 / a + 1 / b);
}

/* A walk over the buckets from the smallest value up. */
struct walk {
    const struct sketch *k;
    uint32_t i;
    enum { WALK_NEG, WALK_ZERO, WALK_POS, WALK_END } stage;
};

static bool walk_next(struct walk *w, double *count, double *value)
{
    const struct sketch *k = w->k;
    if (w->stage == WALK_NEG) {
        while (k->neg != NULL && w->i < k->neg->n) {
            uint32_t at = k->neg->n - 1 - w->i++;
            *count = sketch_window_count(k->neg, at);
            if (*count > 0) {
                *value = -bucket_value(k->neg, at);
                return true;
            }
        }
        *w = (struct walk){ k, 0, WALK_ZERO };
    }
    if (w->stage == WALK_ZERO) {
        *w = (struct walk){ k, 0, WALK_POS };
        *count = k->zero;
        *value = 0;
        if (*count > 0)
            return true;
    }
    while (w->stage == WALK_POS && w->i < k->pos.n) {
        uint32_t at = w->i++;
        *count = sketch_window_count(&k->pos, at);
        if (*count > 0) {
            *value = bucket_value(&k->pos, at);
            return true;
        }
    }
    w->stage = WALK_END;
    return false;
}

static double clamp(double v, double least, double most)
{
    return v < least ? least : v > most ? most : v;
}

void sketch_quantiles(const struct sketch *k, const double *q, size_t n, double *ret)
{
    struct walk w = { .k = k };
    double seen = 0, count, value = NAN;
    bool any = k->count > 0;
    for (size_t i = 0; i < n; i++) {
        /* A hair below the rank, so that 0.07 * 100 = 7.000000000000001 asks for the 7th value and not for the 8th. */
        double rank = q[i] * k->count * (1 - 1e-12);
        while (any && (seen < rank || seen == 0) && walk_next(&w, &count, &value))
            seen += count;
        bool largest = q[i] >= 1 || rank > k->count - 1;
        ret[i] = !any ? NAN : rank <= 1 ? k->min : largest ? k->max : clamp(value, k->min, k->max);
    }
}

double sketch_quantile(const struct sketch *k, double q)
{
    double v;
    sketch_quantiles(k, &q, 1, &v);
    return v;
}

size_t sketch_memory(const struct sketch *k)
{
    size_t n = (size_t)k->pos.n * k->pos.width;
    return k->neg == NULL ? n : n + sizeof *k->neg + (size_t)k->neg->n * k->neg->width;
}
