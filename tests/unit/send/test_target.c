#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/slice.h"
#include "send/target.h"

/* clang-format off */
static const struct {
    const char *text;
    int rc;
    const char *name;
    uint16_t port;
} targets[] = {
    { "127.0.0.1:8125",          0,       "udp",      8125 },
    { "udp://127.0.0.1:1",       0,       "udp",      1 },
    { "udp://[::1]:65535",       0,       "udp",      65535 },
    { "unixgram:///run/x.sock",  0,       "unixgram", 0 },
    { "udp://127.0.0.1",         -EINVAL, NULL,       0 },
    { "udp://127.0.0.1:0",       -EINVAL, NULL,       0 },
    { "udp://127.0.0.1:65536",   -EINVAL, NULL,       0 },
    { "udp://:8125",             -EINVAL, NULL,       0 },
    { "unixgram://",             -EINVAL, NULL,       0 },
    { "unixgram://@",            -EINVAL, NULL,       0 },
    { "unixgram://@name",        0,       "unixgram", 0 },
    { "carrier://pigeon",        -EINVAL, NULL,       0 },
    { "tcp://127.0.0.1:8125",    0,       "tcp",      8125 },
    { "tcp://[::1]:8125",        0,       "tcp",      8125 },
    { "tcp://127.0.0.1",         -EINVAL, NULL,       0 },
    { "tcp://127.0.0.1:0",       -EINVAL, NULL,       0 },
    { "unix:///run/x.sock",      0,       "unix",     0 },
    { "unix://@name",            0,       "unix",     0 },
    { "unixstream:///x.sock",    0,       "unix",     0 },
    { "unix://",                 -EINVAL, NULL,       0 },
    { "unix://?framing=dsd",     -EINVAL, NULL,       0 },
};

static const struct {
    const char *text;
    int rc;
    enum send_framing framing;
    size_t datagram_max;
} framings[] = {
    { "127.0.0.1:8125",                      0,       SEND_DATAGRAMS, 65507 },
    { "unixgram:///x?framing=dsd",           0,       SEND_DATAGRAMS, 131072 }, /* a path */
    { "tcp://127.0.0.1:8125",                0,       SEND_LINES,     131072 },
    { "tcp://127.0.0.1:8125?framing=line",   0,       SEND_LINES,     131072 },
    { "tcp://127.0.0.1:8125?framing=dsd",    0,       SEND_FRAMES,    65535 },
    { "unix:///x?framing=dsd",               0,       SEND_FRAMES,    65535 },
    { "unixstream:///x?framing=dsd",         0,       SEND_FRAMES,    65535 },
    { "unix:///x?",                          0,       SEND_LINES,     131072 },
    { "unix:///x?framing=",                  -EINVAL, 0,              0 },
    { "unix:///x?framing=DSD",               -EINVAL, 0,              0 },
    { "unix:///x?framing=dsd&mode=0600",     -EINVAL, 0,              0 },
};
/* clang-format on */

static void an_address_names_a_transport(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct target t;
        assert_int_equal(target_parse(targets[i].text, &t), targets[i].rc);
        if (targets[i].rc < 0)
            continue;
        assert_string_equal(t.kind->name, targets[i].name);
        assert_int_equal(t.port, targets[i].port);
    }
}

static void a_stream_is_framed_by_lines_or_by_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(framings); i++) {
        struct target t;
        assert_int_equal(target_parse(framings[i].text, &t), framings[i].rc);
        if (framings[i].rc < 0)
            continue;
        assert_int_equal(t.framing, framings[i].framing);
        assert_int_equal(target_datagram_max(&t), framings[i].datagram_max);
        assert_int_equal(t.kind->stream, framings[i].framing != SEND_DATAGRAMS);
        /* Options are no part of the address. */
        assert_true(!t.kind->stream || strchr(t.text, '?') == NULL);
    }
}

static void an_address_too_long_is_refused(void **state)
{
    (void)state;
    struct target t;
    char text[400];
    for (size_t n = 100; n < 300; n += 50) {
        snprintf(text, sizeof text, "unix:///%0*d", (int)n, 0);
        assert_int_equal(target_parse(text, &t), n < 108 ? 0 : -EINVAL);
        snprintf(text, sizeof text, "tcp://%0*d:1", (int)n + 50, 0);
        assert_int_equal(target_parse(text, &t), -EINVAL);
    }
}

static void an_abstract_socket_has_no_file(void **state)
{
    (void)state;
    struct target t;
    struct sockaddr_un a;
    assert_int_equal(target_parse("unixgram://@name", &t), 0);
    memcpy(&a, &t.addr, sizeof a);
    assert_int_equal(t.addr_len, offsetof(struct sockaddr_un, sun_path) + 5);
    assert_memory_equal(a.sun_path, "\0name", 5);
}

/* 192.0.2.0/24 is for examples only: nobody has such an address. */
static void only_ports_of_this_machine_are_looked_up_in_proc(void **state)
{
    (void)state;
    struct target t;
    assert_int_equal(target_parse("udp://127.0.0.1:8125", &t), 0);
    assert_true(t.here);
    assert_int_equal(target_parse("udp://192.0.2.1:8125", &t), 0);
    assert_false(t.here);
    assert_int_equal(target_parse("unixgram:///x", &t), 0);
    assert_true(t.here);
}

/* ---- segments ---- */

enum { MANY = 128, MANY_BYTES = 1400 };

/* A UDP socket of the loopback, and a target that is its address. */
static int receiver_open(struct target *ret)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof a;
    const int room = 1 << 20;
    char text[32];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    snprintf(text, sizeof text, "udp://127.0.0.1:%u", ntohs(a.sin_port));
    assert_int_equal(target_parse(text, ret), 0);
    return fd;
}

/* 64 datagrams of 1,400 bytes are more than one message holds (65,507 bytes). */
static void more_segments_than_a_message_holds_go_in_several(void **state)
{
    (void)state;
    static char bytes[MANY_BYTES];
    struct send_datagram datagrams[MANY];
    static char all[MANY * MANY_BYTES];
    for (size_t i = 0; i < MANY; i++) {
        datagrams[i] = (struct send_datagram){ i * MANY_BYTES, MANY_BYTES, 1 };
        all[datagrams[i].at] = (char)i;
    }
    const struct send_block block = { all, datagrams, MANY, MANY };
    struct target t;
    struct target_socket s;
    int receiver = receiver_open(&t);
    assert_int_equal(t.kind->open(&t, 1 << 20, &s), 0);
    struct target_sent done = t.kind->send(&s, &block, 0, MANY, TARGET_SEGMENTS_MAX);
    assert_int_equal(done.error, 0);
    assert_int_equal(done.datagrams, MANY);
    assert_int_equal(done.messages, 3); /* 46 + 46 + 36 */
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(recv(receiver, bytes, sizeof bytes, MSG_TRUNC), MANY_BYTES);
        assert_int_equal((unsigned char)bytes[0], i);
    }
    close(s.fd);
    close(receiver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_names_a_transport),
        cmocka_unit_test(a_stream_is_framed_by_lines_or_by_length),
        cmocka_unit_test(an_address_too_long_is_refused),
        cmocka_unit_test(an_abstract_socket_has_no_file),
        cmocka_unit_test(only_ports_of_this_machine_are_looked_up_in_proc),
        cmocka_unit_test(more_segments_than_a_message_holds_go_in_several),
    };
    return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
