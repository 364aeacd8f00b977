/**
 * redis_session: what the commands of `statsd redis` have in common: a loop, a reader, and the
 * requests that are under way.  Whatever fails is said once, to io->err.
 *   thread   main
 */
#ifndef CMD_REDIS_SESSION_H
#define CMD_REDIS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "cmd/cli.h"
#include "sinks/redis_reader.h"

struct task;

struct session {
    const struct config *config;
    const struct cli_io *io;
    uv_loop_t loop;
    struct redis_reader *reader;
    struct task *tasks; /* of the requests under way */
    bool failed;        /* one of them did; it was said */
    size_t odd;         /* fields that were no values */
    int64_t now_ms;     /* Unix, at the opening */
    uint64_t opened_ms; /* of the loop */
    bool warned;        /* that some nodes are away */
    int write_error;    /* errno of the last output */
};

/* The front of a request's cookie, which is freed by session_done, or with the session. */
struct task {
    struct session *session;
    struct task *next, *prev;
};

/* Begins to connect.
 *   patient  a place of a cluster may be down for longer than redis.reply_timeout
 *   returns  CLI_OK; else session_close is not to be called */
int session_open(struct session *s, const struct config *config, const struct cli_io *io,
                 bool patient);
void session_close(struct session *s);

/* Waits until the nodes of some shards answer, a bit each: redis.connect_timeout at most, from the
 * opening on.   returns  false: one does not; it was said which */
bool session_await(struct session *s, uint64_t shards);
/* Waits for all of them.   returns  the shards whose nodes answer; of others it is said once */
uint64_t session_reachable(struct session *s);

/* The cookie of one request: size bytes, all 0 behind the task. */
void *session_task(struct session *s, size_t size);
/* done() of every request: its cookie is a task. */
void session_done(void *cookie, enum redis_read_status status, const char *error);

/* Runs the loop until no request is under way.   returns  false: one failed */
bool session_wait(struct session *s);

/* redis_field_read, which counts what is odd. */
struct redis_field;
bool session_field(struct session *s, struct slice name, struct slice value,
                   struct redis_field *ret);

#endif
