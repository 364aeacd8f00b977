#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/process.h"
#include "base/address.h"
#include "base/buf.h"
#include "base/now.h"
#include "http/accept.h"
#include "http/http.h"
#include "support/http_client.h"
#include "support/sanitized.h"

enum { BIG_BYTES = 50 * 1000 * 1000 };

/* The owner of deferred requests: takes them on the HTTP thread, gives them out to the test. */
struct desk {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct http_request *at[256];
    size_t n;
    char accept[64], arg[64];
};

static struct desk desk;
static struct http_body *hello, *plain, *packed;
static atomic_bool ready;

static void desk_ask(void *cookie, struct http_request *r)
{
    struct desk *d = cookie;
    const char *accept = http_request_header(r, "accept"), *arg = http_request_arg(r, "q");
    pthread_mutex_lock(&d->lock);
    snprintf(d->accept, sizeof d->accept, "%s", accept ? accept : "none");
    snprintf(d->arg, sizeof d->arg, "%s", arg ? arg : "none");
    assert_true(d->n < ARRAY_LEN(d->at));
    d->at[d->n++] = r;
    pthread_cond_broadcast(&d->arrived);
    pthread_mutex_unlock(&d->lock);
}

static void desk_wait(struct desk *d, size_t n)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLIENT_PATIENCE_S;
    pthread_mutex_lock(&d->lock);
    while (d->n < n)
        assert_int_equal(pthread_cond_timedwait(&d->arrived, &d->lock, &until), 0);
    pthread_mutex_unlock(&d->lock);
}

static void desk_answer_all(struct desk *d, unsigned status, struct http_body *body)
{
    struct http_request *at[ARRAY_LEN(d->at)];
    pthread_mutex_lock(&d->lock);
    size_t n = d->n;
    memcpy(at, d->at, n * sizeof at[0]);
    d->n = 0;
    pthread_mutex_unlock(&d->lock);
    for (size_t i = 0; i < n; i++)
        http_answer(at[i], status, body);
}

static bool takes_gzip(const struct http_request *r)
{
    char list[HTTP_ACCEPT_BYTES];
    return http_accept_gzip(http_request_header_list(r, "accept-encoding", list, sizeof list));
}

static void answer_at_once(void *cookie, struct http_request *r)
{
    (void)cookie;
    http_answer(r, 200, takes_gzip(r) ? packed : plain);
}

static void answer_nothing(void *cookie, struct http_request *r)
{
    (void)cookie;
    http_answer(r, 503, NULL);
}

static unsigned probe_ready(void *cookie, const char **ret_text)
{
    bool yes = atomic_load((atomic_bool *)cookie);
    *ret_text = yes ? "ready" : "starting";
    return yes ? 200 : 503;
}

static struct http_route routes[] = {
    { .path = "/hello" },
    { .path = "/ready", .probe = probe_ready, .cookie = &ready },
    { .path = "/ask", .ask = desk_ask, .cookie = &desk },
    { .path = "/at-once", .ask = answer_at_once },
    { .path = "/nothing", .ask = answer_nothing },
};

static struct http_body *body_of(const char *text)
{
    return http_body_take("text/x-test", strdup(text), strlen(text));
}

static int setup(void **state)
{
    (void)state;
    pthread_mutex_init(&desk.lock, NULL);
    pthread_cond_init(&desk.arrived, NULL);
    hello = body_of("hello\n");
    plain = body_of("plain form");
    packed = body_of("GZ");
    routes[0].fixed = hello;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_body_unref(hello);
    http_body_unref(plain);
    http_body_unref(packed);
    return 0;
}

static struct http_server *start_with(struct http_opts o)
{
    struct http_server *s = NULL;
    const char *error = NULL;
    if (o.listen == NULL)
        o.listen = "127.0.0.1:0";
    o.routes = routes;
    o.n_routes = ARRAY_LEN(routes);
    if (http_start(&o, &s, &error) != 0)
        fail_msg("%s", error);
    return s;
}

