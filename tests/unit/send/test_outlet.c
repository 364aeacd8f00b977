#include <arpa/inet.h>
#include <errno.h>
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

#include "base/now.h"
#include "base/slice.h"
#include "send/outlet.h"
#include "send/udp_room.h"

enum { N = 2000, LEN = 500 };

static char bytes[N * LEN];
static struct send_datagram datagrams[N];

static struct send_block block(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        snprintf(bytes + i * LEN, LEN, "%zu", i);
        datagrams[i] = (struct send_datagram){ .at = i * LEN, .len = LEN, .amount = 2 };
    }
    return (struct send_block){ bytes, datagrams, n, 2 * n };
}

/* A receiver of UDP with the kernel's usual queue, and the target that it is. */
static int receiver(struct target *ret)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    char text[64];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    snprintf(text, sizeof text, "udp://127.0.0.1:%u", ntohs(a.sin_port));
    assert_int_equal(target_parse(text, ret), 0);
    return fd;
}

static size_t read_all(int fd)
{
    char got[LEN];
    size_t n = 0;
    while (recv(fd, got, sizeof got, 0) == LEN)
        n++;
    return n;
}

static void a_gentle_outlet_waits_until_the_receiver_has_room(void **state)
{
    (void)state;
    struct target t;
    struct outlet o;
    const struct send_block b = block(N);
    int fd = receiver(&t);
    size_t sent = 0, received = 0;
    assert_int_equal(outlet_open(&o, &t, true), 0);
    while (sent < N) {
        size_t n = outlet_send(&o, &b, sent);
        sent += n;
        if (n == 0)
            received += read_all(fd);
    }
    received += read_all(fd);
    outlet_settle(&o);
    assert_int_equal(received, N);
    assert_int_equal(o.totals.datagrams, N);
    assert_int_equal(o.totals.amount, 2 * N);
    assert_int_equal(o.totals.bytes, N * LEN);
    assert_true(o.totals.pauses > 0);
    assert_true(o.totals.receiver_known);
    assert_int_equal(o.totals.receiver_dropped, 0);
    outlet_close(&o);
    close(fd);
}

static void what_the_receiver_drops_is_told(void **state)
{
    (void)state;
    struct target t;
    struct outlet o;
    const struct send_block b = block(N);
    int fd = receiver(&t);
    assert_int_equal(outlet_open(&o, &t, false), 0);
    for (size_t sent = 0; sent < N;)
        sent += outlet_send(&o, &b, sent);
    outlet_settle(&o);
    assert_int_equal(read_all(fd) + o.totals.receiver_dropped, N);
    assert_true(o.totals.receiver_dropped > 0);
    outlet_close(&o);
    close(fd);
}

static void a_receiver_that_reads_nothing_is_not_waited_for(void **state)
{
    (void)state;
    struct target t;
    struct outlet o;
    const struct send_block b = block(N);
    int fd = receiver(&t);
    uint64_t from_ns = now_mono_ns();
    assert_int_equal(outlet_open(&o, &t, true), 0);
    for (size_t sent = 0; sent < N;)
        sent += outlet_send(&o, &b, sent);
    assert_true(now_mono_ns() - from_ns >= OUTLET_PATIENCE_NS);
    assert_int_equal(o.totals.datagrams, N);
    outlet_close(&o);
    close(fd);
}

static void a_closed_port_is_told(void **state)
{
    (void)state;
    struct target t;
    struct outlet o;
    const struct send_block b = block(1);
    int fd = receiver(&t);
    close(fd);
    assert_int_equal(outlet_open(&o, &t, true), 0);
    assert_false(o.totals.receiver_known);
    assert_int_equal(outlet_send(&o, &b, 0), 1);
    outlet_settle(&o);
    assert_int_equal(o.totals.unreachable, 1);
    assert_int_equal(o.totals.error, ECONNREFUSED);
    outlet_close(&o);
}

static void the_room_of_a_port_is_what_its_queue_has_left(void **state)
{
    (void)state;
    struct target t;
    struct udp_room empty, filled;
    int fd = receiver(&t), size = 0;
    socklen_t n = sizeof size;
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &n), 0);
    assert_true(udp_room(t.port, &empty));
    assert_int_equal(empty.free, empty.size);
    assert_int_equal(empty.size, size);
    assert_int_equal(sendto(fd, bytes, LEN, 0, (struct sockaddr *)&t.addr, t.addr_len), LEN);
    assert_true(udp_room(t.port, &filled));
    assert_true(filled.free + LEN <= empty.free);
    close(fd);
    assert_false(udp_room(t.port, &filled));
}

