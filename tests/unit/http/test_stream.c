/*
 * Bodies that are sent while they are made: real connections on one side, an owner that appends on
 * the other.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/process.h"
#include "base/mem.h"
#include "base/now.h"
#include "http/http.h"
#include "support/http_client.h"
#include "support/sanitized.h"

enum { READERS_MAX = 16, PIECE_BYTES = 100000 };

/* The owner's desk: requests come in, readers tell that they read. */
struct desk {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_request *to[READERS_MAX];
    size_t n;
    unsigned reads;
    struct http_server *server;
};

static void ask(void *cookie, struct http_request *r)
{
    struct desk *d = cookie;
    pthread_mutex_lock(&d->lock);
    assert_true(d->n < READERS_MAX);
    d->to[d->n++] = r;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

static void on_read(void *cookie)
{
    struct desk *d = cookie;
    pthread_mutex_lock(&d->lock);
    d->reads++;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

static struct timespec patience(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += CLIENT_PATIENCE_S;
    return t;
}

/* Until the readers have told so often; then forget it. */
static void await_reads(struct desk *d, unsigned n)
{
    struct timespec until = patience();
    pthread_mutex_lock(&d->lock);
    while (d->reads < n)
        assert_int_equal(pthread_cond_timedwait(&d->changed, &d->lock, &until), 0);
    d->reads = 0;
    pthread_mutex_unlock(&d->lock);
}

static struct http_route route = { .path = "/stream", .ask = ask };

static void open_desk(struct desk *d)
{
    const char *error;
    *d = (struct desk){ .n = 0 };
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->changed, NULL);
    route.cookie = d;
    struct http_opts o = {
        .listen = "127.0.0.1:0", .routes = &route, .n_routes = 1, .timeout_s = 30
    };
    assert_int_equal(http_start(&o, &d->server, &error), 0);
}

static void close_desk(struct desk *d)
{
    http_stop(d->server);
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
}

static int client_from(struct desk *d, const char *method, const char *from)
{
    struct timespec until = patience();
    char request[128];
    size_t before = d->n;
    int fd = client_dial_from(http_address(d->server), from);
    snprintf(request, sizeof request, "%s /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
             method);
    client_say(fd, request);
    pthread_mutex_lock(&d->lock);
    while (d->n == before)
        assert_int_equal(pthread_cond_timedwait(&d->changed, &d->lock, &until), 0);
    pthread_mutex_unlock(&d->lock);
    return fd;
}

static int client(struct desk *d, const char *method)
{
    return client_from(d, method, NULL);
}

static struct http_stream *stream_new(struct desk *d, size_t low, size_t max_lag)
{
    return http_stream_new(&(struct http_stream_opts){ .vary = "Accept-Encoding",
                                                       .type = "text/x-test",
                                                       .low = low,
                                                       .max_lag = max_lag,
                                                       .on_read = on_read,
                                                       .cookie = d });
}

static void answer(struct desk *d, struct http_stream *st)
{
    pthread_mutex_lock(&d->lock);
    size_t n = d->n;
    d->n = 0;
    pthread_mutex_unlock(&d->lock);
    http_answer_stream(d->to, n, st);
}

/* Piece i of a body: i says what is in it, and how long it is. */
static struct http_body *piece(unsigned i)
{
    size_t n = 1 + (i * 7919u) % PIECE_BYTES;
    char *ptr = mem_alloc(n);
    for (size_t at = 0; at < n; at++)
        ptr[at] = (char)('a' + (i + at) % 26);
    return http_body_take("text/x-test", ptr, n);
}

static size_t append(struct http_stream *st, unsigned i)
{
    struct http_body *b = piece(i);
    size_t n_cut = http_stream_append(st, b);
    http_body_unref(b);
    return n_cut;
}

static void expect_pieces(struct slice body, unsigned n)
{
    struct buf want = { 0 };
    for (unsigned i = 0; i < n; i++) {
        struct http_body *b = piece(i);
        buf_append_slice(&want, http_body_bytes(b));
        http_body_unref(b);
    }
    assert_int_equal(body.len, want.len);
    assert_memory_equal(body.ptr, want.ptr, want.len);
    buf_release(&want);
}

static void expect_chunked(int fd, unsigned n)
{
    struct buf reply = { 0 }, body = { 0 };
    client_hear(fd, &reply);
    assert_true(client_unchunk(&reply, &body));
    expect_pieces(buf_slice(&body), n);
    buf_release(&reply);
    buf_release(&body);
}

static void a_body_is_sent_while_it_is_made(void **unused)
{
    (void)unused;
    enum { PIECES = 40 };
    struct desk d;
    char c;
    open_desk(&d);
    int fds[3];
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = client(&d, "GET");
    struct http_stream *st = stream_new(&d, 0, SIZE_MAX);
    answer(&d, st);
    assert_int_equal(http_stream_readers(st), 3);
    append(st, 0);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) /* the head is here, and only one piece exists */
        assert_int_equal(recv(fds[i], &c, 1, MSG_PEEK), 1);
    await_reads(&d, 1);
    for (unsigned i = 1; i < PIECES; i++)
        append(st, i);
    http_stream_end(st);
    http_stream_release(st);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        expect_chunked(fds[i], PIECES);
    close_desk(&d);
}

