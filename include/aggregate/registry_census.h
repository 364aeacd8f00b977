/**
 * registry_census: which names have the most series, and which tag keys the most values, counted in
 * slices.
 *
 *     registry_census_begin(&c, r)
 *     while (registry_census_some(&c, 1000)) ...        the registry may go on in between
 *
 * Names and tags are kept once each, with how many series use them: so each of those is looked at,
 * and no series but for a few, to name a metric that has the tag.  Series that have expired and
 * that a worker still knows are counted.  Of more than CENSUS_KEYS tag keys the counts are
 * estimates.
 *
 *   thread   control
 *   cost     10 to 50 ns a name or tag
 */
#ifndef AGGREGATE_REGISTRY_CENSUS_H
#define AGGREGATE_REGISTRY_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct registry;

enum { CENSUS_MOST = 100, CENSUS_TEXT_MAX = 255 };

struct census_row {
    uint64_t n; /* series of the name, or values of the key */
    uint16_t len, metric_len;
    char text[CENSUS_TEXT_MAX];   /* the name or the key, cut */
    char metric[CENSUS_TEXT_MAX]; /* of a key: a name that has it; none where none was met */
};

struct registry_census {
    struct registry *registry;
    uint32_t at;        /* number of the next symbol */
    size_t series_left; /* to look at for names that have the keys */
    struct heavy *keys; /* NULL: they are in `tags` */
    struct census_row names[CENSUS_MOST], tags[CENSUS_MOST]; /* the largest first */
    size_t n_names, n_tags;
};

void registry_census_begin(struct registry_census *c, struct registry *r);

/* So many symbols.   returns  false: all is counted, and put in order */
bool registry_census_some(struct registry_census *c, size_t most);

/* Also of one that is not done. */
void registry_census_end(struct registry_census *c);

#endif
