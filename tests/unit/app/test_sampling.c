/* The sample of a worker that reads a real socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/sampling.h"
#include "base/now.h"
#include "listen/listener.h"
#include "support/loop_until.h"

enum { WAIT_MS = 20000, LINES_MAX = 64 };

struct seen {
    char line[128], name[64], origin[64];
    uint64_t samples;
    bool first, rejected;
    float share;
};

struct rig {
    uv_loop_t loop;
    struct series_limit limit;
    struct profiles *profiles;
    struct worker *w;
    struct listener listener;
    int fd; /* sends to it */
    struct sampling *sampling;
    struct seen seen[LINES_MAX];
    unsigned n, lines, datagrams, drains, wanted;
    bool watched;
    uint64_t slow_ns; /* each line takes so long */
    uint32_t cost;    /* and says so */
};

static void on_turned(void *unused)
{
    (void)unused;
}

static void copy(char *to, size_t size, struct slice s)
{
    snprintf(to, size, "%.*s", (int)s.len, s.ptr != NULL ? s.ptr : "");
}

static uint32_t on_line(void *rig, const struct sampled *one)
{
    struct rig *r = rig;
    const uint64_t began_ns = now_mono_ns();
    while (now_mono_ns() - began_ns < r->slow_ns) {}
    r->lines++;
    if (r->n == LINES_MAX)
        return r->cost;
    struct seen *e = &r->seen[r->n++];
    copy(e->line, sizeof e->line, one->line);
    copy(e->name, sizeof e->name, one->name);
    copy(e->origin, sizeof e->origin, one->origin);
    e->samples = one->samples;
    e->first = one->first;
    e->rejected = one->rejected;
    e->share = one->datagram->share;
    return r->cost;
}

static void on_datagram(void *rig, const struct tap_record *rec)
{
    assert_int_equal(rec->sender.family, AF_INET);
    ((struct rig *)rig)->datagrams++;
}

static bool on_drained(void *rig)
{
    struct rig *r = rig;
    r->drains++;
    return r->watched;
}

static void open_socket(struct rig *r)
{
    static const struct listen_address defaults = { .rcvbuf = 1 << 20,
                                                    .mode = LISTEN_MODE_DEFAULT };
    struct listen_address a;
    struct buf error = { 0 };
    assert_int_equal(socket_url_parse(SLICE_LIT("udp://127.0.0.1:0"), &defaults, &a, &error), 0);
    assert_int_equal(listener_open(&a, 1, &r->listener, &error), 0);
    assert_int_equal(worker_add_socket(r->w, r->listener.fds[0], &r->listener.address), 0);
    r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(r->fd, (const struct sockaddr *)&r->listener.address.addr,
                             r->listener.address.addr_len),
                     0);
}

static void rig_init(struct rig *r)
{
    const struct parse_opts parse = PARSE_OPTS_DEFAULT;
    memset(r, 0, sizeof *r);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    assert_int_equal(series_limit_init(&r->limit, 1000), 0);
    r->profiles =
        profiles_new(&(struct profile){ .histogram = true, .sketch_schema = 5, .scale = 1 });
    const struct worker_opts o = { .lane = { .parse = PARSE_OPTS_DEFAULT,
                                             .ingest = { .tags = TAGS_OPTS_DEFAULT,
                                                         .profiles = r->profiles,
                                                         .limit = &r->limit } },
                                   .notify = on_turned };
    assert_int_equal(worker_new(&o, &r->w), 0);
    open_socket(r);
    const struct sampling_opts s = { .loop = &r->loop,
                                     .workers = &r->w,
                                     .n_workers = 1,
                                     .budget = 1 << 20,
                                     .parse = &parse,
                                     .on_line = on_line,
                                     .on_datagram = on_datagram,
                                     .drained = on_drained,
                                     .cookie = r };
    assert_int_equal(sampling_open(&s, &r->sampling), 0);
    assert_int_equal(worker_start(r->w), 0);
}

static void rig_release(struct rig *r)
{
    worker_join(r->w);
    sampling_close(r->sampling);
    assert_true(loop_drain(&r->loop, WAIT_MS));
    assert_int_equal(uv_loop_close(&r->loop), 0);
    profiles_free(r->profiles);
    series_limit_release(&r->limit);
    close(r->fd);
    listener_close(&r->listener);
}

static bool has_lines(void *rig)
{
    const struct rig *r = rig;
    return r->lines >= r->wanted;
}

static bool is_sampled(void *rig)
{
    return sampling_counts(((struct rig *)rig)->sampling).put > 0;
}