/*
 * Until the reader has told, while its client reads on: the kernel keeps only some of it.  Then
 * forget it.
 */
static void await_read_of(struct desk *d, int fd, struct buf *reply)
{
    struct timespec until = patience(), now;
    for (bool told = false; !told;) {
        ssize_t n = recv(fd, buf_reserve(reply, 65536), 65535, MSG_DONTWAIT);
        reply->len += n > 0 ? (size_t)n : 0;
        pthread_mutex_lock(&d->lock);
        told = d->reads > 0;
        d->reads = 0;
        pthread_mutex_unlock(&d->lock);
        clock_gettime(CLOCK_REALTIME, &now);
        assert_true(now.tv_sec < until.tv_sec);
    }
}

static void a_reader_sleeps_until_the_next_piece(void **unused)
{
    (void)unused;
    enum { PIECES = 20 };
    struct desk d;
    struct buf reply = { 0 }, body = { 0 };
    open_desk(&d);
    int fd = client(&d, "GET");
    struct http_stream *st = stream_new(&d, 0, SIZE_MAX);
    answer(&d, st);
    for (unsigned i = 0; i < PIECES; i++) {
        append(st, i);
        await_read_of(&d, fd, &reply); /* once between two appends */
        assert_int_equal(http_stream_ahead(st), 0);
    }
    assert_int_equal(d.reads, 0); /* from the end on it may leave, and the owner learns of that */
    http_stream_end(st);
    http_stream_release(st);
    for (ssize_t n; (n = recv(fd, buf_reserve(&reply, 65536), 65535, 0)) > 0;)
        reply.len += (size_t)n;
    reply.ptr[reply.len] = '\0';
    assert_true(client_unchunk(&reply, &body));
    expect_pieces(buf_slice(&body), PIECES);
    close(fd);
    buf_release(&reply);
    buf_release(&body);
    close_desk(&d);
}

static void what_ended_before_the_answer_has_a_length(void **unused)
{
    (void)unused;
    struct desk d;
    struct buf reply = { 0 };
    for (unsigned pieces = 0; pieces < 5; pieces++) {
        open_desk(&d);
        int fds[] = { client(&d, "GET"), client(&d, "HEAD") };
        struct http_stream *st = stream_new(&d, 0, SIZE_MAX);
        for (unsigned i = 0; i < pieces; i++)
            append(st, i);
        size_t bytes = http_stream_ahead(st);
        http_stream_end(st);
        answer(&d, st);
        http_stream_release(st);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
            char length[64];
            snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", bytes);
            client_hear(fds[i], &reply);
            assert_true(client_has(&reply, length));
            assert_true(client_has(&reply, "\r\nContent-Type: text/x-test\r\n"));
            assert_true(client_has(&reply, "\r\nVary: Accept-Encoding\r\n"));
            assert_false(client_has(&reply, "Content-Encoding"));
            size_t head = (size_t)(client_body(&reply) - reply.ptr);
            expect_pieces(slice_of(client_body(&reply), reply.len - head), i == 0 ? pieces : 0);
        }
        close_desk(&d);
    }
    buf_release(&reply);
}

