/**
 * mapping_cover: which rule that is tried before it takes all that a rule could match.
 *
 * Exact for globs: names may have components that no rule mentions, so several globs together hide
 * one only if one of them does, for each class of metrics.  A regex is hidden by an earlier one
 * with the same text, or one that plainly matches everything, and by a glob as wide as the one it
 * is known to be within (mapping_narrow.h): globs are all tried before regexes.
 *   cost     about linear in the length of all matches
 */
#ifndef CONFIG_MAPPING_COVER_H
#define CONFIG_MAPPING_COVER_H

#include "config/mapping_values.h"

enum { MAPPING_CLASSES = 3 };

#define MAPPING_COVER_NONE UINT32_MAX

struct mapping_cover {
    uint32_t by[MAPPING_CLASSES]; /* for each class: index of that rule; MAPPING_COVER_NONE */
};

/* returns  one for each rule; to be freed */
struct mapping_cover *mapping_cover_find(const struct mapping_file *f);

/* Whether the rule matches nothing that reaches it. */
bool mapping_cover_hidden(const struct mapping_file_rule *rule, const struct mapping_cover *c);

/* Whether a regex matches every name, as ".", ".*" and their like do. */
bool mapping_cover_all(const char *regex);

#endif
