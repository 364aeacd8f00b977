/**
 * mapping_values: struct mapping_file, what a mapping file says once it is read and resolved.
 *
 * mapping_file.h reads it.  Fallbacks are worked out: each rule's options are complete.
 *   thread   a loaded file is constant: any
 */
#ifndef CONFIG_MAPPING_VALUES_H
#define CONFIG_MAPPING_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config_values.h"

enum {
    MAPPING_RULES_MAX = 1000000,
    MAPPING_LABELS_MAX = 128, /* of one rule */
    MAPPING_MISTAKES_MAX = 100
};

/* Classes of metrics, bit 1 << enum mapping_class of aggregate/mapping.h. */
enum { MAPPING_FILE_COUNTER = 1, MAPPING_FILE_GAUGE = 2, MAPPING_FILE_OBSERVER = 4 };
enum { MAPPING_FILE_ANY = MAPPING_FILE_COUNTER | MAPPING_FILE_GAUGE | MAPPING_FILE_OBSERVER };

/*
 * Appends what is wrong with a regex to why, if anything is.  This room does not know regexes: who
 * does passes it (mapping_regex_wrong of aggregate/mapping.h).
 */
typedef bool (*mapping_regex_fn)(const char *regex, struct buf *why);

/* How a metric is aggregated: as the rule says, else the defaults of the file, else the config. */
struct mapping_options {
    bool histogram;           /* else a summary */
    struct doubles buckets;   /* strictly rising, finite, without +Inf; may be empty */
    struct doubles quantiles; /* strictly rising */
    uint64_t max_age_ms;
    uint32_t age_buckets;
    double native_factor;         /* native_histogram_bucket_factor, > 1; 0: no native histogram */
    uint32_t native_max_buckets;  /* 0: no limit */
    double native_zero_threshold; /* < 0: not given */
    uint64_t ttl_ms;              /* 0: never */
    double scale;                 /* 1: as sent */
    enum gauge_rule gauge_merge;
};

struct mapping_file_label {
    char *key, *value;
};

struct mapping_file_rule {
    unsigned line; /* of its first key */
    char *match;
    bool regex;
    unsigned classes; /* MAPPING_FILE_*, never 0 */
    bool drop, honor_labels;
    char *name;
    struct mapping_file_label *labels; /* keys differ */
    size_t n_labels;
    char *help;          /* NULL: none */
    bool meant_observer; /* it gives observer_type, histogram_options or summary_options itself */
    /* Lists that the rule does not give itself are those of the file's defaults, in the same
     * memory: 100,000 rules with 128 buckets have one list. */
    struct mapping_options options;
};

struct mapping_file {
    char *path;
    struct mapping_file_rule *rules;
    size_t n_rules;
    bool unordered;                  /* glob_disable_ordering */
    struct mapping_options defaults; /* of what no rule matches */
};

#endif
