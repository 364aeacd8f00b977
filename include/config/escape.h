/**
 * escape: text that came from outside, as one line for a terminal or a log.
 *
 * Control characters (C0, DEL, and C1 such as U+009B, which some terminals take for ESC [) and
 * bytes that are not UTF-8 are shown as \xNN, each byte for itself.  Everything else stays as it
 * is.
 *   thread   any (no state)
 */
#ifndef CONFIG_ESCAPE_H
#define CONFIG_ESCAPE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

enum { ESCAPE_SHORT_MAX = 200 }; /* bytes */

/* Append s, with \xNN for what is no UTF-8, what a terminal obeys, and what turns the direction of
 * a line.  returns  columns on a terminal: two of wide characters, none of those that combine */
size_t escape_text(struct slice s, struct buf *out);

/* Append s; of a longer one the first ESCAPE_SHORT_MAX bytes, up to the end of a character, and
 * "...". */
void escape_short(struct slice s, struct buf *out);

/* As escape_short, with *** for the password of scheme://user:password@host.  A path (unix://)
 * has none. */
void escape_url(struct slice url, struct buf *out);

/* Bytes of the valid UTF-8 sequence at the front of s; 0: there is none. */
size_t escape_sequence(struct slice s);

#endif
