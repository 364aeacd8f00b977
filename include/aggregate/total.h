/**
 * total: a series as it was added up elsewhere, for registry_totals.h.
 *   thread   any (a plain value)
 */
#ifndef AGGREGATE_TOTAL_H
#define AGGREGATE_TOTAL_H

#include <stdint.h>

#include "base/slice.h"

struct sketch;

/* All is valid for the call only. */
struct total {
    struct slice key;      /* `name|#k:v,k2:v2`, as closed_series.key */
    uint8_t type;          /* enum sample_type */
    struct slice instance; /* shown as label `instance`, unless it has a tag of that name; len 0:
                              none */
    uint64_t idle_s;       /* since when nothing came, in seconds */
    double value;          /* counter: the sum; gauge; set: how many members.  Finite */
    int64_t stamp_ms;      /* gauge: of several on one line, the latest is shown */
    const struct sketch *timer;  /* since ever, as sent */
    const struct sketch *recent; /* of summaries: what came in the window; NULL: nothing did */
};

#endif
