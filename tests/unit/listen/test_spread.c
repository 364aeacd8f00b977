/*
 * Spreading by payload: the name of its first line, and nothing else, decides which socket of a
 * group gets a datagram.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "listen/listener.h"

static void open_listener(const char *url, unsigned workers, struct listener *l)
{
    static const struct listen_address defaults = { .rcvbuf = 1 << 20 };
    struct listen_address a;
    struct buf error = { 0 };
    if (socket_url_parse(slice_str(url), &defaults, &a, &error) < 0 ||
        listener_open(&a, workers, l, &error) < 0)
        fail_msg("%.*s", (int)error.len, error.ptr);
    buf_release(&error);
}

static int sender_to(const struct listener *l)
{
    int fd = socket(l->address.addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&l->address.addr, l->address.addr_len),
                     0);
    return fd;
}

static unsigned drain(int fd)
{
    char buf[2048];
    unsigned n = 0;
    while (recv(fd, buf, sizeof buf, MSG_DONTWAIT) >= 0)
        n++;
    return n;
}

enum { SOCKETS = 4, SENT = 800 };

static void send_names(const struct listener *l, const char *before, const char *after,
                       unsigned counts[SOCKETS])
{
    int s = sender_to(l);
    for (unsigned i = 0; i < SOCKETS; i++)
        counts[i] = 0;
    for (unsigned n = 0; n < SENT; n++) {
        char line[128];
        int len = snprintf(line, sizeof line, "%s%06u%s", before, n, after);
        assert_int_equal(send(s, line, (size_t)len, 0), len);
        if (n % 50 == 49)
            for (unsigned i = 0; i < SOCKETS; i++)
                counts[i] += drain(l->fds[i]);
    }
    close(s);
}

static void one_sender_goes_to_one_socket_unless_spread_by_payload(void **unused)
{
    (void)unused;
    static const struct {
        const char *query, *before, *after;
        unsigned sockets; /* that get something */
    } rows[] = {
        { "?spread=source", "app.route", ":1|c|#env:production", 1 },
        { "?spread=auto", "app.route", ":1|c|#env:production", 1 },
        { "?spread=payload", "app.route", ":1|c|#env:production", SOCKETS },
        { "?spread=payload", "some.rather.long.prefix:1|c|#i:", "", 1 },
        { "?spread=payload", "application.requests.all:", "|c", 1 },
        { "?spread=payload", "x:", "|c", 1 },
        { "?spread=payload", ":", "|c", 1 },
        { "?spread=payload", "", ":1|c", SOCKETS },
        { "?spread=payload", "a.name.that.begins.with.sixty.four.bytes.which.are.always.alike.",
          ":1|c", 1 },
        { "?spread=payload", "some.name.of.sixty-four.bytes.whose.last.six.are.not.alike", ":1|c",
          SOCKETS },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char url[64];
        unsigned counts[SOCKETS], used = 0, sum = 0;
        snprintf(url, sizeof url, "udp://127.0.0.1:0%s", rows[i].query);
        struct listener l;
        open_listener(url, SOCKETS, &l);
        assert_int_equal(l.by_payload, strstr(rows[i].query, "payload") != NULL);
        send_names(&l, rows[i].before, rows[i].after, counts);
        for (unsigned s = 0; s < SOCKETS; s++) {
            used += counts[s] > 0;
            sum += counts[s];
        }
        assert_int_equal(sum, SENT);
        assert_int_equal(used, rows[i].sockets);
        listener_close(&l);
    }
}

static void short_payloads_of_any_length_arrive_when_spread(void **unused)
{
    (void)unused;
    struct listener l;
    open_listener("udp://127.0.0.1:0?spread=payload", 3, &l);
    int s = sender_to(&l);
    for (size_t len = 0; len <= 64; len++) {
        char line[64];
        memset(line, 'x', sizeof line);
        assert_int_equal(send(s, line, len, 0), len);
        assert_int_equal(drain(l.fds[0]) + drain(l.fds[1]) + drain(l.fds[2]), 1);
    }
    close(s);
    listener_close(&l);
}

static void spreading_may_begin_later_and_once_is_enough(void **unused)
{
    (void)unused;
    struct listener one, l;
    open_listener("udp://127.0.0.1:0", 1, &one);
    assert_int_equal(listener_spread_payload(&one), 0);
    assert_false(one.by_payload);
    listener_close(&one);
    unsigned counts[SOCKETS];
    open_listener("udp://127.0.0.1:0", SOCKETS, &l);
    assert_int_equal(listener_spread_payload(&l), 0);
    assert_int_equal(listener_spread_payload(&l), 0);
    send_names(&l, "app.route", ":1|c|#env:production", counts);
    for (unsigned s = 0; s < SOCKETS; s++)
        assert_true(counts[s] > SENT / SOCKETS / 4);
    listener_close(&l);
}

/* ---- one name, one socket ---- */

static uint32_t next_random(uint32_t *state)
{
    return *state = *state * 1664525 + 1013904223;
}

