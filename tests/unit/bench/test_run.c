/* run: a load from the first datagram to the sums, against receivers that the test made. */
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
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "run.h"

/* A receiver that counts, on a free port of the loopback or on a socket in a directory of its own.
 * */
struct receiver {
    int fd;
    char address[160];
    char path[108];
    _Atomic uint64_t datagrams, lines, bytes;
    pthread_t thread;
};

static void *receive(void *cookie)
{
    struct receiver *r = cookie;
    static char text[65536];
    for (;;) {
        ssize_t n = recv(r->fd, text, sizeof text, 0);
        if (n <= 0 || text[0] == 'Q')
            return NULL;
        uint64_t lines = 0;
        for (ssize_t i = 0, from = 0; i <= n; i++) {
            if (i < n && text[i] != '\n')
                continue;
            lines += i > from; /* an empty line is padding */
            from = i + 1;
        }
        r->datagrams++;
        r->lines += lines;
        r->bytes += (uint64_t)n;
    }
}

static void receiver_start(struct receiver *r, bool udp)
{
    int bytes = 32 << 20;
    memset(r, 0, sizeof *r);
    if (udp) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof a;
        r->fd = socket(AF_INET, SOCK_DGRAM, 0);
        if (setsockopt(r->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
            setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
        assert_int_equal(bind(r->fd, (struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(getsockname(r->fd, (struct sockaddr *)&a, &len), 0);
        snprintf(r->address, sizeof r->address, "udp://127.0.0.1:%d", ntohs(a.sin_port));
    } else {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        char directory[] = "/tmp/statsd-bench-test-XXXXXX";
        assert_non_null(mkdtemp(directory));
        snprintf(r->path, sizeof r->path, "%s/s", directory);
        strcpy(a.sun_path, r->path);
        r->fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        assert_int_equal(bind(r->fd, (struct sockaddr *)&a, sizeof a), 0);
        snprintf(r->address, sizeof r->address, "unixgram://%s", r->path);
    }
    assert_int_equal(pthread_create(&r->thread, NULL, receive, r), 0);
}

static void receiver_stop(struct receiver *r, const struct target *t)
{
    struct target_socket s;
    assert_int_equal(t->kind->open(t, 0, &s), 0);
    assert_int_equal(send(s.fd, "Q", 1, 0), 1);
    pthread_join(r->thread, NULL);
    close(s.fd);
    close(r->fd);
    if (r->path[0] != '\0') {
        unlink(r->path);
        *strrchr(r->path, '/') = '\0';
        rmdir(r->path);
    }
}

static int rows_until_stop;

static bool wait_a_little(void *cookie, double seconds)
{
    struct timespec t = { .tv_nsec = (long)(seconds * 1e9) };
    (void)cookie;
    nanosleep(&t, NULL);
    return rows_until_stop > 0 && --rows_until_stop == 0;
}

/* All that a run needs, and what came of it. */
struct bed {
    struct target target;
    struct payload payload;
    struct shape shape;
    struct run_opts o;
    struct run_result result;
};

static void payload_of(struct payload *p, uint32_t bytes, bool pad)
{
    struct payload_spec s = { .seed = 1,
                              .series = 100,
                              .tags = 2,
                              .tag_values = 7,
                              .bytes = bytes,
                              .packed = 1,
                              .rate = 1,
                              .set_members = 10,
                              .lines = 2000,
                              .prefix = "t.",
                              .suffix = "",
                              .pad = pad };
    s.values = (struct values){ .kind = VALUES_CONSTANT, .a = 12.5 };
    assert_int_equal(mix_parse(SLICE_LIT("c=6,ms=3,g"), &s.mix), 0);
    assert_int_equal(payload_init(p, &s), 0);
}

/* One thread with one socket, datagrams of up to `bytes` (0: of one line), a shape by its name. */
static void bed_init(struct bed *b, const char *address, uint32_t bytes, const char *shape,
                     struct shape_spec spec)
{
    memset(b, 0, sizeof *b);
    assert_int_equal(target_parse(address, &b->target), 0);
    payload_of(&b->payload, bytes, false);
    assert_int_equal(shape_init(&b->shape, shape, &spec), 0);
    b->o = (struct run_opts){ .payload = &b->payload,
                              .sender = { .target = &b->target,
                                          .shape = &b->shape,
                                          .duration_s = spec.duration_s,
                                          .threads = 1,
                                          .sockets = 1,
                                          .batch = 64,
                                          .segments = 1 },
                              .probe = { .port = b->target.port },
                              .wait = wait_a_little };
}

static void bed_run(struct bed *b)
{
    assert_int_equal(run_load(&b->o, &b->result), 0);
}

static void bed_release(struct bed *b)
{
    run_release(&b->result);
    shape_release(&b->shape);
    payload_release(&b->payload);
}

/* How the sender works in a case. */
struct how {
    uint32_t bytes;
    unsigned threads, sockets, segments;
    double rate;
};

static void bed_init_how(struct bed *b, const char *address, const struct how *how,
                         double duration_s)
{
    bed_init(b, address, how->bytes, "constant",
             (struct shape_spec){ .rate = how->rate, .duration_s = duration_s });
    b->o.sender.threads = how->threads;
    b->o.sender.sockets = how->sockets;
    b->o.sender.segments = how->segments;
    if (how->segments > 1) { /* datagrams of one size */
        payload_release(&b->payload);
        payload_of(&b->payload, how->bytes, true);
    }
}

/* clang-format off */
static const struct {
    bool udp;
    struct how how;
} cases[] = {
    {true,  {1432, 1, 1, 1,  20000}},
    {true,  {0,    2, 3, 1,  3000 }},
    {true,  {1000, 1, 1, 16, 50000}},
    {false, {1432, 2, 1, 1,  20000}},
};
/* clang-format on */

static void what_was_sent_arrives_at_the_rate_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct receiver r;
        struct bed b;
        receiver_start(&r, cases[i].udp);
        bed_init_how(&b, r.address, &cases[i].how, 0.6);
        b.o.probe.pid = getpid();
        bed_run(&b);
        receiver_stop(&r, &b.target);
        const struct run_result *result = &b.result;
        assert_int_equal(result->sent.failed_datagrams, 0);
        assert_int_equal(r.datagrams, result->sent.datagrams);
        assert_int_equal(r.lines, result->sent.lines);
        assert_int_equal(r.bytes, result->sent.bytes);
        /* Late wake-ups of a busy machine are forgiven and counted: sent and forgiven together are
         * what was asked for. */
        double all = (double)result->sent.lines + result->sent.forgiven;
        assert_true(fabs(all - result->wished) <=
                    fmax(0.01 * result->wished, 40.0 * cases[i].how.threads));
        assert_true(result->n >= 1);
        if (cases[i].udp) {
            assert_true(run_loss(result) == 0);
            assert_true(run_received_datagrams(result) == (double)result->sent.datagrams);
            assert_true(run_cpu_us_per_1000(result) > 0);
        }
        bed_release(&b);
    }
}

/* clang-format off */
static const struct {
    bool v6;
    struct how how;
} closed_ports[] = {
    {false, {0,    1, 1, 1,  2000  }},
    {false, {1432, 2, 3, 1,  200000}},   /* whole batches in one call */
    {false, {1000, 1, 1, 16, 50000 }},   /* one answer for all that the kernel cuts up */
    {true,  {1432, 1, 1, 1,  50000 }},
};
/* clang-format on */

/* A port of this machine that was free a moment ago. */
static void closed_port(bool v6, char out[64])
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    snprintf(out, 64, "udp://%s:%d", v6 ? "[::1]" : "127.0.0.1", ntohs(a.sin_port));
}

static bool has_v6_loopback(void)
{
    struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

static struct opts options_of(char *argument)
{
    struct opts o;
    char name[] = "b";
    char *argv[] = { name, argument, NULL };
    struct buf error = { 0 };
    assert_int_equal(opts_parse(argument ? 2 : 1, argv, &o, &error), 0);
    return o;
}

/* returns  the report of a run as text, which it judged to have failed; to be released */
static struct buf failed_report(const struct run_result *result, struct report_loss *ret_loss)
{
    struct opts options = options_of(NULL);
    struct report report = { .opts = &options, .run = result };
    struct buf text = { 0 };
    assert_false(report_judge(&report));
    report_text(&report, &text);
    buf_append_char(&text, '\0');
    *ret_loss = report.loss;
    return text;
}

static void where_nobody_listens_all_is_lost(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(closed_ports); i++) {
        char address[64];
        struct bed b;
        struct report_loss loss;
        if (closed_ports[i].v6 && !has_v6_loopback())
            continue;
        closed_port(closed_ports[i].v6, address);
        bed_init_how(&b, address, &closed_ports[i].how, 0.3);
        bed_run(&b);
        const struct tally_totals *sent = &b.result.sent;
        assert_true(sent->datagrams > 0 && sent->failed_datagrams == 0);
        assert_int_equal(sent->unreachable_datagrams, sent->datagrams);
        assert_int_equal(sent->unreachable_error, ECONNREFUSED);
        assert_true(run_loss(&b.result) == 1 && !run_loss_is_at_least(&b.result) && sent->nobody);
        /* An answer does not cost a send */
        assert_true(fabs(run_rate_error(&b.result, false)) < 0.2);
        struct buf text = failed_report(&b.result, &loss);
        /* As --to names it */
        assert_non_null(strstr(text.ptr, "nobody listens at udp://127.0.0.1:8125\n"));
        assert_non_null(strstr(text.ptr, "loss          100.0000 %"));
        buf_release(&text);
        bed_release(&b);
    }
}

static int closes_after, closes_fd;

static bool close_after_a_while(void *cookie, double seconds)
{
    if (closes_after > 0 && --closes_after == 0)
        close(closes_fd);
    return wait_a_little(cookie, seconds);
}

/* A bound socket that nobody reads.   returns  its descriptor */
static int bound_socket(bool udp, const char *directory, struct sockaddr_un *un, char address[160])
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof in;
    int fd = socket(udp ? AF_INET : AF_UNIX, SOCK_DGRAM, 0);
    *un = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(un->sun_path, sizeof un->sun_path, "%s/s", directory);
    snprintf(address, 160, "unixgram://%s", un->sun_path);
    if (!udp) {
        assert_int_equal(bind(fd, (struct sockaddr *)un, sizeof *un), 0);
        return fd;
    }
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    snprintf(address, 160, "udp://127.0.0.1:%d", ntohs(in.sin_port));
    return fd;
}

