/*
 * The connection, against real servers and against listeners that misbehave.  getaddrinfo is this
 * file's: what localhost is differs from machine to machine.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/slice.h"
#include "sinks/redis/link.h"
#include "support/loop_until.h"
#include "support/redis_server.h"

static struct redis_server plain, locked; /* without a password; with one */
static uv_loop_t loop;

struct owner {
    struct redis_url url;
    struct redis_link *link;
    int ready, lost, replies;
    char last[256]; /* the last reply, as text */
    bool retry_at_reply;
};

static void on_ready(void *cookie)
{
    struct owner *o = cookie;
    o->ready++;
}

static void on_reply(void *cookie, void *tag, const redisReply *r)
{
    struct owner *o = cookie;
    assert_ptr_equal(tag, &plain);
    if (r == NULL) {
        o->lost++;
        return;
    }
    o->replies++;
    snprintf(o->last, sizeof o->last, "%s", r->str ? r->str : "");
    if (o->retry_at_reply)
        redis_link_retry(o->link, "the test says so");
}

/* How often a name was looked up: each time its addresses begin with another one, as those of a
 * name server that spreads load. */
static atomic_int lookups;

/* The servers of this file listen on 127.0.0.1. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    static const struct {
        const char *host, *ips[4];
    } names[] = {
        { "localhost", { "127.0.0.1" } },
        { "third.example", { "127.0.0.2", "127.0.0.3", "127.0.0.1" } },
        { "away.example", { "127.0.0.2", "127.0.0.3" } },
    };
    assert_true(host != NULL && service == NULL && hints != NULL);
    struct addrinfo **end = ret;
    int turn = lookups++;
    *ret = NULL;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int n = 0;
        while (names[i].ips[n] != NULL)
            n++;
        for (int j = 0; strcmp(host, names[i].host) == 0 && j < n; j++) {
            struct addrinfo *a = calloc(1, sizeof *a + sizeof(struct sockaddr_in));
            struct sockaddr_in *in = (struct sockaddr_in *)(a + 1);
            in->sin_family = AF_INET;
            const char *ip = names[i].ips[(turn + j) % n];
            assert_int_equal(inet_pton(AF_INET, ip, &in->sin_addr), 1);
            a->ai_family = AF_INET;
            a->ai_addr = (struct sockaddr *)in;
            a->ai_addrlen = sizeof *in;
            *end = a;
            end = &a->ai_next;
        }
    }
    return *ret != NULL ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *a)
{
    while (a != NULL) {
        struct addrinfo *next = a->ai_next;
        free(a);
        a = next;
    }
}

static void open_url(struct owner *o, const char *url, uint32_t timeout_ms)
{
    memset(o, 0, sizeof *o);
    assert_int_equal(redis_url_parse(url, &o->url, NULL), 0);
    const struct redis_link_opts opts = {
        .url = &o->url,
        .at = o->url.path == NULL ? &o->url.hosts[0] : NULL,
        .instance = "web 1",
        .cookie = o,
        .connect_timeout_ms = timeout_ms,
        .reply_timeout_ms = timeout_ms,
        .ready = on_ready,
        .reply = on_reply,
    };
    o->link = redis_link_new(&loop, &opts);
}

static void shut(struct owner *o)
{
    redis_link_free(o->link);
    assert_true(loop_drain(&loop, 5000));
    redis_url_release(&o->url);
}

static bool is_ready(void *cookie)
{
    return redis_link_is_ready(((struct owner *)cookie)->link);
}

static bool is_away(void *cookie)
{
    return !redis_link_is_ready(((struct owner *)cookie)->link);
}

static bool has_replies(void *cookie)
{
    return ((struct owner *)cookie)->replies > 0;
}

static bool has_failed_twice(void *cookie)
{
    struct redis_link_stats s;
    redis_link_stats(((struct owner *)cookie)->link, &s);
    return s.failures >= 2;
}

static struct redis_link_stats stats(const struct owner *o)
{
    struct redis_link_stats s;
    redis_link_stats(o->link, &s);
    return s;
}

static bool send_line(struct owner *o, const char *resp)
{
    return redis_link_send(o->link, resp, strlen(resp), &plain);
}

static void expect_ping(struct owner *o)
{
    o->replies = 0;
    assert_true(send_line(o, "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"));
    assert_true(loop_until(&loop, has_replies, o, 3000));
    assert_string_equal(o->last, "hi");
}

/* What is logged between the two goes to `text`; ends is a pipe of theirs. */
static void log_begin(int ends[2])
{
    assert_int_equal(pipe(ends), 0);
    log_to_fd(ends[1]);
}

