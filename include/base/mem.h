/**
 * mem: memory for the control plane, which does not survive without it.
 *
 * Everything whose size a stranger controls has a limit (see `statsd check`), so running out of memory here means that the
 * machine, not the input, is at fault.  These functions therefore log one line and abort instead of returning NULL; the
 * supervisor restarts the process.  The ingest path does not use them: there, no memory means one refused series, counted.
 *
 *   thread   any
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t n);              /* not cleared; never NULL, also for n = 0 */
void *mem_zalloc(size_t n);             /* cleared */
void *mem_realloc(void *p, size_t n);   /* p may be NULL */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);

_Noreturn void mem_exhausted(size_t n);  /* log that n bytes were wanted, and abort */

/**
 * mem_grow(p, cap, need, item):
 * Make an array of *cap items of item bytes hold at least need of them: doubles, starting at 16.  Updates *cap.
 */
void *mem_grow(void *p, size_t *cap, size_t need, size_t item);

#endif
