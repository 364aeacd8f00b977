/*
 * The connection by TLS: against real servers, whose certificates are good or not, and against
 * peers that break off or drip.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
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

#include "base/log.h"
#include "base/slice.h"
#include "sinks/redis/link.h"
#include "sinks/redis/login.h"
#include "support/certs.h"
#include "support/loop_until.h"
#include "support/redis_server.h"
#include "tls/session.h"

#define GREETING "+OK\r\n$40\r\n0123456789012345678901234567890123456789\r\n"

static uv_loop_t loop;
static const struct redis_files with_ca = { .tls_ca = "ca.pem" };

/* ---- the owner of a link ---- */

struct owner {
    struct redis_login *login;
    struct redis_link *link;
    int ready, lost, replies;
    size_t bytes; /* of the strings that came */
};

static void on_ready(void *cookie)
{
    struct owner *o = cookie;
    o->ready++;
}

static void on_reply(void *cookie, void *tag, const redisReply *r)
{
    struct owner *o = cookie;
    assert_ptr_equal(tag, o);
    if (r == NULL) {
        o->lost++;
        return;
    }
    o->replies++;
    o->bytes += r->type == REDIS_REPLY_STRING ? r->len : 0;
}

static void open_link(struct owner *o, const char *host, uint16_t port,
                      const struct redis_files *files, uint32_t timeout_ms)
{
    char url[96];
    memset(o, 0, sizeof *o);
    snprintf(url, sizeof url, "rediss://%s:%u", host, (unsigned)port);
    assert_int_equal(redis_login_new(&loop, url, files, &o->login), 0);
    const struct redis_link_opts opts = {
        .url = redis_login_url(o->login),
        .login = o->login,
        .at = &redis_login_url(o->login)->hosts[0],
        .instance = "web",
        .reply_bytes_max = 4 << 20,
        .connect_timeout_ms = timeout_ms,
        .reply_timeout_ms = timeout_ms,
        .cookie = o,
        .ready = on_ready,
        .reply = on_reply,
    };
    o->link = redis_link_new(&loop, &opts);
}

static void shut(struct owner *o)
{
    redis_link_free(o->link);
    redis_login_free(o->login);
    assert_true(loop_drain(&loop, 5000));
}

static bool is_ready(void *cookie)
{
    return redis_link_is_ready(((struct owner *)cookie)->link);
}

static struct redis_link_stats stats(const struct owner *o)
{
    struct redis_link_stats s;
    redis_link_stats(o->link, &s);
    return s;
}

static bool has_failed_twice(void *cookie)
{
    return stats(cookie).failures >= 2;
}

static bool was_ready_and_left(void *cookie)
{
    return stats(cookie).disconnects > 0;
}

static bool all_answered(void *cookie)
{
    return ((struct owner *)cookie)->replies >= 200;
}

/* ECHO of n bytes. */
static bool send_echo(struct owner *o, size_t n)
{
    struct buf command = { 0 };
    buf_printf(&command, "*2\r\n$4\r\nECHO\r\n$%zu\r\n", n);
    memset(buf_reserve(&command, n), 'x', n);
    command.len += n;
    buf_append_str(&command, "\r\n");
    bool sent = redis_link_send(o->link, command.ptr, command.len, o);
    buf_release(&command);
    return sent;
}

/* What is logged while `done` is not true. */
static void log_until(bool (*done)(void *), struct owner *o, char *text, size_t size)
{
    FILE *log = tmpfile();
    assert_non_null(log);
    log_to_fd(fileno(log));
    bool in_time = loop_until(&loop, done, o, 5000);
    log_to_fd(STDOUT_FILENO);
    rewind(log);
    text[fread(text, 1, size - 1, log)] = '\0';
    fclose(log);
    if (!in_time)
        fail_msg("it did not come; the log is: %s", text);
}

/* ---- a peer of our own, on a thread: one connection ---- */

struct peer {
    int fd;
    uint16_t port;
    pthread_t thread;
    const char *speech; /* by TLS, in answer to an ECHO; NULL: no handshake is made */
    const char *raw;    /* in place of TLS */
    size_t piece;       /* bytes of each record */
    struct tls_bundle *bundle;
};

static void wait_for(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };
    (void)poll(&p, 1, 2000);
}

static bool say(struct tls_session *s, const char *text, size_t piece)
{
    size_t n = 0;
    for (size_t at = 0, len = strlen(text); at < len; at += n) {
        if (tls_session_write(s, text + at, len - at < piece ? len - at : piece, &n) != TLS_DONE)
            return false;
    }
    return true;
}

