#include "app/core_opts.h"

#include <assert.h>

#include "app/counter_tables.h"
#include "app/sink_table.h"

static bool histograms(const struct config *c)
{
    return c->prometheus_observer_type == OBSERVER_HISTOGRAM;
}

/* Rounded up: what may live for 500 ms must not be 0 s, which means at once or never. */
static uint64_t seconds_up(uint64_t ms)
{
    return (ms + 999) / 1000;
}

static struct parse_opts parse_opts(const struct config *c)
{
    return (struct parse_opts){ .name_tags = c->protocol_name_tags,
                                .origin_tags = c->protocol_origin_tags,
                                .max_line = c->limits_max_line,
                                .max_name = c->limits_max_name };
}

struct tags_opts core_tags_opts(const struct config *c)
{
    return (struct tags_opts){ .max_tags = c->limits_max_tags,
                               .max_tag_len = c->limits_max_tag_len,
                               .keep_internal = c->protocol_keep_internal_tags };
}

struct lane_opts core_lane_opts(const struct config *c, const struct profiles *profiles,
                                struct series_limit *limit, bool several_sources)
{
    return (struct lane_opts){ .parse = parse_opts(c),
                               .ingest = { .tags = core_tags_opts(c),
                                           .profiles = profiles,
                                           .limit = limit,
                                           .several_sources = several_sources } };
}

/* A set's window in whole intervals, and how many of these make a step of it. */
static void set_window(const struct config *c, struct profile *p)
{
    uint64_t interval_ms = c->server_interval_ms;
    uint64_t intervals = (c->aggregate_set_window_ms + interval_ms - 1) / interval_ms;
    uint64_t step = (intervals + PROFILE_SET_STEPS_MAX - 1) / PROFILE_SET_STEPS_MAX;
    p->set_step_intervals = step > 0 ? (uint32_t)step : 1;
    p->set_steps = (uint32_t)((intervals + p->set_step_intervals - 1) / p->set_step_intervals);
    assert(p->set_steps <= PROFILE_SET_STEPS_MAX);
}

/*
 * Samples are merged when a page is turned, at the end of an interval at the latest.  So even a
 * name that is sent all the time is silent for an interval as the registry sees it: a type_idle of
 * less than two would give the name away.
 */
static uint64_t type_idle_s(const struct config *c)
{
    uint64_t idle_ms = c->prometheus_type_idle_ms, least_ms = 2 * c->server_interval_ms;
    return seconds_up(idle_ms == 0 || idle_ms > least_ms ? idle_ms : least_ms);
}

struct profile core_profile(const struct config *c)
{
    struct profile p = { .histogram = histograms(c),
                         .sketch_schema = (int)c->aggregate_sketch_schema,
                         .buckets = c->prometheus_buckets.at,
                         .n_buckets = (uint32_t)c->prometheus_buckets.n,
                         .quantiles = c->aggregate_quantiles.at,
                         .n_quantiles = (uint32_t)c->aggregate_quantiles.n,
                         .summary_max_age_ms = (uint32_t)c->aggregate_summary_max_age_ms,
                         .summary_age_buckets = c->aggregate_summary_age_buckets,
                         .ttl_s = seconds_up(c->aggregate_ttl_ms),
                         .scale = 1,
                         .native_zero_threshold = -1 };
    set_window(c, &p);
    return p;
}

struct registry_opts core_registry_opts(const struct config *c, const struct profiles *profiles,
                                        struct series_limit *limit)
{
    struct registry_opts o = { .suffixes = c->prometheus_suffixes,
                               .profiles = profiles,
                               .type_idle_s = type_idle_s(c),
                               .keep_intervals = sink_table_any(c),
                               .limit = limit };
    o.reserved = counter_names(&o.n_reserved);
    return o;
}
