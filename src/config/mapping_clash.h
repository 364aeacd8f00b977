/**
 * mapping_clash: rules whose metrics cannot both be shown, as one name has one type, and a summary
 * or histogram X has X_sum, X_count and X_bucket, too.
 *
 * Only names without references are compared.  What a rule makes is taken from match_metric_type;
 * without it, a rule with observer options makes summaries or histograms, and any other rule makes
 * whatever type is sent.  The last kind clashes only where no type could be shown.
 *   cost     linear in the number of rules
 */
#ifndef CONFIG_MAPPING_CLASH_H
#define CONFIG_MAPPING_CLASH_H

#include "config/mapping_values.h"

/* What a rule makes, bits. */
enum {
    MAPPING_MAKES_COUNTER = 1,
    MAPPING_MAKES_GAUGE = 2,
    MAPPING_MAKES_SUMMARY = 4,
    MAPPING_MAKES_HISTOGRAM = 8,
    MAPPING_MAKES_END = 16
};

unsigned mapping_clash_makes(const struct mapping_file_rule *rule);

#define MAPPING_CLASH_NONE UINT32_MAX

struct mapping_clash {
    uint32_t with; /* index of an earlier rule; MAPPING_CLASH_NONE */
    const char
        *suffix; /* "": both have one name; "_sum": the name of one is the other's and that */
    bool other_suffixed; /* the earlier rule has the longer name */
};

/* left_out: for each rule, whether it takes no part.  returns  one for each rule; to be freed */
struct mapping_clash *mapping_clash_find(const struct mapping_file *f, const bool *left_out);

#endif