/* Until a command of the owner comes.  returns  false: the end, or nothing for long */
static bool hear_echo(struct tls_session *s, int fd)
{
    char room[TLS_RECORD_MAX];
    size_t n;
    for (;;) {
        enum tls_result r = tls_session_read(s, room, sizeof room, &n);
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        if (r == TLS_DONE && memmem(room, n, "ECHO", 4) != NULL)
            return true;
        if (r != TLS_DONE && (r != TLS_WANT_READ || poll(&wait, 1, 2000) <= 0))
            return false;
    }
}

static void say_by_tls(const struct peer *p, int fd)
{
    struct tls_session *s = tls_session_new(p->bundle, fd, NULL);
    enum tls_result r;
    while ((r = tls_session_handshake(s)) == TLS_WANT_READ || r == TLS_WANT_WRITE)
        wait_for(fd, r == TLS_WANT_READ ? POLLIN : POLLOUT);
    if (r == TLS_DONE && say(s, GREETING, p->piece) && hear_echo(s, fd))
        (void)say(s, p->speech, p->piece);
    tls_session_free(s);
}

static void *run_peer(void *cookie)
{
    const struct peer *p = cookie;
    char room[4096];
    wait_for(p->fd, POLLIN);
    int fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (p->speech != NULL) {
        say_by_tls(p, fd);
    } else if (p->raw != NULL) {
        wait_for(fd, POLLIN);
        (void)!recv(fd, room, sizeof room, 0);
        (void)!send(fd, p->raw, strlen(p->raw), MSG_NOSIGNAL);
    }
    close(fd);
    return NULL;
}

static void peer_start(struct peer *p)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    struct buf errors = { 0 }, warnings = { 0 };
    const struct tls_opts o = { .cert_file = "good.pem", .key_file = "good.key" };
    assert_int_equal(tls_bundle_load(&o, time(NULL), &p->bundle, &errors, &warnings), 0);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(p->fd, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(listen(p->fd, 16), 0);
    p->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&p->thread, NULL, run_peer, p), 0);
    buf_release(&errors);
    buf_release(&warnings);
}

static void peer_end(struct peer *p)
{
    pthread_join(p->thread, NULL);
    close(p->fd);
    tls_bundle_drop(p->bundle);
}

/* ---- tests ---- */

static void commands_go_out_and_replies_come_back_by_tls(void **state)
{
    struct redis_server r;
    struct owner o;
    (void)state;
    redis_server_init(&r, &(struct redis_server_opts){ .tls = "good" });
    redis_server_start(&r);
    open_link(&o, "localhost", r.tls_port, &with_ca, 0);
    assert_true(loop_until(&loop, is_ready, &o, 5000));
    size_t bytes = 0;
    for (int i = 0; i < 200; i++) { /* more than the socket takes at once, and both ways */
        size_t n = i % 50 == 0 ? 3000000 : (size_t)i * 100;
        assert_true(send_echo(&o, n));
        bytes += n;
    }
    assert_true(loop_until(&loop, all_answered, &o, 20000));
    assert_int_equal(o.bytes, bytes);
    assert_int_equal(o.lost, 0);
    shut(&o);
    redis_server_release(&r);
}

/* More than OUT_MAX: what was refused is not sent, and what was taken is answered. */
static void a_server_that_does_not_read_bounds_what_is_taken_for_it(void **state)
{
    struct redis_server r;
    struct owner o;
    int taken = 0;
    (void)state;
    redis_server_init(&r, &(struct redis_server_opts){ .tls = "good" });
    redis_server_start(&r);
    open_link(&o, "localhost", r.tls_port, &with_ca, 60000);
    assert_true(loop_until(&loop, is_ready, &o, 5000));
    while (taken < 100 && send_echo(&o, 1 << 20))
        taken++;
    assert_int_equal(taken, 15);
    assert_true(redis_link_is_ready(o.link));
    o.replies = 200 - taken;
    assert_true(loop_until(&loop, all_answered, &o, 20000));
    assert_true(send_echo(&o, 1 << 20));
    shut(&o);
    redis_server_release(&r);
}

