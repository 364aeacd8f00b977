/**
 * mapping_narrow: which names a regex can match at most, as a glob.
 *   thread   any (no state)
 */
#ifndef CONFIG_MAPPING_NARROW_H
#define CONFIG_MAPPING_NARROW_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/**
 * mapping_narrow_glob(regex, out):
 * Append a glob that matches whatever regex matches, and more at most: `^a\.(get|put)\.([^.]+)$` is
 * within `a.*.*`.  Known are regexes from ^ to $ whose parts match no dot, or one alone (`\.`).
 *   regex    one that compiles
 *   returns  false: it is of another kind; out then has some of it
 */
bool mapping_narrow_glob(struct slice regex, struct buf *out);

#endif
