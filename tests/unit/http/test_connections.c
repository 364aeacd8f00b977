/*
 * Who may connect, who has to go for a newcomer, and until when a request must be complete.
 *
 * The deadline's clock is the test's own.  Where quiet is measured by the server itself, the test
 * asks again until it is served.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/address.h"
#include "base/mem.h"
#include "base/now.h"
#include "http/connections.h"
#include "http/http.h"
#include "support/http_client.h"
#include "support/http_daemon.h"

#define REQUEST_END " HTTP/1.1\r\nHost: x\r\n\r\n"

static struct http_request *waits; /* asked for and not answered */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned say_ok(void *cookie, const char **ret_text)
{
    (void)cookie;
    *ret_text = "ok";
    return 200;
}

static void keep(void *cookie, struct http_request *r)
{
    (void)cookie;
    pthread_mutex_lock(&lock);
    waits = r;
    pthread_mutex_unlock(&lock);
}

static const struct http_route routes[] = {
    { .path = "/ok", .probe = say_ok },
    { .path = "/change", .probe = say_ok, .methods = HTTP_POST },
    { .path = "/keep", .ask = keep },
};

static void start(struct http_opts o)
{
    const char *error = NULL;
    o.listen = o.listen == NULL ? "127.0.0.1:0" : o.listen;
    o.routes = routes;
    o.n_routes = ARRAY_LEN(routes);
    waits = NULL;
    assert_int_equal(http_start(&o, &http_daemon, &error), 0);
}

/* Answer the one that asked for /keep, once its request has come that far. */
static void answer_kept(void)
{
    struct http_request *r = NULL;
    while (r == NULL) {
        pthread_mutex_lock(&lock);
        r = waits;
        waits = NULL;
        pthread_mutex_unlock(&lock);
        sched_yield();
    }
    http_answer(r, 200, NULL);
}

/* Connected, and known to the server. */
static int dial(const char *from)
{
    uint64_t before = http_daemon_stats().connections;
    int fd = client_dial_from(http_address(http_daemon), from);
    AWAIT(s.connections == before + 1);
    return fd;
}

static bool is_open(int fd)
{
    char c;
    return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
}

static void expect_closed(int fd)
{
    struct buf reply = { 0 };
    client_hear(fd, &reply);
    assert_int_equal(reply.len, 0);
    buf_release(&reply);
}

/* A reply of 200 on a connection that stays open. */
static void expect_ok(int fd)
{
    char text[1024];
    size_t got = 0;
    while (got < 3 || memcmp(text + got - 3, "ok\n", 3) != 0) {
        ssize_t n = recv(fd, text + got, sizeof text - got, 0);
        assert_true(n > 0);
        got += (size_t)n;
    }
    assert_memory_equal(text, "HTTP/1.1 200", 12);
}

/* ---- the deadline ---- */

static void tick_at(uint64_t from_ns, double seconds)
{
    http_tick(http_daemon, from_ns + (uint64_t)(seconds * 1e9));
}

static void a_request_that_is_not_whole_in_time_ends_its_connection(void **state)
{
    (void)state;
    static const struct {
        const char *first, *then; /* what comes at first, and before each further look */
        bool ends;
    } rows[] = {
        { "G", "", true },
        { "\r\n", "\r\n", true },
        { "GET /ok HTTP/1.1\r\nHost: x\r\nX-Slow: ", "x", true },
        { "POST /change HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", "x", true },
        { "POST /change HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n",
          true },
        { "GET /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", "x", true },
        { "", "", false },                      /* the idle timeout's matter */
        { "GET /keep" REQUEST_END, "", false }, /* it waits for us */
    };
    start((struct http_opts){ .timeout_s = 60 });
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t before = http_daemon_stats().timed_out_request, begun_ns = now_mono_ns();
        int fd = dial(NULL);
        client_say(fd, rows[i].first);
        bool kept = strstr(rows[i].first, "/keep") != NULL;
        AWAIT(!kept || s.waiting == 1);
        for (double at = 0; at < HTTP_REQUEST_S; at += 0.5) {
            tick_at(begun_ns, at);
            client_say(fd, rows[i].then);
        }
        assert_int_equal(http_daemon_stats().timed_out_request, before);
        assert_true(is_open(fd));
        tick_at(begun_ns, HTTP_REQUEST_S);
        assert_int_equal(http_daemon_stats().timed_out_request, before + rows[i].ends);
        if (rows[i].ends)
            expect_closed(fd);
        else
            close(fd);
        if (kept)
            answer_kept();
        AWAIT(s.connections == 0);
    }
    http_daemon_stop();
}

