/**
 * faults: makes one call of the system or of the allocator fail, at one place of our own code.
 *
 * A build of its own (`make faults`) links the server with --wrap for each function of calls.h, so
 * what our code calls goes through here, and what libraries call does not.  A *site* is such a
 * function and the place that calls it: a return address.  Where a room of memory (mem, buf, slab,
 * arena) is in between, it is the place that calls that room.
 *
 * The environment says what happens:
 *
 *   FAULTS_LOG=FILE       one line for each site when it is reached first, `site CALL ADDRESS`, and
 *                         one for each that was made fail, `fault CALL ADDRESS`; appended
 *   FAULTS_THROUGH=A-B,   ranges of addresses (hexadecimal, of the file) that are not a site
 *                         themselves: their callers are
 *   FAULTS=CALL:ADDRESS:ERRNO:COUNT,
 *                         the first COUNT calls of that site fail with that errno; 0: all of them
 *
 * Addresses are those of the file, as nm and addr2line have them.  tests/faults/run.py is who sets
 * all this, and reads the log.
 *   thread   any; nothing is allocated or locked
 */
#ifndef FAULTS_FAULTS_H
#define FAULTS_FAULTS_H

#include <stdbool.h>

/*
 * Does this call fail?  Then errno is set.
 *   call     its name
 *   frame    __builtin_frame_address(0) of the function that stands for it
 */
bool fault_here(const char *call, void *const *frame);

#endif
