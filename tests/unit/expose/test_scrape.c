/*
 * Requests for one page turn, in both forms, from clients that read at their own pace: who shares
 * an exposition, and who is cut off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/process.h"
#include "expose/scrape_priv.h"
#include "support/http_client.h"
#include "support/page_reader.h"
#include "support/sanitized.h"

/* Some 18 MB of text: two times the lag that a reader may have, and more than kernels hold. */
enum { SERIES = 40000, CLIENTS_MAX = 4 };

/* A whole page in a good second, when the test's own thread has the CPU now and then. */
enum { SLOWLY = 16000 };

struct client {
    const char *from;
    bool gzip;
    size_t per_ms;
};

struct office {
    uv_loop_t loop;
    struct pipeline p;
    struct expose_stats stats;
    struct scrape *scrape;
    uint64_t turns; /* asked for */
    struct registry *left;
    struct http_server *server;
    struct http_route route;
};

static void put_own(void *own, struct writer *w, struct buf *out)
{
    (void)own;
    (void)w;
    buf_append_str(out, "own 1\n");
}

static void on_left(void *office, struct registry *r)
{
    ((struct office *)office)->left = r;
}

static uint64_t ask_turn(void *office)
{
    return ++((struct office *)office)->turns;
}

static int open_office(void **state)
{
    static struct office o;
    const char *error;
    memset(&o, 0, sizeof o);
    uv_loop_init(&o.loop);
    pipeline_init(&o.p, &(struct pipeline_opts){ 0 });
    page_fill(&o.p, SERIES);
    const struct scrape_opts opts = {
        .loop = &o.loop,
        .registry = o.p.registry,
        .stats = &o.stats,
        .put_own = put_own,
        .left = on_left,
        .own = &o,
        .ask_turn = ask_turn,
        .turn = &o,
    };
    assert_int_equal(scrape_new(&opts, &o.scrape), 0);
    o.route = (struct http_route){ .path = "/metrics",
                                   .ask = http_mailbox_ask,
                                   .cookie = scrape_mailbox(o.scrape) };
    struct http_opts http = { .listen = "127.0.0.1:0",
                              .routes = &o.route,
                              .n_routes = 1,
                              .max_per_ip = 64,
                              .timeout_s = 30 };
    assert_int_equal(http_start(&http, &o.server, &error), 0);
    *state = &o;
    return 0;
}

static void run_until_idle(struct office *o)
{
    while (!scrape_idle(o->scrape))
        uv_run(&o->loop, UV_RUN_ONCE);
}

static int close_office(void **state)
{
    struct office *o = *state;
    scrape_stop(o->scrape);
    scrape_cut(o->scrape);
    run_until_idle(o);
    http_stop(o->server);
    scrape_free(o->scrape);
    pipeline_release(&o->p);
    uv_run(&o->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&o->loop), 0);
    return 0;
}

/* Ask together, and wait until all of them wait for a turn; their sockets into fds. */
static void ask_together(struct office *o, const struct client *clients, size_t n, int *fds)
{
    for (size_t i = 0; i < n; i++)
        fds[i] =
            page_ask(http_address(o->server), clients[i].from, clients[i].gzip ? "gzip" : NULL);
    while (o->scrape->desk.n < n)
        uv_run(&o->loop, UV_RUN_ONCE);
}

static size_t n_under_way(const struct office *o)
{
    size_t n = 0;
    for (const struct exposition *e = o->scrape->under_way; e != NULL; e = e->next)
        n++;
    return n;
}

/*
 * All ask for one turn and read.
 *   got      bytes of the body, 0 for who was cut off
 *   returns  how many expositions it took
 */
static size_t serve(struct office *o, const struct client *clients, size_t n, size_t *got)
{
    struct page_reader readers[CLIENTS_MAX];
    int fds[CLIENTS_MAX];
    ask_together(o, clients, n, fds);
    scrape_turned(o->scrape, o->turns);
    size_t expositions = n_under_way(o);
    for (size_t i = 0; i < n; i++)
        page_reader_start(&readers[i], fds[i], clients[i].per_ms);
    run_until_idle(o);
    for (size_t i = 0; i < n; i++)
        got[i] = page_reader_join(&readers[i]);
    return expositions;
}

/* So that the scrape knows how large the page is in both forms. */
static void serve_once(struct office *o)
{
    const struct client both[] = { { "127.0.0.1", false, 0 }, { "127.0.0.1", true, 0 } };
    size_t got[2];
    (void)serve(o, both, 2, got);
    assert_true(got[0] > 2 * EXPOSITION_LAG_BYTES && got[1] > 0);
}

static void who_asks_for_the_same_form_shares_an_exposition(void **state)
{
    struct office *o = *state;
    static const struct {
        struct client clients[CLIENTS_MAX];
        size_t n, expositions;
    } cases[] = {
        { { { "127.0.0.1", false, 0 } }, 1, 1 },
        { { { "127.0.0.1", false, 0 }, { "127.0.0.1", false, 0 } }, 2, 1 },
        { { { "127.0.0.1", true, 0 }, { "127.0.0.2", true, 0 }, { "127.0.0.3", true, 0 } }, 3, 1 },
        { { { "127.0.0.1", true, 0 }, { "127.0.0.1", false, 0 }, { "127.0.0.1", true, 0 } }, 3, 2 },
        /* so large that the slower one could be left behind */
        { { { "127.0.0.1", false, 0 }, { "127.0.0.2", false, 0 }, { "127.0.0.1", false, 0 } },
          3,
          2 },
    };
    serve_once(o);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t got[CLIENTS_MAX];
        assert_int_equal(serve(o, cases[i].clients, cases[i].n, got), cases[i].expositions);
    }
}

