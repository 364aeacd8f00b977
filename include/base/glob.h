/**
 * glob: does a text match a pattern of a shell's kind?
 *
 *     *   any bytes, also none
 *     ?   one byte
 *     \   the byte that follows, as it is
 *
 *   thread   any
 *   cost     O(text) for a pattern with one '*', O(pattern * text) at worst; no allocation.  Who
 *            takes both from strangers bounds it: glob_try
 */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

bool glob_match(struct slice pattern, struct slice text);

enum glob_result { GLOB_NO, GLOB_YES, GLOB_GIVEN_UP };

/**
 * glob_try(pattern, text, steps):
 * As glob_match, but no longer than it may take.
 *   steps    how many it may take, less those that it took on return: one for each byte of the text
 *            that is compared, again for each time it is; about a ns
 *   returns  GLOB_GIVEN_UP: they did not suffice
 */
enum glob_result glob_try(struct slice pattern, struct slice text, uint64_t *steps);

#endif
