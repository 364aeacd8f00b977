#include "protocol/metric_gauge.h"

#include <assert.h>

/* Whether a gauge's value is relative: by its sign, the options and the fields. */
static bool is_relative(const struct parser *p, const struct metric_reading *r, char sign)
{
    if ((sign != '+' && sign != '-') || p->opts.gauge_sign == GAUGE_SIGN_ABSOLUTE)
        return false;
    if (p->opts.gauge_sign == GAUGE_SIGN_DELTA)
        return true;
    if (r->flags & SAMPLE_HAS_TIME)
        return false;
    return sign == '+' || !r->dog;
}

/* The next part of a packed value that is not empty; the caller knows that there is one. */
static struct slice packed_next(struct slice *rest)
{
    struct slice one = *rest;
    while (slice_cut(rest, ':', &one) && one.len == 0)
        one = *rest;
    return one;
}

void metric_gauge_signs(const struct parser *p, struct batch *b, const struct metric_reading *r)
{
    struct sample *s = &b->samples[b->n - 1];
    struct slice rest = r->value;
    assert(s->type == SAMPLE_GAUGE && s->more_n == r->packed);
    bool relative = is_relative(p, r, packed_next(&rest).ptr[0]);
    s->flags |= relative ? SAMPLE_DELTA : 0;
    uint32_t end = s->more_at + r->packed;
    for (uint32_t i = s->more_at; i < end; i++) {
        if (is_relative(p, r, packed_next(&rest).ptr[0]) == relative)
            continue;
        assert(b->n < b->cap);
        relative = !relative;
        struct sample *next = &b->samples[b->n++];
        *next = *s;
        s->more_n = i - s->more_at;
        s->flags &= (uint8_t)(s->more_n > 0 ? ~0 : ~SAMPLE_PACKED);
        next->value = b->values[i];
        next->more_at = i + 1;
        next->more_n = end - next->more_at;
        next->flags ^= SAMPLE_DELTA;
        next->flags &= (uint8_t)(next->more_n > 0 ? ~0 : ~SAMPLE_PACKED);
        b->counts.samples++;
        s = next;
    }
}
