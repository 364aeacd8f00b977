/**
 * explain_rule: which rule of the mapping file a sample falls under, as JSON.
 *   thread   one
 */
#ifndef EXPLAIN_RULE_H
#define EXPLAIN_RULE_H

#include <jansson.h>

#include "aggregate/mapping_near.h"
#include "core/core_mapping.h"
#include "protocol/sample.h"

/*
 * Near misses cost a look at every rule for each name, and a regex of the mapping file is compiled
 * once more first, which counts as EXPLAIN_LOOKS_A_REGEX looks.
 */
enum { EXPLAIN_LOOKS_A_REGEX = 100 };

struct explain_rules {
    const char *file; /* borrowed */
    const struct core_mapping *mapping;
    struct mapping_scratch *scratch;
    struct mapping_near *near; /* NULL: there are too many rules for the looks that it may take */
    size_t looks;              /* that are left */
    json_t *misses;            /* of the names so far: a near miss, or null */
    uint64_t left_out;         /* samples without a near miss because no looks were left */
};

/* mapping and c are borrowed; mapping has rules.  looks: how many near misses may take in all. */
void explain_rules_init(struct explain_rules *r, const struct config *c,
                        const struct core_mapping *mapping, size_t looks);
void explain_rules_release(struct explain_rules *r); /* { 0 } is fine */

/* Get ready for explain_rule, a regex a call.  returns  true: there is more to do */
bool explain_rules_prepare(struct explain_rules *r);

/**
 * explain_rule(r, s, ret_profile):
 *   r        prepared
 *   returns  {"file", "line", "match", "action": "map" | "drop", "near_miss"?}, with
 *            "dropped": "rule" | "empty_name" where the sample is; of a sample that no rule matches
 *            {"file", "near_miss"?}.  near_miss: {"line", "match", "why"}
 *   cost     that of a search; of a name that is new also a look at each rule
 */
json_t *explain_rule(struct explain_rules *r, const struct sample *s,
                     const struct profile **ret_profile);

#endif
