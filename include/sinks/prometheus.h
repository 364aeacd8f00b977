/**
 * prometheus: the registry as Prometheus text, format 0.0.4 (SINKS 1.1).
 *
 *   thread   control
 *   cost     some 100 to 200 ns a line
 */
#ifndef SINKS_PROMETHEUS_H
#define SINKS_PROMETHEUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/registry.h"
#include "aggregate/registry_walk.h"
#include "base/buf.h"

#define PROMETHEUS_TEXT "text/plain; version=0.0.4; charset=utf-8"

struct prometheus;

/* It keeps the label texts of each profile that it meets: the profiles stay as long as it. */
struct prometheus *prometheus_new(void);
void prometheus_free(struct prometheus *p);

/* Append every family: sorted by name, HELP and TYPE before its lines, each line unique. */
void prometheus_render(struct prometheus *p, struct registry *r, uint64_t now_ns, struct buf *out);

/**
 * prometheus_render_some(p, w, now_ns, enough, out):
 * The same in pieces, along the walk w, which was just begun or left here before: append series
 * until out holds `enough` bytes. All lines of one series are of one moment and of one piece.
 *   returns  false: that was the last
 */
bool prometheus_render_some(struct prometheus *p, struct registry_walk *w, uint64_t now_ns,
                            size_t enough, struct buf *out);

/* The lines of all families without HELP and TYPE, as `statsd explain` shows them. */
void prometheus_render_lines(struct prometheus *p, struct registry *r, uint64_t now_ns,
                             struct buf *out);

/* What a series takes at most as text, with names and tags of AGGREGATE_TEXT_BYTES. */
uint64_t prometheus_series_bytes(const struct profile *p);

/* For metrics that are not in a registry: `# HELP name help` and `# TYPE name word`. */
void prometheus_put_head(struct buf *out, const char *name, const char *help, const char *word);

#endif
