/**
 * redis_lookup: a host name to one of its addresses, on libuv's thread pool.
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_LOOKUP_H
#define SINKS_REDIS_LOOKUP_H

#include <stdint.h>
#include <uv.h>

struct redis_lookup;

/* ip: numeric, dies with the call; NULL when error says why there is none.  The lookup is gone then. */
typedef void (*redis_lookup_fn)(void *cookie, const char *ip, const char *error);

/**
 * redis_lookup_start(loop, host, turn, done, cookie, ret):
 *   turn     of several addresses the one at this place, counted round: another turn, another address
 *   returns  0, and done is called once, later; -errno: it is not
 */
int redis_lookup_start(uv_loop_t *loop, const char *host, uint32_t turn, redis_lookup_fn done, void *cookie,
                       struct redis_lookup **ret);

/* done is not called any more.  The memory goes when the loop has run once more.  NULL is fine. */
void redis_lookup_forget(struct redis_lookup *k);

#endif
