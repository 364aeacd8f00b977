#include "sinks/redis/greeting.h"

#include <assert.h>
#include <stdio.h>

#include "base/buf.h"
#include "sinks/redis/script.h"

void redis_greeting_name(char name[REDIS_GREETING_NAME_BYTES], const char *instance)
{
    snprintf(name, REDIS_GREETING_NAME_BYTES, "statsd-%s", instance);
    for (char *c = name; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            *c = '_';
}

size_t redis_greeting_send(redisAsyncContext *ac, enum redis_greets greets,
                           const struct redis_url *u, const char *name, redisCallbackFn *on_named,
                           redisCallbackFn *on_answer)
{
    static char script_tag; /* its address is the cookie */
    struct buf script = { 0 };
    size_t answers = 1;
    assert(ac->replies.head == NULL); /* nothing was sent before */
    if (u->password != NULL && greets != REDIS_GREETS_SENTINEL) {
        answers++;
        if (u->user != NULL)
            redisAsyncCommand(ac, on_answer, NULL, "AUTH %s %s", u->user, u->password);
        else
            redisAsyncCommand(ac, on_answer, NULL, "AUTH %s", u->password);
    }
    redisAsyncCommand(ac, on_named, NULL, "CLIENT SETNAME %s", name);
    if (u->db != 0 && greets != REDIS_GREETS_SENTINEL) {
        answers++;
        redisAsyncCommand(ac, on_answer, NULL, "SELECT %d", (int)u->db);
    }
    if (greets != REDIS_GREETS_WRITER)
        return answers;
    answers++;
    redis_script_append(&script);
    redisAsyncCommand(ac, on_answer, &script_tag, "SCRIPT LOAD %b", script.ptr, script.len);
    buf_release(&script);
    return answers;
}
