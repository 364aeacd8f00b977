/**
 * loop_until: run a libuv loop until something is true, instead of sleeping and hoping.
 */
#ifndef SUPPORT_LOOP_UNTIL_H
#define SUPPORT_LOOP_UNTIL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* returns  what is_so said last: false when limit_ms have passed first */
bool loop_until(uv_loop_t *loop, bool (*is_so)(void *cookie), void *cookie, uint64_t limit_ms);

/* Run the loop for `ms`: to see that something does NOT happen meanwhile. */
void loop_for(uv_loop_t *loop, uint64_t ms);

/* Run until no handle is left; false when some still are after limit_ms (a leak). */
bool loop_drain(uv_loop_t *loop, uint64_t limit_ms);

#endif
