/**
 * naming: a StatsD name or tag key as Prometheus spells it.  Private to aggregate/.
 *
 * Each code point outside [A-Za-z0-9_] becomes one '_', but a '-' directly after another '-' gives
 * nothing; a leading digit gets a '_' in front.
 */
#ifndef AGGREGATE_NAMING_H
#define AGGREGATE_NAMING_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* Append the escaped form.  returns  true when it is the same as raw */
bool naming_escape(struct slice raw, struct buf *out);

/*
 * Append a label value between its quotes: `\`, `"` and LF are escaped.  returns  true when nothing
 * was
 */
bool naming_escape_value(struct slice raw, struct buf *out);

/* Is it, as exposed, a name that Prometheus itself makes: of every target, or of its alerts? */
bool naming_prometheus_makes(struct slice exposed);

#endif