static void a_slow_reader_is_left_behind_by_nobody(void **state)
{
    struct office *o = *state;
    static const struct client pairs[][2] = {
        { { "127.0.0.1", true, 0 }, { "127.0.0.1", false, SLOWLY } },  /* of another form */
        { { "127.0.0.1", false, 0 }, { "127.0.0.2", false, SLOWLY } }, /* of another address */
    };
    serve_once(o);
    const uint64_t cut = o->stats.cut;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        size_t got[2];
        (void)serve(o, pairs[i], 2, got);
        assert_true(got[0] > 0);
        assert_int_equal(got[1], (size_t)o->stats.bytes);
    }
    assert_int_equal(o->stats.cut, cut);
}

static bool is_rendered(const struct office *o)
{
    for (const struct exposition *e = o->scrape->under_way; e != NULL; e = e->next)
        if (!exposition_made(e))
            return false;
    return true;
}

/*
 * Time and again two ask together, one reads all, and the other one nothing: what is left for the
 * slow ones is theirs for as long as they hold their connections, but not without end.
 */
static void what_slow_readers_are_left_with_is_bounded(void **state)
{
    enum { ROUNDS = 30 };
    static const struct client two[] = { { "127.0.0.1", false, 0 }, { "127.0.0.1", false, 0 } };
    struct office *o = *state;
    int lame[ROUNDS];
    size_t before = (size_t)process_resident_bytes();
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct page_reader reader;
        int fds[2];
        ask_together(o, two, 2, fds);
        lame[i] = fds[1];
        scrape_turned(o->scrape, o->turns);
        page_reader_start(&reader, fds[0], 0);
        while (!is_rendered(o))
            uv_run(&o->loop, UV_RUN_ONCE);
        assert_true(page_reader_join(&reader) > 0);
    }
    if (!SANITIZED)
        assert_in_range((size_t)process_resident_bytes(), 0,
                        before + SCRAPE_LEFT_BYTES + (40u << 20));
    scrape_cut(o->scrape);
    run_until_idle(o);
    for (unsigned i = 0; i < ROUNDS; i++)
        close(lame[i]);
}

/* ---- another registry ---- */

static void a_registry_goes_when_its_last_reader_has_it_all(void **state)
{
    struct office *o = *state;
    static const struct client one = { "127.0.0.1", false, 0 };
    struct page_reader reader;
    struct pipeline other;
    int fd;
    o->left = NULL;
    pipeline_init(&other, &(struct pipeline_opts){ 0 });
    pipeline_feed(&other, 0, "other:1|c");
    pipeline_turn(&other);
    ask_together(o, &one, 1, &fd);
    scrape_turned(o->scrape, o->turns);
    scrape_show(o->scrape, other.registry);
    assert_null(o->left);
    page_reader_start(&reader, fd, 0);
    run_until_idle(o);
    assert_true(page_reader_join(&reader) > EXPOSITION_LAG_BYTES);
    assert_ptr_equal(o->left, o->p.registry);
    size_t got;
    (void)serve(o, &one, 1, &got);
    assert_true(got > 0 && got < 1000);
    scrape_show(o->scrape, o->p.registry); /* close_office takes that one */
    assert_ptr_equal(o->left, other.registry);
    pipeline_release(&other);
}

static void who_reads_an_earlier_registry_may_be_cut_off(void **state)
{
    struct office *o = *state;
    static const struct client one = { "127.0.0.1", false, 0 };
    struct pipeline other;
    int fd;
    o->left = NULL;
    pipeline_init(&other, &(struct pipeline_opts){ 0 });
    ask_together(o, &one, 1, &fd);
    scrape_turned(o->scrape, o->turns);
    scrape_show(o->scrape, other.registry);
    assert_false(scrape_idle(o->scrape));
    scrape_cut_earlier(o->scrape);
    run_until_idle(o);
    assert_ptr_equal(o->left, o->p.registry);
    close(fd);
    scrape_show(o->scrape, o->p.registry);
    pipeline_release(&other);
}

static void who_is_refused_is_told_why(void **state)
{
    struct office *o = *state;
    static const struct client one = { "127.0.0.1", false, 0 };
    char text[1024] = "";
    size_t n = 0;
    int fd;
    ask_together(o, &one, 1, &fd);
    scrape_refused(o->scrape, o->turns, "the cat has it");
    while (strstr(text, "has it\n") == NULL) {
        ssize_t more = read(fd, text + n, sizeof text - 1 - n);
        assert_true(more > 0);
        n += (size_t)more;
        text[n] = '\0';
    }
    assert_non_null(strstr(text, " 503 "));
    assert_non_null(strstr(text, "Retry-After: "));
    assert_non_null(strstr(text, "\r\n\r\nthe cat has it\n"));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_for_the_same_form_shares_an_exposition),
        cmocka_unit_test(a_slow_reader_is_left_behind_by_nobody),
        cmocka_unit_test(what_slow_readers_are_left_with_is_bounded),
        cmocka_unit_test(a_registry_goes_when_its_last_reader_has_it_all),
        cmocka_unit_test(who_reads_an_earlier_registry_may_be_cut_off),
        cmocka_unit_test(who_is_refused_is_told_why),
    };
    return cmocka_run_group_tests_name("scrape", tests, open_office, close_office);
}