static void the_next_request_of_a_connection_has_its_own_deadline(void **state)
{
    (void)state;
    uint64_t begun_ns = now_mono_ns();
    start((struct http_opts){ .timeout_s = 60 });
    int fd = dial(NULL);
    /* Pauses of an hour in between are none of the deadline's business. */
    for (unsigned hour = 0; hour < 3; hour++) {
        client_say(fd, "GET /ok" REQUEST_END);
        expect_ok(fd);
        for (unsigned i = 0; i < 3; i++)
            tick_at(begun_ns, 3600 * hour + 1200 * i);
    }
    assert_int_equal(http_daemon_stats().timed_out_request, 0);
    double at = 20000;
    unsigned sent = 0; /* so few that it is no request line that is too long */
    for (uint64_t until_ms = now_mono_ms() + CLIENT_PATIENCE_S * 1000;
         http_daemon_stats().timed_out_request == 0; at += 0.5) {
        assert_true(now_mono_ms() < until_ms);
        tick_at(begun_ns, at);
        if (sent++ < 1000)
            send(fd, "G", 1, MSG_NOSIGNAL);
    }
    assert_true(at > 20000 + HTTP_REQUEST_S);
    expect_closed(fd);
    http_daemon_stop();
}

static void who_is_silent_is_counted_as_idle_and_nobody_else_is(void **state)
{
    (void)state;
    static const char *const idle[] = { "", "GET /o", "GET /ok HTTP/1.1\r\nHos",
                                        ("GET /ok" REQUEST_END) };
    struct buf reply = { 0 };
    start((struct http_opts){ .timeout_s = 1 });
    /* Our side closes first here, too. */
    client_hear(client_ask(http_address(http_daemon), "GET", "/ok"), &reply);
    AWAIT(s.connections == 0);
    close(dial(NULL));
    int fds[ARRAY_LEN(idle)];
    for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
        fds[i] = client_dial(http_address(http_daemon));
        client_say(fds[i], idle[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(idle); i++)
        client_hear(fds[i], &reply);
    AWAIT(s.connections == 0);
    assert_int_equal(http_daemon_stats().timed_out_idle, ARRAY_LEN(idle));
    assert_int_equal(http_daemon_stats().timed_out_request, 0);
    buf_release(&reply);
    http_daemon_stop();
}

/* ---- room ---- */

static void an_address_with_few_goes_before_one_with_many(void **state)
{
    (void)state;
    start((struct http_opts){ .max_connections = 5, .max_per_ip = 4, .timeout_s = 60 });
    int few = dial("127.0.0.3"), many[4];
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = dial("127.0.0.2");
    int fd = client_dial_from(http_address(http_daemon), "127.0.0.4");
    client_say(fd, "GET /ok" REQUEST_END);
    expect_ok(fd);
    expect_closed(many[0]); /* quiet for longest of those that hold many */
    for (size_t i = 1; i < ARRAY_LEN(many); i++)
        assert_true(is_open(many[i]));
    assert_true(is_open(few));
    AWAIT(s.connections == 5);
    assert_int_equal(http_daemon_stats().replaced, 1);
    http_daemon_stop();
    for (size_t i = 1; i < ARRAY_LEN(many); i++)
        close(many[i]);
    close(few);
    close(fd);
}

/* A newcomer dials until it is served. */
static void expect_served_in_the_end(const char *from)
{
    uint64_t until_ms = now_mono_ms() + CLIENT_PATIENCE_S * 1000;
    struct buf reply = { 0 };
    do {
        assert_true(now_mono_ms() < until_ms);
        sched_yield();
        int fd = client_dial_from(http_address(http_daemon), from);
        static const char request[] = "GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL);
        client_hear(fd, &reply);
    } while (client_status(&reply) != 200);
    buf_release(&reply);
}

static void who_never_sends_a_request_locks_nobody_out(void **state)
{
    (void)state;
    static const struct {
        const char *what, *crowd, *newcomer;
        struct http_opts opts;
    } rows[] = {
        /* clang-format off */
        { "its own address", "127.0.0.2", "127.0.0.2",
          { .max_connections = 16, .max_per_ip = 8, .timeout_s = 60 } },
        { "everybody",       "127.0.0.2", "127.0.0.3",
          { .max_connections =  8, .max_per_ip = 8, .timeout_s = 60 } },
        /* clang-format on */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int crowd[8];
        start(rows[i].opts);
        for (size_t j = 0; j < ARRAY_LEN(crowd); j++) {
            crowd[j] = dial(rows[i].crowd);
            client_say(crowd[j], "GET /ok HTTP/1.1\r\nX: ");
        }
        expect_served_in_the_end(rows[i].newcomer);
        assert_int_equal(http_daemon_stats().replaced, 1);
        http_daemon_stop();
        for (size_t j = 0; j < ARRAY_LEN(crowd); j++)
            close(crowd[j]);
    }
}

static void nobody_has_to_go_who_waits_for_us_or_was_active_just_now(void **state)
{
    (void)state;
    start((struct http_opts){ .max_connections = 3, .max_per_ip = 2, .timeout_s = 60 });
    int keeps = dial("127.0.0.2");
    client_say(keeps, "GET /keep" REQUEST_END);
    AWAIT(s.waiting == 1);
    int second = dial("127.0.0.2");
    int third = client_dial_from(http_address(http_daemon), "127.0.0.2");
    expect_closed(third);
    assert_int_equal(http_daemon_stats().refused_per_ip, 1);
    close(second);
    AWAIT(s.connections == 1);
    int others[] = { dial("127.0.0.3"), dial("127.0.0.4") };
    /* Nobody holds two more than it would. */
    expect_closed(client_dial_from(http_address(http_daemon), "127.0.0.5"));
    assert_int_equal(http_daemon_stats().refused_full, 1);
    assert_int_equal(http_daemon_stats().replaced, 0);
    expect_served_in_the_end("127.0.0.5"); /* when one has been quiet for a second */
    assert_int_equal(http_daemon_stats().replaced, 1);
    assert_int_equal(http_daemon_stats().waiting, 1); /* and that was not who waits for us */
    answer_kept();
    http_daemon_stop();
    close(keeps);
    close(others[0]);
    close(others[1]);
}

static void the_addresses_of_an_ipv6_network_count_as_one(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        { "[2001:db8::1]:1", "[2001:db8::ffff:ffff:ffff:2]:1", true },
        { "[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false },
        { "127.0.0.1:1", "127.0.0.1:2", true },
        { "127.0.0.1:1", "127.0.0.2:1", false },
        { "[::ffff:127.0.0.1]:1", "127.0.0.1:1", true },
        { "[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.2]:1", false },
        { "[::1]:1", "0.0.0.0:1", false },
        { "[::1]:1", "[::ffff:0.0.0.0]:1", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sockaddr_storage a, b;
        socklen_t len;
        assert_int_equal(address_parse(slice_str(rows[i].a), 0, &a, &len), 0);
        assert_int_equal(address_parse(slice_str(rows[i].b), 0, &b, &len), 0);
        bool same = http_connections_who((struct sockaddr *)&a) ==
                    http_connections_who((struct sockaddr *)&b);
        if (same != rows[i].same)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_is_not_whole_in_time_ends_its_connection),
        cmocka_unit_test(the_next_request_of_a_connection_has_its_own_deadline),
        cmocka_unit_test(who_is_silent_is_counted_as_idle_and_nobody_else_is),
        cmocka_unit_test(an_address_with_few_goes_before_one_with_many),
        cmocka_unit_test(who_never_sends_a_request_locks_nobody_out),
        cmocka_unit_test(nobody_has_to_go_who_waits_for_us_or_was_active_just_now),
        cmocka_unit_test(the_addresses_of_an_ipv6_network_count_as_one),
    };
    return cmocka_run_group_tests_name("connections", tests, NULL, NULL);
}
