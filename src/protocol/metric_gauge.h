/**
 * metric_gauge: relative and absolute values of a gauge, for metric.c.
 */
#ifndef PROTOCOL_METRIC_GAUGE_H
#define PROTOCOL_METRIC_GAUGE_H

#include "protocol/metric_fields.h"
#include "protocol/parser.h"

/*
 * Mark the gauge just pushed, the last sample of b, as relative or absolute.  Packed values each
 * have a sign: `4:+3:-2` sets 4, adds 3, subtracts 2.  Where an absolute value follows a relative
 * one or the reverse, another sample begins, equal but for its values.
 *   r   what the sample was read from
 */
void metric_gauge_signs(const struct parser *p, struct batch *b, const struct metric_reading *r);

#endif