/* The one socket that what was sent is in. */
static unsigned where(const struct listener *l)
{
    unsigned at = SOCKETS;
    for (unsigned i = 0; i < l->n; i++)
        if (drain(l->fds[i]) > 0)
            at = i;
    assert_in_range(at, 0, SOCKETS - 1);
    return at;
}

static void a_name_of_any_length_and_bytes_has_one_socket_whatever_follows_it(void **unused)
{
    (void)unused;
    static const char *const after[] = {
        ":",
        ":0|g",
        ":-5|g",
        ":1|c|#a:b,c:d",
        ":320|ms|@0.1",
        ":1:2:3|d\nother.name:1|c\nthird:2|c\n",
        ":\xff\xff\xff\xff|s",
        "::::::::::::",
    };
    struct listener l;
    uint32_t random = 1;
    open_listener("udp://127.0.0.1:0?spread=payload", SOCKETS, &l);
    int s = sender_to(&l);
    for (size_t len = 0; len <= 80; len++) {
        for (unsigned bytes = 0; bytes < 4; bytes++) { /* printable, with UTF-8, anything */
            char line[256];
            for (size_t i = 0; i < len; i++) {
                uint32_t b = next_random(&random) >> 16;
                bool letter = bytes < 2 || (bytes == 2 && b % 4 > 0);
                line[i] = (char)(letter ? 'a' + b % 26 : b % 256);
                line[i] = line[i] == ':' ? ';' : line[i];
            }
            unsigned first = SOCKETS;
            for (size_t k = 0; k < ARRAY_LEN(after); k++) {
                memcpy(line + len, after[k], strlen(after[k]));
                size_t n = len + strlen(after[k]);
                assert_int_equal(send(s, line, n, 0), n);
                unsigned at = where(&l);
                first = k == 0 ? at : first;
                if (at != first)
                    fail_msg("%.*s is at socket %u, with '%s' after it at %u", (int)len, line,
                             first, after[k], at);
            }
        }
    }
    close(s);
    listener_close(&l);
}

/* Names that differ in one byte, wherever it stands, in a word of four or behind the last one. */
static void every_byte_of_a_name_counts(void **unused)
{
    (void)unused;
    struct listener l;
    open_listener("udp://127.0.0.1:0?spread=payload", 2, &l);
    int s = sender_to(&l);
    for (size_t len = 1; len <= 64; len++) {
        for (size_t at = 0; at < len; at++) {
            unsigned seen = 0;
            for (char c = 'a'; c <= 'z' && seen != 3; c++) {
                char line[70];
                memset(line, 'x', len);
                line[at] = c;
                line[len] = ':';
                assert_int_equal(send(s, line, len + 1, 0), len + 1);
                seen |= 1u << where(&l);
            }
            if (seen != 3)
                fail_msg("byte %zu of %zu decides nothing", at, len);
        }
    }
    close(s);
    listener_close(&l);
}

/* Within four standard deviations of even, for names as applications make them. */
static void names_as_applications_make_them_are_spread_evenly(void **unused)
{
    (void)unused;
    enum { NAMES = 1000 };
    static const char *const shapes[] = {
        "app.route%u",
        "%u",
        "service.endpoint.%04u.requests",
        "gunicorn.request.status.%u",
        "prod.web-%02u.checkout.http.latency",
        "envoy.cluster.backend_%u.upstream_rq_time",
        "kafka.consumer.group.topic.partition.%u.lag",
        "statsd.timers.api.v1.users.%u.get.duration_ms",
    };
    for (unsigned workers = 2; workers <= 8; workers++) {
        for (size_t shape = 0; shape < ARRAY_LEN(shapes); shape++) {
            struct listener l;
            unsigned counts[8] = { 0 };
            open_listener("udp://127.0.0.1:0?spread=payload", workers, &l);
            int s = sender_to(&l);
            for (unsigned i = 0; i < NAMES; i++) {
                char line[128];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                int n = snprintf(line, sizeof line, shapes[shape], i);
#pragma GCC diagnostic pop
                n += snprintf(line + n, sizeof line - (size_t)n, ":%u|c", i);
                assert_int_equal(send(s, line, (size_t)n, 0), n);
                if (i % 50 == 49)
                    for (unsigned w = 0; w < workers; w++)
                        counts[w] += drain(l.fds[w]);
            }
            for (unsigned w = 0; w < workers; w++) {
                double even = (double)NAMES / workers, off = counts[w] - even;
                if (off * off > 16 * even)
                    fail_msg("%s over %u workers: one has %u of %u", shapes[shape], workers,
                             counts[w], NAMES);
            }
            close(s);
            listener_close(&l);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sender_goes_to_one_socket_unless_spread_by_payload),
        cmocka_unit_test(short_payloads_of_any_length_arrive_when_spread),
        cmocka_unit_test(spreading_may_begin_later_and_once_is_enough),
        cmocka_unit_test(a_name_of_any_length_and_bytes_has_one_socket_whatever_follows_it),
        cmocka_unit_test(every_byte_of_a_name_counts),
        cmocka_unit_test(names_as_applications_make_them_are_spread_evenly),
    };
    return cmocka_run_group_tests_name("spread", tests, NULL, NULL);
}
