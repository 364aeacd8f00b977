/* A sender of datagrams that mean nothing to it: what it reports is what arrived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/slice.h"
#include "send/sender.h"
#include "send/shape.h"

static const char bytes[] = "one two three";
static const struct send_datagram datagrams[] = { { 0, 3, 1 }, { 4, 3, 2 }, { 8, 5, 3 } };
enum { DATAGRAMS = ARRAY_LEN(datagrams) };

struct seen {
    size_t times[DATAGRAMS];
    size_t failed;
};

static void on_sent(void *cookie, unsigned sender, const struct sender_progress *p)
{
    struct seen *seen = cookie;
    assert_int_equal(sender, 0);
    for (size_t i = p->first; i < p->first + p->sent; i++)
        seen->times[i]++;
    seen->failed += p->failed;
}

/* An abstract Unix socket of this process' own. */
static int receiver_open(char address[128])
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int n = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "test_sender.%d", (int)getpid());
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    snprintf(address, 128, "unixgram://@%s", a.sun_path + 1);
    return fd;
}

static void receive_all(int fd, size_t times[DATAGRAMS])
{
    char text[64];
    for (ssize_t n; (n = recv(fd, text, sizeof text, 0)) >= 0;) {
        size_t i = 0;
        for (; i < DATAGRAMS; i++) {
            const struct send_datagram *d = &datagrams[i];
            if (d->len == (size_t)n && memcmp(bytes + d->at, text, d->len) == 0)
                break;
        }
        assert_true(i < DATAGRAMS);
        times[i]++;
    }
}

/* 60 units a second for 0.1 s: as lines of 1, 2 and 3 that is one block, as datagrams it is two. */
static void a_shape_counts_amounts_or_datagrams(void **state)
{
    (void)state;
    for (int by_datagram = 0; by_datagram < 2; by_datagram++) {
        char address[128];
        int fd = receiver_open(address);
        struct target target;
        struct shape shape;
        struct senders *senders;
        struct seen seen = { 0 };
        struct sender_totals totals;
        size_t arrived[DATAGRAMS] = { 0 };
        const struct shape_spec spec = { .rate = 60, .duration_s = 0.1 };
        assert_int_equal(target_parse(address, &target), 0);
        assert_int_equal(shape_init(&shape, "constant", &spec), 0);
        const struct sender_opts o = {
            .target = &target,
            .block = { bytes, datagrams, DATAGRAMS, 6 },
            .shape = &shape,
            .by_datagram = by_datagram,
            .duration_s = 0.1,
            .threads = 1,
            .sockets = 1,
            .batch = 4,
            .segments = 1,
            .on_sent = on_sent,
            .cookie = &seen,
        };
        assert_int_equal(senders_start(&o, &senders), 0);
        senders_join(senders);
        senders_totals(senders, &totals);
        receive_all(fd, arrived);
        assert_memory_equal(arrived, seen.times, sizeof arrived);
        assert_int_equal(seen.failed, 0);
        assert_int_equal(totals.datagrams, by_datagram ? 6 : 3);
        assert_int_equal(totals.bytes, by_datagram ? 22 : 11);
        senders_free(senders);
        shape_release(&shape);
        close(fd);
    }
}

static void a_datagram_that_nobody_takes_is_reported_as_failed(void **state)
{
    (void)state;
    char address[128];
    struct target target;
    struct shape shape;
    struct senders *senders;
    struct seen seen = { 0 };
    struct sender_totals totals;
    const struct shape_spec spec = { .rate = 1000, .duration_s = 0.1 };
    int fd = receiver_open(address);
    assert_int_equal(target_parse(address, &target), 0);
    assert_int_equal(shape_init(&shape, "constant", &spec), 0);
    const struct sender_opts o = {
        .target = &target,
        .block = { bytes, datagrams, DATAGRAMS, 6 },
        .shape = &shape,
        .duration_s = 0.1,
        .threads = 1,
        .sockets = 1,
        .batch = 4,
        .segments = 1,
        .on_sent = on_sent,
        .cookie = &seen,
    };
    assert_int_equal(senders_start(&o, &senders), 0);
    close(fd);
    senders_join(senders);
    senders_totals(senders, &totals);
    assert_true(totals.failed_datagrams > 0 && totals.nobody);
    assert_int_equal(totals.failed_datagrams, seen.failed);
    assert_int_equal(totals.datagrams, seen.times[0] + seen.times[1] + seen.times[2]);
    senders_free(senders);
    shape_release(&shape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shape_counts_amounts_or_datagrams),
        cmocka_unit_test(a_datagram_that_nobody_takes_is_reported_as_failed),
    };
    return cmocka_run_group_tests_name("sender", tests, NULL, NULL);
}
