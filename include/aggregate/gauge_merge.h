/**
 * gauge_merge: what one gauge of several instances is, as a whole.
 *   thread   any (constant)
 */
#ifndef AGGREGATE_GAUGE_MERGE_H
#define AGGREGATE_GAUGE_MERGE_H

/* X(id, name): the names are those of the configuration, of mapping rules and in Redis. */
#define GAUGE_MERGES(X) X(LATEST, "latest") X(SUM, "sum") X(MIN, "min") X(MAX, "max") X(AVG, "avg")

enum gauge_merge {
#define X(id, name) GAUGE_MERGE_##id,
    GAUGE_MERGES(X)
#undef X
        GAUGE_MERGE_COUNT
};

const char *gauge_merge_name(enum gauge_merge m);

#endif
