/*
 * Connections that a worker reads: however a stream is cut, it brings what its lines or frames
 * bring as datagrams; and channels that are no plain descriptors get all that they need.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "aggregate/registry.h"
#include "base/hash.h"
#include "base/now.h"
#include "listen/connection.h"
#include "listen/worker.h"

struct rig {
    struct series_limit limit;
    struct profiles *profiles;
    struct registry *registry;
    struct worker *w;
    sem_t turned;
    struct connection_stack back;
    struct ingest_counters seen;
    uint64_t rejected[REASON_COUNT];
    struct socket_stats stats;
    struct hash128 digest; /* of all lines, in their order */
    uint64_t lines;
    sem_t stalled, go_on; /* the line STALL keeps the worker from the one to the other */
};

#define STALL "stall\n"

static void on_turned(void *rig)
{
    sem_post(&((struct rig *)rig)->turned);
}

/* Lines may be delivered together or alone, with or without the last LF. */
static void on_datagram(void *cookie, const struct lane_datagram *d)
{
    struct rig *r = cookie;
    const char *ptr = d->ptr, *stop = d->ptr + d->len;
    if (d->len == strlen(STALL) && memcmp(ptr, STALL, d->len) == 0) {
        sem_post(&r->stalled);
        sem_wait(&r->go_on);
    }
    while (ptr < stop) {
        const char *lf = memchr(ptr, '\n', (size_t)(stop - ptr)), *end = lf ? lf : stop;
        r->digest = hash_join(r->digest, hash_bytes(ptr, (size_t)(end - ptr)));
        r->lines++;
        ptr = lf ? lf + 1 : stop;
    }
}

static struct rig *rig_new(enum framing_kind framing, uint64_t idle_ms)
{
    struct rig *r = calloc(1, sizeof *r);
    sem_init(&r->turned, 0, 0);
    sem_init(&r->stalled, 0, 0);
    sem_init(&r->go_on, 0, 0);
    assert_int_equal(series_limit_init(&r->limit, 1000), 0);
    r->profiles =
        profiles_new(&(struct profile){ .histogram = true, .sketch_schema = 5, .scale = 1 });
    r->registry =
        registry_new(&(struct registry_opts){ .profiles = r->profiles, .limit = &r->limit });
    const struct worker_opts o = {
        .lane = { .parse = PARSE_OPTS_DEFAULT,
                  .ingest = { .tags = TAGS_OPTS_DEFAULT,
                              .profiles = r->profiles,
                              .limit = &r->limit },
                  .taps = { .on_datagram = on_datagram, .cookie = r } },
        .notify = on_turned,
        .cookie = r,
    };
    const struct listen_address a = { .transport = LISTEN_UNIX,
                                      .framing = framing,
                                      .idle_timeout_ms = idle_ms };
    assert_int_equal(worker_new(&o, &r->w), 0);
    assert_int_equal(worker_add_socket(r->w, -1, &a), 0);
    refusals_keep_lines(worker_refusals(r->w), true);
    return r;
}

static void rig_free(struct rig *r)
{
    worker_join(r->w);
    registry_free(r->registry);
    profiles_free(r->profiles);
    series_limit_release(&r->limit);
    sem_destroy(&r->turned);
    sem_destroy(&r->stalled);
    sem_destroy(&r->go_on);
    free(r);
}

/* The turn that was asked for. */
static void end_turn(struct rig *r)
{
    const struct socket_stats *stats;
    assert_int_equal(sem_wait(&r->turned), 0);
    struct page *p = worker_take(r->w, &stats);
    assert_non_null(p);
    r->stats = stats[0];
    r->seen = *page_stats(p);
    memcpy(r->rejected, page_rejected(p), sizeof r->rejected);
    registry_merge(r->registry, p, now_mono_ns());
    worker_give(r->w, p);
}

static void turn(struct rig *r, bool last)
{
    worker_ask_turn(r->w, last);
    end_turn(r);
}

/* returns  the client's end of a connection that the worker reads */
static int connect_by(struct rig *r, struct channel (*channel)(int fd))
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    struct connection *c = calloc(1, sizeof *c);
    c->back = &r->back;
    c->channel = channel(ends[1]);
    c->pid = 4711;
    worker_adopt(r->w, 0, c);
    return ends[0];
}

