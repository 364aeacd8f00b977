/**
 * counters: what the API tells about itself.
 */
#ifndef API_COUNTERS_H
#define API_COUNTERS_H

#include <stdint.h>

#include "base/counters.h"

/* X(id, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define API_COUNTERS(X)                                                                           \
    X(REQUESTS, "statsd_api_requests_total", COUNTER, "status",                                   \
      "Requests below /api/v1/ by the status of their answer: 400 for an argument that is not "   \
      "understood, 403 where http.lifecycle is needed, 413 for a body that is too long, 503 "     \
      "when too much was answered that nobody had read yet.")
/* clang-format on */

enum api_counter {
#define X(id, name, kind, labels, help) API_COUNTER_##id,
    API_COUNTERS(X)
#undef X
};

/* X(status): those with which a request is answered. */
#define API_STATUSES(X) X(200) X(400) X(403) X(404) X(405) X(409) X(413) X(429) X(503)

enum api_status {
#define X(status) API_##status,
    API_STATUSES(X)
#undef X
        API_STATUS_COUNT,
    API_LATER = API_STATUS_COUNT /* src/api/jobs.h */
};

struct api_stats {
    uint64_t answered[API_STATUS_COUNT];
};

extern const struct counter_table api_counters; /* of a struct api_stats */

#endif
