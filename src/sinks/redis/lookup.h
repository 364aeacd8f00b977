/**
 * redis_lookup: a host name to its addresses.
 *
 * Each lookup has a thread of its own, at most LOOKUPS_MAX at a time: a cluster may have a name for
 * each node.  A name that hangs has one thread, however often it is asked for, and holds up no
 * other.  With libuv's uv_getaddrinfo a name server that does not answer would keep the loop alive
 * at a stop, and libuv's pool the process, for 30 s and more.
 *
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_LOOKUP_H
#define SINKS_REDIS_LOOKUP_H

#include <stdint.h>
#include <uv.h>

enum { REDIS_LOOKUPS_MAX = 16, REDIS_IPS_MAX = 8, REDIS_IP_BYTES = 64 };

/* The first addresses of a host, in the order of the resolver; numeric, with a scope of IPv6. */
struct redis_ips {
    uint32_t n; /* at least 1 */
    char ip[REDIS_IPS_MAX][REDIS_IP_BYTES];
};

struct redis_lookup;

/* ips: die with the call; NULL when error says why there are none.  The lookup is freed before this
 * call: it must not be forgotten any more. */
typedef void (*redis_lookup_fn)(void *cookie, const struct redis_ips *ips, const char *error);

/**
 * redis_lookup_start(loop, host, done, cookie, ret):
 *   returns  0: done is called once, later, unless redis_lookup_forget comes first
 *            -errno: done is not called (-EAGAIN: an earlier lookup of the host was forgotten, and
 *            still waits for its answer; -EBUSY: LOOKUPS_MAX are under way)
 */
int redis_lookup_start(uv_loop_t *loop, const char *host, redis_lookup_fn done, void *cookie,
                       struct redis_lookup **ret);

/* done is not called any more.  The memory goes when the loop has run once more; NULL is fine. */
void redis_lookup_forget(struct redis_lookup *k);

#endif