static struct http_server *start(void)
{
    return start_with((struct http_opts){ 0 });
}

static int ask_for(const struct http_server *s, const char *method, const char *path)
{
    return client_ask(http_address(s), method, path);
}

/* Tests. */

static void every_method_and_path_has_its_status(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        unsigned status;
        const char *header, *body;
    } rows[] = {
        { "GET", "/hello", 200, "Content-Type: text/x-test\r\n", "hello\n" },
        { "GET", "/hello?a=b", 200, "Content-Length: 6\r\n", "hello\n" },
        { "HEAD", "/hello", 200, "Content-Length: 6\r\n", "" },
        { "HEAD", "/at-once", 200, "Content-Length: 10\r\n", "" },
        { "GET", "/at-once", 200, "Content-Type: text/x-test\r\n", "plain form" },
        { "GET", "/nothing", 503, "Retry-After: 1\r\n", "" },
        { "GET", "/", 404, "Content-Type: text/plain; charset=utf-8\r\n", "not found\n" },
        { "GET", "/hello/", 404, "X-Content-Type-Options: nosniff\r\n", "not found\n" },
        { "GET", "/Hello", 404, "", "not found\n" },
        { "HEAD", "/none", 404, "Content-Length: 10\r\n", "" },
        { "POST", "/none", 404, "", "not found\n" },
        { "POST", "/hello", 405, "Allow: GET, HEAD\r\n", "only GET and HEAD\n" },
        { "PUT", "/ask", 405, "Allow: GET, HEAD\r\n", "only GET and HEAD\n" },
        { "DELETE", "/ready", 405, "Allow: GET, HEAD\r\n", "only GET and HEAD\n" },
        { "OPTIONS", "/hello", 405, "Allow: GET, HEAD\r\n", "only GET and HEAD\n" },
        { "get", "/hello", 405, "Allow: GET, HEAD\r\n", "only GET and HEAD\n" },
    };
    struct http_server *s = start();
    struct buf reply = { 0 };
    uint64_t rejected = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        client_hear(ask_for(s, rows[i].method, rows[i].path), &reply);
        if (client_status(&reply) != rows[i].status || !client_has(&reply, rows[i].header) ||
            strcmp(client_body(&reply), rows[i].body) != 0)
            fail_msg("%s %s: %s", rows[i].method, rows[i].path, reply.ptr);
        rejected += rows[i].status == 404 || rows[i].status == 405;
    }
    struct http_stats stats;
    http_stats(s, &stats);
    assert_int_equal(stats.requests, ARRAY_LEN(rows));
    assert_int_equal(stats.rejected, rejected);
    assert_int_equal(stats.waiting, 0);
    buf_release(&reply);
    http_stop(s);
}

static void a_probe_is_asked_each_time(void **state)
{
    (void)state;
    struct http_server *s = start();
    atomic_store(&ready, false);
    client_expect(ask_for(s, "GET", "/ready"), 503, "starting\n");
    atomic_store(&ready, true);
    client_expect(ask_for(s, "GET", "/ready"), 200, "ready\n");
    http_stop(s);
}

static const struct {
    const char *accept;
    bool gzip;
} encodings[] = {
    { "gzip", true },
    { "GZip", true },
    { "x-gzip", true },
    { "deflate, gzip;q=1.0, *;q=0.5", true },
    { "gzip;q=0.001", true },
    { "gzip ; q=0.5", true },
    { "br,\tgzip", true },
    { "*", true },
    { "*;q=0, gzip", true },
    { "gzip;foo=bar;q=1", true },
    { "", false },
    { "identity", false },
    { "gzip;q=0", false },
    { "gzip;q=0.000", false },
    { "gzip;Q=0", false },
    { "gzip;q=0, *", false },
    { "gzip;q=0, gzip", true },
    { "*, gzip;q=0", false },
    { "*;q=0", false },
    { "gzip;q=", false },
    { "gzip;q=1.1", false },
    { "gzip;q=-1", false },
    { "gzip;q=abc", false },
    { "gzip;q=0.0001", false },
    { "gzipped", false },
    { "agzip", false },
    { ",,;;,", false },
    { ";q=1", false },
};