/* returns  how the connection has ended that came back, or STREAM_GOES_ON: none did */
static enum stream_end take_ended(struct rig *r)
{
    struct connection *c = connection_take_all(&r->back);
    if (c == NULL)
        return STREAM_GOES_ON;
    enum stream_end e = c->end;
    assert_null(c->next);
    assert_null(c->room);
    free(c);
    return e;
}

static void write_all(int fd, const char *ptr, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, ptr, len);
        assert_true(n > 0);
        ptr += n;
        len -= (size_t)n;
    }
}

/* ---- cuts ---- */

static size_t random_lines(char *to, size_t room)
{
    static const char *const lines[] = { "a:1|c",     "b:2.5|ms", "c:x|c",   "",     "d:1|g|#k:v",
                                         "e:1:2:3|c", "nonsense", " f:1|c ", "g:u|s" };
    size_t n = 0;
    while (n + 80000 < room && rand() % 200 != 0) {
        if (rand() % 40 == 0) { /* longer than a buffer, sometimes than a datagram */
            size_t len = (size_t)(rand() % 70000);
            memset(to + n, 'x', len);
            n += len;
        }
        n += (size_t)sprintf(to + n, "%s%s", lines[rand() % (int)ARRAY_LEN(lines)],
                             rand() % 50 == 0 ? "\r\n" : "\n");
    }
    return n;
}

static size_t random_frames(char *to, size_t room)
{
    size_t n = 0;
    while (n + 140000 < room && rand() % 20 != 0) {
        char *header = to + n;
        size_t len = rand() % 9 == 0 ? 0 : random_lines(header + 4, 80000 + 400) % 65536;
        for (int i = 0; i < 4; i++)
            header[i] = (char)(len >> (8 * i));
        n += 4 + len;
    }
    return n;
}

/* The same stream by one connection, in pieces of up to `piece` bytes; turns come in between. */
static struct rig *read_stream(enum framing_kind framing, const char *ptr, size_t len, size_t piece)
{
    struct rig *r = rig_new(framing, 0);
    assert_int_equal(worker_start(r->w), 0);
    int fd = connect_by(r, channel_plain);
    while (len > 0) {
        size_t n = piece == 0 ? len : (size_t)rand() % piece + 1;
        n = n < len ? n : len;
        write_all(fd, ptr, n);
        ptr += n;
        len -= n;
        if (rand() % 20 == 0)
            turn(r, false);
    }
    close(fd);
    turn(r, false);
    assert_int_equal(take_ended(r), STREAM_END_EOF);
    return r;
}

static void however_a_stream_is_cut_it_brings_the_same(void **unused)
{
    (void)unused;
    enum { ROOM = 1 << 20, ROUNDS = 12 };
    static const size_t pieces[] = { 3, 60, 5000, 90000 };
    char *stream = malloc(ROOM);
    srand(11);
    for (int round = 0; round < ROUNDS; round++) {
        enum framing_kind framing = round % 2 == 0 ? FRAMING_LINE : FRAMING_DSD;
        size_t len =
            framing == FRAMING_LINE ? random_lines(stream, ROOM) : random_frames(stream, ROOM);
        struct rig *whole = read_stream(framing, stream, len, 0);
        for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
            if (len > 20000 * pieces[i]) /* too many writes */
                continue;
            struct rig *cut = read_stream(framing, stream, len, pieces[i]);
            assert_int_equal(cut->lines, whole->lines);
            assert_memory_equal(&cut->digest, &whole->digest, sizeof cut->digest);
            assert_memory_equal(cut->rejected, whole->rejected, sizeof cut->rejected);
            for (int id = 0; id < INGEST_COUNTER_COUNT; id++)
                if (id == INGEST_LINES || id == INGEST_SAMPLES_READ ||
                    id == INGEST_SAMPLES_AGGREGATED)
                    assert_int_equal(cut->seen.v[id], whole->seen.v[id]);
            assert_int_equal(cut->stats.bytes, len);
            assert_int_equal(cut->stats.frames, whole->stats.frames);
            rig_free(cut);
        }
        rig_free(whole);
    }
    free(stream);
}

