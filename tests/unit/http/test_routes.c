/* Routes below a prefix, headers of one reply, and bodies that have a gzip form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/buf.h"
#include "http/http.h"
#include "http/settings.h"
#include "support/http_client.h"

/* Answers with its own name and the path that was asked for. */
static void say_path(void *cookie, struct http_request *r)
{
    struct buf b = { 0 };
    buf_printf(&b, "%s %s", (const char *)cookie, http_request_path(r));
    struct http_body *body = http_body_take("text/plain", b.ptr, b.len);
    http_answer(r, 200, body);
    http_body_unref(body);
}

static char name_api[] = "api", name_deep[] = "deep", name_exact[] = "exact";

static void say_headers(void *cookie, struct http_request *r)
{
    (void)cookie;
    char etag[] = "\"v7\"";
    const struct http_header headers[] = {
        { "ETag", etag },
        { "Cache-Control", "no-store" },
        { "X-Stranger", "a\r\nSet-Cookie: evil=1" },
        { "Location", "/api/" },
    };
    http_answer_with(r, 302, NULL, headers, ARRAY_LEN(headers));
    memset(etag, 'x', sizeof etag - 1);
}

enum { LARGE = 200000, BODY_MAX = 5000 };

/* Answers with the method, as a number, and the length and sum of the body. */
static void say_body(void *cookie, struct http_request *r)
{
    (void)cookie;
    struct buf b = { 0 };
    struct slice body = http_request_body(r);
    unsigned sum = 0;
    for (size_t i = 0; i < body.len; i++)
        sum += (unsigned char)body.ptr[i];
    buf_printf(&b, "%d %zu %u", (int)http_request_method(r), body.len, sum);
    struct http_body *answer = http_body_take("text/plain", b.ptr, b.len);
    http_answer(r, 200, answer);
    http_body_unref(answer);
}

static const struct http_header of_route[] = { { "X-Policy", "self" },
                                               { "Cache-Control", "no-cache" } };
static struct http_route routes[] = {
    { .path = "/api/", .prefix = true, .ask = say_path, .cookie = name_api },
    { .path = "/api/deep/", .prefix = true, .ask = say_path, .cookie = name_deep },
    { .path = "/api/exact", .ask = say_path, .cookie = name_exact },
    { .path = "/headers", .ask = say_headers },
    { .path = "/large" },
    { .path = "/tiny" },
    { .path = "/body",
      .ask = say_body,
      .methods = HTTP_GET | HTTP_POST | HTTP_DELETE,
      .body_max = BODY_MAX,
      .json = true },
    { .path = "/policy",
      .ask = say_headers,
      .headers = of_route,
      .n_headers = ARRAY_LEN(of_route) },
};
static struct http_server *server;
static struct http_body *large, *tiny;

static int setup(void **state)
{
    (void)state;
    const char *error = "";
    char *text = malloc(LARGE);
    memset(text, 'a', LARGE);
    large = http_body_take("text/plain", text, LARGE);
    tiny = http_body_take("text/plain", strdup("tiny"), 4);
    assert_true(http_body_pack(large));
    assert_false(http_body_pack(tiny));
    routes[4].fixed = large;
    routes[5].fixed = tiny;
    struct http_opts o = { .listen = "127.0.0.1:0",
                           .routes = routes,
                           .n_routes = ARRAY_LEN(routes) };
    if (http_start(&o, &server, &error) != 0)
        fail_msg("%s", error);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    http_body_unref(large);
    http_body_unref(tiny);
    return 0;
}

static void the_exact_route_goes_first_then_the_longest_prefix(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        unsigned status;
        const char *body;
    } rows[] = {
        { "/api/", 200, "api /api/" },
        { "/api/series/a.b?limit=1", 200, "api /api/series/a.b" },
        { "/api/deep/", 200, "deep /api/deep/" },
        { "/api/deep/x/y", 200, "deep /api/deep/x/y" },
        { "/api/deep", 200, "api /api/deep" },
        { "/api/exact", 200, "exact /api/exact" },
        { "/api/exactly", 200, "api /api/exactly" },
        { "/api/a%20b", 200, "api /api/a b" },
        { "/api/../large", 200, "api /api/../large" },
        { "http://host/api/z", 200, "api /api/z" },
        { "/api", 404, "not found\n" },
        { "/large/", 404, "not found\n" },
        { "/apis/", 404, "not found\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        client_expect(client_ask(http_address(server), "GET", rows[i].path), rows[i].status,
                      rows[i].body);
    client_expect(client_ask(http_address(server), "POST", "/api/x"), 405, "only GET and HEAD\n");
}

static void a_reply_has_the_headers_that_came_with_it(void **state)
{
    (void)state;
    struct buf reply = { 0 };
    client_hear(client_ask(http_address(server), "GET", "/headers"), &reply);
    assert_int_equal(client_status(&reply), 302);
    assert_true(client_has(&reply, "ETag: \"v7\"\r\n"));
    assert_true(client_has(&reply, "Cache-Control: no-store\r\n"));
    assert_true(client_has(&reply, "Location: /api/\r\n"));
    assert_false(client_has(&reply, "evil"));
    client_hear(client_ask(http_address(server), "GET", "/api/"), &reply);
    assert_false(client_has(&reply, "ETag"));
    buf_release(&reply);
}

