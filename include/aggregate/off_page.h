/**
 * off_page: what is kept off /metrics, and why.  The sinks get it all the same, but for what is
 * past the limit.
 *
 *   reserved   the name, or the name of a line that the family would make, is one that Prometheus
 *              makes for every target (`up`, `scrape_*`, `ALERTS`, `ALERTS_FOR_STATE`) or the name
 *              of one of this server's own metrics
 *   conflict   the name has another type, or is one of the `_sum`, `_count`, `_bucket` of another
 *              family
 *   limit      there are limits.max_series series already; such a sample never reaches the registry
 *
 * The registry counts the samples in statsd_reserved_names_total and statsd_type_conflicts_total.
 * It keeps a note of each name and of the name that kept it off, at most OFF_PAGE_MAX notes:
 * further names are only counted.  When there is no room, notes of names without a sample for an
 * hour are dropped.
 *   thread   control
 */
#ifndef AGGREGATE_OFF_PAGE_H
#define AGGREGATE_OFF_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/family.h"
#include "aggregate/snapshot.h"
#include "base/slice.h"

/* X(id, word): the words are those of the log. */
#define OFF_PAGE_REASONS(X) X(RESERVED, "reserved") X(CONFLICT, "conflict") X(LIMIT, "limit")

enum off_page {
#define X(id, word) OFF_PAGE_##id,
    OFF_PAGE_REASONS(X)
#undef X
        OFF_PAGE_REASON_COUNT
};

const char *off_page_word(enum off_page why);

enum { OFF_PAGE_MAX = 1000, OFF_PAGE_TEXT_MAX = 200 };

struct off_page_note {
    struct slice metric; /* as /metrics would spell it, suffixes included; cut after
                                    OFF_PAGE_TEXT_MAX bytes */
    struct slice sent;   /* the name as it came in the first such sample, valid UTF-8;
                                    cut likewise */
    struct slice other;  /* what kept it off: a family's name, or a reserved name; cut
                                    likewise */
    enum off_page why;
    enum series_kind kind;       /* as it came */
    enum family_type type;       /* as /metrics would type it */
    enum family_type other_type; /* FAMILY_RESERVED: the other is a reserved name */
    bool taken_over;             /* it was on /metrics until the other took the name over */
    uint64_t samples;            /* left out so far */
    uint32_t last_s;             /* monotonic seconds of the last one, or of the takeover */
};

#endif
