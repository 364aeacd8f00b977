/**
 * entries: what /api/v1/events and /api/v1/checks have in common: which entries of the event log
 * are shown, and how many at a time.
 *   thread   control
 */
#ifndef API_ENTRIES_H
#define API_ENTRIES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "api/args.h"
#include "api/times.h"

enum { API_TAGS_MAX = 16, API_LIMIT = 100, API_LIMIT_MAX = 1000 };

/* Slices are of the request's arguments; one whose ptr is NULL asks for nothing. */
struct api_filter {
    struct api_tags {
        struct slice at[API_TAGS_MAX]; /* "k:v" or "k": that tag; "k:*": one that begins with k: */
        size_t n;
    } tags;                     /* all of them */
    int64_t since_ms, until_ms; /* received at since or later, and before until */
    uint64_t before;            /* whose seq is smaller */
    uint64_t limit;
    struct slice alert_type, priority; /* of events */
    struct slice name;                 /* of checks */
    int status;                        /* of checks; -1: any */
};

#define API_FILTER_DEFAULTS                                                                        \
    (struct api_filter)                                                                            \
    {                                                                                              \
        .since_ms = INT64_MIN, .until_ms = INT64_MAX, .before = UINT64_MAX, .limit = API_LIMIT,    \
        .status = -1                                                                               \
    }

/* For api_arg.read, of a struct api_tags, an int64_t, an uint64_t ... */
bool api_read_tag(struct slice value, const struct api_ask *ask, void *tags);
bool api_read_time(struct slice value, const struct api_ask *ask, void *ms);
bool api_read_limit(struct slice value, const struct api_ask *ask, void *limit);
bool api_read_seq(struct slice value, const struct api_ask *ask, void *seq);

/* The rows of a struct api_filter that both paths take. */
/* clang-format off */
#define API_FILTER_ARGS                                                                           \
    { "tag", "a tag as it was sent (env:prod), or all of a key (env:*); 16 of them at most",      \
      api_read_tag, offsetof(struct api_filter, tags), true },                                    \
    { "since", API_TIME_WANTS, api_read_time, offsetof(struct api_filter, since_ms), false },     \
    { "until", API_TIME_WANTS, api_read_time, offsetof(struct api_filter, until_ms), false },     \
    { "limit", "a whole number from 1 to 1000",                                                   \
      api_read_limit, offsetof(struct api_filter, limit), false },                                \
    { "before", "the `next` of the answer before, a whole number from 1 on",                      \
      api_read_seq, offsetof(struct api_filter, before), false }
/* clang-format on */

struct api_listing {
    const char *key; /* of the answer's array */
    enum event_kind kind;
    void (*show)(const struct event_entry *e, json_t *entry); /* set the members of its kind */
};

/**
 * api_entries_answer(ask, listing, f, out):
 * Append {"KEY": [entries, newest first], "total": all that are kept, "next": for `before`, when
 * there are more}.
 *   cost   looks at each entry that is kept, and its tags, once
 */
enum api_status api_entries_answer(const struct api_ask *ask, const struct api_listing *listing,
                                   const struct api_filter *f, struct buf *out);

#endif
