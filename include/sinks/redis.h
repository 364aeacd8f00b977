/**
 * redis: the ledger of closed intervals in Redis (docs/redis.md has the keys).
 *
 * Every interval is cut into batches of at most 250 series of one shard (crc16(name) % 64).  A
 * batch is one EVALSHA with a sequence number per shard and producer (a random id).  The script
 * refuses a number that it has seen, so a batch sent again after a cut connection is applied once.
 * When Redis has lost acknowledged writes, the script answers with the last number it has, and the
 * batches after it are sent again, as far as they are still kept.  A shard that has had data sends
 * at least one batch per interval, empty if need be, so that such a gap is noticed.
 *
 * While Redis is away batches wait in memory, oldest first, compressed once they are older than two
 * intervals, up to spool_max_bytes; then the oldest go to disk, up to spool_disk_max_bytes.  Past
 * that, and past spool_max_age_ms, the oldest interval of which nothing was sent is dropped and
 * counted.  Numbers are given at the first sending, so a dropped batch leaves no gap.
 *
 * Events and service checks go to two streams by XADD, each at least once, beside the ledger and
 * over the same connection.
 *
 *   sink -> encode     an interval as batches
 *        -> ledger     a queue for each shard; what is sent when, and what is sent again
 *        -> append     a queue for each of the two streams; what is sent again
 *        -> route      which node has the shard; a standalone Redis is a cluster of one node
 *        -> link       one connection to one node
 *
 *   thread   control: everything runs on the loop given to redis_sink_new
 */
#ifndef SINKS_REDIS_H
#define SINKS_REDIS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "sinks/redis_counters.h"
#include "sinks/redis_files.h"
#include "sinks/sink.h"

/* What events and service checks that wait for Redis may take: the queues of both streams. */
enum { REDIS_EVENTS_BYTES = 16 << 20 };

/* Beside spool_max_bytes: what compresses, what is being compressed, and a window of batches. */
enum { REDIS_SPOOL_BYTES = 6 << 20 };

/* Of the keys and arguments that the script takes, and of how they are packed.  What waits is saved
 * so: a script that takes others, or another pack, needs the next number. */
enum { REDIS_BATCH_FORMAT = 2 };

struct redis_opts {
    /* redis://[user[:password]@]host[:port][,host[:port]..][/db], rediss:// (TLS),
     * redis+sentinel://host[:port][,..]/master[/db] or unix:///path/to.sock[?db=N]; what stands in
     * them is percent-encoded. */
    const char *url;
    struct redis_files files;
    const char *prefix;   /* of all keys: "sd" */
    const char *instance; /* in producer keys and the log stream; two servers may share it */
    const char *id;       /* of the first producer, 32 lower hex digits; NULL: random */
    uint32_t retention_s; /* life of interval keys */
    uint32_t interval_ms;
    uint64_t spool_max_bytes;
    uint64_t spool_max_age_ms;
    int spool_dir; /* a folder for what has no room in memory, borrowed; 0 or below: none */
    uint64_t spool_disk_max_bytes; /* 0: nothing is written there */
    uint32_t events_max; /* entries of each stream, and those that wait for it; 0: none are sent */
    uint32_t connect_timeout_ms, reply_timeout_ms;
    uint64_t totals_ttl_s; /* totals that nobody adds to for so long are removed; 0: never */
    bool own_gauges;       /* there may be gauges whose rule is not `latest` */
    bool all_own_gauges;   /* each gauge has a field of the instance's own in the totals */
    uint32_t alive_ms;     /* for how long after its last batch these count */
    bool resumes;          /* what it holds is saved at a stop: producers outlive the process */
};

/**
 * redis_sink_new(loop, opts, ret):
 * Starts to connect at once; Redis being away is a warning in the log, never a failure.
 * close() needs the loop to run once more: libuv gives handles back in it.
 *   opts     copied; prefix is not empty and has no { } in it, instance is not empty
 *   returns  0 or -EINVAL (url, files, prefix, instance, id); of the first two the log says what
 */
int redis_sink_new(uv_loop_t *loop, const struct redis_opts *opts, struct sink **ret);

void redis_sink_stats(const struct sink *s, struct redis_stats *ret);

#endif
