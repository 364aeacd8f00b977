/**
 * redis: the ledger of closed intervals in a standalone Redis (docs/redis.md has the keys).
 *
 * Every interval is cut into batches of at most REDIS_BATCH_SERIES series of one shard (crc16(name) % 64).  A batch is one
 * EVALSHA with a sequence number per producer (a random id) and shard: the script refuses a number it has seen (a resend after a
 * cut connection applies once) and answers with the last one it has when there is a gap (Redis lost acknowledged writes), upon
 * which the batches still kept are sent again.  Once it has had data, a shard with none sends an empty batch, so that a gap is
 * noticed.
 *
 * While Redis is away batches wait in memory, oldest first, up to spool_max_bytes and spool_max_age; past that the oldest
 * whole interval of which nothing was sent is dropped and counted.  Numbers are given at the first sending, so that leaves no
 * gap.
 *
 * hiredis' own libuv adapter loses errors (redis/hiredis issue 508), so redis_link.c has its own: connect and reply timeouts,
 * reconnect with backoff and jitter.
 *
 *   thread   control: everything runs on the loop given to redis_sink_new
 */
#ifndef SINKS_REDIS_H
#define SINKS_REDIS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/counters.h"
#include "sinks/sink.h"

struct redis_opts {
    const char *url;             /* redis://[user[:password]@]host[:port][/db]   unix:///path/to.sock[?db=N]   (user, password percent-encoded) */
    const char *prefix;          /* "sd" */
    const char *instance;        /* who we are in the producer key and the log stream; two servers may share it */
    const char *id;              /* of the producer, 32 digits of lower hexadecimal; NULL: drawn at random, as it should be */
    uint32_t retention_s;        /* life of interval keys */
    uint32_t interval_ms;
    uint64_t spool_max_bytes;
    uint64_t spool_max_age_ms;
    uint32_t connect_timeout_ms, reply_timeout_ms;
};

/* X(member of redis_stats, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define REDIS_COUNTERS(X)                                                                         \
    X(connected, "statsd_redis_up", GAUGE, "",                                                    \
      "1 while connected to Redis.")                                                              \
    X(connects, "statsd_redis_connects_total", COUNTER, "",                                       \
      "Connections to Redis that were established.")                                              \
    X(disconnects, "statsd_redis_disconnects_total", COUNTER, "",                                 \
      "Connections to Redis that were lost.")                                                     \
    X(connect_failures, "statsd_redis_connect_failures_total", COUNTER, "",                       \
      "Attempts to connect to Redis that failed.")                                                \
    X(errors, "statsd_redis_errors_total", COUNTER, "",                                           \
      "Error replies of Redis.")                                                                  \
    X(batches_sent, "statsd_redis_batches_sent_total", COUNTER, "",                               \
      "Batches sent to Redis, those sent again included.")                                        \
    X(batches_applied, "statsd_redis_batches_applied_total", COUNTER, "",                         \
      "Batches applied to Redis.")                                                                \
    X(batches_duplicate, "statsd_redis_batches_duplicate_total", COUNTER, "",                     \
      "Resent batches that Redis had already applied.")                                           \
    X(batches_resent, "statsd_redis_batches_resent_total", COUNTER, "",                           \
      "Batches sent again after a lost connection or a gap.")                                     \
    X(gaps, "statsd_redis_gaps_total", COUNTER, "",                                               \
      "Times Redis had lost acknowledged batches.")                                               \
    X(epochs, "statsd_redis_epochs_total", COUNTER, "",                                           \
      "Gaps that reached further back than what was kept: something is lost.")                    \
    X(lost_batches, "statsd_redis_lost_batches_total", COUNTER, "",                               \
      "Batches that Redis had acknowledged and lost, and that were not kept any more.")           \
    X(lost_series, "statsd_redis_lost_series_total", COUNTER, "",                                 \
      "Series values lost with those batches.")                                                   \
    X(lost_intervals, "statsd_redis_lost_intervals_total", COUNTER, "",                           \
      "Intervals of which some values were lost with those batches.")                             \
    X(forgotten, "statsd_redis_lost_producers_total", COUNTER, "",                                \
      "Producer keys that Redis lost while the totals stayed (evicted or deleted).")              \
    X(foreign, "statsd_redis_foreign_duplicates_total", COUNTER, "",                              \
      "Batches whose number another server had used under the same identity (duplicates beyond "  \
      "resends); sent again under a new one.")                                                    \
    X(rivals, "statsd_redis_instance_conflicts_total", COUNTER, "",                               \
      "Intervals in which another live server wrote under the same server.instance.")             \
    X(series_refused, "statsd_redis_refused_values_total", COUNTER, "",                           \
      "Values left out of Redis because a sum would leave the finite numbers.")                   \
    X(intervals_applied, "statsd_redis_applied_intervals_total", COUNTER, "",                     \
      "Intervals completely applied to Redis.")                                                   \
    X(series_applied, "statsd_redis_applied_series_total", COUNTER, "",                           \
      "Series values applied to Redis.")                                                          \
    X(intervals_dropped, "statsd_redis_dropped_intervals_total", COUNTER, "",                     \
      "Intervals dropped because the spool was full or too old.")                                 \
    X(series_dropped, "statsd_redis_dropped_series_total", COUNTER, "",                           \
      "Series values dropped with those intervals.")                                              \
    X(bytes_sent, "statsd_redis_sent_bytes_total", COUNTER, "",                                   \
      "Bytes sent to Redis.")                                                                     \
    X(spool_bytes, "statsd_redis_spool_bytes", GAUGE, "",                                         \
      "Bytes of batches kept for Redis.")                                                         \
    X(spool_batches, "statsd_redis_spool_batches", GAUGE, "",                                     \
      "Batches kept for Redis.")                                                                  \
    X(spool_age_ms, "statsd_redis_spool_age_seconds", GAUGE, "",                                  \
      "For how long the oldest interval kept for Redis has been waiting.")
/* clang-format on */

enum redis_counter {
#define X(id, name, kind, labels, help) REDIS_COUNTER_##id,
    REDIS_COUNTERS(X)
#undef X
};

/* What the sink counted; an answer that is an error and would come again (WRONGTYPE ...) also adds
 * its series to series_dropped. */
struct redis_stats {
#define X(id, name, kind, labels, help) uint64_t id;
    REDIS_COUNTERS(X)
#undef X
    uint64_t intervals_queued;
};

extern const struct counter_table redis_counters;   /* of a struct redis_stats */

/**
 * redis_url_check(url, ret_error):
 * For `statsd check`: is the URL well-formed?
 *   returns  0, or -EINVAL with *ret_error a static text that says what is wrong and how it should look
 */
int redis_url_check(const char *url, const char **ret_error);

/**
 * redis_sink_new(loop, opts, ret):
 * Starts to connect at once; Redis being away is a warning in the log, never a failure.
 * close() needs the loop to run once more: libuv gives handles back in it.
 *   opts     copied; prefix is not empty and has no { } in it, instance is not empty
 *   returns  0 or -EINVAL (url, prefix, instance, id)
 */
int redis_sink_new(uv_loop_t *loop, const struct redis_opts *opts, struct sink **ret);

void redis_sink_stats(const struct sink *s, struct redis_stats *ret);

#endif
