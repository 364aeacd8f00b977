/**
 * mapping_propose: a rule as it could stand in the file instead, on one line.
 *   thread   any (no state)
 */
#ifndef CONFIG_MAPPING_PROPOSE_H
#define CONFIG_MAPPING_PROPOSE_H

#include "config/mapping_reader.h"

enum { MAPPING_PROPOSE_MAX = 1000 }; /* bytes, about */

/**
 * mapping_propose(d, fields, n, regex, out):
 * Append the rule as a list item of YAML in flow style, with regex as its match; its other fields
 * are those that it has.  Where these are longer than MAPPING_PROPOSE_MAX, the item says
 * "the rest: as it is" instead.
 */
void mapping_propose(const struct document *d, const struct mapping_field *fields, size_t n,
                     struct slice regex, struct buf *out);

#endif
