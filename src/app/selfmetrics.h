/**
 * selfmetrics: the server's own numbers, gathered and rendered.  Private to app/.
 *   thread   control
 */
#ifndef APP_SELFMETRICS_H
#define APP_SELFMETRICS_H

#include <stddef.h>
#include <stdint.h>

#include "aggregate/registry.h"
#include "app/turn.h"
#include "base/buf.h"
#include "base/selfmetrics.h"
#include "http/http.h"
#include "listen/listener.h"
#include "sinks/redis.h"

struct selfmetrics_sources {
    const struct turn *turn;
    const struct registry *registry;
    const struct listener *listeners;
    size_t n_listeners;
    const struct http_server *http;               /* or NULL */
    const struct sink *redis;                     /* or NULL */
    struct selfmetrics control;                   /* what the control thread counts itself */
    double measured[SELF_MEASURED_COUNT];         /* FLUSH_SECONDS, RENDER_..., INTERVAL_SECONDS, START_SECONDS */
    const char *version, *commit;
};

/* Names that no client may take; static.  *ret_n of them. */
const char *const *selfmetrics_names(size_t *ret_n);

/* Everything added up, for the log's summary. */
void selfmetrics_gather(const struct selfmetrics_sources *src, struct selfmetrics *ret);
uint64_t selfmetrics_rejected(const struct selfmetrics_sources *src);
uint64_t selfmetrics_kernel_drops(const struct selfmetrics_sources *src);

void selfmetrics_render(const struct selfmetrics_sources *src, struct buf *out);

#endif
