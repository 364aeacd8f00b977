/**
 * redis_sink_opts: what of the sink's options is right, and what follows from them.
 *   thread   any (no state)
 */
#ifndef SINKS_REDIS_SINK_OPTS_H
#define SINKS_REDIS_SINK_OPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sinks/redis.h"
#include "sinks/redis/append.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/ledger.h"

/* Prefix, instance and id; the URL is redis_url_parse's. */
bool redis_sink_opts_good(const struct redis_opts *o);

/* How long Redis remembers a producer: longer than a batch may be sent again, and than from one
 * interval to the next. */
uint32_t redis_sink_opts_life_s(const struct redis_opts *o);

struct redis_encode_opts redis_sink_opts_encode(const struct redis_opts *o);

/* But for the id, the carry, the nodes and the callbacks. */
struct redis_ledger_opts redis_sink_opts_ledger(const struct redis_opts *o);

/* But for the texts, which have to outlive o, and the callback. */
struct redis_append_opts redis_sink_opts_append(const struct redis_opts *o);

#endif
