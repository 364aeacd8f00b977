/* What a browser brings of other sites, and the name of a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/guard.h"
#include "http/http.h"
#include "support/http_client.h"

static void names_of_ours_are_told_from_others(void **state)
{
    (void)state;
    static const struct {
        const char *host, *list;
        bool ours;
    } rows[] = {
        { "localhost", "", true },
        { "LocalHost:9102", "", true },
        { "localhost.", "", true },
        { "localhost.evil.com", "", false },
        { "127.0.0.1", "", true },
        { "10.1.2.3:80", "", true },
        { "[::1]", "", true },
        { "[fe80::1]:9102", "", true },
        { "[::1", "", false },
        { "::1", "", false },
        { "127.0.0.1.evil.com", "", false },
        { "1.2.3", "", false },
        { "box", "", true },
        { "Box:1", "", true },
        { "box.evil.com", "", false },
        { "", "", false },
        { ":80", "", false },
        { ".", "", false },
        { "stats.example", "", false },
        { "stats.example", "stats.example", true },
        { "STATS.example.:8", "a, stats.example ,b", true },
        { "b", "a, stats.example ,b", true },
        { "", ",,", false },
        { "anything", "*", true },
        { "anything", "a,*", true },
        { "a*", "a", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (http_guard_names("box", rows[i].list, slice_str(rows[i].host)) != rows[i].ours)
            fail_msg("%s with %s", rows[i].host, rows[i].list);
}

static unsigned say_ok(void *cookie, const char **ret_text)
{
    (void)cookie;
    *ret_text = "ok";
    return 200;
}

static struct http_route routes[] = {
    { .path = "/page", .probe = say_ok, .methods = HTTP_GET | HTTP_POST, .guarded = HTTP_GUARDED },
    { .path = "/quit", .probe = say_ok, .methods = HTTP_POST, .guarded = HTTP_GUARDED_FROM_PAGES },
    { .path = "/metrics", .probe = say_ok },
};
static struct http_server *server;

static int setup(void **state)
{
    (void)state;
    const char *error = "";
    const struct http_opts o = {
        .listen = "127.0.0.1:0", .routes = routes, .n_routes = 3, .hosts = "stats.example"
    };
    if (http_start(&o, &server, &error) != 0)
        fail_msg("%s", error);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    return 0;
}

static void ask(const char *method, const char *path, const char *headers, struct buf *reply)
{
    char request[1024];
    int fd = client_dial(http_address(server));
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nConnection: close\r\n%s\r\n", method, path,
             headers);
    client_say(fd, request);
    client_hear(fd, reply);
}

static void other_sites_get_no_further_than_a_link(void **state)
{
    (void)state;
#define LOCAL    "Host: localhost\r\n"
#define CROSS    "Sec-Fetch-Site: cross-site\r\n"
#define EMPTY    "Content-Length: 0\r\n"
#define NAVIGATE "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"
    static const struct {
        const char *method, *path, *headers;
        unsigned status;
    } rows[] = {
        { "GET", "/page", LOCAL, 200 },
        { "GET", "/page", "Host: stats.example:80\r\n", 200 },
        { "GET", "/page", "Host: evil.com\r\n", 421 },
        { "GET", "/metrics", "Host: evil.com\r\n", 200 },
        { "GET", "/page", LOCAL "Origin: http://localhost\r\n", 200 },
        { "GET", "/page", "Host: localhost:91\r\nOrigin: https://localhost:91\r\n", 200 },
        { "GET", "/page", "Host: localhost:91\r\nOrigin: http://localhost:92\r\n", 403 },
        { "GET", "/page", LOCAL "Origin: http://evil.com\r\n", 403 },
        { "POST", "/page", LOCAL "Origin: null\r\nContent-Length: 0\r\n", 403 },
        { "GET", "/page", LOCAL "Sec-Fetch-Site: same-origin\r\n", 200 },
        { "GET", "/page", LOCAL CROSS, 403 },
        { "GET", "/page", LOCAL CROSS NAVIGATE, 200 },
        { "POST", "/page", LOCAL CROSS NAVIGATE "Content-Length: 0\r\n", 403 },
        { "GET", "/page", LOCAL CROSS "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
          403 },
        { "GET", "/metrics", LOCAL CROSS "Origin: http://evil.com\r\n", 200 },
        { "POST", "/quit", "Host: service.namespace\r\n" EMPTY, 200 },
        { "POST", "/quit", "Host: localhost:91\r\nOrigin: http://localhost:91\r\n" EMPTY, 200 },
        { "POST", "/quit", LOCAL "Origin: http://evil.com\r\n" EMPTY, 403 },
        { "POST", "/quit", LOCAL "Origin: null\r\n" EMPTY, 403 },
        { "POST", "/quit", LOCAL CROSS NAVIGATE EMPTY, 403 },
        { "POST", "/quit", "Host: evil.com\r\nOrigin: http://evil.com\r\n" EMPTY, 421 },
    };
    struct http_stats stats;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf reply = { 0 };
        ask(rows[i].method, rows[i].path, rows[i].headers, &reply);
        if (client_status(&reply) != rows[i].status)
            fail_msg("row %zu: %s", i, reply.ptr);
        buf_release(&reply);
    }
    http_stats(server, &stats);
    assert_int_equal(stats.guarded[HTTP_GUARD_HOST], 2);
    assert_int_equal(stats.guarded[HTTP_GUARD_ORIGIN], 5);
    assert_int_equal(stats.guarded[HTTP_GUARD_CROSS_SITE], 4);
}

#define LONGEST_ID "0123456789012345678901234567890123456789012345678901234567890123"

static void an_answer_has_the_name_of_its_request_or_a_new_one(void **state)
{
    (void)state;
    static const char *const good[] = { "a", "A-z_0.9", LONGEST_ID };
    static const char *const bad[] = { "", "a b", "a\"b", "\xc3\xa9", (LONGEST_ID "4") };
    char headers[256];
    struct buf reply = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        snprintf(headers, sizeof headers, "Host: x\r\nX-Request-ID: %s\r\n", good[i]);
        ask("GET", i % 2 ? "/nowhere" : "/metrics", headers, &reply);
        assert_true(client_has(&reply, strchr(headers, 'X')));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(headers, sizeof headers, "Host: x\r\nX-Request-ID: %s\r\n", bad[i]);
        ask("GET", "/page", headers, &reply);
        const char *at = strstr(reply.ptr, "X-Request-ID: ");
        assert_non_null(at);
        assert_int_equal(strspn(at + strlen("X-Request-ID: "), "0123456789abcdef"), 16);
    }
    buf_release(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_ours_are_told_from_others),
        cmocka_unit_test_setup_teardown(other_sites_get_no_further_than_a_link, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_has_the_name_of_its_request_or_a_new_one, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
