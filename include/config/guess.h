/**
 * guess: which option was probably meant by a name that is none, for "did you mean".
 *   thread   any (constant)      cost   some 10 us; for messages
 */
#ifndef CONFIG_GUESS_H
#define CONFIG_GUESS_H

#include "config/options.h"

/**
 * guess_option(section, key):
 *   returns  the nearest option; another section counts for one edit, or two where the key is not
 *            quite right either.  OPTION_COUNT: none is near
 */
enum option_id guess_option(struct slice section, struct slice key);

/* returns  the nearest section; NULL: none is near */
const char *guess_section(struct slice section);

/**
 * guess_name(name):
 *   name     anything but section.key: a key alone ("log_level"), another separator ("redis-url",
 *            "REDIS__URL"), the environment variable ("STATSD_REDIS_URL"), each with up to two
 *            edits; or the name that another server has for it ("flush-interval")
 *   returns  the option; OPTION_COUNT: none is near
 */
enum option_id guess_name(struct slice name);

/**
 * guess_distance(a, b, limit):
 *   returns  how many edits turn a into b: insert, delete, replace, swap neighbours.  Case does not
 *            matter.  limit + 1: more than limit, or one of them has over 48 bytes
 */
size_t guess_distance(struct slice a, struct slice b, size_t limit);

#endif
