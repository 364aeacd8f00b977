/*
 * Connections of real sockets, accepted within limits.  The workers do not run: what they are given
 * stays open until they end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "aggregate/limit.h"
#include "aggregate/profile.h"
#include "base/log.h"
#include "listen/acceptor.h"

enum { WORKERS = 2, LISTENERS = 2, CLIENTS_MAX = 64 };

struct rig {
    uv_loop_t loop;
    struct series_limit limit;
    struct profiles *profiles;
    struct worker *workers[WORKERS];
    struct listener l[LISTENERS];
    struct acceptor *acceptor;
    int clients[CLIENTS_MAX];
    unsigned n_clients, n_left; /* left: by themselves, before the end */
};

static void notify(void *unused)
{
    (void)unused;
}

static struct rig *rig_new(const char *query, uint64_t most)
{
    const struct listen_address defaults = { .max_connections = 50, .max_per_address = 50 };
    struct rig *r = calloc(1, sizeof *r);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    assert_int_equal(series_limit_init(&r->limit, 100), 0);
    r->profiles =
        profiles_new(&(struct profile){ .histogram = true, .sketch_schema = 5, .scale = 1 });
    const struct worker_opts o = { .lane = { .parse = PARSE_OPTS_DEFAULT,
                                             .ingest = { .tags = TAGS_OPTS_DEFAULT,
                                                         .profiles = r->profiles,
                                                         .limit = &r->limit } },
                                   .notify = notify };
    for (unsigned w = 0; w < WORKERS; w++)
        assert_int_equal(worker_new(&o, &r->workers[w]), 0);
    r->acceptor = acceptor_new(&r->loop, r->workers, WORKERS, most);
    for (unsigned i = 0; i < LISTENERS; i++) {
        struct listen_address a;
        struct buf error = { 0 }, url = { 0 };
        buf_printf(&url, "tcp://127.0.0.1:0%s", query);
        assert_int_equal(socket_url_parse(buf_slice(&url), &defaults, &a, &error), 0);
        assert_int_equal(listener_open(&a, WORKERS, &r->l[i], &error), 0);
        for (unsigned w = 0; w < WORKERS; w++)
            r->l[i].places[w] = (uint16_t)worker_add_socket(r->workers[w], -1, &a);
        assert_int_equal(acceptor_add(r->acceptor, &r->l[i], &error), 0);
        buf_release(&error);
        buf_release(&url);
    }
    return r;
}

/* Ends the workers, after which every connection has ended. */
static void rig_free(struct rig *r)
{
    for (unsigned w = 0; w < WORKERS; w++)
        worker_join(r->workers[w]);
    acceptor_close(r->acceptor);
    for (unsigned i = 0; i < LISTENERS; i++) {
        const struct stream_counts *n = &r->l[i].streams;
        assert_int_equal(n->open, 0);
        assert_int_equal(n->closed[STREAM_END_STOP], n->accepted - (i == 0 ? r->n_left : 0));
        listener_close(&r->l[i]);
    }
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    acceptor_free(r->acceptor);
    for (unsigned i = 0; i < r->n_clients; i++)
        close(r->clients[i]);
    profiles_free(r->profiles);
    series_limit_release(&r->limit);
    free(r);
}

