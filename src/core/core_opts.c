#include "core/core_opts.h"

#include <assert.h>
#include <stdio.h>

#include "core/core_mapping.h"
#include "core/counter_tables.h"
#include "core/sink_table.h"
#include "core/tag_options.h"

/* The container id is a field, and a tag only by origin_tags: there is nothing to cut out. */
static bool origin_tags(const struct config *c)
{
    return c->protocol_origin_tags && !tag_options_cuts(c->tags, SLICE_LIT("container_id"));
}

static struct parse_opts parse_opts(const struct config *c)
{
    return (struct parse_opts){ .name_tags = c->protocol_name_tags,
                                .origin_tags = origin_tags(c),
                                .origins = c->limits_max_series_per_origin > 0,
                                .max_line = c->limits_max_line,
                                .max_name = c->limits_max_name,
                                .cut = c->tags->cut,
                                .n_cut = c->tags->n_cut,
                                .exemplar_tag = c->tags->exemplar };
}

struct tags_opts core_tags_opts(const struct config *c)
{
    return (struct tags_opts){ .max_tags = c->limits_max_tags,
                               .max_tag_len = c->limits_max_tag_len,
                               .keep_internal = c->protocol_keep_internal_tags,
                               .added = c->tags->added,
                               .n_added = c->tags->n_added };
}

struct lane_opts core_lane_opts(const struct config *c, const struct core_mapping *m,
                                struct series_limit *limit)
{
    return (struct lane_opts){ .parse = parse_opts(c),
                               .ingest = { .tags = core_tags_opts(c),
                                           .profiles = m->profiles,
                                           .mapping = m->mapping,
                                           .limit = limit,
                                           .exemplars = c->tags->exemplar.len > 0 } };
}

struct limit_opts core_limit_opts(const struct config *c)
{
    return (struct limit_opts){ .shares = { .per_name = c->limits_max_series_per_name,
                                            .per_origin = c->limits_max_series_per_origin },
                                .v4_bits = (uint8_t)c->limits_origin_prefix_v4,
                                .v6_bits = (uint8_t)c->limits_origin_prefix_v6,
                                .samples_per_name = (uint32_t)c->limits_max_samples_per_name };
}

struct mirror_opts core_mirror_opts(const struct config *c, const struct config *in_force)
{
    struct mirror_opts o = { .by = (enum mirror_by)c->mirror_by, .parse = parse_opts(in_force) };
    const char *wrong = mirror_share_parse(slice_str(c->mirror_share), &o.share);
    assert(wrong == NULL); /* config_rules lets no other in, nor a longer address */
    (void)wrong;
    snprintf(o.to, sizeof o.to, "%s", c->mirror_to);
    return o;
}

/*
 * Samples are merged when a page is turned, at the end of an interval at the latest.  So even a
 * name that is sent all the time is silent for an interval as the registry sees it: a type_idle of
 * less than two would give the name away.
 */
static uint64_t type_idle_s(const struct config *c)
{
    uint64_t idle_ms = c->prometheus_type_idle_ms, least_ms = 2 * c->server_interval_ms;
    return core_seconds_up(idle_ms == 0 || idle_ms > least_ms ? idle_ms : least_ms);
}

struct registry_opts core_registry_opts(const struct config *c, const struct core_mapping *m,
                                        struct series_limit *limit)
{
    struct registry_opts o = { .suffixes = c->prometheus_suffixes,
                               .profiles = m == NULL ? NULL : m->profiles,
                               .mapping = m == NULL ? NULL : m->mapping,
                               .type_idle_s = type_idle_s(c),
                               .births = c->prometheus_created,
                               .keep_intervals = sink_table_any(c),
                               .exemplar_tag = c->prometheus_exemplar_tag,
                               .limit = limit };
    o.reserved = counter_names(&o.n_reserved);
    return o;
}
