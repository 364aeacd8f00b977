/*
 * What is told beside the bytes of a datagram: who sent it, and nothing that a stranger slips in.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/slice.h"
#include "listen/dgram.h"

enum { ASKED = 4 };

struct pair {
    struct dgram_buffers *d;
    int in, out;
};

static void pair_init(struct pair *p)
{
    p->d = malloc(sizeof *p->d);
    assert_int_equal(dgram_init(p->d), 0);
}

static void pair_release(struct pair *p)
{
    close(p->in);
    close(p->out);
    dgram_release(p->d);
    free(p->d);
}

static void unix_pair(struct pair *p)
{
    int fds[2];
    pair_init(p);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    p->in = fds[0];
    p->out = fds[1];
}

/* A socket that listens on the loopback and one that sends to it; ret: the sender's address. */
static void udp_pair(struct pair *p, int family, union dgram_sender *ret)
{
    union dgram_sender to = { .any.sa_family = (sa_family_t)family };
    socklen_t len = family == AF_INET ? sizeof to.v4 : sizeof to.v6;
    pair_init(p);
    if (family == AF_INET)
        to.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        to.v6.sin6_addr = in6addr_loopback;
    p->in = socket(family, SOCK_DGRAM, 0);
    p->out = socket(family, SOCK_DGRAM, 0);
    assert_int_equal(bind(p->in, &to.any, len), 0);
    assert_int_equal(getsockname(p->in, &to.any, &len), 0);
    assert_int_equal(connect(p->out, &to.any, len), 0);
    memset(ret, 0, sizeof *ret);
    assert_int_equal(getsockname(p->out, &ret->any, &len), 0);
}

static void send_n(struct pair *p, int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(send(p->out, "x:1|c", 5, 0), 5);
}

static void the_address_of_a_udp_sender_is_told_of_the_first_so_many(void **unused)
{
    (void)unused;
    static const int families[] = { AF_INET, AF_INET6 };
    for (size_t f = 0; f < ARRAY_LEN(families); f++) {
        struct pair p;
        union dgram_sender me;
        udp_pair(&p, families[f], &me);
        static const struct {
            int sent;
            unsigned ask;
        } rounds[] = { { 1, 4 }, { 6, 4 }, { 64, 64 }, { 6, 4 }, { 6, 0 }, { 6, 64 } };
        for (size_t r = 0; r < ARRAY_LEN(rounds); r++) {
            send_n(&p, rounds[r].sent);
            assert_int_equal(dgram_read(p.d, p.in, (struct dgram_ask){ .senders = rounds[r].ask }),
                             rounds[r].sent);
            for (int i = 0; i < rounds[r].sent; i++) {
                struct dgram_aside a;
                dgram_aside(p.d, i, &a);
                assert_int_equal(a.pid, 0);
                if ((unsigned)i >= rounds[r].ask)
                    assert_int_equal(a.sender.any.sa_family, AF_UNSPEC);
                else if (families[f] == AF_INET)
                    assert_memory_equal(&a.sender.v4, &me.v4, sizeof me.v4);
                else
                    assert_true(a.sender.v6.sin6_port == me.v6.sin6_port &&
                                IN6_IS_ADDR_LOOPBACK(&a.sender.v6.sin6_addr));
            }
        }
        pair_release(&p);
    }
}

static void the_pid_of_a_unix_sender_is_told_once_the_socket_asks(void **unused)
{
    (void)unused;
    struct pair p;
    unix_pair(&p);
    static const struct {
        unsigned ask;
        bool told;
    } rounds[] = { { ASKED, false }, { ASKED, true }, { 0, false }, { ASKED, true } };
    for (size_t r = 0; r < ARRAY_LEN(rounds); r++) {
        if (r == 1)
            assert_int_equal(dgram_tell_pid(p.in), 0);
        send_n(&p, ASKED + 1);
        assert_int_equal(dgram_read(p.d, p.in, (struct dgram_ask){ .senders = rounds[r].ask }),
                         ASKED + 1);
        for (int i = 0; i <= ASKED; i++) {
            struct dgram_aside a;
            dgram_aside(p.d, i, &a);
            assert_int_equal(a.pid, rounds[r].told && i < ASKED ? getpid() : 0);
            assert_int_equal(a.sender.any.sa_family, AF_UNSPEC);
        }
    }
    pair_release(&p);
}

