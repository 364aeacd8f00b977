/**
 * event: DogStatsD events and service checks (PROTOCOL 8, 9).
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

struct event {
    struct slice title, text;                            /* with `\n` unescaped */
    struct slice hostname, aggregation_key, source_type; /* ptr NULL when absent */
    const char *priority;                                /* "normal" or "low" */
    const char *alert_type;                              /* "error" "warning" "info" "success" */
    bool has_timestamp;
    int64_t timestamp;
    struct slice tags[EVENT_TAGS_MAX]; /* raw; no empty ones, none over the limit */
    uint32_t n_tags;
};

struct service_check {
    struct slice name, hostname, message; /* ptr NULL when absent (name never) */
    uint8_t status;                       /* 0 ok, 1 warning, 2 critical, 3 unknown */
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
