#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "listen/strangers.h"
#include "listen/stream_refuse.h"

static union connection_peer peer_of(const char *text)
{
    union connection_peer p = { .v4 = { .sin_family = AF_INET, .sin_port = htons(1) } };
    if (text == NULL)
        p.any.sa_family = AF_UNSPEC;
    else
        assert_int_equal(inet_pton(AF_INET, text, &p.v4.sin_addr), 1);
    return p;
}

static void allow(struct listener *l, const char *networks)
{
    struct buf error = { 0 };
    memset(l, 0, sizeof *l);
    if (networks != NULL)
        assert_true(networks_parse(slice_str(networks), &l->address.allow, &error));
    buf_release(&error);
}

static void only_who_is_allowed_comes_in(void **state)
{
    static const struct {
        const char *networks, *from; /* from NULL: not known by address */
        bool in;
    } rows[] = {
        { NULL, "192.0.2.1", true },
        { NULL, NULL, true },
        { "192.0.2.1", "192.0.2.1", true },
        { "192.0.2.1", "192.0.2.2", false },
        { "192.0.2.1", NULL, false },
        { "::/0", "192.0.2.1", false },
        { "10.0.0.0/8,192.0.2.1", "192.0.2.1", true },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct listener l;
        const union connection_peer p = peer_of(rows[i].from);
        allow(&l, rows[i].networks);
        l.address.max_connections = 1;
        assert_int_equal(stream_is_allowed(&l, &p.any), rows[i].in);
        assert_int_equal(stream_refusal_of(&l, NULL, false, &p.any),
                         rows[i].in ? STREAM_REFUSAL_COUNT : STREAM_REFUSED_NOT_ALLOWED);
    }
}

static void the_reason_is_the_first_that_holds(void **state)
{
    static const struct {
        const char *from;
        uint32_t open; /* of 2 */
        bool full;
        uint32_t of_peer; /* of 2 */
        enum stream_refusal why;
    } rows[] = {
        { "192.0.2.1", 1, false, 1, STREAM_REFUSAL_COUNT },
        { "192.0.2.1", 2, false, 1, STREAM_REFUSED_LIMIT },
        { "192.0.2.1", 1, true, 1, STREAM_REFUSED_LIMIT },
        { "192.0.2.1", 1, false, 2, STREAM_REFUSED_PER_ADDRESS },
        { "192.0.2.1", 2, false, 2, STREAM_REFUSED_LIMIT },
        { "192.0.2.9", 2, true, 2, STREAM_REFUSED_NOT_ALLOWED },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct listener l;
        struct peer_counts *peers = peer_counts_new(16);
        const union connection_peer p = peer_of(rows[i].from);
        allow(&l, "192.0.2.0/30");
        l.address.max_connections = l.address.max_per_address = 2;
        l.streams.open = rows[i].open;
        for (uint32_t n = 0; n < rows[i].of_peer; n++)
            peer_counts_add(peers, &p.any);
        assert_int_equal(stream_refusal_of(&l, peers, rows[i].full, &p.any), rows[i].why);
        peer_counts_free(peers);
    }
}

static void who_is_refused_is_counted_and_a_stranger_remembered(void **state)
{
    (void)state;
    struct listener l;
    const union connection_peer one = peer_of("192.0.2.1"), two = peer_of("192.0.2.2");
    allow(&l, NULL);
    for (unsigned why = 0; why < STREAM_REFUSAL_COUNT; why++) {
        bool strange = why == STREAM_REFUSED_NOT_ALLOWED;
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        stream_refuse(&l, fd, (enum stream_refusal)why, strange ? &one : &two);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
        assert_int_equal(errno, EBADF);
        assert_int_equal(l.streams.refused[why], 1);
    }
    assert_memory_equal(&l.streams.stranger, &one.v4, sizeof one.v4);
    assert_int_equal(strangers_of(&l), 1);
}

/* ---- what is told of them ---- */

/* What the log said since the last call. */
static const char *said(int fd)
{
    static char text[4096];
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void log_of(struct listener *l, uint64_t now_ms, const int ends[2])
{
    log_to_fd(ends[1]);
    strangers_log(l, now_ms);
    log_to_fd(STDERR_FILENO);
}

static void strangers_of_all_readers_are_told_of_once_a_minute(void **state)
{
    enum { NOW_MS = 1000000, MINUTE_MS = 60000 };
    (void)state;
    struct listener l;
    int ends[2];
    const union connection_peer one = peer_of("192.0.2.1");
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    allow(&l, "10.0.0.0/8");
    l.address.transport = LISTEN_UDP;
    strcpy(l.address.name, "udp://127.0.0.1:1");
    l.n_readers = 2;
    log_of(&l, NOW_MS, ends);
    assert_string_equal(said(ends[0]), "");
    l.stats[0].not_allowed = 3;
    l.stats[1].not_allowed = 4;
    memcpy(&l.stats[0].stranger, &one.v4, sizeof one.v4);
    memcpy(&l.stats[1].stranger, &one.v4, sizeof one.v4);
    assert_int_equal(strangers_of(&l), 7);
    log_of(&l, NOW_MS, ends);
    const char *text = said(ends[0]);
    assert_non_null(strstr(text, "senders are not allowed"));
    assert_non_null(strstr(text, "listener=udp://127.0.0.1:1"));
    assert_non_null(strstr(text, "from=192.0.2.1:1"));
    assert_non_null(strstr(text, "datagrams=7"));
    log_of(&l, NOW_MS + 2 * MINUTE_MS, ends); /* nobody came */
    assert_string_equal(said(ends[0]), "");
    l.stats[1].not_allowed += 2;
    log_of(&l, NOW_MS + MINUTE_MS - 1, ends);
    assert_string_equal(said(ends[0]), "");
    log_of(&l, NOW_MS + MINUTE_MS, ends);
    assert_non_null(strstr(said(ends[0]), "datagrams=2"));
    close(ends[0]);
    close(ends[1]);
}

static void strangers_at_a_door_are_connections(void **state)
{
    (void)state;
    struct listener l;
    int ends[2];
    const union connection_peer one = peer_of("192.0.2.1");
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    allow(&l, "10.0.0.0/8");
    l.address.transport = LISTEN_TCP;
    l.n_readers = 1;
    stream_refuse(&l, -1, STREAM_REFUSED_NOT_ALLOWED, &one);
    log_of(&l, 1000000, ends);
    const char *text = said(ends[0]);
    assert_non_null(strstr(text, "from=192.0.2.1:1"));
    assert_non_null(strstr(text, "connections=1"));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_is_allowed_comes_in),
        cmocka_unit_test(the_reason_is_the_first_that_holds),
        cmocka_unit_test(who_is_refused_is_counted_and_a_stranger_remembered),
        cmocka_unit_test(strangers_of_all_readers_are_told_of_once_a_minute),
        cmocka_unit_test(strangers_at_a_door_are_connections),
    };
    return cmocka_run_group_tests_name("stream_refuse", tests, NULL, NULL);
}
