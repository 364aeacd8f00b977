/**
 * config: the options of one run, read from everywhere and checked.
 *
 * Flags (--set) go before the environment (STATSD_SECTION_KEY), that before the file, that before
 * the defaults.  A load does not stop at a mistake: it reports all of them, each with where it is,
 * what is wrong and what would be right, in this order: the file's by line, then those of the
 * environment, then those of the flags.
 *
 *   thread   config_load: one at a time in the process (inih keeps its settings in globals)
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stddef.h>

#include "base/buf.h"
#include "config/config_values.h"

/* All borrowed. */
struct config_source {
    const char *file;        /* -c, or NULL: none */
    const char *const *sets; /* "section.key=value" each */
    size_t n_sets;
    char *const *environ; /* NULL-terminated, or NULL: none */
};

/**
 * config_load(src, ret, ret_errors):
 *   ret          config_release it
 *   ret_errors   gets a line (with LF) for each mistake; controls in it are escaped, and the value
 *                of a SECRET is not shown
 *   returns      0; -EINVAL with ret untouched
 */
int config_load(const struct config_source *src, struct config *ret, struct buf *ret_errors);

/* The same with the text of a file in memory, which messages call name; src->file is not read.  For
 * tests and fuzzing. */
int config_load_text(const struct config_source *src, const char *name, struct slice text,
                     struct config *ret, struct buf *ret_errors);

void config_release(struct config *c); /* { 0 } is fine */

/* Append the value of an option, as option_value_print. */
void config_print(const struct config *c, enum option_id id, struct buf *out);

#endif
