/**
 * limits: the most that one line can put into a batch.  batch_init makes the room, the parser counts on it.
 */
#ifndef PROTOCOL_LIMITS_H
#define PROTOCOL_LIMITS_H

#include <stdint.h>

/* A sample that stands needs `v|t:`, four bytes; two of a packed gauge whose signs alternate `v:+v:`, five. */
static inline uint32_t limits_samples(uint32_t max_line)
{
    return max_line / 5 * 2 + 3;
}

/* A packed value needs `v:`, two bytes. */
static inline uint32_t limits_values(uint32_t max_line)
{
    return max_line / 2 + 1;
}

/* The line rewritten, its '#' sections joined, and the two ends of its name joined. */
static inline uint32_t limits_scratch(uint32_t max_line)
{
    return 3 * max_line;
}

#endif
