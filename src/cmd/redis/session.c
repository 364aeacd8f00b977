/*
 *   session_open                   the files, the reader
 *   session_await, _reachable      wait_for some nodes -> say which are away
 *   session_task, _done, _wait     requests come and go
 */
#include "cmd/redis/session.h"

#include <assert.h>
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

/* "statsd: KIND URL: what" */
static void say(const struct session *s, const char *kind, const char *what)
{
    struct buf out = { 0 };
    buf_printf(&out, "statsd: %s", kind);
    escape_url(slice_str(s->config->redis_url), &out);
    buf_append_str(&out, ": ");
    escape_text(slice_str(what), &out);
    if (strstr(what, "NOPERM") != NULL)
        buf_append_str(&out, " (docs/redis.md lists the rights of a reader)");
    buf_append_char(&out, '\n');
    cli_write(s->io->err, &out);
    buf_release(&out);
}

static void on_poll(uv_timer_t *t)
{
    (void)t; /* the loop has turned: wait_for looks */
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

static uint64_t away_of(const struct session *s, uint64_t shards)
{
    for (unsigned shard = 0; shard < REDIS_READER_SHARDS; shard++)
        if (redis_reader_reaches(s->reader, shard))
            shards &= ~((uint64_t)1 << shard);
    return shards;
}

/* Why they are away, each node once. */
static void put_missing(const struct session *s, uint64_t away, struct buf *out)
{
    for (unsigned shard = 0; shard < REDIS_READER_SHARDS; shard++) {
        struct buf one = { 0 };
        if ((away >> shard & 1) == 0)
            continue;
        redis_reader_missing(s->reader, shard, &one);
        if (out->len == 0 || memmem(out->ptr, out->len, one.ptr, one.len) == NULL) {
            buf_append_str(out, out->len > 0 ? "; " : "");
            buf_append_slice(out, buf_slice(&one));
        }
        buf_release(&one);
    }
    buf_append_char(out, '\0');
    assert(out->ptr != NULL);
}

static bool is_refused(const struct session *s, uint64_t away)
{
    struct buf why = { 0 };
    put_missing(s, away, &why);
    bool refused = is_refusal(why.ptr);
    buf_release(&why);
    return refused;
}

/* returns  the shards whose nodes do not answer */
static uint64_t wait_for(struct session *s, uint64_t shards)
{
    uint64_t limit_ms = s->config->redis_connect_timeout_ms, away;
    uv_timer_t poll;
    uv_timer_init(&s->loop, &poll);
    uv_timer_start(&poll, on_poll, POLL_MS, POLL_MS);
    while ((away = away_of(s, shards)) != 0 && uv_now(&s->loop) - s->opened_ms < limit_ms &&
           !is_refused(s, away))
        uv_run(&s->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&poll, NULL);
    uv_run(&s->loop, UV_RUN_NOWAIT); /* poll is ours until it is closed */
    return away;
}

bool session_await(struct session *s, uint64_t shards)
{
    uint64_t away = wait_for(s, shards);
    struct buf why = { 0 };
    if (away == 0)
        return true;
    put_missing(s, away, &why);
    say(s, "", why.ptr);
    buf_release(&why);
    return false;
}

uint64_t session_reachable(struct session *s)
{
    uint64_t away = wait_for(s, UINT64_MAX);
    struct buf why = { 0 };
    if (away != 0 && !s->warned) {
        put_missing(s, away, &why);
        why.len--; /* the NUL */
        buf_append_str(&why, "; intervals that its logs alone tell of are left out");
        buf_append_char(&why, '\0');
        say(s, "warning: ", why.ptr);
        buf_release(&why);
        s->warned = true;
    }
    return ~away;
}

static void task_free(struct task *task)
{
    assert(task->prev != NULL ? task->prev->next == task : task->session->tasks == task);
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
        say(s, "", text);
        free(text);
    }
    buf_release(&errors);
    buf_release(&warnings);
    return good;
}

int session_open(struct session *s, const struct config *config, const struct cli_io *io,
                 bool patient)
{
    const struct redis_reader_opts opts = {
        .url = config->redis_url,
        .files = core_redis_files(config),
        .prefix = config->redis_prefix,
        .name = "cli",
        .connect_timeout_ms = (uint32_t)config->redis_connect_timeout_ms,
        .reply_timeout_ms = (uint32_t)config->redis_reply_timeout_ms,
        .down_timeout_ms = patient ? 0 : (uint32_t)config->redis_reply_timeout_ms,
    };
    *s = (struct session){ .config = config, .io = io, .now_ms = now_wall_ms() };
    (void)signal(SIGPIPE, SIG_IGN);
    log_to_fd(-1); /* what is wrong is said by the command itself */
    uv_loop_init(&s->loop);
    if (!files_are_good(s, &opts) || redis_reader_new(&s->loop, &opts, &s->reader) < 0) {
        uv_loop_close(&s->loop);
        return CLI_USAGE;
    }
    s->opened_ms = uv_now(&s->loop);
    return CLI_OK;
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

/* With the nodes that are away meanwhile, as the request may have waited for one of them. */
static void say_late(const struct session *s, const char *error)
{
    struct buf all = { 0 }, missing = { 0 };
    put_missing(s, away_of(s, UINT64_MAX), &missing);
    if (strstr(missing.ptr, error) == NULL)
        buf_printf(&all, "%s%s", error, missing.len > 1 ? "; " : "");
    buf_append_slice(&all, buf_slice(&missing));
    assert(all.ptr != NULL); /* missing ends in NUL */
    say(s, "", all.ptr);
    buf_release(&all);
    buf_release(&missing);
}

void session_done(void *cookie, enum redis_read_status status, const char *error)
{
    struct task *task = cookie;
    struct session *s = task->session;
    assert((status == REDIS_READ_DONE) == (error == NULL));
    if (status == REDIS_READ_LATE && !s->failed)
        say_late(s, error);
    else if (status != REDIS_READ_DONE && !s->failed)
        say(s, "", error);
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
