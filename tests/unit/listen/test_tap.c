/* Taps at workers that read real sockets. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/now.h"
#include "listen/connection.h"
#include "listen/listener.h"
#include "listen/tap_group.h"
#include "listen/worker.h"

enum { WAIT_MS = 20000 };

struct rig {
    struct series_limit limit;
    struct profiles *profiles;
    struct worker *w;
    struct listener listener;
    struct connection_stack back;
    int fd; /* sends to it */
};

static void on_turned(void *unused)
{
    (void)unused;
}

static void rig_init(struct rig *r, const char *url)
{
    static const struct listen_address defaults = { .rcvbuf = 1 << 20,
                                                    .mode = LISTEN_MODE_DEFAULT };
    struct listen_address a;
    struct buf error = { 0 };
    memset(r, 0, sizeof *r);
    assert_int_equal(series_limit_init(&r->limit, 1000), 0);
    r->profiles =
        profiles_new(&(struct profile){ .histogram = true, .sketch_schema = 5, .scale = 1 });
    const struct worker_opts o = { .lane = { .parse = PARSE_OPTS_DEFAULT,
                                             .ingest = { .tags = TAGS_OPTS_DEFAULT,
                                                         .profiles = r->profiles,
                                                         .limit = &r->limit } },
                                   .notify = on_turned };
    assert_int_equal(worker_new(&o, &r->w), 0);
    if (socket_url_parse(slice_str(url), &defaults, &a, &error) < 0 ||
        listener_open(&a, 1, &r->listener, &error) < 0)
        fail_msg("%.*s", (int)error.len, error.ptr);
    buf_release(&error);
    assert_int_equal(worker_add_socket(r->w, r->listener.fds[0], &r->listener.address), 0);
    r->fd = socket(r->listener.address.addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(r->fd, (const struct sockaddr *)&r->listener.address.addr,
                             r->listener.address.addr_len),
                     0);
}

static void rig_release(struct rig *r)
{
    worker_join(r->w);
    profiles_free(r->profiles);
    series_limit_release(&r->limit);
    close(r->fd);
    listener_close(&r->listener);
}

static void send_text(struct rig *r, const char *text)
{
    assert_int_equal(send(r->fd, text, strlen(text), 0), strlen(text));
}