static void accept_encoding_is_read_as_the_rfc_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(encodings); i++) {
        size_t n = strlen(encodings[i].accept);
        char *exact = malloc(n ? n : 1);
        memcpy(exact, encodings[i].accept, n);
        if (http_accept_gzip(slice_of(exact, n)) != encodings[i].gzip)
            fail_msg("%s", encodings[i].accept);
        free(exact);
    }
}

static void the_owner_learns_who_accepts_gzip(void **state)
{
    (void)state;
    struct http_server *s = start();
    for (size_t i = 0; i < ARRAY_LEN(encodings); i++) {
        char request[256];
        snprintf(request, sizeof request,
                 "GET /at-once HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                 "Accept-Encoding: %s\r\n\r\n",
                 encodings[i].accept);
        int fd = client_dial(http_address(s));
        client_say(fd, request);
        client_expect(fd, 200, encodings[i].gzip ? "GZ" : "plain form");
    }
    http_stop(s);
}

static void requests_that_wait_together_share_one_body(void **state)
{
    (void)state;
    enum { N = 20 };
    int fds[N];
    struct http_server *s = start();
    for (int i = 0; i < N; i++)
        fds[i] = ask_for(s, "GET", "/ask");
    desk_wait(&desk, N);
    struct http_stats stats;
    http_stats(s, &stats);
    assert_int_equal(stats.waiting, N);

    struct http_body *body = body_of("shared\n");
    desk_answer_all(&desk, 200, body);
    http_body_unref(body); /* the last reference goes with the last reply */
    for (int i = 0; i < N; i++)
        client_expect(fds[i], 200, "shared\n");
    http_stats(s, &stats);
    assert_int_equal(stats.waiting, 0);
    http_stop(s);
}

static void a_head_request_is_deferred_as_a_get_is(void **state)
{
    (void)state;
    struct http_server *s = start();
    struct buf reply = { 0 };
    int fd = ask_for(s, "HEAD", "/ask");
    desk_wait(&desk, 1);
    desk_answer_all(&desk, 200, hello);
    client_hear(fd, &reply);
    assert_int_equal(client_status(&reply), 200);
    assert_true(client_has(&reply, "Content-Length: 6\r\n"));
    assert_string_equal(client_body(&reply), "");
    buf_release(&reply);
    http_stop(s);
}

static void the_owner_sees_header_argument_and_encoding(void **state)
{
    (void)state;
    struct http_server *s = start();
    int fd = client_dial(http_address(s));
    client_say(fd, "GET /ask?p=1&q=a%20b HTTP/1.1\r\nHost: x\r\n"
                   "Accept: text/plain\r\nAccept-Encoding: gzip\r\n"
                   "Connection: close\r\n\r\n");
    desk_wait(&desk, 1);
    assert_string_equal(desk.accept, "text/plain");
    assert_string_equal(desk.arg, "a b");
    assert_true(takes_gzip(desk.at[0]));
    desk_answer_all(&desk, 200, hello);
    client_expect(fd, 200, "hello\n");

    fd = ask_for(s, "GET", "/ask");
    desk_wait(&desk, 1);
    assert_string_equal(desk.accept, "none");
    assert_string_equal(desk.arg, "none");
    assert_false(takes_gzip(desk.at[0]));
    desk_answer_all(&desk, 404, NULL);
    client_expect(fd, 404, "");
    http_stop(s);
}

