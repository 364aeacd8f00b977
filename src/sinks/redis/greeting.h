/**
 * redis_greeting: what a new connection says first: AUTH, CLIENT SETNAME, SELECT, SCRIPT LOAD.
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_GREETING_H
#define SINKS_REDIS_GREETING_H

#include <hiredis/async.h>
#include <stddef.h>

#include "sinks/redis/link.h"
#include "sinks/redis/url.h"

enum { REDIS_GREETING_NAME_BYTES = 64 };

/* The client's name: "statsd-" and the instance; what CLIENT SETNAME does not take becomes `_`. */
void redis_greeting_name(char name[REDIS_GREETING_NAME_BYTES], const char *instance);

/**
 * redis_greeting_send(ac, greets, u, name, on_named, on_answer):
 *   on_named    the answer to CLIENT SETNAME
 *   on_answer   each of the others; its cookie is not NULL for the last, SCRIPT LOAD
 *   returns     how many answers are due
 */
size_t redis_greeting_send(redisAsyncContext *ac, enum redis_greets greets,
                           const struct redis_url *u, const char *name, redisCallbackFn *on_named,
                           redisCallbackFn *on_answer);

#endif
