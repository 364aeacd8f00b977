/**
 * mapping_options: the blocks histogram_options and summary_options, and what applies where they
 * give nothing.
 */
#ifndef CONFIG_MAPPING_OPTIONS_H
#define CONFIG_MAPPING_OPTIONS_H

#include "config/mapping_reader.h"
#include "config/mapping_values.h"

enum mapping_observer { MAPPING_OBSERVER_UNSET = -1, MAPPING_SUMMARY, MAPPING_HISTOGRAM };

/* What the blocks of one rule, or of the defaults, give; 0 is "not given", as in statsd_exporter,
 * except where there is a has_. */
struct mapping_blocks {
    bool has_histogram, has_summary; /* the block is there, maybe empty */
    bool has_buckets;                /* there may be none but +Inf */
    struct doubles buckets;          /* owned */
    double native_factor;            /* 1: none wanted */
    uint32_t native_max_buckets;
    double native_zero_threshold; /* < 0: not given */
    struct doubles quantiles;     /* owned */
    uint64_t max_age_ms;
    uint32_t age_buckets;
};

/* f: the two blocks, each given or not. */
void mapping_options_read(struct mapping_reader *r, const struct mapping_field *histogram,
                          const struct mapping_field *summary, struct mapping_blocks *ret);

/**
 * mapping_options_resolve(base, config, observer, b, ret):
 *   base      what applies where b gives nothing
 *   config    what applies without a file
 *   observer  of the rule, else of the defaults
 *   b         its lists pass to ret; those that b does not give are base's own memory
 * ttl and scale are base's.
 */
void mapping_options_resolve(const struct mapping_options *base,
                             const struct mapping_options *config, enum mapping_observer observer,
                             const struct mapping_blocks *b, struct mapping_options *ret);

#endif
