/**
 * shape: the rate asked for, over time.
 *
 * A shape is either a chain of points (second, rate) with straight lines between them (constant,
 * ramp, steps, spike and CSV files) or a sine.  Both have an exact integral: the amount that should
 * have been sent by second t.  Senders go by that integral, so that rounding and late wake-ups
 * never add up.
 *
 * Rates are per second, of lines or of datagrams as the caller chooses.
 *
 *   thread   read-only after shape_init or shape_init_csv
 */
#ifndef SEND_SHAPE_H
#define SEND_SHAPE_H

#include <stddef.h>

#include "base/slice.h"

struct shape_point {
    double at_s, rate;
    double total; /* integral from second 0 to at_s */
};

struct shape {
    struct shape_point *points; /* at_s ascends; two points of one second are a jump */
    size_t n, cap;
    double sine_low, sine_high, sine_period_s; /* a sine when the period is > 0 */
};

/* The parameters of the named shapes; each reads those that it needs. */
struct shape_spec {
    double rate;    /* start, base or trough */
    double rate_to; /* end, peak or crest */
    double duration_s;
    double period_s; /* of a sine: 0 is the duration; width of a spike: 0 is a tenth of it */
    unsigned steps;  /* at least 2 */
};

/**
 * shape_init(s, name, spec):
 *   name     constant  rate
 *            ramp      rate to rate_to in a straight line
 *            steps     `steps` plateaus of equal length, from rate to rate_to
 *            spike     rate, but rate_to for period_s in the middle
 *            sine      between rate and rate_to, from the trough, one wave in period_s
 *   returns  0; -EINVAL: no such name
 */
int shape_init(struct shape *s, const char *name, const struct shape_spec *spec);

/**
 * shape_init_csv(s, text, ret_line):
 * Lines `second,rate`, seconds in ascending order.  Between two lines the rate moves in a straight
 * line, two lines of one second are a jump, and the last rate holds.  Empty lines, lines that begin
 * with #, a heading of words and a byte order mark are skipped.
 *   returns  0; -EINVAL with *ret_line the number of the first bad line, or 0: there is no point
 */
int shape_init_csv(struct shape *s, struct slice text, unsigned *ret_line);

void shape_release(struct shape *s);

/* The rate at that second; at a jump, the one after it.  cost  log n */
double shape_rate(const struct shape *s, double at_s);

/* The integral of the rate from second 0 on.  cost  log n */
double shape_total(const struct shape *s, double at_s);

double shape_end(const struct shape *s);  /* second of the last point */
double shape_peak(const struct shape *s); /* highest rate */

#endif
