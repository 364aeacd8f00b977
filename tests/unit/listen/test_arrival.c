/*
 * The changes of a gauge are put in the order in which the kernel received them, whichever worker
 * and socket read them.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <semaphore.h>
#include <stdarg.h>
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
#include "listen/dgram.h"
#include "listen/gather.h"
#include "listen/listener.h"
#include "listen/worker.h"
#include "expose/render.h"

enum { SOCKETS = 2 };

struct rig {
    struct series_limit limit;
    struct profiles *profiles;
    struct worker_order order;
    struct worker *workers[SOCKETS];
    unsigned n_workers;
    struct listener listeners[SOCKETS];
    int senders[SOCKETS];
    struct registry *registry;
    sem_t turned;
};

static void on_turned(void *rig)
{
    sem_post(&((struct rig *)rig)->turned);
}

static int sender_to(const struct listen_address *a)
{
    int fd = socket(a->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a->addr, a->addr_len), 0);
    return fd;
}

static void open_socket(struct rig *r, unsigned i, const char *scheme, uint64_t rcvbuf)
{
    const struct listen_address defaults = { .rcvbuf = rcvbuf, .gauge_sign = GAUGE_SIGN_DELTA };
    struct listen_address a;
    struct buf error = { 0 };
    char url[64];
    if (strcmp(scheme, "udp") == 0)
        snprintf(url, sizeof url, "udp://127.0.0.1:0");
    else
        snprintf(url, sizeof url, "unixgram://@test_arrival.%d.%u", (int)getpid(), i);
    assert_int_equal(socket_url_parse(slice_str(url), &defaults, &a, &error), 0);
    assert_int_equal(listener_open(&a, 1, &r->listeners[i], &error), 0);
    struct worker *w = r->workers[i % r->n_workers];
    assert_true(worker_add_socket(w, r->listeners[i].fds[0], &a) >= 0);
    r->senders[i] = sender_to(&r->listeners[i].address);
}

static void rig_init_large(struct rig *r, unsigned n_workers, const char *const schemes[SOCKETS],
                           uint64_t rcvbuf)
{
    memset(r, 0, sizeof *r);
    r->n_workers = n_workers;
    sem_init(&r->turned, 0, 0);
    assert_int_equal(series_limit_init(&r->limit, 1000), 0);
    r->profiles =
        profiles_new(&(struct profile){ .histogram = true, .sketch_schema = 5, .scale = 1 });
    struct worker_opts o = { .lane = { .parse = PARSE_OPTS_DEFAULT,
                                       .ingest = { .tags = TAGS_OPTS_DEFAULT,
                                                   .profiles = r->profiles,
                                                   .limit = &r->limit } },
                             .order = &r->order,
                             .notify = on_turned,
                             .cookie = r };
    for (o.index = 0; o.index < n_workers; o.index++)
        assert_int_equal(worker_new(&o, &r->workers[o.index]), 0);
    r->registry = registry_new(&(struct registry_opts){
        .profiles = r->profiles, .keep_intervals = true, .limit = &r->limit });
    for (unsigned i = 0; i < SOCKETS; i++)
        open_socket(r, i, schemes[i], rcvbuf);
}

static void rig_init(struct rig *r, unsigned n_workers, const char *const schemes[SOCKETS])
{
    rig_init_large(r, n_workers, schemes, 1 << 20);
}

static void rig_release(struct rig *r)
{
    for (unsigned i = 0; i < r->n_workers; i++)
        worker_join(r->workers[i]);
    for (unsigned i = 0; i < SOCKETS; i++) {
        listener_close(&r->listeners[i]);
        close(r->senders[i]);
    }
    registry_free(r->registry);
    profiles_free(r->profiles);
    series_limit_release(&r->limit);
    sem_destroy(&r->turned);
}

static void turn(struct rig *r)
{
    for (unsigned i = 0; i < r->n_workers; i++)
        worker_ask_turn(r->workers[i], false);
    for (unsigned i = 0; i < r->n_workers; i++)
        sem_wait(&r->turned);
    for (unsigned i = 0; i < r->n_workers; i++) {
        const struct socket_stats *sockets;
        struct page *p = worker_take(r->workers[i], &sockets);
        assert_non_null(p);
        registry_merge(r->registry, p, now_mono_ns());
        worker_give(r->workers[i], p);
    }
}

/*
 * The kernel begins to stamp UDP datagrams a moment after a first socket asked for it, and ends
 * with the last one.
 *   returns  a socket that keeps it up, to be closed
 */
