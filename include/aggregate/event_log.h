/**
 * event_log: the last DogStatsD events and service checks, in the order in which they came to the
 * control thread.
 *
 *     workers == event_ring ==> event_log_add --+--> the last `keep` of each kind, for who looks
 *                                               +--> on_added, for who forwards each
 *
 *   thread   control
 */
#ifndef AGGREGATE_EVENT_LOG_H
#define AGGREGATE_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum event_kind { EVENT_ENTRY, CHECK_ENTRY, EVENT_KINDS };

/* How many of each kind a server keeps. */
enum { EVENT_LOG_KEEP = 1000 };

/*
 * One event or service check, as it came.  Slices are valid UTF-8, without control
 * characters but for LF in title and text.
 */
struct event_entry {
    enum event_kind kind;
    uint64_t seq;         /* from 1 on, of both kinds together; given by event_log_add */
    uint64_t received_ms; /* wall clock, unix milliseconds */
    bool has_timestamp;
    int64_t timestamp; /* d:, unix seconds */
    /* Of a check: its name and its message, whose ptr is NULL when absent. */
    struct slice title, text;
    struct slice hostname, aggregation_key, source_type; /* ptr NULL when absent */
    const char *priority;   /* "normal" or "low"; static.  Of a check NULL */
    const char *alert_type; /* "error" "warning" "info" "success"; static.  Of a check NULL */
    uint8_t status;         /* of a check: 0 ok, 1 warning, 2 critical, 3 unknown */
    uint32_t n_tags;
    const struct slice *tags; /* raw: "k:v" or "k" */
};

struct event_log;

/* keep: how many entries of each kind stay, at least 1 */
struct event_log *event_log_new(size_t keep);
void event_log_free(struct event_log *l); /* NULL is fine */

/**
 * event_log_add(l, e):
 * A copy of e becomes the newest of its kind, with the next seq; the oldest goes if there are more
 * than keep.
 *   cost   one allocation
 */
void event_log_add(struct event_log *l, const struct event_entry *e);

/* How many there are of a kind now: at most keep. */
size_t event_log_count(const struct event_log *l, enum event_kind k);

/**
 * event_log_at(l, k, i):
 *   i        below event_log_count; 0 is the newest
 *   returns  the log's: valid until the next event_log_add
 */
const struct event_entry *event_log_at(const struct event_log *l, enum event_kind k, size_t i);

/**
 * event_log_tell(l, on_added, cookie):
 * Each entry added from now on is told to on_added, within event_log_add.  One listener: a later
 * call replaces it; NULL: nobody is told.
 *   on_added   must not add to the log; the entry as of event_log_at
 */
void event_log_tell(struct event_log *l,
                    void (*on_added)(void *cookie, const struct event_entry *e), void *cookie);

/* The most bytes that a log takes, with lines of up to max_line bytes.  thread  any */
uint64_t event_log_memory(size_t keep, uint32_t max_line);

#endif
