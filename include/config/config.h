/**
 * config: the options of one run, read from everywhere, checked, and ready to use.
 *
 * Order: flag (--set) before environment (STATSD_SECTION_KEY) before file before default.  Every mistake in all of them is found
 * in one go and told with where it is, what is wrong and what would be right: those of the file in the order of its lines, then
 * those of the environment, then those of the flags.
 *
 *   thread   config_load is for one thread at a time (inih keeps its settings in globals); a loaded config is constant
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stddef.h>

#include "base/buf.h"
#include "config/config_values.h"

struct config_source {
    const char *file;                 /* -c, or NULL: none */
    const char *const *sets;          /* each "section.key=value" */
    size_t n_sets;
    char *const *environ;             /* NULL-terminated, or NULL: none */
};

/**
 * config_load(src, ret, ret_errors):
 *   ret          to be released
 *   ret_errors   gets one line (with LF) for each mistake; control bytes of values are escaped
 *   returns      0; -EINVAL with ret untouched
 */
int config_load(const struct config_source *src, struct config *ret, struct buf *ret_errors);

/* The same with the file's text in memory; name stands for it in messages.  For tests and fuzzing. */
int config_load_text(const struct config_source *src, const char *name, struct slice text, struct config *ret, struct buf *ret_errors);

void config_release(struct config *c);   /* { 0 } is fine */

/* Append the value of an option, spelled as in the file; a secret shows as "(set)" or nothing. */
void config_print(const struct config *c, enum option_id id, struct buf *out);

#endif
