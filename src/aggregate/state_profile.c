#include "aggregate/state_profile.h"

#include <float.h>
#include <math.h>

enum { AGES_MAX = 65535, STEP_INTERVALS_MAX = 1000000 };

static const uint64_t TTL_MAX_S = INT64_MAX / 1000; /* more than any duration of a mapping */

static void save_doubles(const double *at, uint32_t n, struct buf *out)
{
    pack_u16(out, (uint16_t)n);
    for (uint32_t i = 0; i < n; i++)
        pack_double(out, at[i]);
}

void state_profile_save(const struct profile *p, struct buf *out)
{
    pack_u8(out, (uint8_t)(p->histogram | p->gauge_merge << 1));
    pack_u8(out, (uint8_t)p->sketch_schema);
    pack_double(out, p->native_factor);
    pack_u32(out, p->native_max_buckets);
    pack_double(out, p->native_zero_threshold);
    pack_u32(out, p->summary_max_age_ms);
    pack_u32(out, p->summary_age_buckets);
    pack_u32(out, p->set_steps);
    pack_u32(out, p->set_step_intervals);
    pack_u64(out, p->ttl_s);
    pack_double(out, p->scale);
    save_doubles(p->buckets, p->n_buckets, out);
    save_doubles(p->quantiles, p->n_quantiles, out);
}

static uint32_t load_doubles(double *at, struct unpack *in)
{
    uint16_t n = unpack_u16(in);
    in->bad = in->bad || n > STATE_BOUNDS_MAX;
    for (uint32_t i = 0; i < n && !in->bad; i++)
        at[i] = unpack_double(in);
    return in->bad ? 0 : n;
}

static bool ascending(const double *at, uint32_t n, double least, double most)
{
    for (uint32_t i = 0; i < n; i++)
        if (!(at[i] >= least && at[i] <= most) || (i > 0 && at[i] <= at[i - 1]))
            return false;
    return true;
}

static bool in_order(const double *at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!(at[i] >= 0 && at[i] <= 1) || (i > 0 && at[i] < at[i - 1]))
            return false;
    return true;
}

static bool makes_sense(const struct profile *p)
{
    bool native = p->native_factor == 0 || (p->native_factor > 1 && p->native_factor <= DBL_MAX);
    bool window = p->histogram || (p->summary_max_age_ms > 0 && p->summary_age_buckets > 0 &&
                                   p->summary_age_buckets <= AGES_MAX);
    bool steps =
        p->set_steps == 0 || (p->set_steps <= PROFILE_SET_STEPS_MAX && p->set_step_intervals > 0 &&
                              p->set_step_intervals <= STEP_INTERVALS_MAX);
    return p->gauge_merge < GAUGE_MERGE_COUNT && p->sketch_schema >= 0 && p->sketch_schema <= 8 &&
           native && window && steps && isfinite(p->native_zero_threshold) && isfinite(p->scale) &&
           p->ttl_s <= TTL_MAX_S && ascending(p->buckets, p->n_buckets, -DBL_MAX, DBL_MAX) &&
           in_order(p->quantiles, p->n_quantiles);
}

bool state_profile_load(struct profile *p, double room[2][STATE_BOUNDS_MAX], struct unpack *in)
{
    *p = (struct profile){ .buckets = room[0], .quantiles = room[1] };
    uint8_t bits = unpack_u8(in);
    p->histogram = bits & 1;
    p->gauge_merge = (enum gauge_merge)(bits >> 1);
    p->sketch_schema = unpack_u8(in);
    p->native_factor = unpack_double(in);
    p->native_max_buckets = unpack_u32(in);
    p->native_zero_threshold = unpack_double(in);
    p->summary_max_age_ms = unpack_u32(in);
    p->summary_age_buckets = unpack_u32(in);
    p->set_steps = unpack_u32(in);
    p->set_step_intervals = unpack_u32(in);
    p->ttl_s = unpack_u64(in);
    p->scale = unpack_double(in);
    p->n_buckets = load_doubles(room[0], in);
    p->n_quantiles = load_doubles(room[1], in);
    return unpack_done(in) && makes_sense(p);
}
