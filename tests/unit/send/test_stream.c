/* Streams: whatever a peer does, what it read is whole datagrams, and as many as were reported. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/now.h"
#include "base/slice.h"
#include "send/sender.h"
#include "send/shape.h"
#include "send/target.h"

/* Datagram i is i's digit, again and again, and a line feed. */
enum { DATAGRAMS = 10, LONGEST = 40000 };
static char bytes[DATAGRAMS * LONGEST];
static struct send_datagram datagrams[DATAGRAMS];

static struct send_block block_of(uint32_t len)
{
    for (size_t i = 0; i < DATAGRAMS; i++) {
        datagrams[i] = (struct send_datagram){ i * len, len, 1 };
        memset(bytes + i * len, '0' + (int)i, len);
        bytes[i * len + len - 1] = '\n';
    }
    return (struct send_block){ bytes, datagrams, DATAGRAMS, DATAGRAMS };
}

static const char *const schemes[] = { "tcp", "unix" };

/* A listening socket and a target that is its address. */
static int listener_open(const char *scheme, struct target *ret)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    bool tcp = strcmp(scheme, "tcp") == 0;
    socklen_t len = sizeof in;
    char text[128];
    int fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), room = 4096;
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (tcp) {
        assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
        snprintf(text, sizeof text, "tcp://127.0.0.1:%u", ntohs(in.sin_port));
    } else {
        int n = snprintf(un.sun_path + 1, sizeof un.sun_path - 1, "test_stream.%d", (int)getpid());
        len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
        assert_int_equal(bind(fd, (struct sockaddr *)&un, len), 0);
        snprintf(text, sizeof text, "unix://@%s", un.sun_path + 1);
    }
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(target_parse(text, ret), 0);
    return fd;
}

/* A peer that takes connections, in a thread. */
struct peer {
    int fd;
    uint32_t len;
    size_t closes_after; /* it closes its first connection after so many bytes; 0: never */
    long nap_ns;         /* before it reads a connection at all */
    _Atomic bool stop;
    size_t connections, whole;
    bool mixed_up;
    pthread_t thread;
};

/* One connection: bytes that were read, and what the datagram under way is made of. */
struct taken {
    int fd;
    size_t n;
    char digit;
    bool cut, mixed_up;
};

static void taken_check(struct taken *t, uint32_t len, char c)
{
    size_t at = t->n++ % len;
    if (at == 0)
        t->digit = c;
    char wanted = t->digit;
    if (at == len - 1)
        wanted = '\n';
    t->mixed_up = t->mixed_up || c != wanted;
}

