/**
 * off_page_log: log lines about metrics that are kept off /metrics.
 *
 *   msg=off_page reason=reserved metric=up type=gauge sent=up remedy=...
 *   msg=off_page reason=conflict metric=a_b type=gauge sent=a.b other=a-b other_type=counter ...
 *   msg=off_page reason=conflict not_shown=17
 *
 * A name is noted once, however many samples and tags it has (off_page.h).  Of each reason at most
 * OFF_PAGE_LOG_LINES are logged in a minute, which begins with the first; not_shown is the number
 * of the others, when the minute is over.
 *   thread   control
 */
#ifndef AGGREGATE_OFF_PAGE_LOG_H
#define AGGREGATE_OFF_PAGE_LOG_H

#include "aggregate/off_page.h"

enum { OFF_PAGE_LOG_LINES = 10 };

struct off_page_log {
    struct {
        uint64_t ends_ms;          /* when the minute ends; monotonic */
        uint64_t lines, not_shown; /* names noted in it; those of them that were not logged */
    } of[OFF_PAGE_REASON_COUNT];
};

/* For registry_opts.on_off_page; cookie: a struct off_page_log. */
void off_page_log_note(void *cookie, const struct off_page_note *n);

/* Log how many were not shown in each minute that is over.  now_ms UINT64_MAX: all are over. */
void off_page_log_tick(struct off_page_log *log, uint64_t now_ms);

#endif
