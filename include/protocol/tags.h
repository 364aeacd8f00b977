/**
 * tags: the raw tags of a sample, split, checked and sorted.
 *
 * Called for a spelling seen for the first time, and by explain.
 */
#ifndef PROTOCOL_TAGS_H
#define PROTOCOL_TAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "protocol/reason.h"
#include "protocol/sample.h"

enum {
    TAGS_MAX = 1024,     /* the most that limits.max_tags may ask for */
    TAGS_ADDED_MAX = 32, /* of aggregate.global_tags */
    TAGS_ROOM = TAGS_MAX + TAGS_ADDED_MAX
};

struct tag {
    struct slice key, value;
    uint16_t order; /* in the line, behind those that are added: of two keys that escape to one
                       name the later one wins */
};

struct tags {
    struct tag at[TAGS_ROOM]; /* sorted by the bytes of key, keys unique */
    uint32_t n;
    uint32_t errors; /* elements dropped: no key, no value, malformed.  The sample is kept */
};

struct tags_opts {
    uint32_t max_tags, max_tag_len; /* 1..TAGS_MAX; bytes of key and value with the ':' */
    bool keep_internal;             /* keep keys that start with dd.internal. */
    const struct tag *added;        /* to every sample that has no tag of that key: sorted by key,
                                       keys unique; of order 0, 1, ...  Borrowed */
    uint32_t n_added;               /* up to TAGS_ADDED_MAX; no limit above counts them */
};

#define TAGS_OPTS_DEFAULT ((struct tags_opts){ .max_tags = 128, .max_tag_len = 1024 })

/**
 * tags_parse(opts, s, ret):
 * The tags of s: its raw tags by its style, `container_id` where s carries an origin, and the added
 * ones.
 *   returns  REASON_NONE, REASON_TOO_MANY_TAGS or REASON_TAG_TOO_LONG; slices of ret point where
 *            those of s point
 *   cost     O(n log n), about 1 us for 5 tags; no allocation
 */
enum reason tags_parse(const struct tags_opts *opts, const struct sample *s, struct tags *ret);

#endif
