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
#include <jansson.h>
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

/* A receiver that counts, on a free port of the loopback or on a socket in a directory of its own. */
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
            lines += i > from;   /* an empty line is padding */
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
    int fd = t->kind->open(t, 0);
    assert_true(fd >= 0 && send(fd, "Q", 1, 0) == 1);
    pthread_join(r->thread, NULL);
    close(fd);
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

static void payload_of(struct payload *p, uint32_t bytes, bool pad)
{
    struct payload_spec s = { .seed = 1, .series = 100, .tags = 2, .tag_values = 7, .bytes = bytes, .packed = 1, .rate = 1,
                              .set_members = 10, .lines = 2000, .prefix = "t.", .suffix = "", .pad = pad };
    s.values = (struct values){ .kind = VALUES_CONSTANT, .a = 12.5 };
    assert_int_equal(mix_parse(SLICE_LIT("c=6,ms=3,g"), &s.mix), 0);
    assert_int_equal(payload_init(p, &s), 0);
}

static const struct {
    bool udp;
    uint32_t bytes;
    unsigned threads, sockets, segments;
    double rate;
} cases[] = {
    {true,  1432, 1, 1, 1,  20000},
    {true,  0,    2, 3, 1,  3000 },
    {true,  1000, 1, 1, 16, 50000},
    {false, 1432, 2, 1, 1,  20000},
};

static void what_was_sent_arrives_at_the_rate_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct receiver r;
        struct target target;
        struct payload p;
        struct shape shape;
        struct run_result result;
        const struct shape_spec spec = { .rate = cases[i].rate, .duration_s = 0.6 };
        receiver_start(&r, cases[i].udp);
        assert_int_equal(target_parse(r.address, &target), 0);
        payload_of(&p, cases[i].bytes, cases[i].segments > 1);
        shape_init(&shape, "constant", &spec);
        const struct run_opts o = { .payload = &p, .sender = { .target = &target, .shape = &shape, .duration_s = 0.6,
                                                .threads = cases[i].threads, .sockets = cases[i].sockets, .batch = 64,
                                                .segments = cases[i].segments },
                                    .probe = { .port = target.port, .pid = getpid() }, .wait = wait_a_little };
        assert_int_equal(run_load(&o, &result), 0);
        receiver_stop(&r, &target);
        assert_int_equal(result.sent.failed_datagrams, 0);
        assert_int_equal(r.datagrams, result.sent.datagrams);
        assert_int_equal(r.lines, result.sent.lines);
        assert_int_equal(r.bytes, result.sent.bytes);
        /* Late wake-ups of a busy machine are forgiven and counted: sent and forgiven together are what was asked for. */
        double all = (double)result.sent.lines + result.sent.forgiven;
        assert_true(fabs(all - result.wished) <= fmax(0.01 * result.wished, 40.0 * cases[i].threads));
        assert_true(result.n >= 1);
        if (cases[i].udp) {
            assert_true(run_loss(&result) == 0);
            assert_true(run_received_datagrams(&result) == (double)result.sent.datagrams);
            assert_true(run_cpu_us_per_1000(&result) > 0);
        }
        run_release(&result);
        shape_release(&shape);
        payload_release(&p);
    }
}

static const struct {
    bool v6;
    uint32_t bytes;
    unsigned threads, sockets, segments;
    double rate;
} closed_ports[] = {
    {false, 0,    1, 1, 1,  2000  },
    {false, 1432, 2, 3, 1,  200000},   /* whole batches in one call */
    {false, 1000, 1, 1, 16, 50000 },   /* one answer for all that the kernel cuts up */
    {true,  1432, 1, 1, 1,  50000 },
};

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

static struct opts options_of(char *argument);

