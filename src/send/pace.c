#include "send/pace.h"

#include <assert.h>
#include <math.h>

/* The least that may be due at once, in units, however low the rate is. */
enum { DEBT_UNITS = 64 };

static void pace_check(const struct pace *p)
{
    assert(p->share > 0 && p->share <= 1 && p->phase >= 0 && p->phase < 1);
    assert(p->unit > 0 && p->sent >= 0 && p->forgiven >= 0);
}

/* What should have been sent by then; shifted by the phase, and by half a datagram to round. */
static double wanted(const struct pace *p, double elapsed_s)
{
    return shape_total(p->shape, elapsed_s) * p->share + (p->phase - 0.5) * p->unit;
}

/* What became due in the last PACE_DEBT_MAX_S seconds, whatever the rate is now. */
static double recent(const struct pace *p, double elapsed_s)
{
    double from_s = fmax(elapsed_s - PACE_DEBT_MAX_S, 0);
    return (shape_total(p->shape, elapsed_s) - shape_total(p->shape, from_s)) * p->share;
}

double pace_due(struct pace *p, double elapsed_s)
{
    pace_check(p);
    if (p->shape == NULL)
        return INFINITY;
    double due = wanted(p, elapsed_s) - p->forgiven - p->sent;
    double most = fmax(recent(p, elapsed_s), DEBT_UNITS * p->unit);
    if (due > most) {
        p->forgiven += due - most;
        due = most;
    }
    return fmax(due, 0);
}

/* Below what pace_due forgives: nobody may wait for more than can come. */
static double needed(const struct pace *p, double amount)
{
    return fmin(amount, DEBT_UNITS * p->unit) / 2;
}

bool pace_takes(const struct pace *p, double due, double amount)
{
    return due >= needed(p, amount);
}

double pace_sleep(const struct pace *p, double elapsed_s, double amount)
{
    pace_check(p);
    if (p->shape == NULL)
        return 0;
    double missing = needed(p, amount) - (wanted(p, elapsed_s) - p->forgiven - p->sent);
    double rate = shape_rate(p->shape, elapsed_s) * p->share;
    if (!(rate > 0))
        return PACE_SLEEP_MAX_S;
    return fmin(fmax(missing / rate, PACE_SLEEP_MIN_S), PACE_SLEEP_MAX_S);
}
