/*
 * Workers on real sockets of the loopback: what was sent before a turn is in its page, and nothing
 * is lost or counted twice.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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

#include "aggregate/registry.h"
#include "base/now.h"
#include "listen/listener.h"
#include "listen/worker.h"
#include "expose/render.h"
#include "support/sanitized.h"

enum { WAIT_S = 20, WORKERS_MAX = 4 };

struct rig {
    struct series_limit limit;
    struct profiles *profiles;
    struct worker *workers[WORKERS_MAX];
    unsigned n;
    struct registry *registry;
    struct writer *writer;
    sem_t turned;
    struct ingest_counters seen[WORKERS_MAX];
    uint64_t rejected[WORKERS_MAX][REASON_COUNT];
    struct socket_stats sockets[WORKERS_MAX][WORKER_SOCKETS_MAX];
    struct buf text;
};

static void on_turned(void *rig)
{
    sem_post(&((struct rig *)rig)->turned);
}

static void rig_init(struct rig *r, unsigned n)
{
    static const double median[] = { 0.5 };
    memset(r, 0, sizeof *r);
    r->n = n;
    sem_init(&r->turned, 0, 0);
    assert_int_equal(series_limit_init(&r->limit, 100000), 0);
    r->profiles = profiles_new(&(struct profile){ .quantiles = median,
                                                  .n_quantiles = 1,
                                                  .summary_max_age_ms = 600000,
                                                  .summary_age_buckets = 5,
                                                  .sketch_schema = 5,
                                                  .scale = 1 });
    struct worker_opts o = { .lane = { .parse = PARSE_OPTS_DEFAULT,
                                       .ingest = { .tags = TAGS_OPTS_DEFAULT,
                                                   .profiles = r->profiles,
                                                   .limit = &r->limit } },
                             .notify = on_turned,
                             .cookie = r };
    for (o.index = 0; o.index < n; o.index++)
        assert_int_equal(worker_new(&o, &r->workers[o.index]), 0);
    r->registry =
        registry_new(&(struct registry_opts){ .profiles = r->profiles, .limit = &r->limit });
    r->writer = writer_text.open(&(struct writer_opts){ 0 });
}

static void rig_start(struct rig *r)
{
    for (unsigned i = 0; i < r->n; i++)
        assert_int_equal(worker_start(r->workers[i]), 0);
}

static void rig_release(struct rig *r)
{
    for (unsigned i = 0; i < r->n; i++)
        worker_join(r->workers[i]);
    r->writer->ops->close(r->writer);
    registry_free(r->registry);
    profiles_free(r->profiles);
    series_limit_release(&r->limit);
    sem_destroy(&r->turned);
    buf_release(&r->text);
}

static void wait_for_turn(struct rig *r)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    while (sem_timedwait(&r->turned, &until) < 0)
        if (errno != EINTR)
            fail_msg("a worker did not turn its page");
}

/* The turn that was asked for. */
static void end_turn(struct rig *r)
{
    for (unsigned i = 0; i < r->n; i++)
        wait_for_turn(r);
    for (unsigned i = 0; i < r->n; i++) {
        const struct socket_stats *sockets;
        struct page *p = worker_take(r->workers[i], &sockets);
        assert_non_null(p);
        registry_merge(r->registry, p, now_mono_ns());
        r->seen[i] = *page_stats(p);
        memcpy(r->rejected[i], page_rejected(p), sizeof r->rejected[i]);
        memcpy(r->sockets[i], sockets, sizeof r->sockets[i]);
        worker_give(r->workers[i], p);
    }
}

static void turn(struct rig *r, bool last)
{
    for (unsigned i = 0; i < r->n; i++)
        worker_ask_turn(r->workers[i], last);
    end_turn(r);
}

static uint64_t stat_of(const struct rig *r, enum ingest_counter id)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < r->n; i++)
        sum += r->seen[i].v[id];
    return sum;
}

/* Of all sockets, as of the last turn. */
static struct socket_stats received(const struct rig *r)
{
    struct socket_stats sum = { 0 };
    for (unsigned w = 0; w < r->n; w++) {
        for (unsigned i = 0; i < WORKER_SOCKETS_MAX; i++) {
            sum.datagrams += r->sockets[w][i].datagrams;
            sum.bytes += r->sockets[w][i].bytes;
            sum.errors += r->sockets[w][i].errors;
        }
    }
    return sum;
}

