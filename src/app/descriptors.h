/**
 * descriptors: how many file descriptors the daemon may need, and what to do when its limit is
 * lower.  Private to app/.
 *   thread   control, before the first listener
 */
#ifndef APP_DESCRIPTORS_H
#define APP_DESCRIPTORS_H

#include <stdint.h>

#include "config/config.h"

/* How many connections to allow. */
struct descriptors {
    uint32_t http_connections;   /* http.max_connections, or fewer, at least 1 */
    uint64_t stream_connections; /* of all stream listeners together: their sum, or fewer */
};

/**
 * descriptors_prepare(c, workers, ret):
 * Raise the soft limit (RLIMIT_NOFILE) to the hard one, and warn if that is not enough.  Then
 * connections of streams get what HTTP leaves: a flood of them keeps nobody from /metrics.
 */
void descriptors_prepare(const struct config *c, unsigned workers, struct descriptors *ret);

#endif
