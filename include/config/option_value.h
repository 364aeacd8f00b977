/**
 * option_value: the text of an option into its member of struct config, and back.
 */
#ifndef CONFIG_OPTION_VALUE_H
#define CONFIG_OPTION_VALUE_H

#include "config/config_values.h"

/**
 * option_value_set(c, id, s):
 * Set the member, freeing what it held; a STRINGS member gets one more element instead.
 *   returns  NULL, or a static text: what is wrong with the value ("is not a duration"); c is then unchanged
 */
const char *option_value_set(struct config *c, enum option_id id, struct slice s);

/* Assert that the member holds a value that option_value_set could have set. */
void option_value_check(const struct config *c, enum option_id id);

/* Free and clear the member. */
void option_value_clear(struct config *c, enum option_id id);

/* How a value of this kind is written: "a whole number and ms, s, m or h, such as 10s".  Never NULL. */
const char *option_value_hint(enum option_kind kind);

/* Append what values the option takes: "100ms to 1h", "auto|source|payload", "on|off". */
void option_value_limits(enum option_id id, struct buf *out);

/* Append a DURATION (ms), SIZE (bytes) or UINT, spelled as in the file. */
void option_value_print_number(enum option_kind kind, uint64_t v, struct buf *out);

/* Append the value, spelled as in the file; a secret shows as "(set)" or nothing. */
void option_value_print(const struct config *c, enum option_id id, struct buf *out);

#endif