static void headers_of_one_name_are_one_list(void **state)
{
    (void)state;
    static const struct {
        size_t cap;
        const char *want;
    } rows[] = {
        { 64, "gzip;q=0.5,zstd, br,,x-gzip" },
        { 27, "gzip;q=0.5,zstd, br,,x-gzip" },
        { 26, "gzip;q=0.5,zstd, br," }, /* what does not fit is left out, whole */
        { 10, "gzip;q=0.5" },
        { 9, "zstd, br," },
        { 0, "" },
    };
    struct http_server *s = start();
    int fd = client_dial(http_address(s));
    client_say(fd, "GET /ask HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip;q=0.5\r\n"
                   "accept-encoding: zstd, br\r\nAccept-Encodings: no\r\n"
                   "ACCEPT-ENCODING:\r\nAccept-Encoding: x-gzip\r\nConnection: close\r\n\r\n");
    desk_wait(&desk, 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *exact = malloc(rows[i].cap + (rows[i].cap == 0));
        struct slice have =
            http_request_header_list(desk.at[0], "accept-encoding", exact, rows[i].cap);
        if (!slice_eq(have, slice_str(rows[i].want)))
            fail_msg("%zu: %.*s", rows[i].cap, (int)have.len, have.ptr);
        free(exact);
    }
    desk_answer_all(&desk, 200, hello);
    client_expect(fd, 200, "hello\n");
    http_stop(s);
}

static void a_client_that_hangs_up_while_it_waits_harms_nobody(void **state)
{
    (void)state;
    struct http_server *s = start();
    struct linger reset = { .l_onoff = 1 };
    int polite = ask_for(s, "GET", "/ask"), rude = ask_for(s, "GET", "/ask"),
        stays = ask_for(s, "GET", "/ask");
    desk_wait(&desk, 3);
    close(polite);
    setsockopt(rude, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(rude);
    /* The HTTP thread has turned since. */
    client_expect(ask_for(s, "GET", "/hello"), 200, "hello\n");
    struct http_body *body = body_of("late\n");
    desk_answer_all(&desk, 200, body);
    http_body_unref(body);
    client_expect(stays, 200, "late\n");
    client_expect(ask_for(s, "GET", "/hello"), 200, "hello\n");
    struct http_stats stats;
    http_stats(s, &stats);
    assert_int_equal(stats.waiting, 0);
    http_stop(s);
}

static void one_connection_carries_many_requests(void **state)
{
    (void)state;
    struct http_server *s = start();
    struct buf reply = { 0 };
    int fd = client_dial(http_address(s));
    /* A body nobody asked for, then three pipelined ones, the second waits. */
    client_say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345"
                   "GET /ask HTTP/1.1\r\nHost: x\r\n\r\n"
                   "GET /ask HTTP/1.1\r\nHost: x\r\n\r\n"
                   "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    for (int i = 0; i < 2; i++) {
        desk_wait(&desk, 1);
        desk_answer_all(&desk, 200, plain);
    }
    client_hear(fd, &reply);
    const char *at = reply.ptr;
    for (int i = 0; i < 4; i++) {
        const char *want = i == 0 || i == 3 ? "hello\n" : "plain form";
        assert_int_equal(strncmp(at, "HTTP/1.1 200 ", 13), 0);
        at = strstr(at, "\r\n\r\n");
        assert_non_null(at);
        assert_int_equal(strncmp(at + 4, want, strlen(want)), 0);
        at += 4 + strlen(want);
    }
    assert_string_equal(at, "");
    buf_release(&reply);
    http_stop(s);
}

static void more_than_may_wait_are_refused_at_once(void **state)
{
    (void)state;
    struct http_server *s = start_with((struct http_opts){ .max_waiting = 2 });
    struct buf reply = { 0 };
    int a = ask_for(s, "GET", "/ask"), b = ask_for(s, "GET", "/ask");
    desk_wait(&desk, 2);
    client_hear(ask_for(s, "GET", "/ask"), &reply);
    assert_int_equal(client_status(&reply), 503);
    assert_true(client_has(&reply, "Retry-After: 1\r\n"));
    desk_answer_all(&desk, 200, hello);
    client_expect(a, 200, "hello\n");
    client_expect(b, 200, "hello\n");
    a = ask_for(s, "GET", "/ask");
    desk_wait(&desk, 1);
    desk_answer_all(&desk, 200, hello);
    client_expect(a, 200, "hello\n");
    buf_release(&reply);
    http_stop(s);
}

