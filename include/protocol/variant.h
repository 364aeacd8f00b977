/**
 * variant: which of a CPU's instructions the parser uses.
 *
 *     avx512, avx2   lines out of registers (src/protocol/window.h), hashed by AES instructions
 *     sse2           any x86-64: lists of positions (src/protocol/scan.h), hashed by XXH3
 *     neon           any aarch64: the same lists, hashed by AES instructions where it has them
 *     portable       the same lists in plain C, hashed by XXH3
 *
 * The best one that the CPU has is taken, unless another is chosen: to measure what users of other
 * CPUs get.
 *
 *   thread   any; variant_choose before the first parser and the first thread
 */
#ifndef PROTOCOL_VARIANT_H
#define PROTOCOL_VARIANT_H

#include <stdbool.h>
#include <stddef.h>

/* returns  false: this CPU cannot run it, or there is none of that name; nothing changed */
bool variant_choose(const char *name);

/* The name of the one in use. */
const char *variant_name(void);

#endif
