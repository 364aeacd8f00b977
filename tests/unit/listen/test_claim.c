/*
 * Who may listen beside whom: two servers never share a port, neither one after the other nor
 * started at the same moment, and the sockets of one server do.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/address.h"
#include "listen/listener.h"

enum { WORKERS = 3 };

static struct listen_address address(const char *url)
{
    static const struct listen_address defaults = { .rcvbuf = 1 << 16,
                                                    .mode = LISTEN_MODE_DEFAULT };
    struct listen_address a;
    struct buf error = { 0 };
    if (socket_url_parse(slice_str(url), &defaults, &a, &error) < 0)
        fail_msg("%s: %.*s", url, (int)error.len, error.ptr);
    return a;
}

/* A host and a port, as an address. */
static struct listen_address at(const char *host, unsigned port)
{
    char url[80];
    snprintf(url, sizeof url, "udp://%s:%u", host, port);
    return address(url);
}

/* A port that nobody has on any address. */
static unsigned free_port(void)
{
    struct listen_address any = at("[::]", 0);
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any.addr, any.addr_len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any.addr, &any.addr_len), 0);
    close(fd);
    return address_port((struct sockaddr *)&any.addr);
}

/* clang-format off */
/* Servers by their addresses on one port, and whether a second one is let in. */
static const struct {
    const char *holder, *newcomer;
    bool both;
} pairs[] = {
    { "127.0.0.1",          "127.0.0.1",          false },
    { "127.0.0.1",          "127.0.0.2",          true },
    { "127.0.0.1",          "0.0.0.0",            false },
    { "127.0.0.1",          "[::]",               false },
    { "127.0.0.1",          "[::1]",              true },
    { "127.0.0.1",          "[::ffff:127.0.0.1]", false },
    { "0.0.0.0",            "127.0.0.1",          false },
    { "0.0.0.0",            "127.0.0.2",          false },
    { "0.0.0.0",            "0.0.0.0",            false },
    { "0.0.0.0",            "[::]",               false },
    { "0.0.0.0",            "[::1]",              true },
    { "0.0.0.0",            "[::ffff:127.0.0.1]", false },
    { "[::]",               "127.0.0.1",          false },
    { "[::]",               "127.0.0.2",          false },
    { "[::]",               "0.0.0.0",            false },
    { "[::]",               "[::]",               false },
    { "[::]",               "[::1]",              false },
    { "[::]",               "[::ffff:127.0.0.1]", false },
    { "[::1]",              "127.0.0.1",          true },
    { "[::1]",              "0.0.0.0",            true },
    { "[::1]",              "[::]",               false },
    { "[::1]",              "[::1]",              false },
    { "[::ffff:127.0.0.1]", "127.0.0.1",          false },
    { "[::ffff:127.0.0.1]", "0.0.0.0",            false },
    { "[::ffff:127.0.0.1]", "[::]",               false },
};
/* clang-format on */

static void a_second_server_is_let_in_only_beside_the_first_ones_address(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        for (unsigned w = 0; w < 4; w++) { /* one worker and several, on either side */
            unsigned port = free_port();
            struct listen_address a = at(pairs[i].holder, port), b = at(pairs[i].newcomer, port);
            struct listener first, second;
            struct buf error = { 0 };
            assert_int_equal(listener_open(&a, w & 1 ? WORKERS : 1, &first, &error), 0);
            int rc = listener_open(&b, w & 2 ? WORKERS : 1, &second, &error);
            if (rc != (pairs[i].both ? 0 : -EADDRINUSE))
                fail_msg("%s beside %s: %d", b.name, a.name, rc);
            if (rc < 0) {
                buf_append_char(&error, '\0');
                assert_non_null(strstr(error.ptr, b.name));
                assert_non_null(strstr(error.ptr, "stop it, or choose another port"));
                assert_int_equal(second.n, 0);
            }
            listener_close(&second);
            listener_close(&first);
            buf_release(&error);
        }
    }
}

