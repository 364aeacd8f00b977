/**
 * event: DogStatsD events and service checks.
 *
 * Title, text and message are unescaped copies in the caller's room; all other slices point into
 * the line.
 */
#ifndef PROTOCOL_EVENT_H
#define PROTOCOL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "protocol/reason.h"

enum { EVENT_TAGS_MAX = 128 };

/* X(id, word): alert types of events. */
/* clang-format off */
#define EVENT_ALERTS(X)     \
    X(ERROR,   "error")     \
    X(WARNING, "warning")   \
    X(INFO,    "info")      \
    X(SUCCESS, "success")

/* X(id, word): status of service checks, by the digit that is sent. */
#define CHECK_STATUSES(X)   \
    X(OK,       "ok")       \
    X(WARNING,  "warning")  \
    X(CRITICAL, "critical") \
    X(UNKNOWN,  "unknown")

enum event_alert {
#define X(id, word) EVENT_ALERT_##id,
    EVENT_ALERTS(X)
#undef X
    EVENT_ALERT_COUNT
};

enum check_status {
#define X(id, word) CHECK_##id,
    CHECK_STATUSES(X)
#undef X
    CHECK_STATUS_COUNT
};
/* clang-format on */

const char *event_alert_word(enum event_alert a);    /* "error" ... */
const char *check_status_word(enum check_status st); /* "ok" ... */

struct event {
    struct slice title, text;                            /* with `\n` unescaped */
    struct slice hostname, aggregation_key, source_type; /* ptr NULL when absent */
    const char *priority;                                /* "normal" or "low" */
    enum event_alert alert;
    const char *alert_type; /* its word */
    bool has_timestamp;
    int64_t timestamp;
    struct slice tags[EVENT_TAGS_MAX]; /* raw; no empty ones, none over the limit */
    uint32_t n_tags;
};

struct service_check {
    struct slice name, hostname, message; /* ptr NULL when absent (name never) */
    uint8_t status;                       /* enum check_status */
    bool has_timestamp;
    int64_t timestamp;
    struct slice tags[EVENT_TAGS_MAX];
    uint32_t n_tags;
};

/**
 * event_parse(line, room, ret):  service_check_parse(line, room, ret):
 *   line     of an event: without its LF, but not trimmed at the end, since the text, whose length
 *            the line states, may end in blanks; of a check: trimmed.  Control bytes before the
 *            trailing ones are already '_'
 *   room     at least line.len bytes for the unescaped strings; ret points into it and into line
 *   returns  REASON_NONE, or REASON_BAD_EVENT / REASON_BAD_SERVICE_CHECK with ret undefined
 */
enum reason event_parse(struct slice line, char *room, struct event *ret);
enum reason service_check_parse(struct slice line, char *room, struct service_check *ret);

#endif
