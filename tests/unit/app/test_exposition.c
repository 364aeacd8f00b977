/*
 * A large page on its way from the registry to real connections: how much a step makes, and that it may end at any of them.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/process.h"
#include "app/scrape.h"
#include "app/selfmetrics.h"
#include "support/http_client.h"
#include "support/pipeline.h"
#include "support/sanitized.h"

enum { SERIES = 16000, CLIENTS_MAX = 4 };

struct office {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_request *asked[CLIENTS_MAX];
    size_t n_asked;
    bool again;
    uv_loop_t loop;
    struct pipeline p;
    struct turn turn;
    struct selfmetrics_sources self;
    struct exposition_source source;
    struct http_server *server;
    struct http_route route;
};

static void ask(void *cookie, struct http_request *r)
{
    struct office *o = cookie;
    pthread_mutex_lock(&o->lock);
    o->asked[o->n_asked++] = r;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

static void again(void *cookie)
{
    struct office *o = cookie;
    pthread_mutex_lock(&o->lock);
    o->again = true;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

/* Some 7 MB of lines. */
static void fill(struct office *o)
{
    char line[512], pad[200];
    memset(pad, 'x', sizeof pad - 1);
    pad[sizeof pad - 1] = '\0';
    for (unsigned i = 0; i < SERIES; i++) {
        snprintf(line, sizeof line, "large:1|c|#n:%u,pad:%s,more:%s", i, pad, pad);
        pipeline_feed(&o->p, 0, line);
        if (i % 1000 == 999)
            pipeline_turn(&o->p);
    }
    pipeline_turn(&o->p);
}

static int open_office(void **state)
{
    static struct office o;
    const char *error;
    memset(&o, 0, sizeof o);
    pthread_mutex_init(&o.lock, NULL);
    pthread_cond_init(&o.changed, NULL);
    uv_loop_init(&o.loop);
    pipeline_init(&o.p, &(struct pipeline_opts){ 0 });
    fill(&o);
    o.self = (struct selfmetrics_sources){ .turn = &o.turn,
                                           .registry = o.p.registry,
                                           .server = { .version = "1.2.3", .commit = "abc" } };
    o.source = (struct exposition_source){
        .loop = &o.loop,
        .registry = o.p.registry,
        .prometheus = o.p.prometheus,
        .put_own = selfmetrics_render,
        .cookie = &o.self,
        .stats = &o.self.exposition,
    };
    o.route = (struct http_route){ .path = "/metrics", .ask = ask, .cookie = &o };
    struct http_opts http = { .listen = "127.0.0.1:0", .routes = &o.route, .n_routes = 1, .timeout_s = 30 };
    assert_int_equal(http_start(&http, &o.server, &error), 0);
    *state = &o;
    return 0;
}

static int close_office(void **state)
{
    struct office *o = *state;
    http_stop(o->server);
    pipeline_release(&o->p);
    uv_run(&o->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&o->loop), 0);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    return 0;
}

/* Until n have asked. */
static void await_asked(struct office *o, size_t n)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLIENT_PATIENCE_S;
    pthread_mutex_lock(&o->lock);
    while (o->n_asked < n)
        assert_int_equal(pthread_cond_timedwait(&o->changed, &o->lock, &until), 0);
    pthread_mutex_unlock(&o->lock);
}

/* Until it says that it may go on.  Packed pieces come in by the loop. */
static void await_again(struct office *o, const struct exposition *e)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLIENT_PATIENCE_S;
    if (e->packing == PACK_BUSY)
        uv_run(&o->loop, UV_RUN_ONCE);
    pthread_mutex_lock(&o->lock);
    while (!o->again)
        assert_int_equal(pthread_cond_timedwait(&o->changed, &o->lock, &until), 0);
    o->again = false;
    pthread_mutex_unlock(&o->lock);
}

static int get(struct office *o, bool gzip)
{
    char request[256];
    int fd = client_dial(http_address(o->server));
    snprintf(request, sizeof request, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
             gzip ? "Accept-Encoding: gzip\r\n" : "");
    client_say(fd, request);
    return fd;
}

static void *swallow(void *fd)
{
    char scratch[65536];
    size_t got = 0;
    for (ssize_t n; (n = recv(*(int *)fd, scratch, sizeof scratch, 0)) > 0;)
        got += (size_t)n;
    close(*(int *)fd);
    *(int *)fd = (int)(got / 1000000);
    return NULL;
}