static void where_nobody_listens_all_is_lost(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(closed_ports); i++) {
        char address[64];
        struct target target;
        struct payload p;
        struct run_result result;
        struct shape shape;
        const struct shape_spec spec = { .rate = closed_ports[i].rate, .duration_s = 0.3 };
        if (closed_ports[i].v6 && !has_v6_loopback())
            continue;
        closed_port(closed_ports[i].v6, address);
        assert_int_equal(target_parse(address, &target), 0);
        payload_of(&p, closed_ports[i].bytes, closed_ports[i].segments > 1);
        shape_init(&shape, "constant", &spec);
        const struct run_opts o = { .payload = &p, .sender = { .target = &target, .shape = &shape, .duration_s = 0.3,
                                                .threads = closed_ports[i].threads, .sockets = closed_ports[i].sockets,
                                                .batch = 64, .segments = closed_ports[i].segments },
                                    .probe = { .port = target.port }, .wait = wait_a_little };
        assert_int_equal(run_load(&o, &result), 0);
        assert_true(result.sent.datagrams > 0 && result.sent.failed_datagrams == 0);
        assert_int_equal(result.sent.unreachable_datagrams, result.sent.datagrams);
        assert_int_equal(result.sent.unreachable_error, ECONNREFUSED);
        assert_true(run_loss(&result) == 1 && !run_loss_is_at_least(&result) && result.sent.nobody);
        assert_true(fabs(run_rate_error(&result, false)) < 0.2);   /* an answer does not cost a send */
        struct opts options = options_of(NULL);
        struct report report = { .opts = &options, .run = &result };
        struct buf text = { 0 };
        assert_false(report_judge(&report));
        report_text(&report, &text);
        buf_append_char(&text, '\0');
        assert_non_null(strstr(text.ptr, "nobody listens at udp://127.0.0.1:8125\n"));   /* as --to names it */
        assert_non_null(strstr(text.ptr, "loss          100.0000 %"));
        buf_release(&text);
        run_release(&result);
        shape_release(&shape);
        payload_release(&p);
    }
}

static int closes_after, closes_fd;

static bool close_after_a_while(void *cookie, double seconds)
{
    if (closes_after > 0 && --closes_after == 0)
        close(closes_fd);
    return wait_a_little(cookie, seconds);
}

/* A receiver that goes in the middle, and does not read before: what it holds counts as arrived. */
static void who_listens_no_more_at_the_end_is_told(void **state)
{
    (void)state;
    for (int udp = 0; udp < 2; udp++) {
        char address[160], directory[] = "/tmp/statsd-bench-test-XXXXXX";
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof in;
        assert_non_null(mkdtemp(directory));
        snprintf(un.sun_path, sizeof un.sun_path, "%s/s", directory);
        closes_fd = socket(udp ? AF_INET : AF_UNIX, SOCK_DGRAM, 0);
        assert_int_equal(bind(closes_fd, udp ? (struct sockaddr *)&in : (struct sockaddr *)&un, udp ? sizeof in : sizeof un), 0);
        if (udp)
            assert_int_equal(getsockname(closes_fd, (struct sockaddr *)&in, &len), 0);
        if (udp)
            snprintf(address, sizeof address, "udp://127.0.0.1:%d", ntohs(in.sin_port));
        else
            snprintf(address, sizeof address, "unixgram://%s", un.sun_path);
        struct target target;
        struct payload p;
        struct shape shape;
        struct run_result result;
        const struct shape_spec spec = { .rate = 500, .duration_s = 0.6 };
        assert_int_equal(target_parse(address, &target), 0);
        payload_of(&p, 0, false);
        shape_init(&shape, "constant", &spec);
        const struct run_opts o = { .payload = &p, .sender = { .target = &target, .shape = &shape, .duration_s = 0.6, .threads = 1,
                                                .sockets = 1, .batch = 64, .segments = 1 },
                                    .wait = close_after_a_while };
        closes_after = 4;   /* of about 12 waits of 50 ms */
        assert_int_equal(run_load(&o, &result), 0);
        struct opts options = options_of(NULL);
        struct report report = { .opts = &options, .run = &result };
        struct buf text = { 0 };
        assert_false(report_judge(&report));
        report_text(&report, &text);
        buf_append_char(&text, '\0');
        assert_non_null(strstr(text.ptr, " at the end\n"));
        assert_true(report.loss.at_least && report.loss.part > 0 && report.loss.part < 1);
        assert_true((udp ? result.sent.unreachable_datagrams : result.sent.failed_datagrams) > 0);
        buf_release(&text);
        run_release(&result);
        shape_release(&shape);
        payload_release(&p);
        unlink(un.sun_path);
        rmdir(directory);
    }
}

