#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/address.h"
#include "listen/socket_options.h"
#include "listen/socket_url.h"

static const struct listen_address defaults = {
    .spread = LISTEN_SPREAD_SOURCE, .gauge_sign = GAUGE_SIGN_DELTA, .rcvbuf = 1 << 20, .mode = 0600
};

static int parse(struct slice url, struct listen_address *ret, struct buf *error)
{
    char *exact = malloc(url.len ? url.len : 1);
    memcpy(exact, url.ptr, url.len);
    int rc = socket_url_parse(slice_of(exact, url.len), &defaults, ret, error);
    free(exact);
    return rc;
}

static void udp_urls_give_an_address_and_their_name(void **state)
{
    (void)state;
    static const struct {
        const char *url, *printed, *name;
    } rows[] = {
        { "udp://127.0.0.1:8125", "127.0.0.1:8125", "udp://127.0.0.1:8125" },
        { "udp://127.0.0.1", "127.0.0.1:8125", "udp://127.0.0.1" },
        { "udp://[::1]:8125", "[::1]:8125", "udp://[::1]:8125" },
        { "udp://[::]:0?spread=payload", "[::]:0", "udp://[::]:0" },
        { "udp://localhost:1", "127.0.0.1:1", "udp://localhost:1" },
        { "udp://*:8126", "0.0.0.0:8126", "udp://*:8126" },
        { "udp://0.0.0.0?", "0.0.0.0:8125", "udp://0.0.0.0" },
        { "udp://[::ffff:127.0.0.1]:7", "127.0.0.1:7", "udp://[::ffff:127.0.0.1]:7" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct listen_address a;
        struct buf error = { 0 };
        char text[ADDRESS_TEXT_MAX];
        if (parse(slice_str(rows[i].url), &a, &error) != 0)
            fail_msg("%s: %.*s", rows[i].url, (int)error.len, error.ptr);
        assert_int_equal(a.transport, LISTEN_UDP);
        address_print((const struct sockaddr *)&a.addr, text);
        assert_string_equal(text, rows[i].printed);
        assert_int_equal(a.addr.ss_family, rows[i].printed[0] == '[' ? AF_INET6 : AF_INET);
        assert_int_equal(a.localhost, strstr(rows[i].url, "localhost") != NULL);
        assert_string_equal(a.name, rows[i].name);
    }
}

static void localhost_has_a_twin_with_the_same_port_and_options(void **state)
{
    (void)state;
    static const struct {
        const char *url, *twin; /* the twin's name, or NULL */
    } rows[] = {
        { "udp://localhost:5?spread=payload&rcvbuf=8KiB&gauge_sign=absolute", "udp://[::1]:5" },
        { "udp://localhost:0", "udp://[::1]:0" },
        { "udp://localhost", "udp://[::1]:8125" },
        { "udp://127.0.0.1:5", NULL },
        { "udp://[::1]:5", NULL },
        { "unixgram:///localhost", NULL },
        { "unixgram://@localhost", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct listen_address a, twin, again;
        struct buf error = { 0 };
        char text[ADDRESS_TEXT_MAX];
        assert_int_equal(parse(slice_str(rows[i].url), &a, &error), 0);
        assert_int_equal(socket_url_twin(&a, &twin), rows[i].twin != NULL);
        if (rows[i].twin == NULL)
            continue;
        assert_string_equal(twin.name, rows[i].twin);
        address_print((const struct sockaddr *)&twin.addr, text);
        assert_string_equal(text, rows[i].twin + strlen("udp://"));
        assert_true(twin.twin && twin.spread == a.spread && twin.rcvbuf == a.rcvbuf &&
                    twin.gauge_sign == a.gauge_sign);
        assert_false(socket_url_twin(&twin, &again));
        assert_false(socket_url_includes(&a, &twin) || socket_url_includes(&twin, &a));
    }
}

static void an_address_includes_itself_and_one_for_all_includes_what_it_receives(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool includes, back;
    } rows[] = {
        { "udp://127.0.0.1:5", "udp://127.0.0.1:5", true, true },
        { "udp://127.0.0.1:5", "udp://127.0.0.1:6", false, false },
        { "udp://127.0.0.1:5", "udp://127.0.0.2:5", false, false },
        { "udp://127.0.0.1:0", "udp://127.0.0.1:0", false, false },
        { "udp://0.0.0.0:5", "udp://127.0.0.1:5", true, false },
        { "udp://*:5", "udp://[::1]:5", false, false },
        { "udp://[::]:5", "udp://[::1]:5", true, false },
        { "udp://[::]:5", "udp://127.0.0.1:5", true, false },
        { "udp://[::]:5", "udp://0.0.0.0:5", true, false },
        { "udp://[::]:5", "udp://0.0.0.0:6", false, false },
        { "unixgram:///a", "unixgram:///a", true, true },
        { "unixgram:///a", "unixgram:///b", false, false },
        { "unixgram:///a", "udp://[::]:5", false, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct listen_address a, b;
        struct buf error = { 0 };
        assert_int_equal(parse(slice_str(rows[i].a), &a, &error), 0);
        assert_int_equal(parse(slice_str(rows[i].b), &b, &error), 0);
        if (socket_url_includes(&a, &b) != rows[i].includes ||
            socket_url_includes(&b, &a) != rows[i].back)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
    }
}

static void options_of_a_socket_win_over_the_defaults(void **state)
{
    (void)state;
    struct listen_address a;
    struct buf error = { 0 };
    assert_int_equal(parse(SLICE_LIT("udp://127.0.0.1:1"), &a, &error), 0);
    assert_int_equal(a.spread, LISTEN_SPREAD_SOURCE);
    assert_int_equal(a.gauge_sign, GAUGE_SIGN_DELTA);
    assert_int_equal(a.rcvbuf, 1 << 20);
    assert_int_equal(a.mode, 0600);
    const struct slice url =
        SLICE_LIT("udp://127.0.0.1:1?gauge_sign=absolute&rcvbuf=2MiB&spread=auto");
    assert_int_equal(parse(url, &a, &error), 0);
    assert_int_equal(a.spread, LISTEN_SPREAD_AUTO);
    assert_int_equal(a.gauge_sign, GAUGE_SIGN_ABSOLUTE);
    assert_int_equal(a.rcvbuf, 2 << 20);
    assert_int_equal(parse(SLICE_LIT("unixgram:///run/a.sock?mode=0622"), &a, &error), 0);
    assert_int_equal(a.mode, 0622);
}

static void unix_paths_and_abstract_names_are_told_apart(void **state)
{
    (void)state;
    struct listen_address a;
    struct buf error = { 0 };
    const struct sockaddr_un *un = (const struct sockaddr_un *)&a.addr;
    assert_int_equal(parse(SLICE_LIT("unixgram:///run/dsd.sock"), &a, &error), 0);
    assert_int_equal(a.transport, LISTEN_UNIXGRAM);
    assert_int_equal(un->sun_family, AF_UNIX);
    assert_string_equal(un->sun_path, "/run/dsd.sock");
    assert_int_equal(a.addr_len, offsetof(struct sockaddr_un, sun_path) + 14);
    assert_int_equal(parse(SLICE_LIT("unixgram://@dsd"), &a, &error), 0);
    assert_memory_equal(un->sun_path, "\0dsd", 4);
    assert_int_equal(a.addr_len, offsetof(struct sockaddr_un, sun_path) + 4);
    assert_string_equal(a.name, "unixgram://@dsd");
}

static void unixstream_is_another_spelling_of_unix(void **unused)
{
    (void)unused;
    struct listen_address a;
    struct buf error = { 0 };
    const struct slice url =
        SLICE_LIT("unixstream:///run/s.sock?framing=dsd&owner=0:7&max_connections=3");
    assert_int_equal(parse(url, &a, &error), 0);
    assert_int_equal(a.transport, LISTEN_UNIX);
    assert_string_equal(a.name, "unix:///run/s.sock");
    assert_string_equal(socket_url_where(&a), "/run/s.sock");
    assert_true(a.framing == FRAMING_DSD && a.uid == 0 && a.gid == 7 && a.max_connections == 3);
    assert_int_equal(socket_url_connections(&a), 3);
    buf_release(&error);
}

static void streams_leave_the_receive_buffer_to_the_kernel(void **unused)
{
    (void)unused;
    struct listen_address a;
    struct buf error = { 0 };
    assert_int_equal(parse(SLICE_LIT("tcp://[::1]:7"), &a, &error), 0);
    assert_true(a.rcvbuf == 0 && a.framing == FRAMING_LINE);
    assert_int_equal(parse(SLICE_LIT("tcp://[::1]:7?rcvbuf=64KiB"), &a, &error), 0);
    assert_int_equal(a.rcvbuf, 65536);
    buf_release(&error);
}

static void networks_that_are_allowed_add_up(void **unused)
{
    (void)unused;
    struct listen_address a, twin;
    struct buf error = { 0 }, printed = { 0 };
    const struct slice url =
        SLICE_LIT("udp://localhost:7?allow=10.0.0.0/8,::1&rcvbuf=4KiB&allow=192.0.2.1");
    assert_int_equal(parse(SLICE_LIT("udp://localhost:7"), &a, &error), 0);
    assert_int_equal(a.allow.n, 0);
    assert_int_equal(parse(url, &a, &error), 0);
    networks_print(&a.allow, &printed);
    assert_true(slice_eq(buf_slice(&printed), SLICE_LIT("10.0.0.0/8,::1,192.0.2.1")));
    assert_true(socket_url_twin(&a, &twin) && networks_equal(&a.allow, &twin.allow));
    buf_release(&error);
    buf_release(&printed);
}

static void networks_are_shown_where_there_are_any(void **unused)
{
    (void)unused;
    static const char *const rows[][2] = { { "udp://127.0.0.1:7", NULL },
                                           { "udp://127.0.0.1:7?allow=::1", " allow=::1" },
                                           { "tcp://127.0.0.1:7?allow=::1,192.0.2.1",
                                             " allow=::1,192.0.2.1" } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct listen_address a;
        struct buf error = { 0 }, out = { 0 };
        assert_int_equal(parse(slice_str(rows[i][0]), &a, &error), 0);
        socket_options_print(&a, &out);
        buf_append_char(&out, '\0');
        const char *at = strstr(out.ptr, " allow=");
        assert_int_equal(at != NULL, rows[i][1] != NULL);
        if (at != NULL)
            assert_memory_equal(at, rows[i][1], strlen(rows[i][1]));
        buf_release(&error);
        buf_release(&out);
    }
}

static void at_most_64_networks_are_allowed_however_they_are_given(void **unused)
{
    (void)unused;
    struct listen_address a;
    struct buf error = { 0 }, url = { 0 };
    buf_append_str(&url, "tcp://127.0.0.1:7?allow=::1");
    for (int i = 1; i < NETWORKS_MAX; i++)
        buf_printf(&url, "&allow=10.0.0.%d", i);
    assert_int_equal(parse(buf_slice(&url), &a, &error), 0);
    assert_int_equal(a.allow.n, NETWORKS_MAX);
    buf_append_str(&url, "&allow=::2");
    assert_int_equal(parse(buf_slice(&url), &a, &error), -EINVAL);
    buf_append_char(&error, '\0');
    assert_non_null(strstr(error.ptr, "at most 64 networks"));
    buf_release(&error);
    buf_release(&url);
}

static void the_longest_path_fits_and_one_byte_more_is_refused(void **state)
{
    (void)state;
    struct listen_address a;
    struct buf url = { 0 }, error = { 0 };
    buf_append_str(&url, "unixgram:///");
    while (url.len < sizeof "unixgram://" - 1 + 107)
        buf_append_char(&url, 'x');
    assert_int_equal(parse(buf_slice(&url), &a, &error), 0);
    assert_int_equal(strlen(((const struct sockaddr_un *)&a.addr)->sun_path), 107);
    buf_append_char(&url, 'x');
    assert_int_equal(parse(buf_slice(&url), &a, &error), -EINVAL);
    buf_release(&url);
    buf_release(&error);
}

static void a_bad_url_says_what_would_be_right(void **state)
{
    (void)state;
    static const struct {
        struct slice url;
        const char *says; /* part of the message */
    } rows[] = {
        { { "", 0 }, "udp://HOST:PORT" },
        { { "127.0.0.1:8125", 14 }, "udp://HOST:PORT" },
        { { "udp://", 6 }, "host" },
        { { "udp://:8125", 11 }, "host" },
        { { "udp://example.org:8125", 22 }, "numeric" },
        { { "udp://127.0.0.1:65536", 21 }, "65535" },
        { { "udp://127.0.0.1:x", 17 }, "port" },
        { { "tcp://", 6 }, "host" },
        { { "tcp://example.org:8125", 22 }, "numeric" },
        { { "unix://tmp/x", 12 }, "absolute" },
        { { "unixstream://@", 14 }, "empty" },
        { { "unixstreams:///a", 16 }, "a socket is" },
        { { "tcp://127.0.0.1:1?framing=json", 30 }, "line, dsd" },
        { { "tcp://127.0.0.1:1?mode=0666", 27 }, "unixgram:// unix://" },
        { { "unix:///a?spread=auto", 21 }, "udp://" },
        { { "unix:///a?max_per_address=1", 27 }, "tcp://" },
        { { "unix:///a?tls_cert=c&tls_key=k", 30 }, "tls_cert is for tcp://" },
        { { "udp://127.0.0.1:1?tls_key=k", 27 }, "tls_key is for tcp://" },
        { { "tcp://127.0.0.1:1?tls_cert=c", 28 }, "tls_cert needs tls_key" },
        { { "tcp://127.0.0.1:1?tls_key=k", 27 }, "tls_key needs tls_cert" },
        { { "tcp://127.0.0.1:1?tls_client_ca=a", 33 }, "needs tls_cert and tls_key" },
        { { "tcp://127.0.0.1:1?tls_cert=&tls_key=k", 37 }, "the path of a PEM file" },
        { { "udp://127.0.0.1:1?framing=dsd", 29 }, "tcp:// unix://" },
        { { "tcp://127.0.0.1:1?max_connections=0", 35 }, "65535" },
        { { "tcp://127.0.0.1:1?max_connections=65536", 39 }, "65535" },
        { { "tcp://127.0.0.1:1?idle_timeout=5", 32 }, "duration" },
        { { "unix:///a?owner=no-such-user-here", 33 }, "USER:GROUP" },
        { { "unix:///a?owner=root:", 21 }, "USER:GROUP" },
        { { "unix:///a?owner=", 16 }, "USER:GROUP" },
        { { "unix://@a?owner=root", 20 }, "path" },
        { { "unixgram://", 11 }, "absolute" },
        { { "unixgram://tmp/x", 16 }, "absolute" },
        { { "unixgram:///tmp/", 16 }, "absolute" },
        { { "unixgram://@", 12 }, "empty" },
        { { "unixgram:///tmp/a\0b", 19 }, "control" },
        { { "udp://127.0.0.1:1 ", 18 }, "blanks" },
        { { "udp://127.0.0.1:1?mode=0666", 27 }, "unixgram" },
        { { "udp://127.0.0.1:1?x=1", 21 }, "gauge_sign, rcvbuf" },
        { { "udp://127.0.0.1:1?spread", 24 }, "key=value" },
        { { "udp://127.0.0.1:1?spread=random", 31 }, "auto, source, payload" },
        { { "udp://127.0.0.1:1?rcvbuf=1", 26 }, "4KiB" },
        { { "udp://127.0.0.1:1?rcvbuf=32MB", 29 }, "32MiB" },
        { { "udp://127.0.0.1:1?rcvbuf=8KiB&rcvbuf=8KiB", 41 }, "twice" },
        { { "udp://127.0.0.1:1?gauge_sign=up", 31 }, "delta" },
        { { "unixgram:///a?spread=auto", 25 }, "udp://" },
        { { "unixgram:///a?mode=0888", 23 }, "octal" },
        { { "unixgram:///a?mode=7777", 23 }, "octal" },
        { { "unixgram:///a?mode=", 19 }, "octal" },
        { { "unixgram://@a?mode=0666", 23 }, "path" },
        { { "unix:///a?allow=10.0.0.0/8", 26 }, "allow is for udp:// tcp:// only" },
        { { "unix:///a?allow=10.0.0.0/8", 26 }, "is said by mode and owner" },
        { { "unixgram:///a?allow=::1", 23 }, "is said by mode and owner" },
        { { "udp://127.0.0.1:1?allow=", 24 }, "an entry is empty" },
        { { "udp://127.0.0.1:1?allow=10.0.0.1/8", 34 }, "say 10.0.0.0/8 for the network" },
        { { "tcp://127.0.0.1:1?allow=localhost", 33 }, "names are not looked up" },
        { { "tcp://127.0.0.1:1?allow=::1&allow=x", 35 }, "x is not an address" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct listen_address a, before;
        struct buf error = { 0 };
        memset(&a, 0xa5, sizeof a);
        before = a;
        if (parse(rows[i].url, &a, &error) != -EINVAL)
            fail_msg("%s accepted", rows[i].url.ptr);
        buf_append_char(&error, '\0');
        if (strstr(error.ptr, rows[i].says) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].url.ptr, error.ptr, rows[i].says);
        assert_memory_equal(&a, &before, sizeof a);
        buf_release(&error);
    }
}

/* What stands behind the URL is not the URL's. */
static void an_empty_path_is_not_read(void **state)
{
    (void)state;
    static const struct slice empty = { "unixgram://@name", sizeof "unixgram://" - 1 };
    struct listen_address a;
    struct buf error = { 0 };
    assert_int_equal(socket_url_parse(empty, &defaults, &a, &error), -EINVAL);
    buf_append_char(&error, '\0');
    assert_non_null(strstr(error.ptr, "absolute path"));
    buf_release(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(udp_urls_give_an_address_and_their_name),
        cmocka_unit_test(localhost_has_a_twin_with_the_same_port_and_options),
        cmocka_unit_test(an_address_includes_itself_and_one_for_all_includes_what_it_receives),
        cmocka_unit_test(options_of_a_socket_win_over_the_defaults),
        cmocka_unit_test(unix_paths_and_abstract_names_are_told_apart),
        cmocka_unit_test(unixstream_is_another_spelling_of_unix),
        cmocka_unit_test(streams_leave_the_receive_buffer_to_the_kernel),
        cmocka_unit_test(networks_that_are_allowed_add_up),
        cmocka_unit_test(networks_are_shown_where_there_are_any),
        cmocka_unit_test(at_most_64_networks_are_allowed_however_they_are_given),
        cmocka_unit_test(the_longest_path_fits_and_one_byte_more_is_refused),
        cmocka_unit_test(a_bad_url_says_what_would_be_right),
        cmocka_unit_test(an_empty_path_is_not_read),
    };
    return cmocka_run_group_tests_name("socket_url", tests, NULL, NULL);
}
