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

#include "base/buf.h"
#include "base/counters.h"
#include "sinks/sink.h"

/* What events and service checks that wait for Redis may take: the queues of both streams. */
enum { REDIS_EVENTS_BYTES = 16 << 20 };

/* Beside spool_max_bytes: what compresses, what is being compressed, and a window of batches. */
enum { REDIS_SPOOL_BYTES = 6 << 20 };

/* Of the keys and arguments that the script takes, and of how they are packed.  What waits is saved
 * so: a script that takes others, or another pack, needs the next number. */
enum { REDIS_BATCH_FORMAT = 2 };

/* Beside the URL; NULL or "": there is none. */
struct redis_files {
    const char *password;           /* one line: the password, in place of one in the URL */
    const char *sentinel_password;  /* of the Sentinels */
    const char *tls_ca;             /* PEM: who signs Redis' certificate; none: the system's CAs */
    const char *tls_cert, *tls_key; /* PEM: ours, for a Redis that asks for one */
};

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

/* Errors of a cluster that say where a command belongs.  X(id, its first word, label `kind`) */
/* clang-format off */
#define REDIS_REDIRECTS(X)                        \
    X(MOVED,       "MOVED",       "moved")        \
    X(ASK,         "ASK",         "ask")          \
    X(TRYAGAIN,    "TRYAGAIN",    "tryagain")     \
    X(CLUSTERDOWN, "CLUSTERDOWN", "clusterdown")  \
    X(NOSCRIPT,    "NOSCRIPT",    "noscript")

enum redis_redirect_kind {
#define X(id, word, label) REDIS_REDIRECT_##id,
    REDIS_REDIRECTS(X)
#undef X
    REDIS_REDIRECT_COUNT,
    REDIS_REDIRECT_NONE = REDIS_REDIRECT_COUNT
};
/* clang-format on */

