/* Which expositions make room for one more: bounds of what is rendered and of what is left. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "expose/scrape_priv.h"
#include "support/http_client.h"
#include "support/page_reader.h"

enum { PAGES_MAX = SCRAPE_UNDER_WAY_MAX + 2 };

struct rig {
    struct scrape scrape;
    struct expose_stats stats;
    struct exposition pages[PAGES_MAX]; /* [0] is the first of the scrape's list */
    size_t n;
};

static void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    r->scrape.source.stats = &r->stats;
}

static void on_read(void *unused)
{
    (void)unused;
}

/* A page, rendered or not, that holds so many bytes for readers to come. */
static struct exposition *add(struct rig *r, bool rendered, size_t bytes)
{
    assert_in_range(r->n, 0, PAGES_MAX - 1);
    struct exposition *e = &r->pages[r->n];
    *e = (struct exposition){
        .source = &r->scrape.source, .rendered = rendered, .whole = rendered, .ended = rendered
    };
    e->stream = http_stream_new(&(struct http_stream_opts){
        .type = "text/x-test", .vary = "Accept", .max_lag = SIZE_MAX, .on_read = on_read });
    if (bytes > 0) {
        struct http_body *piece = http_body_take("text/x-test", mem_alloc(bytes), bytes);
        (void)http_stream_append(e->stream, piece);
        http_body_unref(piece);
    }
    if (r->n == 0)
        r->scrape.under_way = e;
    else
        r->pages[r->n - 1].next = e;
    r->n++;
    return e;
}

static size_t n_over(const struct rig *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += exposition_over(&r->pages[i]);
    return n;
}

static void rig_release(struct rig *r)
{
    for (size_t i = 0; i < r->n; i++)
        exposition_cut(&r->pages[i]);
}

static bool make_room(struct rig *r)
{
    static const uint64_t newcomer = 1;
    return scrape_make_room(&r->scrape, &newcomer, 1);
}

static void what_is_held_counts_until_the_exposition_is_over(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    struct exposition *e = add(&r, true, 1000);
    assert_int_equal(exposition_held(e), 1000);
    assert_int_equal(exposition_held(add(&r, true, 0)), 0);
    exposition_cut(e);
    assert_int_equal(exposition_held(e), 0);
    rig_release(&r);
}

