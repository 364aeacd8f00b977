/**
 * series: one identity's state, by kind.  Private to aggregate/.
 */
#ifndef AGGREGATE_SERIES_H
#define AGGREGATE_SERIES_H

#include "aggregate/cell.h"
#include "aggregate/registry.h"
#include "aggregate/set_window.h"

struct series {
    struct identity *id;      /* owned */
    char *labels;             /* owned: the label text when escaping changed something, else NULL: made from id */
    struct family *family;    /* NULL: kept off /metrics (off_page.h), or expired */
    struct series *twin;      /* next identity with the same name and labels */
    uint32_t at;              /* a head's place in family->series */
    uint32_t labels_hash;
    uint32_t labels_len;
    uint32_t cells;           /* workers' cells that point here */
    uint32_t last_s;          /* monotonic seconds of the last merge that touched it */
    uint8_t kind;             /* enum series_kind */
    bool in_interval;         /* in the list of those touched */
    bool expired;             /* kept only because cells point here */
    bool head;
};

struct counter_series {
    struct series series;
    double total;             /* of increments >= 0, since ever */
    double interval;          /* of all increments, since the interval began */
};

struct gauge_series {
    struct series series;
    struct gauge_part now;
    struct gauge_recent *recent;   /* owned: a page still to come may bring a value that belongs between them */
    double interval_delta;    /* changes since the interval began */
    uint64_t begun_set_ns;    /* now.set_ns when the interval began */
};

/* A slice of the sliding window: what came in during one period of max_age / age_buckets. */
struct age {
    uint64_t period;
    struct sketch sketch;
};

struct timer_series {
    struct series series;
    double count, sum;        /* since ever; sum in the unit sent */
    double *le;               /* histogram: counts since ever */
    struct sketch *interval;  /* for the sinks; NULL until touched, or when there is no sink */
    double *quantiles;        /* summary: as computed last */
    uint64_t computed;        /* the period for which; 0: stale */
    struct age *ages[];       /* summary: age_buckets of them, each NULL until needed */
};

struct set_series {
    struct series series;
    struct members members;   /* since the interval began: for the sinks, and for `last` */
    struct set_window window; /* with set_steps: what is shown */
    uint64_t last;            /* without: distinct members of the last closed interval */
    bool shown;               /* there is something to show since it appeared */
    uint32_t listed;          /* its place in the registry's list of sets, from 1; 0: none, as it shows no members */
};

struct series *series_new(const struct registry_opts *o, struct identity *take_id);
void series_free(const struct registry_opts *o, struct series *s);

/* Forget the values, as if new: it expired, but cells still point here. */
void series_reset(const struct registry_opts *o, struct series *s);

/* What the twins of a series add to its line of /metrics, in the unit shown there. */
struct series_others {
    double count, sum;
};

/*
 * May s, once part p of the cell is in, be large enough to carry its line of /metrics past the last double together
 * with its twins? When not, they need not be added up.
 */
bool series_is_huge(const struct series *s, const struct cell *c, unsigned p);

/* When a page is merged: the same for all that it brings. */
struct series_when {
    uint32_t now_s;           /* monotonic */
    uint64_t period;          /* of summaries: series_period */
    uint64_t step;            /* of the windows of sets */
};

/**
 * series_merge(o, s, c, p, others, when):
 * Fold part p of the cell in.
 *   others   NULL where s has no twins, or is not huge
 *   returns  false when a sum would have left the finite doubles, there or on its line of /metrics: that sum is as it was, and
 *            what the cell has besides is in
 */
bool series_merge(const struct registry_opts *o, struct series *s, const struct cell *c, unsigned p,
                  const struct series_others *others, const struct series_when *when);

/* The sum of all twins of s but s; head is the first of them. */
void series_others(const struct series *head, const struct series *s, struct series_others *ret);

/* What the interval brought, for the sinks. */
void series_closed(const struct series *s, const struct interval_end *end, struct closed_series *ret);

/* Begin the next interval.  now_ns: when the last one was closed */
void series_next(const struct registry_opts *o, struct series *s, uint64_t now_ns);

/* How many of the unit sent make one of the unit shown: milliseconds are shown as seconds. */
static inline double unit_of(uint8_t sample_type)
{
    return sample_type == SAMPLE_TIMING ? 1000 : 1;
}

static inline double series_unit(const struct series *s)
{
    return unit_of(s->id->type);
}

/*
 * The period that now_ns falls into, never 0: now * age_buckets / max_age, as a whole number, so that no setting is
 * rounded.  A value is seen from its period on for age_buckets of them: for more than max_age less one period, and
 * at most max_age.
 */
static inline uint64_t series_period(const struct registry_opts *o, uint64_t now_ns)
{
    uint64_t max_age_ns = (uint64_t)o->summary_max_age_ms * 1000000;
    return now_ns / max_age_ns * o->summary_age_buckets + now_ns % max_age_ns * o->summary_age_buckets / max_age_ns + 1;
}

#endif