static void a_certificate_that_is_not_good_is_refused_with_what_to_do(void **state)
{
    static const struct {
        const char *server, *host;
        struct redis_files files;
        const char *error, *remedy;
    } cases[] = {
        { "other", "localhost", { .tls_ca = "ca.pem" }, "for another name", "name the host" },
        { "good", "127.0.0.1", { .tls_ca = "ca.pem" }, "for another name", "name the host" },
        { "expired", "localhost", { .tls_ca = "ca.pem" }, "has expired", "renew" },
        { "early", "localhost", { .tls_ca = "ca.pem" }, "not valid yet", "clock" },
        { "good", "localhost", { .tls_ca = "ca2.pem" }, "no known CA", "redis.tls_ca_file" },
        { "good", "localhost", { 0 }, "no known CA", "redis.tls_ca_file" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_server r;
        struct owner o;
        char text[4096];
        redis_server_init(&r, &(struct redis_server_opts){ .tls = cases[i].server });
        redis_server_start(&r);
        open_link(&o, cases[i].host, r.tls_port, &cases[i].files, 0);
        log_until(has_failed_twice, &o, text, sizeof text);
        if (strstr(text, cases[i].error) == NULL || strstr(text, cases[i].remedy) == NULL)
            fail_msg("case %zu: %s", i, text);
        assert_non_null(strstr(text, "msg=\"redis refused\""));
        assert_string_equal(strchr(text, '\n'), "\n"); /* one line */
        assert_int_equal(o.ready, 0);
        shut(&o);
        redis_server_release(&r);
    }
}

static void a_server_that_asks_for_a_certificate_gets_ours(void **state)
{
    static const struct {
        struct redis_files files;
        const char *error, *remedy; /* NULL: it is taken */
    } cases[] = {
        { { "", "", "ca.pem", "client.pem", "client.key" }, NULL, NULL },
        { { .tls_ca = "ca.pem" }, "wants a certificate from us", "redis.tls_cert_file" },
        { { "", "", "ca.pem", "stranger.pem", "stranger.key" }, "our certificate", "has signed" },
    };
    struct redis_server r;
    (void)state;
    redis_server_init(&r, &(struct redis_server_opts){ .tls = "good", .tls_clients = true });
    redis_server_start(&r);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[4096];
        bool told = false;
        /* Redis resets the connection when our first command is in it: its alert is lost then. */
        for (int turn = 0; turn < 20 && !told; turn++) {
            struct owner o;
            open_link(&o, "localhost", r.tls_port, &cases[i].files, 0);
            log_until(cases[i].error == NULL ? is_ready : has_failed_twice, &o, text, sizeof text);
            told = cases[i].error == NULL ||
                   (strstr(text, cases[i].error) != NULL && strstr(text, cases[i].remedy) != NULL);
            shut(&o);
        }
        if (!told)
            fail_msg("case %zu: %s", i, text);
    }
    redis_server_release(&r);
}

static bool was_refused(void *cookie)
{
    return stats(cookie).failures >= 1;
}

static void a_new_ca_is_taken_while_the_server_runs(void **state)
{
    struct redis_server r;
    struct owner o;
    (void)state;
    redis_server_init(&r, &(struct redis_server_opts){ .tls = "good" });
    redis_server_start(&r);
    assert_int_equal(system("cp ca2.pem changes.pem"), 0);
    open_link(&o, "localhost", r.tls_port, &(struct redis_files){ .tls_ca = "changes.pem" }, 0);
    assert_true(loop_until(&loop, was_refused, &o, 5000));
    assert_int_equal(system("cp ca.pem new.pem && mv new.pem changes.pem"), 0);
    assert_true(loop_until(&loop, is_ready, &o, 15000));
    shut(&o);
    redis_server_release(&r);
}

