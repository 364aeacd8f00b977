/**
 * redis_greeting: what a new connection says first, and what the answers mean.
 *
 *   redis_greeting_make -> the commands, sent at once -> redis_greeting_answer for each reply
 *
 * A reply that refuses a command is kept as `COMMAND: the error`.  CLIENT SETNAME may be refused:
 * the name is for CLIENT LIST only.
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_GREETING_H
#define SINKS_REDIS_GREETING_H

#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sinks/redis/url.h"

enum { REDIS_GREETING_NAME_BYTES = 64, REDIS_GREETING_WHY_BYTES = 256 };

enum redis_greets {
    REDIS_GREETS_WRITER,  /* AUTH, CLIENT SETNAME, SELECT, SCRIPT LOAD */
    REDIS_GREETS_READER,  /* no SCRIPT LOAD, which its user may not run */
    REDIS_GREETS_SENTINEL /* nor SELECT; AUTH without the user of the URL, who is Redis' own */
};

enum redis_greeting_end {
    REDIS_GREETING_MORE,    /* more answers are due */
    REDIS_GREETING_DONE,    /* that was the last one, and all is well */
    REDIS_GREETING_REFUSED, /* Redis refused a command: why */
    REDIS_GREETING_ODD      /* this is no Redis: why */
};

struct redis_greeting {
    const char *commands[4]; /* those sent, by name */
    uint8_t n, answered;
    char sha[41]; /* 40 hexadecimal digits, of SCRIPT LOAD; "": not answered, or not sent */
    char why[REDIS_GREETING_WHY_BYTES];
};

/* The client's name: "statsd-" and the instance; what CLIENT SETNAME does not take becomes `_`. */
void redis_greeting_name(char name[REDIS_GREETING_NAME_BYTES], const char *instance);

/**
 * redis_greeting_make(g, greets, u, password, name, out):
 *   password  NULL: no AUTH
 *   out       the commands are appended; it has a password in it
 */
void redis_greeting_make(struct redis_greeting *g, enum redis_greets greets,
                         const struct redis_url *u, const char *password, const char *name,
                         struct buf *out);

/* The next answer.  After an end other than MORE there may be no other. */
enum redis_greeting_end redis_greeting_answer(struct redis_greeting *g, const redisReply *reply);

/* The command whose answer is due. */
const char *redis_greeting_due(const struct redis_greeting *g);

#endif
