/**
 * sketch_few: adding to a window that is a list.  Private to aggregate/.
 */
#ifndef AGGREGATE_SKETCH_FEW_H
#define AGGREGATE_SKETCH_FEW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "aggregate/sketch_types.h"

/*
 * Is `at` in the list?  Four places at a time: a loop that ends anywhere is mispredicted every
 * other time.
 */
static inline bool sketch_few_has(const struct sketch_few *few, uint32_t at)
{
    const uint64_t ones = 0x0001000100010001ull;
    uint64_t zero = 0;
    for (uint32_t i = 0; i < SKETCH_FEW_MAX; i += 4) {
        uint64_t four;
        memcpy(&four, &few->at[i], sizeof four);
        four ^= at * ones;
        zero |= (four - ones) & ~four & ones << 15;
    }
    return zero != 0;
}

/*
 * Add c to bucket `at`, which is inside the window.  returns  false: too large a count, or a bucket
 * too many
 */
static inline bool sketch_few_add(struct sketch_few *few, uint32_t at, unsigned c)
{
    uint32_t i = few->used;
    if (sketch_few_has(few, at)) {
        for (i = 0; few->at[i] != at; i++) {}
        if (few->count[i] + c > UINT8_MAX)
            return false;
        few->count[i] = (uint8_t)(few->count[i] + c);
        return true;
    }
    if (i == SKETCH_FEW_MAX)
        return false;
    few->at[i] = (uint16_t)at;
    few->count[i] = (uint8_t)c;
    few->used++;
    return true;
}

#endif
