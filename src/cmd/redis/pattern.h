/**
 * redis_pattern: which series a person asks for: NAME[|#TAG,..].
 *
 * In NAME and in each TAG `*` is any number of bytes, `?` one.  A series is meant when its name
 * matches and each TAG matches one of its tags, in any order; it may have more.  `NAME|#` means the
 * series without tags.
 *   thread   any
 */
#ifndef CMD_REDIS_PATTERN_H
#define CMD_REDIS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

struct pattern {
    struct slice name, tags; /* of the text it was made of */
    bool has_tags;           /* there is a |# */
};

/* text stays.   returns  false: it has no name */
bool pattern_parse(const char *text, struct pattern *ret);

bool pattern_is_exact(const struct pattern *p); /* the name has neither * nor ? */
bool pattern_matches(const struct pattern *p, struct slice series);

/* Appends the same for Redis, for fields of every kind, with a NUL: it lets through what matches,
 * and perhaps more. */
void pattern_for_redis(const struct pattern *p, struct buf *out);

#endif