static void a_socket_that_is_not_there_is_no_run(void **state)
{
    (void)state;
    struct target target;
    struct payload p;
    struct run_result result;
    assert_int_equal(target_parse("unixgram:///nonexistent/statsd.sock", &target), 0);
    payload_of(&p, 0, false);
    const struct run_opts o = { .payload = &p, .sender = { .target = &target, .duration_s = 0.3, .threads = 1, .sockets = 1,
                                            .batch = 64, .segments = 1 },
                                .wait = wait_a_little };
    assert_int_equal(run_load(&o, &result), -ENOENT);
    payload_release(&p);
}

/* A ramp asks for more at the end of a second than on average during it, and the average is what can be sent. */
static void what_is_asked_for_is_the_mean_since_the_row_before(void **state)
{
    (void)state;
    struct receiver r;
    struct target target;
    struct payload p;
    struct shape shape;
    struct run_result result;
    const struct shape_spec spec = { .rate = 0, .rate_to = 8000, .duration_s = 2 };
    receiver_start(&r, true);
    assert_int_equal(target_parse(r.address, &target), 0);
    payload_of(&p, 0, false);
    shape_init(&shape, "ramp", &spec);
    const struct run_opts o = { .payload = &p, .sender = { .target = &target, .shape = &shape, .duration_s = 2, .threads = 1,
                                            .sockets = 1, .batch = 64, .segments = 1 },
                                .probe = { .port = target.port }, .wait = wait_a_little };
    assert_int_equal(run_load(&o, &result), 0);
    receiver_stop(&r, &target);
    double from_s = 0, before = 0;
    for (size_t i = 0; i + 1 < result.n; i++) {   /* the last one holds the sums */
        const struct run_row *row = &result.rows[i];
        double mean = (shape_total(&shape, fmin(row->at_s, 2)) - before) / (row->at_s - from_s);
        assert_true(fabs(row->rate - mean) < 1e-6);
        from_s = row->at_s;
        before = row->wished;
    }
    assert_true(result.n >= 2);
    run_release(&result);
    shape_release(&shape);
    payload_release(&p);
}

static void an_interrupted_run_is_reported_so_far(void **state)
{
    (void)state;
    struct receiver r;
    struct target target;
    struct payload p;
    struct run_result result;
    receiver_start(&r, true);
    assert_int_equal(target_parse(r.address, &target), 0);
    payload_of(&p, 1432, false);
    struct shape shape;
    const struct shape_spec spec = { .rate = 5000, .duration_s = 60 };
    shape_init(&shape, "constant", &spec);
    const struct run_opts o = { .payload = &p, .sender = { .target = &target, .shape = &shape, .duration_s = 60, .threads = 1,
                                            .sockets = 1, .batch = 64, .segments = 1 },
                                .probe = { .port = target.port }, .wait = wait_a_little };
    rows_until_stop = 5;
    assert_int_equal(run_load(&o, &result), 0);
    receiver_stop(&r, &target);
    assert_true(result.interrupted && result.elapsed_s < 10);
    assert_int_equal(r.lines, result.sent.lines);
    run_release(&result);
    shape_release(&shape);
    payload_release(&p);
}

