/**
 * prometheus: the registry as Prometheus text, format 0.0.4 (SINKS 1.1).
 *
 *   thread   control
 *   cost     some 100 to 200 ns a line
 */
#ifndef SINKS_PROMETHEUS_H
#define SINKS_PROMETHEUS_H

#include <stddef.h>
#include <stdint.h>

#include "aggregate/registry.h"
#include "base/buf.h"

#define PROMETHEUS_TEXT "text/plain; version=0.0.4; charset=utf-8"

struct prometheus_opts {
    const double *quantiles;    /* as in registry_opts */
    uint32_t n_quantiles;
    const double *buckets;
    uint32_t n_buckets;
};

struct prometheus;

/* opts is copied into prepared label texts; nothing is borrowed. */
struct prometheus *prometheus_new(const struct prometheus_opts *opts);
void prometheus_free(struct prometheus *p);

/* Append every family: sorted by name, HELP and TYPE before its lines, each line unique. */
void prometheus_render(struct prometheus *p, struct registry *r, uint64_t now_ns, struct buf *out);

/* The lines of one family without HELP and TYPE, as `statsd explain` shows them. */
void prometheus_render_lines(struct prometheus *p, struct registry *r, uint64_t now_ns, struct buf *out);

/* For metrics that are not in a registry: `# HELP name help` and `# TYPE name word`. */
void prometheus_put_head(struct buf *out, const char *name, const char *help, const char *word);

#endif
