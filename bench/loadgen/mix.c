#include "mix.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>

#include "base/number.h"

#define X(id, token, name) token,
const char *const mix_token[MIX_TYPE_COUNT] = { MIX_TYPES(X) };
#undef X
#define X(id, token, name) name,
const char *const mix_name[MIX_TYPE_COUNT] = { MIX_TYPES(X) };
#undef X

enum { WEIGHT_MAX = 10000, ROUNDING = 1000 };

static int find_type(struct slice token)
{
    for (int t = 0; t < MIX_TYPE_COUNT; t++)
        if (slice_eq(token, slice_str(mix_token[t])))
            return t;
    return -1;
}

int mix_parse(struct slice text, struct mix *ret)
{
    struct mix m = { 0 };
    for (bool last = false; !last;) {
        struct slice part, token;
        if (!slice_cut(&text, ',', &part)) {
            part = text;
            last = true;
        }
        int64_t weight = 1;
        bool has_weight = slice_cut(&part, '=', &token);
        if (has_weight && (!number_parse_int(part, &weight) || weight > WEIGHT_MAX))
            return -EINVAL;
        int t = find_type(has_weight ? token : part);
        if (t < 0)
            return -EINVAL;
        m.sum += (uint32_t)weight - m.weight[t];
        m.weight[t] = (uint32_t)weight;
    }
    if (m.sum == 0)
        return -EINVAL;
    *ret = m;
    return 0;
}

enum mix_type mix_of(const struct mix *m, uint64_t i)
{
    assert(m->sum > 0);
    uint32_t k = (uint32_t)(i % m->sum);
    int t = 0;
    while (k >= m->weight[t])
        k -= m->weight[t++];
    return (enum mix_type)t;
}

/* clang-format off */
static const struct {
    const char *name;
    enum values_kind kind;
    int args;
} kinds[] = {
    {"constant",  VALUES_CONSTANT,  1},
    {"uniform",   VALUES_UNIFORM,   2},
    {"lognormal", VALUES_LOGNORMAL, 2},
};
/* clang-format on */

/* Can a draw be more than a double holds?  It would be sent as a word, not as a number. */
static bool overflows(const struct values *v)
{
    double most = fabs(v->a);
    if (v->kind == VALUES_UNIFORM)
        most = fmax(fmax(most, fabs(v->b)), v->b - v->a);
    else if (v->kind == VALUES_LOGNORMAL)
        most = v->a * exp(v->b * RNG_NORMAL_MAX);
    return !isfinite(most * ROUNDING);
}

int values_parse(struct slice text, struct values *ret)
{
    struct slice name;
    if (!slice_cut(&text, ':', &name))
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!slice_eq(name, slice_str(kinds[i].name)))
            continue;
        struct values v = { .kind = kinds[i].kind };
        struct slice a = text, b = text;
        if (kinds[i].args == 2 && !slice_cut(&b, ':', &a))
            return -EINVAL;
        if (!number_parse(a, &v.a) || (kinds[i].args == 2 && !number_parse(b, &v.b)))
            return -EINVAL;
        if ((v.kind == VALUES_UNIFORM && v.b < v.a) ||
            (v.kind == VALUES_LOGNORMAL && (v.a <= 0 || v.b < 0)))
            return -EINVAL;
        if (overflows(&v))
            return -EINVAL;
        *ret = v;
        return 0;
    }
    return -EINVAL;
}

double values_draw(const struct values *v, struct rng *r)
{
    double x = v->a;
    if (v->kind == VALUES_UNIFORM)
        x = v->a + (v->b - v->a) * rng_unit(r);
    else if (v->kind == VALUES_LOGNORMAL)
        x = v->a * exp(v->b * rng_normal(r));
    return round(x * ROUNDING) / ROUNDING;
}
