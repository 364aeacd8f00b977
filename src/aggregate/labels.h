/**
 * labels: an identity's tags as the labels of a line of /metrics.  Private to aggregate/.
 *
 * Most need no escaping, and then the text is the tags between quotes, in the identity's order.
 */
#ifndef AGGREGATE_LABELS_H
#define AGGREGATE_LABELS_H

#include <stdbool.h>

#include "aggregate/family.h"
#include "aggregate/identity.h"
#include "base/buf.h"

/**
 * labels_spell(id, type, out):
 * Append `k="v",k2="v2"`: escaped, renamed where a label would clash with one that a family of that
 * type makes, sorted.
 *   returns  true when that is what labels_plain gives, too
 *   cost     an allocation
 */
bool labels_spell(const struct identity *id, enum family_type type, struct buf *out);

/* Append the tags between quotes, as they are. */
void labels_plain(const struct identity *id, struct buf *out);

#endif