static int stamping_socket(void)
{
    struct dgram_buffers *d = malloc(sizeof *d);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof to;
    int in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
        out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(dgram_init(d), 0);
    assert_int_equal(bind(in, (const struct sockaddr *)&to, len), 0);
    assert_int_equal(getsockname(in, (struct sockaddr *)&to, &len), 0);
    assert_int_equal(connect(out, (const struct sockaddr *)&to, len), 0);
    assert_int_equal(dgram_stamp(in, true), 0);
    uint64_t stamp = UINT64_MAX, sent_by = 0;
    for (int i = 0; i < 1000 && stamp > sent_by; i++) {
        assert_int_equal(send(out, "x", 1, 0), 1);
        sent_by = now_wall_ns();
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        assert_int_equal(dgram_read(d, in, (struct dgram_ask){ .stamps = true }), 1);
        stamp = dgram_stamp_ns(d, 0);
        assert_true(stamp > 0);
    }
    assert_true(stamp <= sent_by);
    close(out);
    dgram_release(d);
    free(d);
    return in;
}

/* All of it is in the sockets before anybody reads: what was read first says nothing. */
static void changes_of_a_gauge_count_in_the_order_of_their_arrival(void **unused)
{
    (void)unused;
    /* clang-format off */
    static const char *const schemes[][SOCKETS] = {
        { "udp",      "udp" },
        { "unixgram", "unixgram" },
        { "udp",      "unixgram" },
    };
    /* clang-format on */
    static const struct {
        const char *steps[8]; /* "0 LINES" or "1 LINES": to which socket */
        const char *want;
    } rows[] = {
        { { "0 g:+1|g", "1 g:5|g", "0 g:+1|g" }, "g 6\n" },
        { { "0 g:+1|g", "0 g:+1|g", "1 g:5|g" }, "g 5\n" },
        { { "1 g:5|g", "0 g:+1|g", "0 g:+1|g" }, "g 7\n" },
        { { "0 g:7|g", "1 g:9|g", "0 g:-1|g", "1 g:+3|g" }, "g 11\n" },
        { { "0 g:7|g\ng:+1|g", "1 g:9|g\ng:+2|g", "0 g:-1|g\ng:+1|g\ng:-4|g", "1 g:1|g" },
          "g 1\n" },
        { { "1 g:3|g", "0 g:4|g", "1 g:+1|g|#k:", "0 g:+1|g", "1 g:2|g|#k:", "0 g:+1|g" },
          "g 3\n" },
    };
    int stamping = stamping_socket();
    for (size_t s = 0; s < ARRAY_LEN(schemes); s++) {
        for (size_t i = 0; i < ARRAY_LEN(rows) * SOCKETS * 2; i++) {
            size_t row = i / (SOCKETS * 2);
            unsigned swap = (unsigned)i & 1, workers = 1 + ((unsigned)i >> 1 & 1);
            static struct rig r; /* aligned, which a sanitizer's stack is not */
            rig_init(&r, workers, schemes[s]);
            for (const char *const *step = rows[row].steps; *step != NULL; step++) {
                const char *lines = *step + 2;
                unsigned to = (unsigned)(**step - '0') ^ swap;
                assert_int_equal(send(r.senders[to], lines, strlen(lines), 0), strlen(lines));
            }
            for (unsigned w = 0; w < workers; w++)
                assert_int_equal(worker_start(r.workers[w]), 0);
            turn(&r);
            struct writer *text = writer_text.open(&(struct writer_opts){ 0 });
            struct buf out = { 0 };
            render_lines(text, r.registry, now_mono_ns(), &out);
            buf_append_char(&out, '\0');
            assert_string_equal(out.ptr, rows[row].want);
            buf_release(&out);
            text->ops->close(text);
            rig_release(&r);
        }
    }
    close(stamping);
}

