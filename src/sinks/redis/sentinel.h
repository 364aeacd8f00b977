/**
 * redis_sentinel: asks Sentinels where the master of a name is.
 *
 *   redis_sentinel_ask -> connect to one -> SENTINEL get-master-addr-by-name -> found()
 *        no answer, or none that helps: the next one; after all of them a pause (backoff.h)
 *
 * A connection lasts for one question.  That no Sentinel knows the name is said in the log.
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_SENTINEL_H
#define SINKS_REDIS_SENTINEL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "sinks/redis/redirect.h"
#include "sinks/redis/url.h"

struct redis_sentinel;

struct redis_sentinel_opts {
    const struct redis_url *url;     /* has a master; outlives the sentinel */
    const struct redis_login *login; /* as struct redis_link_opts */
    const char *instance;            /* copied */
    uint32_t timeout_ms;             /* of connecting, and of the answer; 0: as of redis_link */
    void *cookie;
    /* The master is there, they say.  Not called from redis_sentinel_ask. */
    void (*found)(void *cookie, const struct redis_addr *at);
};

struct redis_sentinel *redis_sentinel_new(uv_loop_t *loop, const struct redis_sentinel_opts *opts);
/* The loop has to run once more; NULL is fine.  Never within found(). */
void redis_sentinel_free(struct redis_sentinel *s);

/**
 * redis_sentinel_ask(s, doubt):
 * found() is called once, whenever a Sentinel knows; no more than one question is under way.
 *   doubt  the one that was named last is no master that can be written to: another Sentinel is
 *          asked, as one that is cut off from the others names the old master for ever
 */
void redis_sentinel_ask(struct redis_sentinel *s, bool doubt);

/* Why none of them has named a master, for people: what one answered that has none, else how the
 * last one failed; NULL: one has, or not all were asked yet.  Valid until the loop turns. */
const char *redis_sentinel_trouble(const struct redis_sentinel *s);

#endif
