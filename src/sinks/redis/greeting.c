#include "sinks/redis/greeting.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "sinks/redis/resp.h"
#include "sinks/redis/script.h"

static const char auth[] = "AUTH", set_name[] = "CLIENT SETNAME", select_db[] = "SELECT",
                  load[] = "SCRIPT LOAD";

void redis_greeting_name(char name[REDIS_GREETING_NAME_BYTES], const char *instance)
{
    snprintf(name, REDIS_GREETING_NAME_BYTES, "statsd-%s", instance);
    for (char *c = name; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            *c = '_';
}

/* The words of `command`, then `more` arguments. */
static void begin(struct redis_greeting *g, const char *command, uint64_t more, struct buf *out)
{
    struct slice rest = slice_str(command), word;
    assert(g->n < ARRAY_LEN(g->commands));
    g->commands[g->n++] = command;
    bool two = slice_cut(&rest, ' ', &word);
    redis_resp_command(out, more + (two ? 2 : 1));
    if (two)
        redis_resp_arg(out, word);
    redis_resp_arg(out, rest);
}

void redis_greeting_make(struct redis_greeting *g, enum redis_greets greets,
                         const struct redis_url *u, const char *password, const char *name,
                         struct buf *out)
{
    *g = (struct redis_greeting){ 0 };
    const char *user = greets != REDIS_GREETS_SENTINEL ? u->user : NULL;
    if (password != NULL) {
        begin(g, auth, user != NULL ? 2 : 1, out);
        if (user != NULL)
            redis_resp_arg_str(out, user);
        redis_resp_arg_str(out, password);
    }
    begin(g, set_name, 1, out);
    redis_resp_arg_str(out, name);
    if (u->db != 0 && greets != REDIS_GREETS_SENTINEL) {
        begin(g, select_db, 1, out);
        redis_resp_arg_u64(out, u->db);
    }
    if (greets == REDIS_GREETS_WRITER) {
        struct buf script = { 0 };
        redis_script_append(&script);
        begin(g, load, 1, out);
        redis_resp_arg(out, buf_slice(&script));
        buf_release(&script);
    }
}

const char *redis_greeting_due(const struct redis_greeting *g)
{
    assert(g->answered < g->n);
    return g->commands[g->answered];
}

/* A user without the right to set a name, and a Redis without CLIENT, are welcome. */
static bool may_refuse(const char *command, const char *error)
{
    return command == set_name &&
           (strncmp(error, "NOPERM", 6) == 0 || strncmp(error, "ERR unknown command", 19) == 0);
}

enum redis_greeting_end redis_greeting_answer(struct redis_greeting *g, const redisReply *reply)
{
    const char *command = redis_greeting_due(g);
    g->answered++;
    if (reply->type == REDIS_REPLY_ERROR && !may_refuse(command, reply->str)) {
        snprintf(g->why, sizeof g->why, "%s: %s", command, reply->str);
        return REDIS_GREETING_REFUSED;
    }
    if (command == load) {
        if (reply->type != REDIS_REPLY_STRING || reply->len != sizeof g->sha - 1) {
            snprintf(g->why, sizeof g->why, "SCRIPT LOAD did not answer with a sha1");
            return REDIS_GREETING_ODD;
        }
        memcpy(g->sha, reply->str, sizeof g->sha - 1);
    }
    return g->answered == g->n ? REDIS_GREETING_DONE : REDIS_GREETING_MORE;
}