/* X(member of redis_stats, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define REDIS_COUNTERS(X)                                                                         \
    X(connected, "statsd_redis_up", GAUGE, "",                                                    \
      "1 while connected to Redis: to each node of it that has a shard.")                         \
    X(nodes, "statsd_redis_nodes", GAUGE, "",                                                     \
      "Nodes of Redis that have a shard: masters of a cluster, or the one.")                      \
    X(redirects, "statsd_redis_redirects_total", COUNTER, "kind",                                 \
      "Commands that a node sent elsewhere or back, by the kind of its answer.")                  \
    X(map_refreshes, "statsd_redis_map_refreshes_total", COUNTER, "",                             \
      "Questions to Redis or a Sentinel which node has what.")                                    \
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
      "Batches that Redis had acknowledged and lost, and that could not be applied again.")       \
    X(lost_series, "statsd_redis_lost_series_total", COUNTER, "",                                 \
      "Series values lost with those batches.")                                                   \
    X(lost_intervals, "statsd_redis_lost_intervals_total", COUNTER, "",                           \
      "Intervals of which some values were lost with those batches.")                             \
    X(forgotten, "statsd_redis_lost_producers_total", COUNTER, "",                                \
      "Producer keys that Redis lost while the totals stayed (evicted or deleted).")              \
    X(foreign, "statsd_redis_foreign_duplicates_total", COUNTER, "",                              \
      "Batches whose number another server had used under the same identity (duplicates beyond "  \
      "resends); sent again under a new one.")                                                    \
    X(fenced, "statsd_redis_fenced_series_total", COUNTER, "",                                    \
      "Series values of a saved state that were not sent, as another process had gone on from a " \
      "later one.")                                                                               \
    X(rivals, "statsd_redis_instance_conflicts_total", COUNTER, "",                               \
      "Intervals in which another live server wrote under the same server.instance.")             \
    X(series_refused, "statsd_redis_refused_values_total", COUNTER, "",                           \
      "Values left out of Redis because a sum would leave the finite numbers.")                   \
    X(intervals_applied, "statsd_redis_applied_intervals_total", COUNTER, "",                     \
      "Intervals of which every batch was sent and answered.")                                    \
    X(series_applied, "statsd_redis_applied_series_total", COUNTER, "",                           \
      "Series values applied to Redis.")                                                          \
    X(intervals_dropped, "statsd_redis_dropped_intervals_total", COUNTER, "",                     \
      "Intervals dropped because the spool was full or too old.")                                 \
    X(series_dropped, "statsd_redis_dropped_series_total", COUNTER, "",                           \
      "Series values dropped with those intervals.")                                              \
    X(pruned, "statsd_redis_pruned_series_total", COUNTER, "",                                    \
      "Series whose totals this instance removed from Redis: nobody had sent them for "           \
      "redis.totals_ttl.")                                                                        \
    X(series_carried, "statsd_redis_carried_series_total", COUNTER, "",                           \
      "Of the series values of dropped intervals, those whose totals are carried: they come into "\
      "the totals in Redis all the same.")                                                        \
    X(events_appended, "statsd_redis_events_appended_total", COUNTER, "",                         \
      "Events and service checks appended to their streams in Redis.")                            \
    X(events_resent, "statsd_redis_events_resent_total", COUNTER, "",                             \
      "Events and service checks sent again after a lost connection: some are there twice, with " \
      "one id.")                                                                                  \
    X(events_dropped, "statsd_redis_events_dropped_total", COUNTER, "",                           \
      "Events and service checks dropped because too many waited for Redis, or at a stop.")       \
    X(events_refused, "statsd_redis_events_refused_total", COUNTER, "",                           \
      "Events and service checks dropped because Redis can't take them: the key is no stream.")   \
    X(events_waiting, "statsd_redis_events_waiting", GAUGE, "",                                   \
      "Events and service checks that wait for Redis.")                                           \
    X(bytes_sent, "statsd_redis_sent_bytes_total", COUNTER, "",                                   \
      "Bytes sent to Redis.")                                                                     \
    X(spool_bytes, "statsd_redis_spool_bytes", GAUGE, "",                                         \
      "Bytes of batches that wait for Redis or are kept for repair.")                             \
    X(spool_packed_bytes, "statsd_redis_spool_compressed_bytes", GAUGE, "",                       \
      "Of statsd_redis_spool_bytes, those that wait compressed.")                                 \
    X(spool_disk_bytes, "statsd_redis_spool_disk_bytes", GAUGE, "",                               \
      "Bytes of files in server.state_dir with what waits for Redis.")                            \
    X(spool_written, "statsd_redis_spool_written_bytes_total", COUNTER, "",                       \
      "Bytes written to those files.")                                                            \
    X(spool_failures, "statsd_redis_spool_write_failures_total", COUNTER, "",                     \
      "Failures to write to those files: the oldest is dropped instead, once memory is full.")    \
    X(spool_damaged, "statsd_redis_spool_damaged_series_total", COUNTER, "",                      \
      "Series values dropped because their file was damaged or gone.")                            \
    X(spool_left_over, "statsd_redis_spool_left_over_files_total", COUNTER, "",                   \
      "Files of a process that was killed, removed: what they held may have been sent.")          \
    X(spool_batches, "statsd_redis_spool_batches", GAUGE, "",                                     \
      "Batches that wait for Redis.")                                                             \
    X(spool_age_ms, "statsd_redis_spool_age_seconds", GAUGE, "",                                  \
      "For how long the oldest interval has been waiting for Redis.")
/* clang-format on */

enum redis_counter {
#define X(id, name, kind, labels, help) REDIS_COUNTER_##id,
    REDIS_COUNTERS(X)
#undef X
};

/* Sums since the start, and gauges as of now.  The series of a batch that Redis refuses for good
 * (a key of the wrong type) are in series_dropped as well. */
struct redis_stats {
#define X(id, name, kind, labels, help) uint64_t id;
    REDIS_COUNTERS(X)
#undef X
    uint64_t redirects_of[REDIS_REDIRECT_COUNT]; /* `redirects` is their sum */
    uint64_t intervals_queued; /* handed over; applied, dropped or still waiting */
};

extern const struct counter_table redis_counters; /* of a struct redis_stats */

/**
 * redis_url_check(url, files, ret_error):
 * Is the URL well-formed, and do the files fit it?  None of them is read.
 *   files    may be NULL
 *   returns  0, or -EINVAL with *ret_error a static text: what is wrong, and how it should look
 */
int redis_url_check(const char *url, const struct redis_files *files, const char **ret_error);

/**
 * redis_files_check(url, files, errors, warnings):
 * For `statsd check`: can the files be read, and are they what they should be?
 *   url       as redis_url_check has found good
 *   errors, warnings   get a line (with LF) for each, which begins with the file's name
 *   returns   0; -EINVAL
 *   cost      reads a disk
 */
int redis_files_check(const char *url, const struct redis_files *files, struct buf *errors,
                      struct buf *warnings);

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
