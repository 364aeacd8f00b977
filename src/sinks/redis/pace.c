#include "sinks/redis/pace.h"

#include <math.h>

/* One that was large is remembered for some ten intervals. */
static const double DECAY = 0.875;

void redis_pace_interval(struct redis_pace *p, double weight)
{
    double more = weight - p->normal;
    p->normal = fmax(weight, p->normal * DECAY);
    if (more > 0)
        p->left += more; /* it is not held up for being larger than those before */
    p->left = fmin(p->left, p->normal);
}

uint64_t redis_pace_wait(struct redis_pace *p, uint64_t now_ms)
{
    if (p->interval_ms == 0 || p->normal <= 0)
        return 0;
    double rate = REDIS_PACE_TIMES * p->normal / (double)p->interval_ms;
    if (now_ms > p->at_ms)
        p->left = fmin(p->left + (double)(now_ms - p->at_ms) * rate, p->normal);
    p->at_ms = now_ms;
    return p->left > 0 ? 0 : 1 + (uint64_t)(-p->left / rate);
}

void redis_pace_spend(struct redis_pace *p, double weight)
{
    p->left -= weight;
}
