/**
 * option_value: the value of an option, from text into its member of struct config, and back.
 *   thread   any; one at a time for each config
 */
#ifndef CONFIG_OPTION_VALUE_H
#define CONFIG_OPTION_VALUE_H

#include "config/config_values.h"

/**
 * option_value_set(c, id, s):
 * Set the member; what it held is freed.  A STRINGS member gets one more element instead.
 *   s        blanks at both ends do not count
 *   returns  NULL; else, with c unchanged, what is wrong as the end of a sentence about the value:
 *            "is not a duration" (static)
 */
const char *option_value_set(struct config *c, enum option_id id, struct slice s);

/* Assert that the member holds what option_value_set can have set. */
void option_value_check(const struct config *c, enum option_id id);

/* Free the member, if its kind has memory, and make it empty. */
void option_value_clear(struct config *c, enum option_id id);

/* How a value of this kind is written: "write a whole number and ms, s, m or h,".
 * option_value_limits may follow in the sentence.  Never NULL. */
const char *option_value_hint(enum option_kind kind);

/* Append which values the option takes: "100ms to 1h", "auto|source|payload", "on|off"; nothing for
 * a text. */
void option_value_limits(enum option_id id, struct buf *out);

/* Append a DURATION (ms), SIZE (bytes) or UINT, spelled as in the file. */
void option_value_print_number(enum option_kind kind, uint64_t v, struct buf *out);

/* Append the value, spelled as in the file.  A SECRET shows as "(set)" or nothing; the elements of
 * a STRINGS member, which has a line each in the file, are separated by blanks. */
void option_value_print(const struct config *c, enum option_id id, struct buf *out);

#endif
