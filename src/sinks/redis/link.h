/**
 * redis_link: one connection to one Redis that comes back by itself.
 *
 *   WAITING --timer--> RESOLVING --> CONNECTING --> GREETING --> READY
 *      ^                   |              |             |          |
 *      +------ backoff ----+--------------+-------------+----------+   100 ms, 200 ms .. 5 s, each +-50 % by chance
 *
 * Greeting: AUTH, CLIENT SETNAME, SELECT, SCRIPT LOAD.  An error there (WRONGPASS, NOPERM, LOADING ..) is one more reason to
 * try again later: it is logged as `redis refused` with what to do, at most every 10 s, and the operator may repair it while we
 * run.
 * The backoff begins anew only when the owner says that Redis did useful work (redis_link_thrive), so a Redis that accepts
 * connections and refuses every command is not hammered.
 *
 * Limits of time: connect_timeout for resolving, connecting and greeting together; reply_timeout without one reply while
 * commands are under way; a reply that came while the loop was busy elsewhere is in time.  SIGPIPE must be ignored by the process.
 *
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_LINK_H
#define SINKS_REDIS_LINK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "sinks/redis/url.h"

struct redis_link;

struct redis_link_opts {
    const struct redis_url *url;    /* outlives the link */
    const char *instance;           /* becomes the client's name; copied */
    uint32_t connect_timeout_ms;    /* 0: 2,000 */
    uint32_t reply_timeout_ms;      /* 0: 5,000 */
    void *cookie;
    /* Greeted: commands may be sent. */
    void (*ready)(void *cookie);
    /* A reply to the command sent with tag, in the order of sending.  NULL: the connection ended first, and whether the
     * command ran is not known; no command can be sent then.  The reply dies with the call. */
    void (*reply)(void *cookie, void *tag, const redisReply *reply);
};

struct redis_link_stats {
    uint64_t connects, disconnects, failures;   /* READY reached, READY left, attempts that did not get there */
};

/* Starts at once.  Never fails: what cannot be reached is tried again. */
struct redis_link *redis_link_new(uv_loop_t *loop, const struct redis_link_opts *opts);

/* Calls reply(NULL) for what is under way.  The memory goes when the loop has closed the handles: run
 * it once more.  Never within reply() or ready(): hiredis would come back to a link that is gone. */
void redis_link_free(struct redis_link *l);

bool redis_link_is_ready(const struct redis_link *l);
const char *redis_link_sha(const struct redis_link *l);    /* 40 hex digits, of the last SCRIPT LOAD; "" before the first */

/**
 * redis_link_send(l, bytes, n, tag):
 *   bytes    one whole command in RESP, copied
 *   returns  false when not ready
 */
bool redis_link_send(struct redis_link *l, const char *bytes, size_t n, void *tag);

/* Redis refused a command: give this connection up and come back after the backoff.  Within reply() the other replies(NULL) follow after it. */
void redis_link_retry(struct redis_link *l, const char *why);

void redis_link_thrive(struct redis_link *l);
void redis_link_stats(const struct redis_link *l, struct redis_link_stats *ret);

#endif
