/**
 * explain_rule: which rule of the mapping file a sample falls under, as JSON.
 *   thread   one
 */
#ifndef EXPLAIN_RULE_H
#define EXPLAIN_RULE_H

#include <jansson.h>

#include "core/core_mapping.h"
#include "protocol/sample.h"

struct explain_rules {
    const char *file; /* borrowed */
    const struct core_mapping *mapping;
    struct mapping_scratch *scratch;
};

/* mapping and c are borrowed; mapping has rules. */
void explain_rules_init(struct explain_rules *r, const struct config *c,
                        const struct core_mapping *mapping);
void explain_rules_release(struct explain_rules *r); /* { 0 } is fine */

/**
 * explain_rule(r, s, ret_profile):
 *   returns  {"file", "line", "match", "action": "map" | "drop", "near_miss"?}, with
 *            "dropped": "rule" | "empty_name" where the sample is; of a sample that no rule matches
 *            {"file", "near_miss"?}.  near_miss: {"line", "match", "why"}
 */
json_t *explain_rule(struct explain_rules *r, const struct sample *s,
                     const struct profile **ret_profile);

#endif