/* Send it, and wait until it lies in the ring. */
static void send_bytes(struct rig *r, const char *bytes, size_t n)
{
    assert_int_equal(send(r->fd, bytes, n, 0), n);
    for (uint64_t until = now_mono_ms() + WAIT_MS; !is_sampled(r) && now_mono_ms() < until;)
        usleep(200);
    assert_true(is_sampled(r));
}

static void await_lines(struct rig *r, unsigned n)
{
    r->wanted = n;
    sampling_soon(r->sampling);
    assert_true(loop_until(&r->loop, has_lines, r, WAIT_MS));
}

static void lines_come_with_what_they_are(void **unused)
{
    static const struct {
        const char *line, *name, *origin;
        uint64_t samples;
        bool rejected;
    } want[] = {
        { "web.hits:1|c", "web.hits", "", 1, false },
        { "web.time:2:3:4|ms|#env:prod", "web.time", "", 3, false },
        { "web.bad:x|c", "", "", 0, true },
        { "web.in:1|g|c:ci-abc", "web.in", "abc", 1, false },
        { "_e{1,1}:a|b", "", "", 0, false },
        { "last:1|s", "last", "", 1, false },
    };
    struct buf text = { 0 };
    struct rig r;
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        buf_printf(&text, "\n%s\n", want[i].line);
    rig_init(&r);
    send_bytes(&r, text.ptr, text.len);
    await_lines(&r, ARRAY_LEN(want));
    assert_int_equal(r.lines, ARRAY_LEN(want));
    assert_int_equal(r.datagrams, 1);
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_string_equal(r.seen[i].line, want[i].line);
        assert_string_equal(r.seen[i].name, want[i].name);
        assert_string_equal(r.seen[i].origin, want[i].origin);
        assert_int_equal(r.seen[i].samples, want[i].samples);
        assert_int_equal(r.seen[i].rejected, want[i].rejected);
        assert_int_equal(r.seen[i].first, i == 0);
        assert_true(r.seen[i].share == 1);
    }
    rig_release(&r);
    buf_release(&text);
}

/* Its lines take 100 times a slice: the loop goes on in between, and none is lost. */
static void a_datagram_of_many_lines_does_not_hold_the_thread(void **unused)
{
    enum { LINES = 2000 };
    static char text[LINES * 2];
    struct rig r;
    (void)unused;
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = i % 2 > 0 ? '\n' : 'a';
    rig_init(&r);
    r.slow_ns = 100000;
    send_bytes(&r, text, sizeof text);
    await_lines(&r, LINES);
    assert_int_equal(r.lines, LINES);
    assert_true(r.drains > 20);
    assert_true(loop_until(&r.loop, has_lines, &r, WAIT_MS));
    assert_int_equal(r.datagrams, 1);
    rig_release(&r);
}

/* Each of its lines takes a slice, and says that it is more than it looks. */
static void who_takes_long_for_a_line_ends_the_slice_with_it(void **unused)
{
    static char text[] = "a\na\na\na\na\na\na\na\na\na\n";
    struct rig r;
    (void)unused;
    rig_init(&r);
    r.slow_ns = SAMPLING_SLICE_NS;
    r.cost = 1 << 20;
    send_bytes(&r, text, sizeof text - 1);
    await_lines(&r, 10);
    assert_true(r.drains >= 9);
    rig_release(&r);
}

/* The rest of a datagram waits for the next slice: then the server stops. */
static void it_may_end_within_a_datagram(void **unused)
{
    static char text[4000];
    struct rig r;
    (void)unused;
    memset(text, '\n', sizeof text);
    for (unsigned i = 0; i < sizeof text; i += 2)
        text[i] = 'a';
    rig_init(&r);
    r.slow_ns = 500000;
    send_bytes(&r, text, sizeof text);
    await_lines(&r, 1);
    assert_true(r.lines < sizeof text / 2);
    assert_int_equal(r.datagrams, 0);
    rig_release(&r);
}

/* One pass of the loop that waits for nothing looks at the rings. */
static void who_begins_to_watch_need_not_wait(void **unused)
{
    struct rig r;
    (void)unused;
    rig_init(&r);
    send_bytes(&r, "a:1|c", 5);
    assert_int_equal(r.drains, 0);
    sampling_soon(r.sampling);
    uv_run(&r.loop, UV_RUN_NOWAIT);
    assert_int_equal(r.drains, 1);
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_with_what_they_are),
        cmocka_unit_test(a_datagram_of_many_lines_does_not_hold_the_thread),
        cmocka_unit_test(who_takes_long_for_a_line_ends_the_slice_with_it),
        cmocka_unit_test(it_may_end_within_a_datagram),
        cmocka_unit_test(who_begins_to_watch_need_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
