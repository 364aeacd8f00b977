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
#include "support/http_daemon.h"

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

static struct http_route routes[] = {
    { .path = "/page" },
    { .path = "/ok", .probe = say_ok },
    { .path = "/503", .ask = answer_503 },
    { .path = "/own", .ask = answer_own },
    { .path = "/stream", .ask = http_daemon_answer_piece },
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
    assert_int_equal(http_start(&o, &http_daemon, &error), 0);
}

static void finish(void)
{
    http_daemon_stop();
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
    http_set_headers(http_daemon, first, ARRAY_LEN(first));
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        client_hear(client_ask(http_address(http_daemon), answers[i].method, answers[i].path),
                    &reply);
        assert_int_equal(client_status(&reply), answers[i].status);
        assert_int_equal(times(&reply, "X-Frame-Options: deny\r\n"), 1);
        assert_int_equal(times(&reply, "Strict-Transport-Security: max-age=1\r\n"), 1);
    }
    http_set_headers(http_daemon, second, ARRAY_LEN(second));
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        client_hear(client_ask(http_address(http_daemon), answers[i].method, answers[i].path),
                    &reply);
        assert_int_equal(times(&reply, "X-Frame-Options: sameorigin\r\n"), 1);
        assert_int_equal(times(&reply, "Strict-Transport-Security"), 0);
    }
    http_set_headers(http_daemon, NULL, 0);
    client_hear(client_ask(http_address(http_daemon), "GET", "/ok"), &reply);
    assert_int_equal(times(&reply, "X-Frame-Options"), 0);
    buf_release(&reply);
    finish();
}

static void a_header_stands_once_and_an_answer_keeps_its_own(void **state)
{
    (void)state;
    static const struct http_header set[] = { { "X-Frame-Options", "deny" },
                                              { "X-Content-Type-Options", "nosniff" } };
    struct buf reply = { 0 };
    start((struct http_opts){ 0 });
    http_set_headers(http_daemon, set, ARRAY_LEN(set));
    client_hear(client_ask(http_address(http_daemon), "GET", "/own"), &reply);
    assert_int_equal(times(&reply, "rame-"), 1);
    assert_int_equal(times(&reply, "x-frame-options: own\r\n"), 1);
    assert_int_equal(times(&reply, "X-Content-Type-Options: nosniff\r\n"), 1);
    buf_release(&reply);
    finish();
}

static void a_header_with_a_line_end_is_left_out(void **state)
{
    (void)state;
    static const struct http_header set[] = { { "X-Frame-Options", "deny\r\nX-Evil: 1" },
                                              { "X-Good", "1" } };
    struct buf reply = { 0 };
    start((struct http_opts){ 0 });
    http_set_headers(http_daemon, set, ARRAY_LEN(set));
    client_hear(client_ask(http_address(http_daemon), "GET", "/ok"), &reply);
    assert_int_equal(client_status(&reply), 200);
    assert_int_equal(times(&reply, "X-Evil"), 0);
    assert_int_equal(times(&reply, "X-Good: 1\r\n"), 1);
    buf_release(&reply);
    finish();
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
        int fd = client_dial_from(http_address(http_daemon), rows[i].from);
        (void)send(fd, "GET /ok HTTP/1.0\r\n\r\n", 20, MSG_NOSIGNAL); /* it may be closed already */
        client_hear(fd, &reply);
        assert_int_equal(client_status(&reply), rows[i].in ? 200 : 0);
        http_stats(http_daemon, &s);
        assert_int_equal(s.refused_network, !rows[i].in);
        finish();
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
