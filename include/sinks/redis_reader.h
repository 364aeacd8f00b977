/**
 * redis_reader: what the ledger has in Redis (docs/redis.md), read over connections of its own.
 *
 *   redis_reader_scan       all fields of a hash of a shard, in pieces (HSCAN)
 *   redis_reader_get        some fields of it (HMGET)
 *   redis_reader_sets       which sets a shard has (ZSCAN)
 *   redis_reader_members    how many members they have together (PFCOUNT)
 *   redis_reader_log        the entries of a shard's log (XREVRANGE, XREAD)
 *
 * Reading changes nothing in Redis, and a large one holds up no flush.  Each node has one piece of
 * one request at a time, in the order of the requests, and the next is sent when this one has been
 * taken: so no more than a piece of each node waits in memory.
 *
 * A request waits for its node, and goes on when a connection was lost in between, until it is
 * late.  done() is its last call, and is always made but for redis_read_cancel and
 * redis_reader_free.  Within these calls requests may be made and cancelled, and the reader must
 * not be freed.
 *
 * What comes was written by anybody: names and values may be any bytes.  redis_field.h reads them.
 *
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_READER_H
#define SINKS_REDIS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/slice.h"
#include "sinks/redis_files.h"

enum {
    REDIS_READER_SHARDS = 64,
    REDIS_READER_TOTALS = -1, /* in place of an interval's T: all that ever came */
    REDIS_READER_PIECE = 1000 /* fields of a piece, unless said otherwise */
};

struct redis_reader_opts {
    const char *url; /* these two: as of the sink */
    struct redis_files files;
    const char *prefix;          /* of all keys; copied */
    const char *name;            /* of the client, behind "statsd-"; copied */
    uint32_t piece;              /* fields of a piece, about; 0: REDIS_READER_PIECE */
    uint32_t connect_timeout_ms; /* 0: 2,000 */
    uint32_t reply_timeout_ms;   /* of a piece; 0: 5,000 */
    uint32_t request_timeout_ms; /* of a whole request, from its call on; 0: 60,000 */
};

enum redis_read_status {
    REDIS_READ_DONE,
    REDIS_READ_LATE,    /* request_timeout_ms have passed */
    REDIS_READ_REFUSED, /* Redis answers with an error that stays: NOPERM, WRONGTYPE .. */
    REDIS_READ_ODD      /* an answer that the command does not have: this is no Redis */
};

/* One entry of a log: all of an interval of an instance is applied. */
struct redis_log_entry {
    struct slice id;       /* the stream's, "1795232933134-0" */
    int64_t t;             /* the interval */
    struct slice instance; /* as it was configured */
    int64_t n;             /* its series */
};

/* What a request gives: the calls that it has are said there, others may be NULL.  Slices die with
 * the call. */
struct redis_read_calls {
    void *cookie;
    void (*field)(void *cookie, struct slice name, struct slice value);
    void (*set)(void *cookie, int64_t t, struct slice series);
    void (*members)(void *cookie, uint64_t n);
    void (*entry)(void *cookie, const struct redis_log_entry *e);
    /* error: for people; NULL where the status is DONE.  It dies with the call. */
    void (*done)(void *cookie, enum redis_read_status status, const char *error);
};

struct redis_reader;
struct redis_read; /* a request; gone with done() or its cancelling */

/* Starts to connect.   returns  0; -EINVAL: the URL, its files (the log says what), or an empty
 * prefix */
int redis_reader_new(uv_loop_t *loop, const struct redis_reader_opts *opts,
                     struct redis_reader **ret);
/* Requests end without done().  The loop has to run once more.  NULL is fine. */
void redis_reader_free(struct redis_reader *r);

bool redis_reader_is_ready(const struct redis_reader *r); /* all nodes are connected */
/* Why it is not, for people; NULL: nothing is known yet, or it is. */
const char *redis_reader_trouble(const struct redis_reader *r);

/* The shard of a metric's name, 0 .. 63. */
unsigned redis_reader_shard(struct slice name);

/**
 * redis_reader_scan(r, shard, t, match, calls):
 * field() for each field that is in the hash from beginning to end, once each.  Fields that come or
 * go meanwhile may be given or not.  A hash that is not there has none.
 *   t        an interval's start in Unix s, or REDIS_READER_TOTALS
 *   match    a pattern of Redis' for the names of the fields; NULL: all
 */
struct redis_read *redis_reader_scan(struct redis_reader *r, unsigned shard, int64_t t,
                                     const char *match, const struct redis_read_calls *calls);

/* field() for those of n names that are there, in their order.   names  copied, n > 0 */
struct redis_read *redis_reader_get(struct redis_reader *r, unsigned shard, int64_t t,
                                    const struct slice *names, size_t n,
                                    const struct redis_read_calls *calls);

/**
 * redis_reader_sets(r, shard, t, calls):
 * set() for each set of interval t in a shard's list of sets, once each.  One whose key has expired
 * may be in it until the next set of the shard is written.
 *   t        REDIS_READER_TOTALS: of all intervals that Redis keeps
 */
struct redis_read *redis_reader_sets(struct redis_reader *r, unsigned shard, int64_t t,
                                     const struct redis_read_calls *calls);

/* members(): the distinct members of a set over n intervals; no call where none of them is there.
 *   ts  copied, n > 0 */
struct redis_read *redis_reader_members(struct redis_reader *r, struct slice series,
                                        const int64_t *ts, size_t n,
                                        const struct redis_read_calls *calls);

/**
 * redis_reader_log(r, shard, after, n, calls):
 * entry() for entries of a shard's log.
 *   after    the id of an entry: up to n of those behind it, the oldest first (copied)
 *            NULL: the last n, the newest first
 */
struct redis_read *redis_reader_log(struct redis_reader *r, unsigned shard, const char *after,
                                    size_t n, const struct redis_read_calls *calls);

/* No more calls for it. */
void redis_read_cancel(struct redis_read *q);

#endif