static void a_turn_reads_what_was_sent_before_it(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(FRAMING_LINE, 0);
    int fds[200];
    assert_int_equal(worker_start(r->w), 0);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = connect_by(r, channel_plain);
        write_all(fds[i], "x:1|c\ny:", 8);
        turn(r, false);
        assert_int_equal(r->seen.v[INGEST_SAMPLES_AGGREGATED], i + 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        write_all(fds[i], "1|c", 3);
    turn(r, false);
    assert_int_equal(r->stats.bytes, ARRAY_LEN(fds) * 11);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) /* their last lines have no LF */
        close(fds[i]);
    turn(r, true);
    assert_int_equal(r->seen.v[INGEST_SAMPLES_AGGREGATED], 2 * ARRAY_LEN(fds));
    assert_int_equal(r->stats.cut, 0);
    unsigned ended = 0;
    for (struct connection *c = connection_take_all(&r->back), *next; c != NULL; c = next) {
        next = c->next;
        assert_int_equal(c->end, STREAM_END_EOF);
        free(c);
        ended++;
    }
    assert_int_equal(ended, ARRAY_LEN(fds));
    rig_free(r);
}

/* The rig that goes on with the connections of another one, as another process would. */
static void adopt_stream(void *rig, unsigned at, int fd, struct slice begun)
{
    struct rig *r = rig;
    struct connection *c = calloc(1, sizeof *c);
    assert_int_equal(at, 0);
    c->back = &r->back;
    c->channel = channel_plain(dup(fd));
    buf_append_slice(&c->begun, begun);
    worker_adopt(r->w, 0, c);
}

static void a_pause_lets_another_one_go_on_wherever_the_stream_is_cut(void **unused)
{
    static const char lines[] = "x:1|c\nlonger.name:2|c|#a:b\n",
                      frames[] = "\5\0\0\0x:1|c\5\0\0\0y:1|c";
    const struct {
        enum framing_kind framing;
        const char *ptr;
        size_t len;
    } rows[] = { { FRAMING_LINE, lines, sizeof lines - 1 },
                 { FRAMING_DSD, frames, sizeof frames - 1 } };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t cut = 0; cut <= rows[i].len; cut++) {
            struct rig *old = rig_new(rows[i].framing, 0), *new = rig_new(rows[i].framing, 0);
            assert_int_equal(worker_start(old->w), 0);
            int fd = connect_by(old, channel_plain);
            write_all(fd, rows[i].ptr, cut);
            worker_ask_pause(old->w);
            end_turn(old);
            worker_each_stream(old->w, adopt_stream, new);
            write_all(fd, rows[i].ptr + cut, rows[i].len - cut);
            const uint64_t before = old->lines;
            worker_join(old->w); /* the client does not notice */
            old->w = NULL;
            assert_int_equal(take_ended(old), STREAM_END_STOP);
            rig_free(old);
            assert_int_equal(worker_start(new->w), 0);
            turn(new, false);
            close(fd);
            turn(new, true);
            assert_int_equal(before + new->lines, 2);
            assert_int_equal(take_ended(new), STREAM_END_EOF);
            assert_int_equal(new->stats.cut, 0);
            rig_free(new);
        }
    }
}

static void a_line_that_is_being_skipped_is_skipped_by_the_next_one(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(FRAMING_LINE, 0), *next = rig_new(FRAMING_LINE, 0);
    static char much[70000];
    memset(much, 'x', sizeof much);
    assert_int_equal(worker_start(r->w), 0);
    int fd = connect_by(r, channel_plain);
    for (size_t at = 0; at < sizeof much; at += 10000) {
        write_all(fd, much + at, 10000);
        turn(r, false);
    }
    worker_ask_pause(r->w);
    end_turn(r);
    assert_int_equal(r->rejected[REASON_LINE_TOO_LONG], 1);
    worker_each_stream(r->w, adopt_stream, next);
    write_all(fd, "y:1|c\nx:1|c\n", 12);
    assert_int_equal(worker_start(next->w), 0);
    turn(next, false);
    assert_int_equal(next->seen.v[INGEST_SAMPLES_AGGREGATED], 1);
    assert_int_equal(next->rejected[REASON_LINE_TOO_LONG], 0);
    /* And whoever paused may go on after all. */
    worker_read_again(r->w);
    write_all(fd, "x:1|c\n", 6);
    close(fd);
    turn(next, true);
    turn(r, true);
    assert_int_equal(take_ended(next), STREAM_END_EOF);
    assert_int_equal(take_ended(r), STREAM_END_EOF);
    rig_free(next);
    rig_free(r);
}

