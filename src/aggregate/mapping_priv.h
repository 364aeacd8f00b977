/**
 * mapping_priv: what mapping_near.c sees of a mapping beside its rules.  Private to aggregate/.
 */
#ifndef AGGREGATE_MAPPING_PRIV_H
#define AGGREGATE_MAPPING_PRIV_H

#include "aggregate/mapping.h"
#include "aggregate/mapping_regex.h"

const struct mapping_regex *mapping_regex_at(const struct mapping *m, size_t i); /* NULL: a glob */
unsigned mapping_groups(const struct mapping *m); /* the most that a regex has */

#endif