/* Each send to it waits its 100 ms in vain, and a tenth of a second's worth of them is due at the end. */
static void a_socket_that_nobody_reads_does_not_hold_the_run_up(void **state)
{
    (void)state;
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    char directory[] = "/tmp/statsd-bench-test-XXXXXX", address[160];
    assert_non_null(mkdtemp(directory));
    snprintf(a.sun_path, sizeof a.sun_path, "%s/s", directory);
    snprintf(address, sizeof address, "unixgram://%s", a.sun_path);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    struct target target;
    struct payload p;
    struct shape shape;
    struct run_result result;
    const struct shape_spec spec = { .rate = 20000, .duration_s = 0.3 };
    assert_int_equal(target_parse(address, &target), 0);
    payload_of(&p, 0, false);
    shape_init(&shape, "constant", &spec);
    const struct run_opts o = { .payload = &p, .sender = { .target = &target, .shape = &shape, .duration_s = 0.3, .threads = 1,
                                            .sockets = 1, .batch = 64, .segments = 1, .send_buffer_bytes = 4096 },
                                .wait = wait_a_little };
    assert_int_equal(run_load(&o, &result), 0);
    assert_true(result.elapsed_s < 5);
    assert_true(result.sent.failed_datagrams > 0 && result.sent.error == EAGAIN);
    double all = (double)(result.sent.lines + result.sent.failed_lines) + result.sent.forgiven;
    assert_true(fabs(all - result.wished) <= 1);
    run_release(&result);
    shape_release(&shape);
    payload_release(&p);
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
    static const char text[] = "HTTP/1.1 200 OK\r\n\r\nstatsd_datagrams_received_total 10\nstatsd_samples_aggregated_total 100\n";
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
    struct target target;
    struct payload p;
    struct shape shape;
    struct run_result result;
    const struct shape_spec spec = { .rate = 2000, .duration_s = 0.3 };
    receiver_start(&r, true);
    assert_int_equal(target_parse(r.address, &target), 0);
    payload_of(&p, 1432, false);
    shape_init(&shape, "constant", &spec);
    struct run_opts o = { .payload = &p, .sender = { .target = &target, .shape = &shape, .duration_s = 0.3, .threads = 1,
                                      .sockets = 1, .batch = 64, .segments = 1 },
                          .probe = { .has_metrics = true }, .scrape_interval_s = 60, .wait = wait_a_little };
    metrics_start(&m, 1, &o.probe.metrics);
    assert_int_equal(run_load(&o, &result), 0);
    pthread_join(m.thread, NULL);
    receiver_stop(&r, &target);
    assert_int_equal(result.scrape_error, -ECONNREFUSED);
    assert_int_equal(r.lines, result.sent.lines);
    assert_true(isnan(result.server.v[PROBE_AGGREGATED]) && isnan(run_loss(&result)));
    run_release(&result);
    shape_release(&shape);
    payload_release(&p);
}

