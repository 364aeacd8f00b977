#include "send/pace.h"

#include <math.h>

/* What became due in the last PACE_DEBT_MAX_S seconds, whatever the rate is now. */
static double recent(const struct pace *p, double elapsed_s)
{
    double from_s = fmax(elapsed_s - PACE_DEBT_MAX_S, 0);
    return (shape_total(p->shape, elapsed_s) - shape_total(p->shape, from_s)) * p->share;
}

double pace_due(struct pace *p, double elapsed_s)
{
    if (p->shape == NULL)
        return INFINITY;
    double wanted = shape_total(p->shape, elapsed_s) * p->share + (p->phase - 0.5) * p->unit;
    double due = wanted - p->forgiven - p->sent;
    double most = fmax(recent(p, elapsed_s), 64 * p->unit);
    if (due > most) {
        p->forgiven += due - most;
        due = most;
    }
    return fmax(due, 0);
}

double pace_sleep(const struct pace *p, double elapsed_s)
{
    if (p->shape == NULL)
        return 0;
    double wanted = shape_total(p->shape, elapsed_s) * p->share + (p->phase - 0.5) * p->unit;
    double missing = p->unit / 2 - (wanted - p->forgiven - p->sent);
    double rate = shape_rate(p->shape, elapsed_s) * p->share;
    if (!(rate > 0))
        return PACE_SLEEP_MAX_S;
    return fmin(fmax(missing / rate, PACE_SLEEP_MIN_S), PACE_SLEEP_MAX_S);
}
