/**
 * redis_lookup: a host name to one of its addresses.
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

enum { REDIS_LOOKUPS_MAX = 16 };

struct redis_lookup;

/* ip: numeric, dies with the call; NULL when error says why there is none.  addresses: how many the
 * host has.  The lookup is freed before this call: it must not be forgotten any more. */
typedef void (*redis_lookup_fn)(void *cookie, const char *ip, uint32_t addresses,
                                const char *error);

/**
 * redis_lookup_start(loop, host, turn, done, cookie, ret):
 *   turn     which of several addresses, modulo their number: another turn, another address
 *   returns  0: done is called once, later, unless redis_lookup_forget comes first
 *            -errno: done is not called (-EAGAIN: an earlier lookup of the host was forgotten, and
 *            still waits for its answer; -EBUSY: LOOKUPS_MAX are under way)
 */
int redis_lookup_start(uv_loop_t *loop, const char *host, uint32_t turn, redis_lookup_fn done,
                       void *cookie, struct redis_lookup **ret);

/* done is not called any more.  The memory goes when the loop has run once more; NULL is fine. */
void redis_lookup_forget(struct redis_lookup *k);

#endif
