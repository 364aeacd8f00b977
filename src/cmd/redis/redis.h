/**
 * redis: `statsd redis get|range|top|tail`: what the ledger has in Redis (docs/redis.md).
 *   thread   main
 */
#ifndef CMD_REDIS_REDIS_H
#define CMD_REDIS_REDIS_H

#include "cmd/redis/pattern.h"
#include "cmd/redis/series.h"
#include "cmd/redis/session.h"

enum { REDIS_PATTERNS_MAX = 64 };

/* What was asked for, in the units of use; what was not given is the command's default. */
struct redis_args {
    struct pattern patterns[REDIS_PATTERNS_MAX];
    size_t n_patterns;
    uint64_t shards;           /* that may have something that is wanted, a bit each */
    int64_t from_s, to_s;      /* Unix s; from < to */
    int64_t step_s;            /* 0: not given */
    bool has_span;             /* from, to or last was given */
    size_t n;                  /* -n; 0: not given */
    const char *by, *instance; /* NULL: not given */
    bool json;
};

/* returns  the exit status; what was wrong is said */
int redis_get(struct session *s, const struct redis_args *a);
int redis_range(struct session *s, const struct redis_args *a);
int redis_top(struct session *s, const struct redis_args *a);
int redis_tail(struct session *s, const struct redis_args *a);

/**
 * redis_fetch(s, a, t, l, column):
 * Asks for all fields of the hash of t that a pattern lets through; they come with session_wait.
 */
void redis_fetch(struct session *s, const struct redis_args *a, int64_t t, struct series_list *l,
                 size_t column);
/* Asks which sets there are in interval t, or in all (REDIS_READER_TOTALS): each becomes a series
 * of l, and its value of column_of(t) is there, with number 0 and the last such t. */
typedef size_t (*redis_column_fn)(const void *cookie, int64_t t); /* SIZE_MAX: of none */
void redis_fetch_sets(struct session *s, const struct redis_args *a, int64_t t,
                      struct series_list *l, redis_column_fn column_of, const void *cookie);
/* Asks how many members a set has over n intervals, for a value of it. */
void redis_fetch_members(struct session *s, struct slice key, const int64_t *t, size_t n,
                         struct value *to);

/* Print what was found.  returns  the exit status */
int redis_write(struct session *s, const struct buf *out);

#endif
