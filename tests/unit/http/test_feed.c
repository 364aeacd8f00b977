/* Server-sent events: real connections on one side, an owner that appends on the other. */
#include <arpa/inet.h>
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
#include "http/connections.h"
#include "http/feed_priv.h"
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
    assert_null(http_feed_answer(f, next_request(), b));
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
    assert_non_null(strstr(http_feed_answer(f, r, NULL), "http.max_streams is"));
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

static void streams_leave_half_of_the_connections_to_others(void **unused)
{
    static const struct {
        uint32_t connections, streams;
        uint64_t most;
    } rows[] = { { 0, 0, 64 }, { 100, 64, 50 }, { 100, 10, 10 }, { 1, 64, 1 } };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *error;
        struct http_server *s;
        struct http_stats got = { 0 };
        struct http_opts o = { .listen = "127.0.0.1:0",
                               .routes = &route,
                               .n_routes = 1,
                               .max_connections = rows[i].connections,
                               .max_streams = rows[i].streams };
        assert_int_equal(http_start(&o, &s, &error), 0);
        http_stats(s, &got);
        assert_int_equal(got.streams_max, rows[i].most);
        http_stop(s);
    }
}

static int ask_from(const char *from)
{
    int fd = client_dial_from(http_address(desk.server), from);
    client_say(fd, "GET /feed HTTP/1.1\r\nHost: x\r\n\r\n");
    return fd;
}

static void expect_refused(struct http_feed *f, const char *why)
{
    struct http_request *r = next_request();
    assert_non_null(strstr(http_feed_answer(f, r, NULL), why));
    http_answer(r, 503, NULL);
}

static void start_with_share(uint32_t of_each)
{
    const char *error;
    const struct http_opts o = { .listen = "127.0.0.1:0",
                                 .routes = &route,
                                 .n_routes = 1,
                                 .max_streams = 3,
                                 .max_streams_per_ip = of_each,
                                 .timeout_s = 30 };
    assert_int_equal(http_start(&o, &desk.server, &error), 0);
}

static void one_address_has_no_more_than_its_share(void **unused)
{
    static const char *const from[] = { "127.0.0.2", "127.0.0.2", "127.0.0.3" };
    int fds[ARRAY_LEN(from)];
    (void)unused;
    start_with_share(2);
    struct http_feed *f = http_feed_new(NULL);
    for (size_t i = 0; i < ARRAY_LEN(from); i++) {
        if (i == 2) {
            int more = ask_from(from[0]);
            expect_refused(f, "http.max_streams_per_ip is");
            close(more);
        }
        fds[i] = ask_from(from[i]);
        assert_null(http_feed_answer(f, next_request(), NULL));
    }
    int more = ask_from("127.0.0.4");
    expect_refused(f, "http.max_streams is");
    close(more);
    assert_int_equal(stats().streams, 3);
    assert_int_equal(stats().streams_opened, 3);
    assert_int_equal(stats().streams_refused, 1);
    assert_int_equal(stats().streams_refused_per_ip, 1);
    for (size_t i = 0; i < ARRAY_LEN(from); i++)
        close(fds[i]);
    http_feed_end(f);
    http_stop(desk.server);
}

/* A connection that goes on after its feed has ended. */
static void a_place_is_free_when_the_answer_has_left(void **unused)
{
    (void)unused;
    start_with_share(1);
    int fd = ask_from("127.0.0.2");
    for (int i = 0; i < 3; i++) {
        struct http_feed *f = http_feed_new(NULL);
        assert_null(http_feed_answer(f, next_request(), NULL));
        int more = ask_from("127.0.0.2");
        expect_refused(f, "http.max_streams_per_ip is");
        close(more);
        http_feed_end(f);
        await_text(fd, "0\r\n\r\n");
        while (recv(fd, (char[4096]){ 0 }, 4096, MSG_DONTWAIT) > 0)
            ;
        client_say(fd, "GET /feed HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    http_answer(next_request(), 503, NULL);
    close(fd);
    http_stop(desk.server);
}

static void without_a_limit_of_its_own_an_address_has_a_quarter(void **unused)
{
    static const struct {
        const char *address;
        uint32_t max_per_ip, places, want;
    } rows[] = {
        { "10.0.0.1", 0, 64, 16 },    { "10.0.0.1", 0, 16, 4 },        { "10.0.0.1", 0, 12, 4 },
        { "10.0.0.1", 0, 3, 3 },      { "2001:db8::1", 0, 64, 16 },    { "10.0.0.1", 5, 64, 5 },
        { "10.0.0.1", 50, 16, 16 },   { "127.0.0.1", 0, 64, 64 },      { "127.9.9.9", 0, 64, 64 },
        { "::1", 0, 64, 64 },         { "::ffff:127.0.0.1", 0, 8, 8 }, { "127.0.0.1", 5, 64, 5 },
        { "1.127.0.127", 0, 64, 16 },
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct http_feeds all = { .max_per_ip = rows[i].max_per_ip };
        struct sockaddr_in v4 = { .sin_family = AF_INET };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
        const bool is_v4 = inet_pton(AF_INET, rows[i].address, &v4.sin_addr) == 1;
        if (!is_v4)
            assert_int_equal(inet_pton(AF_INET6, rows[i].address, &v6.sin6_addr), 1);
        const uint64_t who = http_connections_who(is_v4 ? (const struct sockaddr *)&v4
                                                        : (const struct sockaddr *)&v6);
        if (http_feeds_share(&all, who, rows[i].places) != rows[i].want)
            fail_msg("row %zu: %s", i, rows[i].address);
    }
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
    assert_null(http_feed_answer(f, next_request(), NULL));
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
    assert_null(http_feed_answer(f, next_request(), NULL));
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
        cmocka_unit_test(streams_leave_half_of_the_connections_to_others),
        cmocka_unit_test(one_address_has_no_more_than_its_share),
        cmocka_unit_test(a_place_is_free_when_the_answer_has_left),
        cmocka_unit_test(without_a_limit_of_its_own_an_address_has_a_quarter),
        T(a_reader_that_is_overtaken_gets_a_summary_and_goes_on),
        T(a_comment_overtakes_nobody),
        T(a_quiet_feed_sends_a_comment),
        T(a_head_request_gets_the_head_alone),
        T(http_1_0_gets_plain_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