static void a_head_of_unknown_length_has_nothing_behind_it(void **unused)
{
    (void)unused;
    struct desk d;
    struct buf reply = { 0 };
    open_desk(&d);
    int fd = client(&d, "HEAD");
    struct http_stream *st = stream_new(&d, 0, SIZE_MAX);
    append(st, 0);
    answer(&d, st);
    client_hear(fd, &reply);
    assert_int_equal(client_status(&reply), 200);
    assert_true(client_has(&reply, "\r\nContent-Type: text/x-test\r\n"));
    assert_false(client_has(&reply, "Content-Length"));
    assert_string_equal(client_body(&reply), "");
    http_stream_release(st);
    buf_release(&reply);
    close_desk(&d);
}

static void a_stream_says_its_encoding_and_what_it_was_picked_by(void **unused)
{
    (void)unused;
    struct desk d;
    struct buf reply = { 0 };
    open_desk(&d);
    int fd = client(&d, "GET");
    struct http_stream *st = http_stream_new(&(struct http_stream_opts){ .type = "text/x-test",
                                                                         .encoding = "x-test",
                                                                         .vary = "Accept, X-Test",
                                                                         .on_read = on_read,
                                                                         .cookie = &d });
    answer(&d, st);
    http_stream_end(st);
    http_stream_release(st);
    client_hear(fd, &reply);
    assert_true(client_has(&reply, "\r\nContent-Encoding: x-test\r\n"));
    assert_true(client_has(&reply, "\r\nVary: Accept, X-Test\r\n"));
    buf_release(&reply);
    close_desk(&d);
}

static void a_client_of_http_1_0_reads_until_the_connection_closes(void **unused)
{
    (void)unused;
    struct desk d;
    struct buf reply = { 0 };
    open_desk(&d);
    int fd = client_dial(http_address(d.server));
    client_say(fd, "GET /stream HTTP/1.0\r\n\r\n");
    struct timespec until = patience();
    pthread_mutex_lock(&d.lock);
    while (d.n == 0)
        assert_int_equal(pthread_cond_timedwait(&d.changed, &d.lock, &until), 0);
    pthread_mutex_unlock(&d.lock);
    struct http_stream *st = stream_new(&d, 0, SIZE_MAX);
    answer(&d, st);
    append(st, 0);
    append(st, 1);
    await_reads(&d, 1);
    http_stream_end(st);
    http_stream_release(st);
    client_hear(fd, &reply);
    assert_false(client_has(&reply, "Transfer-Encoding"));
    expect_pieces(
        slice_of(client_body(&reply), reply.len - (size_t)(client_body(&reply) - reply.ptr)), 2);
    buf_release(&reply);
    close_desk(&d);
}

static void the_owner_learns_when_the_last_reader_has_left(void **unused)
{
    (void)unused;
    struct desk d;
    open_desk(&d);
    int head = client(&d, "HEAD"), rude = client(&d, "GET");
    struct http_stream *st = stream_new(&d, 0, SIZE_MAX);
    answer(&d, st);
    close(rude);
    unsigned i = 0;
    while (http_stream_readers(st) > 0) { /* until the kernel tells that nobody is there */
        append(st, i++);
        await_reads(&d, 1);
        assert_true(i < 10000);
    }
    append(st, i); /* kept by nobody */
    assert_int_equal(http_stream_ahead(st), 0);
    http_stream_release(st);
    close(head);
    close_desk(&d);
}

/* Wait until so many read; each look is preceded by nothing but the HTTP thread's own work. */
static void await_readers(struct http_stream *st, size_t n)
{
    struct timespec until = patience(), now;
    while (http_stream_readers(st) != n) {
        sched_yield();
        clock_gettime(CLOCK_REALTIME, &now);
        assert_true(now.tv_sec < until.tv_sec);
    }
}

/*
 * The quick one has made the owner be told, and leaves before anything is appended: what is ahead
 * is now the slow one's.  It must be able to ask for more in turn, or nobody would ever go on.
 */
