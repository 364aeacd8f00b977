/**
 * mapping_shapes: globs whose `*` stand in very many different places.
 *
 * Globs of one length (in components) are looked up once for each *shape* that may apply, which is
 * the set of places where `*` stands (aggregate/mapping_glob.h).
 */
#ifndef CONFIG_MAPPING_SHAPES_H
#define CONFIG_MAPPING_SHAPES_H

#include "config/mapping_values.h"

/* Shapes of one length that are worth no warning: a single look-up finds those that may apply. */
enum { MAPPING_SHAPES_FEW = 64 };

/**
 * mapping_shapes_find(f):
 *   returns  for each rule 0; for the first one whose shape is one more than MAPPING_SHAPES_FEW of
 *            its length: how many shapes there are of it.  The caller frees it
 *   cost     as sorting the globs
 */
size_t *mapping_shapes_find(const struct mapping_file *f);

/* How many components a glob has. */
size_t mapping_shapes_length(const char *glob);

#endif
