/**
 * search: the highest rate that passes, by doubling and then halving the gap.
 *
 * Pure: the caller runs the trials.
 *     struct search s;  search_init(&s, 1000, 1e7, 0.02);
 *     while (search_next(&s, &rate))
 *         search_result(&s, trial(rate));
 *     s.best is the highest rate that passed, 0 when none did
 *
 * A machine is noisy: a trial that did not pass is repeated once, and only two failures count.
 *   thread   the owner's
 */
#ifndef LOADGEN_SEARCH_H
#define LOADGEN_SEARCH_H

#include <stdbool.h>

enum search_verdict {
    SEARCH_PASSED,
    SEARCH_FAILED,
    /* The trial was cut short, or cannot be judged: it counts for nothing, the search is over */
    SEARCH_STOPPED,
    /* The generator itself could not offer that rate: a bound like a failure, but remembered */
    SEARCH_SENDER_LIMITED
};

struct search {
    /* Passed; failed twice (or the limit of the range, when nothing failed yet) */
    double low, high;
    double limit;      /* end of the range */
    double resolution; /* stop when high / low <= 1 + resolution */
    double rate;       /* under trial */
    double best;
    unsigned trials, failures_here;
    bool failed_once; /* some rate failed, so high is a real bound */
    bool sender_limited;
    bool done;
};

/* 0 < from <= limit, resolution > 0 */
void search_init(struct search *s, double from, double limit, double resolution);

/* returns  false when the search is over */
bool search_next(struct search *s, double *ret_rate);
void search_result(struct search *s, enum search_verdict v);

#endif
