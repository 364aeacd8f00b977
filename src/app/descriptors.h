/**
 * descriptors: how many file descriptors the daemon may need, and what to do when its limit is
 * lower.  Private to app/.
 *   thread   control, before the first listener
 */
#ifndef APP_DESCRIPTORS_H
#define APP_DESCRIPTORS_H

#include <stdint.h>

#include "config/config.h"

/* How many may be open at a time, those of http.max_connections included. */
uint64_t descriptors_needed(const struct config *c, unsigned workers);

/**
 * descriptors_prepare(c, workers):
 * Raise the soft limit (RLIMIT_NOFILE) to the hard one, and warn if that is not enough.
 *   returns  how many HTTP connections to allow: http.max_connections, or as many as there are
 *            descriptors left for, at least 1
 */
uint32_t descriptors_prepare(const struct config *c, unsigned workers);

#endif
