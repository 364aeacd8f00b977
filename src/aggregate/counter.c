#include "aggregate/counter.h"

#include "aggregate/counters.h"
#include "aggregate/total.h"
#include "base/pack.h"

static void counter_begin(struct cell *c, const struct profile *profile, unsigned p)
{
    (void)profile;
    ((struct counter_cell *)c)->part[p] = (struct counter_part){ .up = -0.0 };
}

/*
 * /metrics ignores a decrement: a counter that only went down makes no line there and takes no
 * name.  With a scale below 0 it is the increments that are ignored, with 0 nothing is below 0.
 */
static bool counter_makes_line(const struct cell *c, const struct profile *profile, unsigned p)
{
    const struct counter_part *part = &((const struct counter_cell *)c)->part[p];
    return (profile->scale >= 0 && !signbit(part->up)) ||
           (profile->scale <= 0 && signbit(part->down));
}

/* Add v to *sum, unless that would leave the finite doubles. */
static bool add_finite(double *sum, double v)
{
    double both = *sum + v;
    if (!isfinite(both))
        return false;
    *sum = both;
    return true;
}

bool counter_merge(struct series *s, struct exposed *e, const struct cell *c, unsigned p,
                   struct kind_now *now)
{
    const struct counter_part *part = &((const struct counter_cell *)c)->part[p];
    const double scale = series_profile(s, now->profiles)->scale;
    double up = part->up * scale, down = part->down * scale;
    if (__builtin_expect(scale < 0, 0)) {
        up = part->down * scale;
        down = part->up * scale;
    }
    if (down < 0)
        now->stats->v[REGISTRY_DECREMENTS]++;
    bool fits = e == NULL || add_finite(&((struct counter_exposed *)e)->total, up);
    if (!now->keep_intervals)
        return fits;
    return add_finite(&((struct counter_series *)s)->interval, part->up + part->down) && fits;
}

static void counter_close(const struct series *s, uint64_t end_ns, int64_t wall_ms,
                          struct closed_series *ret)
{
    (void)end_ns;
    (void)wall_ms;
    ret->counter = ((const struct counter_series *)s)->interval;
}

void counter_next(struct series *s, const struct kind_now *now)
{
    (void)now;
    ((struct counter_series *)s)->interval = 0;
}

static void counter_absorb(struct exposed *to, struct exposed *from, struct kind_now *now)
{
    struct counter_exposed *sum = (struct counter_exposed *)to;
    (void)now;
    sum->total = fmin(sum->total + ((const struct counter_exposed *)from)->total, DBL_MAX);
}

static void counter_view(struct exposed *e, uint64_t now_ns, struct sketch *scratch,
                         struct exposed_view *ret)
{
    (void)now_ns;
    (void)scratch;
    ret->value = ((const struct counter_exposed *)e)->total;
    ret->shown = true;
}

static void counter_exposed_release(struct exposed *e)
{
    ((struct counter_exposed *)e)->total = 0;
}

static void counter_save(struct exposed *e, const struct kind_saved *at, struct buf *out)
{
    (void)at;
    pack_double(out, ((const struct counter_exposed *)e)->total);
}

static bool counter_load(struct exposed *e, const struct kind_saved *at, struct unpack *in)
{
    double total = unpack_double(in);
    (void)at;
    if (!(total >= 0 && total <= DBL_MAX))
        return false;
    ((struct counter_exposed *)e)->total = total;
    return true;
}

static void counter_put_total(struct exposed *e, const struct total *t, struct kind_now *now)
{
    double shown = t->value * e->profile->scale;
    (void)now;
    ((struct counter_exposed *)e)->total = fmin(fmax(shown, 0), DBL_MAX);
}

static enum family_type counter_type(const struct profile *p)
{
    (void)p;
    return FAMILY_COUNTER;
}

const struct kind_ops counter_ops = {
    .family_type = counter_type,
    .cell_bytes = sizeof(struct counter_cell),
    .cell_begin = counter_begin,
    .makes_line = counter_makes_line,
    .series_bytes = sizeof(struct counter_series),
    .close = counter_close,
    .exposed_bytes = sizeof(struct counter_exposed),
    .absorb = counter_absorb,
    .view = counter_view,
    .exposed_release = counter_exposed_release,
    .save = counter_save,
    .load = counter_load,
    .put_total = counter_put_total,
};
