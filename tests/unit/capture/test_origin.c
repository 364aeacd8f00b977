#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "capture/origin.h"

static struct capture_socket socket_on(const char *where)
{
    struct capture_socket s = { .url = "udp://127.0.0.1:8125" };
    socklen_t len;
    if (where == NULL)
        s.address.ss_family = AF_UNIX;
    else
        assert_int_equal(address_parse(slice_str(where), 0, &s.address, &len), 0);
    return s;
}

static struct tap_record record_from(int family, const char *ip, uint32_t port, uint8_t flags)
{
    struct tap_record r = { .flags = flags, .sender = { .family = (uint8_t)family, .port = port } };
    if (ip != NULL)
        assert_int_equal(inet_pton(family, ip, r.sender.address), 1);
    return r;
}

static void each_kind_of_sender_and_socket_has_its_addresses(void **unused)
{
    static const struct {
        const char *socket; /* NULL: a Unix socket */
        int family;
        const char *ip;
        uint32_t port;
        uint8_t flags;
        int version;
        const char *from;
        uint16_t from_port;
        const char *to;
        uint16_t to_port;
    } rows[] = {
        { "127.0.0.1:8125", AF_INET, "10.0.0.7", 4000, 0, 4, "10.0.0.7", 4000, "127.0.0.1", 8125 },
        { "[::1]:8125", AF_INET6, "fd00::7", 4000, 0, 6, "fd00::7", 4000, "::1", 8125 },
        { "[::]:8125", AF_INET6, "::ffff:10.0.0.7", 4000, 0, 4, "10.0.0.7", 4000, "0.0.0.0", 8125 },
        { "[::]:8125", AF_INET, "10.0.0.7", 4000, 0, 4, "10.0.0.7", 4000, "0.0.0.0", 8125 },
        { "0.0.0.0:8125", AF_INET, "10.0.0.7", 1, 0, 4, "10.0.0.7", 1, "0.0.0.0", 8125 },
        { "127.0.0.1:8125", AF_UNSPEC, NULL, 0, 0, 4, "0.0.0.0", 0, "127.0.0.1", 8125 },
        { "[::1]:8125", AF_UNSPEC, NULL, 0, 0, 6, "::", 0, "::1", 8125 },
        { NULL, AF_UNIX, NULL, 4711, 0, 4, "127.0.0.2", 4711, "127.0.0.2", 4 },
        { NULL, AF_UNIX, NULL, 0x12345, 0, 4, "127.0.0.2", 0x2345, "127.0.0.2", 4 },
        { NULL, AF_UNIX, NULL, 0x10000, 0, 4, "127.0.0.2", 1, "127.0.0.2", 4 },
        { NULL, AF_UNSPEC, NULL, 0, 0, 4, "127.0.0.2", 1, "127.0.0.2", 4 },
        { "127.0.0.1:8126", AF_INET, "10.0.0.7", 4000, TAP_STREAM, 4, "127.0.0.3", 4000,
          "127.0.0.3", 4 },
        { NULL, AF_UNIX, NULL, 4711, TAP_STREAM, 4, "127.0.0.3", 4711, "127.0.0.3", 4 },
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct capture_socket s = socket_on(rows[i].socket);
        const struct tap_record r =
            record_from(rows[i].family, rows[i].ip, rows[i].port, rows[i].flags);
        struct packet p = { 0 };
        char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
        origin_set(&s, 3, &r, &p);
        const int family = p.version == 4 ? AF_INET : AF_INET6;
        inet_ntop(family, p.from.ip, from, sizeof from);
        inet_ntop(family, p.to.ip, to, sizeof to);
        assert_int_equal(p.version, rows[i].version);
        assert_string_equal(from, rows[i].from);
        assert_int_equal(p.from.port, rows[i].from_port);
        assert_string_equal(to, rows[i].to);
        assert_int_equal(p.to.port, rows[i].to_port);
    }
}

static void a_socket_is_described_in_words(void **unused)
{
    struct capture_socket s = socket_on("127.0.0.1:8125");
    char text[ORIGIN_TEXT_MAX];
    struct packet p;
    (void)unused;
    origin_describe(&s, 2, 77, text, &p);
    assert_int_equal(p.time_ns, 77);
    assert_int_equal(p.to.port, 9);
    assert_int_equal(p.len, p.payload.len);
    assert_true(
        slice_eq(p.payload, slice_str("statsd-capture 1 socket=2 url=udp://127.0.0.1:8125")));
}

static void a_description_is_cut_to_its_room(void **unused)
{
    char url[ORIGIN_TEXT_MAX + 100];
    char text[ORIGIN_TEXT_MAX];
    struct packet p;
    (void)unused;
    memset(url, 'u', sizeof url - 1);
    url[sizeof url - 1] = '\0';
    origin_describe(&(struct capture_socket){ .url = url }, 0, 0, text, &p);
    assert_int_equal(p.len, ORIGIN_TEXT_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_sender_and_socket_has_its_addresses),
        cmocka_unit_test(a_socket_is_described_in_words),
        cmocka_unit_test(a_description_is_cut_to_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
