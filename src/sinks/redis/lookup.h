/**
 * redis_lookup: a host name to one of its addresses.
 *
 * Each lookup has a thread of its own, four at most at a time.  libuv's uv_getaddrinfo would keep the loop alive, and its pool
 * the process, until a name server that is away has been waited for: 30 s and more at a stop.
 *
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
 *   returns  0, and done is called once, later; -errno: it is not (-EAGAIN: four earlier ones still hang)
 */
int redis_lookup_start(uv_loop_t *loop, const char *host, uint32_t turn, redis_lookup_fn done, void *cookie,
                       struct redis_lookup **ret);

/* done is not called any more.  The memory goes when the loop has run once more.  NULL is fine. */
void redis_lookup_forget(struct redis_lookup *k);

#endif