static const char *text_of(struct rig *r)
{
    buf_clear(&r->text);
    render_lines(r->writer, r->registry, now_mono_ns(), &r->text);
    buf_append_char(&r->text, '\0');
    return r->text.ptr;
}

static double value_of(struct rig *r, const char *name)
{
    char start[128];
    snprintf(start, sizeof start, "%s ", name);
    for (const char *at = text_of(r); (at = strstr(at, start)) != NULL; at++)
        if (at == r->text.ptr || at[-1] == '\n')
            return strtod(at + strlen(start), NULL);
    return -1;
}

static void open_listener(const char *url, unsigned workers, struct listener *l)
{
    static const struct listen_address defaults = { .rcvbuf = 8 << 20,
                                                    .mode = LISTEN_MODE_DEFAULT };
    struct listen_address a;
    struct buf error = { 0 };
    if (socket_url_parse(slice_str(url), &defaults, &a, &error) < 0 ||
        listener_open(&a, workers, l, &error) < 0)
        fail_msg("%.*s", (int)error.len, error.ptr);
    buf_release(&error);
}

static void abstract_url(char url[64], const char *query)
{
    static int n;
    snprintf(url, 64, "unixgram://@test_worker.%d.%d%s", (int)getpid(), n++, query);
}

static void hand_out(struct rig *r, const struct listener *l)
{
    for (unsigned i = 0; i < l->n; i++)
        assert_true(worker_add_socket(r->workers[i % r->n], l->fds[i], &l->address) >= 0);
}

static int sender_to(const struct listener *l)
{
    int fd = socket(l->address.addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&l->address.addr, l->address.addr_len),
                     0);
    return fd;
}

/* returns  1: a datagram more */
static unsigned send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    return 1;
}

/* ---- freshness ---- */

static void what_was_sent_before_a_turn_is_in_its_page(void **unused)
{
    (void)unused;
    for (unsigned workers = 1; workers <= 3; workers += 2) {
        struct rig r;
        struct listener udp, local;
        char url[64];
        abstract_url(url, "");
        rig_init(&r, workers);
        open_listener("udp://127.0.0.1:0", workers, &udp);
        open_listener(url, workers, &local);
        hand_out(&r, &udp);
        hand_out(&r, &local);
        rig_start(&r);
        int senders[6], to_local = sender_to(&local);
        for (unsigned i = 0; i < ARRAY_LEN(senders); i++)
            senders[i] = sender_to(&udp);
        uint64_t sent = 0;
        for (unsigned round = 1; round <= 200; round++) {
            for (unsigned i = 0; i < round % 17; i++, sent++)
                send_text(i % 5 == 4 ? to_local : senders[i % ARRAY_LEN(senders)],
                          "x:1|c\nt:5|ms\n");
            turn(&r, false);
            if (sent > 0)
                assert_true(value_of(&r, "x") == (double)sent &&
                            value_of(&r, "t_count") == (double)sent);
            assert_int_equal(received(&r).datagrams, sent);
            assert_int_equal(received(&r).bytes, sent * strlen("x:1|c\nt:5|ms\n"));
            assert_int_equal(stat_of(&r, INGEST_SAMPLES_AGGREGATED), 2 * sent);
        }
        assert_int_equal(stat_of(&r, INGEST_PAGE_TURNS), 200 * workers);
        assert_int_equal(stat_of(&r, INGEST_PAGE_TURNS_LATE), 0);
        assert_int_equal(received(&r).errors, 0);
        for (unsigned i = 0; i < ARRAY_LEN(senders); i++)
            close(senders[i]);
        close(to_local);
        rig_release(&r);
        listener_close(&udp);
        listener_close(&local);
    }
}