static void who_is_left_behind_by_a_quick_reader_tells_again(void **unused)
{
    (void)unused;
    /* More than the kernel keeps for a connection, twice. */
    enum { LOW = 24 * 1000 * 1000, TOTAL = 48 * 1000 * 1000 };
    struct desk d;
    static char scratch[65536];
    open_desk(&d);
    int slow = client(&d, "GET"), quick = client(&d, "GET");
    struct http_stream *st = stream_new(&d, LOW, SIZE_MAX);
    answer(&d, st);
    size_t sent = 0;
    for (unsigned i = 0; sent < TOTAL; i++) {
        struct http_body *b = piece(i);
        sent += http_body_bytes(b).len;
        http_stream_append(st, b);
        http_body_unref(b);
    }
    pthread_mutex_lock(&d.lock);
    d.reads = 0;
    pthread_mutex_unlock(&d.lock);
    while (http_stream_ahead(st) > LOW)
        assert_true(recv(quick, scratch, sizeof scratch, 0) > 0);
    await_reads(&d, 1);
    close(quick);
    await_readers(st, 1);
    while (http_stream_ahead(st) > LOW)
        assert_true(recv(slow, scratch, sizeof scratch, 0) > 0);
    await_reads(&d, 1);
    http_stream_release(st);
    close(slow);
    close_desk(&d);
}

static void what_is_released_before_its_end_is_seen_to_be_cut(void **unused)
{
    (void)unused;
    struct desk d;
    struct buf reply = { 0 }, body = { 0 };
    open_desk(&d);
    int fd = client(&d, "GET");
    struct http_stream *st = stream_new(&d, 0, SIZE_MAX);
    answer(&d, st);
    append(st, 0);
    append(st, 1);
    await_reads(&d, 1);
    http_stream_release(st);
    client_hear(fd, &reply);
    assert_int_equal(client_status(&reply), 200);
    assert_false(client_unchunk(&reply, &body));
    buf_release(&reply);
    buf_release(&body);
    close_desk(&d);
}

static void a_reader_that_lags_too_far_is_cut_and_the_others_go_on(void **unused)
{
    (void)unused;
    enum { LAG = 2 * 1000 * 1000 };
    struct desk d;
    struct buf reply = { 0 }, body = { 0 };
    open_desk(&d);
    int lame = client(&d, "GET"), quick = client(&d, "GET");
    struct http_stream *st = stream_new(&d, 0, LAG);
    answer(&d, st);
    unsigned n = 0;
    size_t n_cut = 0;
    char scratch[65536];
    size_t got = 0;
    while (n_cut == 0) {
        n_cut = append(st, n++);
        /* The lame one reads nothing; the kernel keeps some megabytes for it. */
        while (http_stream_ahead(st) > 0) {
            ssize_t more = recv(quick, scratch, sizeof scratch, 0);
            assert_true(more > 0);
            buf_append(&reply, scratch, (size_t)more);
            got += (size_t)more;
        }
        assert_true(got < 500u * 1000 * 1000);
    }
    assert_int_equal(n_cut, 1);
    assert_int_equal(http_stream_readers(st), 1);
    http_stream_end(st);
    http_stream_release(st);
    for (ssize_t more; (more = recv(quick, scratch, sizeof scratch, 0)) > 0;)
        buf_append(&reply, scratch, (size_t)more);
    close(quick);
    buf_append_char(&reply, '\0');
    reply.len--;
    assert_true(client_unchunk(&reply, &body));
    expect_pieces(buf_slice(&body), n);
    client_hear(lame, &reply);
    assert_false(client_unchunk(&reply, &body));
    buf_release(&reply);
    buf_release(&body);
    close_desk(&d);
}

