/*
 *     shape_init       a row of shapes[] -> make_constant ... make_sine -> add_point
 *     shape_init_csv   read_point for each line -> add_point
 *     then             shape_rate and shape_total: passed finds the points around a second
 */
#include "send/shape.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/number.h"

#define TWO_PI 6.283185307179586

/* A shape that was made: a sine has one point, for its end. */
static void shape_check(const struct shape *s)
{
    assert(s->n > 0 && s->n <= s->cap && s->sine_period_s >= 0);
    assert(s->sine_period_s <= 0 || s->n == 1);
}

static void add_point(struct shape *s, double at_s, double rate)
{
    s->points = mem_grow(s->points, &s->cap, s->n + 1, sizeof *s->points);
    struct shape_point p = { at_s, rate, rate * at_s }; /* before the first point its rate holds */
    if (s->n > 0) {
        const struct shape_point *a = &s->points[s->n - 1];
        assert(at_s >= a->at_s);
        p.total = a->total + (a->rate + rate) / 2 * (at_s - a->at_s);
    }
    s->points[s->n++] = p;
}

static void make_constant(struct shape *s, const struct shape_spec *spec)
{
    add_point(s, 0, spec->rate);
    add_point(s, spec->duration_s, spec->rate);
}

static void make_ramp(struct shape *s, const struct shape_spec *spec)
{
    add_point(s, 0, spec->rate);
    add_point(s, spec->duration_s, spec->rate_to);
}

static void make_steps(struct shape *s, const struct shape_spec *spec)
{
    unsigned n = spec->steps > 1 ? spec->steps : 2;
    for (unsigned i = 0; i < n; i++) {
        double rate = spec->rate + (spec->rate_to - spec->rate) * i / (n - 1);
        add_point(s, spec->duration_s * i / n, rate);
        add_point(s, spec->duration_s * (i + 1) / n, rate);
    }
}

static void make_spike(struct shape *s, const struct shape_spec *spec)
{
    double wished = spec->period_s > 0 ? spec->period_s : spec->duration_s / 10;
    double width = fmin(wished, spec->duration_s), from = (spec->duration_s - width) / 2;
    add_point(s, 0, spec->rate);
    add_point(s, from, spec->rate);
    add_point(s, from, spec->rate_to);
    add_point(s, from + width, spec->rate_to);
    add_point(s, from + width, spec->rate);
    add_point(s, spec->duration_s, spec->rate);
}

static void make_sine(struct shape *s, const struct shape_spec *spec)
{
    s->sine_low = spec->rate;
    s->sine_high = spec->rate_to;
    s->sine_period_s = spec->period_s > 0 ? spec->period_s : spec->duration_s;
    add_point(s, spec->duration_s, 0); /* for its second: shape_end */
}

/* clang-format off */
static const struct {
    const char *name;
    void (*make)(struct shape *s, const struct shape_spec *spec);
} shapes[] = {
    { "constant", make_constant },
    { "ramp",     make_ramp },
    { "steps",    make_steps },
    { "spike",    make_spike },
    { "sine",     make_sine },
};
/* clang-format on */

int shape_init(struct shape *s, const char *name, const struct shape_spec *spec)
{
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        if (strcmp(shapes[i].name, name) != 0)
            continue;
        *s = (struct shape){ 0 };
        shapes[i].make(s, spec);
        return 0;
    }
    return -EINVAL;
}

static bool read_point(struct slice line, struct shape_point *ret)
{
    const struct slice blanks = SLICE_LIT(" \t");
    struct slice second;
    if (!slice_cut(&line, ',', &second))
        return false;
    return number_parse(slice_trim(second, blanks), &ret->at_s) &&
           number_parse(slice_trim(line, blanks), &ret->rate) && ret->rate >= 0 && ret->at_s >= 0;
}

int shape_init_csv(struct shape *s, struct slice text, unsigned *ret_line)
{
    *s = (struct shape){ 0 };
    unsigned number = 0;
    /* Of the lines with something in them: */
    bool first = true;
    if (slice_starts(text, SLICE_LIT("\xef\xbb\xbf"))) /* the byte order mark of spreadsheets */
        text = slice_of(text.ptr + 3, text.len - 3);
    for (bool last = false; !last;) {
        struct slice line;
        if (!slice_cut(&text, '\n', &line)) {
            line = text;
            last = true;
        }
        number++;
        line = slice_trim(line, SLICE_LIT(" \t\r"));
        if (line.len == 0 || *line.ptr == '#')
            continue;
        struct shape_point p;
        bool heading = first && (*line.ptr | 32) >= 'a' && (*line.ptr | 32) <= 'z';
        first = false;
        if (heading)
            continue;
        if (!read_point(line, &p) || (s->n > 0 && p.at_s < s->points[s->n - 1].at_s)) {
            shape_release(s);
            *ret_line = number;
            return -EINVAL;
        }
        add_point(s, p.at_s, p.rate);
    }
    *ret_line = 0;
    return s->n > 0 ? 0 : -EINVAL;
}

void shape_release(struct shape *s)
{
    free(s->points);
    *s = (struct shape){ 0 };
}

/* The number of points at or before that second. */
static size_t passed(const struct shape *s, double at_s)
{
    size_t from = 0, to = s->n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (s->points[middle].at_s <= at_s)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

double shape_rate(const struct shape *s, double at_s)
{
    shape_check(s);
    if (s->sine_period_s > 0) {
        double wave = (1 - cos(TWO_PI * at_s / s->sine_period_s)) / 2;
        return s->sine_low + (s->sine_high - s->sine_low) * wave;
    }
    size_t i = passed(s, at_s);
    if (i == 0)
        return s->points[0].rate;
    const struct shape_point *a = &s->points[i - 1];
    if (i == s->n)
        return a->rate;
    const struct shape_point *b = &s->points[i];
    return a->rate + (b->rate - a->rate) * (at_s - a->at_s) / (b->at_s - a->at_s);
}

double shape_total(const struct shape *s, double at_s)
{
    shape_check(s);
    if (s->sine_period_s > 0) {
        double w = TWO_PI / s->sine_period_s;
        return s->sine_low * at_s + (s->sine_high - s->sine_low) * (at_s - sin(w * at_s) / w) / 2;
    }
    size_t i = passed(s, at_s);
    if (i == 0)
        return s->points[0].rate * at_s;
    const struct shape_point *a = &s->points[i - 1];
    return a->total + (a->rate + shape_rate(s, at_s)) / 2 * (at_s - a->at_s);
}

double shape_end(const struct shape *s)
{
    shape_check(s);
    return s->points[s->n - 1].at_s;
}

double shape_peak(const struct shape *s)
{
    shape_check(s);
    if (s->sine_period_s > 0)
        return fmax(s->sine_low, s->sine_high);
    double peak = 0;
    for (size_t i = 0; i < s->n; i++)
        peak = fmax(peak, s->points[i].rate);
    return peak;
}