static void stamps_end_after_the_first_datagrams_and_come_back_with_a_relative_change(void **unused)
{
    (void)unused;
    static const char *const schemes[SOCKETS] = { "udp", "udp" };
    static struct rig r; /* aligned, which a sanitizer's stack is not */
    rig_init(&r, 1, schemes);
    assert_int_equal(worker_start(r.workers[0]), 0);
    const int fd = r.listeners[0].fds[0];
    int on = 0;
    socklen_t len = sizeof on;
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, &len), 0);
    assert_true(on);
    for (int i = 0; i < WORKER_STAMPED_FIRST + 200; i++) {
        assert_int_equal(send(r.senders[0], "c:1|c", 5, 0), 5);
        if (i % 100 == 0)
            turn(&r);
    }
    turn(&r);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, &len), 0);
    assert_false(on);
    for (int i = 0; i < 3; i++) { /* seen, then heeded by the next read of each socket */
        assert_int_equal(send(r.senders[1], "g:+1|g", 6, 0), 6);
        assert_int_equal(send(r.senders[0], "c:1|c", 5, 0), 5);
        turn(&r);
    }
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, &len), 0);
    assert_true(on);
    rig_release(&r);
}

static bool stamped(const struct rig *r)
{
    int on = 0;
    socklen_t len = sizeof on;
    const int fd = r->listeners[0].fds[0];
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, &len), 0);
    return on != 0;
}

/* Send datagrams without relative changes, that far apart, until they are stamped, or no more. */
static bool await_stamps(const struct rig *r, bool want, long apart_ns)
{
    const uint64_t until_ms = now_mono_ms() + 30000;
    while (stamped(r) != want && now_mono_ms() < until_ms) {
        assert_int_equal(send(r->senders[0], "g:1|g", 5, 0), 5);
        nanosleep(&(struct timespec){ .tv_nsec = apart_ns }, NULL);
    }
    return stamped(r) == want;
}

/*
 * What comes later, on a socket that is read at once, would be read earlier: only stamps tell which
 * was last.
 */
static void datagrams_are_stamped_while_they_wait_long(void **unused)
{
    (void)unused;
    static const char *const schemes[SOCKETS] = { "udp", "udp" };
    static struct rig r; /* aligned, which a sanitizer's stack is not */
    rig_init_large(&r, 2, schemes, 32 << 20);
    if (gather_most_ms((uint64_t)dgram_rcvbuf(r.listeners[0].fds[0])) <= GATHER_MS_FIRST) {
        rig_release(&r);
        skip(); /* net.core.rmem_max allows no buffer for long waits */
    }
    for (unsigned w = 0; w < r.n_workers; w++)
        assert_int_equal(worker_start(r.workers[w]), 0);
    for (int i = 0; i < WORKER_STAMPED_FIRST + 200; i++) {
        assert_int_equal(send(r.senders[0], "g:1|g", 5, 0), 5);
        if (i % 100 == 0)
            turn(&r);
    }
    assert_true(await_stamps(&r, false, 20000000)); /* one by one: read as they come */
    assert_true(await_stamps(&r, true, 200000));
    assert_true(await_stamps(&r, false, 20000000));
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_of_a_gauge_count_in_the_order_of_their_arrival),
        cmocka_unit_test(stamps_end_after_the_first_datagrams_and_come_back_with_a_relative_change),
        cmocka_unit_test(datagrams_are_stamped_while_they_wait_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
