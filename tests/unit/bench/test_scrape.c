#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "send/procfs.h"
#include "scraper.h"

static const char exposition[] =
    "# HELP statsd_datagrams_received_total Datagrams\n"
    "# TYPE statsd_datagrams_received_total counter\n"
    "statsd_datagrams_received_total 120\n"
    "statsd_datagrams_received_total_created 5\n"
    "statsd_udp_kernel_drops_total{socket=\"udp://127.0.0.1:8125\"} 3\n"
    "statsd_udp_kernel_drops_total{socket=\"udp://[::1]:8125\"} 4\n"
    "statsd_samples_rejected_total{reason=\"bad_value\"} 7\n"
    "statsd_samples_rejected_total{reason=\"no_name\"} 0\n"
    "statsd_last_flush_duration_seconds 1.25e-3\n"
    "statsd_series{kind=\"a} b\"} 2 1700000000000\n"
    "users_metric{statsd_series=\"9\"} 9\n"
    "process_resident_memory_bytes NaN\n"
    "process_cpu_seconds_total 0.5";

static void counters_are_summed_over_their_labels(void **state)
{
    (void)state;
    char *exact = mem_alloc(sizeof exposition - 1);
    memcpy(exact, exposition, sizeof exposition - 1);
    struct scrape_counters c;
    scrape_read(slice_of(exact, sizeof exposition - 1), "", &c);
    free(exact);
    assert_true(c.v[SCRAPE_DATAGRAMS] == 120);
    assert_true(c.v[SCRAPE_KERNEL_DROPS] == 7);
    assert_true(c.v[SCRAPE_FLUSH_SECONDS] == 0.00125);
    assert_true(c.v[SCRAPE_SERIES] == 2);
    assert_true(c.v[SCRAPE_CPU_SECONDS] == 0.5);
    assert_true(c.has[SCRAPE_SAMPLES_REJECTED]);
    assert_false(c.has[SCRAPE_SAMPLES_READ]);
    assert_false(c.has[SCRAPE_RESIDENT_BYTES]);
    assert_int_equal(c.n_rejected, 1);
    assert_string_equal(c.rejected[0].name, "bad_value");
    assert_true(c.rejected[0].count == 7);
}

static void another_server_names_its_own_counter_of_lines(void **state)
{
    (void)state;
    struct scrape_counters c;
    struct slice text = SLICE_LIT(
        "statsd_samples_aggregated_total 5\nother_lines_total{a=\"b\"} 7\nother_lines_total 1\n");
    scrape_read(text, "other_lines_total", &c);
    assert_true(c.v[SCRAPE_SAMPLES_AGGREGATED] == 8);
    scrape_read(text, "", &c);
    assert_true(c.v[SCRAPE_SAMPLES_AGGREGATED] == 5);
}

static void any_cut_of_an_exposition_can_be_read(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof exposition - 1; n++) {
        char *exact = mem_alloc(n);
        memcpy(exact, exposition, n);
        struct scrape_counters c;
        scrape_read(slice_of(exact, n), "", &c);
        free(exact);
    }
}

/* clang-format off */
static const struct {
    const char *text, *host, *port, *path;
} urls[] = {
    {"http://127.0.0.1:9102/metrics", "127.0.0.1", "9102", "/metrics"},
    {"http://127.0.0.1:9102",         "127.0.0.1", "9102", "/metrics"},
    {"http://127.0.0.1:9102/",        "127.0.0.1", "9102", "/metrics"},
    {"http://host/x?y=1",             "host",      "80",   "/x?y=1"  },
    {"http://[::1]:99/m",             "::1",       "99",   "/m"      },
    {"https://host/",                 NULL,        NULL,   NULL      },
    {"http://:80/",                   NULL,        NULL,   NULL      },
    {"http://host:0/",                NULL,        NULL,   NULL      },
    {"http://host:x/",                NULL,        NULL,   NULL      },
};
/* clang-format on */

