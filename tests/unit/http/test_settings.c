/*
 * What of the server may be set from outside: headers of every answer, and networks that may
 * connect.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/networks.h"
#include "http/http.h"
#include "http/settings.h"
#include "support/http_client.h"

static struct http_server *server;
static struct http_body *page;

static unsigned say_ok(void *cookie, const char **ret_text)
{
    (void)cookie;
    *ret_text = "ok";
    return 200;
}

static void answer_503(void *cookie, struct http_request *r)
{
    (void)cookie;
    http_answer(r, 503, NULL);
}

static void answer_own(void *cookie, struct http_request *r)
{
    static const struct http_header own[] = { { "x-frame-options", "own" } };
    (void)cookie;
    http_answer_with(r, 200, NULL, own, ARRAY_LEN(own));
}

static void on_read(void *cookie)
{
    (void)cookie;
}

static void answer_stream(void *cookie, struct http_request *r)
{
    (void)cookie;
    struct http_stream *st = http_stream_new(&(struct http_stream_opts){
        .type = "text/x-test", .vary = "Accept", .max_lag = 1 << 20, .on_read = on_read });
    struct http_body *piece = http_body_take("text/x-test", strdup("piece\n"), 6);
    http_answer_stream(&r, 1, st);
    http_stream_append(st, piece);
    http_body_unref(piece);
    http_stream_end(st);
    http_stream_release(st);
}

static struct http_route routes[] = {
    { .path = "/page" },
    { .path = "/ok", .probe = say_ok },
    { .path = "/503", .ask = answer_503 },
    { .path = "/own", .ask = answer_own },
    { .path = "/stream", .ask = answer_stream },
};

static void start(struct http_opts o)
{
    const char *error = NULL;
    page = http_body_take("text/x-test", strdup("page\n"), 5);
    routes[0].fixed = page;
    if (o.listen == NULL)
        o.listen = "127.0.0.1:0";
    o.routes = routes;
    o.n_routes = ARRAY_LEN(routes);
    assert_int_equal(http_start(&o, &server, &error), 0);
}

static void stop(void)
{
    http_stop(server);
    http_body_unref(page);
}

static size_t times(const struct buf *reply, const char *text)
{
    size_t n = 0;
    for (const char *at = reply->ptr; (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

static const struct {
    const char *method, *path;
    unsigned status;
} answers[] = {
    { "GET", "/page", 200 },  { "HEAD", "/page", 200 },  { "GET", "/ok", 200 },
    { "GET", "/503", 503 },   { "GET", "/stream", 200 }, { "HEAD", "/stream", 200 },
    { "POST", "/page", 405 }, { "GET", "/none", 404 },
};

static void every_answer_has_the_headers_that_were_set_last(void **state)
{
    (void)state;
    static const struct http_header first[] = { { "X-Frame-Options", "deny" },
                                                { "Strict-Transport-Security", "max-age=1" } },
                                    second[] = { { "X-Frame-Options", "sameorigin" } };
    struct buf reply = { 0 };
    start((struct http_opts){ 0 });
    http_set_headers(server, first, ARRAY_LEN(first));
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        client_hear(client_ask(http_address(server), answers[i].method, answers[i].path), &reply);
        assert_int_equal(client_status(&reply), answers[i].status);
        assert_int_equal(times(&reply, "X-Frame-Options: deny\r\n"), 1);
        assert_int_equal(times(&reply, "Strict-Transport-Security: max-age=1\r\n"), 1);
    }
    http_set_headers(server, second, ARRAY_LEN(second));
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        client_hear(client_ask(http_address(server), answers[i].method, answers[i].path), &reply);
        assert_int_equal(times(&reply, "X-Frame-Options: sameorigin\r\n"), 1);
        assert_int_equal(times(&reply, "Strict-Transport-Security"), 0);
    }
    http_set_headers(server, NULL, 0);
    client_hear(client_ask(http_address(server), "GET", "/ok"), &reply);
    assert_int_equal(times(&reply, "X-Frame-Options"), 0);
    buf_release(&reply);
    stop();
}

static void a_header_stands_once_and_an_answer_keeps_its_own(void **state)
{
    (void)state;
    static const struct http_header set[] = { { "X-Frame-Options", "deny" },
                                              { "X-Content-Type-Options", "nosniff" } };
    struct buf reply = { 0 };
    start((struct http_opts){ 0 });
    http_set_headers(server, set, ARRAY_LEN(set));
    client_hear(client_ask(http_address(server), "GET", "/own"), &reply);
    assert_int_equal(times(&reply, "rame-"), 1);
    assert_int_equal(times(&reply, "x-frame-options: own\r\n"), 1);
    assert_int_equal(times(&reply, "X-Content-Type-Options: nosniff\r\n"), 1);
    buf_release(&reply);
    stop();
}

static void a_header_with_a_line_end_is_left_out(void **state)
{
    (void)state;
    static const struct http_header set[] = { { "X-Frame-Options", "deny\r\nX-Evil: 1" },
                                              { "X-Good", "1" } };
    struct buf reply = { 0 };
    start((struct http_opts){ 0 });
    http_set_headers(server, set, ARRAY_LEN(set));
    client_hear(client_ask(http_address(server), "GET", "/ok"), &reply);
    assert_int_equal(client_status(&reply), 200);
    assert_int_equal(times(&reply, "X-Evil"), 0);
    assert_int_equal(times(&reply, "X-Good: 1\r\n"), 1);
    buf_release(&reply);
    stop();
}

static void only_networks_that_are_allowed_may_connect(void **state)
{
    (void)state;
    static const struct {
        const char *allow, *from;
        bool in;
    } rows[] = {
        { "127.0.0.2", "127.0.0.2", true },
        { "127.0.0.2", "127.0.0.3", false },
        { "10.0.0.0/8,127.0.0.0/30", "127.0.0.3", true },
        { "10.0.0.0/8,127.0.0.0/30", "127.0.0.4", false },
        { "::/0", "127.0.0.1", false },
        { "::ffff:127.0.0.2", "127.0.0.2", true },
        { NULL, "127.0.0.2", true },
    };
    struct buf reply = { 0 }, error = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct networks allow = { 0 };
        struct http_stats s;
        if (rows[i].allow != NULL)
            assert_true(networks_parse(slice_str(rows[i].allow), &allow, &error));
        start((struct http_opts){ .allow = &allow });
        int fd = client_dial_from(http_address(server), rows[i].from);
        (void)send(fd, "GET /ok HTTP/1.0\r\n\r\n", 20, MSG_NOSIGNAL); /* it may be closed already */
        client_hear(fd, &reply);
        assert_int_equal(client_status(&reply), rows[i].in ? 200 : 0);
        http_stats(server, &s);
        assert_int_equal(s.refused_network, !rows[i].in);
        stop();
    }
    buf_release(&reply);
    buf_release(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_has_the_headers_that_were_set_last),
        cmocka_unit_test(a_header_stands_once_and_an_answer_keeps_its_own),
        cmocka_unit_test(a_header_with_a_line_end_is_left_out),
        cmocka_unit_test(only_networks_that_are_allowed_may_connect),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
