/**
 * chart: lines over time as SVG, drawn beforehand: the page needs no script.
 *   thread   any (no state)
 */
#ifndef LOADGEN_CHART_H
#define LOADGEN_CHART_H

#include <stddef.h>

#include "base/buf.h"

enum { CHART_LINES_MAX = 4 };

struct chart_line {
    const char *name;
    const double *y; /* n values; NaN leaves a gap */
};

struct chart {
    const char *title, *unit;
    const double *x; /* seconds, ascending */
    size_t n;
    struct chart_line lines[CHART_LINES_MAX];
    size_t n_lines;
};

/* Append a <figure> with a caption, a legend, the drawing, and the values of each second as tool
 * tips. */
void chart_svg(const struct chart *c, struct buf *out);

/* A round number of at least v: 1, 2 or 5 times a power of ten; 1 when v is not above 0. */
double chart_round_up(double v);

/* HTML text: & < > " escaped. */
void chart_escape(struct buf *out, const char *text);

#endif