static void log_end(int ends[2], char *text, size_t size)
{
    log_to_fd(1);
    close(ends[1]);
    ssize_t n = read(ends[0], text, size - 1);
    close(ends[0]);
    assert_true(n > 0);
    text[n] = '\0';
}

/* ---- a listener of our own ---- */

static int listen_here(char *url, size_t n)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(listen(fd, 16), 0);
    snprintf(url, n, "redis://127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
    return fd;
}

/* Accepts as they come and says `speech` to each; counts them. */
struct rude {
    uv_poll_t poll;
    int fd, client, met;
    const char *speech;
    size_t speech_len;
    bool reset, closes; /* without a word; after it */
    char url[64];
};

static void on_visitor(uv_poll_t *p, int status, int events)
{
    struct rude *r = p->data;
    (void)status;
    (void)events;
    int fd = accept(r->fd, NULL, NULL);
    if (fd < 0)
        return;
    r->met++;
    if (r->client >= 0)
        close(r->client);
    r->client = fd;
    if (r->reset) {
        struct linger now = { 1, 0 };
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(fd);
        r->client = -1;
        return;
    }
    for (size_t off = 0; off < r->speech_len;) {
        ssize_t n = send(fd, r->speech + off, r->speech_len - off, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0)
            break;
        off += (size_t)n;
    }
    if (r->closes)
        shutdown(fd, SHUT_WR);
}

static void rude_init(struct rude *r, const char *speech, size_t n)
{
    memset(r, 0, sizeof *r);
    r->fd = listen_here(r->url, sizeof r->url);
    r->client = -1;
    r->speech = speech;
    r->speech_len = n;
    uv_poll_init(&loop, &r->poll, r->fd);
    r->poll.data = r;
    uv_poll_start(&r->poll, UV_READABLE, on_visitor);
    uv_unref((uv_handle_t *)&r->poll); /* it does not keep the loop running */
}

static void rude_release(struct rude *r)
{
    uv_close((uv_handle_t *)&r->poll, NULL);
    assert_true(loop_drain(&loop, 1000));
    close(r->fd);
    if (r->client >= 0)
        close(r->client);
}

/* ---- tests ---- */

static void every_form_of_url_connects(void **state)
{
    char urls[8][160];
    (void)state;
    snprintf(urls[0], sizeof urls[0], "%s", plain.url);
    snprintf(urls[1], sizeof urls[1], "%s?db=3", plain.url);
    snprintf(urls[2], sizeof urls[2], "redis://127.0.0.1:%u", plain.port);
    /* By way of the resolver. */
    snprintf(urls[3], sizeof urls[3], "redis://localhost:%u/3", plain.port);
    snprintf(urls[4], sizeof urls[4], "redis://:sesam@127.0.0.1:%u", locked.port);
    snprintf(urls[5], sizeof urls[5], "redis://default:sesam@localhost:%u/1", locked.port);
    snprintf(urls[6], sizeof urls[6], "redis://stat%%73:a%%40b@127.0.0.1:%u", locked.port);
    for (int i = 0; i < 7; i++) {
        struct owner o;
        struct redis_server *at = i < 4 ? &plain : &locked;
        open_url(&o, urls[i], 0);
        if (!loop_until(&loop, is_ready, &o, 5000))
            fail_msg("%s does not connect", urls[i]);
        assert_int_equal(strlen(redis_link_sha(o.link)), 40);
        expect_ping(&o);
        char *clients = redis_server_text(at, "CLIENT LIST");
        char db[16];
        snprintf(db, sizeof db, " db=%u ", o.url.db);
        const char *line = strstr(clients, "name=statsd-web_1");
        assert_non_null(line);
        assert_non_null(strstr(line, db));
        assert_non_null(strstr(line, i == 6 ? "user=stats" : "user=default"));
        free(clients);
        assert_int_equal(stats(&o).connects, 1);
        assert_int_equal(stats(&o).failures, 0);
        shut(&o);
    }
}

/* localhost may be ::1 and then 127.0.0.1, and a Redis on the second alone.  Whatever the order,
 * and by one lookup: a slow name server has the time of an attempt once. */