static void a_reading_tells_who_reads_and_for_how_long_it_read_nothing(void **unused)
{
    (void)unused;
    enum { PIECES = 40, LAME = 2 }; /* more than the kernel keeps */
    const uint64_t hour_ns = 3600 * 1000000000ull;
    struct desk d;
    struct buf reply = { 0 };
    struct http_reading r[LAME + 1];
    int lame[LAME];
    open_desk(&d);
    for (size_t i = 0; i < LAME; i++)
        lame[i] = client_from(&d, "GET", "127.0.0.2");
    int quick = client(&d, "GET");
    uint64_t lame_who = http_request_who(d.to[0]), quick_who = http_request_who(d.to[LAME]);
    assert_true(lame_who != quick_who);
    struct http_stream *st = stream_new(&d, 0, SIZE_MAX);
    answer(&d, st);
    for (unsigned i = 0; i < PIECES; i++) {
        append(st, i);
        await_read_of(&d, quick, &reply);
    }
    /* All are counted, whatever there is room for. */
    assert_int_equal(http_stream_readings(st, 0, r, 1), LAME + 1);
    unsigned n_lame = 0, n_quick = 0;
    while (n_quick == 0) { /* until it has noticed that there is no more */
        assert_int_equal(http_stream_readings(st, now_mono_ns() + hour_ns, r, LAME + 1), LAME + 1);
        n_quick = r[0].quiet_ns == 0;
        sched_yield();
    }
    n_quick = 0;
    for (size_t i = 0; i <= LAME; i++) {
        assert_true(r[i].age_ns >= hour_ns);
        n_lame += r[i].quiet_ns >= hour_ns && r[i].who == lame_who;
        n_quick += r[i].quiet_ns == 0 && r[i].who == quick_who;
    }
    assert_int_equal(n_quick, 1); /* it waits for more, so time does not count */
    assert_int_equal(n_lame, LAME);
    http_stream_release(st);
    for (size_t i = 0; i < LAME; i++)
        close(lame[i]);
    close(quick);
    buf_release(&reply);
    close_desk(&d);
}

static void *swallow(void *fd)
{
    static _Thread_local char scratch[65536];
    size_t got = 0;
    for (ssize_t n; (n = recv(*(int *)fd, scratch, sizeof scratch, 0)) > 0;)
        got += (size_t)n;
    close(*(int *)fd);
    *(int *)fd = (int)(got / 1000000);
    return NULL;
}

static void a_body_larger_than_memory_passes(void **unused)
{
    (void)unused;
    enum { LOW = 1000 * 1000, TOTAL_MB = 300 };
    struct desk d;
    pthread_t reader;
    open_desk(&d);
    int fd = client(&d, "GET");
    struct http_stream *st = stream_new(&d, LOW, SIZE_MAX);
    answer(&d, st);
    size_t before = (size_t)process_resident_bytes(), most = before, sent = 0;
    assert_int_equal(pthread_create(&reader, NULL, swallow, &fd), 0);
    for (unsigned i = 0; sent < TOTAL_MB * 1000000ull; i++) {
        if (http_stream_ahead(st) > LOW)
            await_reads(&d, 1);
        struct http_body *b = piece(i);
        sent += http_body_bytes(b).len;
        http_stream_append(st, b);
        http_body_unref(b);
        size_t now = i % 50 == 0 ? (size_t)process_resident_bytes() : 0;
        most = now > most ? now : most;
    }
    http_stream_end(st);
    http_stream_release(st);
    pthread_join(reader, NULL);
    assert_in_range(fd, TOTAL_MB, TOTAL_MB + 2);
    if (!SANITIZED)
        assert_in_range(most, 0, before + 20u * 1000 * 1000);
    close_desk(&d);
}

/* Clients that leave at any moment, streams that end, are cut, or never begin (for SAN=thread). */
static void readers_and_streams_may_end_at_any_moment(void **unused)
{
    (void)unused;
    enum { ROUNDS = 150 };
    struct desk d;
    struct buf reply = { 0 };
    open_desk(&d);
    uint64_t random = 7;
    for (unsigned round = 0; round < ROUNDS; round++) {
        int fds[5];
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
            fds[i] = client(&d, "GET");
        struct http_stream *st = stream_new(&d, PIECE_BYTES, 20 * PIECE_BYTES);
        answer(&d, st);
        for (unsigned i = 0; i < round % 30; i++) {
            random = random * 6364136223846793005ull + 1442695040888963407ull;
            size_t who = (size_t)(random >> 33) % 40;
            if (who < ARRAY_LEN(fds) && fds[who] >= 0) {
                close(fds[who]);
                fds[who] = -1;
            }
            append(st, i);
        }
        if (round % 3 > 0)
            http_stream_end(st);
        http_stream_release(st);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
            if (fds[i] >= 0)
                client_hear(fds[i], &reply);
    }
    buf_release(&reply);
    close_desk(&d);
}

