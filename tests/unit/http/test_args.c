/* Query arguments: all of them, in their order, decoded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/args.h"
#include "http/http.h"
#include "support/http_client.h"

static void put(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        buf_append_char(out, s.ptr[i] == '\0' ? '0' : s.ptr[i]);
}

/* HTTP thread: [name]=[value], or [name] where there is no "=". */
static void show(void *cookie, struct http_request *r)
{
    struct http_arg args[HTTP_ARGS_MAX];
    struct buf text = { 0 };
    (void)cookie;
    size_t n = http_request_args(r, args);
    for (size_t i = 0; i < n; i++) {
        buf_append_char(&text, '[');
        put(&text, args[i].name);
        buf_append_str(&text, args[i].value.ptr != NULL ? "]=[" : "]");
        put(&text, args[i].value);
        buf_append_str(&text, args[i].value.ptr != NULL ? "]" : "");
    }
    struct http_body *body = http_body_take("text/plain", text.ptr, text.len);
    http_answer(r, 200, body);
    http_body_unref(body);
}

static struct http_server *start(void)
{
    static const struct http_route route = { .path = "/args", .ask = show };
    const char *error = "";
    struct http_server *s;
    struct http_opts opts = { .listen = "127.0.0.1:0", .routes = &route, .n_routes = 1 };
    if (http_start(&opts, &s, &error) != 0)
        fail_msg("%s", error);
    return s;
}

static void every_argument_comes_in_its_order_and_decoded(void **state)
{
    static const struct {
        const char *target, *args;
    } rows[] = {
        { "/args", "" },
        { "/args?", "" },
        { "/args?a=1", "[a]=[1]" },
        { "/args?a=1&b=2&a=3", "[a]=[1][b]=[2][a]=[3]" },
        { "/args?a=1&a=1", "[a]=[1][a]=[1]" },
        { "/args?a", "[a]" },
        { "/args?a=", "[a]=[]" },
        { "/args?=1", "[]=[1]" },
        { "/args?a=b=c", "[a]=[b=c]" },
        { "/args?tag=env%3Aprod+eu&tag=k%3a*", "[tag]=[env:prod eu][tag]=[k:*]" },
        { "/args?a=%00b&%63=%c3%a9", "[a]=[0b][c]=[\xc3\xa9]" },
    };
    (void)state;
    struct http_server *s = start();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        client_expect(client_ask(http_address(s), "GET", rows[i].target), 200, rows[i].args);
    http_stop(s);
}

static void as_many_as_there_may_be_are_all_read(void **state)
{
    struct buf request = { 0 }, want = { 0 };
    (void)state;
    struct http_server *s = start();
    for (int i = 0; i < HTTP_ARGS_MAX; i++) {
        buf_printf(&request, "%s%d=%d", i == 0 ? "GET /args?" : "&", i, i * i);
        buf_printf(&want, "[%d]=[%d]", i, i * i);
    }
    buf_append_str(&request, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    buf_append_char(&request, '\0');
    buf_append_char(&want, '\0');
    int fd = client_dial(http_address(s));
    client_say(fd, request.ptr);
    client_expect(fd, 200, want.ptr);
    buf_release(&request);
    buf_release(&want);
    http_stop(s);
}

/* libmicrohttpd reads a query behind a NUL, which ends the target for everybody else. */
static void more_of_them_behind_a_nul_are_too_many(void **state)
{
    static const struct {
        const char *target;
        unsigned status;
    } rows[] = { { "/args", 414 }, { "/args?", 200 }, { "/args?a=1", 200 } };
    (void)state;
    struct http_server *s = start();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf request = { 0 }, got = { 0 };
        buf_printf(&request, "GET %s", rows[i].target);
        buf_append(&request, "\0?", 2);
        for (int k = 0; k < HTTP_ARGS_MAX; k++)
            buf_append_str(&request, "&a=1");
        buf_append_str(&request, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        int fd = client_dial(http_address(s));
        assert_int_equal(send(fd, request.ptr, request.len, MSG_NOSIGNAL), request.len);
        client_hear(fd, &got);
        assert_int_equal(client_status(&got), rows[i].status);
        buf_release(&request);
        buf_release(&got);
    }
    http_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_argument_comes_in_its_order_and_decoded),
        cmocka_unit_test(as_many_as_there_may_be_are_all_read),
        cmocka_unit_test(more_of_them_behind_a_nul_are_too_many),
    };
    return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}