/* Sockets that no server of ours would make: without SO_REUSEPORT, or [::] for IPv6 alone. */
static void a_program_that_is_there_already_is_noticed(void **unused)
{
    (void)unused;
    /* clang-format off */
    static const struct {
        const char *theirs, *ours;
        int v6only, reuseport;
        bool both;
    } rows[] = {
        { "[::]",      "[::]",      1, 0, false },
        { "[::]",      "[::1]",     1, 1, false },
        { "[::]",      "127.0.0.1", 1, 1, true },
        { "[::]",      "0.0.0.0",   1, 0, true },
        { "127.0.0.1", "[::]",      0, 1, false },
        { "127.0.0.1", "127.0.0.1", 0, 1, false },
        { "0.0.0.0",   "[::]",      0, 1, false },
        { "127.0.0.2", "127.0.0.1", 0, 1, true },
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned port = free_port();
        struct listen_address a = at(rows[i].theirs, port), b = at(rows[i].ours, port);
        int fd = socket(a.addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (a.addr.ss_family == AF_INET6)
            assert_int_equal(
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &rows[i].v6only, sizeof(int)), 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &rows[i].reuseport, sizeof(int)),
                         0);
        assert_int_equal(bind(fd, (struct sockaddr *)&a.addr, a.addr_len), 0);
        struct listener l;
        struct buf error = { 0 };
        int rc = listener_open(&b, WORKERS, &l, &error);
        if (rc != (rows[i].both ? 0 : -EADDRINUSE))
            fail_msg("%s beside a foreign %s: %d", b.name, a.name, rc);
        listener_close(&l);
        close(fd);
        buf_release(&error);
    }
}

/* ---- the sockets of one server ---- */

static unsigned drain(const struct listener *l)
{
    char buf[64];
    unsigned n = 0;
    for (unsigned w = 0; w < l->n; w++)
        while (recv(l->fds[w], buf, sizeof buf, MSG_DONTWAIT) >= 0)
            n++;
    return n;
}

