/**
 * core_opts: what the config means for the parser, the aggregation and the text.
 *
 * One place, so that `statsd explain` is the server itself and not something like it.
 *   thread   any; the results borrow the config's arrays
 */
#ifndef APP_CORE_OPTS_H
#define APP_CORE_OPTS_H

#include "aggregate/ingest.h"
#include "aggregate/profile.h"
#include "aggregate/registry.h"
#include "config/config.h"
#include "protocol/parse.h"

struct parse_opts core_parse_opts(const struct config *c);
struct tags_opts core_tags_opts(const struct config *c);

/* The profile of all series that no mapping rule matches. */
struct profile core_profile(const struct config *c);

struct ingest_opts core_ingest_opts(const struct config *c, const struct profiles *profiles,
                                    struct series_limit *limit);
struct registry_opts core_registry_opts(const struct config *c, const struct profiles *profiles,
                                        struct series_limit *limit);

#endif