static void taken_read(struct peer *p, struct taken *t)
{
    char text[3000];
    ssize_t n = recv(t->fd, text, sizeof text, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    for (ssize_t i = 0; i < n; i++)
        taken_check(t, p->len, text[i]);
    t->cut = p->closes_after > 0 && t->n >= p->closes_after;
    if (n > 0 && !t->cut)
        return;
    if (t->cut)
        p->closes_after = 0;
    close(t->fd);
    t->fd = -1;
}

static void *peer_run(void *cookie)
{
    struct peer *p = cookie;
    struct taken taken[64] = { 0 };
    const struct timespec nap = { .tv_nsec = p->nap_ns };
    size_t open = 0;
    while (!p->stop || open > 0) {
        struct pollfd polled[65] = { { .fd = p->fd, .events = POLLIN } };
        for (size_t i = 0; i < p->connections; i++)
            polled[i + 1] = (struct pollfd){ .fd = taken[i].fd, .events = POLLIN };
        poll(polled, p->connections + 1, 10);
        if (polled[0].revents != 0 && p->connections < 64) {
            nanosleep(&nap, NULL);
            taken[p->connections++].fd = accept(p->fd, NULL, NULL);
            open++;
            continue;
        }
        for (size_t i = 0; i < p->connections; i++) {
            if (taken[i].fd < 0 || polled[i + 1].revents == 0)
                continue;
            taken_read(p, &taken[i]);
            open -= taken[i].fd < 0;
        }
    }
    for (size_t i = 0; i < p->connections; i++) {
        bool half = taken[i].n % p->len > 0 && !taken[i].cut;
        p->mixed_up = p->mixed_up || taken[i].mixed_up || half;
        p->whole += taken[i].n / p->len;
    }
    return NULL;
}

struct sum {
    _Atomic size_t sent, failed;
};

static void on_sent(void *cookie, unsigned sender, const struct sender_progress *p)
{
    struct sum *sum = cookie;
    (void)sender;
    assert_true(p->first + p->sent + p->failed <= DATAGRAMS);
    sum->sent += p->sent;
    sum->failed += p->failed;
}

static struct sender_opts opts_of(const struct target *t, uint32_t len, struct sum *sum)
{
    return (struct sender_opts){ .target = t,
                                 .block = block_of(len),
                                 .duration_s = 0.3,
                                 .threads = 1,
                                 .sockets = 1,
                                 .batch = DATAGRAMS,
                                 .segments = 1,
                                 .send_buffer_bytes = 4096,
                                 .on_sent = on_sent,
                                 .cookie = sum };
}

static void senders_run(const struct sender_opts *o, struct sender_totals *ret)
{
    struct senders *senders;
    assert_int_equal(senders_start(o, &senders), 0);
    senders_join(senders);
    senders_settle(senders);
    senders_totals(senders, ret);
    senders_free(senders);
}

/* clang-format off */
static const struct {
    uint32_t len;
    unsigned threads, connections;
    long nap_ns;
    double rate; /* 0: as fast as possible */
} loads[] = {
    { 7,     1, 1,  0,         0    },
    { 7,     2, 5,  0,         1000 },
    { 1433,  1, 3,  0,         0    },
    { 40000, 1, 1,  150000000, 0    },   /* a write waits longer than its patience */
    { 40000, 2, 3,  150000000, 0    },
};
/* clang-format on */

static void a_slow_peer_reads_whole_datagrams_as_many_as_were_reported(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(loads) * ARRAY_LEN(schemes); i++) {
        const size_t k = i / ARRAY_LEN(schemes);
        struct target t;
        struct shape shape = { 0 };
        struct sum sum = { 0 };
        struct sender_totals totals;
        struct peer p = { .fd = listener_open(schemes[i % ARRAY_LEN(schemes)], &t),
                          .len = loads[k].len,
                          .nap_ns = loads[k].nap_ns };
        struct sender_opts o = opts_of(&t, loads[k].len, &sum);
        const struct shape_spec spec = { .rate = loads[k].rate, .duration_s = o.duration_s };
        o.threads = loads[k].threads;
        o.connections = loads[k].connections;
        assert_int_equal(shape_init(&shape, "constant", &spec), 0);
        o.shape = loads[k].rate > 0 ? &shape : NULL;
        assert_int_equal(pthread_create(&p.thread, NULL, peer_run, &p), 0);
        senders_run(&o, &totals);
        p.stop = true;
        pthread_join(p.thread, NULL);
        close(p.fd);
        shape_release(&shape);
        assert_false(p.mixed_up);
        assert_true(p.whole > 0);
        assert_int_equal(p.whole, sum.sent);
        assert_int_equal(p.whole, totals.datagrams);
        assert_int_equal(totals.bytes, p.whole * p.len);
        assert_int_equal(p.connections, loads[k].connections);
        assert_int_equal(totals.connections, loads[k].connections);
        assert_int_equal(totals.failed_datagrams + totals.reconnects + totals.unfinished, 0);
        assert_false(totals.nobody);
    }
}

static void a_connection_that_the_peer_closes_is_opened_anew(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct target t;
        struct sum sum = { 0 };
        struct sender_totals totals;
        struct peer p = { .fd = listener_open(schemes[i], &t),
                          .len = 1433,
                          .closes_after = 100000 };
        const struct sender_opts o = opts_of(&t, p.len, &sum);
        assert_int_equal(pthread_create(&p.thread, NULL, peer_run, &p), 0);
        senders_run(&o, &totals);
        p.stop = true;
        pthread_join(p.thread, NULL);
        close(p.fd);
        assert_false(p.mixed_up);
        assert_int_equal(p.connections, 2);
        assert_int_equal(totals.reconnects, 1);
        assert_true(totals.failed_datagrams <= 1); /* the one that was cut */
        assert_int_equal(totals.failed_datagrams, sum.failed);
        assert_true(p.whole <= totals.datagrams); /* the peer did not read what it had by then */
        assert_false(totals.nobody);
    }
}

/* The peer is there at the start, and for no moment afterwards. */
static void a_load_that_nobody_takes_any_more_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct target t;
        struct sum sum = { 0 };
        struct sender_totals totals;
        struct senders *senders;
        int fd = listener_open(schemes[i], &t);
        const struct sender_opts o = opts_of(&t, 7, &sum);
        assert_int_equal(senders_start(&o, &senders), 0);
        close(fd);
        senders_join(senders);
        senders_settle(senders);
        senders_totals(senders, &totals);
        senders_free(senders);
        assert_true(totals.nobody && totals.error == ECONNREFUSED);
        assert_true(totals.failed_datagrams > 0 && totals.failed_datagrams == sum.failed);
        assert_int_equal(totals.datagrams, sum.sent);
        assert_int_equal(totals.unfinished, 1);
        assert_int_equal(senders_start(&o, &senders), -ECONNREFUSED);
    }
}

