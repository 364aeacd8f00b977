#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/networks.h"

static bool parse_bytes(const char *text, size_t len, struct networks *ret, struct buf *error)
{
    char *exact = malloc(len ? len : 1);
    memcpy(exact, text, len);
    bool ok = networks_parse(slice_of(len ? exact : NULL, len), ret, error);
    free(exact);
    return ok;
}

static void parsed(const char *text, struct networks *ret)
{
    struct buf error = { 0 };
    if (!parse_bytes(text, strlen(text), ret, &error))
        fail_msg("%s: %.*s", text, (int)error.len, error.ptr);
    buf_release(&error);
}

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage addr = { 0 };
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(1) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(1) };
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        memcpy(&addr, &in, sizeof in);
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        memcpy(&addr, &in6, sizeof in6);
    else
        fail_msg("%s is no address", text);
    return addr;
}

static void a_list_is_read_and_printed_in_its_plainest_form(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed;
    } rows[] = {
        { "10.0.0.0/8,fd00::/8,192.0.2.1", "10.0.0.0/8,fd00::/8,192.0.2.1" },
        { " 10.0.0.0/8 ,\t::1 ", "10.0.0.0/8,::1" },
        { "0.0.0.0/0", "0.0.0.0/0" },
        { "::/0", "::/0" },
        { "192.0.2.1/32", "192.0.2.1" },
        { "192.0.2.0/31", "192.0.2.0/31" },
        { "::1/128", "::1" },
        { "FD00:0:0::/8", "fd00::/8" },
        { "2001:db8::/65", "2001:db8::/65" },
        { "2001:db8:0:0:8000::/65", "2001:db8:0:0:8000::/65" },
        { "::ffff:10.0.0.0/104", "10.0.0.0/8" },
        { "::ffff:0.0.0.0/96", "0.0.0.0/0" },
        { "::ffff:192.0.2.1", "192.0.2.1" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", /* the longest form of an address */
          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127",
          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct networks n, again;
        struct buf out = { 0 };
        parsed(rows[i].text, &n);
        networks_print(&n, &out);
        buf_append_char(&out, '\0');
        assert_string_equal(out.ptr, rows[i].printed);
        parsed(rows[i].printed, &again);
        assert_true(networks_equal(&n, &again));
        buf_release(&out);
    }
}

static void what_is_wrong_is_said_with_what_would_be_right(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "", "an entry is empty" },
        { ",", "an entry is empty" },
        { "10.0.0.0/8,", "an entry is empty" },
        { " ", "an entry is empty" },
        { "10.0.0.1/8", "say 10.0.0.0/8 for the network or 10.0.0.1 for the one address" },
        { "::1/0", "say ::/0 for the network or ::1 for the one address" },
        { "fd00::1/64", "say fd00::/64 for the network or fd00::1 for the one address" },
        { "fd00:0:0:0:8000::/64", "say fd00::/64 for the network" },
        { "::ffff:10.0.0.1/104", "say 10.0.0.0/8 for the network or 10.0.0.1" },
        { "10.0.0.0/33", "of 10.0.0.0 stands how many bits the network has: 0 to 32" },
        { "10.0.0.0/", "0 to 32" },
        { "10.0.0.0/08", "0 to 32" },
        { "10.0.0.0/-1", "0 to 32" },
        { "10.0.0.0/+8", "0 to 32" },
        { "10.0.0.0/8/8", "0 to 32" },
        { "10.0.0.0/255.0.0.0", "0 to 32" },
        { "10.0.0.0/4294967304", "0 to 32" },
        { "fd00::/129", "0 to 128" },
        { "::ffff:10.0.0.0/8", "of 10.0.0.0 stands how many bits the network has: 96 to 128" },
        { "::ffff:0.0.0.0/95", "96 to 128" },
        { "::ffff:10.0.0.0/129", "96 to 128" },
        { "10.0.0.0/00", "0 to 32" },
        { "10.0.0.0 /8", "10.0.0.0 /8 is not an address or a network" },
        { "10.0/16", "10.0/16 is not an address or a network" },
        { "010.0.0.0/8", "is not an address" },
        { "/8", "is not an address" },
        { "localhost", "names are not looked up" },
        { "*", "is not an address" },
        { "[::1]", "without brackets" },
        { "10.0.0.1:80", "without brackets, port" },
        { "fe80::1%lo", "%INTERFACE" },
        { "10.0.0.0/8;fd00::/8", "0 to 32" },
        { "1111111111111111111111111111111111111111111111111111111111111111111111111",
          "11111111111111111111111111111111111111111111111111... is not" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct networks n, before;
        struct buf error = { 0 };
        memset(&n, 0xa5, sizeof n);
        memcpy(&before, &n, sizeof n);
        assert_false(parse_bytes(rows[i].text, strlen(rows[i].text), &n, &error));
        assert_memory_equal(&n, &before, sizeof n);
        buf_append_char(&error, '\0');
        if (strstr(error.ptr, rows[i].says) == NULL)
            fail_msg("\"%s\": %s", rows[i].text, error.ptr);
        buf_release(&error);
    }
    struct networks n;
    struct buf error = { 0 };
    assert_false(parse_bytes("10.0.0.1\0", 9, &n, &error));
    buf_release(&error);
}

