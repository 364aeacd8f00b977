/*
 * A large page on its way from the registry to real connections: how much a step makes, and that it
 * may end at any of them.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "expose/exposition.h"
#include "support/http_client.h"
#include "support/page_reader.h"

enum { SERIES = 16000, CLIENTS_MAX = 4 };

struct office {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_request *asked[CLIENTS_MAX];
    size_t n_asked;
    bool again;
    uv_loop_t loop;
    struct pipeline p;
    struct expose_stats stats;
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

static void put_own(void *cookie, struct writer *w, struct buf *out)
{
    (void)cookie;
    (void)w;
    buf_append_str(out, "own 1\n");
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
    page_fill(&o.p, SERIES);
    o.source = (struct exposition_source){
        .loop = &o.loop,
        .registry = o.p.registry,
        .writers = { [WRITER_TEXT] = o.p.writer },
        .put_own = put_own,
        .stats = &o.stats,
    };
    o.route = (struct http_route){ .path = "/metrics", .ask = ask, .cookie = &o };
    struct http_opts http = {
        .listen = "127.0.0.1:0", .routes = &o.route, .n_routes = 1, .timeout_s = 30
    };
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

static struct timespec patience(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLIENT_PATIENCE_S;
    return until;
}

/* Until n have asked. */
static void await_asked(struct office *o, size_t n)
{
    struct timespec until = patience();
    pthread_mutex_lock(&o->lock);
    while (o->n_asked < n)
        assert_int_equal(pthread_cond_timedwait(&o->changed, &o->lock, &until), 0);
    pthread_mutex_unlock(&o->lock);
}

/* Until it says that it may go on.  Packed pieces come in by the loop. */
static void await_again(struct office *o, const struct exposition *e)
{
    struct timespec until = patience();
    if (e->packer.state == PACKER_BUSY)
        uv_run(&o->loop, UV_RUN_ONCE);
    pthread_mutex_lock(&o->lock);
    while (!o->again)
        assert_int_equal(pthread_cond_timedwait(&o->changed, &o->lock, &until), 0);
    o->again = false;
    pthread_mutex_unlock(&o->lock);
}

static int get(struct office *o, enum encoding_id encoding)
{
    return page_ask(http_address(o->server), "127.0.0.1", encodings[encoding].token);
}

static struct exposition *begin(struct office *o)
{
    unsigned form = exposition_form_of(o->asked[0]);
    struct exposition *e = exposition_new(&o->source, form, o->asked, o->n_asked, again, o);
    o->n_asked = 0;
    o->again = false;
    return e;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Others want the thread, too: however fast the reader is, a step ends after some pieces. */
static void a_reader_as_fast_as_rendering_does_not_keep_the_thread(void **state)
{
    struct office *o = *state;
    struct page_reader reader;
    double most = 0, before = 0;
    int fd = get(o, ENCODING_IDENTITY);
    await_asked(o, 1);
    page_reader_start(&reader, fd, 0);
    struct exposition *e = begin(o);
    while (exposition_step(e)) {
        most = larger(e->bytes - before, most);
        before = e->bytes;
        await_again(o, e);
    }
    most = larger(e->bytes - before, most);
    double bytes = e->bytes;
    exposition_free(e);
    assert_true(bytes > 6e6);
    assert_int_equal(page_reader_join(&reader), (size_t)bytes);
    assert_true(most < 2 << 20);
    assert_true(o->stats.bytes == bytes);
}

/*
 * A stop, or one scrape too many: at every step, in every encoding, with readers that read and one
 * that does not.
 */
static void it_may_be_cut_at_any_step(void **state)
{
    struct office *o = *state;
    struct buf reply = { 0 };
    for (unsigned steps = 0; steps < 36; steps++) {
        enum encoding_id form = (enum encoding_id)(steps % ENCODING_COUNT);
        struct page_reader readers[2];
        int fds[] = { get(o, form), get(o, form) }, lame = get(o, form);
        await_asked(o, 3);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
            page_reader_start(&readers[i], fds[i], 0);
        struct exposition *e = begin(o);
        bool more = true;
        for (unsigned i = 0; i < steps / ENCODING_COUNT && more; i++) {
            more = exposition_step(e) && !exposition_made(e); /* then it waits for the lame one */
            if (more)
                await_again(o, e);
        }
        exposition_cut(e);
        while (exposition_step(e))
            await_again(o, e);
        exposition_free(e);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
            (void)page_reader_join(&readers[i]);
        client_hear(lame, &reply);
        assert_true(client_status(&reply) == 200 || client_status(&reply) == 503);
    }
    buf_release(&reply);
}

/*
 * A step makes four pieces of 256 KiB, each of which ends behind a whole series, however fast they
 * are read meanwhile.
 */
static void a_step_makes_four_pieces_and_not_one_more(void **state)
{
    enum { STEP = 4 * 256 * 1024, LINES = 4 * 1024 };
    struct office *o = *state;
    struct page_reader reader;
    int fd = get(o, ENCODING_IDENTITY);
    await_asked(o, 1);
    page_reader_start(&reader, fd, 0);
    struct exposition *e = begin(o);
    double before = 0;
    size_t least = SIZE_MAX, most = 0;
    while (exposition_step(e)) {
        size_t made = (size_t)(e->bytes - before);
        least = made < least && !e->rendered ? made : least;
        most = made > most ? made : most;
        before = e->bytes;
        /* Until all of it is read: the next step has room for all that it may make. */
        while (!e->rendered && http_stream_ahead(e->stream) > 0)
            sched_yield();
        await_again(o, e);
    }
    exposition_free(e);
    assert_true(page_reader_join(&reader) > 0);
    assert_in_range(least, STEP, STEP + LINES);
    assert_in_range(most, STEP, STEP + LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_as_fast_as_rendering_does_not_keep_the_thread),
        cmocka_unit_test(it_may_be_cut_at_any_step),
        cmocka_unit_test(a_step_makes_four_pieces_and_not_one_more),
    };
    return cmocka_run_group_tests_name("exposition", tests, open_office, close_office);
}