static void an_address_has_host_port_and_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct scrape_url u;
        int rc = scrape_url_parse(urls[i].text, &u);
        assert_int_equal(rc, urls[i].host ? 0 : -EINVAL);
        if (rc < 0)
            continue;
        assert_string_equal(u.host, urls[i].host);
        assert_string_equal(u.port, urls[i].port);
        assert_string_equal(u.path, urls[i].path);
    }
}

/* Answers one connection with fixed bytes, `piece` of them a send. */
struct server {
    int fd;
    const char *answer;
    size_t n, piece;
    char request[1024];
    pthread_t thread;
};

static void *serve(void *cookie)
{
    struct server *s = cookie;
    int c = accept(s->fd, NULL, NULL), yes = 1;
    assert_true(c >= 0 && recv(c, s->request, sizeof s->request - 1, 0) > 0);
    assert_int_equal(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), 0);
    for (size_t at = 0; at < s->n;) {
        ssize_t n =
            send(c, s->answer + at, s->piece < s->n - at ? s->piece : s->n - at, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += (size_t)n;
    }
    close(c);
    return NULL;
}

static int get_pieces(const char *answer, size_t n, size_t piece, struct buf *body,
                      char request[1024])
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    struct server s = {
        .fd = socket(AF_INET, SOCK_STREAM, 0), .answer = answer, .n = n, .piece = piece
    };
    assert_int_equal(bind(s.fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s.fd, 1), 0);
    assert_int_equal(getsockname(s.fd, (struct sockaddr *)&a, &len), 0);
    struct scrape_url url = { .host = "127.0.0.1", .path = "/metrics" };
    snprintf(url.port, sizeof url.port, "%d", ntohs(a.sin_port));
    assert_int_equal(pthread_create(&s.thread, NULL, serve, &s), 0);
    int rc = scrape_get(&url, 5000, body);
    pthread_join(s.thread, NULL);
    close(s.fd);
    if (request != NULL)
        memcpy(request, s.request, sizeof s.request);
    return rc;
}

static int get(const char *answer, size_t n, struct buf *body)
{
    return get_pieces(answer, n, n, body, NULL);
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* clang-format off */
static const struct {
    const char *answer;
    int rc;
    const char *body;
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n", 0,       "a 1\n"},
    {"HTTP/1.0 200 OK\r\n\r\na 1\nb 2\n",                 0,       "a 1\nb 2\n"},
    {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",    -EPROTO, NULL},
    {"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", -EPROTO, NULL},
    {"HTTP/1.1 200 OK\r\n",                               -EPROTO, NULL},
    {"nonsense",                                          -EPROTO, NULL},
    {CHUNKED "4\r\na 1\n\r\n0\r\n\r\n",                    0,       "a 1\n"},
    {CHUNKED "2\r\na \r\n002\r\n1\n\r\n0\r\n\r\n",         0,       "a 1\n"},
    {CHUNKED "A;name=\"v\"\r\n0123\r\n678\n\r\n000\r\n\r\n", 0,       "0123\r\n678\n"},
    {CHUNKED "4 ; x\r\na 1\n\r\n0\r\nTrailer: x\r\n\r\n", 0,       "a 1\n"},
    {CHUNKED "0\r\n\r\n",                                 0,       ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\ntransfer-encoding:Chunked\r\n\r\n"
     "1\r\nx\r\n0\r\n\r\n", 0, "x"},
    {CHUNKED "",                                          -EPROTO, NULL},
    {CHUNKED "4\r\na 1\n\r\n",                           -EPROTO, NULL},
    {CHUNKED "5\r\na 1\n\r\n0\r\n\r\n",                  -EPROTO, NULL},
    {CHUNKED "3\r\na 1\n\r\n0\r\n\r\n",                  -EPROTO, NULL},
    {CHUNKED "x\r\na 1\n\r\n0\r\n\r\n",                  -EPROTO, NULL},
    {CHUNKED "\r\na 1\n\r\n0\r\n\r\n",                   -EPROTO, NULL},
    {CHUNKED "4x\r\na 1\n\r\n0\r\n\r\n",                 -EPROTO, NULL},
    {CHUNKED "-4\r\na 1\n\r\n0\r\n\r\n",                 -EPROTO, NULL},
    {CHUNKED "10000000000000004\r\na 1\n\r\n0\r\n\r\n",  -EPROTO, NULL},
    {CHUNKED "ffffffffffffffff\r\na 1\n\r\n0\r\n\r\n",   -EPROTO, NULL},
};
/* clang-format on */

static void an_answer_is_a_body_or_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct buf body = { 0 };
        assert_int_equal(get(answers[i].answer, strlen(answers[i].answer), &body), answers[i].rc);
        if (answers[i].body != NULL)
            assert_true(slice_eq(buf_slice(&body), slice_str(answers[i].body)));
        buf_release(&body);
    }
}

