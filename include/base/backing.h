/**
 * backing: a thread that touches memory before its owner comes to it, and gives mappings back.  For
 * threads that must not be away for long.
 *
 *     owner                                            backing's thread
 *     -----                                            ----------------
 *     p = slab_map(bytes): addresses, no memory
 *     backing_ahead(p, bytes)  ----------------------> writes a 0 to each page of it
 *     backing_claim(p): the rest is not touched  ----> lets go of it
 *     uses p
 *     backing_unmap(p, bytes)  ----------------------> munmap (at once, if nothing was touched yet)
 *
 * The first use of a huge page costs 0.1 to 0.2 ms, and 4.5 ms where the host of a virtual machine
 * has never backed it; to unmap 64 MiB that lie in small pages costs 1 ms.  The thread's page
 * faults hold nobody up (Linux 6.4; before, who maps memory meanwhile waits for the page at hand).
 *
 * There is one for the process.  Without backing_start nothing is done ahead, and mappings are
 * given back at once.
 *   thread   any; start and stop: while nobody else calls
 *   cost     a mutex that nobody holds for longer than a list takes; claim may have to wait for a
 *            huge page that is just being made, which the owner would have to make otherwise
 */
#ifndef BASE_BACKING_H
#define BASE_BACKING_H

#include <stdbool.h>
#include <stddef.h>

int backing_start(void); /* returns 0 or -errno.  Its thread takes no signals */
void backing_stop(void); /* after what was asked for is done; without backing_start: nothing */

/*
 * p: mapped, nothing of it written, and not used before it is claimed.  Only advice: what is
 * smaller than 256 KiB is left to its owner.
 */
void backing_ahead(void *p, size_t bytes);

/* p is the owner's alone again; also one that was not asked for. */
void backing_claim(void *p);

/* Would a claim neither wait nor leave anything untouched that was to be touched? */
bool backing_is_ready(const void *p);

/* p: NULL, or all of a mapping, claimed or not; not used any more. */
void backing_unmap(void *p, size_t bytes);

#endif
