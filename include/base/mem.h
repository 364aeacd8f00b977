/**
 * mem: memory for the control plane, which cannot go on without it.
 *
 * Whatever grows with input from the network has a limit (see `statsd check`), so running out of
 * memory here means that the machine is too small or something leaks.  When the system has none, a
 * reserve of 1 MiB goes back to it, and one more attempt is made: a shortage that passes costs a
 * line in the log.  If there is nothing even then, these functions log one line and end the process
 * with status 1 instead of returning NULL; the supervisor restarts it.  The ingest path does not
 * use them: no memory there means one refused series, which is counted.
 *   thread   any
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Log that n bytes were wanted, and end: no core, which would be as large as memory allows. */
_Noreturn void mem_exhausted(size_t n);

/*
 * The reserve: addresses that the system has promised memory for, none of it touched.  keep has it
 * made where it is not there: first at the start, then once a second.
 */
void mem_reserve_keep(void);
uint64_t mem_reserve_used(void); /* times that it was given back */

/*
 * For who has found no memory for n bytes: is another attempt worth it?  Then the reserve was there
 * and is given back, which is logged, or another thread gave it back, and this one has made no
 * attempt since it asked last.
 */
bool mem_reserve_helps(size_t n);

/**
 * mem_grow(p, cap, need, item):
 * Grow an array of *cap items, of item bytes each, until it holds need items: by doubling, from 16.
 *   p        NULL when *cap is 0
 *   returns  the array, which may have moved; *cap is updated
 */
void *mem_grow(void *p, size_t *cap, size_t need, size_t item);

#endif
