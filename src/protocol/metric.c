/*
 * One metric line:  name ":" sample *( ":" sample )
 *                                     sample = value-text "|" type *( "|" field )
 *
 *     metric_parse
 *       name_read      up to the first ':', with tags cut out of it
 *       then for each sample
 *         type_next
 *         value_read   one number, or packed_read for several; a set's member as it is
 *         fields_read  rate_read, tags, and the rare ones (metric_fields.h)
 *         sample_judge errors that depend on several fields
 *         sample_push  into the batch, without the tags that tags_cut.h cuts out; metric_gauge.h
 *                      splits a packed gauge
 *
 * All work is done on positions found by the scan; a byte is looked at only where it decides
 * something.  A ':' inside a type or an '@' field starts another sample.  That is rare, so it is
 * looked for only after the field, read as a whole, turned out to be invalid.
 */
#include "protocol/metric.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "protocol/metric_fields.h"
#include "protocol/metric_gauge.h"
#include "protocol/name_tags.h"
#include "protocol/parser.h"
#include "protocol/tags_cut.h"

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* A position in a line.  bar is *pipe, the next '|' at or after `at`. */
struct position {
    const char *text;
    uint32_t end, at, bar;
    const uint16_t *pipe;
};

/* The name of a line, shared by all its samples. */
struct name {
    struct slice name, tags; /* tags of the name itself */
    struct slice kept;       /* of these tags, what is not cut out */
    enum tag_style style;
};

/* Between two parts of the line. */
static inline void position_check(const struct position *pos)
{
    assert(pos->at <= pos->end && pos->at <= pos->bar && pos->bar == *pos->pipe);
}

static struct position past_bar(struct position pos)
{
    pos.at = pos.bar + 1;
    pos.bar = *++pos.pipe;
    return pos;
}

/* Up to the next '|' or the end of the line. */
static uint32_t field_end(struct position pos)
{
    return pos.bar < pos.end ? pos.bar : pos.end;
}

const struct metric_type metric_types[256] = {
    ['c'] = { SAMPLE_COUNTER, 1, 'c' },      ['g'] = { SAMPLE_GAUGE, 1, 'g' },
    ['m'] = { SAMPLE_TIMING, 2, 's' },       ['h'] = { SAMPLE_HISTOGRAM, 1, 'h' },
    ['d'] = { SAMPLE_DISTRIBUTION, 1, 'd' }, ['s'] = { SAMPLE_SET, 1, 's' },
};

/* s is part of text, the line's. */
static bool number_of(const char *text, struct slice s, double *ret)
{
    uint32_t n = (uint32_t)s.len, end = (uint32_t)(s.ptr - text) + n;
    return metric_number_small(text, end, n, ret) || number_parse(s, ret);
}

/* a:b:c, empty parts skipped.  All must be valid; all but the first go to the batch's values. */
static enum reason packed_read(struct batch *b, struct metric_reading *r, const char *text,
                               const char **where)
{
    struct slice rest = r->value;
    double *more = b->values + b->n_values;
    bool last = false, any = false;
    uint32_t n = 0;
    while (!last) {
        struct slice one = rest;
        last = !slice_cut(&rest, ':', &one);
        double v;
        if (one.len == 0)
            continue;
        *where = one.ptr;
        if (!number_of(text, one, &v))
            return REASON_BAD_VALUE;
        if (r->type == SAMPLE_TIMING && v < 0)
            return REASON_NEGATIVE_TIMING;
        if (any) {
            assert(b->n_values + n < b->cap_values);
            more[n++] = v;
        } else {
            r->number = v;
        }
        any = true;
    }
    *where = r->value.ptr;
    r->packed = n;
    return any ? REASON_NONE : REASON_BAD_VALUE;
}

static void value_read_slow(struct batch *b, struct metric_reading *r, const char *text)
{
    const char *where = r->value.ptr;
    enum reason reason = REASON_BAD_VALUE;
    if (r->value.len != 0 && memchr(r->value.ptr, ':', r->value.len) != NULL)
        reason = packed_read(b, r, text, &where);
    if (reason != REASON_NONE)
        metric_wrong(r, reason, where);
}

static void value_read(struct batch *b, struct metric_reading *r, const char *text)
{
    if (UNLIKELY(r->type == SAMPLE_SET)) {
        r->number = 0;
        if (r->value.len == 0)
            metric_wrong(r, REASON_BAD_VALUE, r->value.ptr);
        return;
    }
    if (UNLIKELY(!number_of(text, r->value, &r->number)))
        value_read_slow(b, r, text);
    else if (UNLIKELY(r->number < 0 && r->type == SAMPLE_TIMING))
        metric_wrong(r, REASON_NEGATIVE_TIMING, r->value.ptr);
}

