/**
 * labels: a series' tags and its rule's labels as the labels of a line of /metrics.  Private to
 * aggregate/.
 *
 * Most have no rule, and then the text is the labels that the tags' symbols have (symbols.h), one
 * after another.
 */
#ifndef AGGREGATE_LABELS_H
#define AGGREGATE_LABELS_H

#include <stdbool.h>

#include "aggregate/family.h"
#include "aggregate/mapping.h"
#include "aggregate/tuple.h"
#include "base/buf.h"

/**
 * labels_spell(t, ss, match, type, out):
 * Append `k="v",k2="v2"`: the tags, escaped, and renamed where a label would clash with one that a
 * family of that type makes; over them, or with honor_labels under them, the rule's labels; sorted.
 *   match    NULL: no rule
 *   returns  true when that is what labels_join gives, too
 *   cost     nothing but that, or two allocations where it is not so at first glance
 */
bool labels_spell(const struct tuple *t, const struct symbols *ss,
                  const struct mapping_match *match, enum family_type type, struct buf *out);

/* Take out of what labels_spell made the labels that are empty: they are as good as absent. */
void labels_drop_empty(struct buf *labels);

/* Append the tags' labels, one after another. */
void labels_join(const struct tuple *t, const struct symbols *ss, struct buf *out);

#endif
