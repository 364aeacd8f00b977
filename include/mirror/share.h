/**
 * share: which series a mirror takes.
 *
 * A series is taken when the hash of what it is lies below share * 2^64.  The hash is XXH3-64 with
 * seed 0 of the series' own text, `name` or `name|#key:value,key:value` with the tags sorted by
 * key; neither its type nor how a line spells it is in there, nor the process.  So:
 *
 *   - every server, before and after a restart, takes the same series
 *   - a smaller share is part of a larger one
 *   - counters, timers ... of one name and tags go together
 *
 * docs/mirror.md has hashes to test another implementation with.
 *
 *   thread   any; no allocation
 */
#ifndef MIRROR_SHARE_H
#define MIRROR_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "protocol/sample.h"
#include "protocol/tags.h"

struct mirror_share {
    double share;   /* 0..1 */
    uint64_t below; /* share * 2^64, for 0 <= share < 1 */
    bool all;       /* share is 1 */
};

/* text: a number of 0..1, or of 0..100 with a %.  returns  what is wrong; NULL: nothing */
const char *mirror_share_parse(struct slice text, struct mirror_share *ret);

static inline bool mirror_share_has(const struct mirror_share *s, uint64_t hash)
{
    return s->all || hash < s->below;
}

/**
 * mirror_hash_text(text):  mirror_hash_series(s, room):
 * The hash of a text, such as an event's title; and of a sample's series.
 *   room     scratch; the tags of s afterwards
 *   cost     about 1 us for 5 tags
 */
uint64_t mirror_hash_text(struct slice text);
uint64_t mirror_hash_series(const struct sample *s, struct tags *room);

#endif
