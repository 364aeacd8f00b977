/**
 * limits: the most that one line can add to a batch.  batch_init allocates for it; the parser takes
 * a line only when that much is left, and then does not check again.
 */
#ifndef PROTOCOL_LIMITS_H
#define PROTOCOL_LIMITS_H

#include <stdint.h>

/* A sample takes at least 4 bytes, `v|t:`; two of a packed gauge may take 5, `v:+v:`. */
static inline uint32_t limits_samples(uint32_t max_line)
{
    return max_line / 5 * 2 + 3;
}

/* A packed value takes at least 2 bytes, `v:`. */
static inline uint32_t limits_values(uint32_t max_line)
{
    return max_line / 2 + 1;
}

/*
 * The rewritten line, its joined '#' sections, the two joined ends of its name, and its tags
 * without those that are cut out.
 */
static inline uint32_t limits_scratch(uint32_t max_line)
{
    return 4 * max_line;
}

#endif
