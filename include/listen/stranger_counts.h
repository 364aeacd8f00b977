/**
 * stranger_counts: what the log has told of a listener's strangers (listen/strangers.h).
 *   thread   control
 */
#ifndef LISTEN_STRANGER_COUNTS_H
#define LISTEN_STRANGER_COUNTS_H

#include <stdint.h>

#include "base/log.h"

struct strangers {
    uint64_t told;
    struct log_gate gate;
};

#endif