static void a_host_is_away_when_all_of_its_addresses_are(void **state)
{
    static const struct {
        const char *host;
        uint64_t connects, failures;
    } rows[] = { { "third.example", 1, 0 },
                 { "third.example", 1, 0 },
                 { "third.example", 1, 0 },
                 { "away.example", 0, 2 } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct owner o;
        int ends[2];
        char url[64], text[2048];
        snprintf(url, sizeof url, "redis://%s:%u", rows[i].host, plain.port);
        log_begin(ends);
        lookups = (int)i;
        open_url(&o, url, 0);
        assert_true(
            loop_until(&loop, rows[i].connects > 0 ? is_ready : has_failed_twice, &o, 5000));
        log_end(ends, text, sizeof text);
        assert_int_equal(stats(&o).connects, rows[i].connects);
        assert_int_equal(stats(&o).failures, rows[i].failures);
        assert_int_equal(lookups, (uint64_t)i + rows[i].connects + rows[i].failures);
        assert_int_equal(strstr(text, "redis not reachable") != NULL, rows[i].failures > 0);
        shut(&o);
    }
}

static void a_refusal_is_logged_with_the_url_and_what_to_do_and_tried_again(void **state)
{
    /* clang-format off */
    static const struct {
        const char *userinfo, *db, *log, *url, *remedy;
    } cases[] = {
        { ":wrong@", "", "WRONGPASS", "url=redis://:***@127.0.0.1:", "user and password" },
        { "", "", "NOAUTH", "url=redis://127.0.0.1:", "redis://:password@host" },
        { "nobody:sesam@", "/1", "WRONGPASS", "url=redis://nobody:***@127.0.0.1:",
          "user and password" },
        /* May not load scripts. */
        { "blind:pw@", "", "NOPERM", "url=redis://blind:***@127.0.0.1:", "ACL SETUSER" },
        { ":sesam@", "/99", "DB index", "/99 error", "databases" },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct owner o;
        char url[96], text[4096];
        int ends[2];
        snprintf(url, sizeof url, "redis://%s127.0.0.1:%u%s", cases[i].userinfo, locked.port,
                 cases[i].db);
        log_begin(ends);
        open_url(&o, url, 0);
        assert_true(loop_until(&loop, has_failed_twice, &o, 5000));
        shut(&o);
        log_end(ends, text, sizeof text);
        assert_non_null(strstr(text, "msg=\"redis refused\""));
        assert_non_null(strstr(text, cases[i].log));
        assert_non_null(strstr(text, cases[i].url));
        assert_non_null(strstr(text, cases[i].remedy));
        assert_null(strstr(text, "sesam"));
        assert_null(strstr(text, "wrong"));            /* no password in the log */
        assert_string_equal(strchr(text, '\n'), "\n"); /* one line, though it failed twice */
        assert_int_equal(o.ready, 0);
    }
}

static void a_password_put_right_is_taken_without_a_restart(void **state)
{
    struct owner o;
    char url[96];
    (void)state;
    snprintf(url, sizeof url, "redis://later:pw@127.0.0.1:%u", locked.port);
    open_url(&o, url, 0);
    assert_true(loop_until(&loop, has_failed_twice, &o, 5000));
    freeReplyObject(redis_server_reply(&locked, "ACL SETUSER later on >pw ~* +@all"));
    assert_true(loop_until(&loop, is_ready, &o, 5000));
    shut(&o);
}

static void a_server_that_comes_later_is_found(void **state)
{
    static const bool by_tcp[] = { false, true };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(by_tcp); i++) {
        struct redis_server late;
        struct owner o;
        char url[128];
        redis_server_init(&late, &(struct redis_server_opts){ .tcp = true });
        snprintf(url, sizeof url, "redis://127.0.0.1:%u", late.port);
        open_url(&o, by_tcp[i] ? url : late.url, 0);
        assert_true(loop_until(&loop, has_failed_twice, &o, 5000)); /* refused, and noticed */
        redis_server_start(&late);
        assert_true(loop_until(&loop, is_ready, &o, 5000));
        expect_ping(&o);
        redis_server_kill(&late);
        assert_true(loop_until(&loop, is_away, &o, 5000));
        assert_int_equal(stats(&o).disconnects, 1);
        shut(&o);
        redis_server_release(&late);
    }
}

