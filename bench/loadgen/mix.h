/**
 * mix: which metric types, and which values, as text from the command line.
 *
 *   types    c=60,ms=30,g=10        weights; a type without a number weighs 1: h,d,s
 *   values   constant:V   uniform:FROM:TO   lognormal:MEDIAN:SIGMA
 *   thread   read-only after parsing
 */
#ifndef LOADGEN_MIX_H
#define LOADGEN_MIX_H

#include <stdint.h>

#include "base/slice.h"
#include "rng.h"

/* X(id, token, name of the metric) */
/* clang-format off */
#define MIX_TYPES(X)                              \
    X(COUNTER, "c", "http.requests.count")        \
    X(TIMING, "ms", "http.request.duration")      \
    X(GAUGE, "g", "pool.size")                    \
    X(SET, "s", "users.unique")                   \
    X(HISTOGRAM, "h", "http.response.size")       \
    X(DISTRIBUTION, "d", "queue.latency")

enum mix_type {
#define X(id, token, name) MIX_##id,
    MIX_TYPES(X)
#undef X
    MIX_TYPE_COUNT
};
/* clang-format on */

extern const char *const mix_token[MIX_TYPE_COUNT];
extern const char *const mix_name[MIX_TYPE_COUNT];

struct mix {
    uint32_t weight[MIX_TYPE_COUNT];
    uint32_t sum;
};

/* returns  0; -EINVAL: unknown type, bad or no weight.  *ret untouched then */
int mix_parse(struct slice text, struct mix *ret);

/* Type of series i: weights are met exactly in each run of `sum` series. */
enum mix_type mix_of(const struct mix *m, uint64_t i);

enum values_kind { VALUES_CONSTANT, VALUES_UNIFORM, VALUES_LOGNORMAL };

struct values {
    enum values_kind kind;
    double a, b;
};

/* returns  0; -EINVAL: no such distribution, or one of values that a double cannot hold */
int values_parse(struct slice text, struct values *ret);

/* One value, rounded to three decimals as clients print them. */
double values_draw(const struct values *v, struct rng *r);

#endif