static void the_last_row_holds_the_sums(void **state)
{
    (void)state;
    struct receiver r;
    struct target target;
    struct payload p;
    struct shape shape;
    struct run_result result;
    const struct shape_spec spec = { .rate = 5000, .duration_s = 1 };
    receiver_start(&r, true);
    assert_int_equal(target_parse(r.address, &target), 0);
    payload_of(&p, 0, false);
    shape_init(&shape, "constant", &spec);
    const struct run_opts o = { .payload = &p, .sender = { .target = &target, .shape = &shape, .duration_s = 1, .threads = 1,
                                            .sockets = 1, .batch = 64, .segments = 1 },
                                .probe = { .port = target.port }, .wait = wait_a_little };
    assert_int_equal(run_load(&o, &result), 0);
    receiver_stop(&r, &target);
    const struct run_row *last = &result.rows[result.n - 1];
    assert_memory_equal(&last->sent, &result.sent, sizeof last->sent);
    assert_true(last->server.v[PROBE_DROPS] == result.server.v[PROBE_DROPS]);
    assert_true(isnan(last->rate));   /* nothing is asked for any more */
    assert_true(result.n == 1 || last->at_s > result.rows[result.n - 2].at_s);
    run_release(&result);
    shape_release(&shape);
    payload_release(&p);
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

static struct run_result made_up(struct run_row *rows)
{
    struct run_result r = { .rows = rows, .n = 2, .elapsed_s = 2, .backlog_s = 0.01, .wished = 1000, .rss_peak_bytes = 2e6 };
    r.sent = (struct tally_totals){ .datagrams = 90, .lines = 900, .values = 900, .bytes = 9000, .failed_datagrams = 10, .failed_lines = 100 };
    for (int i = 0; i < PROBE_COUNT; i++)
        r.server.v[i] = NAN;
    rows[0].at_s = 1;
    rows[1].at_s = 2;
    rows[0].server = rows[1].server = r.server;
    rows[0].rate = rows[1].rate = 500;
    rows[1].sent = r.sent;
    rows[0].scrape_s = rows[1].scrape_s = NAN;
    return r;
}

static void loss_is_told_by_its_place(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    struct opts o;
    char name[] = "b", loss[] = "--max-loss=40%", cpu[] = "--max-cpu=5";
    char *argv[] = { name, loss, cpu, NULL };
    struct buf error = { 0 };
    assert_int_equal(opts_parse(3, argv, &o, &error), 0);
    run.server.v[PROBE_DATAGRAMS] = 70;
    run.server.v[PROBE_DROPS] = 15;
    run.server.v[PROBE_SAMPLES_READ] = 700;
    run.server.v[PROBE_AGGREGATED] = 650;
    run.server.v[PROBE_REJECTED] = 30;
    run.server.v[PROBE_REFUSED] = 20;
    run.server.v[PROBE_CPU_S] = 0.0065;
    struct report r = { .opts = &o, .run = &run };
    assert_false(report_judge(&r));
    assert_true(fabs(r.loss.part - 0.35) < 1e-12);
    assert_true(r.loss.client_datagrams == 10 && r.loss.kernel_datagrams == 15 && r.loss.elsewhere_datagrams == 5);
    assert_int_equal(r.n_bounds, 2);
    assert_false(r.bounds[0].broken);
    assert_true(r.bounds[1].broken);   /* 10 us a sample */
    assert_true(fabs(r.bounds[1].value - 10000) < 1e-6);
}

static void a_bound_that_cannot_be_checked_is_broken(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    struct opts o;
    char name[] = "b", scrape[] = "--max-scrape-ms=40";
    char *argv[] = { name, scrape, NULL };
    struct buf error = { 0 };
    assert_int_equal(opts_parse(2, argv, &o, &error), 0);
    struct report r = { .opts = &o, .run = &run };
    assert_false(report_judge(&r));
}

static void reports_never_show_what_is_not_known(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    struct opts o;
    char name[] = "b", title[] = "--title=<b>&\"";
    char *argv[] = { name, title, NULL };
    struct buf error = { 0 }, json = { 0 }, csv = { 0 }, html = { 0 };
    assert_int_equal(opts_parse(2, argv, &o, &error), 0);
    struct report r = { .opts = &o, .run = &run, .started = "2026-01-01T00:00:00Z" };
    report_judge(&r);
    report_json(&r, &json);
    json_error_t e;
    json_t *root = json_loadb(json.ptr, json.len, 0, &e);
    assert_non_null(root);
    json_int_t lines;
    assert_int_equal(json_unpack(root, "{s:{s:I}}", "sent", "lines", &lines), 0);
    assert_int_equal(lines, 900);
    assert_true(json_is_null(json_object_get(json_object_get(root, "server"), "samples_read")));
    assert_int_equal(json_array_size(json_object_get(root, "rows")), 2);
    json_t *row = json_array_get(json_object_get(root, "rows"), 1);
    assert_int_equal(json_integer_value(json_object_get(row, "failed_datagrams")), 10);
    assert_true(json_is_null(json_object_get(row, "samples_rejected")) && json_is_null(json_object_get(row, "samples_refused")));
    json_decref(root);
    report_csv(&r, &csv);
    buf_append_char(&csv, '\0');
    assert_non_null(strstr(csv.ptr, "\n1.000,500,0,0,0,,,,,,,,,,,0\n2.000,500,900,90,10,,,,,,,,,,,0\n"));
    report_html(&r, &html);
    buf_append_char(&html, '\0');
    assert_null(strcasestr(html.ptr, "nan"));
    assert_null(strstr(html.ptr, "<b>&\""));
    assert_null(strstr(html.ptr, "http:"));
    assert_non_null(strstr(html.ptr, "text.last{text-anchor:end}"));
    assert_non_null(strstr(html.ptr, "<h2>The load</h2>\n<p>10,000 lines/s for 10 s, to"));
    assert_non_null(strstr(html.ptr, "prefers-color-scheme:dark"));
    assert_non_null(strstr(html.ptr, "<path class=\"line s1\" d=\"M"));
    buf_release(&json);
    buf_release(&csv);
    buf_release(&html);
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

static void json_is_whole_whatever_it_has_to_say(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    run.server.v[PROBE_DATAGRAMS] = 1e300;
    run.server.v[PROBE_REJECTED] = -1e300;
    char title[] = "--title=caf\xe9";
    struct opts o = options_of(title);
    struct report r = { .opts = &o, .run = &run };
    struct buf json = { 0 };
    report_judge(&r);
    report_json(&r, &json);
    json_t *root = json_loadb(json.ptr, json.len, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "title")), "caf?");
    assert_true(json_is_null(json_object_get(json_object_get(root, "server"), "received_datagrams")));
    json_decref(root);
    buf_release(&json);
}