static void send_to(const char *host, unsigned port)
{
    struct listen_address a = at(host, port);
    int fd = socket(a.addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(sendto(fd, "x:1|c", 5, 0, (struct sockaddr *)&a.addr, a.addr_len), 5);
    close(fd);
}

static void the_addresses_of_one_config_stand_side_by_side(void **unused)
{
    (void)unused;
    static const struct {
        const char *hosts[3];
        const char *to[3]; /* a datagram to each: hosts[i] gets the one to to[i] */
    } rows[] = {
        { { "0.0.0.0", "[::]" }, { "127.0.0.1", "[::1]" } },
        { { "[::]", "0.0.0.0" }, { "[::1]", "127.0.0.1" } },
        { { "127.0.0.1", "[::]" }, { "127.0.0.1", "127.0.0.2" } }, /* [::] has the rest of IPv4 */
        { { "[::]", "127.0.0.1", "127.0.0.2" }, { "127.0.0.3", "127.0.0.1", "127.0.0.2" } },
        { { "127.0.0.1", "127.0.0.2", "[::1]" }, { "127.0.0.1", "127.0.0.2", "[::1]" } },
        { { "0.0.0.0", "[::1]" }, { "127.0.0.1", "[::1]" } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (unsigned workers = 1; workers <= WORKERS; workers += WORKERS - 1) {
            unsigned port = free_port();
            size_t n = rows[i].hosts[2] != NULL ? 3 : 2;
            struct listen_address a[3], stranger[2] = { at("127.0.0.1", port), at("[::1]", port) };
            struct listener l[3], other;
            struct buf error = { 0 };
            for (size_t k = 0; k < n; k++)
                a[k] = at(rows[i].hosts[k], port);
            if (listener_open_all(a, n, workers, l, &error) != 0)
                fail_msg("row %zu: %.*s", i, (int)error.len, error.ptr);
            for (size_t k = 0; k < n; k++) {
                assert_int_equal(l[k].n, workers);
                send_to(rows[i].to[k], port);
                if (drain(&l[k]) != 1)
                    fail_msg("row %zu: what was sent to %s is not at %s", i, rows[i].to[k],
                             a[k].name);
            }
            for (size_t k = 0; k < 2; k++)
                assert_int_equal(listener_open(&stranger[k], workers, &other, &error), -EADDRINUSE);
            for (size_t k = 0; k < n; k++)
                listener_close(&l[k]);
            buf_release(&error);
        }
    }
}

static void when_one_of_several_is_refused_none_stays_open(void **unused)
{
    (void)unused;
    unsigned port = free_port(), taken = free_port();
    struct listen_address a[3] = { at("127.0.0.1", port), at("127.0.0.1", taken),
                                   at("[::1]", port) };
    struct listener holder, l[3];
    struct buf error = { 0 };
    assert_int_equal(listener_open(&a[1], 1, &holder, &error), 0);
    assert_int_equal(listener_open_all(a, 3, WORKERS, l, &error), -EADDRINUSE);
    buf_append_char(&error, '\0');
    assert_non_null(strstr(error.ptr, a[1].name));
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(l[i].n, 0);
    assert_int_equal(listener_open(&a[0], 1, &l[0], &error), 0);
    listener_close(&l[0]);
    listener_close(&holder);
    buf_release(&error);
}

/* ---- localhost ---- */

static void localhost(unsigned port, struct listen_address ret[2])
{
    ret[0] = at("localhost", port);
    assert_true(socket_url_twin(&ret[0], &ret[1]));
}

static void localhost_listens_on_both_loopbacks_also_on_a_picked_port(void **unused)
{
    (void)unused;
    const unsigned ports[] = { 0, free_port() };
    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        struct listen_address a[2];
        struct listener l[2];
        struct buf error = { 0 };
        char name[64];
        localhost(ports[i], a);
        assert_int_equal(listener_open_all(a, 2, WORKERS, l, &error), 0);
        unsigned port = address_port((const struct sockaddr *)&l[0].address.addr);
        assert_true(port != 0 && (ports[i] == 0 || port == ports[i]));
        snprintf(name, sizeof name, "udp://127.0.0.1:%u", port);
        assert_string_equal(l[0].address.name, name);
        snprintf(name, sizeof name, "udp://[::1]:%u", port);
        assert_string_equal(l[1].address.name, name);
        for (unsigned k = 0; k < 2; k++) {
            send_to(k == 0 ? "127.0.0.1" : "[::1]", port);
            assert_int_equal(l[k].n, WORKERS);
            assert_int_equal(drain(&l[k]), 1);
            listener_close(&l[k]);
        }
    }
}

/* Clients would reach us or the other one, as they resolve the name. */
static void localhost_is_refused_when_one_loopback_is_taken(void **unused)
{
    (void)unused;
    static const char *const taken[] = { "127.0.0.1", "[::1]" };
    for (size_t i = 0; i < 2; i++) {
        unsigned port = free_port();
        struct listen_address other = at(taken[i], port), a[2];
        struct listener holder, l[2];
        struct buf error = { 0 };
        localhost(port, a);
        assert_int_equal(listener_open(&other, 1, &holder, &error), 0);
        assert_int_equal(listener_open_all(a, 2, 1, l, &error), -EADDRINUSE);
        buf_append_char(&error, '\0');
        assert_non_null(strstr(error.ptr, a[i].name));
        assert_non_null(
            strstr(error.ptr, i == 0 ? "choose another port" : "say 127.0.0.1 for localhost"));
        assert_int_equal(l[0].n + l[1].n, 0);
        listener_close(&holder);
        buf_release(&error);
    }
}

/*
 * Run `what` in a child with a network of its own; its exit status is 0, or says what failed.
 * returns  false: this machine gives no network
 */
static bool in_own_network(int (*what)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ? 77 : what());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 77)
        assert_int_equal(WEXITSTATUS(status), 0);
    return WEXITSTATUS(status) != 77;
}

