/* run over streams: a load from its options to the report, against a server of the test's own. */
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
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "run.h"
#include "setup.h"

enum { CONNECTIONS = 8, ARGS_MAX = 8, FRAME_MAX = 65535 };

/* One connection; of a frame the room holds what came so far. */
struct connection {
    int fd;
    size_t n;
    unsigned char room[4 + FRAME_MAX];
};

/* Reads until its first connections have all ended. */
struct server {
    int fd;
    bool dsd;
    size_t connections, expected;
    uint64_t lines, pieces;
    pthread_t thread;
};

/* Lines of the frames that the room holds wholly. */
static void take_frames(struct server *s, struct connection *c)
{
    for (;;) {
        size_t len = c->room[0] | (size_t)c->room[1] << 8 | (size_t)c->room[2] << 16;
        if (c->n < 4 || c->n < 4 + len)
            return;
        assert_true(len > 0 && len <= FRAME_MAX && c->room[3] == 0);
        s->pieces++;
        s->lines++; /* the last one has no line feed */
        for (size_t i = 4; i < 4 + len; i++)
            s->lines += c->room[i] == '\n';
        memmove(c->room, c->room + 4 + len, c->n - 4 - len);
        c->n -= 4 + len;
    }
}

/* returns  false when the connection has ended */
static bool read_some(struct server *s, struct connection *c)
{
    ssize_t n = recv(c->fd, c->room + c->n, sizeof c->room - c->n, 0);
    assert_true(n >= 0);
    if (n == 0)
        assert_int_equal(c->n, 0); /* nothing half */
    c->n += (size_t)n;
    if (s->dsd) {
        take_frames(s, c);
        return n > 0;
    }
    size_t from = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (c->room[i] != '\n')
            continue;
        s->lines++;
        from = i + 1;
    }
    memmove(c->room, c->room + from, c->n - from);
    c->n -= from;
    return n > 0;
}

static void *serve(void *cookie)
{
    struct server *s = cookie;
    struct connection *c = calloc(CONNECTIONS, sizeof *c);
    struct pollfd polled[CONNECTIONS + 1] = { { .fd = s->fd, .events = POLLIN } };
    size_t open = 0;
    while (s->connections < s->expected || open > 0) {
        poll(polled, s->connections + 1, 1000);
        for (size_t i = 0; i < s->connections; i++) {
            if (polled[i + 1].revents == 0 || read_some(s, &c[i]))
                continue;
            close(c[i].fd);
            polled[i + 1].fd = -1;
            open--;
        }
        if (polled[0].revents == 0 || s->connections == CONNECTIONS)
            continue;
        int fd = accept(s->fd, NULL, NULL);
        c[s->connections++].fd = fd;
        polled[s->connections] = (struct pollfd){ .fd = fd, .events = POLLIN };
        open++;
    }
    free(c);
    return NULL;
}

static void server_start(struct server *s, char address[64])
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(s->fd, CONNECTIONS), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
    snprintf(address, 64, "--to=tcp://127.0.0.1:%d", ntohs(a.sin_port));
    if (s->expected > 0)
        assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static bool wait_a_little(void *cookie, double seconds)
{
    struct timespec t = { .tv_nsec = (long)(seconds * 1e9) };
    (void)cookie;
    nanosleep(&t, NULL);
    return false;
}

/* returns  whether the options and the address go together */
static bool set_up(char *address, const char *const *args, struct opts *o, struct setup *s)
{
    static char text[ARGS_MAX][64];
    char *argv[ARGS_MAX + 3] = { text[0], address };
    struct buf error = { 0 };
    int n = 2;
    strcpy(text[0], "b");
    for (; args[n - 2] != NULL; n++)
        argv[n] = strcpy(text[n - 1], args[n - 2]);
    assert_int_equal(opts_parse(n, argv, o, &error), 0);
    bool ok = setup_init(s, o, 0);
    s->run.wait = wait_a_little;
    return ok;
}

/* clang-format off */
static const struct {
    bool dsd;
    size_t connections;
    const char *args[ARGS_MAX];
    const char *says;
} cases[] = {
    { false, 1, { "--rate=20k", "--duration=300ms" }, " buffers (" },
    { true,  1, { "--rate=20k", "--duration=300ms", "--framing=dsd" }, " frames (" },
    { false, 3, { "--payload=0", "--duration=200ms", "--connections=3", "--threads=2" },
      "connections   3, reopened 0, not read to the end 0\n" },
    { true,  4, { "--rate=max", "--duration=200ms", "--framing", "dsd", "--sockets=2",
                  "--threads=2" }, "loss          0.0000 %\n" },
};
/* clang-format on */

static void what_was_sent_is_read_to_the_last_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char address[64];
        struct server s = { .dsd = cases[i].dsd, .expected = cases[i].connections };
        struct opts o;
        struct setup setup;
        struct run_result r;
        struct buf text = { 0 };
        server_start(&s, address);
        assert_true(set_up(address, cases[i].args, &o, &setup));
        assert_int_equal(run_load(&setup.run, &r), 0);
        pthread_join(s.thread, NULL);
        close(s.fd);
        assert_int_equal(s.lines, r.sent.lines);
        assert_true(!s.dsd || s.pieces == r.sent.datagrams);
        assert_int_equal(r.sent.connections, cases[i].connections);
        assert_true(r.sent.lines > 0 && r.sent.failed_lines == 0 && !r.sent.nobody);
        /* The server closed each connection: it has read all. */
        assert_true(run_loss(&r) == 0 && !run_loss_is_at_least(&r));
        assert_true(r.backlog_s >= 0 && r.backlog_s < 5);
        struct report report = { .opts = &o, .run = &r };
        assert_true(report_judge(&report));
        report_text(&report, &text);
        buf_append_char(&text, '\0');
        assert_non_null(strstr(text.ptr, cases[i].says));
        assert_null(strstr(text.ptr, "datagram"));
        buf_release(&text);
        run_release(&r);
        setup_release(&setup);
    }
}