static void stop_answers_who_waits_and_the_owner_may_come_late(void **state)
{
    (void)state;
    struct http_server *s = start();
    int a = ask_for(s, "GET", "/ask"), b = ask_for(s, "HEAD", "/ask"),
        gone = ask_for(s, "GET", "/ask");
    int idle = client_dial(http_address(s));
    desk_wait(&desk, 3);
    close(gone);
    uint64_t before_ms = now_mono_ms();
    http_stop(s);
    assert_in_range(now_mono_ms() - before_ms, 0, 900);
    client_expect(a, 503, "");
    client_expect(b, 503, "");
    struct buf reply = { 0 };
    client_hear(idle, &reply);
    assert_int_equal(reply.len, 0);
    buf_release(&reply);
    desk_answer_all(&desk, 200, hello);
}

static struct http_body *big_body(void)
{
    char *ptr = malloc(BIG_BYTES);
    for (size_t i = 0; i < BIG_BYTES; i++)
        ptr[i] = (char)('a' + i % 23);
    return http_body_take("text/plain", ptr, BIG_BYTES);
}

static void a_large_body_is_sent_whole_and_not_copied(void **state)
{
    (void)state;
    enum { N = 3 };
    struct http_server *s = start();
    int fds[N];
    struct http_body *body = big_body();
    size_t before = (size_t)process_resident_bytes();
    for (int i = 0; i < N; i++)
        fds[i] = ask_for(s, "GET", "/ask");
    desk_wait(&desk, N);
    desk_answer_all(&desk, 200, body);
    http_body_unref(body);
    for (int i = 0; i < N; i++) {
        static char chunk[1 << 16];
        char head[1024];
        ssize_t n = recv(fds[i], head, sizeof head - 1, MSG_PEEK); /* all are under way */
        assert_true(n > 0);
        head[n] = '\0';
        const char *end = strstr(head, "\r\n\r\n");
        assert_non_null(end);
        assert_non_null(strstr(head, "Content-Length: 50000000\r\n"));
        assert_int_equal(recv(fds[i], head, (size_t)(end + 4 - head), 0), end + 4 - head);
        if (!SANITIZED)
            assert_in_range((size_t)process_resident_bytes(), 0, before + BIG_BYTES / 5);
        size_t got = 0;
        while ((n = recv(fds[i], chunk, sizeof chunk, 0)) > 0) {
            for (ssize_t k = 0; k < n; k += 997)
                assert_int_equal(chunk[k], 'a' + (got + (size_t)k) % 23);
            got += (size_t)n;
        }
        assert_int_equal(got, BIG_BYTES);
        close(fds[i]);
    }
    http_stop(s);
}

static void a_client_that_does_not_read_cannot_hold_the_stop(void **state)
{
    (void)state;
    struct http_server *s = start();
    struct http_body *body = big_body();
    int fd = ask_for(s, "GET", "/ask");
    desk_wait(&desk, 1);
    desk_answer_all(&desk, 200, body);
    http_body_unref(body);
    char c;
    assert_int_equal(recv(fd, &c, 1, MSG_PEEK), 1);
    uint64_t before_ms = now_mono_ms();
    http_stop(s);
    assert_in_range(now_mono_ms() - before_ms, 900, 5000);
    close(fd);
}