static void a_list_has_an_end(void **state)
{
    (void)state;
    struct buf text = { 0 }, error = { 0 };
    struct networks n;
    for (int i = 0; i < NETWORKS_MAX; i++)
        buf_printf(&text, "%s10.0.0.%d", i ? "," : "", i);
    assert_true(networks_parse(buf_slice(&text), &n, &error));
    assert_int_equal(n.n, NETWORKS_MAX);
    buf_append_str(&text, ",10.0.1.0");
    assert_false(networks_parse(buf_slice(&text), &n, &error));
    buf_append_char(&error, '\0');
    assert_non_null(strstr(error.ptr, "at most 64 networks"));
    buf_release(&text);
    buf_release(&error);
}

static void an_address_is_in_a_network_or_not(void **state)
{
    (void)state;
    static const struct {
        const char *list, *addr;
        bool in;
    } rows[] = {
        { "10.0.0.0/8", "10.0.0.0", true },
        { "10.0.0.0/8", "10.255.255.255", true },
        { "10.0.0.0/8", "11.0.0.0", false },
        { "10.0.0.0/8", "9.255.255.255", false },
        { "10.0.0.0/8", "::ffff:10.1.2.3", true },
        { "10.0.0.0/8", "::ffff:11.1.2.3", false },
        { "10.0.0.0/8", "a00::", false },
        { "a00::/8", "10.0.0.0", false },
        { "::ffff:10.0.0.0/104", "10.1.2.3", true },
        { "192.0.2.1", "192.0.2.1", true },
        { "192.0.2.1", "192.0.2.0", false },
        { "192.0.2.0/31", "192.0.2.1", true },
        { "192.0.2.0/31", "192.0.2.2", false },
        { "0.0.0.0/0", "255.255.255.255", true },
        { "0.0.0.0/0", "::1", false },
        { "0.0.0.0/0", "::ffff:1.2.3.4", true },
        { "::/0", "ffff::1", true },
        { "::/0", "1.2.3.4", false },
        { "::/0", "::ffff:1.2.3.4", false },
        { "fd00::/8", "fdff:ffff::1", true },
        { "fd00::/8", "fe00::1", false },
        { "2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", true },
        { "2001:db8::/64", "2001:db8:0:1::", false },
        { "2001:db8::/65", "2001:db8::7fff:0:0:0", true },
        { "2001:db8::/65", "2001:db8::8000:0:0:0", false },
        { "::1", "::1", true },
        { "::1", "::2", false },
        { "::1", "0.0.0.1", false },
        { "192.0.2.1,fd00::/8,10.0.0.0/8", "10.9.9.9", true },
        { "192.0.2.1,fd00::/8,10.0.0.0/8", "192.0.2.2", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct networks n;
        struct sockaddr_storage addr = address(rows[i].addr);
        parsed(rows[i].list, &n);
        if (networks_have(&n, (const struct sockaddr *)&addr) != rows[i].in)
            fail_msg("%s in %s", rows[i].addr, rows[i].list);
    }
    struct networks n, none = { 0 };
    struct sockaddr_storage addr = address("127.0.0.1");
    parsed("0.0.0.0/0,::/0", &n);
    assert_false(networks_have(&n, &(const struct sockaddr){ .sa_family = AF_UNIX }));
    assert_false(networks_have(&none, (const struct sockaddr *)&addr));
}

static void the_network_of_an_address_has_the_size_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *addr;
        unsigned v4_bits, v6_bits;
        const char *network;
    } rows[] = {
        { "192.0.2.77", 32, 64, "192.0.2.77" },
        { "192.0.2.77", 24, 64, "192.0.2.0/24" },
        { "192.0.2.77", 0, 64, "0.0.0.0/0" },
        { "::ffff:192.0.2.77", 24, 64, "192.0.2.0/24" },
        { "2001:db8:1:2:3:4:5:6", 32, 64, "2001:db8:1:2::/64" },
        { "2001:db8:1:2:3:4:5:6", 32, 128, "2001:db8:1:2:3:4:5:6" },
        { "2001:db8:1:2:3:4:5:6", 32, 0, "::/0" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sockaddr_storage addr = address(rows[i].addr);
        struct network n;
        char out[NETWORK_TEXT_MAX];
        assert_true(
            network_of((const struct sockaddr *)&addr, rows[i].v4_bits, rows[i].v6_bits, &n));
        assert_int_equal(network_print(&n, out), strlen(rows[i].network));
        assert_string_equal(out, rows[i].network);
    }
    struct network n;
    assert_false(network_of(&(const struct sockaddr){ .sa_family = AF_UNIX }, 32, 64, &n));
}

static void lists_are_equal_when_they_name_the_same_networks(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        { "10.0.0.0/8", "10.0.0.0/8", true },
        { "10.0.0.0/8", "10.0.0.0/9", false },
        { "0.0.0.0/0", "::/0", false },
        { "::1", "::2", false },
        { "10.0.0.0/8", "10.0.0.0/8,::1", false },
        { "192.0.2.1", "192.0.2.1/32", true },
        { "fd00::/8", "fc00::/8", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct networks a, b;
        parsed(rows[i].a, &a);
        parsed(rows[i].b, &b);
        assert_int_equal(networks_equal(&a, &b), rows[i].equal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_read_and_printed_in_its_plainest_form),
        cmocka_unit_test(what_is_wrong_is_said_with_what_would_be_right),
        cmocka_unit_test(a_list_has_an_end),
        cmocka_unit_test(an_address_is_in_a_network_or_not),
        cmocka_unit_test(the_network_of_an_address_has_the_size_asked_for),
        cmocka_unit_test(lists_are_equal_when_they_name_the_same_networks),
    };
    return cmocka_run_group_tests_name("networks", tests, NULL, NULL);
}