static void slow_readers_are_left_with_so_many_bytes_and_not_one_more(void **unused)
{
    (void)unused;
    enum { HALF = SCRAPE_LEFT_BYTES / 2 };
    static const struct {
        size_t rendered[3], unfinished; /* bytes held */
        size_t cut;
    } rows[] = {
        { { HALF, HALF }, 0, 0 },
        { { HALF, HALF, 1 }, 0, 1 },
        { { HALF, HALF + 1 }, 0, 1 },
        { { HALF + 1, HALF + 1, HALF + 1 }, 0, 2 },
        { { HALF, HALF }, HALF, 0 }, /* what is still rendered is not left yet */
        { { SCRAPE_LEFT_BYTES + 1 }, 0, 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig r;
        rig_init(&r);
        for (size_t p = 0; p < 3; p++)
            if (rows[i].rendered[p] > 0)
                add(&r, true, rows[i].rendered[p]);
        struct exposition *unfinished = add(&r, false, rows[i].unfinished);
        assert_true(make_room(&r));
        assert_int_equal(n_over(&r), rows[i].cut);
        assert_false(exposition_over(unfinished));
        rig_release(&r);
    }
}

static void so_many_are_rendered_at_once_and_not_one_more(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    add(&r, true, 1000); /* takes no place, nor does one that is over */
    exposition_cut(add(&r, false, 1000));
    assert_int_equal(scrape_places(&r.scrape), SCRAPE_UNDER_WAY_MAX);
    for (size_t i = 1; i < SCRAPE_UNDER_WAY_MAX; i++) {
        add(&r, false, 1000);
        assert_int_equal(scrape_places(&r.scrape), SCRAPE_UNDER_WAY_MAX - i);
        assert_true(make_room(&r));
        assert_int_equal(n_over(&r), 1);
    }
    rig_release(&r);
    rig_init(&r);
    const struct exposition *rendered = add(&r, true, 1000);
    for (size_t i = 0; i < SCRAPE_UNDER_WAY_MAX; i++)
        add(&r, false, 1000);
    assert_int_equal(scrape_places(&r.scrape), 0);
    assert_true(make_room(&r)); /* one of the unfinished ones goes, not the rendered one */
    assert_int_equal(scrape_places(&r.scrape), 1);
    assert_int_equal(n_over(&r), 1);
    assert_false(exposition_over(rendered));
    rig_release(&r);
}

/* ---- who waits for an answer is a reader ---- */

struct office {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_request *asked[SCRAPE_UNDER_WAY_MAX];
    size_t n;
};

static void ask(void *office, struct http_request *r)
{
    struct office *o = office;
    pthread_mutex_lock(&o->lock);
    o->asked[o->n++] = r;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

static struct http_request *asked(struct office *o, size_t at)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLIENT_PATIENCE_S;
    pthread_mutex_lock(&o->lock);
    while (o->n <= at)
        assert_int_equal(pthread_cond_timedwait(&o->changed, &o->lock, &until), 0);
    pthread_mutex_unlock(&o->lock);
    return o->asked[at];
}

/* A client of the page's own, from that address. */
static int ask_for(struct office *o, const struct http_server *server, struct exposition *e,
                   const char *from, struct http_request **to)
{
    size_t at = o->n;
    int fd = page_ask(http_address(server), from, NULL);
    *to = asked(o, at);
    e->to = to;
    e->n_to = 1;
    return fd;
}

/*
 * All places are taken by clients of one address that wait for their first byte.  They stay for a
 * newcomer of theirs, and one of them makes room for another address.
 */
static void who_waits_for_an_answer_counts_as_its_reader(void **unused)
{
    (void)unused;
    static struct office o = { .lock = PTHREAD_MUTEX_INITIALIZER,
                               .changed = PTHREAD_COND_INITIALIZER };
    static struct rig r;
    struct http_route route = { .path = "/metrics", .ask = ask, .cookie = &o };
    struct http_opts opts = {
        .listen = "127.0.0.1:0", .routes = &route, .n_routes = 1, .max_per_ip = 64, .timeout_s = 30
    };
    struct http_request *to[SCRAPE_UNDER_WAY_MAX];
    int fds[SCRAPE_UNDER_WAY_MAX];
    struct http_server *server;
    const char *error;
    rig_init(&r);
    assert_int_equal(http_start(&opts, &server, &error), 0);
    for (size_t i = 0; i < SCRAPE_UNDER_WAY_MAX; i++)
        fds[i] = ask_for(&o, server, add(&r, false, 1000), "127.0.0.1", &to[i]);
    const uint64_t same = http_request_who(to[0]), other = same + 1;
    assert_false(scrape_make_room(&r.scrape, &same, 1));
    assert_int_equal(n_over(&r), 0);
    assert_true(scrape_make_room(&r.scrape, &other, 1));
    assert_int_equal(n_over(&r), 1);
    rig_release(&r);
    for (size_t i = 0; i < SCRAPE_UNDER_WAY_MAX; i++)
        client_expect(fds[i], 503, NULL);
    http_stop(server);
}

/* Those that are over stand among the others until the compressor is done. */
static void those_that_are_over_are_passed_over(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    exposition_cut(add(&r, true, 1000));
    struct exposition *large = add(&r, true, SCRAPE_LEFT_BYTES + 1);
    exposition_cut(add(&r, false, 1000));
    assert_true(make_room(&r));
    assert_true(exposition_over(large));
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_held_counts_until_the_exposition_is_over),
        cmocka_unit_test(slow_readers_are_left_with_so_many_bytes_and_not_one_more),
        cmocka_unit_test(so_many_are_rendered_at_once_and_not_one_more),
        cmocka_unit_test(who_waits_for_an_answer_counts_as_its_reader),
        cmocka_unit_test(those_that_are_over_are_passed_over),
    };
    return cmocka_run_group_tests_name("scrape_room", tests, NULL, NULL);
}
