#include "protocol/metric_fields.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/number.h"

/* Whether a text that reads as 0 is 0: 1e-400 is not, and its 1/rate is beyond any double. */
static bool is_exactly_zero(struct slice s)
{
    for (size_t i = 0; i < s.len && s.ptr[i] != 'e' && s.ptr[i] != 'E'; i++)
        if (s.ptr[i] >= '1' && s.ptr[i] <= '9')
            return false;
    return true;
}

bool metric_rate(struct slice s, double *ret)
{
    double v;
    if (s.len == 0 || s.ptr[0] == '-' || !number_parse(s, &v) || v > 1)
        return false;
    if (v == 0) {
        if (!is_exactly_zero(s))
            return false;
        v = 1;
    }
    if (!isfinite(1 / v))
        return false;
    *ret = v;
    return true;
}

void metric_tags_join(struct batch *b, struct metric_reading *r, struct slice more)
{
    if (more.len == 0)
        return;
    char *tail = b->scratch + b->scratch_len;
    if (r->tags.len == 0) {
        r->tags = more;
        return;
    }
    assert(r->tags.len + 1 + more.len <= b->scratch_cap - b->scratch_len);
    if (r->tags.ptr + r->tags.len != tail || r->tags.ptr < b->scratch) {
        memcpy(tail, r->tags.ptr, r->tags.len);
        r->tags.ptr = tail;
        tail += r->tags.len;
        b->scratch_len += (uint32_t)r->tags.len;
    }
    *tail = ',';
    memcpy(tail + 1, more.ptr, more.len);
    b->scratch_len += (uint32_t)more.len + 1;
    r->tags.len += more.len + 1;
}

/* c:<id>, c:ci-<id>, c:cid-<id>, c:in-<inode>, or a list of them: the first container id. */
static void origin_read(struct metric_reading *r, struct slice list, enum sample_flag flag)
{
    bool last = false;
    r->flags &= (uint8_t)~flag; /* of several fields the last counts */
    while (!last) {
        struct slice one = list;
        last = !slice_cut(&list, ',', &one);
        if (slice_starts(one, SLICE_LIT("in-")))
            continue;
        size_t prefix = 0;
        if (slice_starts(one, SLICE_LIT("ci-")))
            prefix = 3;
        else if (slice_starts(one, SLICE_LIT("cid-")))
            prefix = 4;
        if (one.len == prefix)
            continue;
        r->origin = slice_of(one.ptr + prefix, one.len - prefix);
        r->flags |= (uint8_t)flag;
        return;
    }
}

void metric_field_rare(const struct parser *p, struct metric_reading *r, struct slice f)
{
    assert(f.len > 0 && f.ptr[0] != '#' && f.ptr[0] != '@');
    r->other = true;
    if (f.ptr[0] == 'T') {
        int64_t t;
        if (!number_parse_int(slice_of(f.ptr + 1, f.len - 1), &t) || t < 1) {
            metric_wrong(r, REASON_BAD_TIMESTAMP, f.ptr + 1);
            return;
        }
        r->timestamp = t;
        r->flags |= SAMPLE_HAS_TIME;
    } else if (slice_starts(f, SLICE_LIT("c:"))) {
        r->dog = true;
        if (p->opts.origins)
            origin_read(r, slice_of(f.ptr + 2, f.len - 2),
                        p->opts.origin_tags ? SAMPLE_HAS_ORIGIN : SAMPLE_ORIGIN_ASIDE);
    } else if (slice_starts(f, SLICE_LIT("e:")) || slice_starts(f, SLICE_LIT("card:"))) {
        r->dog = true;
    } else {
        r->unknown++;
    }
}
