/**
 * redis_series: series that were read, each with a value for each of some columns: one for all, or
 * one for each interval.
 *   thread   one owner
 */
#ifndef CMD_REDIS_SERIES_H
#define CMD_REDIS_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/sketch.h"
#include "aggregate/snapshot.h"
#include "sinks/redis_field.h"

struct value {
    bool there;
    double number;       /* a counter's sum, a gauge's value, a set's members */
    int64_t last_s;      /* REDIS_FIELD_NEVER: unknown */
    int64_t stamp_ms;    /* of a gauge */
    struct sketch timer; /* of a timer */
};

/* What one instance has in a gauge. */
struct own_gauge {
    char *instance; /* as it was configured */
    char *stored;   /* as in the name of its field */
    double number;
    int64_t stamp_ms;
    enum gauge_merge rule;
    bool alive;
};

struct series {
    enum series_kind kind;
    struct slice key; /* owned */
    struct value *values;
    struct own_gauge *own;
    size_t n_own, cap_own;
};

struct series_list {
    struct series **at; /* sorted by key, then kind, after series_sort */
    size_t n, cap;
    size_t columns;  /* values of each; set before the first series */
    size_t most;     /* series; 0: any number */
    size_t left_out; /* fields of series beyond that */
    uint32_t *index; /* by a hash of key and kind: 1 + the place in at, 0: free */
    size_t index_cap;
};

/* returns  the series, made where it was not; NULL: it would be one too many */
struct series *series_find(struct series_list *l, enum series_kind kind, struct slice key);

/* Adds a field to its series' value of a column: counters add, timers merge, of gauges the latest
 * stays.  Not of INSTANCE and OTHER. */
void series_put(struct series_list *l, size_t column, const struct redis_field *f);

/* The rule of a gauge of instances: the one that was said last, unless it is given up
 * (REDIS_FIELD_RULE_MS).   now_ms  of the begin of the reading, or before it */
enum gauge_merge series_rule(const struct series *s, const struct value *latest, int64_t now_ms);

/* What the rule makes of the instances that are alive; the latest value where none is. */
double series_gauge(const struct series *s, const struct value *latest, int64_t now_ms);

void value_merge(enum series_kind kind, struct value *to, const struct value *from);

void series_sort(struct series_list *l); /* series_find is not to be called any more */
void series_release(struct series_list *l);

#endif