static void a_burst_of_thousands_is_all_in_the_next_page(void **unused)
{
    (void)unused;
    struct rig r;
    struct listener l;
    rig_init(&r, 1);
    open_listener("udp://127.0.0.1:0", 1, &l);
    hand_out(&r, &l);
    rig_start(&r);
    int s = sender_to(&l);
    uint64_t sent = 0;
    for (unsigned burst = 0; burst < 10; burst++) {
        for (unsigned i = 0; i < 3000; i++, sent++)
            send_text(s, "x:1|c");
        turn(&r, false);
        /* A page that was asked for when all was delivered has all, or the kernel had no room. */
        assert_int_equal(received(&r).datagrams + r.sockets[0][0].kernel_drops, sent);
        assert_true(value_of(&r, "x") == (double)received(&r).datagrams);
    }
    close(s);
    rig_release(&r);
    listener_close(&l);
}

static void counters_of_sockets_are_told_apart(void **unused)
{
    (void)unused;
    struct rig r;
    struct listener l[3];
    rig_init(&r, 1);
    for (unsigned i = 0; i < 3; i++) {
        open_listener("udp://127.0.0.1:0", 1, &l[i]);
        assert_int_equal(worker_add_socket(r.workers[0], l[i].fds[0], &l[i].address), i);
    }
    rig_start(&r);
    for (unsigned i = 0; i < 3; i++) {
        int s = sender_to(&l[i]);
        for (unsigned n = 0; n < 10 * (i + 1); n++)
            send_text(s, "x:1|c");
        close(s);
    }
    turn(&r, false);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(r.sockets[0][i].datagrams, 10 * (i + 1));
        assert_int_equal(r.sockets[0][i].kernel_drops, 0);
    }
    rig_release(&r);
    for (unsigned i = 0; i < 3; i++)
        listener_close(&l[i]);
}

static void a_worker_has_room_for_so_many_sockets(void **unused)
{
    (void)unused;
    struct rig r;
    int fds[WORKER_SOCKETS_MAX + 1];
    const struct listen_address a = { .transport = LISTEN_UDP };
    rig_init(&r, 1);
    for (int i = 0; i <= WORKER_SOCKETS_MAX; i++) {
        fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        int want = i < WORKER_SOCKETS_MAX ? i : -E2BIG;
        assert_int_equal(worker_add_socket(r.workers[0], fds[i], &a), want);
    }
    rig_release(&r); /* never started */
    for (int i = 0; i <= WORKER_SOCKETS_MAX; i++)
        close(fds[i]);
}

/* ---- what sockets differ in ---- */