static void a_route_has_headers_where_neither_the_reply_nor_the_config_has_them(void **state)
{
    (void)state;
    const struct http_header set[] = { { "x-policy", "of the config" } };
    static const struct {
        const char *method, *path;
        bool configured;
        const char *has, *has_not;
    } rows[] = {
        { "GET", "/policy", false, "X-Policy: self\r\n", "no-cache" },
        { "GET", "/policy", false, "Cache-Control: no-store\r\n", "no-cache" },
        { "HEAD", "/policy", false, "X-Policy: self\r\n", "no-cache" },
        { "PUT", "/policy", false, " 405 ", "X-Policy" },
        { "GET", "/headers", false, "ETag", "X-Policy" },
        { "GET", "/policy", true, "x-policy: of the config\r\n", "X-Policy: self" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf reply = { 0 };
        http_set_headers(server, set, rows[i].configured ? ARRAY_LEN(set) : 0);
        client_hear(client_ask(http_address(server), rows[i].method, rows[i].path), &reply);
        assert_true(client_has(&reply, rows[i].has));
        assert_false(client_has(&reply, rows[i].has_not));
        buf_release(&reply);
    }
    http_set_headers(server, NULL, 0);
}

static void ask(const char *method, const char *path, bool gzip, struct buf *reply)
{
    char request[256];
    int fd = client_dial(http_address(server));
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
             method, path, gzip ? "Accept-Encoding: gzip\r\n" : "");
    client_say(fd, request);
    client_hear(fd, reply);
    assert_int_equal(client_status(reply), 200);
}

static void check_unpacks(const struct buf *reply)
{
    const char *body = client_body(reply);
    static unsigned char text[LARGE + 1];
    z_stream z = { .next_in = (unsigned char *)(uintptr_t)body,
                   .avail_in = (unsigned)(reply->ptr + reply->len - body),
                   .next_out = text,
                   .avail_out = sizeof text };
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, LARGE);
    inflateEnd(&z);
}

static void a_packed_body_goes_packed_to_who_accepts_it(void **state)
{
    (void)state;
    struct buf reply = { 0 };
    ask("GET", "/large", true, &reply);
    assert_true(client_has(&reply, "Content-Encoding: gzip\r\n"));
    assert_true(client_has(&reply, "Vary: Accept-Encoding\r\n"));
    check_unpacks(&reply);
    ask("GET", "/large", false, &reply);
    assert_false(client_has(&reply, "Content-Encoding"));
    assert_true(client_has(&reply, "Vary: Accept-Encoding\r\n"));
    assert_true(client_has(&reply, "Content-Length: 200000\r\n"));
    assert_int_equal(strlen(client_body(&reply)), LARGE);
    ask("HEAD", "/large", true, &reply);
    assert_true(client_has(&reply, "Content-Encoding: gzip\r\n"));
    assert_string_equal(client_body(&reply), "");
    ask("GET", "/tiny", true, &reply); /* no smaller: it has one form */
    assert_false(client_has(&reply, "Content-Encoding"));
    assert_false(client_has(&reply, "Vary"));
    assert_string_equal(client_body(&reply), "tiny");
    buf_release(&reply);
}

/* Bodies of n 'a', by their length and in chunks. */
static void send_body(const char *method, size_t n, bool chunks, struct buf *reply)
{
    struct buf request = { 0 };
    int fd = client_dial(http_address(server));
    buf_printf(&request, "%s /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", method);
    if (chunks)
        buf_append_str(&request, "Transfer-Encoding: chunked\r\n\r\n");
    else
        buf_printf(&request, "Content-Length: %zu\r\n\r\n", n);
    for (size_t sent = 0, part; sent < n; sent += part) {
        part = n - sent < 999 ? n - sent : 999;
        if (chunks)
            buf_printf(&request, "%zx\r\n", part);
        memset(buf_reserve(&request, part), 'a', part);
        request.len += part;
        if (chunks)
            buf_append_str(&request, "\r\n");
    }
    buf_append_str(&request, chunks ? "0\r\n\r\n" : "");
    buf_append_char(&request, '\0');
    client_say(fd, request.ptr);
    client_hear(fd, reply);
    buf_release(&request);
}

static void a_body_comes_whole_or_is_answered_413(void **state)
{
    static const struct {
        const char *method;
        size_t n;
        unsigned status;
        const char *body;
    } rows[] = {
        { "POST", 0, 200, "2 0 0" },
        { "POST", 1, 200, "2 1 97" },
        { "PUT", BODY_MAX, 200, "2 5000 485000" },
        { "POST", BODY_MAX + 1, 413, "{\"error\":\"the body is longer than this path takes\"}\n" },
        { "DELETE", 10, 200, "4 0 0" }, /* dropped */
        { "GET", 10, 200, "1 0 0" },
        { "GET", BODY_MAX + 1, 200, "1 0 0" },
    };
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        struct buf reply = { 0 };
        size_t row = i / 2;
        send_body(rows[row].method, rows[row].n, i % 2, &reply);
        if (client_status(&reply) != rows[row].status ||
            strcmp(client_body(&reply), rows[row].body) != 0)
            fail_msg("%s %zu: %s", rows[row].method, rows[row].n, reply.ptr);
        buf_release(&reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exact_route_goes_first_then_the_longest_prefix),
        cmocka_unit_test(a_reply_has_the_headers_that_came_with_it),
        cmocka_unit_test(a_route_has_headers_where_neither_the_reply_nor_the_config_has_them),
        cmocka_unit_test(a_packed_body_goes_packed_to_who_accepts_it),
        cmocka_unit_test(a_body_comes_whole_or_is_answered_413),
    };
    return cmocka_run_group_tests_name("routes", tests, setup, teardown);
}
