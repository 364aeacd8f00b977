/**
 * mapping_rule: one element of `mappings:`, checked and resolved.
 */
#ifndef CONFIG_MAPPING_RULE_H
#define CONFIG_MAPPING_RULE_H

#include "config/mapping_options.h"
#include "config/mapping_reader.h"
#include "config/mapping_values.h"

/* `defaults:`, as far as rules ask for it. */
struct mapping_defaults {
    bool regex;
    enum mapping_observer observer;
    const struct mapping_options *config; /* what applies without a file */
    mapping_regex_fn regex_wrong;         /* NULL: regexes are not looked at */
    struct mapping_options options;       /* complete */
};

/**
 * mapping_rule_read(r, node, number, d, ret):
 *   number   of the rule, from 1
 *   ret      to be released, also after mistakes
 */
void mapping_rule_read(struct mapping_reader *r, const struct document_node *node, size_t number,
                       const struct mapping_defaults *d, struct mapping_file_rule *ret);

/* defaults: those that it was read with */
void mapping_rule_release(struct mapping_file_rule *rule, const struct mapping_options *defaults);

#endif
