/**
 * redis_dial: from a host's name, or a path, to a socket that connects.
 *
 * The socket does not block: it is writable once it is connected or has failed, and SO_ERROR says
 * which.
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_DIAL_H
#define SINKS_REDIS_DIAL_H

#include <stdint.h>
#include <uv.h>

#include "sinks/redis/url.h"

struct redis_dial;

/* fd: the callee's from here on; -1 when error says why there is none, a text that dies with the
 * call.  addresses: how many the host has, 1 where there was nothing to look up.  The dial is freed
 * before this call: it must not be forgotten any more. */
typedef void (*redis_dial_fn)(void *cookie, int fd, uint32_t addresses, const char *error);

/**
 * redis_dial_start(loop, at, turn, done, cookie, ret):
 *   at    copied; a numeric address needs no lookup, of which there are only so many at a time
 *   turn  which of several addresses of the host, modulo their number
 *   done  is called once, later or before this returns, unless redis_dial_forget comes first
 *   ret   written before done is called
 */
void redis_dial_start(uv_loop_t *loop, const struct redis_host *at, uint32_t turn,
                      redis_dial_fn done, void *cookie, struct redis_dial **ret);

/* The same by a Unix socket, whose path has at most 107 bytes: done is called before this returns.
 */
void redis_dial_path(const char *path, redis_dial_fn done, void *cookie);

/* done is not called any more.  The memory goes when the loop has run once more; NULL is fine. */
void redis_dial_forget(struct redis_dial *d);

#endif