static int sender_from(const char *host, const struct listener *l)
{
    struct sockaddr_in from = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(inet_pton(AF_INET, host, &from.sin_addr), 1);
    assert_int_equal(bind(fd, (const struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&l->address.addr, l->address.addr_len),
                     0);
    return fd;
}

/* In turn from one that may and one that may not, so that they come in one batch, too. */
static void only_senders_that_a_socket_allows_are_heard_there(void **unused)
{
    enum { EACH = 100 };
    (void)unused;
    struct rig r;
    struct listener l[2];
    static const char *const urls[] = { "udp://127.0.0.1:0?allow=127.0.0.2", "udp://127.0.0.1:0" };
    rig_init(&r, 1);
    for (unsigned i = 0; i < 2; i++) {
        open_listener(urls[i], 1, &l[i]);
        hand_out(&r, &l[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        int good = sender_from("127.0.0.2", &l[i]), bad = sender_from("127.0.0.3", &l[i]);
        for (unsigned n = 0; n < EACH; n++) {
            send_text(good, i == 0 ? "good:1|c" : "all:1|c");
            send_text(bad, i == 0 ? "bad:1|c" : "all:1|c");
        }
        close(good);
        close(bad);
    }
    rig_start(&r);
    turn(&r, false);
    assert_true(value_of(&r, "good") == EACH);
    assert_true(value_of(&r, "bad") == -1);
    assert_true(value_of(&r, "all") == 2 * EACH);
    const struct socket_stats *is = r.sockets[0];
    assert_true(is[0].datagrams == 2 * EACH && is[0].not_allowed == EACH);
    assert_true(is[1].datagrams == 2 * EACH && is[1].not_allowed == 0);
    struct sockaddr_in last;
    memcpy(&last, &is[0].stranger, sizeof last);
    assert_int_equal(ntohl(last.sin_addr.s_addr), 0x7f000003);
    rig_release(&r);
    for (unsigned i = 0; i < 2; i++)
        listener_close(&l[i]);
}

static void the_sign_of_a_gauge_is_read_as_the_socket_says(void **unused)
{
    (void)unused;
    static const char *const queries[] = {
        "?gauge_sign=auto",
        "?gauge_sign=delta",
        "?gauge_sign=absolute",
    };
    struct rig r;
    struct listener l[3];
    int s[3];
    rig_init(&r, 1);
    for (unsigned i = 0; i < 3; i++) {
        char url[64];
        abstract_url(url, queries[i]);
        open_listener(url, 1, &l[i]);
        hand_out(&r, &l[i]);
        s[i] = sender_to(&l[i]);
    }
    rig_start(&r);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 3; i++) {
            char line[64];
            snprintf(line, sizeof line, "g%u:-5|g\ng%u:-5|g", i, i);
            send_text(s[i], line);
        }
        turn(&r, false);
    }
    assert_true(value_of(&r, "g1") == -30);
    char text[32];
    snprintf(text, sizeof text, "g2 -5\n");
    assert_non_null(strstr(text_of(&r), text));
    for (unsigned i = 0; i < 3; i++)
        close(s[i]);
    rig_release(&r);
    for (unsigned i = 0; i < 3; i++)
        listener_close(&l[i]);
}

/*
 * Some thousand datagrams a second are read every few milliseconds; a turn still has each that came
 * before it.
 */
static void a_stream_that_is_gathered_is_whole_at_every_turn(void **unused)
{
    (void)unused;
    const struct timespec apart = { .tv_nsec = 200000 };
    struct rig r;
    struct listener l;
    rig_init(&r, 1);
    open_listener("udp://127.0.0.1:0", 1, &l);
    hand_out(&r, &l);
    rig_start(&r);
    int fd = sender_to(&l);
    for (unsigned sent = 1; sent <= 600; sent++) {
        send_text(fd, "x:1|c");
        nanosleep(&apart, NULL);
        if (sent % 37 != 0)
            continue;
        turn(&r, false);
        assert_true(value_of(&r, "x") == sent);
    }
    close(fd);
    turn(&r, true);
    assert_true(value_of(&r, "x") == 600);
    rig_release(&r);
    listener_close(&l);
}

/*
 * A Unix socket holds few datagrams (net.unix.max_dgram_qlen, 10 where nobody raised it), and who
 * finds it full waits or drops: so it is read as soon as it is readable.  The sender's small buffer
 * makes the queue as short on every machine.
 */
static void a_sender_on_a_unix_socket_is_not_made_to_wait(void **unused)
{
    (void)unused;
    /* Six fit in the queue: read every 4 ms, SENT would take 2,000 ms. */
    enum { APART = 300, SENT = 3000, MS_MAX = 1000 };
    const struct timespec apart = { .tv_nsec = 200000 };
    const int smallest = 1;
    struct rig r;
    struct listener l;
    char url[64];
    abstract_url(url, "");
    rig_init(&r, 1);
    open_listener(url, 1, &l);
    hand_out(&r, &l);
    rig_start(&r);
    int fd = sender_to(&l);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest), 0);
    for (int i = 0; i < APART; i++) { /* over UDP this would begin the gathering */
        send_text(fd, "x:1|c");
        nanosleep(&apart, NULL);
    }
    uint64_t start_ms = now_mono_ms();
    for (int i = 0; i < SENT; i++)
        send_text(fd, "x:1|c");
    assert_in_range(now_mono_ms() - start_ms, 0, MS_MAX);
    close(fd);
    turn(&r, true);
    assert_true(value_of(&r, "x") == APART + SENT);
    rig_release(&r);
    listener_close(&l);
}

/* Two spellings of one gauge are two cells; only the times of their samples say which was last. */
static void the_last_word_on_a_gauge_wins_past_a_full_batch(void **unused)
{
    (void)unused;
    char line[DATAGRAM_MAX];
    size_t n = 0;
    for (int i = 0; i < INGEST_BATCH_MAX; i++)
        n += (size_t)snprintf(line + n, sizeof line - n, "g:%d|g|#b:2,a:1\n", i);
    n += (size_t)snprintf(line + n, sizeof line - n, "g:999|g|#a:1,b:2");
    struct rig r;
    struct listener l;
    rig_init(&r, 1);
    open_listener("udp://127.0.0.1:0", 1, &l);
    hand_out(&r, &l);
    rig_start(&r);
    int fd = sender_to(&l);
    assert_int_equal(send(fd, line, n, 0), n);
    close(fd);
    turn(&r, false);
    assert_true(value_of(&r, "g{a=\"1\",b=\"2\"}") == 999);
    rig_release(&r);
    listener_close(&l);
}