/* Its peer reads late, and nothing more is to be sent. */
static void what_a_unix_stream_has_begun_is_completed_when_the_rest_is_left_out(void **state)
{
    (void)state;
    struct target t;
    struct outlet o;
    const struct send_block b = block(N);
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    char text[128];
    const int n = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "test_outlet.%d", (int)getpid());
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)),
                     0);
    assert_int_equal(listen(fd, 1), 0);
    snprintf(text, sizeof text, "unix://@%s", a.sun_path + 1);
    assert_int_equal(target_parse(text, &t), 0);
    assert_int_equal(outlet_open(&o, &t, false), 0);
    int peer = accept(fd, NULL, NULL);
    size_t at = 0, got = 0;
    while (o.socket.begun == 0)
        at = (at + outlet_send(&o, &b, at)) % N;
    const uint64_t before = o.totals.datagrams;
    outlet_give_up(&o, &b, at);
    assert_int_equal(o.totals.datagrams, before + 1);
    shutdown(peer, SHUT_WR); /* so that nobody waits for it to close */
    outlet_settle(&o);
    outlet_close(&o);
    for (ssize_t more; (more = recv(peer, bytes, sizeof bytes, 0)) > 0;)
        got += (size_t)more;
    assert_int_equal(got, o.totals.bytes);
    assert_int_equal(got, o.totals.datagrams * LEN);
    close(peer);
    close(fd);
}

/* ---- a target that has no room now and then ---- */

static int answers[8]; /* errno of the n-th call's second datagram; 0: all goes; and over again */
static size_t calls;

static int fake_open(const struct target *t, int send_buffer_bytes, struct target_socket *ret)
{
    (void)send_buffer_bytes;
    *ret = (struct target_socket){ .target = t, .fd = -1 };
    calls = 0;
    return 0;
}

static struct target_sent fake_send(struct target_socket *s, const struct send_block *b,
                                    size_t first, size_t n, unsigned segments)
{
    (void)s, (void)b, (void)first, (void)segments;
    const int error = answers[calls++ % ARRAY_LEN(answers)];
    const size_t went = error != 0 ? (n > 1 ? 1 : 0) : n;
    return (struct target_sent){
        .datagrams = went, .messages = went, .failed = error != 0, .error = error
    };
}

static void a_kernel_without_room_is_asked_again_and_nothing_is_lost(void **state)
{
    (void)state;
    static const int shortages[] = { EAGAIN, ENOBUFS, ENOMEM };
    const struct target_kind kind = { .name = "fake", .open = fake_open, .send = fake_send };
    const struct target t = { .kind = &kind };
    const struct send_block b = block(100);
    for (size_t i = 0; i < ARRAY_LEN(shortages); i++) {
        struct outlet o;
        const int these[8] = { shortages[i], 0, shortages[i], shortages[i], 0, 0, 0, 0 };
        memcpy(answers, these, sizeof these);
        assert_int_equal(outlet_open(&o, &t, true), 0);
        for (size_t at = 0; at < b.n;)
            at += outlet_send(&o, &b, at);
        assert_int_equal(o.totals.datagrams, b.n);
        assert_int_equal(o.totals.amount, b.amount);
        assert_int_equal(o.totals.bytes, b.n * LEN);
        assert_int_equal(o.totals.failed, 0);
        assert_int_equal(o.totals.error, 0);
        outlet_close(&o);
    }
}

static void a_single_datagram_waits_for_room(void **state)
{
    (void)state;
    const struct target_kind kind = { .name = "fake", .open = fake_open, .send = fake_send };
    const struct target t = { .kind = &kind };
    const struct send_block b = block(1);
    const int these[8] = { ENOBUFS, ENOBUFS, 0, EMSGSIZE, 0, 0, 0, 0 };
    struct outlet o;
    memcpy(answers, these, sizeof these);
    assert_int_equal(outlet_open(&o, &t, false), 0);
    assert_int_equal(outlet_send(&o, &b, 0), 0);
    assert_int_equal(outlet_send(&o, &b, 0), 0);
    assert_int_equal(o.totals.pauses, 2);
    assert_int_equal(outlet_send(&o, &b, 0), 1);
    assert_int_equal(o.totals.failed, 0);
    assert_int_equal(outlet_send(&o, &b, 0), 1); /* too long: it will never go */
    assert_int_equal(o.totals.failed, 1);
    assert_int_equal(o.totals.error, EMSGSIZE);
    assert_int_equal(o.totals.datagrams, 1);
    outlet_close(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gentle_outlet_waits_until_the_receiver_has_room),
        cmocka_unit_test(what_the_receiver_drops_is_told),
        cmocka_unit_test(a_receiver_that_reads_nothing_is_not_waited_for),
        cmocka_unit_test(a_closed_port_is_told),
        cmocka_unit_test(what_a_unix_stream_has_begun_is_completed_when_the_rest_is_left_out),
        cmocka_unit_test(a_kernel_without_room_is_asked_again_and_nothing_is_lost),
        cmocka_unit_test(a_single_datagram_waits_for_room),
        cmocka_unit_test(the_room_of_a_port_is_what_its_queue_has_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
