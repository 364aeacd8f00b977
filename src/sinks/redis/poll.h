/**
 * redis_poll: hiredis' event hooks on a libuv loop.
 *
 * hiredis' own adapter returns when libuv reports a status < 0, yet that is how libuv reports
 * POLLERR, after stopping the handle: a refused connection or a reset is then never noticed
 * (redis/hiredis issue 508).  Here any such event is passed on as readable and writable, so that
 * hiredis runs into the error itself.
 *
 * Three more things that hiredis 0.14 does not defend against are caught here: a reply to no
 * command (an assert fails), a reply without end (the reader grows), and an array of 2^31 elements
 * (it is allocated).
 *
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_POLL_H
#define SINKS_REDIS_POLL_H

#include <stdbool.h>
#include <stdint.h>

#include <hiredis/async.h>
#include <uv.h>

/* Called instead of a read that would do harm.  May call redisAsyncFree(ac). */
typedef void (*redis_poll_refuse_fn)(redisAsyncContext *ac, const char *why);

/**
 * redis_poll_attach(loop, ac, refuse, bytes_max, depth_max):
 * hiredis owns the handle from here on and gives it back through its cleanup hook.  The memory goes
 * with the close callback, so the loop must run once more after the context has been freed.
 *   bytes_max  of one reply
 *   depth_max  0: an array is refused
 *   returns  0 or -errno of uv_poll_init; ac is unchanged then
 */
int redis_poll_attach(uv_loop_t *loop, redisAsyncContext *ac, redis_poll_refuse_fn refuse,
                      uint32_t bytes_max, uint8_t depth_max);

/* Has something come in that was not read yet? */
bool redis_poll_waiting(const redisAsyncContext *ac);

/* Does the reader hold bytes although no command waits?  To be asked at the end of every callback
 * that got a reply. */
bool redis_poll_surplus(const redisAsyncContext *ac);

#endif