static void a_datagram_beyond_the_largest_counts_its_whole_lines(void **unused)
{
    (void)unused;
    enum { BYTES = 100000 };
    struct rig r;
    struct listener l;
    char url[64];
    abstract_url(url, "");
    rig_init(&r, 1);
    open_listener(url, 1, &l);
    hand_out(&r, &l);
    rig_start(&r);
    int s = sender_to(&l), room = 1 << 20;
    assert_int_equal(setsockopt(s, SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
    char *big = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++)
        big[i] = "x:1|c\n"[i % 6];
    assert_int_equal(send(s, big, DATAGRAM_MAX, 0), DATAGRAM_MAX); /* 10,922 lines and "x:1" */
    turn(&r, false);
    assert_int_equal(r.rejected[0][REASON_TRUNCATED], 0);
    assert_true(value_of(&r, "x") == DATAGRAM_MAX / 6);
    uint64_t bad = stat_of(&r, INGEST_SAMPLES_READ) - stat_of(&r, INGEST_SAMPLES_AGGREGATED);
    assert_int_equal(bad, 1);
    assert_int_equal(send(s, big, BYTES, 0), BYTES);
    turn(&r, false);
    assert_int_equal(r.rejected[0][REASON_TRUNCATED], 1);
    assert_true(value_of(&r, "x") == 2.0 * (DATAGRAM_MAX / 6));
    send_text(s, "x:1|c"); /* the buffer is as good as before */
    turn(&r, false);
    assert_int_equal(r.rejected[0][REASON_TRUNCATED], 1);
    assert_true(value_of(&r, "x") == 2.0 * (DATAGRAM_MAX / 6) + 1);
    free(big);
    close(s);
    rig_release(&r);
    listener_close(&l);
}

/* ---- another socket in the place of one ---- */

/* Wait until the worker has it, and turn the page. */
static void renew(struct rig *r, int fd)
{
    worker_renew_socket(r->workers[0], 0, fd);
    turn(r, false);
    assert_true(worker_may_renew(r->workers[0], 0));
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void the_socket_before_is_read_until_the_one_after_the_next_is_there(void **unused)
{
    (void)unused;
    enum { SOCKETS = 4 };
    struct rig r;
    struct listener l[SOCKETS];
    int s[SOCKETS];
    rig_init(&r, 1);
    for (unsigned i = 0; i < SOCKETS; i++) {
        char url[64];
        abstract_url(url, "?gauge_sign=absolute");
        open_listener(url, 1, &l[i]);
        s[i] = sender_to(&l[i]);
    }
    hand_out(&r, &l[0]);
    rig_start(&r);
    unsigned sent = 0;
    for (unsigned i = 0; i < SOCKETS; i++) {
        if (i > 1)
            sent += send_text(s[i - 2], "x:1|c"); /* read before its socket is closed */
        if (i > 0) {
            renew(&r, l[i].fds[0]);
            sent += send_text(s[i - 1], "x:1|c");
        }
        if (i > 1)
            assert_true(send(s[i - 2], "x:1|c", 5, 0) == -1);
        sent += send_text(s[i], "x:1|c\ng:-5|g");
        turn(&r, false);
        assert_true(value_of(&r, "x") == sent && value_of(&r, "g") == -5);
        assert_int_equal(r.sockets[0][0].datagrams, sent);
        assert_int_equal(received(&r).datagrams, sent);
    }
    assert_false(is_open(l[0].fds[0]) || is_open(l[1].fds[0]));
    assert_true(is_open(l[2].fds[0]) && is_open(l[3].fds[0]));
    rig_release(&r);
    assert_false(is_open(l[2].fds[0])); /* the worker's */
    listener_close(&l[3]);
    for (unsigned i = 0; i < SOCKETS; i++)
        close(s[i]);
}

static void the_last_turn_reads_the_socket_before_as_well(void **unused)
{
    (void)unused;
    for (unsigned join_at_once = 0; join_at_once < 2; join_at_once++) {
        struct rig r;
        struct listener l[2];
        int s[2];
        rig_init(&r, 1);
        for (unsigned i = 0; i < 2; i++) {
            char url[64];
            abstract_url(url, "");
            open_listener(url, 1, &l[i]);
            s[i] = sender_to(&l[i]);
        }
        hand_out(&r, &l[0]);
        rig_start(&r);
        worker_renew_socket(r.workers[0], 0, l[1].fds[0]);
        send_text(s[0], "x:1|c");
        send_text(s[1], "x:1|c");
        if (!join_at_once) {
            listener_refuse(&l[1]);
            turn(&r, true);
            assert_true(value_of(&r, "x") == 2);
            assert_true(send(s[0], "x:1|c", 5, 0) == -1);
        }
        rig_release(&r);
        listener_close(&l[1]);
        assert_false(is_open(l[0].fds[0]));
        close(s[0]);
        close(s[1]);
    }
}

/* ---- the end ---- */

static void what_the_kernel_dropped_is_counted(void **unused)
{
    (void)unused;
    struct rig r;
    struct listener l;
    rig_init(&r, 1);
    open_listener("udp://127.0.0.1:0?rcvbuf=4096", 1, &l);
    hand_out(&r, &l);
    int s = sender_to(&l);
    uint64_t sent = 0;
    for (; sent < 2000; sent++)
        send_text(s, "x:1|c");
    rig_start(&r);
    turn(&r, false);
    uint64_t drops = r.sockets[0][0].kernel_drops;
    assert_true(drops > 0);
    assert_int_equal(received(&r).datagrams + drops, sent);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 500; i++, sent++)
            send_text(s, "x:1|c");
        turn(&r, false);
    }
    listener_refuse(&l);
    turn(&r, true);
    assert_int_equal(received(&r).datagrams + r.sockets[0][0].kernel_drops, sent);
    assert_int_equal(r.sockets[0][0].datagrams, received(&r).datagrams);
    assert_true(value_of(&r, "x") == (double)received(&r).datagrams);
    close(s);
    rig_release(&r);
    listener_close(&l);
}

