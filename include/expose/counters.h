/**
 * counters: what the serving of /metrics tells about itself.
 */
#ifndef EXPOSE_COUNTERS_H
#define EXPOSE_COUNTERS_H

#include <stdint.h>

#include "base/counters.h"

/* X(id, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define EXPOSE_COUNTERS(X)                                                                        \
    X(CUT, "statsd_http_scrapes_cut_total", COUNTER, "",                                          \
      "Clients of /metrics cut off because they read too slowly while others asked.")             \
    X(REFUSED, "statsd_http_scrapes_refused_total", COUNTER, "",                                  \
      "Requests for /metrics answered 503 because as many pages as may be were being read.")      \
    X(SECONDS, "statsd_last_render_duration_seconds", GAUGE, "",                                  \
      "Time the last rendering of /metrics took on the control thread.")                          \
    X(BYTES, "statsd_last_render_bytes", GAUGE, "",                                               \
      "Size of the last rendering of /metrics.")
/* clang-format on */

enum expose_counter {
#define X(id, name, kind, labels, help) EXPOSE_COUNTER_##id,
    EXPOSE_COUNTERS(X)
#undef X
};

struct expose_stats {
    uint64_t cut, refused;
    double seconds, bytes; /* of the last rendering */
};

extern const struct counter_table expose_counters; /* of a struct expose_stats */

#endif