/* clang-format off */
static const struct {
    const char *address, *args[ARGS_MAX];
    bool ok;
    const char *framing;
} options[] = {
    { "--to=tcp://127.0.0.1:1",             { NULL },                       true,  "line" },
    { "--to=tcp://127.0.0.1:1?framing=dsd", { NULL },                       true,  "dsd"  },
    { "--to=unix:///x?framing=dsd",         { "--framing=dsd" },            true,  "dsd"  },
    { "--to=unix:///x?framing=dsd",         { "--framing=line" },           false, NULL   },
    { "--to=unix:///x",                     { "--framing=dsd", "--payload=65535" }, true, "dsd" },
    { "--to=unix:///x",                     { "--framing=dsd", "--payload=65536" }, false, NULL },
    { "--to=unix:///x",                     { "--payload=128KiB" },         true,  "line" },
    { "--to=unix:///x",                     { "--gso=2" },                  false, NULL   },
    { "--to=udp://127.0.0.1:1",             { "--framing=line" },           false, NULL   },
    { "--to=unixgram:///x",                 { "--connections=2" },          false, NULL   },
    { "--to=unix:///x",                     { "--received-file=/dev/null" }, false, NULL  },
    { "--to=udp://127.0.0.1:1",             { NULL },                       true,  NULL   },
};
/* clang-format on */

static void a_framing_is_told_once_and_only_to_streams(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        char address[64];
        struct opts o;
        struct setup s;
        strcpy(address, options[i].address);
        assert_int_equal(set_up(address, options[i].args, &o, &s), options[i].ok);
        if (options[i].ok && options[i].framing == NULL)
            assert_null(o.framing);
        else if (options[i].ok)
            assert_string_equal(o.framing, options[i].framing);
        setup_release(&s);
    }
}

static void without_a_listener_there_is_no_run(void **state)
{
    (void)state;
    char address[64];
    struct server s = { 0 };
    struct opts o;
    struct setup setup;
    struct run_result r;
    const char *const none[] = { NULL };
    server_start(&s, address);
    close(s.fd);
    assert_true(set_up(address, none, &o, &setup));
    assert_int_equal(run_load(&setup.run, &r), -ECONNREFUSED);
    setup_release(&setup);
}

static void server_says(struct run_result *r, double lines)
{
    for (int i = 0; i < PROBE_COUNT; i++)
        r->server.v[i] = NAN;
    r->server.v[PROBE_LINES] = r->server.v[PROBE_SAMPLES_READ] = r->server.v[PROBE_AGGREGATED] =
        lines;
    r->server.v[PROBE_REJECTED] = r->server.v[PROBE_REFUSED] = 0;
}

static void conservation_of_a_stream_is_by_lines(void **state)
{
    (void)state;
    for (int missing = 0; missing < 2; missing++) {
        char address[] = "--to=tcp://127.0.0.1:1";
        const char *const none[] = { NULL };
        struct opts o;
        struct setup setup;
        struct buf text = { 0 }, json = { 0 };
        struct run_result r = { .elapsed_s = 1, .backlog_s = 0, .wished = 1000 };
        r.sent = (struct tally_totals){ .datagrams = 50,
                                        .lines = 1000,
                                        .failed_datagrams = 1,
                                        .failed_lines = 20,
                                        .connections = 2,
                                        .reconnects = 1,
                                        .error = EPIPE };
        server_says(&r, 1000 - missing);
        assert_true(set_up(address, none, &o, &setup));
        struct report report = { .opts = &o, .run = &r };
        assert_true(report_judge(&report));
        assert_true(report.loss.elsewhere_lines == missing);
        assert_true(isnan(report.loss.elsewhere_datagrams));
        report_text(&report, &text);
        buf_append_char(&text, '\0');
        assert_non_null(strstr(text.ptr, missing ? "lines DO NOT ADD UP" : "lines add up"));
        assert_non_null(strstr(text.ptr, "in the client 20 lines (Broken pipe)"));
        assert_non_null(strstr(text.ptr, "reopened 1,"));
        report_json(&report, &json);
        buf_append_char(&json, '\0');
        assert_non_null(strstr(json.ptr, "\"reconnects\": 1"));
        assert_non_null(
            strstr(json.ptr, missing ? "\"elsewhere_lines\": 1" : "\"elsewhere_lines\": 0"));
        buf_release(&text);
        buf_release(&json);
        setup_release(&setup);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sent_is_read_to_the_last_line),
        cmocka_unit_test(a_framing_is_told_once_and_only_to_streams),
        cmocka_unit_test(without_a_listener_there_is_no_run),
        cmocka_unit_test(conservation_of_a_stream_is_by_lines),
    };
    return cmocka_run_group_tests_name("run_stream", tests, NULL, NULL);
}
