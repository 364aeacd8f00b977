/**
 * core_mapping: a config and its mapping file as what workers and registry share: a set of profiles
 * and the rules that choose from it.
 *
 * The server, `statsd explain` and `statsd check` all take it from here.
 *   thread   any; once loaded it does not change
 */
#ifndef CORE_CORE_MAPPING_H
#define CORE_CORE_MAPPING_H

#include "aggregate/mapping.h"
#include "aggregate/profile.h"
#include "base/buf.h"
#include "config/config.h"

struct core_mapping {
    struct profiles *profiles; /* profile 0: of what no rule matches */
    unsigned n_profiles;
    struct mapping *mapping; /* NULL: prometheus.mapping is empty */
};

/**
 * core_mapping_load(c, ret, ret_errors):
 * Read prometheus.mapping.
 *   ret      to be released
 *   returns  0; -EINVAL with ret untouched and a line (with LF) in ret_errors for each mistake
 */
int core_mapping_load(const struct config *c, struct core_mapping *ret, struct buf *ret_errors);

/* The same with the text of a mapping file in memory; path stands for it in messages.  For tests,
 * fuzzing. */
int core_mapping_load_text(const struct config *c, const char *path, struct slice text,
                           struct core_mapping *ret, struct buf *ret_errors);

void core_mapping_release(struct core_mapping *m); /* { 0 } is fine */

/**
 * core_mapping_lint(c, out):
 * Read prometheus.mapping once more, and append what mapping_lint (config/mapping_lint.h) says of
 * it; nothing where it has mistakes.
 *   returns  how many warnings there are
 */
size_t core_mapping_lint(const struct config *c, struct buf *out);

size_t core_mapping_rules(const struct core_mapping *m);

/* What the config alone says of all series.  Borrows arrays of c. */
struct profile core_profile(const struct config *c);

/* Rounded up: what may live for 500 ms must not be 0 s, which means at once or never. */
static inline uint64_t core_seconds_up(uint64_t ms)
{
    return (ms + 999) / 1000;
}

#endif
