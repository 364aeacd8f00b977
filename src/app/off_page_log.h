/**
 * off_page_log: the log lines of what is kept off /metrics.  Private to app/.
 *
 *   msg=off_page reason=conflict metric=jobs type=gauge sent=jobs other=jobs other_type=counter remedy=...
 *   msg=off_page reason=reserved metric=up type=gauge sent=up remedy=...
 *   msg=off_page reason=conflict not_shown=17                       those past OFF_PAGE_LOG_LINES of the minute before
 *
 * A name comes once, however many samples and tags it has (off_page.h).
 *   thread   control
 */
#ifndef APP_OFF_PAGE_LOG_H
#define APP_OFF_PAGE_LOG_H

#include "aggregate/off_page.h"

enum { OFF_PAGE_LOG_LINES = 10 };   /* of each reason, in a minute */

struct off_page_log {
    struct {
        uint64_t ends_ms;           /* of the minute that is counted; monotonic */
        uint64_t lines, not_shown;
    } of[OFF_PAGE_REASON_COUNT];
};

/* registry_opts.on_off_page; log is a struct off_page_log. */
void off_page_log_note(void *log, const struct off_page_note *n);

/* Say how many were not shown in a minute that is over.  now_ms UINT64_MAX: the server stops, every minute is. */
void off_page_log_tick(struct off_page_log *log, uint64_t now_ms);

#endif
