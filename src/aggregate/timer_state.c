/*
 * An exposed timer as bytes (base/pack.h), and back:
 *
 *     f64 count; u16 how many units, and of each
 *         f64 sum, per, scale
 *         u16 how many slices of the window, and of each: u64 age of its begin (ns), sketch
 *     u32 how many counts by `le` bound (0: none came), f64 each
 *     u8 is there a native histogram, its sketch
 *
 * timer_save   save_unit, save_slices
 * timer_load   load_unit, load_slice; load_le; load_native
 */
#include "aggregate/timer.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "aggregate/sketch_state.h"
#include "aggregate/kind_saved.h"
#include "base/mem.h"

enum { UNITS_MAX = 4096 };

static bool is_sum(double v)
{
    return v >= 0 && v <= DBL_MAX;
}

/* ---- saving ---- */

/* Those that are in the window still. */
static void save_slices(const struct timer_unit *u, const struct profile *p,
                        const struct kind_saved *at, struct buf *out)
{
    uint16_t n = 0;
    uint64_t now = timer_period(p, at->at_ns > 0 ? (uint64_t)at->at_ns : 0);
    size_t count_at = out->len;
    pack_u16(out, 0);
    for (uint32_t i = 0; i < u->n_ages; i++) {
        const struct timer_age *age = &u->ages[i];
        if (age->period + p->summary_age_buckets <= now)
            continue;
        n++;
        pack_u64(out, kind_age(at, timer_period_begin_ns(p, age->period)));
        sketch_save(&age->sketch, out);
    }
    out->ptr[count_at] = (char)n;
    out->ptr[count_at + 1] = (char)(n >> 8);
}

static void save_unit(const struct timer_unit *u, const struct profile *p,
                      const struct kind_saved *at, struct buf *out)
{
    pack_double(out, u->sum);
    pack_double(out, u->per);
    pack_double(out, u->scale);
    if (!p->histogram)
        save_slices(u, p, at, out);
    else
        pack_u16(out, 0);
}

void timer_save(struct exposed *e, const struct kind_saved *at, struct buf *out)
{
    const struct timer_exposed *t = (const struct timer_exposed *)e;
    const struct profile *p = e->profile;
    uint16_t n = 0;
    for (const struct timer_unit *u = &t->unit; u != NULL && u->per > 0; u = u->next)
        n++;
    pack_double(out, t->count);
    pack_u16(out, n);
    for (const struct timer_unit *u = &t->unit; u != NULL && u->per > 0; u = u->next)
        save_unit(u, p, at, out);
    uint32_t n_le = p->histogram && t->le != NULL ? p->n_buckets + 1 : 0;
    pack_u32(out, n_le);
    for (uint32_t i = 0; i < n_le; i++)
        pack_double(out, t->le[i]);
    bool native = p->histogram && t->native != NULL;
    pack_u8(out, native);
    if (native)
        sketch_save(t->native, out);
}

/* ---- loading ---- */

static bool load_slice(struct timer_unit *u, const struct profile *p, const struct kind_saved *at,
                       struct unpack *in)
{
    struct sketch k;
    uint64_t begin_ns = kind_stamp(at, unpack_u64(in));
    if (!sketch_load(&k, in))
        return false;
    (void)sketch_merge(timer_unit_age(u, p, timer_period(p, begin_ns)), &k);
    sketch_release(&k);
    return true;
}

static bool load_unit(struct timer_exposed *t, const struct kind_saved *at, struct unpack *in)
{
    const struct profile *p = t->exposed.profile;
    double sum = unpack_double(in), per = unpack_double(in), scale = unpack_double(in);
    uint16_t slices = unpack_u16(in);
    if (!isfinite(sum) || (per != 1 && per != 1000) || !isfinite(scale) || in->bad)
        return false;
    if (slices > (p->histogram ? 0 : p->summary_age_buckets))
        return false;
    struct timer_unit *u = timer_unit_of(&t->unit, per, scale);
    u->sum = sum;
    bool good = true;
    for (uint16_t i = 0; i < slices && good; i++)
        good = load_slice(u, p, at, in);
    return good;
}

static bool load_le(struct timer_exposed *t, struct unpack *in)
{
    const struct profile *p = t->exposed.profile;
    uint32_t n = unpack_u32(in);
    if (n == 0)
        return true;
    if (!p->histogram || n != p->n_buckets + 1)
        return false;
    t->le = mem_zalloc(n * sizeof *t->le);
    bool good = true;
    for (uint32_t i = 0; i < n && good; i++) {
        t->le[i] = unpack_double(in);
        good = is_sum(t->le[i]);
    }
    return good;
}

static bool load_native(struct timer_exposed *t, struct unpack *in)
{
    struct sketch k;
    if (unpack_u8(in) == 0)
        return true;
    if (!profile_native(t->exposed.profile) || !sketch_load(&k, in))
        return false;
    t->native = mem_alloc(sizeof *t->native);
    *t->native = k;
    return true;
}

bool timer_load(struct exposed *e, const struct kind_saved *at, struct unpack *in)
{
    struct timer_exposed *t = (struct timer_exposed *)e;
    t->count = unpack_double(in);
    uint16_t n = unpack_u16(in);
    if (!is_sum(t->count) || n > UNITS_MAX)
        return false;
    for (uint16_t i = 0; i < n; i++)
        if (!load_unit(t, at, in))
            return false;
    return load_le(t, in) && load_native(t, in);
}