static void a_peer_that_never_reads_holds_nobody_up(void **state)
{
    (void)state;
    struct target t;
    struct sum sum = { 0 };
    struct sender_totals totals;
    int fd = listener_open("tcp", &t);
    const struct sender_opts o = opts_of(&t, LONGEST, &sum);
    uint64_t from_ms = now_mono_ms();
    senders_run(&o, &totals);
    assert_true(now_mono_ms() - from_ms < 8000);
    /* The kernel took a part of one: the peer must not read half a line as a whole one. */
    assert_int_equal(totals.failed_datagrams, 1);
    assert_int_equal(totals.error, ETIMEDOUT);
    assert_int_equal(totals.unfinished, 1);
    int taken = accept(fd, NULL, NULL);
    char text[4096];
    ssize_t n = 0;
    while (taken >= 0 && (n = recv(taken, text, sizeof text, 0)) > 0)
        continue;
    assert_true(taken < 0 || n < 0);
    close(taken);
    close(fd);
}

/* Fill the socket until it has a part of a datagram.  returns  that datagram */
static size_t begin_one(struct target_socket *s, const struct send_block *b)
{
    size_t at = 0;
    while (s->begun == 0) {
        const struct target_sent done = s->target->kind->send(s, b, at, b->n - at, 1);
        assert_int_equal(done.failed, 0);
        at = (at + done.datagrams) % b->n;
    }
    return at;
}

/* returns  how the stream ended: 0, or errno; *ret_whole: it had whole datagrams alone */
static int read_to_end(int fd, uint32_t len, bool *ret_whole)
{
    static char text[4 * DATAGRAMS * LONGEST];
    size_t n = 0;
    ssize_t more = 0;
    while (n < sizeof text && (more = recv(fd, text + n, sizeof text - n, 0)) > 0)
        n += (size_t)more;
    assert_true(n < sizeof text);
    *ret_whole = n > 0 && n % len == 0 && text[n - 1] == '\n';
    return more < 0 ? errno : 0;
}

static void what_was_begun_is_completed_or_reset_at_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        const bool is_unix = i == 1;
        struct target t;
        struct target_socket s;
        const struct send_block b = block_of(LONGEST);
        int fd = listener_open(schemes[i], &t);
        bool whole;
        assert_int_equal(t.kind->open(&t, 4096, &s), 0);
        int peer = accept(fd, NULL, NULL);
        const size_t at = begin_one(&s, &b);
        assert_true(t.kind->complete(&s, &b, at) == is_unix);
        assert_true((s.begun == 0) == is_unix);
        t.kind->finish(&s);
        assert_int_equal(read_to_end(peer, LONGEST, &whole), is_unix ? 0 : ECONNRESET);
        assert_true(whole || !is_unix);
        close(peer);
        if (s.fd >= 0)
            close(s.fd);
        close(fd);
    }
}

/* It does not read now, and then to the end: that it writes no more says nothing of that. */
static void a_peer_that_has_ended_its_own_half_reads_no_half_datagram(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        const bool is_unix = i == 1;
        struct target t;
        struct target_socket s;
        const struct send_block b = block_of(LONGEST);
        int fd = listener_open(schemes[i], &t);
        bool whole;
        assert_int_equal(t.kind->open(&t, 4096, &s), 0);
        int peer = accept(fd, NULL, NULL);
        const size_t at = begin_one(&s, &b);
        shutdown(peer, SHUT_WR);
        const struct target_sent done = t.kind->send(&s, &b, at, 1, 1);
        assert_true(done.reconnected && !done.begun && s.begun == 0);
        assert_int_equal(done.datagrams, is_unix);
        assert_int_equal(done.failed, !is_unix);
        assert_int_equal(read_to_end(peer, LONGEST, &whole), is_unix ? 0 : ECONNRESET);
        assert_true(whole || !is_unix);
        close(peer);
        close(s.fd);
        close(fd);
    }
}