static void scrapes_that_fail_break_the_bound(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    char bound[] = "--max-scrape-ms=40";
    struct opts o = options_of(bound);
    struct report r = { .opts = &o, .run = &run };
    run.has_scrapes = true;
    run.scrapes = (struct scraper_summary){ .scrapes = 990, .failures = 9, .p99_s = 0.01 };
    assert_true(report_judge(&r));    /* 99 of 100 came in time */
    run.scrapes.failures = 11;
    assert_false(report_judge(&r));
}

static void a_loss_that_is_only_a_part_is_no_bound_held(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);   /* 10 of 100 were refused here, nothing is known of the rest */
    char bound[] = "--max-loss=50%";
    struct opts o = options_of(bound);
    struct report r = { .opts = &o, .run = &run };
    struct buf text = { 0 };
    assert_false(report_judge(&r));
    report_text(&r, &text);
    buf_append_char(&text, '\0');
    assert_non_null(strstr(text.ptr, "at least 10.0000 %"));
    buf_release(&text);
}

static void metrics_that_say_nothing_are_told(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    struct opts o = options_of(NULL);
    struct report r = { .opts = &o, .run = &run };
    for (int counted = 0; counted < 2; counted++) {
        struct buf text = { 0 };
        run.has_scrapes = true;
        run.server.v[PROBE_DATAGRAMS] = counted ? 90 : NAN;
        report_judge(&r);
        report_text(&r, &text);
        buf_append_char(&text, '\0');
        assert_int_equal(strstr(text.ptr, "none of this server's counters") == NULL, counted);
        buf_release(&text);
    }
}

static void text_never_shows_what_is_not_known(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    struct opts o = options_of(NULL);
    const struct report_trial trial = { 100, NAN, NAN, NAN, "interrupted" };
    struct report r = { .opts = &o, .run = &run, .trials = &trial, .n_trials = 1 };
    struct buf text = { 0 };
    run.server.v[PROBE_CPU_S] = 1;
    run.server.v[PROBE_QUEUE_BYTES] = 2304;
    report_judge(&r);
    report_text(&r, &text);
    buf_append_char(&text, '\0');
    assert_null(strstr(text.ptr, "nan"));
    assert_non_null(strstr(text.ptr, "STILL NOT EMPTY"));
    buf_release(&text);
}

static void the_loss_so_far_has_all_its_places(void **state)
{
    (void)state;
    struct run_row row = { .sent = { .datagrams = 90, .lines = 900 } };
    for (int i = 0; i < PROBE_COUNT; i++)
        row.server.v[i] = NAN;
    assert_true(isnan(run_row_loss(&row)));
    row.sent.failed_datagrams = 10;
    row.sent.failed_lines = 100;
    assert_true(fabs(run_row_loss(&row) - 0.1) < 1e-12);
    row.server.v[PROBE_DROPS] = 5;
    assert_true(fabs(run_row_loss(&row) - 0.15) < 1e-12);
    row.server.v[PROBE_REJECTED] = 20;
    row.server.v[PROBE_REFUSED] = 30;
    assert_true(fabs(run_row_loss(&row) - 0.2) < 1e-12);
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
        cmocka_unit_test(metrics_that_say_nothing_are_told),
        cmocka_unit_test(text_never_shows_what_is_not_known),
        cmocka_unit_test(the_loss_so_far_has_all_its_places),
        cmocka_unit_test(loss_is_told_by_its_place),
        cmocka_unit_test(a_bound_that_cannot_be_checked_is_broken),
        cmocka_unit_test(reports_never_show_what_is_not_known),
        cmocka_unit_test(json_is_whole_whatever_it_has_to_say),
        cmocka_unit_test(scrapes_that_fail_break_the_bound),
        cmocka_unit_test(a_loss_that_is_only_a_part_is_no_bound_held),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