static void drops_before_the_worker_began_are_counted_from_none(void **unused)
{
    (void)unused;
    struct rig r;
    struct listener l;
    rig_init(&r, 2);
    open_listener("udp://127.0.0.1:0?rcvbuf=4096", 2, &l);
    hand_out(&r, &l);
    rig_start(&r);
    turn(&r, false);
    assert_int_equal(r.sockets[0][0].kernel_drops + r.sockets[1][0].kernel_drops, 0);
    rig_release(&r);
    listener_close(&l);
}

static void the_last_turn_reads_all_that_was_taken_before_the_refusal(void **unused)
{
    (void)unused;
    char local[64];
    abstract_url(local, "");
    const char *const urls[] = { "udp://127.0.0.1:0", "udp://[::1]:0", local };
    for (unsigned u = 0; u < ARRAY_LEN(urls); u++) {
        struct rig r;
        struct listener l;
        rig_init(&r, 2);
        open_listener(urls[u], 2, &l);
        hand_out(&r, &l);
        bool udp = l.address.transport == LISTEN_UDP;
        uint64_t sent = 0;
        if (!udp)
            rig_start(&r); /* the queue of a Unix socket is short: somebody must read */
        for (unsigned i = 0; i < 40; i++) {
            int s = sender_to(&l);
            for (unsigned n = 0; n < 50; n++, sent++)
                send_text(s, "x:1|c");
            close(s);
        }
        listener_refuse(&l);
        if (udp)
            rig_start(&r);
        turn(&r, true);
        assert_int_equal(received(&r).datagrams, sent);
        assert_true(value_of(&r, "x") == (double)sent);
        rig_release(&r);
        listener_close(&l);
    }
}

struct flood {
    const struct listener *to;
    _Atomic bool stop;
};

/*
 * Datagrams that take longer to parse than to send.  Under a sanitizer short ones do, and a worker
 * would be busy for half a minute with as many large ones as it reads at once.
 */