static void a_handshake_that_does_not_come_to_its_end_is_told(void **state)
{
    static const struct {
        const char *raw, *error;
        uint32_t timeout_ms;
    } cases[] = {
        { "", "in the TLS handshake", 0 },
        { "HTTP/1.1 400 Bad Request\r\n\r\n", "plain text instead of TLS", 0 },
        { "-ERR unknown command\r\n", "plain text instead of TLS", 0 },
        { "\x16\x03\x03\x02", "in the", 0 }, /* a record's head */
        { "\x16\x03\x03\x01\x01\x02", "in the", 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct peer p = { .raw = cases[i].raw };
        struct owner o;
        char text[4096];
        peer_start(&p);
        open_link(&o, "localhost", p.port, &with_ca, 0);
        log_until(was_refused, &o, text, sizeof text);
        if (strstr(text, cases[i].error) == NULL)
            fail_msg("case %zu: %s", i, text);
        shut(&o);
        peer_end(&p);
    }
}

static void a_peer_that_says_nothing_to_the_hello_is_left_after_the_timeout(void **state)
{
    struct peer p = { .raw = NULL };
    struct owner o;
    char text[4096];
    (void)state;
    peer_start(&p);
    /* The second connection stays in the queue, which nobody empties. */
    open_link(&o, "localhost", p.port, &with_ca, 50);
    log_until(has_failed_twice, &o, text, sizeof text);
    assert_int_equal(o.ready, 0);
    shut(&o);
    open_link(&o, "localhost", p.port, &with_ca, 50);
    log_until(was_refused, &o, text, sizeof text);
    assert_non_null(strstr(text, "timeout while waiting for the TLS handshake"));
    shut(&o);
    peer_end(&p);
}

static void replies_come_the_same_in_whatever_pieces(void **state)
{
    static const struct {
        const char *speech;
        int replies, lost;
        const char *error;
    } cases[] = {
        { "$2\r\nhi\r\n", 1, 0, "Server closed the connection" },
        { "$2\r\nh", 0, 1, "Server closed the connection" },
        { "", 0, 1, "Server closed the connection" },
        { "$2\r\nhi\r\n:1\r\n", 1, 0, "a reply to no command" },
        { "*1\r\n:1\r\n", 0, 1, "a reply that no command of ours has" },
    };
    static const size_t pieces[] = { 1, 3, 4096 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(pieces); i++) {
        size_t at = i / ARRAY_LEN(pieces);
        struct peer p = { .speech = cases[at].speech, .piece = pieces[i % ARRAY_LEN(pieces)] };
        struct owner o;
        char text[4096];
        peer_start(&p);
        open_link(&o, "localhost", p.port, &with_ca, 60000);
        assert_true(loop_until(&loop, is_ready, &o, 5000));
        assert_true(send_echo(&o, 2));
        log_until(was_ready_and_left, &o, text, sizeof text);
        assert_int_equal(o.replies, cases[at].replies);
        assert_int_equal(o.lost, cases[at].lost);
        if (strstr(text, cases[at].error) == NULL)
            fail_msg("case %zu: %s", i, text);
        shut(&o);
        peer_end(&p);
    }
}

static void freeing_is_safe_at_every_step(void **state)
{
    struct redis_server r;
    struct owner o;
    (void)state;
    redis_server_init(&r, &(struct redis_server_opts){ .tls = "good" });
    redis_server_start(&r);
    for (int steps = 0; steps < 16; steps++) {
        open_link(&o, "localhost", r.tls_port, &with_ca, 0);
        for (int i = 0; i < steps; i++)
            uv_run(&loop, UV_RUN_ONCE);
        shut(&o);
    }
    redis_server_release(&r);
}

static int start(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    certs_dir_enter();
    const int64_t now = time(NULL);
    struct cert ca = cert_make(&(struct cert_spec){ .name = "CA", .is_ca = true });
    struct cert ca2 = cert_make(&(struct cert_spec){ .name = "CA 2", .is_ca = true });
    certs_write("ca.pem", &ca, 1);
    certs_write("ca2.pem", &ca2, 1);
    const struct cert_spec good = { .dns = "localhost", .signer = &ca };
    struct cert_spec other = good, expired = good, early = good, stranger = good;
    other.dns = "elsewhere.example";
    expired.from = now - 7200;
    expired.until = now - 3600;
    early.from = now + 3600;
    early.until = now + 7200;
    stranger.signer = &ca2;
    certs_write_pair("good", good);
    certs_write_pair("other", other);
    certs_write_pair("expired", expired);
    certs_write_pair("early", early);
    certs_write_pair("stranger", stranger);
    certs_write_pair("client", good);
    cert_release(&ca);
    cert_release(&ca2);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    certs_dir_leave();
    return uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_go_out_and_replies_come_back_by_tls),
        cmocka_unit_test(a_server_that_does_not_read_bounds_what_is_taken_for_it),
        cmocka_unit_test(a_certificate_that_is_not_good_is_refused_with_what_to_do),
        cmocka_unit_test(a_server_that_asks_for_a_certificate_gets_ours),
        cmocka_unit_test(a_new_ca_is_taken_while_the_server_runs),
        cmocka_unit_test(a_handshake_that_does_not_come_to_its_end_is_told),
        cmocka_unit_test(a_peer_that_says_nothing_to_the_hello_is_left_after_the_timeout),
        cmocka_unit_test(replies_come_the_same_in_whatever_pieces),
        cmocka_unit_test(freeing_is_safe_at_every_step),
    };
    return cmocka_run_group_tests_name("redis_link_tls", tests, start, stop);
}