static struct exposition *begin(struct office *o)
{
    struct exposition *e = exposition_new(&o->source, o->asked, o->n_asked, again, o);
    o->n_asked = 0;
    o->again = false;
    return e;
}

/* Others want the thread, too: however fast the reader is, a step ends after some pieces. */
static void a_reader_as_fast_as_rendering_does_not_keep_the_thread(void **state)
{
    struct office *o = *state;
    pthread_t reader;
    double most = 0, before = 0, bytes;
    int fd = get(o, false);
    await_asked(o, 1);
    assert_int_equal(pthread_create(&reader, NULL, swallow, &fd), 0);
    struct exposition *e = begin(o);
    while (exposition_step(e)) {
        most = e->bytes - before > most ? e->bytes - before : most;
        before = e->bytes;
        await_again(o, e);
    }
    most = e->bytes - before > most ? e->bytes - before : most;
    bytes = e->bytes;
    exposition_free(e);
    pthread_join(reader, NULL);
    assert_true(bytes > 6e6);
    assert_in_range(fd, (int)(bytes / 1e6), (int)(bytes / 1e6) + 1);
    assert_true(most < 2 << 20);
}

/* A stop, or one scrape too many: at every step, in either form, with readers that read and one that does not. */
static void it_may_be_cut_at_any_step(void **state)
{
    struct office *o = *state;
    struct buf reply = { 0 };
    for (unsigned steps = 0; steps < 24; steps++) {
        pthread_t readers[2];
        int fds[] = { get(o, false), get(o, true) }, lame = get(o, steps % 2 == 0);
        await_asked(o, 3);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
            assert_int_equal(pthread_create(&readers[i], NULL, swallow, &fds[i]), 0);
        struct exposition *e = begin(o);
        bool more = true;
        for (unsigned i = 0; i < steps && more; i++) {
            more = exposition_step(e);
            if (more)
                await_again(o, e);
        }
        exposition_cut(e);
        while (exposition_step(e))
            await_again(o, e);
        exposition_free(e);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
            pthread_join(readers[i], NULL);
        client_hear(lame, &reply);
        assert_true(client_status(&reply) == 200 || client_status(&reply) == 503);
    }
    buf_release(&reply);
}

/*
 * Time and again two ask together, one reads all, and the other one nothing: what is left for the slow ones is theirs for as long as
 * they hold their connections, but not without end.
 */
static void what_slow_readers_are_left_with_is_bounded(void **state)
{
    enum { ROUNDS = 30 };
    struct office *o = *state;
    struct scrape s = { .turn = &o->turn, .source = o->source };
    int lame[ROUNDS];
    assert_int_equal(scrape_init(&s, &o->loop), 0);
    size_t before = (size_t)process_resident_bytes();
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct scrape_waiter waiting[2];
        pthread_t reader;
        int quick = get(o, false);
        lame[i] = get(o, false);
        setsockopt(lame[i], SOL_SOCKET, SO_RCVBUF, &(int){ 4096 }, sizeof(int));   /* before the reply: the kernel shall not keep it */
        await_asked(o, 2);
        for (size_t j = 0; j < ARRAY_LEN(waiting); j++)
            waiting[j] = (struct scrape_waiter){ .request = o->asked[j] };
        o->n_asked = 0;
        s.waiting = waiting;
        s.n_waiting = 2;
        assert_int_equal(pthread_create(&reader, NULL, swallow, &quick), 0);
        scrape_turned(&s);
        while (s.under_way != NULL && !exposition_made(s.under_way))
            uv_run(&o->loop, UV_RUN_ONCE);
        pthread_join(reader, NULL);
        assert_true(quick >= 6);
    }
    if (!SANITIZED)
        assert_in_range((size_t)process_resident_bytes(), 0, before + SCRAPE_LEFT_BYTES + (20u << 20));
    s.waiting = NULL;
    scrape_stop(&s);
    scrape_cut(&s);
    while (!scrape_idle(&s))
        uv_run(&o->loop, UV_RUN_ONCE);
    scrape_close(&s);
    uv_run(&o->loop, UV_RUN_DEFAULT);
    for (unsigned i = 0; i < ROUNDS; i++)
        close(lame[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_as_fast_as_rendering_does_not_keep_the_thread),
        cmocka_unit_test(it_may_be_cut_at_any_step),
        cmocka_unit_test(what_slow_readers_are_left_with_is_bounded),
    };
    return cmocka_run_group_tests_name("exposition", tests, open_office, close_office);
}