static void a_unix_peer_that_reads_late_reads_whole_datagrams_to_the_end(void **state)
{
    (void)state;
    struct target t;
    struct sum sum = { 0 };
    struct sender_totals totals;
    struct senders *senders;
    bool whole;
    int fd = listener_open("unix", &t);
    const struct sender_opts o = opts_of(&t, LONGEST, &sum);
    assert_int_equal(senders_start(&o, &senders), 0);
    int peer = accept(fd, NULL, NULL);
    senders_join(senders);
    shutdown(peer, SHUT_WR); /* so that nobody waits for it to close */
    senders_settle(senders);
    senders_totals(senders, &totals);
    senders_free(senders);
    assert_int_equal(read_to_end(peer, LONGEST, &whole), 0);
    assert_true(whole);
    assert_int_equal(totals.failed_datagrams, 0);
    assert_int_equal(totals.datagrams, sum.sent);
    close(peer);
    close(fd);
}

static void a_socket_goes_on_where_a_write_ended(void **state)
{
    (void)state;
    enum { FEW = 2 };
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct target t;
        struct target_socket s;
        const struct send_block b = block_of(LONGEST);
        static char text[FEW * LONGEST];
        size_t sent = 0, n = 0, stalls = 0;
        int fd = listener_open(schemes[i], &t);
        assert_int_equal(t.kind->open(&t, 4096, &s), 0);
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
        while (sent < FEW) {
            struct target_sent done = t.kind->send(&s, &b, sent, FEW - sent, 1);
            assert_int_equal(done.failed, 0);
            assert_true(done.begun == (s.begun > 0));
            sent += done.datagrams;
            stalls += done.begun;
            for (ssize_t more; (more = recv(peer, text + n, sizeof text - n, 0)) > 0;)
                n += (size_t)more;
        }
        assert_true(stalls > 0);
        t.kind->finish(&s);
        assert_int_equal(t.kind->finished(&s, 0), -ETIMEDOUT);
        fcntl(peer, F_SETFL, 0);
        for (ssize_t more; (more = recv(peer, text + n, sizeof text - n, 0)) > 0;)
            n += (size_t)more;
        assert_int_equal(n, sizeof text);
        assert_memory_equal(text, bytes, n);
        close(peer);
        assert_int_equal(t.kind->finished(&s, 1000), 0);
        close(s.fd);
        close(fd);
    }
}

static void a_peer_that_closes_with_something_unread_has_not_read_all(void **state)
{
    (void)state;
    struct target t;
    struct target_socket s;
    const struct send_block b = block_of(7);
    int fd = listener_open("tcp", &t);
    assert_int_equal(t.kind->open(&t, 0, &s), 0);
    int peer = accept(fd, NULL, NULL);
    assert_int_equal(t.kind->send(&s, &b, 0, DATAGRAMS, 1).datagrams, DATAGRAMS);
    t.kind->finish(&s);
    close(peer);
    assert_int_equal(t.kind->finished(&s, 1000), -ECONNRESET);
    close(s.fd);
    close(fd);
}

/* What lies between two datagrams is none of them. */
static void datagrams_that_do_not_adjoin_are_sent_apart(void **state)
{
    (void)state;
    static const struct send_datagram apart[] = { { 0, 2, 1 }, { 2, 2, 1 }, { 6, 2, 1 } };
    const struct send_block b = { "a\nb\n??c\n", apart, 3, 3 };
    struct target t;
    struct target_socket s;
    char text[16];
    int fd = listener_open("unix", &t);
    assert_int_equal(t.kind->open(&t, 0, &s), 0);
    int peer = accept(fd, NULL, NULL);
    assert_int_equal(t.kind->send(&s, &b, 0, 3, 1).datagrams, 2);
    assert_int_equal(t.kind->send(&s, &b, 2, 1, 1).datagrams, 1);
    assert_int_equal(recv(peer, text, sizeof text, 0), 6);
    assert_memory_equal(text, "a\nb\nc\n", 6);
    close(peer);
    close(s.fd);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_peer_reads_whole_datagrams_as_many_as_were_reported),
        cmocka_unit_test(a_connection_that_the_peer_closes_is_opened_anew),
        cmocka_unit_test(a_load_that_nobody_takes_any_more_fails),
        cmocka_unit_test(a_peer_that_never_reads_holds_nobody_up),
        cmocka_unit_test(what_was_begun_is_completed_or_reset_at_the_end),
        cmocka_unit_test(a_peer_that_has_ended_its_own_half_reads_no_half_datagram),
        cmocka_unit_test(a_unix_peer_that_reads_late_reads_whole_datagrams_to_the_end),
        cmocka_unit_test(a_socket_goes_on_where_a_write_ended),
        cmocka_unit_test(a_peer_that_closes_with_something_unread_has_not_read_all),
        cmocka_unit_test(datagrams_that_do_not_adjoin_are_sent_apart),
    };
    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