/* A receiver that goes in the middle, and does not read before: what it holds counts as arrived. */
static void who_listens_no_more_at_the_end_is_told(void **state)
{
    (void)state;
    for (int udp = 0; udp < 2; udp++) {
        char address[160], directory[] = "/tmp/statsd-bench-test-XXXXXX";
        struct sockaddr_un un;
        struct bed b;
        struct report_loss loss;
        assert_non_null(mkdtemp(directory));
        closes_fd = bound_socket(udp, directory, &un, address);
        bed_init(&b, address, 0, "constant", (struct shape_spec){ .rate = 500, .duration_s = 0.6 });
        b.o.probe.port = 0;
        b.o.wait = close_after_a_while;
        closes_after = 4; /* of about 12 waits of 50 ms */
        bed_run(&b);
        struct buf text = failed_report(&b.result, &loss);
        const struct tally_totals *sent = &b.result.sent;
        assert_non_null(strstr(text.ptr, " at the end\n"));
        assert_true(loss.at_least && loss.part > 0 && loss.part < 1);
        assert_true((udp ? sent->unreachable_datagrams : sent->failed_datagrams) > 0);
        buf_release(&text);
        bed_release(&b);
        unlink(un.sun_path);
        rmdir(directory);
    }
}

static void a_socket_that_is_not_there_is_no_run(void **state)
{
    (void)state;
    struct bed b;
    bed_init(&b, "unixgram:///nonexistent/statsd.sock", 0, "constant",
             (struct shape_spec){ .rate = 10, .duration_s = 0.3 });
    b.o.sender.shape = NULL;
    assert_int_equal(run_load(&b.o, &b.result), -ENOENT);
    bed_release(&b);
}

