/**
 * startup: the first thing that each program does.
 *   thread   main, before any other starts
 */
#ifndef BASE_STARTUP_H
#define BASE_STARTUP_H

#include <stdbool.h>

/**
 * startup():
 * Opens those of the descriptors 0, 1 and 2 that are closed, so that no socket becomes standard
 * output; reading and writing there still fails, as on a closed descriptor.  Ignores SIGXFSZ: a
 * write beyond the file size limit fails with EFBIG instead of ending the process.
 *   returns  false: a descriptor could not be opened
 */
bool startup(void);

#endif