static void what_nobody_has_read_is_held_for_readers_to_come(void **unused)
{
    (void)unused;
    struct desk d;
    struct buf reply = { 0 };
    open_desk(&d);
    int fd = client(&d, "GET");
    struct http_stream *st = stream_new(&d, 0, SIZE_MAX);
    size_t bytes = 0;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(http_stream_held(st), bytes);
        assert_int_equal(http_stream_ahead(st), bytes);
        struct http_body *b = piece(i);
        bytes += http_body_bytes(b).len;
        http_body_unref(b);
        append(st, i);
    }
    answer(&d, st);
    await_read_of(&d, fd, &reply);
    assert_int_equal(http_stream_held(st), 0);
    assert_int_equal(http_stream_ahead(st), 0);
    http_stream_release(st);
    close(fd);
    buf_release(&reply);
    close_desk(&d);
}

/* The lame one reads nothing, so what the kernel does not keep for it is held, until it leaves. */
static void what_the_slowest_has_yet_to_read_is_held_until_it_leaves(void **unused)
{
    (void)unused;
    struct desk d;
    static char scratch[65536];
    open_desk(&d);
    int lame = client(&d, "GET"), quick = client(&d, "GET");
    struct http_stream *st = stream_new(&d, 0, SIZE_MAX);
    answer(&d, st);
    size_t bytes = 0;
    for (unsigned i = 0; http_stream_held(st) < 1000 * 1000; i++) {
        struct http_body *b = piece(i);
        bytes += http_body_bytes(b).len;
        http_stream_append(st, b);
        http_body_unref(b);
        while (http_stream_ahead(st) > 0)
            assert_true(recv(quick, scratch, sizeof scratch, 0) > 0);
        assert_in_range(http_stream_held(st), 0, bytes);
        assert_true(bytes < 500u * 1000 * 1000);
    }
    close(lame);
    await_readers(st, 1);
    assert_int_equal(http_stream_held(st), 0);
    http_stream_release(st);
    close(quick);
    close_desk(&d);
}

static void an_answer_after_the_stop_finds_nobody(void **unused)
{
    (void)unused;
    struct desk d;
    open_desk(&d);
    int fd = client(&d, "GET");
    close_desk(&d);
    struct http_stream *st = stream_new(&d, 0, SIZE_MAX);
    append(st, 0);
    http_answer_stream(d.to, d.n, st);
    assert_int_equal(http_stream_readers(st), 0);
    assert_int_equal(http_stream_ahead(st), 0);
    http_stream_release(st);
    client_expect(fd, 503, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_sent_while_it_is_made),
        cmocka_unit_test(a_reader_sleeps_until_the_next_piece),
        cmocka_unit_test(what_ended_before_the_answer_has_a_length),
        cmocka_unit_test(a_head_of_unknown_length_has_nothing_behind_it),
        cmocka_unit_test(a_stream_says_its_encoding_and_what_it_was_picked_by),
        cmocka_unit_test(a_client_of_http_1_0_reads_until_the_connection_closes),
        cmocka_unit_test(the_owner_learns_when_the_last_reader_has_left),
        cmocka_unit_test(who_is_left_behind_by_a_quick_reader_tells_again),
        cmocka_unit_test(what_is_released_before_its_end_is_seen_to_be_cut),
        cmocka_unit_test(a_reader_that_lags_too_far_is_cut_and_the_others_go_on),
        cmocka_unit_test(a_reading_tells_who_reads_and_for_how_long_it_read_nothing),
        cmocka_unit_test(a_body_larger_than_memory_passes),
        cmocka_unit_test(readers_and_streams_may_end_at_any_moment),
        cmocka_unit_test(an_answer_after_the_stop_finds_nobody),
        cmocka_unit_test(what_nobody_has_read_is_held_for_readers_to_come),
        cmocka_unit_test(what_the_slowest_has_yet_to_read_is_held_until_it_leaves),
    };
    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
