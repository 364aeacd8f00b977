/**
 * mapping_file: a mapping file of statsd_exporter (MAPPING 1, 2), read and checked.
 *
 * Every mistake in it is found in one go, told with file, line and rule, what is wrong and what
 * would be right.  What is left is free of mistakes but for regexes, which compile later
 * (aggregate/mapping.h).
 *
 *   thread   any
 */
#ifndef CONFIG_MAPPING_FILE_H
#define CONFIG_MAPPING_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "config/option_value.h"

enum { MAPPING_RULES_MAX = 1000000 };

enum { MAPPING_FILE_COUNTER = 1, MAPPING_FILE_GAUGE = 2, MAPPING_FILE_OBSERVER = 4 };

/* How a metric is aggregated: the rule's own options, else the file's defaults, else the config's. */
struct mapping_options {
    bool histogram;           /* else a summary */
    struct doubles buckets;   /* strictly rising, without +Inf */
    struct doubles quantiles; /* ascending */
    uint64_t max_age_ms;
    uint32_t age_buckets;
    double native_factor;         /* native_histogram_bucket_factor; 0: no native histogram */
    uint32_t native_max_buckets;  /* 0: no limit */
    double native_zero_threshold; /* < 0: not given */
    uint64_t ttl_ms;              /* 0: never */
    double scale;                 /* 1: as sent */
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
    struct mapping_file_label *labels;
    size_t n_labels;
    char *help; /* NULL: none */
    struct mapping_options options;
};

struct mapping_file {
    char *path;
    struct mapping_file_rule *rules;
    size_t n_rules;
    bool unordered;                  /* glob_disable_ordering */
    struct mapping_options defaults; /* of what no rule matches */
};

/**
 * mapping_file_load(path, config, ret, ret_errors):
 *   config   what applies where the file says nothing
 *   ret      to be released
 *   returns  0; -EINVAL with ret untouched and a line (with LF) in ret_errors for each mistake
 */
int mapping_file_load(const char *path, const struct mapping_options *config,
                      struct mapping_file *ret, struct buf *ret_errors);

/* The same with the file's text in memory; path stands for it in messages.  For tests, fuzzing. */
int mapping_file_load_text(const char *path, struct slice text,
                           const struct mapping_options *config, struct mapping_file *ret,
                           struct buf *ret_errors);

void mapping_file_release(struct mapping_file *f); /* { 0 } is fine */

#endif
