/**
 * screen: the terminal of `statsd top` (ncurses): lines out, keys in.
 *   thread   main; one at a time
 */
#ifndef CMD_LIVE_SCREEN_H
#define CMD_LIVE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

enum {
    SCREEN_NO_KEY = -1,
    SCREEN_RESIZED = -2,
    SCREEN_ENTER = '\n',
    SCREEN_ERASE = '\b',
    SCREEN_ESCAPE = 27
};

/* returns  false: $TERM is not known, or standard output is no terminal */
bool screen_open(void);
void screen_close(void);

void screen_size(size_t *ret_columns, size_t *ret_rows);

/* Show lines, each with its end, which fit. */
void screen_show(struct slice lines);

/* Until there is a key, or the terminal has another size, or so long. */
void screen_wait(unsigned ms);

/* Has the terminal hung up?  It has no more keys then, and no wait for one waits. */
bool screen_is_gone(void);

/* The next key, at once.  returns  a byte or a SCREEN_... */
int screen_key(void);

#endif