/* A ramp asks for more at the end of a second than on average during it, and the average is what
 * can be sent. */
static void what_is_asked_for_is_the_mean_since_the_row_before(void **state)
{
    (void)state;
    struct receiver r;
    struct bed b;
    receiver_start(&r, true);
    bed_init(&b, r.address, 0, "ramp", (struct shape_spec){ .rate_to = 8000, .duration_s = 2 });
    bed_run(&b);
    receiver_stop(&r, &b.target);
    double from_s = 0, before = 0;
    for (size_t i = 0; i + 1 < b.result.n; i++) { /* the last one holds the sums */
        const struct run_row *row = &b.result.rows[i];
        double mean = (shape_total(&b.shape, fmin(row->at_s, 2)) - before) / (row->at_s - from_s);
        assert_true(fabs(row->rate - mean) < 1e-6);
        from_s = row->at_s;
        before = row->wished;
    }
    assert_true(b.result.n >= 2);
    bed_release(&b);
}

static void an_interrupted_run_is_reported_so_far(void **state)
{
    (void)state;
    struct receiver r;
    struct bed b;
    receiver_start(&r, true);
    bed_init(&b, r.address, 1432, "constant",
             (struct shape_spec){ .rate = 5000, .duration_s = 60 });
    rows_until_stop = 5;
    bed_run(&b);
    receiver_stop(&r, &b.target);
    assert_true(b.result.interrupted && b.result.elapsed_s < 10);
    assert_int_equal(r.lines, b.result.sent.lines);
    bed_release(&b);
}

