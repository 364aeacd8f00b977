/* The files of the page over HTTP: their forms, what a browser has already, headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/settings.h"
#include "support/http_client.h"
#include "web/web.h"

static struct web *web;
static struct http_route routes[WEB_ROUTES];
static struct http_server *server;

static int setup(void **state)
{
    (void)state;
    const char *error = "";
    web = web_new();
    web_routes(web, routes);
    struct http_opts o = { .listen = "127.0.0.1:0", .routes = routes, .n_routes = WEB_ROUTES };
    if (http_start(&o, &server, &error) != 0)
        fail_msg("%s", error);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    web_free(web);
    return 0;
}

/* The reply to a GET with one header more. */
static void get(const char *path, const char *header, struct buf *reply)
{
    char request[512];
    int fd = client_dial(http_address(server));
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n\r\n", path, header);
    client_say(fd, request);
    client_hear(fd, reply);
}

static void etag_of(const struct buf *reply, char *ret, size_t cap)
{
    const char *tag = strstr(reply->ptr, "ETag: ");
    assert_non_null(tag);
    size_t n = strcspn(tag + strlen("ETag: "), "\r");
    assert_true(n > 0 && n < cap);
    memcpy(ret, tag + strlen("ETag: "), n);
    ret[n] = '\0';
}

static void a_client_gets_the_form_that_it_accepts(void **state)
{
    (void)state;
    struct buf packed = { 0 }, plain = { 0 }, again = { 0 };
    get("/", "Accept-Encoding: gzip", &packed);
    get("/", "Accept: */*", &plain);
    get("/", "Accept: */*", &again);
    assert_true(client_has(&packed, "Content-Encoding: gzip\r\n"));
    assert_memory_equal(client_body(&packed), "\x1f\x8b", 2);
    assert_false(client_has(&plain, "Content-Encoding"));
    assert_true(client_has(&plain, "Vary: Accept-Encoding\r\n"));
    assert_memory_equal(client_body(&plain), "<!doctype html>", 15);
    assert_string_equal(client_body(&plain), client_body(&again));
    buf_release(&packed);
    buf_release(&plain);
    buf_release(&again);
}

static void what_a_browser_has_already_is_not_sent(void **state)
{
    (void)state;
    struct buf reply = { 0 };
    char tag[64], header[128];
    get("/web/page.css", "Accept-Encoding: gzip", &reply);
    etag_of(&reply, tag, sizeof tag);
    snprintf(header, sizeof header, "If-None-Match: \"other\", %s", tag);
    get("/web/page.css", header, &reply);
    assert_int_equal(client_status(&reply), 304);
    assert_string_equal(client_body(&reply), "");
    get("/web/main.js", header, &reply);
    assert_int_equal(client_status(&reply), 200);
    buf_release(&reply);
}

static void a_tag_is_the_same_in_the_next_process(void **state)
{
    (void)state;
    struct buf reply = { 0 };
    char tag[64], next[64];
    get("/", "Accept: */*", &reply);
    etag_of(&reply, tag, sizeof tag);
    teardown(NULL);
    setup(NULL);
    get("/", "Accept: */*", &reply);
    etag_of(&reply, next, sizeof next);
    assert_string_equal(tag, next);
    buf_release(&reply);
}

static void other_paths_are_not_found(void **state)
{
    (void)state;
    static const char *const paths[] = { "/web/", "/web/x", "/web/index.html", "/webs" };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        client_expect(client_ask(http_address(server), "GET", paths[i]), 404, "not found\n");
}

static void headers_of_the_server_go_before_those_of_the_page(void **state)
{
    (void)state;
    static const struct http_header own[] = { { "Content-Security-Policy", "sandbox" } };
    struct buf reply = { 0 };
    get("/", "Accept: */*", &reply);
    assert_true(client_has(&reply, "Content-Security-Policy: default-src 'none'; "));
    assert_true(client_has(&reply, "Referrer-Policy: no-referrer\r\n"));
    http_set_headers(server, own, 1);
    get("/", "Accept: */*", &reply);
    assert_true(client_has(&reply, "Content-Security-Policy: sandbox\r\n"));
    assert_false(client_has(&reply, "default-src"));
    assert_true(client_has(&reply, "Referrer-Policy: no-referrer\r\n"));
    http_set_headers(server, NULL, 0);
    buf_release(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_gets_the_form_that_it_accepts),
        cmocka_unit_test(what_a_browser_has_already_is_not_sent),
        cmocka_unit_test(a_tag_is_the_same_in_the_next_process),
        cmocka_unit_test(other_paths_are_not_found),
        cmocka_unit_test(headers_of_the_server_go_before_those_of_the_page),
    };
    return cmocka_run_group_tests_name("web", tests, setup, teardown);
}
