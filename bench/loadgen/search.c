#include "search.h"

#include <assert.h>
#include <math.h>

void search_init(struct search *s, double from, double limit, double resolution)
{
    assert(from > 0 && from <= limit && resolution > 0);
    *s = (struct search){ .high = limit, .limit = limit, .resolution = resolution, .rate = from };
}

static void search_check(const struct search *s)
{
    assert(s->low >= 0 && s->low <= s->high && s->high <= s->limit);
    assert(s->best == s->low && s->resolution > 0);
    assert(s->done || (s->rate > 0 && s->rate <= s->limit));
    assert(s->failures_here < 2); /* the second one moves `high`, and is forgotten */
}

bool search_next(struct search *s, double *ret_rate)
{
    search_check(s);
    if (s->done)
        return false;
    *ret_rate = s->rate;
    return true;
}

/* Up by doubling until something failed; down by halving until something passed; then the middle,
 * on a log scale. */
static double next_rate(const struct search *s)
{
    if (!s->failed_once)
        return fmin(s->rate * 2, s->limit);
    if (!(s->low > 0))
        return s->high / 2;
    return sqrt(s->low * s->high);
}

void search_result(struct search *s, enum search_verdict v)
{
    assert(!s->done);
    s->trials++;
    if (v == SEARCH_STOPPED) {
        s->done = true;
        return;
    }
    if (v != SEARCH_PASSED && ++s->failures_here < 2)
        return;
    s->failures_here = 0;
    switch (v) {
    case SEARCH_PASSED:
        s->best = s->low = s->rate;
        s->done = s->rate >= s->limit;
        break;
    case SEARCH_STOPPED:
        break;
    case SEARCH_FAILED:
        s->high = s->rate;
        s->failed_once = true;
        break;
    case SEARCH_SENDER_LIMITED:
        s->high = s->rate;
        s->failed_once = true;
        s->sender_limited = true;
        break;
    }
    if (s->failed_once && s->high <= s->low * (1 + s->resolution))
        s->done = true;
    if (s->high < 1)
        s->done = true;
    s->rate = next_rate(s);
    search_check(s);
}
