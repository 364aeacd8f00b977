#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"

enum { DEFAULT_PORT = 8125 };

static int parse(const char *text, size_t len, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    char *exact = malloc(len ? len : 1);
    memcpy(exact, text, len);
    int rc = address_parse(slice_of(len ? exact : NULL, len), DEFAULT_PORT, ret, ret_len);
    free(exact);
    return rc;
}

static void good_texts_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed;
    } rows[] = {
        { "127.0.0.1:9102", "127.0.0.1:9102" },
        { "127.0.0.1:0", "127.0.0.1:0" },
        { "127.0.0.1", "127.0.0.1:8125" },
        { "255.255.255.255:65535", "255.255.255.255:65535" },
        { "localhost:9102", "127.0.0.1:9102" },
        { "localhost", "127.0.0.1:8125" },
        { "*:9102", "0.0.0.0:9102" },
        { "0.0.0.0:1", "0.0.0.0:1" },
        { "[::]:1", "[::]:1" },
        { "[::1]:9102", "[::1]:9102" },
        { "[::1]", "[::1]:8125" },
        { "[2001:db8::0:1]:80", "[2001:db8::1]:80" },
        { "[::ffff:10.1.2.3]:80", "10.1.2.3:80" },
        { "[fe80::1%lo]:80", "[fe80::1%1]:80" },
        { "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535",
          "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sockaddr_storage addr, again;
        socklen_t len = 0, again_len = 0;
        memset(&addr, 0xa5, sizeof addr);
        char out[ADDRESS_TEXT_MAX];
        if (parse(rows[i].text, strlen(rows[i].text), &addr, &len) != 0)
            fail_msg("%s refused", rows[i].text);
        address_print((const struct sockaddr *)&addr, out);
        assert_string_equal(out, rows[i].printed);
        bool v6 = addr.ss_family == AF_INET6;
        assert_int_equal(len, v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
        if (strstr(rows[i].text, "ffff:10.") == NULL) {
            assert_int_equal(parse(out, strlen(out), &again, &again_len), 0);
            assert_memory_equal(&addr, &again, sizeof addr);
            assert_int_equal(len, again_len);
        }
    }
}

static void bad_texts_are_refused_and_nothing_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
    } rows[] = {
        { "", -EDESTADDRREQ },
        { ":9102", -EDESTADDRREQ },
        { "[]:9102", -EDESTADDRREQ },
        { ":", -EDESTADDRREQ },
        { "127.0.0.1:", -ERANGE },
        { "127.0.0.1:65536", -ERANGE },
        { "127.0.0.1:-1", -ERANGE },
        { "127.0.0.1:+1", -ERANGE },
        { "127.0.0.1:http", -ERANGE },
        { "127.0.0.1: 80", -ERANGE },
        { "127.0.0.1:99999999999999999999999", -ERANGE },
        { "127.1:80", -EINVAL },
        { "0177.0.0.1:80", -EINVAL },
        { "256.0.0.1:80", -EINVAL },
        { "9102", -EINVAL },
        { "example.org:80", -EINVAL },
        { "LOCALHOST:80", -EINVAL },
        { "localhost.:80", -EINVAL },
        { "::1:9102", -EINVAL },
        { "::1", -EINVAL },
        { "[::1", -EINVAL },
        { "[::1]9102", -EINVAL },
        { "[::1]:80:80", -ERANGE },
        { "[127.0.0.1]:80", -EINVAL },
        { "[*]:80", -EINVAL },
        { "[fe80::1%no-such-if0]:80", -ENODEV },
        { "[fe80::1%]:80", -ENODEV },
        { "[fe80::1%0]:80", -ENODEV },
        { "127.0.0.1:80 ", -ERANGE },
        { " 127.0.0.1:80", -EINVAL },
        { "http://127.0.0.1:80", -EINVAL },
        { "1111111111111111111111111111111111111111111111111111111111111111:80", -EINVAL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sockaddr_storage addr, before;
        socklen_t len = 77;
        memset(&addr, 0xa5, sizeof addr);
        memcpy(&before, &addr, sizeof addr);
        int rc = parse(rows[i].text, strlen(rows[i].text), &addr, &len);
        if (rc != rows[i].rc)
            fail_msg("%s: %d, not %d", rows[i].text, rc, rows[i].rc);
        assert_memory_equal(&addr, &before, sizeof addr);
        assert_int_equal(len, 77);
        assert_true(strlen(address_error(rc)) > 10);
    }
    struct sockaddr_storage addr;
    socklen_t len;
    assert_int_equal(parse("127.0.0.1\0:80", 13, &addr, &len), -EINVAL);
}

static void an_address_of_another_family_prints_as_a_question_mark(void **state)
{
    (void)state;
    char out[ADDRESS_TEXT_MAX];
    address_print(&(struct sockaddr){ .sa_family = AF_UNIX }, out);
    assert_string_equal(out, "?");
}

static void port_and_any_are_read_off_an_address(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned port;
        bool any;
    } rows[] = {
        { "127.0.0.1:80", 80, false },
        { "0.0.0.0:65535", 65535, true },
        { "*:0", 0, true },
        { "[::1]:1", 1, false },
        { "[::]:8125", 8125, true },
        { "[::ffff:0.0.0.0]:80", 80, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sockaddr_storage addr;
        socklen_t len;
        assert_int_equal(parse(rows[i].text, strlen(rows[i].text), &addr, &len), 0);
        assert_int_equal(address_port((const struct sockaddr *)&addr), rows[i].port);
        assert_int_equal(address_is_any((const struct sockaddr *)&addr), rows[i].any);
    }
    const struct sockaddr local = { .sa_family = AF_UNIX };
    assert_int_equal(address_port(&local), 0);
    assert_false(address_is_any(&local));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_are_understood),
        cmocka_unit_test(bad_texts_are_refused_and_nothing_is_written),
        cmocka_unit_test(an_address_of_another_family_prints_as_a_question_mark),
        cmocka_unit_test(port_and_any_are_read_off_an_address),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
