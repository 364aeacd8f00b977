/*
 * `statsd tail [PATTERN]`: lines as they arrive at the server, from GET /api/v1/tail.
 *
 *   on_piece      bytes of the stream, into events
 *     on_event      a line to standard output; what was skipped to standard error
 *   tail_main     once more whenever the stream ends, until there were -n lines
 */
#include <errno.h>
#include <inttypes.h>

#include "base/mem.h"
#include "cmd/live/live.h"
#include "cmd/live/plain.h"
#include "cmd/live/sse.h"

enum { RETRY_MS = 1000, RATE_MOST = 1000 };

struct tail {
    const struct cli_io *io;
    const char *pattern; /* or NULL */
    bool json;
    uint64_t rate;
    uint64_t left; /* lines still to be shown */
    int broken;    /* errno of standard output, which takes no more; 0: it does */
    bool was_there;
    struct sse sse;
};

/* returns  false: nobody reads it any more */
static bool print_take(struct tail *t, struct buf *line)
{
    buf_append_char(line, '\n');
    t->broken = cli_write(t->io->out, line) ? 0 : errno;
    buf_release(line);
    return t->broken == 0;
}

static bool show_line(struct tail *t, const json_t *data)
{
    struct buf out = { 0 };
    const json_t *line = json_object_get(data, "line");
    if (t->json) {
        (void)live_json(data, &out);
    } else {
        struct slice s = slice_of(json_string_value(line), json_string_length(line));
        (void)plain_put(s, SIZE_MAX, &out);
    }
    t->left--;
    return print_take(t, &out) && t->left > 0;
}

static bool on_event(void *tail, struct slice event, struct slice data)
{
    struct tail *t = tail;
    bool on = true;
    json_t *j = json_loadb(data.ptr, data.len, JSON_ALLOW_NUL, NULL);
    if (slice_eq(event, SLICE_LIT("line")) && json_is_string(json_object_get(j, "line")))
        on = show_line(t, j);
    else if (slice_eq(event, SLICE_LIT("skipped")))
        fprintf(t->io->err, "statsd: skipped %" JSON_INTEGER_FORMAT " more lines\n",
                json_integer_value(json_object_get(j, "lines")));
    json_decref(j);
    return on;
}

static bool on_piece(void *tail, struct slice piece)
{
    struct tail *t = tail;
    t->was_there = true;
    return sse_feed(&t->sse, piece);
}

static void put_path(const struct tail *t, struct buf *out)
{
    buf_printf(out, "/api/v1/tail?rate=%" PRIu64, t->rate);
    if (t->pattern != NULL) {
        buf_append_str(out, "&match=");
        client_encode(out, slice_str(t->pattern));
    }
    buf_append_char(out, '\0');
}

/* Again and again, while the server comes back. */
static int follow(struct tail *t, struct client *c)
{
    struct buf path = { 0 }, error = { 0 };
    enum client_result rc;
    bool said = false;
    put_path(t, &path);
    for (;;) {
        bool before = t->was_there;
        sse_reset(&t->sse);
        t->was_there = false;
        rc = client_stream(c, path.ptr, on_piece, t, &error);
        said = said && !t->was_there;
        t->was_there = t->was_there || before;
        if (rc == CLIENT_ENOUGH || rc == CLIENT_REFUSED || !t->was_there)
            break;
        if (!said && error.len == 0)
            buf_printf(&error, "%s ended the stream", client_shown(c));
        if (!said) {
            buf_append_str(&error, "; trying again");
            (void)live_fail(t->io, &error);
        }
        said = true;
        buf_clear(&error);
        live_sleep_ms(RETRY_MS);
    }
    int status = CLI_OK;
    if (rc != CLIENT_ENOUGH)
        status = live_fail(t->io, &error);
    buf_release(&path);
    buf_release(&error);
    return status;
}

int tail_main(const struct cli_args *args, const struct cli_io *io)
{
    struct client_opts opts;
    struct buf error = { 0 };
    struct tail t = { .io = io, .json = args->json, .rate = 50, .left = UINT64_MAX };
    int rc = live_opts(args, io, &opts);
    if (rc == CLI_OK)
        rc = live_number(io, "--rate", args->rate, 1, RATE_MOST, &t.rate);
    if (rc == CLI_OK)
        rc = live_number(io, "-n", args->number, 1, INT64_MAX, &t.left);
    if (rc == CLI_OK && args->n_rest > 1)
        rc = cli_usage(io, "tail takes one PATTERN, such as 'api.*'");
    if (rc != CLI_OK)
        return rc;
    t.pattern = args->n_rest > 0 ? args->rest[0] : NULL;
    t.sse = (struct sse){ .on_event = on_event, .cookie = &t };
    struct client *c = client_new(&opts, &error);
    rc = c != NULL ? follow(&t, c) : live_fail(io, &error);
    client_free(c);
    sse_release(&t.sse);
    buf_release(&error);
    return rc == CLI_OK && t.broken != 0 && t.broken != EPIPE ? CLI_FAILED : rc;
}
