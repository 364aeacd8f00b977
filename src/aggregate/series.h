/**
 * series: one identity's state, by kind.  Private to aggregate/.
 */
#ifndef AGGREGATE_SERIES_H
#define AGGREGATE_SERIES_H

#include "aggregate/cell.h"
#include "aggregate/registry.h"

struct series {
    struct identity *id;      /* owned */
    char *labels;             /* owned: the label text when escaping changed something, else NULL: made from id */
    struct family *family;    /* NULL: type conflict, or expired */
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

/* A slice of the sliding window: what came in during one period of max_age / age_buckets seconds. */
struct age {
    uint32_t period;
    struct sketch sketch;
};

struct timer_series {
    struct series series;
    double count, sum;        /* since ever; sum in the unit sent */
    double *le;               /* histogram: counts since ever */
    struct sketch *interval;  /* for the sinks; NULL until touched, or when there is no sink */
    double *quantiles;        /* summary: as computed last */
    uint32_t computed;        /* the period for which; 0: stale */
    struct age *ages[];       /* summary: age_buckets of them, each NULL until needed */
};

struct set_series {
    struct series series;
    struct members members;   /* since the interval began */
    uint64_t last;            /* distinct members of the last closed interval */
    bool closed;              /* an interval has closed since it appeared */
    bool listed;              /* in the registry's list of sets: the last interval had members */
};

struct series *series_new(const struct registry_opts *o, struct identity *take_id);
void series_free(const struct registry_opts *o, struct series *s);

/* Forget the values, as if new: it expired, but cells still point here. */
void series_reset(const struct registry_opts *o, struct series *s);

/* Fold part p of the cell in. */
void series_merge(const struct registry_opts *o, struct series *s, const struct cell *c, unsigned p, uint32_t now_s);

/* What the interval brought, for the sinks. */
void series_closed(const struct series *s, const struct interval_end *end, struct closed_series *ret);

/* Begin the next interval.  now_ns: when the last one was closed */
void series_next(const struct registry_opts *o, struct series *s, uint64_t now_ns);

/* The time slice that now_s falls into, never 0. */
static inline uint32_t series_period(const struct registry_opts *o, uint32_t now_s)
{
    uint32_t len = o->summary_max_age_s / o->summary_age_buckets;
    return now_s / (len > 0 ? len : 1) + 1;
}

#endif