static int without_ipv6(void)
{
    struct listen_address a[2];
    struct listener l[2];
    struct buf error = { 0 };
    localhost(0, a); /* the loopback of a new network is down and has no ::1 */
    if (listener_open_all(a, 2, WORKERS, l, &error) < 0)
        return 1;
    return l[0].n == WORKERS && l[1].n == 0 ? 0 : 2;
}

static void localhost_is_one_address_on_a_machine_without_ipv6(void **unused)
{
    (void)unused;
    if (!in_own_network(without_ipv6))
        skip();
}

/* The kernel picks 40000 or 40001, and another server has the first n_taken of them on [::1]. */
static bool leave_two_ports(struct listener *holders, unsigned n_taken)
{
    struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    int control = socket(AF_INET, SOCK_DGRAM, 0),
        range = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY);
    struct buf error = { 0 };
    if (ioctl(control, SIOCSIFFLAGS, &lo) < 0 || range < 0 || write(range, "40000 40001", 11) != 11)
        return false;
    for (unsigned i = 0; i < n_taken; i++) {
        struct listen_address taken = at("[::1]", 40000 + i);
        if (listener_open(&taken, 1, &holders[i], &error) < 0)
            return false;
    }
    return true;
}

static int two_ports_one_of_them_half_taken(void)
{
    struct listen_address a[2];
    struct buf error = { 0 };
    struct listener holder, l[2];
    localhost(0, a);
    if (!leave_two_ports(&holder, 1))
        return 77;
    for (int i = 0; i < 50; i++) {
        if (listener_open_all(a, 2, WORKERS, l, &error) < 0)
            return 1;
        if (strcmp(l[0].address.name, "udp://127.0.0.1:40001") != 0 ||
            strcmp(l[1].address.name, "udp://[::1]:40001") != 0)
            return 2;
        listener_close(&l[0]);
        listener_close(&l[1]);
    }
    return 0;
}

static void a_picked_port_that_is_taken_on_one_loopback_is_picked_anew(void **unused)
{
    (void)unused;
    if (!in_own_network(two_ports_one_of_them_half_taken))
        skip();
}

static int two_ports_both_half_taken(void)
{
    struct listen_address a[2];
    struct buf error = { 0 };
    struct listener holders[2], l[2];
    localhost(0, a);
    if (!leave_two_ports(holders, 2))
        return 77;
    if (listener_open_all(a, 2, WORKERS, l, &error) != -EADDRINUSE)
        return 1;
    buf_append_char(&error, '\0');
    return l[0].n + l[1].n == 0 && strstr(error.ptr, "[::1]") != NULL ? 0 : 2;
}

static void localhost_is_refused_when_every_picked_port_is_taken_on_one_loopback(void **unused)
{
    (void)unused;
    if (!in_own_network(two_ports_both_half_taken))
        skip();
}

/* ---- at the same moment ---- */

/*
 * A child that opens its listeners as soon as `go` is closed, says in one byte whether it could,
 * and keeps them until `end` is closed.
 */
static pid_t child(const struct listen_address *a, size_t n, const int go[2], const int end[2],
                   int say)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    struct listener l[4];
    struct buf error = { 0 };
    char byte;
    close(go[1]);
    close(end[1]);
    while (read(go[0], &byte, 1) > 0) {}
    byte = listener_open_all(a, n, WORKERS, l, &error) == 0 ? 'y' : 'n';
    while (write(say, &byte, 1) < 0) {}
    while (read(end[0], &byte, 1) > 0) {}
    _exit(0);
}

/* How many of two servers that start at once are in. */
static unsigned start_two(const struct listen_address *a, size_t n_a,
                          const struct listen_address *b, size_t n_b)
{
    int go[2], end[2], said[2];
    char word[2];
    assert_true(pipe(go) == 0 && pipe(end) == 0 && pipe(said) == 0);
    pid_t pids[2] = { child(a, n_a, go, end, said[1]), child(b, n_b, go, end, said[1]) };
    close(go[1]);
    for (size_t got = 0; got < sizeof word;)
        got += (size_t)read(said[0], word + got, sizeof word - got);
    close(end[1]);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    close(go[0]);
    close(end[0]);
    close(said[0]);
    close(said[1]);
    return (unsigned)(word[0] == 'y') + (unsigned)(word[1] == 'y');
}

