/**
 * prometheus_counters: the server's own numbers as Prometheus text.
 *   thread   control
 */
#ifndef SINKS_PROMETHEUS_COUNTERS_H
#define SINKS_PROMETHEUS_COUNTERS_H

#include "base/buf.h"
#include "base/counters.h"

/**
 * prometheus_counters(sources, n, out):
 * Append every row of every source: HELP and TYPE, then its lines.  A row without lines keeps its
 * head; a source that is turned off has nothing.  What would end a label's value is escaped.
 */
void prometheus_counters(const struct counter_source *sources, size_t n, struct buf *out);

#endif
