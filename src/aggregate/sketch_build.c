#include "aggregate/sketch_build.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "aggregate/sketch_window.h"

bool sketch_sums_are_sound(const struct sketch_sums *s)
{
    bool counts = s->count >= 0 && s->count <= DBL_MAX && s->zero >= 0 && s->zero <= s->count;
    bool empty = s->count == 0 && s->min == INFINITY && s->max == -INFINITY;
    bool range = s->min <= s->max && s->min >= -DBL_MAX && s->max <= DBL_MAX;
    return counts && isfinite(s->sum) && (empty || range);
}

bool sketch_build_sums(struct sketch *k, const struct sketch_sums *s)
{
    if (!sketch_sums_are_sound(s))
        return false;
    k->count = s->count;
    k->sum = s->sum;
    k->min = s->min;
    k->max = s->max;
    k->zero = s->zero;
    return true;
}

/* Of the smallest double that is not zero, and of the largest. */
static bool is_index(int schema, int64_t index)
{
    int64_t per_octave = schema >= 0 ? (int64_t)1 << schema : 1;
    return index >= -1100 * per_octave && index <= 1100 * per_octave;
}

static struct sketch_window *window_of(struct sketch *k, bool negative, int schema)
{
    if (!negative)
        return &k->pos;
    if (k->neg == NULL) {
        k->neg = calloc(1, sizeof *k->neg);
        if (k->neg != NULL)
            k->neg->schema = (int8_t)(schema < k->pos.schema ? schema : k->pos.schema);
    }
    return k->neg;
}

bool sketch_build_bucket(struct sketch *k, bool negative, int schema, int64_t index, double count)
{
    if (schema < SKETCH_SCHEMA_MIN || schema > SKETCH_BUILD_SCHEMA_MAX)
        return false;
    if (count == 0)
        return true;
    if (!(count > 0 && count <= DBL_MAX) || !is_index(schema, index))
        return false;
    struct sketch_window *w = window_of(k, negative, schema);
    if (w == NULL)
        return false;
    if (w->schema > schema && sketch_window_coarsen(w, w->schema - schema) < 0)
        return false;
    return sketch_window_add(w, schema, (int32_t)index, count) == 0;
}
