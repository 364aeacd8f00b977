/**
 * state_profile: a profile as bytes (base/pack.h), and back.  Private to aggregate/.
 *
 *     u8 histogram (from bit 1 on: gauge_merge), u8 sketch_schema, f64 native_factor,
 *     u32 native_max_buckets, f64 native_zero_threshold, u32 summary_max_age_ms,
 *     u32 summary_age_buckets, u32 set_steps, u32 set_step_intervals, u64 ttl_s, f64 scale,
 *     u16 n, n bounds of f64, u16 n, n quantiles of f64
 *
 *   thread   any
 */
#ifndef AGGREGATE_STATE_PROFILE_H
#define AGGREGATE_STATE_PROFILE_H

#include <stdbool.h>

#include "aggregate/profile.h"
#include "base/pack.h"

/* Of a profile, and profiles of a file: those of a mapping, and of lines that wait since others. */
enum { STATE_BOUNDS_MAX = 4096, STATE_PROFILES_MAX = 4 * PROFILES_MAX };

void state_profile_save(const struct profile *p, struct buf *out);

/**
 * state_profile_load(p, room, in):
 *   room     its bounds and quantiles, to which it points
 *   returns  false: that is none, or none that makes sense
 */
bool state_profile_load(struct profile *p, double room[2][STATE_BOUNDS_MAX], struct unpack *in);

#endif
