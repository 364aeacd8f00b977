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

/* What the sink counted, for the self-metrics.  Monotonic but for the last four.
 * errors: answers that were errors; those that would come again (WRONGTYPE ..) add the series to series_dropped. */
struct redis_stats {
    uint64_t batches_sent, batches_applied, batches_duplicate, batches_resent;
    uint64_t gaps, errors, connects, disconnects;
    uint64_t connect_failures;            /* attempts that did not get as far as SCRIPT LOAD */
    uint64_t epochs;                      /* gaps that reached back further than what was kept: something is lost */
    uint64_t lost_batches, lost_series, lost_intervals;    /* with those gaps */
    uint64_t forgotten;                   /* producer keys that Redis lost while the totals stayed */
    uint64_t foreign;                     /* batches whose number another server had used under our id: sent again as new */
    uint64_t rivals;                      /* intervals in which another live server wrote under our instance name */
    uint64_t series_refused;              /* values left out because a sum would not be finite */
    uint64_t intervals_queued, intervals_applied, intervals_dropped;
    uint64_t series_applied, series_dropped;
    uint64_t bytes_sent;
    uint64_t spool_bytes, spool_batches, spool_age_ms;
    bool connected;
};

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
