/**
 * spelling: name, labels and help of a series on /metrics.  Private to aggregate/.
 *
 *     name     the rule's template filled in, or the name as sent; escaped (naming.h), and with
 *              registry_opts.suffixes the suffix of its type
 *     labels   the tags and the rule's labels (labels.h)
 *     help     the rule's
 *
 *   thread   control
 *   cost     a look-up in the mapping, a few copies
 */
#ifndef AGGREGATE_SPELLING_H
#define AGGREGATE_SPELLING_H

#include <stdbool.h>

#include "aggregate/family.h"
#include "aggregate/mapping.h"
#include "aggregate/tuple.h"
#include "base/buf.h"
#include "base/slice.h"

struct spelling {
    const struct symbols *symbols; /* borrowed */
    const struct mapping *mapping; /* NULL: there are no rules */
    struct mapping_scratch *scratch;
    bool suffixes;
    const struct tuple *tuple;  /* the one at hand */
    bool dropped;               /* the mapping drops it */
    uint8_t profile;            /* its number */
    struct mapping_match match; /* its rule, or NULL */
    struct buf raw, name;       /* of it: as the rule or the sender has it, and as shown */
    struct buf labels;          /* of it, as shown */
    struct slice distinct;      /* what tells two of a family apart: labels, or in shorter */
    struct buf shorter;
};

void spelling_init(struct spelling *s, const struct symbols *symbols, const struct mapping *mapping,
                   bool suffixes);
void spelling_release(struct spelling *s);

/* Another mapping is in force. */
void spelling_remap(struct spelling *s, const struct mapping *mapping);

/**
 * spelling_name(s, t):
 *   returns  the name; it, spelling_help, s->dropped and s->profile are valid until the next call
 * What the mapping drops is spelled as if there were no rule.
 */
struct slice spelling_name(struct spelling *s, const struct tuple *t);

const char *spelling_help(const struct spelling *s); /* NULL: the rule has none */

/**
 * spelling_labels(s, type):
 * Labels of the one named last, in a family of that type: in s->labels as they are shown, in
 * s->distinct without those that are empty, which Prometheus takes for absent.
 *   returns  true: they are what labels_join gives
 */
bool spelling_labels(struct spelling *s, enum family_type type);

#endif
