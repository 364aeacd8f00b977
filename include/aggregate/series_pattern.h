/**
 * series_pattern: which series are meant, by what is read of them.
 *
 *     GLOB     base/glob.h, of the whole name; with a `|` in it, of the whole key
 *     REGEX    RE2's syntax within PCRE2's limits (src/aggregate/mapping_regex.h), found in
 *              any part of the name or the key
 *
 * A key is `name|#k:v,k2:v2`, tags sorted; `name` alone without tags.
 *
 *   thread   one at a time
 *   cost     a glob: its beginning first, then at most pattern times text; a regex: 0.2 to 1 us, at
 *            its limits 1 ms
 */
#ifndef AGGREGATE_SERIES_PATTERN_H
#define AGGREGATE_SERIES_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum { SERIES_PATTERN_MAX = 500 }; /* bytes */

struct series_pattern;

/* returns  NULL: it is empty, too long or no regex; what is wrong was appended to why */
struct series_pattern *series_pattern_new(struct slice text, bool regex, struct buf *why);
void series_pattern_free(struct series_pattern *p); /* NULL is fine */

/* Is the key needed when the name does not match? */
bool series_pattern_wants_key(const struct series_pattern *p);

/* The name is or begins with bytes that no match does not; a cheap first look. */
bool series_pattern_may(const struct series_pattern *p, struct slice name);

/* text: the name, or (series_pattern_wants_key) the key */
bool series_pattern_matches(struct series_pattern *p, struct slice text);

bool series_pattern_is_regex(const struct series_pattern *p);

/* As how many looks at a short name one at a text of that length counts: 1 or more. */
size_t series_pattern_counts(const struct series_pattern *p, size_t len);

/* Regex searches that a limit ended, so far. */
uint64_t series_pattern_limit_hits(const struct series_pattern *p);

#endif
