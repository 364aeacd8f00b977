/**
 * startup: what each of our programs does before anything else.
 *   thread   the first one, alone
 */
#ifndef BASE_STARTUP_H
#define BASE_STARTUP_H

#include <stdbool.h>

/**
 * startup():
 * Takes up those of the descriptors 0, 1 and 2 that are closed, so that no socket becomes standard output.  Reading and writing
 * there still fails, as it does with a closed descriptor.  Ignores SIGXFSZ: a write beyond the file size limit fails (EFBIG)
 * instead of ending the process.
 *   returns  false: a descriptor could not be taken up
 */
bool startup(void);

#endif
