/**
 * glob: does a text match a pattern of a shell's kind?
 *
 *     *   any bytes, also none
 *     ?   one byte
 *     \   the byte that follows, as it is
 *
 *   thread   any
 *   cost     O(text) for a pattern with one '*', O(pattern * text) at worst; no allocation
 */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include <stdbool.h>

#include "base/slice.h"

bool glob_match(struct slice pattern, struct slice text);

#endif
