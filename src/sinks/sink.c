#include "sinks/sink.h"

#include <assert.h>
#include <float.h>
#include <math.h>

void sink_check(const struct sink *s)
{
    assert(s->name != NULL && s->counters != NULL);
    assert(s->begin != NULL && s->put != NULL && s->end != NULL && s->entry != NULL);
    assert(s->idle != NULL && s->left != NULL);
    bool stays = s->save != NULL;
    assert((s->saved != NULL) == stays && (s->load != NULL) == stays);
    assert((s->loaded != NULL) == stays);
    assert(s->give_up != NULL && s->counted != NULL && s->close != NULL);
}

/* Each may be the largest double there is: the sum stays finite. */
static double sum_of(double a, double b)
{
    return fmax(-DBL_MAX, fmin(a + b, DBL_MAX));
}

void sink_amount_add_series(struct sink_amount *to, const struct closed_series *s)
{
    assert((size_t)s->kind < SERIES_KIND_COUNT);
    to->series[s->kind]++;
    if (s->kind == SERIES_COUNTER)
        to->counted = sum_of(to->counted, s->counter);
    else if (s->kind == SERIES_TIMER)
        to->timed = sum_of(to->timed, s->timer->count);
}

void sink_amount_add(struct sink_amount *to, const struct sink_amount *more)
{
    to->intervals += more->intervals;
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        to->series[k] += more->series[k];
    to->counted = sum_of(to->counted, more->counted);
    to->timed = sum_of(to->timed, more->timed);
    to->entries += more->entries;
    to->unsure += more->unsure;
}

uint64_t sink_amount_series(const struct sink_amount *a)
{
    uint64_t sum = 0;
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        sum += a->series[k];
    return sum;
}

bool sink_amount_is_nothing(const struct sink_amount *a)
{
    return sink_amount_series(a) == 0 && a->entries == 0;
}