static void who_does_not_ask_for_pids_cannot_have_them_told(void **unused)
{
    (void)unused;
    assert_true(dgram_tell_pid(-1) < 0);
}

static int open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

static void send_descriptors(int fd, int n)
{
    enum { MOST = 8 };
    struct {
        _Alignas(struct cmsghdr) char room[CMSG_SPACE(MOST * sizeof(int))];
    } control = { { 0 } };
    struct iovec iov = { (char[]){ "x:1|c" }, 5 };
    struct msghdr h = { .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control.room,
                        .msg_controllen = CMSG_SPACE((size_t)n * sizeof(int)) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    assert_true(n <= MOST);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
    for (int i = 0; i < n; i++)
        memcpy(CMSG_DATA(c) + (size_t)i * sizeof fd, &fd, sizeof fd);
    assert_int_equal(sendmsg(fd, &h, 0), 5);
}

static void descriptors_that_a_stranger_sends_do_not_stay_open(void **unused)
{
    (void)unused;
    for (int pid_told = 0; pid_told <= 1; pid_told++) {
        struct pair p;
        unix_pair(&p);
        if (pid_told)
            assert_int_equal(dgram_tell_pid(p.in), 0);
        int before = open_descriptors();
        for (int n = 1; n <= 8; n++) {
            send_descriptors(p.out, n);
            send_descriptors(p.out, n);
            assert_int_equal(dgram_read(p.d, p.in, (struct dgram_ask){ .senders = 1 }), 2);
            assert_int_equal(open_descriptors(), before);
        }
        pair_release(&p);
    }
}

static void bytes_tell_which_datagram_they_are_of(void **unused)
{
    (void)unused;
    struct pair p;
    unix_pair(&p);
    send_n(&p, 3);
    assert_int_equal(dgram_read(p.d, p.in, (struct dgram_ask){ 0 }), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dgram_slot(p.d, dgram_ptr(p.d, i)), i);
        assert_int_equal(dgram_slot(p.d, dgram_ptr(p.d, i) + dgram_len(p.d, i)), i);
    }
    assert_int_equal(dgram_slot(p.d, dgram_ptr(p.d, 0) - 1), -1);
    assert_int_equal(dgram_slot(p.d, dgram_ptr(p.d, DGRAM_SLOTS - 1) + DATAGRAM_MAX),
                     DGRAM_SLOTS - 1);
    assert_int_equal(dgram_slot(p.d, (const char *)&p), -1);
    pair_release(&p);
}

static void nothing_there_is_no_error_and_anything_else_is(void **state)
{
    struct pair p;
    (void)state;
    unix_pair(&p);
    assert_int_equal(dgram_read(p.d, p.in, (struct dgram_ask){ 0 }), 0);
    assert_int_equal(dgram_read(p.d, -1, (struct dgram_ask){ 0 }), -EBADF);
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(dgram_read(p.d, file, (struct dgram_ask){ 0 }), -ENOTSOCK);
    close(file);
    assert_int_equal(send(p.out, "x", 1, 0), 1); /* and all goes on */
    assert_int_equal(dgram_read(p.d, p.in, (struct dgram_ask){ 0 }), 1);
    pair_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_address_of_a_udp_sender_is_told_of_the_first_so_many),
        cmocka_unit_test(the_pid_of_a_unix_sender_is_told_once_the_socket_asks),
        cmocka_unit_test(who_does_not_ask_for_pids_cannot_have_them_told),
        cmocka_unit_test(descriptors_that_a_stranger_sends_do_not_stay_open),
        cmocka_unit_test(bytes_tell_which_datagram_they_are_of),
        cmocka_unit_test(nothing_there_is_no_error_and_anything_else_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
