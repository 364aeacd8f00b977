#include "aggregate/sketch_since.h"

#include <float.h>
#include <math.h>

#include "aggregate/sketch_window.h"
#include "base/mem.h"

/* What is less than this part of a bucket is an error of sums of fractions. */
static const double NOTHING = 1e-9;

/* One sign of both. */
struct walk {
    struct sketch_buckets now, before;
    bool more_before;
};

static int schema_of(const struct sketch *k, bool negative)
{
    return negative && k->neg != NULL ? k->neg->schema : k->pos.schema;
}

/* What `before` had in the bucket of now that is at hand, and below it. */
static double had(struct walk *w)
{
    double sum = 0;
    const int by = w->before.schema - w->now.schema;
    while (w->more_before && sketch_window_shift(w->before.index, by) <= w->now.index) {
        sum += w->before.count;
        w->more_before = sketch_buckets_next(&w->before);
    }
    return sum;
}

static void widen(struct sketch *k, const struct sketch *now, double v)
{
    k->min = fmin(k->min, fmax(v, now->min));
    k->max = fmax(k->max, fmin(v, now->max));
}

/* returns  false: before has more somewhere */
static bool add_side(const struct sketch *now, const struct sketch *before, bool negative,
                     struct sketch *ret)
{
    struct walk w;
    sketch_buckets_begin(now, negative, &w.now);
    sketch_buckets_begin(before, negative, &w.before);
    w.more_before = sketch_buckets_next(&w.before);
    if (w.more_before && w.before.schema < w.now.schema)
        return false;
    while (sketch_buckets_next(&w.now)) {
        const double count = w.now.count - had(&w),
                     middle = sketch_middle(w.now.schema, w.now.index);
        if (count < -NOTHING * w.now.count)
            return false;
        if (count <= NOTHING * w.now.count)
            continue;
        (void)sketch_window_add(negative ? ret->neg : &ret->pos, w.now.schema, w.now.index, count);
        widen(ret, now, negative ? -middle : middle);
    }
    return !w.more_before;
}

bool sketch_since(const struct sketch *now, const struct sketch *before, struct sketch *ret)
{
    sketch_release(ret);
    sketch_init(ret, schema_of(now, false));
    if (now->neg != NULL) {
        ret->neg = mem_zalloc(sizeof *ret->neg);
        ret->neg->schema = (int8_t)schema_of(now, true);
    }
    ret->count = now->count - before->count;
    ret->sum = now->sum - before->sum;
    ret->zero = now->zero - before->zero;
    bool good = ret->count >= 0 && ret->zero >= 0 && isfinite(ret->sum) &&
                add_side(now, before, false, ret) && add_side(now, before, true, ret);
    if (good && ret->zero > 0)
        widen(ret, now, 0);
    good = good && (ret->count > 0) == (ret->min <= ret->max);
    if (!good) {
        sketch_release(ret);
        sketch_init(ret, schema_of(now, false));
    }
    return good;
}

bool sketch_copy(const struct sketch *k, struct sketch *ret)
{
    sketch_release(ret);
    sketch_init(ret, schema_of(k, false));
    return sketch_merge(ret, k) == 0;
}