/* The rate after '@'.  Returns true when a ':' ends it: another sample follows, at pos->at. */
static bool rate_read(struct position *pos, struct metric_reading *r)
{
    struct slice s = slice_of(pos->text + pos->at, field_end(*pos) - pos->at), rate = s;
    bool again = slice_cut(&s, ':', &rate);
    if (!metric_rate(rate, &r->rate))
        metric_wrong(r, REASON_BAD_SAMPLE_RATE, rate.ptr);
    if (again)
        pos->at = (uint32_t)(s.ptr - pos->text);
    return again;
}

/* The fields after the type.  Returns true when another sample follows, at pos->at. */
static bool fields_read(const struct parser *p, struct batch *b, struct position *pos,
                        struct metric_reading *r)
{
    while (pos->bar < pos->end) {
        *pos = past_bar(*pos);
        uint32_t n = field_end(*pos) - pos->at;
        if (n == 0)
            continue;
        const char *f = pos->text + pos->at;
        if (f[0] == '#') {
            r->other = r->has_tags = true;
            if (r->tags.len == 0)
                r->tags = slice_of(f + 1, n - 1);
            else
                metric_tags_join(b, r, slice_of(f + 1, n - 1));
        } else if (f[0] == '@') {
            pos->at++;
            if (rate_read(pos, r))
                return true;
        } else {
            metric_field_rare(p, r, slice_of(f, n));
        }
    }
    return false;
}

/* The type, which ends at '|', ':' (*ret_again: pos->at is after it) or the end of the line. */
static bool type_next(struct position *pos, uint8_t *ret, bool *ret_again)
{
    *pos = past_bar(*pos);
    const char *p = pos->text + pos->at;
    uint32_t n = field_end(*pos) - pos->at;
    *ret_again = false;
    if (__builtin_expect(metric_type_read(p, n, ret), 1))
        return true;
    const char *colon = n ? memchr(p, ':', n) : NULL;
    if (colon == NULL || !metric_type_read(p, (uint32_t)(colon - p), ret))
        return false;
    *ret_again = true;
    pos->at = (uint32_t)(colon - pos->text) + 1;
    return true;
}

/* Looks ahead: whether any sample from pos on has a field other than '@'. */
static bool rest_has_fields(struct position pos)
{
    while (pos.bar < pos.end) {
        uint8_t type;
        bool again;
        if (!type_next(&pos, &type, &again))
            return false;
        while (!again && pos.bar < pos.end) {
            pos = past_bar(pos);
            uint32_t n = field_end(pos) - pos.at;
            if (n == 0)
                continue;
            if (pos.text[pos.at] != '@')
                return true;
            const char *colon = memchr(pos.text + pos.at, ':', n);
            again = colon != NULL;
            if (again)
                pos.at = (uint32_t)(colon - pos.text) + 1;
        }
        if (!again)
            return false;
    }
    return false;
}

/* A counter adds v / rate, a timer v times its weight of 1 / rate: these round differently. */
static bool finite_by_rate(double v, double rate)
{
    return isfinite(v / rate) && isfinite(v * (1 / rate));
}

/* Checks that need all fields of the sample. */
static void sample_judge(const struct batch *b, const struct name *name, const char *line,
                         struct metric_reading *r)
{
    if (r->rate != 1 && r->type != SAMPLE_SET && r->type != SAMPLE_GAUGE) {
        bool finite = finite_by_rate(r->number, r->rate);
        for (uint32_t i = 0; i < r->packed; i++)
            finite = finite && finite_by_rate(b->values[b->n_values + i], r->rate);
        if (!finite)
            metric_wrong(r, REASON_BAD_VALUE, r->value.ptr);
    }
    if (r->has_tags && name->tags.ptr != NULL && name_tags_any(name->tags, name->style))
        metric_wrong(r, REASON_MIXED_TAG_STYLES, line); /* the name may be a joined copy */
}

/* Tags of the name, and tags that are cut out; only where the name has tags that are not NULL. */
__attribute__((noinline)) static void sample_tags(const struct parser *p, struct batch *b,
                                                  const struct line *l, const struct name *name,
                                                  const struct metric_reading *r, struct sample *s)
{
    struct slice tags = r->has_tags ? r->tags : name->tags;
    s->tags = tags.ptr;
    s->tags_len = (uint32_t)tags.len;
    s->tag_style = (uint8_t)(r->has_tags ? TAGS_DOG : name->style);
    if (r->has_tags) /* a good one in the name, too, would have been refused */
        b->counts.tag_errors += name_tags_elements(name->tags, name->style);
    if (p->opts.n_cut == 0)
        return;
    tags_cut_note(p, b, l->scan == &p->rewritten, s);
    tags = r->has_tags ? tags_cut(p, b, tags, TAGS_DOG) : name->kept;
    s->tags = tags.ptr;
    s->tags_len = (uint32_t)tags.len;
}