static void a_slow_client_is_dropped_but_not_one_that_waits(void **state)
{
    (void)state;
    struct http_server *s = start_with((struct http_opts){ .timeout_s = 1 });
    struct buf reply = { 0 };
    int waits = ask_for(s, "GET", "/ask"), slow = client_dial(http_address(s));
    desk_wait(&desk, 1);
    uint64_t before_ms = now_mono_ms();
    client_say(slow, "GET /hello HTTP/1.1\r\nHos");
    client_hear(slow, &reply);
    assert_in_range(now_mono_ms() - before_ms, 500, 8000);
    assert_int_not_equal(client_status(&reply), 200);
    /* The one that waits has by now been silent for as long; a second one for longer still. */
    slow = client_dial(http_address(s));
    client_hear(slow, &reply);
    assert_int_equal(reply.len, 0);
    desk_answer_all(&desk, 200, hello);
    client_expect(waits, 200, "hello\n");
    buf_release(&reply);
    http_stop(s);
}

static void one_address_gets_its_share_of_connections_only(void **state)
{
    (void)state;
    struct http_server *s = start_with((struct http_opts){ .max_per_ip = 2 });
    struct buf reply = { 0 };
    int a = ask_for(s, "GET", "/ask"), b = ask_for(s, "GET", "/ask");
    desk_wait(&desk, 2);
    static const char request[] = "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    int third = client_dial(http_address(s));
    /* Fails when the close was faster. */
    send(third, request, sizeof request - 1, MSG_NOSIGNAL);
    client_hear(third, &reply);
    assert_int_equal(reply.len, 0);
    desk_answer_all(&desk, 200, hello);
    client_expect(a, 200, "hello\n");
    client_expect(b, 200, "hello\n");
    buf_release(&reply);
    http_stop(s);
}

