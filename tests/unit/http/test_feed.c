/* Server-sent events: real connections on one side, an owner that appends on the other. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/now.h"
#include "http/http.h"
#include "support/http_client.h"

enum { STREAMS = 3, NS_PER_MS = 1000000 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_request *asked; /* the one that waits for an answer */
    struct http_server *server;
    unsigned caught_up;
} desk = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void ask(void *unused, struct http_request *r)
{
    (void)unused;
    pthread_mutex_lock(&desk.lock);
    desk.asked = r;
    pthread_cond_broadcast(&desk.changed);
    pthread_mutex_unlock(&desk.lock);
}

static const struct http_route route = { .path = "/feed", .ask = ask };

static int start(void **unused)
{
    const char *error;
    struct http_opts o = { .listen = "127.0.0.1:0",
                           .routes = &route,
                           .n_routes = 1,
                           .max_per_ip = 2,
                           .max_streams = STREAMS,
                           .timeout_s = 30 };
    (void)unused;
    desk.caught_up = 0;
    return http_start(&o, &desk.server, &error);
}

static int stop(void **unused)
{
    (void)unused;
    http_stop(desk.server);
    return 0;
}

static struct http_request *next_request(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLIENT_PATIENCE_S;
    pthread_mutex_lock(&desk.lock);
    while (desk.asked == NULL)
        assert_int_equal(pthread_cond_timedwait(&desk.changed, &desk.lock, &until), 0);
    struct http_request *r = desk.asked;
    desk.asked = NULL;
    pthread_mutex_unlock(&desk.lock);
    return r;
}

static struct http_body *event(const char *text)
{
    return http_body_take(http_feed_type, mem_strdup(text), strlen(text));
}

static void append(struct http_feed *f, const char *text)
{
    struct http_body *b = event(text);
    http_feed_append(f, b);
    http_body_unref(b);
}

static int read_from(struct http_feed *f, const char *opening)
{
    int fd = client_ask(http_address(desk.server), "GET", "/feed");
    struct http_body *b = opening != NULL ? event(opening) : NULL;
    assert_true(http_feed_answer(f, next_request(), b));
    http_body_unref(b);
    return fd;
}

static void expect_events(int fd, const char *want)
{
    struct buf reply = { 0 }, body = { 0 };
    client_hear(fd, &reply);
    assert_true(client_has(&reply, "text/event-stream"));
    assert_true(client_has(&reply, "no-store"));
    assert_true(client_has(&reply, "X-Accel-Buffering: no"));
    assert_true(client_unchunk(&reply, &body));
    buf_append_char(&body, '\0');
    assert_string_equal(body.ptr, want);
    buf_release(&reply);
    buf_release(&body);
}

/* Until the client has received so many bytes of its reply; they stay where they are. */
static void await_text(int fd, const char *text)
{
    char got[4096];
    uint64_t until_ns = now_mono_ns() + (uint64_t)CLIENT_PATIENCE_S * 1000 * NS_PER_MS;
    do {
        ssize_t n = recv(fd, got, sizeof got - 1, MSG_PEEK);
        assert_true(n > 0 && now_mono_ns() < until_ns);
        got[n] = '\0';
    } while (strstr(got, text) == NULL);
}

static struct http_stats stats(void)
{
    struct http_stats s = { 0 };
    http_stats(desk.server, &s);
    return s;
}

static void await_streams(uint64_t n)
{
    uint64_t until_ns = now_mono_ns() + (uint64_t)CLIENT_PATIENCE_S * 1000 * NS_PER_MS;
    while (stats().streams != n)
        assert_true(now_mono_ns() < until_ns);
}

static void a_reader_gets_the_opening_and_what_comes_later(void **unused)
{
    (void)unused;
    struct http_feed *f = http_feed_new(NULL);
    append(f, "data: before\n\n");
    int first = read_from(f, "retry: 1\n\n");
    append(f, "data: a\n\n");
    int second = read_from(f, NULL);
    append(f, "data: b\n\n");
    await_text(first, "data: b");
    await_text(second, "data: b");
    http_feed_end(f);
    expect_events(first, "retry: 1\n\ndata: a\n\ndata: b\n\n");
    expect_events(second, "data: b\n\n");
}

static void one_reader_too_many_is_the_callers_to_refuse(void **unused)
{
    (void)unused;
    struct http_feed *f = http_feed_new(NULL);
    int fds[STREAMS];
    for (int i = 0; i < STREAMS; i++) {
        fds[i] = read_from(f, ": \n\n");
        await_text(fds[i], ": \n\n"); /* counted as a stream, no longer by its address */
    }
    int more = client_ask(http_address(desk.server), "GET", "/feed");
    struct http_request *r = next_request();
    assert_false(http_feed_answer(f, r, NULL));
    http_answer(r, 503, NULL);
    client_expect(more, 503, "");
    assert_int_equal(http_feed_readers(f), STREAMS);
    assert_int_equal(stats().streams_refused, 1);
    close(fds[0]);
    while (http_feed_readers(f) == STREAMS) /* the end is seen when it is written to */
        append(f, "data: x\n\n");
    await_streams(STREAMS - 1);
    close(fds[1]);
    close(fds[2]);
    http_feed_end(f);
}