static void a_killed_connection_answers_its_commands_with_nothing(void **state)
{
    struct owner o;
    (void)state;
    open_url(&o, plain.url, 0);
    assert_true(loop_until(&loop, is_ready, &o, 5000));
    for (int i = 1; i <= 3; i++) {
        for (int k = 0; k < 5; k++)
            assert_true(send_line(&o, "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"));
        freeReplyObject(redis_server_reply(&plain, "CLIENT KILL TYPE normal SKIPME yes"));
        assert_true(loop_until(&loop, is_away, &o, 5000));
        assert_int_equal(o.replies + o.lost, 5 * i);
        assert_false(send_line(&o, "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"));
        assert_true(loop_until(&loop, is_ready, &o, 5000));
        redis_link_thrive(o.link);
    }
    assert_int_equal(stats(&o).connects, 4);
    shut(&o);
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        n++;
    return n;
}

/* It works well enough for the backoff to begin anew each time: ten cuts a second would be twenty
 * lines a second. */
static void a_connection_that_is_cut_again_and_again_does_not_flood_the_log(void **state)
{
    struct owner o;
    char text[4096];
    int ends[2];
    (void)state;
    log_begin(ends);
    open_url(&o, plain.url, 0);
    assert_true(loop_until(&loop, is_ready, &o, 5000));
    for (int i = 0; i < 5; i++) {
        redis_link_thrive(o.link);
        freeReplyObject(redis_server_reply(&plain, "CLIENT KILL TYPE normal SKIPME yes"));
        assert_true(loop_until(&loop, is_away, &o, 5000));
        assert_true(loop_until(&loop, is_ready, &o, 5000));
    }
    shut(&o);
    log_end(ends, text, sizeof text);
    assert_int_equal(count(text, "redis connection lost"), 1);
    /* The first one, and the answer to "lost". */
    assert_int_equal(count(text, "redis connected"), 2);
}

static void giving_up_within_a_reply_is_safe(void **state)
{
    struct owner o;
    (void)state;
    open_url(&o, plain.url, 0);
    assert_true(loop_until(&loop, is_ready, &o, 5000));
    o.retry_at_reply = true;
    for (int k = 0; k < 5; k++)
        assert_true(send_line(&o, "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"));
    assert_true(loop_until(&loop, has_replies, &o, 5000));
    assert_int_equal(o.replies, 1);
    assert_int_equal(o.lost, 4);
    o.retry_at_reply = false;
    assert_true(loop_until(&loop, is_ready, &o, 5000));
    expect_ping(&o);
    shut(&o);
}

static void freeing_answers_what_is_under_way(void **state)
{
    struct owner o;
    (void)state;
    open_url(&o, plain.url, 0);
    assert_true(loop_until(&loop, is_ready, &o, 5000));
    assert_true(send_line(&o, "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"));
    shut(&o);
    assert_int_equal(o.lost, 1);
}

static void freeing_is_safe_in_every_state(void **state)
{
    struct owner o;
    char url[64];
    (void)state;
    snprintf(url, sizeof url, "redis://localhost:%u", plain.port);
    for (int steps = 0; steps < 12; steps++) {
        open_url(&o, url, 0);
        for (int i = 0; i < steps; i++)
            uv_run(&loop, UV_RUN_NOWAIT);
        shut(&o);
    }
}

static void a_silent_server_is_left_after_the_timeout(void **state)
{
    struct rude mute;
    struct owner o;
    (void)state;
    rude_init(&mute, "", 0);
    open_url(&o, mute.url, 30);
    assert_true(loop_until(&loop, has_failed_twice, &o, 5000));
    assert_true(mute.met >= 1);
    assert_int_equal(o.ready, 0);
    shut(&o);
    rude_release(&mute);
}

static void a_stopped_server_is_left_after_the_timeout(void **state)
{
    struct owner o;
    (void)state;
    open_url(&o, plain.url, 60);
    assert_true(loop_until(&loop, is_ready, &o, 5000));
    expect_ping(&o);
    kill(plain.pid, SIGSTOP);
    assert_true(send_line(&o, "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"));
    assert_true(loop_until(&loop, is_away, &o, 5000));
    assert_int_equal(o.lost, 1);
    kill(plain.pid, SIGCONT);
    assert_true(loop_until(&loop, is_ready, &o, 5000));
    expect_ping(&o);
    shut(&o);
}

