/**
 * guess: which option was probably meant, for "did you mean".
 *   thread   any (constant)
 */
#ifndef CONFIG_GUESS_H
#define CONFIG_GUESS_H

#include "config/options.h"

/**
 * guess_option(section, key):
 * The option that was probably meant; for "did you mean".
 *   returns  the id, or OPTION_COUNT: nothing is near
 */
enum option_id guess_option(struct slice section, struct slice key);
const char *guess_section(struct slice section);   /* NULL: nothing is near */

/**
 * guess_name(name):
 * The same for a name that is not section.key: a key alone ("log_level"), another separator ("redis-url", "REDIS__URL"), the
 * environment variable ("STATSD_REDIS_URL"), each with a slip or two; or what another server calls it ("flush-interval").
 */
enum option_id guess_name(struct slice name);

/* Edits (insert, delete, replace, swap of neighbours) that turn a into b, without regard to case; at most limit + 1. */
size_t guess_distance(struct slice a, struct slice b, size_t limit);

#endif