static void connections_that_no_worker_took_up_come_back_closed(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(FRAMING_LINE, 0);
    char byte;
    int fd = connect_by(r, channel_plain);
    worker_join(r->w);
    r->w = NULL;
    assert_int_equal(take_ended(r), STREAM_END_STOP);
    assert_int_equal(read(fd, &byte, 1), 0);
    close(fd);
    rig_free(r);
}

/* The worker is busy for longer than the timeout, and looks at its timers before its sockets. */
static void what_waited_for_a_busy_worker_is_read_before_the_idle_timeout(void **unused)
{
    (void)unused;
    enum { IDLE_MS = 1000 };
    struct rig *r = rig_new(FRAMING_LINE, IDLE_MS);
    assert_int_equal(worker_start(r->w), 0);
    int busy = connect_by(r, channel_plain), waits = connect_by(r, channel_plain);
    int leaves = connect_by(r, channel_plain);
    write_all(waits, "x:1|c\n", 6);
    turn(r, false);
    write_all(busy, STALL, strlen(STALL));
    assert_int_equal(sem_wait(&r->stalled), 0);
    write_all(waits, "x:1|c\n", 6);
    write_all(leaves, "x:1|c", 5);
    close(leaves);
    for (uint64_t end = now_mono_ms() + IDLE_MS + 50; now_mono_ms() < end;)
        usleep(10000); /* a time to be measured */
    sem_post(&r->go_on);
    turn(r, false);
    assert_int_equal(r->seen.v[INGEST_SAMPLES_AGGREGATED], 3);
    assert_int_equal(r->stats.cut, 0);
    unsigned ends[STREAM_END_COUNT] = { 0 };
    for (struct connection *c = connection_take_all(&r->back), *next; c != NULL; c = next) {
        next = c->next;
        ends[c->end]++;
        free(c);
    }
    assert_int_equal(ends[STREAM_END_EOF], 1);
    assert_int_equal(ends[STREAM_END_IDLE], 1);
    close(busy);
    turn(r, true);
    assert_int_equal(take_ended(r), STREAM_END_STOP);
    close(waits);
    rig_free(r);
}

static void a_bad_frame_is_shown_with_who_sent_it(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(FRAMING_DSD, 0);
    assert_int_equal(worker_start(r->w), 0);
    int fd = connect_by(r, channel_plain);
    write_all(fd, "text", 4);
    turn(r, false);
    assert_int_equal(take_ended(r), STREAM_END_BAD_FRAME);
    assert_int_equal(r->rejected[REASON_BAD_FRAME], 1);
    assert_int_equal(r->stats.odd, 1);
    const struct refusal *e = refusals_next(worker_refusals(r->w), REASON_BAD_FRAME);
    assert_non_null(e);
    assert_string_equal(e->from, "pid:4711");
    assert_int_equal(e->len, 4);
    assert_memory_equal(e->text, "text", 4);
    close(fd);
    rig_free(r);
}

/* ---- a channel that is no plain descriptor ---- */

/*
 * It takes all that the kernel has at once and gives it out ten bytes at a time, as a session that
 * has decrypted more than was asked for; and before the first of them it must have sent a greeting
 * and got one byte for it.
 */
struct session {
    bool greeted, answered, asked_to_write;
    size_t at, n;
    char held[4096];
};