static void a_timeout_says_what_did_not_come(void **state)
{
    struct rude mute;
    struct owner o;
    char told[4096];
    FILE *log = tmpfile();
    (void)state;
    assert_non_null(log);
    log_to_fd(fileno(log));
    rude_init(&mute, "", 0);
    open_url(&o, mute.url, 30);
    bool failed = loop_until(&loop, has_failed_twice, &o, 5000);
    log_to_fd(STDOUT_FILENO);
    rewind(log);
    told[fread(told, 1, sizeof told - 1, log)] = '\0';
    fclose(log);
    shut(&o);
    rude_release(&mute);
    assert_true(failed);
    assert_non_null(strstr(told, "timeout of the greeting"));
}

static void nonsense_ends_the_connection_and_nothing_else(void **state)
{
    static char flood[3 << 20];
    static const struct {
        const char *speech;
        size_t n;
    } cases[] = {
        { "HTTP/1.1 400 Bad Request\r\n\r\n", 28 },
        { "*2147483647\r\n", 13 },
        { "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", 40 },
        { "$9223372036854775807\r\nx", 23 },
        { "$-5\r\n", 5 },
        { "+OK\r\n+OK\r\n", 10 }, /* not a sha1 */
        { "+OK\r\n$3\r\nabc\r\n", 14 },
        { "-ERR max number of clients reached\r\n", 36 },
        { "+OK\r\n-LOADING Redis is loading the dataset in memory\r\n", 53 },
        { flood, sizeof flood }, /* a line without end */
    };
    (void)state;
    memset(flood, 'x', sizeof flood);
    flood[0] = '+';
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rude r;
        struct owner o;
        rude_init(&r, cases[i].speech, cases[i].n);
        open_url(&o, r.url, 100);
        if (!loop_until(&loop, has_failed_twice, &o, 5000))
            fail_msg("case %zu", i);
        assert_int_equal(o.ready, 0);
        shut(&o);
        rude_release(&r);
    }
}

static bool was_ready_and_left(void *cookie)
{
    return stats(cookie).disconnects > 0;
}

static void a_reply_to_no_command_ends_the_connection(void **state)
{
    static const char at_once[] =
        "+OK\r\n$40\r\n0123456789012345678901234567890123456789\r\n+surplus\r\n";
    static const char greeting[] = "+OK\r\n$40\r\n0123456789012345678901234567890123456789\r\n";
    struct rude r;
    struct owner o;
    (void)state;
    rude_init(&r, at_once, sizeof at_once - 1);
    open_url(&o, r.url, 1000);
    assert_true(loop_until(&loop, was_ready_and_left, &o, 5000));
    shut(&o);
    rude_release(&r);

    rude_init(&r, greeting, sizeof greeting - 1);
    open_url(&o, r.url, 1000);
    assert_true(loop_until(&loop, is_ready, &o, 5000));
    assert_int_equal(send(r.client, ":1\r\n", 4, MSG_NOSIGNAL), 4);
    assert_true(loop_until(&loop, was_ready_and_left, &o, 5000));
    shut(&o);
    rude_release(&r);
}

/* The half that came belongs to our command; only the rest is missing. */
static void a_connection_that_ends_within_a_reply_is_told_as_closed(void **state)
{
    static const char greeting[] = "+OK\r\n$40\r\n0123456789012345678901234567890123456789\r\n";
    struct rude r;
    struct owner o;
    char text[4096];
    int ends[2];
    (void)state;
    rude_init(&r, greeting, sizeof greeting - 1);
    log_begin(ends);
    open_url(&o, r.url, 60000);
    assert_true(loop_until(&loop, is_ready, &o, 5000));
    assert_true(send_line(&o, "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"));
    assert_int_equal(send(r.client, "$2\r\nh", 5, MSG_NOSIGNAL), 5);
    shutdown(r.client, SHUT_WR);
    assert_true(loop_until(&loop, was_ready_and_left, &o, 5000));
    shut(&o);
    log_end(ends, text, sizeof text);
    rude_release(&r);
    assert_int_equal(o.lost, 1);
    assert_null(strstr(text, "no command"));
    assert_non_null(strstr(text, "Server closed the connection"));
}

static void a_reset_connection_is_noticed(void **state)
{
    struct rude r;
    struct owner o;
    (void)state;
    rude_init(&r, "", 0);
    r.reset = true;
    open_url(&o, r.url, 60000); /* not by the timeout */
    assert_true(loop_until(&loop, has_failed_twice, &o, 5000));
    shut(&o);
    rude_release(&r);
}