/* Each send to it waits its 100 ms in vain, and a tenth of a second's worth of them is due at the
 * end. */
static void a_socket_that_nobody_reads_does_not_hold_the_run_up(void **state)
{
    (void)state;
    char directory[] = "/tmp/statsd-bench-test-XXXXXX", address[160];
    struct sockaddr_un a;
    struct bed b;
    assert_non_null(mkdtemp(directory));
    int fd = bound_socket(false, directory, &a, address);
    bed_init(&b, address, 0, "constant", (struct shape_spec){ .rate = 20000, .duration_s = 0.3 });
    b.o.sender.send_buffer_bytes = 4096;
    bed_run(&b);
    const struct run_result *result = &b.result;
    assert_true(result->elapsed_s < 5);
    assert_true(result->sent.failed_datagrams > 0 && result->sent.error == EAGAIN);
    double all = (double)(result->sent.lines + result->sent.failed_lines) + result->sent.forgiven;
    assert_true(fabs(all - result->wished) <= 1);
    bed_release(&b);
    close(fd);
    unlink(a.sun_path);
    rmdir(directory);
}

/* A server whose /metrics answers a few times and then is gone. */
struct metrics {
    int fd, answers;
    uint16_t port;
    pthread_t thread;
};

static void *answer(void *cookie)
{
    struct metrics *m = cookie;
    static const char text[] = "HTTP/1.1 200 OK\r\n\r\nstatsd_datagrams_received_total "
                               "10\nstatsd_samples_aggregated_total 100\n";
    for (; m->answers > 0; m->answers--) {
        char request[1024];
        int c = accept(m->fd, NULL, NULL);
        assert_true(c >= 0 && recv(c, request, sizeof request, 0) > 0);
        assert_int_equal(send(c, text, sizeof text - 1, MSG_NOSIGNAL), sizeof text - 1);
        close(c);
    }
    close(m->fd);
    return NULL;
}

