/**
 * mapping_file: a mapping file of statsd_exporter, read and checked.
 *
 * Every mistake in it is found in one go, told with file, line and rule, what is wrong and what
 * would be right.  YAML's anchors, aliases and merge keys (<<) are understood, as far as
 * they do not make the file longer than 64 MiB.
 *
 * Beyond what statsd_exporter has:
 *   native_histogram_zero_threshold   in histogram_options: observations up to it, on both sides
 *                                     of 0, are in a native histogram's zero bucket
 *   native_histogram_bucket_factor: 1 no native histogram, as there
 *
 *   thread   any
 *   cost     some 100 ns for each byte of the file; reads a disk
 */
#ifndef CONFIG_MAPPING_FILE_H
#define CONFIG_MAPPING_FILE_H

#include "base/buf.h"
#include "base/slice.h"
#include "config/mapping_values.h"

/**
 * mapping_file_load(path, config, regex, ret, ret_errors):
 *   config   what applies where the file says nothing; copied
 *   regex    asked for each rule's; NULL: they are not looked at
 *   ret      to be released
 *   returns  0; -EINVAL with ret untouched and a line (with LF) in ret_errors for each mistake, in
 *            the order of the file, at most MAPPING_MISTAKES_MAX of them and one more that says so.
 *            Controls in them are escaped
 */
int mapping_file_load(const char *path, const struct mapping_options *config,
                      mapping_regex_fn regex, struct mapping_file *ret, struct buf *ret_errors);

/* The same with the file's text in memory; path stands for it in messages.  For tests, fuzzing. */
int mapping_file_load_text(const char *path, struct slice text,
                           const struct mapping_options *config, mapping_regex_fn regex,
                           struct mapping_file *ret, struct buf *ret_errors);

/* Append the beginning of a message about a rule: "mapping.yml:12: rule 3 (a.*.b): ".
 *   i   in rules; people count from 1 */
void mapping_file_where(const struct mapping_file *f, size_t i, struct buf *out);

void mapping_file_release(struct mapping_file *f); /* { 0 } is fine */

#endif
