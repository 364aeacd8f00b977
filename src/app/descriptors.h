/**
 * descriptors: how many file descriptors the daemon may need, and what to do when it may not have as many.  Private to app/.
 *   thread   control, before the first listener
 */
#ifndef APP_DESCRIPTORS_H
#define APP_DESCRIPTORS_H

#include <stdint.h>

#include "config/config.h"

/* All that may be open at a time, http.max_connections among them. */
uint64_t descriptors_needed(const struct config *c, unsigned workers);

/**
 * descriptors_prepare(c, workers):
 * Raises the soft limit (RLIMIT_NOFILE) to the hard one, and warns if that is not enough.
 *   returns  how many HTTP connections there is room for: http.max_connections, or fewer, but one at least
 */
uint32_t descriptors_prepare(const struct config *c, unsigned workers);

#endif
