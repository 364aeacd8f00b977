/*
 * An end that does not keep to the protocol: whatever it sends, in whatever order and with whatever
 * descriptors, the other end goes on, reads nothing that is not its own, and keeps no descriptor.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/loop_until.h"
#include "support/takeover_rig.h"
#include "takeover/control_socket.h"
#include "takeover/wire.h"

enum { ROUNDS = 400 };

static uint64_t state;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((state >> 33) % n);
}

static void send_packet(int to, struct slice bytes, int fd, unsigned n_fds)
{
    union {
        char bytes[CMSG_SPACE(4 * sizeof(int))];
        long align;
    } control = { { 0 } };
    struct iovec iov = { (void *)(uintptr_t)bytes.ptr, bytes.len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (n_fds > 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        for (unsigned i = 0; i < n_fds; i++)
            memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof fd);
    }
    (void)sendmsg(to, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A message that may well be one, or not. */
static void send_anything(int to, int fd)
{
    struct wire_message m = { .type = (enum wire_type)(1 + below(WIRE_TYPE_END - 1)) };
    struct buf packet = { 0 };
    m.text = SLICE_LIT("said");
    m.begun = SLICE_LIT("begun:");
    m.more = below(2);
    m.n_texts = m.type == WIRE_FDS || m.type == WIRE_HELLO ? below(4) : 0;
    for (size_t i = 0; i < m.n_texts; i++)
        m.texts[i] = below(2) ? SLICE_LIT("@token") : SLICE_LIT("fd");
    assert_int_equal(wire_write(&m, &packet), 0);
    if (below(4) == 0)
        packet.ptr[below((unsigned)packet.len)] = (char)below(256);
    if (below(8) == 0)
        packet.len = below((unsigned)packet.len);
    unsigned right =
        m.type == WIRE_FDS ? (unsigned)m.n_texts : m.type == WIRE_STREAM || m.type == WIRE_STATE;
    send_packet(to, buf_slice(&packet), fd, below(6) == 0 ? below(5) : right);
    buf_release(&packet);
}

static void make_pair(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
                     0);
}

static bool old_has_failed(void *rig)
{
    return ((struct rig *)rig)->old.failed[0] != '\0';
}

static void the_old_one_goes_on_whatever_comes(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    rig_listen(&r);
    for (state = 0; state < ROUNDS; state++) {
        int pair[2];
        uint64_t seed = state;
        make_pair(pair);
        r.old.failed[0] = '\0';
        giver_accept(r.old.giver, pair[0]);
        for (unsigned n = below(5); n > 0; n--)
            send_anything(pair[1], r.old.thing);
        uv_run(&r.loop, UV_RUN_NOWAIT);
        close(pair[1]);
        assert_true(rig_until(&r, old_has_failed));
        /* It may have come as far as STATE, by HELLO and PREPARED; the byte nobody has taken. */
        assert_true(r.old.reads && !r.old.left);
        assert_int_equal(r.old.pauses, r.old.resumes);
        state = seed;
    }
    rig_release(&r);
}

static bool new_has_ended(void *rig)
{
    struct rig *r = rig;
    return r->new.gave_up || r->new.owns;
}

/* The rig's daemon takes all connections and states for good, so here are others. */
static void prepare(void *cookie, const struct takeover_fd *fds, size_t n)
{
    struct rig_new *t = cookie;
    for (size_t i = 0; i < n; i++)
        close(fds[i].fd);
    taker_ready(t->taker);
}

static void adopt(void *cookie, int fd, struct slice listener, struct slice begun)
{
    (void)cookie;
    (void)listener;
    (void)begun;
    close(fd);
}

static void load(void *cookie, int fd, uint64_t bytes)
{
    struct rig_new *t = cookie;
    (void)bytes;
    close(fd);
    taker_loaded(t->taker);
}

static void the_new_one_owns_nothing_without_a_byte(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    r.new.opts.prepare = prepare;
    r.new.opts.adopt = adopt;
    r.new.opts.load = load;
    for (state = 0; state < ROUNDS; state++) {
        int pair[2];
        uint64_t seed = state;
        make_pair(pair);
        r.new.gave_up = false;
        assert_int_equal(taker_start(&r.new.opts, pair[0], &r.new.taker), 0);
        for (unsigned n = below(8); n > 0; n--) /* the memfd is an empty file: no byte in it */
            send_anything(pair[1], r.old.thing);
        uv_run(&r.loop, UV_RUN_NOWAIT);
        close(pair[1]);
        assert_true(rig_until(&r, new_has_ended));
        assert_true(r.new.gave_up);
        taker_close(r.new.taker);
        r.new.taker = NULL;
        state = seed;
    }
    rig_release(&r);
}

static void without_a_descriptor_it_waits_and_does_not_spin(void **unused)
{
    (void)unused;
    struct rig r;
    struct rlimit was, none;
    char path[64];
    struct giver *g;
    int fd, rounds = 0;
    rig_init(&r);
    snprintf(path, sizeof path, "/tmp/strangers-%d", (int)getpid());
    assert_int_equal(giver_listen(&r.old.opts, path, &g), 0);
    assert_int_equal(control_socket_connect(path, &fd), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = (struct rlimit){ 0, was.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    uv_update_time(&r.loop);
    for (uint64_t end = uv_now(&r.loop) + 300; uv_now(&r.loop) < end; rounds++)
        uv_run(&r.loop, UV_RUN_ONCE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_true(rounds < 20);
    close(fd);
    r.old.failed[0] = '\0';
    assert_true(rig_until(&r, old_has_failed)); /* it was accepted */
    giver_close(g);
    rig_release(&r);
}

static void two_versions_tell_each_other(void **unused)
{
    (void)unused;
    struct rig r;
    int pair[2];
    char answer[300];
    struct buf packet = { 0 };
    struct wire_message m = { .type = WIRE_HELLO };
    const uint16_t version = WIRE_VERSION + 1;
    rig_init(&r);
    rig_listen(&r);
    make_pair(pair);
    giver_accept(r.old.giver, pair[0]);
    assert_int_equal(wire_write(&m, &packet), 0);
    memcpy(packet.ptr + 4, &version, sizeof version);
    send_packet(pair[1], buf_slice(&packet), -1, 0);
    assert_true(rig_until(&r, old_has_failed));
    ssize_t n = recv(pair[1], answer, sizeof answer, MSG_DONTWAIT);
    assert_true(n > 0);
    assert_int_equal(wire_read(slice_of(answer, (size_t)n), 0, &m), 0);
    assert_int_equal(m.type, WIRE_REFUSE);
    assert_true(
        slice_eq(m.text, SLICE_LIT("the running server speaks another version of the takeover")));
    close(pair[1]);
    buf_release(&packet);
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_old_one_goes_on_whatever_comes),
        cmocka_unit_test(the_new_one_owns_nothing_without_a_byte),
        cmocka_unit_test(without_a_descriptor_it_waits_and_does_not_spin),
        cmocka_unit_test(two_versions_tell_each_other),
    };
    return cmocka_run_group_tests_name("takeover, with strangers", tests, NULL, NULL);
}
