#include "trials.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "search.h"

#define LOSS_MAX         0.001 /* where --max-loss does not say */
#define SHORTFALL_MAX    0.01  /* of the rate asked for: beyond it the sender is the limit */
#define BACKLOG_MAX_S    0.2   /* after the last send, */
#define BACKLOG_MAX_PART 0.02  /* and this part of the trial */
#define PAUSE_S          0.2   /* between two trials */

struct judgement {
    enum search_verdict verdict;
    const char *text;
};

/* A rate counts only if the queue did not just hide what the server could not read in time. */
static struct judgement judge(const struct opts *o, const struct run_result *r)
{
    double loss = run_loss(r), loss_max = isnan(o->max_loss) ? LOSS_MAX : o->max_loss;
    double backlog_s = fmax(r->backlog_s, r->settle_s);
    bool known = !isnan(loss) && !run_loss_is_at_least(r);
    if (r->interrupted)
        return (struct judgement){ SEARCH_STOPPED, "interrupted" };
    if (r->scrape_error < 0)
        return (struct judgement){ SEARCH_STOPPED, "the server is gone" };
    if (r->sent.nobody)
        return (struct judgement){ SEARCH_STOPPED, "nobody listens there" };
    if (!known && !(loss > loss_max))
        return (struct judgement){ SEARCH_STOPPED, "loss is not known: give --metrics" };
    if (!(loss <= loss_max))
        return (struct judgement){ SEARCH_FAILED, "failed: loss" };
    if (backlog_s > BACKLOG_MAX_S + BACKLOG_MAX_PART * o->trial_s)
        return (struct judgement){ SEARCH_FAILED, "failed: backlog" };
    if (-run_rate_error(r, o->datagram_rate) > SHORTFALL_MAX)
        return r->sent.connections > 0
                   ? (struct judgement){ SEARCH_FAILED, "failed: the streams take no more" }
                   : (struct judgement){ SEARCH_SENDER_LIMITED, "the sender cannot offer more" };
    return (struct judgement){ SEARCH_PASSED, "passed" };
}

static int run_at(double rate, double trial_s, const struct run_opts *run, struct run_result *ret)
{
    struct shape_spec spec = { .rate = rate, .duration_s = trial_s };
    struct run_opts o = *run;
    struct shape shape;
    shape_init(&shape, "constant", &spec);
    o.sender.shape = &shape;
    o.sender.duration_s = trial_s;
    int rc = run_load(&o, ret);
    shape_release(&shape);
    return rc;
}

/* returns  0: the search knows the outcome; -errno */
static int trial(struct trials *t, const struct opts *o, const struct run_opts *run,
                 struct search *s, double rate, struct run_result *ret)
{
    struct run_result r;
    int rc = run_at(rate, o->trial_s, run, &r);
    if (rc < 0 && t->n > 0) {
        ret->scrape_error = rc; /* what the trials before said is still to be reported */
        search_result(s, SEARCH_STOPPED);
        return 0;
    }
    if (rc < 0) {
        *ret = r;
        return rc;
    }
    struct judgement j = judge(o, &r);
    t->at = mem_grow(t->at, &t->cap, t->n + 1, sizeof *t->at);
    t->at[t->n++] =
        (struct report_trial){ rate, run_loss(&r), run_cpu_us_per_1000(&r), r.backlog_s, j.text };
    /* The report shows the best trial; until one passes, the latest. */
    bool shown = j.verdict == SEARCH_PASSED || !(s->best > 0);
    search_result(s, j.verdict);
    if (shown) {
        run_release(ret);
        *ret = r;
    } else {
        ret->interrupted = ret->interrupted || r.interrupted;
        ret->scrape_error = ret->scrape_error < 0 ? ret->scrape_error : r.scrape_error;
        run_release(&r);
    }
    return 0;
}

int trials_run(struct trials *t, const struct opts *o, const struct run_opts *run,
               struct status *status, struct run_result *ret)
{
    double limit = isfinite(o->rate_to) ? o->rate_to : OPTS_FIND_MAX_LIMIT, rate;
    struct search s;
    int rc = 0;
    assert(t->n == 0);
    search_init(&s, o->rate, limit, o->resolution);
    while (rc == 0 && !status->stop && search_next(&s, &rate)) {
        size_t before = t->n;
        rc = trial(t, o, run, &s, rate, ret);
        if (t->n > before && !o->quiet)
            fprintf(stderr, "%strial %u: %.0f/s %s\n", status->terminal ? "\r\033[K" : "", s.trials,
                    rate, t->at[t->n - 1].verdict);
        status_wait(status, PAUSE_S);
    }
    t->best_rate = s.best;
    t->sender_limited = s.sender_limited;
    return rc;
}

void trials_release(struct trials *t)
{
    free(t->at);
    *t = (struct trials){ 0 };
}