static void sample_push(const struct parser *p, struct batch *b, const struct line *l,
                        const struct name *name, const struct metric_reading *r)
{
    assert(b->n < b->cap && r->reason == REASON_NONE);
    struct sample *s = &b->samples[b->n++];
    b->counts.samples++;
    s->tag_style = TAGS_DOG;
    s->type = r->type;
    s->flags = r->flags;
    s->value = r->number;
    s->rate = r->rate;
    if (r->rate != 1)
        s->flags |= SAMPLE_HAS_RATE;
    s->name = name->name.ptr;
    s->name_len = (uint32_t)name->name.len;
    s->tags = r->tags.ptr;
    s->tags_len = (uint32_t)r->tags.len;
    s->more_at = b->n_values;
    s->more_n = r->packed;
    if (UNLIKELY(r->packed != 0)) {
        s->flags |= SAMPLE_PACKED;
        b->n_values += r->packed;
    }
    s->member = r->type == SAMPLE_SET ? r->value : (struct slice){ NULL, 0 };
    s->origin = r->origin;
    s->timestamp = r->timestamp;
    if (UNLIKELY(name->tags.ptr != NULL))
        sample_tags(p, b, l, name, r, s);
    s->hash = metric_hash(s);
    if (UNLIKELY(r->type == SAMPLE_GAUGE))
        metric_gauge_signs(p, b, r);
}

/* Cut the tags out of the name; where tags are cut out of those too, they are not NULL. */
static void name_tags_read(const struct parser *p, struct batch *b, struct name *ret)
{
    struct tagged_name cut;
    char *room = b->scratch + b->scratch_len;
    b->scratch_len += (uint32_t)name_tags_cut(p->opts.name_tags, ret->name, room, &cut);
    ret->name = cut.name;
    ret->tags = cut.tags;
    ret->style = cut.style;
    if (p->opts.n_cut == 0)
        return;
    if (ret->tags.ptr == NULL)
        ret->tags.ptr = "";
    ret->kept = tags_cut(p, b, ret->tags, ret->style);
}

/* The name, up to the first ':'.  false: the line has been refused. */
static bool name_read(struct parser *p, struct batch *b, const struct line *l, struct position *pos,
                      struct name *ret)
{
    uint32_t colon = scan_next(l->scan->colon, l->start, l->end);
    const char *text = l->text;
    enum reason reason = REASON_NONE;
    uint32_t at = l->start;
    if (UNLIKELY(colon >= l->end)) {
        parser_reject(p, b, l, REASON_NO_COLON, text + l->end);
        return false;
    }
    ret->name = slice_of(text + l->start, colon - l->start);
    ret->tags = (struct slice){ NULL, 0 };
    ret->style = TAGS_DOG;
    if (UNLIKELY(pos->bar < colon)) {
        reason = REASON_BAD_NAME;
        at = pos->bar;
    } else if (UNLIKELY(!p->plain)) {
        name_tags_read(p, b, ret);
    }
    if (UNLIKELY(ret->name.len == 0)) {
        reason = REASON_BAD_NAME;
    } else if (UNLIKELY(reason == REASON_NONE && ret->name.len > p->opts.max_name)) {
        reason = REASON_NAME_TOO_LONG;
        at = l->start + p->opts.max_name;
    }
    if (UNLIKELY(reason != REASON_NONE)) {
        parser_reject(p, b, l, reason, text + at);
        return false;
    }
    pos->at = colon + 1;
    return true;
}

const uint16_t *metric_parse(struct parser *p, struct batch *b, const struct line *l)
{
    struct position pos = { l->text, l->end, l->start, *l->pipe, l->pipe };
    struct name name;
    if (!name_read(p, b, l, &pos, &name))
        return pos.pipe;
    position_check(&pos);
    for (bool first = true, again = true; again; first = false) {
        struct metric_reading r = { .rate = 1, .reason = REASON_NONE };
        r.value = slice_of(pos.text + pos.at, field_end(pos) - pos.at);
        if (UNLIKELY(pos.bar >= pos.end)) {
            parser_reject(p, b, l, REASON_NO_TYPE, pos.text + pos.end);
            break;
        }
        uint32_t type_at = pos.bar + 1;
        if (UNLIKELY(!type_next(&pos, &r.type, &again))) {
            parser_reject(p, b, l, REASON_UNKNOWN_TYPE, pos.text + type_at);
            break;
        }
        value_read(b, &r, pos.text);
        if (!again)
            again = fields_read(p, b, &pos, &r);
        if (UNLIKELY((again && first && (r.other || rest_has_fields(pos))))) {
            parser_reject(p, b, l, REASON_MIXED_MULTI_SAMPLE, pos.text + type_at);
            break;
        }
        sample_judge(b, &name, l->text + l->start, &r);
        b->counts.unknown_fields += r.unknown;
        if (UNLIKELY(r.reason != REASON_NONE)) {
            parser_reject(p, b, l, r.reason, r.where);
            continue;
        }
        sample_push(p, b, l, &name, &r);
    }
    return pos.pipe;
}
