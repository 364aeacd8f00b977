/*
 * A stranger that claims to be Redis, at the other end of the whole sink: reader, greeting, ledger,
 * streams.  Whatever it says, nothing counts as applied that was not sent, and all that was handed
 * over is applied, dropped or left.
 *
 *     byte 0   1: the greeting is answered as Redis does; 2: a second interval; 4: events
 *     then     answers with a byte 0x1e between them, one for each command and then unasked.  One
 *              that begins with '!' is sent as a string of RESP
 */
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "sinks/redis.h"
#include "support/fake_snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { T0 = 1700000000, TURNS_MAX = 400, QUIET_TURNS = 5, SERIES = 4 };

static uv_loop_t loop;
static int listens = -1;
static char url[128];

static void set_up(void)
{
    static char dir[] = "/tmp/fuzz_redis.XXXXXX";
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    log_to_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
    if (mkdtemp(dir) == NULL || uv_loop_init(&loop) < 0)
        abort();
    snprintf(at.sun_path, sizeof at.sun_path, "%s/s", dir);
    snprintf(url, sizeof url, "unix://%s", at.sun_path);
    listens = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(listens, (const struct sockaddr *)&at, sizeof at) < 0 || listen(listens, 8) < 0)
        abort();
}

static void remove_dir(void)
{
    unlink(url + strlen("unix://"));
    *strrchr(url, '/') = '\0';
    rmdir(url + strlen("unix://"));
}

/* ---- the stranger ---- */

struct stranger {
    int fd;
    struct slice rest;
    size_t asked; /* commands without an answer */
    bool greets, heard, over;
};

static void say(const struct stranger *s, struct slice text)
{
    struct buf out = { 0 };
    if (text.len > 0 && text.ptr[0] == '!') {
        buf_printf(&out, "$%zu\r\n", text.len - 1);
        buf_append(&out, text.ptr + 1, text.len - 1);
        buf_append_str(&out, "\r\n");
    } else {
        buf_append_slice(&out, text);
    }
    if (out.len > 0)
        (void)!send(s->fd, out.ptr, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    buf_release(&out);
}

/* How many commands of ours that are. */
static size_t commands_in(const char *p, size_t n)
{
    static const char *const names[] = { "EVALSHA\r", "XADD\r" };
    size_t found = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *at = p;
        while ((at = memmem(at, (size_t)(p + n - at), names[i], strlen(names[i]))) != NULL) {
            found++;
            at++;
        }
    }
    return found;
}

static void hear(struct stranger *s)
{
    static char room[1 << 18];
    ssize_t n = recv(s->fd, room, sizeof room, 0);
    if (n <= 0)
        return;
    if (s->greets)
        say(s, slice_str("+OK\r\n$40\r\n0123456789abcdef0123456789abcdef01234567\r\n"));
    else
        s->asked += commands_in(room, (size_t)n);
    s->heard = true;
    s->greets = false;
}

/* An answer to what was asked; when it has been quiet for long, one to nothing.
 * returns  false: nothing happened */
static bool stranger_turn(struct stranger *s, bool quiet)
{
    if (s->fd < 0)
        s->fd = accept4(listens, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (s->fd < 0)
        return false;
    hear(s);
    if (!s->heard || s->over || (s->asked == 0 && !quiet))
        return false;
    struct slice answer = s->rest;
    s->over = !slice_cut(&s->rest, '\x1e', &answer);
    s->asked -= s->asked > 0;
    say(s, answer);
    return true;
}

/* ---- what is sent to it ---- */

static void feed(struct sink *s, int i)
{
    struct fake_snapshot f;
    char key[32];
    fake_snapshot_init(&f, T0 + 10 * i);
    for (int n = 0; n < SERIES; n++) {
        snprintf(key, sizeof key, "hits%d|#env:test", n);
        fake_snapshot_counter(&f, key, 1 + i);
    }
    sketch_add(fake_snapshot_timer(&f, "lat", 5), 2, 1);
    fake_snapshot_give(&f, s, false);
    fake_snapshot_release(&f);
}

static void feed_event(struct sink *s, unsigned i)
{
    s->entry(s, &(struct event_entry){ .kind = i % 2 ? EVENT_ENTRY : CHECK_ENTRY,
                                       .seq = i + 1,
                                       .received_ms = T0 * 1000ull,
                                       .title = SLICE_LIT("db"),
                                       .text = SLICE_LIT("text"),
                                       .priority = "low",
                                       .alert_type = "error" });
}

static struct sink *open_sink(void)
{
    struct sink *s = NULL;
    const struct redis_opts o = { .url = url,
                                  .prefix = "sd",
                                  .instance = "a",
                                  .id = "0123456789abcdef0123456789abcdef",
                                  .retention_s = 600,
                                  .interval_ms = 4,
                                  .spool_max_bytes = 1 << 20,
                                  .spool_max_age_ms = 600000,
                                  .events_max = 100,
                                  .connect_timeout_ms = 1000,
                                  .reply_timeout_ms = 1000 };
    if (redis_sink_new(&loop, &o, &s) < 0)
        abort();
    return s;
}

static void check_sums(const struct sink *s, int intervals)
{
    struct redis_stats st;
    struct sink_amount left = { 0 };
    redis_sink_stats(s, &st);
    s->left(s, &left);
    assert(st.batches_applied + st.batches_duplicate <= st.batches_sent);
    assert(st.disconnects <= st.connects && st.intervals_queued == (uint64_t)intervals);
    assert(sink_amount_series(&left) <= (uint64_t)intervals * (SERIES + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    if (listens < 0) {
        set_up();
        atexit(remove_dir);
    }
    struct stranger s = { .fd = -1,
                          .rest = slice_of((const char *)data + 1, size - 1),
                          .greets = data[0] & 1 };
    struct sink *sink = open_sink();
    int intervals = 1;
    feed(sink, 0);
    for (unsigned i = 0; (data[0] & 4) && i < 3; i++)
        feed_event(sink, i);
    for (int turn = 0, quiet = 0; turn < TURNS_MAX && quiet < QUIET_TURNS; turn++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        quiet = stranger_turn(&s, quiet + 1 == QUIET_TURNS) ? 0 : quiet + 1;
        if (quiet > 1)
            poll(NULL, 0, 1); /* intervals begin up to a millisecond late */
        if (quiet + 2 == QUIET_TURNS && intervals == 1 && (data[0] & 2))
            feed(sink, intervals++);
    }
    check_sums(sink, intervals);
    if (s.fd >= 0)
        close(s.fd);
    uv_run(&loop, UV_RUN_NOWAIT);
    check_sums(sink, intervals);
    sink->give_up(sink);
    sink->close(sink);
    while (uv_loop_alive(&loop))
        uv_run(&loop, UV_RUN_NOWAIT);
    return 0;
}