static void of_two_that_start_at_once_exactly_one_is_refused(void **unused)
{
    (void)unused;
    enum { TRIES = 60 };
    static const struct {
        const char *a[2], *b[2];
    } rows[] = {
        { { "127.0.0.1" }, { "127.0.0.1" } },
        { { "127.0.0.1" }, { "0.0.0.0" } },
        { { "0.0.0.0" }, { "[::]" } },
        { { "[::]" }, { "[::]" } },
        { { "0.0.0.0", "[::]" }, { "0.0.0.0", "[::]" } },
        { { "127.0.0.1", "[::1]" }, { "[::1]", "127.0.0.1" } },
        { { "127.0.0.1", "[::]" }, { "0.0.0.0", "[::1]" } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (unsigned t = 0; t < TRIES; t++) {
            unsigned port = free_port(), in;
            struct listen_address a[2], b[2];
            size_t n_a = rows[i].a[1] != NULL ? 2 : 1, n_b = rows[i].b[1] != NULL ? 2 : 1;
            for (size_t k = 0; k < n_a; k++)
                a[k] = at(rows[i].a[k], port);
            for (size_t k = 0; k < n_b; k++)
                b[k] = at(rows[i].b[k], port);
            if ((in = start_two(a, n_a, b, n_b)) != 1)
                fail_msg("row %zu, try %u: %u of two servers run", i, t, in);
        }
    }
}

/* With several ports each could get one and refuse because of the other. */
static void two_with_several_ports_in_another_order_do_not_refuse_both(void **unused)
{
    (void)unused;
    for (unsigned t = 0; t < 100; t++) {
        unsigned p = free_port(), q = free_port();
        if (p == q)
            continue;
        struct listen_address a[2] = { at("127.0.0.1", p), at("127.0.0.1", q) },
                              b[2] = { a[1], a[0] };
        assert_int_equal(start_two(a, 2, b, 2), 1);
    }
}

static void of_two_on_one_unix_socket_exactly_one_is_refused(void **unused)
{
    (void)unused;
    char dir[] = "/tmp/test_claim.XXXXXX", url[64];
    assert_non_null(mkdtemp(dir));
    snprintf(url, sizeof url, "unixgram://%s/s.sock", dir);
    struct listen_address a = address(url);
    for (unsigned t = 0; t < 200; t++) {
        if (t % 2 == 0)
            /* Where the children of the last try did not leave a stale file. */
            (void)unlink(url + strlen("unixgram://"));
        assert_int_equal(start_two(&a, 1, &a, 1), 1);
    }
    assert_int_equal(unlink(url + strlen("unixgram://")), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_server_is_let_in_only_beside_the_first_ones_address),
        cmocka_unit_test(a_program_that_is_there_already_is_noticed),
        cmocka_unit_test(the_addresses_of_one_config_stand_side_by_side),
        cmocka_unit_test(when_one_of_several_is_refused_none_stays_open),
        cmocka_unit_test(localhost_listens_on_both_loopbacks_also_on_a_picked_port),
        cmocka_unit_test(localhost_is_refused_when_one_loopback_is_taken),
        cmocka_unit_test(localhost_is_one_address_on_a_machine_without_ipv6),
        cmocka_unit_test(a_picked_port_that_is_taken_on_one_loopback_is_picked_anew),
        cmocka_unit_test(localhost_is_refused_when_every_picked_port_is_taken_on_one_loopback),
        cmocka_unit_test(of_two_that_start_at_once_exactly_one_is_refused),
        cmocka_unit_test(two_with_several_ports_in_another_order_do_not_refuse_both),
        cmocka_unit_test(of_two_on_one_unix_socket_exactly_one_is_refused),
    };
    return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
