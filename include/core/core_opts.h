/**
 * core_opts: a config's options as the options of a worker's lane, of the registry and of /metrics.
 *
 * The server and `statsd explain` both take them from here, so that explain shows what the server
 * would do.
 *   thread   any.  The results borrow from the config and the mapping
 */
#ifndef CORE_CORE_OPTS_H
#define CORE_CORE_OPTS_H

#include "aggregate/lane.h"
#include "aggregate/registry.h"
#include "aggregate/limit.h"
#include "config/config.h"
#include "mirror/opts.h"

struct core_mapping;

struct tags_opts core_tags_opts(const struct config *c);

struct lane_opts core_lane_opts(const struct config *c, const struct core_mapping *m,
                                struct series_limit *limit);
struct registry_opts core_registry_opts(const struct config *c, const struct core_mapping *m,
                                        struct series_limit *limit);

struct limit_opts core_limit_opts(const struct config *c);

/* c: whose mirror it is; in_force: how lines are understood, which a reload does not change. */
struct mirror_opts core_mirror_opts(const struct config *c, const struct config *in_force);

#endif