static void bad_requests_get_an_error_and_no_more(void **state)
{
    (void)state;
    struct http_server *s = start_with((struct http_opts){ .timeout_s = 1 });
    struct buf request = { 0 }, reply = { 0 };
    buf_append_str(&request, "GET /hello HTTP/1.1\r\nHost: x\r\nX-Long: ");
    for (int i = 0; i < 40000; i++)
        buf_append_char(&request, 'x');
    buf_append_str(&request, "\r\n\r\n");
    int fd = client_dial(http_address(s));
    assert_true(send(fd, request.ptr, request.len, MSG_NOSIGNAL) > 0);
    client_hear(fd, &reply);
    /* A reset may overtake the reply. */
    assert_true(client_status(&reply) == 431 || reply.len == 0);

    static const struct {
        const char *request;
        unsigned status;
    } rows[] = {
        { "GET /hello HTTP/9.9\r\nHost: x\r\n\r\n", 505 },
        { "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n", 405 },
        { "POST /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 405 },
        { "GET /hello HTTP/1.0\r\n\r\n", 200 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fd = client_dial(http_address(s));
        client_say(fd, rows[i].request);
        client_hear(fd, &reply);
        if (client_status(&reply) != rows[i].status)
            fail_msg("%s: %s", rows[i].request, reply.ptr);
    }
    fd = client_dial(http_address(s));
    send(fd, "\0\xff\x16\x03\x01 binary\r\n\r\n", 17, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    client_hear(fd, &reply);
    assert_int_not_equal(client_status(&reply), 200);
    client_expect(ask_for(s, "GET", "/hello"), 200, "hello\n");
    buf_release(&request);
    buf_release(&reply);
    http_stop(s);
}

static void what_cannot_be_listened_on_is_explained(void **state)
{
    (void)state;
    struct http_server *s = start(), *none = NULL;
    const struct {
        const char *listen;
        int rc;
        const char *text;
    } rows[] = {
        { http_address(s), -EADDRINUSE, "another process listens on this address and port" },
        { "192.0.2.1:0", -EADDRNOTAVAIL, "this machine has no such address" },
        { "nonsense", -EINVAL, address_error(-EINVAL) },
        { ":9102", -EINVAL, address_error(-EDESTADDRREQ) },
        { "127.0.0.1:99999", -EINVAL, address_error(-ERANGE) },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *error = NULL;
        struct http_opts o = { .listen = rows[i].listen,
                               .routes = routes,
                               .n_routes = ARRAY_LEN(routes) };
        assert_int_equal(http_start(&o, &none, &error), rows[i].rc);
        assert_string_equal(error, rows[i].text);
        assert_null(none);
    }
    client_expect(ask_for(s, "GET", "/hello"), 200, "hello\n");
    char address[ADDRESS_TEXT_MAX];
    snprintf(address, sizeof address, "%s", http_address(s));
    http_stop(s);
    s = start_with((struct http_opts){ .listen = address }); /* free again, at once */
    assert_string_equal(http_address(s), address);
    http_stop(s);
    http_stop(NULL);
}

static void ipv6_is_served(void **state)
{
    (void)state;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    bool missing = fd < 0 || bind(fd, (struct sockaddr *)&in6, sizeof in6) < 0;
    if (fd >= 0)
        close(fd);
    if (missing)
        skip();
    struct http_server *s = start_with((struct http_opts){ .listen = "[::1]:0", .max_per_ip = 4 });
    assert_int_equal(strncmp(http_address(s), "[::1]:", 6), 0);
    assert_string_not_equal(http_address(s), "[::1]:0");
    client_expect(ask_for(s, "GET", "/hello"), 200, "hello\n");
    http_stop(s);
}

/*
 * Load: clients that ask, hang up and ask again while the owner answers, and a stop in the middle
 * of it.
 */

enum { CLIENTS = 4, ROUNDS = 60 };

static atomic_bool owner_ends;
static _Atomic unsigned answered, refused, cut;

static void *owner_main(void *arg)
{
    (void)arg;
    while (!atomic_load(&owner_ends)) {
        struct http_body *body = body_of("load\n");
        desk_answer_all(&desk, 200, body);
        http_body_unref(body);
        sched_yield();
    }
    return NULL;
}

static void *client_main(void *arg)
{
    struct buf reply = { 0 };
    struct sockaddr_storage addr;
    socklen_t len;
    address_parse(slice_str(arg), 0, &addr, &len);
    for (int i = 0; i < ROUNDS; i++) {
        static const char request[] = "GET /ask HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct timeval patience = { .tv_sec = CLIENT_PATIENCE_S };
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (connect(fd, (struct sockaddr *)&addr, len) < 0 ||
            send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0 || i % 7 == 6) {
            close(fd);
            continue;
        }
        if (!client_read_all(fd, &reply))
            break; /* the server forgot us: the sums below do not add up */
        unsigned status = client_status(&reply);
        atomic_fetch_add(status == 200 ? &answered : status == 503 ? &refused : &cut, 1);
    }
    buf_release(&reply);
    return NULL;
}

static void under_load(bool stop_early)
{
    pthread_t owner, clients[CLIENTS];
    char address[ADDRESS_TEXT_MAX];
    struct http_server *s = start();
    snprintf(address, sizeof address, "%s", http_address(s));
    atomic_store(&owner_ends, false);
    atomic_store(&answered, 0);
    atomic_store(&refused, 0);
    atomic_store(&cut, 0);
    pthread_create(&owner, NULL, owner_main, NULL);
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&clients[i], NULL, client_main, address);
    while (stop_early && atomic_load(&answered) < CLIENTS * ROUNDS / 4)
        sched_yield();
    if (stop_early)
        http_stop(s);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    atomic_store(&owner_ends, true);
    pthread_join(owner, NULL);
    if (!stop_early) {
        unsigned asked = CLIENTS * (ROUNDS - ROUNDS / 7);
        assert_int_equal(atomic_load(&answered), asked);
        http_stop(s);
    }
    desk_answer_all(&desk, 200, hello);
}

static void under_load_everyone_is_answered(void **state)
{
    (void)state;
    under_load(false);
}

static void a_stop_under_load_is_clean(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        under_load(true);
}

/* A socket that is given is served, and left listening when the server goes. */
static void connections_to_a_given_socket_wait_for_the_next_server(void **state)
{
    (void)state;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof at;
    char want[64];
    int given = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(given, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(given, 16), 0);
    assert_int_equal(getsockname(given, (struct sockaddr *)&at, &len), 0);
    snprintf(want, sizeof want, "127.0.0.1:%u", ntohs(at.sin_port));
    for (int i = 0; i < 3; i++) {
        struct http_server *s = start_with((struct http_opts){ .given = true, .fd = dup(given) });
        assert_string_equal(http_address(s), want);
        client_expect(ask_for(s, "GET", "/hello"), 200, "hello\n");
        http_leave(s);
        int waits = client_dial(want);
        client_say(waits, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        http_stop(s);
        s = start_with((struct http_opts){ .given = true, .fd = dup(given) });
        client_expect(waits, 200, "hello\n");
        http_stop(s);
    }
    close(given);
}

static void a_server_that_leaves_ends_each_connection_with_its_next_reply(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        unsigned status;
    } rows[] = { { "/hello", 200 }, { "/ready", 503 }, { "/at-once", 200 }, { "/none", 404 } };
    struct http_stats stats;
    struct buf reply = { 0 };
    char text[128];
    atomic_store(&ready, false);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_server *s = start();
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", rows[i].path);
        int keeps = client_dial(http_address(s)); /* and does not ask to be closed */
        client_say(keeps, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        char byte;
        assert_int_equal(recv(keeps, &byte, 1, MSG_PEEK), 1); /* the first is answered */
        http_leave(s);
        client_say(keeps, text);
        client_hear(keeps, &reply);
        assert_true(client_has(&reply, "Connection: close\r\n"));
        snprintf(text, sizeof text, "HTTP/1.1 %u ", rows[i].status);
        assert_true(client_has(&reply, text));
        do
            http_stats(s, &stats);
        while (stats.connections > 0);
        http_stop(s);
    }
    buf_release(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_and_path_has_its_status),
        cmocka_unit_test(a_probe_is_asked_each_time),
        cmocka_unit_test(accept_encoding_is_read_as_the_rfc_says),
        cmocka_unit_test(the_owner_learns_who_accepts_gzip),
        cmocka_unit_test(headers_of_one_name_are_one_list),
        cmocka_unit_test(requests_that_wait_together_share_one_body),
        cmocka_unit_test(a_head_request_is_deferred_as_a_get_is),
        cmocka_unit_test(the_owner_sees_header_argument_and_encoding),
        cmocka_unit_test(a_client_that_hangs_up_while_it_waits_harms_nobody),
        cmocka_unit_test(one_connection_carries_many_requests),
        cmocka_unit_test(more_than_may_wait_are_refused_at_once),
        cmocka_unit_test(stop_answers_who_waits_and_the_owner_may_come_late),
        cmocka_unit_test(a_large_body_is_sent_whole_and_not_copied),
        cmocka_unit_test(a_client_that_does_not_read_cannot_hold_the_stop),
        cmocka_unit_test(a_slow_client_is_dropped_but_not_one_that_waits),
        cmocka_unit_test(one_address_gets_its_share_of_connections_only),
        cmocka_unit_test(bad_requests_get_an_error_and_no_more),
        cmocka_unit_test(what_cannot_be_listened_on_is_explained),
        cmocka_unit_test(ipv6_is_served),
        cmocka_unit_test(under_load_everyone_is_answered),
        cmocka_unit_test(a_stop_under_load_is_clean),
        cmocka_unit_test(connections_to_a_given_socket_wait_for_the_next_server),
        cmocka_unit_test(a_server_that_leaves_ends_each_connection_with_its_next_reply),
    };
    return cmocka_run_group_tests_name("http", tests, setup, teardown);
}