static bool has_failed_thrice(void *cookie)
{
    return stats(cookie).failures >= 3;
}

/* Proxies close the connection at a command that they do not know, and so may a Redis that ends:
 * only when it comes again and again it is a refusal. */
static void a_connection_that_ends_in_its_greeting_names_the_command_it_ended_at(void **state)
{
    static const struct {
        const char *speech, *error;
    } cases[] = {
        { "+OK\r\n", "closed the connection before the answer to SCRIPT LOAD" },
        { "", "closed the connection before the answer to CLIENT SETNAME" },
        { "-ERR unknown command 'CLIENT'\r\n", "before the answer to SCRIPT LOAD" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rude r;
        struct owner o;
        char text[4096];
        int ends[2];
        rude_init(&r, cases[i].speech, strlen(cases[i].speech));
        r.closes = true;
        log_begin(ends);
        open_url(&o, r.url, 60000);
        assert_true(loop_until(&loop, has_failed_thrice, &o, 8000));
        shut(&o);
        log_end(ends, text, sizeof text);
        rude_release(&r);
        assert_non_null(strstr(text, cases[i].error));
        assert_int_equal(count(text, "redis not reachable"), 1);
        assert_int_equal(count(text, "redis refused"), 1);
        assert_non_null(strstr(strstr(text, "redis refused"), "proxy"));
    }
}

static void a_name_without_address_is_tried_again(void **state)
{
    struct owner o;
    (void)state;
    open_url(&o, "redis://no-such-host.invalid", 200);
    assert_true(loop_until(&loop, has_failed_twice, &o, 8000));
    shut(&o);
}

static void attempts_grow_rarer(void **state)
{
    struct rude r;
    struct owner o;
    (void)state;
    rude_init(&r, "", 0);
    r.reset = true;
    open_url(&o, r.url, 1000);
    loop_for(&loop, 1000);
    /* 100 + 200 + 400 + 800 ms, each halved at best: 50 + 100 + 200 + 400 */
    assert_in_range(r.met, 2, 6);
    shut(&o);
    rude_release(&r);
}

static int start(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    redis_server_init(&plain, &(struct redis_server_opts){ .tcp = true });
    redis_server_init(&locked, &(struct redis_server_opts){ .tcp = true, .password = "sesam" });
    redis_server_spawn(&plain);
    redis_server_start(&locked);
    redis_server_start(&plain);
    freeReplyObject(redis_server_reply(&locked, "ACL SETUSER stats on >a@b ~* +@all"));
    freeReplyObject(redis_server_reply(&locked, "ACL SETUSER blind on >pw ~* -@all +auth"));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_server_release(&plain);
    redis_server_release(&locked);
    return uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_url_connects),
        cmocka_unit_test(a_host_is_away_when_all_of_its_addresses_are),
        cmocka_unit_test(a_refusal_is_logged_with_the_url_and_what_to_do_and_tried_again),
        cmocka_unit_test(a_password_put_right_is_taken_without_a_restart),
        cmocka_unit_test(a_server_that_comes_later_is_found),
        cmocka_unit_test(a_killed_connection_answers_its_commands_with_nothing),
        cmocka_unit_test(a_connection_that_is_cut_again_and_again_does_not_flood_the_log),
        cmocka_unit_test(giving_up_within_a_reply_is_safe),
        cmocka_unit_test(freeing_answers_what_is_under_way),
        cmocka_unit_test(freeing_is_safe_in_every_state),
        cmocka_unit_test(a_silent_server_is_left_after_the_timeout),
        cmocka_unit_test(a_stopped_server_is_left_after_the_timeout),
        cmocka_unit_test(nonsense_ends_the_connection_and_nothing_else),
        cmocka_unit_test(a_reply_to_no_command_ends_the_connection),
        cmocka_unit_test(a_connection_that_ends_within_a_reply_is_told_as_closed),
        cmocka_unit_test(a_reset_connection_is_noticed),
        cmocka_unit_test(a_connection_that_ends_in_its_greeting_names_the_command_it_ended_at),
        cmocka_unit_test(a_name_without_address_is_tried_again),
        cmocka_unit_test(attempts_grow_rarer),
        cmocka_unit_test(a_timeout_says_what_did_not_come),
    };
    return cmocka_run_group_tests_name("redis_link", tests, start, stop);
}
