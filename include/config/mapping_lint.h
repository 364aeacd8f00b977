/**
 * mapping_lint: what is allowed in a mapping file and yet hardly meant.
 *
 *   a rule that never matches       and the earlier rule that hides it
 *   a reference that is empty       $1_total (which is a name of its own), $3 of a glob with two *
 *                                   or a regex with two groups
 *   names that clash                one name with two types; X_sum, X_count or X_bucket beside a
 *                                   summary or histogram X.  Names as they are without
 *                                   prometheus.suffixes, and only those without references
 *   bounds that no sample tells     neighbours that differ by less than a part in 10^9, as clients
 *   apart                           send fewer digits; bounds between -1e-300 and 1e-300 but for 0
 *   too many shapes of globs        over 64 sets of places for * among globs of one length
 *   nothing that matches the rest   a hint, not a warning: such metrics keep their names
 *
 *   thread   any
 *   cost     about linear in the size of the file
 */
#ifndef CONFIG_MAPPING_LINT_H
#define CONFIG_MAPPING_LINT_H

#include "base/buf.h"
#include "config/mapping_values.h"

/**
 * mapping_lint(f, out):
 * Append a line (with LF) for each, in the order of the file: "mapping.yml:12: rule 3 (a.b): ...".
 * Beyond MAPPING_MISTAKES_MAX warnings they are counted only.  The hint is the last line.
 *   returns  how many warnings there are; the hint is none
 */
size_t mapping_lint(const struct mapping_file *f, struct buf *out);

#endif
