/**
 * labels: an identity's tags and its rule's labels as the labels of a line of /metrics.  Private to
 * aggregate/.
 *
 * Most have no rule and need no escaping, and then the text is the tags between quotes, in the
 * identity's order.
 */
#ifndef AGGREGATE_LABELS_H
#define AGGREGATE_LABELS_H

#include <stdbool.h>

#include "aggregate/family.h"
#include "aggregate/identity.h"
#include "aggregate/mapping.h"
#include "base/buf.h"

/**
 * labels_spell(id, match, type, out):
 * Append `k="v",k2="v2"`: the tags, escaped, and renamed where a label would clash with one that a
 * family of that type makes; over them, or with honor_labels under them, the rule's labels; sorted.
 *   match    NULL: no rule
 *   returns  true when that is what labels_plain gives, too
 *   cost     an allocation
 */
bool labels_spell(const struct identity *id, const struct mapping_match *match,
                  enum family_type type, struct buf *out);

/* Take out of what labels_spell made the labels that are empty: they are as good as absent. */
void labels_drop_empty(struct buf *labels);

/* Append the tags between quotes, as they are. */
void labels_plain(const struct identity *id, struct buf *out);

#endif
