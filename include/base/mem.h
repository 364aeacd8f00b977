/**
 * mem: memory for the control plane, which cannot go on without it.
 *
 * Whatever grows with input from the network has a limit (see `statsd check`), so running out of
 * memory here means that the machine is too small or something leaks.  These functions log one line
 * and abort instead of returning NULL; the supervisor restarts the process.  The ingest path does
 * not use them: no memory there means one refused series, which is counted.
 *   thread   any
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t n);            /* not cleared; never NULL, also for n = 0 */
void *mem_zalloc(size_t n);           /* cleared */
void *mem_realloc(void *p, size_t n); /* p may be NULL */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);

/*
 * Cache lines for what one thread writes all the time, so that no other memory lies in them, nor in
 * those that x86 fetches along with them (lines come in pairs).  To be freed by free(3).
 */
enum { MEM_APART = 128 };
void *mem_try_apart(size_t n);    /* n > 0; not cleared; NULL: no memory */
void *mem_zalloc_apart(size_t n); /* cleared; never NULL */

_Noreturn void mem_exhausted(size_t n); /* log that n bytes were wanted, and abort */

/**
 * mem_grow(p, cap, need, item):
 * Grow an array of *cap items, of item bytes each, until it holds need items: by doubling, from 16.
 *   p        NULL when *cap is 0
 *   returns  the array, which may have moved; *cap is updated
 */
void *mem_grow(void *p, size_t *cap, size_t need, size_t item);

#endif
