/*
 * sketch_window_add     one bucket
 *   few_add               while the window is a list: 12 buckets at most, counts up to 255
 *   few_to_counts         then an array
 *   window_cover          which reaches far enough, with
 *     sketch_window_coarsen   a coarser schema where it would be too wide
 *   window_remake         any of these: another array, the counts moved
 * sketch_window_merge   all buckets of another window
 */
#include "aggregate/sketch_window.h"

#include <assert.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/sketch_few.h"

enum { WINDOW_STEP = 16 };

static void *count_at(const struct sketch_window *w, uint32_t i)
{
    return (char *)w->counts + (size_t)i * w->width;
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
    default: /* counts that meet in another order than in the sketch's count may round up past
                  the last double */
        *(double *)count_at(w, i) = c < DBL_MAX ? c : DBL_MAX;
    }
}

static uint8_t width_for(double c)
{
    if (c != floor(c) || c > UINT32_MAX)
        return 8;
    return c <= UINT8_MAX ? 1 : c <= UINT16_MAX ? 2 : 4;
}

/* Move the counts into a fresh window of another place, size, width (not 0) or (coarser) schema. */
static int window_remake(struct sketch_window *w, struct sketch_window shape)
{
    assert(shape.width > 0 && shape.schema <= w->schema);
    shape.counts = calloc(shape.n, shape.width);
    if (shape.counts == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < w->n; i++) {
        double c = sketch_window_count(w, i);
        if (c == 0)
            continue;
        int32_t at =
            sketch_window_shift(w->first + (int32_t)i, w->schema - shape.schema) - shape.first;
        assert(at >= 0 && at < shape.n);
        count_set(&shape, (uint32_t)at, c + sketch_window_count(&shape, (uint32_t)at));
    }
    free(w->counts);
    *w = shape;
    sketch_window_check(w);
    return 0;
}

static int32_t floor_step(int32_t i)
{
    return (int32_t)((uint32_t)i & ~(uint32_t)(WINDOW_STEP - 1));
}

static uint32_t few_used(const struct sketch_window *w)
{
    return w->n == 0 ? 0 : ((const struct sketch_few *)w->counts)->used;
}

static bool few_span(const struct sketch_window *w, uint32_t *first, uint32_t *last)
{
    const struct sketch_few *few = w->counts;
    uint32_t a = UINT32_MAX, b = 0, used = few_used(w);
    for (uint32_t i = 0; i < used; i++) {
        a = few->at[i] < a ? few->at[i] : a;
        b = few->at[i] > b ? few->at[i] : b;
    }
    *first = a;
    *last = b;
    return used > 0;
}

bool sketch_window_span(const struct sketch_window *w, uint32_t *ret_first, uint32_t *ret_last)
{
    if (w->width == 0)
        return few_span(w, ret_first, ret_last);
    uint32_t a = 0, b = w->n;
    while (a < b && sketch_window_count(w, a) == 0)
        a++;
    while (b > a && sketch_window_count(w, b - 1) == 0)
        b--;
    *ret_first = a;
    *ret_last = b - 1;
    return a < b;
}

/* The same as indexes. */
static bool window_range(const struct sketch_window *w, int32_t *lo, int32_t *hi)
{
    uint32_t first, last;
    bool any = sketch_window_span(w, &first, &last);
    *lo = w->first + (int32_t)first;
    *hi = w->first + (int32_t)last;
    return any;
}

int sketch_window_coarsen(struct sketch_window *w, int by)
{
    int32_t lo, hi;
    assert(by >= 0 && w->schema - by >= SKETCH_SCHEMA_MIN);
    struct sketch_window to = { .width = w->width, .schema = (int8_t)(w->schema - by) };
    if (!window_range(w, &lo, &hi)) {
        free(w->counts);
        *w = (struct sketch_window){ .schema = to.schema };
        return 0;
    }
    double total = 0; /* neighbours meet in one bucket, so a sum may ask for a wider count */
    for (uint32_t i = 0; i < w->n; i++)
        total += sketch_window_count(w, i);
    uint8_t need = width_for(total);
    to.width = w->width > need ? w->width : need;
    to.first = floor_step(sketch_window_shift(lo, by));
    to.n = (uint16_t)(floor_step(sketch_window_shift(hi, by)) + WINDOW_STEP - to.first);
    return window_remake(w, to);
}

/* Buckets from lo to hi in whole steps. */
static int32_t steps_over(int32_t lo, int32_t hi)
{
    return floor_step(hi) + WINDOW_STEP - floor_step(lo);
}

/*
 * Make the window reach from index lo to hi (of its present schema), going coarser when that is too
 * far apart.
 */
static int window_cover(struct sketch_window *w, int32_t lo, int32_t hi)
{
    int32_t have_lo, have_hi;
    if (window_range(w, &have_lo, &have_hi)) {
        lo = have_lo < lo ? have_lo : lo;
        hi = have_hi > hi ? have_hi : hi;
    }
    int by = 0;
    while (steps_over(sketch_window_shift(lo, by), sketch_window_shift(hi, by)) >
           sketch_buckets_most(w->schema - by))
        by++;
    int rc = by > 0 ? sketch_window_coarsen(w, by) : 0;
    if (rc < 0)
        return rc;
    struct sketch_window to = { .width = w->width ? w->width : 1, .schema = w->schema };
    to.first = floor_step(sketch_window_shift(lo, by));
    to.n = (uint16_t)(floor_step(sketch_window_shift(hi, by)) + WINDOW_STEP - to.first);
    return window_remake(w, to);
}