static void metrics_start(struct metrics *m, int answers, struct scrape_url *url)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    *m = (struct metrics){ .fd = socket(AF_INET, SOCK_STREAM, 0), .answers = answers };
    assert_int_equal(bind(m->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(m->fd, 4), 0);
    assert_int_equal(getsockname(m->fd, (struct sockaddr *)&a, &len), 0);
    *url = (struct scrape_url){ .host = "127.0.0.1", .path = "/metrics" };
    snprintf(url->port, sizeof url->port, "%d", ntohs(a.sin_port));
    assert_int_equal(pthread_create(&m->thread, NULL, answer, m), 0);
}

static void a_server_that_dies_leaves_a_report(void **state)
{
    (void)state;
    struct receiver r;
    struct metrics m;
    struct bed b;
    receiver_start(&r, true);
    bed_init(&b, r.address, 1432, "constant",
             (struct shape_spec){ .rate = 2000, .duration_s = 0.3 });
    b.o.probe = (struct probe){ .has_metrics = true };
    b.o.scrape_interval_s = 60;
    metrics_start(&m, 1, &b.o.probe.metrics);
    bed_run(&b);
    pthread_join(m.thread, NULL);
    receiver_stop(&r, &b.target);
    assert_int_equal(b.result.scrape_error, -ECONNREFUSED);
    assert_int_equal(r.lines, b.result.sent.lines);
    assert_true(isnan(b.result.server.v[PROBE_AGGREGATED]) && isnan(run_loss(&b.result)));
    bed_release(&b);
}

static void the_last_row_holds_the_sums(void **state)
{
    (void)state;
    struct receiver r;
    struct bed b;
    receiver_start(&r, true);
    bed_init(&b, r.address, 0, "constant", (struct shape_spec){ .rate = 5000, .duration_s = 1 });
    bed_run(&b);
    receiver_stop(&r, &b.target);
    const struct run_result *result = &b.result;
    const struct run_row *last = &result->rows[result->n - 1];
    assert_memory_equal(&last->sent, &result->sent, sizeof last->sent);
    assert_true(last->server.v[PROBE_DROPS] == result->server.v[PROBE_DROPS]);
    assert_true(isnan(last->rate)); /* nothing is asked for any more */
    assert_true(result->n == 1 || last->at_s > result->rows[result->n - 2].at_s);
    bed_release(&b);
}

static void a_server_that_starts_anew_is_not_counted(void **state)
{
    (void)state;
    struct probe_reading before = { .v = { [PROBE_DATAGRAMS] = 100, [PROBE_DROPS] = 5 } };
    struct probe_reading now = { .v = { [PROBE_DATAGRAMS] = 7, [PROBE_DROPS] = 5 } }, since;
    probe_since(&now, &before, &since);
    assert_true(isnan(since.v[PROBE_DATAGRAMS]));
    assert_true(since.v[PROBE_DROPS] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sent_arrives_at_the_rate_asked_for),
        cmocka_unit_test(where_nobody_listens_all_is_lost),
        cmocka_unit_test(who_listens_no_more_at_the_end_is_told),
        cmocka_unit_test(a_socket_that_is_not_there_is_no_run),
        cmocka_unit_test(what_is_asked_for_is_the_mean_since_the_row_before),
        cmocka_unit_test(an_interrupted_run_is_reported_so_far),
        cmocka_unit_test(a_socket_that_nobody_reads_does_not_hold_the_run_up),
        cmocka_unit_test(a_server_that_dies_leaves_a_report),
        cmocka_unit_test(the_last_row_holds_the_sums),
        cmocka_unit_test(a_server_that_starts_anew_is_not_counted),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
