#include "cmd/redis/session.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/now.h"
#include "config/escape.h"
#include "core/redis_options.h"
#include "sinks/redis_field.h"

enum { POLL_MS = 10 };

/* "statsd: redis at URL: what" */
static void say(const struct session *s, const char *what)
{
    struct buf out = { 0 };
    buf_append_str(&out, "statsd: ");
    escape_url(slice_str(s->config->redis_url), &out);
    buf_append_str(&out, ": ");
    escape_text(slice_str(what), &out);
    if (strstr(what, "NOPERM") != NULL)
        buf_append_str(&out, " (docs/redis.md lists the rights of a reader)");
    buf_append_char(&out, '\n');
    cli_write(s->io->err, &out);
    buf_release(&out);
}

/* The URL is good, or the config would not have been taken. */
static void on_poll(uv_timer_t *t)
{
    (void)t; /* the loop has turned: await_redis looks */
}

/* A refusal stays; that nobody answers may pass, where there are several hosts. */
static bool is_refusal(const char *trouble)
{
    static const char *const words[] = {
        "WRONGPASS", "invalid password", "NOAUTH", "without any password", "NOPERM", "DB index",
        "DENIED",    "unknown command",  "TLS: ",  "password_file"
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strstr(trouble, words[i]) != NULL)
            return true;
    return false;
}

/* returns  NULL: Redis answers; else why it does not */
static const char *await_redis(struct session *s)
{
    uint64_t limit_ms = s->config->redis_connect_timeout_ms, start_ms = uv_now(&s->loop);
    const char *trouble = NULL;
    uv_timer_t poll;
    uv_timer_init(&s->loop, &poll);
    uv_timer_start(&poll, on_poll, POLL_MS, POLL_MS);
    while (!redis_reader_is_ready(s->reader)) {
        trouble = redis_reader_trouble(s->reader);
        if (uv_now(&s->loop) - start_ms >= limit_ms || (trouble != NULL && is_refusal(trouble)))
            break;
        uv_run(&s->loop, UV_RUN_ONCE);
    }
    bool ready = redis_reader_is_ready(s->reader);
    uv_close((uv_handle_t *)&poll, NULL);
    uv_run(&s->loop, UV_RUN_NOWAIT); /* poll is ours until it is closed */
    return ready ? NULL : trouble != NULL ? trouble : "it does not answer, or not for all slots";
}

static void task_free(struct task *task)
{
    if (task->next != NULL)
        task->next->prev = task->prev;
    *(task->prev != NULL ? &task->prev->next : &task->session->tasks) = task->next;
    free(task);
}

/* The log is silent here, so what is wrong with them is said by ourselves. */
static bool files_are_good(const struct session *s, const struct redis_reader_opts *opts)
{
    struct buf errors = { 0 }, warnings = { 0 };
    bool good = redis_files_check(opts->url, &opts->files, &errors, &warnings) == 0;
    struct slice rest = buf_slice(&errors), line;
    while (slice_cut(&rest, '\n', &line)) {
        char *text = mem_strndup(line.ptr, line.len);
        say(s, text);
        free(text);
    }
    buf_release(&errors);
    buf_release(&warnings);
    return good;
}

int session_open(struct session *s, const struct config *config, const struct cli_io *io)
{
    const struct redis_reader_opts opts = {
        .url = config->redis_url,
        .files = core_redis_files(config),
        .prefix = config->redis_prefix,
        .name = "cli",
        .connect_timeout_ms = (uint32_t)config->redis_connect_timeout_ms,
        .reply_timeout_ms = (uint32_t)config->redis_reply_timeout_ms,
    };
    *s = (struct session){ .config = config, .io = io, .now_ms = now_wall_ms() };
    signal(SIGPIPE, SIG_IGN);
    log_to_fd(-1); /* what is wrong is said by the command itself */
    uv_loop_init(&s->loop);
    if (!files_are_good(s, &opts) || redis_reader_new(&s->loop, &opts, &s->reader) < 0) {
        uv_loop_close(&s->loop);
        return CLI_USAGE;
    }
    const char *trouble = await_redis(s);
    if (trouble == NULL)
        return CLI_OK;
    say(s, trouble);
    session_close(s);
    return CLI_FAILED;
}

void session_close(struct session *s)
{
    redis_reader_free(s->reader); /* what is under way ends without session_done */
    while (s->tasks != NULL)
        task_free(s->tasks);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
}

void *session_task(struct session *s, size_t size)
{
    struct task *task = mem_zalloc(size);
    task->session = s;
    task->next = s->tasks;
    if (s->tasks != NULL)
        s->tasks->prev = task;
    s->tasks = task;
    return task;
}

void session_done(void *cookie, enum redis_read_status status, const char *error)
{
    struct task *task = cookie;
    struct session *s = task->session;
    if (status != REDIS_READ_DONE && !s->failed)
        say(s, error);
    s->failed |= status != REDIS_READ_DONE;
    task_free(task);
}

bool session_wait(struct session *s)
{
    while (s->tasks != NULL && !s->failed)
        uv_run(&s->loop, UV_RUN_ONCE);
    return !s->failed;
}

bool session_field(struct session *s, struct slice name, struct slice value,
                   struct redis_field *ret)
{
    if (redis_field_read(name, value, ret) == REDIS_FIELD_OK)
        return true;
    s->odd++;
    return false;
}