static void *flood_run(void *cookie)
{
    struct flood *f = cookie;
    static char big[SANITIZED ? 1500 : 60000];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = "x:1|c\n"[i % 6];
    int fd = sender_to(f->to);
    while (!f->stop)
        (void)send(fd, big, sizeof big, 0);
    close(fd);
    return NULL;
}

/*
 * Neither a scrape nor the end of the server waits for the end of a flood; listener_refuse, which
 * cannot always stop it, is not called here.
 */
static void a_turn_ends_though_a_flood_goes_on(void **unused)
{
    (void)unused;
    struct rig r;
    struct listener l;
    pthread_t thread;
    rig_init(&r, 1);
    /* Under a sanitizer, one that is soon worked off. */
    open_listener(SANITIZED ? "udp://127.0.0.1:0?rcvbuf=1MiB" : "udp://127.0.0.1:0?rcvbuf=4MiB", 1,
                  &l);
    hand_out(&r, &l);
    rig_start(&r);
    struct flood flood = { .to = &l };
    assert_int_equal(pthread_create(&thread, NULL, flood_run, &flood), 0);
    do {
        turn(&r, false);
    } while (r.sockets[0][0].kernel_drops == 0); /* its queue is full */
    turn(&r, true);
    flood.stop = true;
    pthread_join(thread, NULL);
    rig_release(&r);
    listener_close(&l);
}