/* ---- a list of few buckets ---- */

static void few_clear(struct sketch_few *few)
{
    memset(few->at, 0xff, sizeof few->at);
    few->used = 0;
}

/*
 * Move the window's place so that it holds index `at` too.  False: that is too far, and nothing is
 * changed.
 */
static bool few_cover(struct sketch_window *w, int32_t at)
{
    struct sketch_few *few = w->counts;
    int32_t first = floor_step(at), end = first + WINDOW_STEP;
    if (w->n > 0) {
        first = w->first < first ? w->first : first;
        end = w->first + w->n > end ? w->first + w->n : end;
    }
    if (end - first > sketch_buckets_most(w->schema))
        return false;
    for (uint32_t k = 0; k < few->used; k++)
        few->at[k] = (uint16_t)(few->at[k] + (w->first - first));
    w->first = first;
    w->n = (uint16_t)(end - first);
    return true;
}

/*
 * Add c to bucket `at` of a window that is a list, or empty.
 *   returns  1: done; 0: it is not for a list: a count too large or not whole, a bucket too many or
 *            too far; -ENOMEM
 */
static int few_add(struct sketch_window *w, int32_t at, double c)
{
    if (c != floor(c) || c > UINT8_MAX)
        return 0;
    if (w->counts == NULL) {
        assert(w->n == 0);
        w->counts = malloc(sizeof(struct sketch_few));
        if (w->counts == NULL)
            return -ENOMEM;
    }
    struct sketch_few *few = w->counts;
    if (w->n == 0)
        few_clear(few);
    bool inside = at >= w->first && at < w->first + w->n;
    if (!inside && (few->used == SKETCH_FEW_MAX || !few_cover(w, at)))
        return 0;
    return sketch_few_add(few, (uint32_t)(at - w->first), (unsigned)c) ? 1 : 0;
}

/* From a list to a count for each bucket. */
static int few_to_counts(struct sketch_window *w)
{
    struct sketch_window to = *w;
    to.width = 1;
    return window_remake(w, to);
}

static uint32_t buckets_used(const struct sketch_window *w)
{
    uint32_t n = w->width == 0 ? few_used(w) : 0;
    for (uint32_t i = 0; w->width > 0 && i < w->n; i++)
        n += sketch_window_count(w, i) > 0;
    return n;
}

/* ---- a window of either form ---- */

int sketch_window_add(struct sketch_window *w, int schema, int32_t i, double c)
{
    int32_t at = sketch_window_shift(i, schema - w->schema);
    if (w->width == 0) {
        int rc = few_add(w, at, c);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        rc = few_to_counts(w);
        if (rc < 0)
            return rc;
    }
    if (at < w->first || at >= w->first + w->n) {
        int rc = window_cover(w, at, at);
        if (rc < 0)
            return rc;
        at = sketch_window_shift(i, schema - w->schema);
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

void sketch_window_clear(struct sketch_window *w)
{
    if (w->width > 0 && w->counts != NULL) {
        memset(w->counts, 0, (size_t)w->n * w->width);
    } else {
        w->n = 0; /* the list itself is cleared when something comes: it is cold memory now */
    }
}

struct sketch_window sketch_window_flat(const struct sketch_window *w,
                                        uint8_t room[SKETCH_BUCKETS_MAX])
{
    struct sketch_window flat = *w;
    sketch_window_check(w);
    if (w->width > 0 || w->n == 0)
        return flat;
    const struct sketch_few *few = w->counts;
    memset(room, 0, w->n);
    for (uint32_t i = 0; i < few->used; i++)
        room[few->at[i]] = few->count[i];
    flat.counts = room;
    flat.width = 1;
    return flat;
}

size_t sketch_window_memory(const struct sketch_window *w)
{
    if (w->counts == NULL)
        return 0;
    return w->width == 0 ? sizeof(struct sketch_few) : (size_t)w->n * w->width;
}

static int add_few(struct sketch_window *dst, const struct sketch_window *src)
{
    const struct sketch_few *few = src->counts;
    for (uint32_t i = 0; i < few->used; i++) {
        int rc = sketch_window_add(dst, src->schema, src->first + few->at[i], few->count[i]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int sketch_window_merge(struct sketch_window *dst, const struct sketch_window *src)
{
    int32_t lo, hi;
    if (!window_range(src, &lo, &hi))
        return 0;
    if (dst->schema > src->schema) {
        int rc = sketch_window_coarsen(dst, dst->schema - src->schema);
        if (rc < 0)
            return rc;
    }
    int by = src->schema - dst->schema;
    int32_t to_lo = sketch_window_shift(lo, by), to_hi = sketch_window_shift(hi, by);
    bool stays_list = dst->width == 0 && buckets_used(src) <= SKETCH_FEW_MAX; /* or so it seems */
    if (!stays_list && (to_lo < dst->first || to_hi >= dst->first + dst->n)) {
        int rc = window_cover(dst, to_lo, to_hi);
        if (rc < 0)
            return rc;
    }
    if (src->width == 0)
        return add_few(dst, src);
    for (int32_t i = lo; i <= hi; i++) {
        double c = sketch_window_count(src, (uint32_t)(i - src->first));
        int rc = c == 0 ? 0 : sketch_window_add(dst, src->schema, i, c);
        if (rc < 0)
            return rc;
    }
    return 0;
}