static const char chunked[] = CHUNKED "8;e=1\r\nstatsd_s\r\n6\r\neries \r\n2\r\n7\n\r\n0\r\n\r\n";

static void chunks_may_be_split_anywhere(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < sizeof chunked; piece++) {
        struct buf body = { 0 };
        assert_int_equal(get_pieces(chunked, sizeof chunked - 1, piece, &body, NULL), 0);
        assert_true(slice_eq(buf_slice(&body), SLICE_LIT("statsd_series 7\n")));
        buf_release(&body);
    }
}

static void a_chunked_body_that_breaks_off_is_an_error(void **state)
{
    (void)state;
    /* The last chunk has been seen: the empty line behind it adds nothing */
    size_t whole = sizeof chunked - 1 - 2;
    for (size_t n = 1; n < sizeof chunked; n++) {
        struct buf body = { 0 };
        assert_int_equal(get(chunked, n, &body), n < whole ? -EPROTO : 0);
        buf_release(&body);
    }
}

static void the_request_asks_for_one_plain_answer(void **state)
{
    (void)state;
    struct buf body = { 0 };
    char request[1024];
    assert_int_equal(get_pieces(chunked, sizeof chunked - 1, 9, &body, request), 0);
    /* Of 1.0 no server sends chunks, so none would tell a cut */
    assert_non_null(strstr(request, "GET /metrics HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(request, "\r\nAccept-Encoding: identity\r\n"));
    buf_release(&body);
}

static void a_large_body_arrives_whole(void **state)
{
    (void)state;
    struct buf answer = { 0 }, body = { 0 };
    enum { LINES = 200000 };
    buf_append_str(&answer, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < LINES; i++)
        buf_append_str(&answer, "statsd_series{kind=\"x\"} 1\n");
    assert_int_equal(get(answer.ptr, answer.len, &body), 0);
    struct scrape_counters c;
    scrape_read(buf_slice(&body), "", &c);
    assert_true(c.v[SCRAPE_SERIES] == LINES);
    buf_release(&answer);
    buf_release(&body);
}

static void percentiles_are_of_the_nearest_rank(void **state)
{
    (void)state;
    double x[] = { 5, 1, 4, 2, 3 };
    assert_true(scraper_percentile(x, 5, 0.5) == 3);
    assert_true(scraper_percentile(x, 5, 0.99) == 5);
    assert_true(scraper_percentile(x, 5, 0) == 1);
    assert_true(scraper_percentile(x, 1, 0.5) == 1);
    assert_true(scraper_percentile(x, 0, 0.5) == 0);
}

static const char proc_net_udp[] =
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode ref pointer drops            \n"
    " 1234: 0100007F:1FBD 00000000:0000 07 00000000:00000900 00:00000000 00000000     0        0 "
    "12345 2 0000000000000000 17        \n"
    " 1235: 0100007F:1FBD 00000000:0000 07 00000000:00000100 00:00000000 00000000     0        0 "
    "12346 2 0000000000000000 5         \n"
    " 1236: 0100007F:1FBE 00000000:0000 07 00000000:00000001 00:00000000 00000000     0        0 "
    "12347 2 0000000000000000 99        \n"
    "  900: 00000000000000000000000001000000:1FBD 00000000000000000000000000000000:0000 07 "
    "00000000:00000010 00:00000000 00000000     0        0 "
    "20000 2 0000000000000000 2\n";

static void sockets_of_a_port_are_summed(void **state)
{
    (void)state;
    struct procfs_udp sum = { 0 };
    procfs_udp_read(slice_str(proc_net_udp), 8125, &sum);
    assert_int_equal(sum.sockets, 3);
    assert_int_equal(sum.drops, 24);
    assert_int_equal(sum.queue_bytes, 0xa10);
}

/* Of whichever socket the kernel chooses for a sender, the datagram is the only one. */
static void queues_of_a_port_are_told_socket_by_socket_in_the_order_of_their_making(void **state)
{
    enum { SOCKETS = 3, SENDERS = 40 };
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof a;
    int fds[SOCKETS], yes = 1, met = 0;
    uint64_t queues[SOCKETS + 1];
    char byte;
    (void)state;
    for (int i = 0; i < SOCKETS; i++) {
        fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        assert_int_equal(setsockopt(fds[i], SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes), 0);
        assert_int_equal(bind(fds[i], (struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(getsockname(fds[i], (struct sockaddr *)&a, &len), 0);
    }
    for (int i = 0; i < SENDERS; i++) {
        int sender = socket(AF_INET, SOCK_DGRAM, 0);
        assert_int_equal(sendto(sender, "x", 1, 0, (struct sockaddr *)&a, sizeof a), 1);
        assert_int_equal(procfs_udp_queues(ntohs(a.sin_port), queues, SOCKETS + 1), SOCKETS);
        for (int k = 0; k < SOCKETS; k++) {
            bool has = recv(fds[k], &byte, 1, 0) == 1;
            assert_int_equal(queues[k] > 0, has);
            met |= has << k;
        }
        close(sender);
    }
    assert_int_equal(met, (1 << SOCKETS) - 1);
    assert_int_equal(procfs_udp_queues(ntohs(a.sin_port), queues, 1), 1);
    for (int i = 0; i < SOCKETS; i++)
        close(fds[i]);
    assert_int_equal(procfs_udp_queues(ntohs(a.sin_port), queues, SOCKETS), 0);
}

static void our_own_process_has_cpu_time_and_memory(void **state)
{
    (void)state;
    double cpu_s = procfs_cpu_s(getpid());
    assert_true(cpu_s > 0 && cpu_s < 60);
    for (volatile int i = 0; i < 1000000; i++) {}
    assert_true(procfs_cpu_s(getpid()) > cpu_s);
    assert_true(procfs_rss_bytes(getpid()) > 100000);
    assert_true(procfs_cpu_s(4194304) < 0);
    assert_int_equal(procfs_rss_bytes(4194304), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_summed_over_their_labels),
        cmocka_unit_test(another_server_names_its_own_counter_of_lines),
        cmocka_unit_test(any_cut_of_an_exposition_can_be_read),
        cmocka_unit_test(an_address_has_host_port_and_path),
        cmocka_unit_test(an_answer_is_a_body_or_an_error),
        cmocka_unit_test(chunks_may_be_split_anywhere),
        cmocka_unit_test(a_chunked_body_that_breaks_off_is_an_error),
        cmocka_unit_test(the_request_asks_for_one_plain_answer),
        cmocka_unit_test(a_large_body_arrives_whole),
        cmocka_unit_test(percentiles_are_of_the_nearest_rank),
        cmocka_unit_test(sockets_of_a_port_are_summed),
        cmocka_unit_test(queues_of_a_port_are_told_socket_by_socket_in_the_order_of_their_making),
        cmocka_unit_test(our_own_process_has_cpu_time_and_memory),
    };
    return cmocka_run_group_tests_name("scrape", tests, NULL, NULL);
}
