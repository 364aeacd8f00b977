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
    bool fell; /* before had a bucket that is empty now */
};

/* What `before` had in the bucket of now that is at hand. */
static double had(struct walk *w)
{
    double sum = 0;
    const int by = w->before.schema - w->now.schema;
    while (w->more_before && sketch_window_shift(w->before.index, by) <= w->now.index) {
        w->fell |= sketch_window_shift(w->before.index, by) < w->now.index;
        sum += w->before.count;
        w->more_before = sketch_buckets_next(&w->before);
    }
    return sum;
}

static void widen(struct sketch *k, const struct sketch *now, double v)
{
    const double in = fmin(fmax(v, now->min), now->max);
    k->min = fmin(k->min, in);
    k->max = fmax(k->max, in);
}

/* returns  false: before has more somewhere */
static bool add_side(const struct sketch *now, const struct sketch *before, bool negative,
                     struct sketch *ret)
{
    struct walk w = { .fell = false };
    sketch_buckets_begin(now, negative, &w.now);
    sketch_buckets_begin(before, negative, &w.before);
    w.more_before = sketch_buckets_next(&w.before);
    if (w.more_before && w.before.schema < w.now.schema)
        return false;
    while (sketch_buckets_next(&w.now)) {
        const double count = w.now.count - had(&w);
        const double middle = sketch_middle(w.now.schema, w.now.index);
        if (count < -NOTHING * w.now.count)
            return false;
        if (count <= NOTHING * w.now.count)
            continue;
        (void)sketch_window_add(negative ? ret->neg : &ret->pos, w.now.schema, w.now.index, count);
        widen(ret, now, negative ? -middle : middle);
    }
    return !w.more_before && !w.fell;
}

/* Empty, and each sign of the schema that k has. */
static void empty_like(const struct sketch *k, struct sketch *ret)
{
    sketch_release(ret);
    sketch_init(ret, k->pos.schema);
    if (k->neg == NULL)
        return;
    ret->neg = mem_zalloc(sizeof *ret->neg);
    ret->neg->schema = k->neg->schema;
}

bool sketch_since(const struct sketch *now, const struct sketch *before, struct sketch *ret)
{
    empty_like(now, ret);
    ret->count = now->count - before->count;
    ret->sum = now->sum - before->sum;
    ret->zero = now->zero - before->zero;
    bool good = ret->count >= 0 && ret->zero >= 0 && isfinite(ret->sum) &&
                add_side(now, before, false, ret) && add_side(now, before, true, ret);
    if (good && ret->zero > 0)
        widen(ret, now, 0);
    good = good && (ret->count > 0) == (ret->min <= ret->max);
    if (!good)
        empty_like(now, ret);
    return good;
}

bool sketch_copy(const struct sketch *k, struct sketch *ret)
{
    empty_like(k, ret);
    return sketch_merge(ret, k) == 0;
}
