/* Where a mirror may lead: anywhere but to a socket of its own server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>

#include "mirror/opts.h"

static struct mirror_own own_of(const char *url)
{
    struct target t;
    assert_int_equal(target_parse_numeric(url, &t), 0);
    return (struct mirror_own){ .stream = t.kind->stream, .addr = t.addr, .addr_len = t.addr_len };
}

static void an_own_socket_is_known_in_each_of_its_spellings(void **unused)
{
    (void)unused;
    static const struct {
        const char *own, *to;
        bool is;
    } rows[] = {
        { "udp://127.0.0.1:8125", "udp://127.0.0.1:8125", true },
        { "udp://127.0.0.1:8125", "127.0.0.1:8125", true },
        { "udp://127.0.0.1:8125", "udp://127.0.0.1:8126", false },
        { "udp://127.0.0.1:8125", "udp://127.0.0.2:8125", false },
        { "udp://127.0.0.1:8125", "tcp://127.0.0.1:8125", false },
        { "udp://127.0.0.1:8125", "udp://[::ffff:127.0.0.1]:8125", true },
        { "udp://127.0.0.1:8125", "udp://0.0.0.0:8125", true },
        { "udp://127.0.0.1:8125", "udp://[::1]:8125", false },
        { "udp://0.0.0.0:8125", "udp://127.3.2.1:8125", true },
        { "udp://0.0.0.0:8125", "udp://192.0.2.1:8125", false },
        { "udp://0.0.0.0:8125", "udp://[::1]:8125", false },
        { "udp://[::]:8125", "udp://[::1]:8125", true },
        { "udp://[::]:8125", "udp://127.0.0.1:8125", true },
        { "udp://[::]:8125", "udp://[2001:db8::1]:8125", false },
        { "tcp://127.0.0.1:8125", "tcp://127.0.0.1:8125?framing=dsd", true },
        { "unixgram:///a", "unixgram:///a", true },
        { "unixgram:///a", "unix:///a", false },
        { "unixgram:///a", "unixgram:///b", false },
        { "unixgram:///a", "unixgram://@a", false },
        { "unix://@a", "unixstream://@a", true },
        { "unix://@a", "unix://@ab", false },
        { "unix:///dev/../dev/null", "unix:///dev/null", true },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct mirror_own own[] = { own_of("udp://127.9.9.9:1"), own_of(rows[i].own) };
        struct target t;
        struct buf why = { 0 };
        assert_int_equal(target_parse_numeric(rows[i].to, &t), 0);
        if (mirror_is_own(&t, own, 2) != rows[i].is)
            print_error("%s to %s\n", rows[i].own, rows[i].to);
        assert_int_equal(mirror_is_own(&t, own, 2), rows[i].is);
        assert_int_equal(mirror_to_check(rows[i].to, own, 2, &why), rows[i].is ? -EINVAL : 0);
        assert_int_equal(why.len > 0, rows[i].is);
        buf_release(&why);
    }
}

static void what_is_no_address_is_told_and_a_name_is_not_looked_up(void **unused)
{
    (void)unused;
    static const struct {
        const char *to;
        int rc;
    } rows[] = {
        { "udp://no.such.host.invalid:8125", 0 },
        { "tcp://no.such.host.invalid:1?framing=dsd", 0 },
        { "http://127.0.0.1:1", -EINVAL },
        { "udp://127.0.0.1", -EINVAL },
        { "udp://127.0.0.1:0", -EINVAL },
        { "tcp://127.0.0.1:1?framing=x", -EINVAL },
        { "unixgram://", -EINVAL },
        { "udp://name:port", -EINVAL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf why = { 0 };
        assert_int_equal(mirror_to_check(rows[i].to, NULL, 0, &why), rows[i].rc);
        assert_int_equal(why.len > 0, rows[i].rc < 0);
        buf_release(&why);
    }
}

static void of_a_name_all_but_its_address_is_known(void **unused)
{
    (void)unused;
    struct target t;
    assert_int_equal(target_parse_numeric("tcp://no.such.host.invalid:1?framing=dsd", &t), -ENOENT);
    assert_true(t.kind->stream);
    assert_int_equal(t.framing, SEND_FRAMES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_own_socket_is_known_in_each_of_its_spellings),
        cmocka_unit_test(what_is_no_address_is_told_and_a_name_is_not_looked_up),
        cmocka_unit_test(of_a_name_all_but_its_address_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
