/**
 * stream_guess: what the first bytes of a connection look like.  Private to listen/.
 *   thread   any (no state)
 */
#ifndef LISTEN_STREAM_GUESS_H
#define LISTEN_STREAM_GUESS_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/framing.h"

/*
 * Do its first bytes look like those of the other framing?  The header of a frame ends in two zero
 * bytes, since no frame is longer than 65,535; text has no such byte.
 */
static inline bool stream_begins_odd(enum framing_kind framing, const char *ptr, size_t n)
{
    if (n < FRAMING_HEADER)
        return false;
    if (framing == FRAMING_LINE)
        return (ptr[0] != '\0' || ptr[1] != '\0') && ptr[2] == '\0' && ptr[3] == '\0';
    for (int i = 0; i < FRAMING_HEADER; i++)
        if (ptr[i] < ' ' || ptr[i] > '~')
            return false;
    return true;
}

/* Is it TLS's hello?  No text and no header of a frame begins like this. */
static inline bool stream_begins_tls(const char *ptr, size_t n)
{
    return n >= 3 && ptr[0] == 0x16 && ptr[1] == 3 && ptr[2] >= 1 && ptr[2] <= 3;
}

#endif