static void nap(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

/* The next record, which has to come. */
static const struct tap_record *next(struct tap_ring *ring)
{
    for (uint64_t until = now_mono_ms() + WAIT_MS; now_mono_ms() < until; nap()) {
        const struct tap_record *rec = tap_ring_next(ring);
        if (rec != NULL)
            return rec;
    }
    fail_msg("no record came");
    return NULL;
}

static void expect(struct tap_ring *ring, const char *text)
{
    const struct tap_record *rec = next(ring);
    assert_int_equal(rec->orig_len, strlen(text));
    assert_int_equal(rec->len, strlen(text));
    assert_memory_equal(tap_record_data(rec), text, rec->len);
    tap_ring_release(ring);
}

static void wait_until_stopped(const struct tap_group *g)
{
    for (uint64_t until = now_mono_ms() + WAIT_MS; !tap_group_stopped(g); nap())
        assert_true(now_mono_ms() < until);
}

static void a_tap_copies_what_is_read_with_time_and_sender(void **unused)
{
    struct rig r;
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    (void)unused;
    rig_init(&r, "udp://127.0.0.1:0");
    struct tap_group *g =
        tap_group_new(&r.w, 1, TAP_CAPTURE, &(struct tap_opts){ .share = 1, .senders = true });
    assert_int_equal(worker_start(r.w), 0);
    uint64_t before_ns = now_wall_ns();
    send_text(&r, "a:1|c\nb:2|g");
    const struct tap_record *rec = next(tap_group_ring(g, 0));
    assert_int_equal(getsockname(r.fd, (struct sockaddr *)&own, &len), 0);
    assert_memory_equal(tap_record_data(rec), "a:1|c\nb:2|g", rec->len);
    assert_int_equal(rec->sender.family, AF_INET);
    assert_int_equal(rec->sender.port, ntohs(own.sin_port));
    assert_memory_equal(rec->sender.address, &own.sin_addr, 4);
    assert_true(rec->share == 1 && rec->flags == 0 && rec->listener == 0);
    assert_true(rec->stamp_ns >= before_ns && rec->stamp_ns <= now_wall_ns());
    assert_int_equal(tap_group_counts(g).put, 1);
    rig_release(&r);
    tap_group_free(g); /* the workers have ended */
}

static void of_a_share_the_rest_is_left_out_evenly(void **unused)
{
    struct rig r;
    char text[32];
    (void)unused;
    rig_init(&r, "udp://127.0.0.1:0");
    struct tap_group *g =
        tap_group_new(&r.w, 1, TAP_CAPTURE, &(struct tap_opts){ .share = 0.25, .most = 4 });
    assert_int_equal(worker_start(r.w), 0);
    for (int i = 1; i <= 200; i++) {
        snprintf(text, sizeof text, "%03d:1|c", i);
        send_text(&r, text);
        if (i % 4 > 0)
            continue;
        const struct tap_record *rec = next(tap_group_ring(g, 0));
        assert_int_equal(rec->len, 4);
        assert_int_equal(rec->orig_len, 7);
        assert_memory_equal(tap_record_data(rec), text, 4);
        assert_true(rec->share == 0.25f && rec->sender.family == AF_UNSPEC);
        tap_ring_release(tap_group_ring(g, 0));
    }
    rig_release(&r);
    tap_group_free(g);
}

static void taps_of_several_kinds_have_each_their_own(void **unused)
{
    struct rig r;
    (void)unused;
    rig_init(&r, "udp://127.0.0.1:0");
    const struct tap_opts all = { .share = 1, .ring_bytes = 4096 },
                          half = { .share = 0.5, .ring_bytes = 4096 },
                          budget = { .budget = 1 << 20, .ring_bytes = 4096 };
    struct tap_group *a = tap_group_new(&r.w, 1, TAP_CAPTURE, &half),
                     *b = tap_group_new(&r.w, 1, TAP_MIRROR, &all),
                     *c = tap_group_new(&r.w, 1, TAP_SAMPLE, &budget);
    assert_int_equal(worker_start(r.w), 0);
    send_text(&r, "a:1|c");
    expect(tap_group_ring(b, 0), "a:1|c");
    expect(tap_group_ring(c, 0), "a:1|c");
    tap_group_stop(b);
    wait_until_stopped(b);
    send_text(&r, "b:1|c");
    expect(tap_group_ring(a, 0), "b:1|c");
    expect(tap_group_ring(c, 0), "b:1|c");
    assert_null(tap_ring_next(tap_group_ring(b, 0)));
    tap_group_free(b);
    rig_release(&r);
    tap_group_free(a);
    tap_group_free(c);
}

static void a_process_is_the_sender_on_a_unix_socket(void **unused)
{
    struct rig r;
    char url[64];
    (void)unused;
    snprintf(url, sizeof url, "unixgram://@test_tap.%d", (int)getpid());
    rig_init(&r, url);
    struct tap_group *g = tap_group_new(&r.w, 1, TAP_SAMPLE,
                                        &(struct tap_opts){ .budget = 1 << 20, .senders = true });
    assert_int_equal(worker_start(r.w), 0);
    send_text(&r, "a:1|c");
    const struct tap_record *rec = next(tap_group_ring(g, 0));
    assert_int_equal(rec->sender.family, AF_UNIX);
    assert_int_equal(rec->sender.port, getpid());
    rig_release(&r);
    tap_group_free(g);
}

static void strangers_are_not_copied(void **unused)
{
    struct rig r;
    (void)unused;
    rig_init(&r, "udp://127.0.0.1:0?allow=10.1.2.3");
    struct tap_group *g = tap_group_new(&r.w, 1, TAP_CAPTURE, &(struct tap_opts){ .share = 1 });
    assert_int_equal(worker_start(r.w), 0);
    send_text(&r, "a:1|c");
    worker_ask_turn(r.w, false); /* reads it */
    const struct socket_stats *stats;
    struct page *p;
    while ((p = worker_take(r.w, &stats)) == NULL)
        nap();
    assert_int_equal(stats[0].not_allowed, 1);
    worker_give(r.w, p);
    assert_null(tap_ring_next(tap_group_ring(g, 0)));
    rig_release(&r);
    tap_group_free(g);
}

static void pieces_of_a_stream_are_whole_lines(void **unused)
{
    const struct listen_address a = { .transport = LISTEN_UNIX, .framing = FRAMING_LINE };
    struct rig r;
    int ends[2];
    (void)unused;
    rig_init(&r, "udp://127.0.0.1:0");
    assert_int_equal(worker_add_socket(r.w, -1, &a), 1);
    struct tap_group *g =
        tap_group_new(&r.w, 1, TAP_MIRROR, &(struct tap_opts){ .share = 1, .senders = true });
    assert_int_equal(worker_start(r.w), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    struct connection *c = calloc(1, sizeof *c);
    *c = (struct connection){ .back = &r.back, .channel = channel_plain(ends[1]), .pid = 4711 };
    worker_adopt(r.w, 1, c);
    assert_int_equal(write(ends[0], "a:1|c\nb:1", 9), 9);
    const struct tap_record *rec = next(tap_group_ring(g, 0));
    assert_memory_equal(tap_record_data(rec), "a:1|c", 5);
    assert_int_equal(rec->flags, TAP_STREAM);
    assert_int_equal(rec->listener, 1);
    assert_int_equal(rec->sender.family, AF_UNIX);
    assert_int_equal(rec->sender.port, 4711);
    assert_int_equal(write(ends[0], "|g\n", 3), 3);
    rec = next(tap_group_ring(g, 0));
    assert_memory_equal(tap_record_data(rec), "b:1|g", 5);
    close(ends[0]);
    rig_release(&r);
    free(connection_take_all(&r.back));
    tap_group_free(g);
}

/* While datagrams come: none is read into a tap that is gone. */
static void taps_come_and_go_while_a_worker_reads(void **unused)
{
    struct rig r;
    uint64_t put = 0;
    (void)unused;
    rig_init(&r, "udp://127.0.0.1:0");
    assert_int_equal(worker_start(r.w), 0);
    for (int i = 0; i < 200 || put == 0; i++) {
        const struct tap_opts o = { .ring_bytes = 1024, .share = 1, .senders = i % 2 };
        struct tap_group *g = tap_group_new(&r.w, 1, (enum tap_kind)(i % TAP_KINDS), &o);
        for (int k = 0; k < 20; k++)
            (void)!send(r.fd, "a:1|c", 5, MSG_DONTWAIT);
        const struct tap_record *rec;
        while ((rec = tap_ring_next(tap_group_ring(g, 0))) != NULL)
            assert_memory_equal(tap_record_data(rec), "a:1|c", 5);
        tap_ring_release(tap_group_ring(g, 0));
        put += tap_group_counts(g).put;
        tap_group_stop(g);
        wait_until_stopped(g);
        tap_group_free(g);
    }
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tap_copies_what_is_read_with_time_and_sender),
        cmocka_unit_test(of_a_share_the_rest_is_left_out_evenly),
        cmocka_unit_test(taps_of_several_kinds_have_each_their_own),
        cmocka_unit_test(a_process_is_the_sender_on_a_unix_socket),
        cmocka_unit_test(strangers_are_not_copied),
        cmocka_unit_test(pieces_of_a_stream_are_whole_lines),
        cmocka_unit_test(taps_come_and_go_while_a_worker_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
