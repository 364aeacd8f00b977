/* Which expositions make room for one more: bounds of what is rendered and of what is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "expose/scrape_priv.h"

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
        cmocka_unit_test(those_that_are_over_are_passed_over),
    };
    return cmocka_run_group_tests_name("scrape_room", tests, NULL, NULL);
}