static ssize_t session_read(struct channel *c, char *ptr, size_t room)
{
    struct session *s = c->session;
    if (!s->asked_to_write) { /* as if the kernel had not taken it */
        s->asked_to_write = true;
        return -EAGAIN;
    }
    if (!s->greeted)
        s->greeted = write(c->fd, "hello", 5) == 5;
    if (!s->answered)
        s->answered = read(c->fd, ptr, 1) == 1;
    if (!s->answered)
        return -EAGAIN;
    if (s->at == s->n) {
        ssize_t n = read(c->fd, s->held, sizeof s->held);
        if (n <= 0)
            return n < 0 ? -errno : 0;
        s->at = 0;
        s->n = (size_t)n;
    }
    size_t n = s->n - s->at < 10 ? s->n - s->at : 10;
    n = n < room ? n : room;
    memcpy(ptr, s->held + s->at, n);
    s->at += n;
    return (ssize_t)n;
}

static bool session_more(const struct channel *c, size_t room, size_t got)
{
    (void)c;
    (void)room;
    (void)got;
    return true;
}

static size_t session_pending(const struct channel *c)
{
    const struct session *s = c->session;
    return s->n - s->at;
}

static uint32_t session_events(const struct channel *c)
{
    const struct session *s = c->session;
    return s->asked_to_write && !s->greeted ? EPOLLOUT : EPOLLIN;
}

static void session_close(struct channel *c)
{
    close(c->fd);
    free(c->session);
}

static const struct channel_ops session_ops = { .read = session_read,
                                                .more = session_more,
                                                .pending = session_pending,
                                                .events = session_events,
                                                .close = session_close };

static struct channel channel_session(int fd)
{
    return (struct channel){ .ops = &session_ops,
                             .fd = fd,
                             .session = calloc(1, sizeof(struct session)) };
}

static void a_channel_may_shake_hands_and_hold_bytes(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(FRAMING_LINE, 0);
    char text[5], lines[3000];
    size_t n = 0;
    assert_int_equal(worker_start(r->w), 0);
    int fd = connect_by(r, channel_session);
    write_all(fd, "!", 1); /* wakes it up; then it waits until it can write */
    assert_int_equal(recv(fd, text, sizeof text, MSG_WAITALL), 5);
    while (n + 10 < sizeof lines)
        n += (size_t)sprintf(lines + n, "s:1|c\n");
    for (unsigned round = 1; round <= 20; round++) {
        write_all(fd, lines, n);
        turn(r, false);
        assert_int_equal(r->seen.v[INGEST_SAMPLES_AGGREGATED], round * (n / 6));
    }
    write_all(fd, "last:1|c", 8);
    close(fd);
    turn(r, false);
    assert_int_equal(take_ended(r), STREAM_END_EOF);
    assert_int_equal(r->seen.v[INGEST_SAMPLES_AGGREGATED], 20 * (n / 6) + 1);
    rig_free(r);
}

/* As where a stopping server had no descriptor left to accept it in time, and a scrape came. */
static void a_connection_that_comes_after_the_last_turn_is_not_read(void **unused)
{
    (void)unused;
    enum { TURNS = 5 };
    struct rig *r = rig_new(FRAMING_LINE, 0);
    assert_int_equal(worker_start(r->w), 0);
    turn(r, true);
    int fd = connect_by(r, channel_plain);
    write_all(fd, "x:1|c\n", 6);
    for (int i = 0; i < TURNS; i++)
        turn(r, true);
    assert_int_equal(r->seen.v[INGEST_LINES], 0);
    worker_join(r->w);
    r->w = NULL;
    assert_int_equal(take_ended(r), STREAM_END_STOP);
    close(fd);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(however_a_stream_is_cut_it_brings_the_same),
        cmocka_unit_test(a_turn_reads_what_was_sent_before_it),
        cmocka_unit_test(connections_that_no_worker_took_up_come_back_closed),
        cmocka_unit_test(a_pause_lets_another_one_go_on_wherever_the_stream_is_cut),
        cmocka_unit_test(a_line_that_is_being_skipped_is_skipped_by_the_next_one),
        cmocka_unit_test(what_waited_for_a_busy_worker_is_read_before_the_idle_timeout),
        cmocka_unit_test(a_bad_frame_is_shown_with_who_sent_it),
        cmocka_unit_test(a_channel_may_shake_hands_and_hold_bytes),
        cmocka_unit_test(a_connection_that_comes_after_the_last_turn_is_not_read),
    };
    return cmocka_run_group_tests_name("source_stream", tests, NULL, NULL);
}
