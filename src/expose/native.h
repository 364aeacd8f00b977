/**
 * native: a sketch as the fields of a native histogram.  Private to expose/.
 *
 * The fields take whole numbers, and the count of a sampled value (`|@0.3`) need not be one: each
 * bucket is rounded down.  So a bucket lacks less than one sample, since ever and not in each
 * scrape, and no number falls from one scrape to the next: neither when a bucket grows, nor when
 * the schema goes down and two buckets meet.  (Prometheus would take a fall for a restart.)
 *
 *   thread   control
 */
#ifndef EXPOSE_NATIVE_H
#define EXPOSE_NATIVE_H

#include <stdint.h>

#include "aggregate/sketch.h"
#include "base/buf.h"

struct native {
    struct buf fields; /* of io.prometheus.client.Histogram: schema, zero bucket, spans, deltas */
    struct buf deltas; /* scratch */
};

/**
 * native_encode(n, k, zero_threshold):
 * Put k into n->fields, in place of what was there.
 *   k        both of its signs of one schema
 *   returns  how many samples are in the fields: the sample_count that belongs to them
 *   cost     some ns for each bucket in use
 */
uint64_t native_encode(struct native *n, const struct sketch *k, double zero_threshold);

void native_release(struct native *n);

#endif