static struct http_body *catch_up(void *unused)
{
    (void)unused;
    desk.caught_up++;
    return event("data: summary\n\n");
}

/* More than the kernel keeps for a client that does not read, by far. */
static void append_large(struct http_feed *f, unsigned n)
{
    size_t len = 1 << 20;
    char *text = mem_alloc(len + 1);
    memset(text, 'x', len);
    memcpy(text, "data: ", 6);
    memcpy(text + len - 2, "\n\n", 3);
    struct http_body *b = http_body_take(http_feed_type, text, len);
    for (unsigned i = 0; i < n; i++)
        http_feed_append(f, b);
    http_body_unref(b);
}

static char *read_until(int fd, const char *text)
{
    struct buf got = { 0 };
    do {
        ssize_t n = recv(fd, buf_reserve(&got, 65536), 65535, 0);
        assert_true(n > 0);
        got.len += (size_t)n;
        got.ptr[got.len] = '\0';
    } while (strstr(got.ptr + (got.len > 65536 + 64 ? got.len - 65536 - 64 : 0), text) == NULL);
    return got.ptr;
}

static void a_reader_that_is_overtaken_gets_a_summary_and_goes_on(void **unused)
{
    (void)unused;
    struct http_feed *f = http_feed_new(&(struct http_feed_opts){ .catch_up = catch_up });
    int fd = read_from(f, ": \n\n");
    await_text(fd, ": \n\n");
    size_t room;
    append_large(f, HTTP_FEED_EVENTS);
    assert_true(http_feed_unread(f, &room) > 1 << 20);
    assert_true(room <= 2);
    append_large(f, HTTP_FEED_EVENTS);
    assert_int_equal(stats().streams, 1);
    /* It reads on: what it was in the middle of, then the summary, then what is new. */
    uint64_t until_ns = now_mono_ns() + (uint64_t)CLIENT_PATIENCE_S * 1000 * NS_PER_MS;
    char got[65536];
    while (desk.caught_up == 0) {
        assert_true(now_mono_ns() < until_ns);
        while (recv(fd, got, sizeof got, MSG_DONTWAIT) > 0)
            ;
        append(f, "data: small\n\n");
    }
    append(f, "data: last\n\n");
    char *text = read_until(fd, "data: last");
    assert_non_null(strstr(text, "data: summary\n\n"));
    assert_int_equal(stats().streams_overtaken, 1);
    free(text);
    close(fd);
    http_feed_end(f);
}

static void a_comment_overtakes_nobody(void **unused)
{
    (void)unused;
    struct http_feed *f = http_feed_new(NULL);
    int fd = read_from(f, ": \n\n");
    await_text(fd, ": \n\n");
    size_t room, unread;
    do { /* until it has as much to read as the feed keeps, and the kernel too */
        append_large(f, 1);
        unread = http_feed_unread(f, &room);
    } while (room > 0);
    for (unsigned i = 1; i <= 5; i++)
        http_feed_tick(f, now_mono_ns() + (uint64_t)i * 2 * HTTP_FEED_BEAT_MS * NS_PER_MS);
    assert_int_equal(http_feed_unread(f, &room), unread);
    close(fd);
    http_feed_end(f);
}

static void a_quiet_feed_sends_a_comment(void **unused)
{
    (void)unused;
    struct http_feed *f = http_feed_new(NULL);
    int fd = read_from(f, NULL);
    uint64_t now = now_mono_ns();
    http_feed_tick(f, now + (uint64_t)(HTTP_FEED_BEAT_MS - 1000) * NS_PER_MS);
    http_feed_tick(f, now + (uint64_t)(HTTP_FEED_BEAT_MS + 1000) * NS_PER_MS);
    await_text(fd, ": \n\n");
    http_feed_end(f);
    expect_events(fd, ": \n\n");
}

static void a_head_request_gets_the_head_alone(void **unused)
{
    (void)unused;
    struct buf reply = { 0 };
    struct http_feed *f = http_feed_new(NULL);
    int fd = client_ask(http_address(desk.server), "HEAD", "/feed");
    assert_true(http_feed_answer(f, next_request(), NULL));
    client_hear(fd, &reply);
    assert_true(client_has(&reply, "text/event-stream"));
    assert_string_equal(client_body(&reply), "");
    await_streams(0);
    buf_release(&reply);
    http_feed_end(f);
}

static void http_1_0_gets_plain_bytes(void **unused)
{
    (void)unused;
    struct buf reply = { 0 };
    struct http_feed *f = http_feed_new(NULL);
    int fd = client_dial(http_address(desk.server));
    client_say(fd, "GET /feed HTTP/1.0\r\n\r\n");
    assert_true(http_feed_answer(f, next_request(), NULL));
    append(f, "data: a\n\n");
    await_text(fd, "data: a");
    http_feed_end(f);
    client_hear(fd, &reply);
    assert_string_equal(client_body(&reply), "data: a\n\n");
    buf_release(&reply);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        T(a_reader_gets_the_opening_and_what_comes_later),
        T(one_reader_too_many_is_the_callers_to_refuse),
        T(a_reader_that_is_overtaken_gets_a_summary_and_goes_on),
        T(a_comment_overtakes_nobody),
        T(a_quiet_feed_sends_a_comment),
        T(a_head_request_gets_the_head_alone),
        T(http_1_0_gets_plain_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