static bool holds_something(const struct listener *l)
{
    char byte;
    bool any = false;
    for (unsigned i = 0; i < l->n; i++)
        any |= recv(l->fds[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
    return any;
}

static void what_comes_in_a_pause_stays_in_the_sockets_until_they_are_read_again(void **unused)
{
    (void)unused;
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct rig r;
        struct listener udp, local;
        char url[64];
        abstract_url(url, "");
        rig_init(&r, workers);
        open_listener("udp://127.0.0.1:0", workers, &udp);
        open_listener(url, workers, &local);
        hand_out(&r, &udp);
        hand_out(&r, &local);
        rig_start(&r);
        int to_udp = sender_to(&udp), to_local = sender_to(&local);
        double sent = 0;
        for (unsigned round = 0; round < 50; round++) {
            sent += send_text(to_udp, "x:1|c");
            sent += send_text(to_local, "x:1|c");
            for (unsigned i = 0; i < workers; i++)
                worker_ask_pause(r.workers[i]);
            end_turn(&r);
            assert_true(value_of(&r, "x") == sent);
            sent += send_text(to_udp, "x:1|c");
            sent += send_text(to_local, "x:1|c");
            assert_true(holds_something(&udp) && holds_something(&local));
            for (unsigned i = 0; i < workers; i++)
                worker_read_again(r.workers[i]);
            turn(&r, false); /* asked for while the workers have not seen yet that they may */
            assert_true(value_of(&r, "x") == sent);
        }
        close(to_udp);
        close(to_local);
        rig_release(&r);
        listener_close(&udp);
        listener_close(&local);
    }
}

/* A scrape may come while the server waits for its sinks; sockets may be kept for its successor. */
static void a_turn_after_the_last_one_reads_nothing(void **unused)
{
    (void)unused;
    char local[64];
    abstract_url(local, "");
    const char *const urls[] = { "udp://127.0.0.1:0", local };
    for (unsigned u = 0; u < ARRAY_LEN(urls); u++) {
        struct rig r;
        struct listener l;
        rig_init(&r, 2);
        open_listener(urls[u], 2, &l);
        hand_out(&r, &l);
        rig_start(&r);
        int s = sender_to(&l);
        send_text(s, "x:1|c");
        turn(&r, true);
        send_text(s, "x:1|c");
        turn(&r, true);
        assert_true(value_of(&r, "x") == 1);
        assert_true(holds_something(&l));
        close(s);
        rig_release(&r);
        listener_close(&l);
    }
}

static void a_worker_joins_whatever_it_was_doing(void **unused)
{
    (void)unused;
    for (unsigned how = 0; how < 4; how++) {
        struct rig r;
        struct listener l;
        rig_init(&r, 2);
        open_listener("udp://127.0.0.1:0", 2, &l);
        hand_out(&r, &l);
        if (how > 0)
            rig_start(&r);
        int s = sender_to(&l);
        for (unsigned i = 0; i < 500; i++)
            send_text(s, "x:1|c\nt:1|ms\ns:a|s");
        if (how == 2)
            turn(&r, false);
        if (how == 3)
            worker_ask_turn(r.workers[0], false); /* and nobody takes the page */
        close(s);
        rig_release(&r);
        listener_close(&l);
    }
    worker_join(NULL);
}

/* What cannot be watched (a file, here) stays in hand: the socket before is read further. */
static void a_renewal_that_fails_is_tried_again(void **unused)
{
    (void)unused;
    struct rig r;
    struct listener l;
    char url[64];
    abstract_url(url, "");
    rig_init(&r, 1);
    open_listener(url, 1, &l);
    hand_out(&r, &l);
    rig_start(&r);
    int s = sender_to(&l), file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    worker_renew_socket(r.workers[0], 0, file);
    for (unsigned i = 1; i <= 3; i++) {
        send_text(s, "x:1|c");
        turn(&r, false);
        assert_false(worker_may_renew(r.workers[0], 0));
        assert_true(value_of(&r, "x") == i);
    }
    close(s);
    rig_release(&r);
    l.fds[0] = -1; /* closed by the worker, which was given another in its place */
    listener_close(&l);
    close(file);
}

/* Nobody is given the socket before: its clients are told to connect again. */
static void a_pause_ends_the_socket_before(void **unused)
{
    (void)unused;
    struct rig r;
    struct listener l[2];
    int s[2];
    rig_init(&r, 1);
    for (unsigned i = 0; i < 2; i++) {
        char url[64];
        abstract_url(url, "");
        open_listener(url, 1, &l[i]);
        s[i] = sender_to(&l[i]);
    }
    hand_out(&r, &l[0]);
    rig_start(&r);
    renew(&r, l[1].fds[0]);
    unsigned sent = send_text(s[0], "x:1|c");
    worker_ask_pause(r.workers[0]);
    end_turn(&r);
    assert_true(value_of(&r, "x") == sent); /* it was read to its end */
    assert_int_equal(send(s[0], "x:1|c", 5, 0), -1);
    sent += send_text(s[1], "x:1|c");
    worker_read_again(r.workers[0]);
    turn(&r, true);
    assert_true(value_of(&r, "x") == sent);
    for (unsigned i = 0; i < 2; i++)
        close(s[i]);
    rig_release(&r);
    l[0].fds[0] = -1; /* the worker's since the renewal, and closed */
    for (unsigned i = 0; i < 2; i++)
        listener_close(&l[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sent_before_a_turn_is_in_its_page),
        cmocka_unit_test(a_burst_of_thousands_is_all_in_the_next_page),
        cmocka_unit_test(counters_of_sockets_are_told_apart),
        cmocka_unit_test(a_worker_has_room_for_so_many_sockets),
        cmocka_unit_test(only_senders_that_a_socket_allows_are_heard_there),
        cmocka_unit_test(the_sign_of_a_gauge_is_read_as_the_socket_says),
        cmocka_unit_test(a_stream_that_is_gathered_is_whole_at_every_turn),
        cmocka_unit_test(a_sender_on_a_unix_socket_is_not_made_to_wait),
        cmocka_unit_test(the_last_word_on_a_gauge_wins_past_a_full_batch),
        cmocka_unit_test(a_datagram_beyond_the_largest_counts_its_whole_lines),
        cmocka_unit_test(the_socket_before_is_read_until_the_one_after_the_next_is_there),
        cmocka_unit_test(the_last_turn_reads_the_socket_before_as_well),
        cmocka_unit_test(what_the_kernel_dropped_is_counted),
        cmocka_unit_test(drops_before_the_worker_began_are_counted_from_none),
        cmocka_unit_test(the_last_turn_reads_all_that_was_taken_before_the_refusal),
        cmocka_unit_test(a_turn_ends_though_a_flood_goes_on),
        cmocka_unit_test(what_comes_in_a_pause_stays_in_the_sockets_until_they_are_read_again),
        cmocka_unit_test(a_turn_after_the_last_one_reads_nothing),
        cmocka_unit_test(a_worker_joins_whatever_it_was_doing),
        cmocka_unit_test(a_renewal_that_fails_is_tried_again),
        cmocka_unit_test(a_pause_ends_the_socket_before),
    };
    return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