/* returns  0 or -errno of connect */
static int client(struct rig *r, unsigned listener, const char *from)
{
    const struct listen_address *a = &r->l[listener].address;
    struct sockaddr_in me = { .sin_family = AF_INET, .sin_addr = { inet_addr(from) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && r->n_clients < CLIENTS_MAX);
    r->clients[r->n_clients++] = fd;
    assert_int_equal(bind(fd, (struct sockaddr *)&me, sizeof me), 0);
    return connect(fd, (const struct sockaddr *)&a->addr, a->addr_len) < 0 ? -errno : 0;
}

static void clients(struct rig *r, unsigned listener, unsigned n, const char *from)
{
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(client(r, listener, from), 0);
}

static void expect(const struct rig *r, unsigned listener, unsigned open, unsigned limit,
                   unsigned per_address)
{
    const struct stream_counts *n = &r->l[listener].streams;
    assert_int_equal(n->open, open);
    assert_int_equal(n->accepted, open);
    assert_int_equal(n->refused[STREAM_REFUSED_LIMIT], limit);
    assert_int_equal(n->refused[STREAM_REFUSED_PER_ADDRESS], per_address);
}

static void a_listener_has_a_limit_and_so_has_an_address(void **unused)
{
    (void)unused;
    struct rig *r = rig_new("?max_connections=8&max_per_address=3", 100);
    clients(r, 0, 5, "127.0.0.1");
    clients(r, 0, 3, "127.0.0.2");
    acceptor_accept(r->acceptor);
    expect(r, 0, 6, 0, 2);
    clients(r, 0, 3, "127.0.0.3");
    acceptor_accept(r->acceptor);
    expect(r, 0, 8, 1, 2);
    clients(r, 1, 2, "127.0.0.1"); /* another listener counts by itself */
    acceptor_accept(r->acceptor);
    expect(r, 1, 2, 0, 0);
    rig_free(r);
}

static void all_listeners_together_have_one_too(void **unused)
{
    (void)unused;
    struct rig *r = rig_new("", 5);
    clients(r, 0, 4, "127.0.0.1");
    acceptor_accept(r->acceptor);
    clients(r, 1, 4, "127.0.0.1");
    acceptor_accept(r->acceptor);
    expect(r, 0, 4, 0, 0);
    expect(r, 1, 1, 3, 0);
    rig_free(r);
}

static void its_loop_accepts_what_comes(void **unused)
{
    (void)unused;
    struct rig *r = rig_new("", 100);
    clients(r, 0, 3, "127.0.0.1");
    while (r->l[0].streams.open < 3)
        uv_run(&r->loop, UV_RUN_ONCE);
    expect(r, 0, 3, 0, 0);
    rig_free(r);
}

static void a_stop_takes_what_is_pending_and_nobody_else(void **unused)
{
    (void)unused;
    struct rig *r = rig_new("", 100);
    clients(r, 0, 30, "127.0.0.1");
    acceptor_stop(r->acceptor);
    expect(r, 0, 30, 0, 0);
    assert_int_equal(client(r, 0, "127.0.0.1"), -ECONNREFUSED);
    acceptor_accept(r->acceptor);
    expect(r, 0, 30, 0, 0);
    rig_free(r);
}

static void without_a_descriptor_it_waits_and_tries_again(void **unused)
{
    (void)unused;
    struct rig *r = rig_new("", 100);
    struct rlimit before, none;
    clients(r, 0, 2, "127.0.0.1");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ 3, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    acceptor_accept(r->acceptor);
    unsigned rounds = 0;
    for (uint64_t until = uv_hrtime() + 3 * ACCEPTOR_PAUSE_MS * 1000000ull; uv_hrtime() < until;)
        rounds += uv_run(&r->loop, UV_RUN_ONCE) != 0;
    expect(r, 0, 0, 0, 0);
    assert_true(rounds < 20); /* it does not spin */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (r->l[0].streams.open < 2)
        uv_run(&r->loop, UV_RUN_ONCE);
    expect(r, 0, 2, 0, 0);
    rig_free(r);
}

/* What the worker read from listener 0 until now. */
static uint64_t bytes_of(struct rig *r, unsigned w)
{
    const struct socket_stats *sockets;
    struct page *p;
    worker_ask_turn(r->workers[w], false);
    while ((p = worker_take(r->workers[w], &sockets)) == NULL)
        sched_yield();
    uint64_t bytes = sockets[r->l[0].places[w]].bytes;
    worker_give(r->workers[w], p);
    return bytes;
}

static void who_comes_goes_to_the_worker_that_has_fewest(void **unused)
{
    (void)unused;
    struct rig *r = rig_new("", 100);
    for (unsigned w = 0; w < WORKERS; w++)
        assert_int_equal(worker_start(r->workers[w]), 0);
    for (unsigned i = 0; i < 6; i++) { /* in turns: neither has fewer */
        clients(r, 0, 1, "127.0.0.1");
        acceptor_accept(r->acceptor);
    }
    for (unsigned i = 0; i < 6; i += 2) { /* those of one worker */
        close(r->clients[i]);
        r->clients[i] = -1;
        r->n_left++;
    }
    while (r->l[0].streams.open > 3)
        acceptor_collect(r->acceptor);
    clients(r, 0, 3, "127.0.0.1");
    acceptor_accept(r->acceptor);
    for (unsigned i = 6; i < 9; i++)
        assert_int_equal(send(r->clients[i], "wrong\n", 6, 0), 6); /* no series comes of it */
    uint64_t of_first = bytes_of(r, 0), of_second = bytes_of(r, 1);
    assert_true((of_first == 18 && of_second == 0) || (of_first == 0 && of_second == 18));
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_has_a_limit_and_so_has_an_address),
        cmocka_unit_test(all_listeners_together_have_one_too),
        cmocka_unit_test(its_loop_accepts_what_comes),
        cmocka_unit_test(a_stop_takes_what_is_pending_and_nobody_else),
        cmocka_unit_test(without_a_descriptor_it_waits_and_tries_again),
        cmocka_unit_test(who_comes_goes_to_the_worker_that_has_fewest),
    };
    log_setup(LOG_ERROR, LOG_LOGFMT); /* that it waits is logged */
    return cmocka_run_group_tests_name("acceptor", tests, NULL, NULL);
}
