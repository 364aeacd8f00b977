/* When a socket is read, and what the reader knows of how long datagrams waited for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/now.h"
#include "listen/watch.h"

enum { LONG_WAITS = 20, FOUND = 8 };

struct reader {
    struct watch watch;
    unsigned told; /* reads since the last wait that was not long, which were told of long ones */
    unsigned long_ones; /* long waits so far */
    unsigned untold;    /* of these, such as nobody was told of before they began */
};

/* Few datagrams each time, so that the wait becomes longer. */
static unsigned read_few(void *cookie)
{
    struct reader *r = cookie;
    const bool waited =
        watch_gathers(&r->watch) && uv_timer_get_repeat(&r->watch.timer) > GATHER_MS_FIRST;
    r->long_ones += waited;
    r->untold += waited && r->told == 0;
    r->told = watch_is_late(&r->watch) ? r->told + 1 : 0;
    return FOUND;
}

static void on_closed(void *cookie)
{
    (void)cookie;
}

/* So that the reader can have the kernel note when datagrams come, before any waits. */
static void the_reader_is_told_before_a_long_wait_begins(void **unused)
{
    (void)unused;
    struct reader r = { .told = 0 };
    uv_loop_t loop;
    const int fd = eventfd(1, EFD_NONBLOCK); /* readable all the time */
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(watch_init(&r.watch, &loop, fd, GATHER_MS_MAX, read_few, &r), 0);
    assert_int_equal(watch_start(&r.watch), 0);
    while (r.long_ones < LONG_WAITS)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(r.untold, 0);
    watch_stop(&r.watch);
    watch_close(&r.watch, on_closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    close(fd);
}

/* ---- when it gathers, and when it reads ---- */

struct counted {
    struct watch watch;
    uv_loop_t loop;
    int fd;
    unsigned found; /* by each read */
    unsigned reads;
};

static unsigned read_counted(void *cookie)
{
    struct counted *c = cookie;
    c->reads++;
    return c->found;
}

/* Of a descriptor that is readable all the time, or never. */
static void counted_init(struct counted *c, bool readable, unsigned gather_ms, unsigned found)
{
    *c = (struct counted){ .fd = eventfd(readable, EFD_NONBLOCK), .found = found };
    assert_int_equal(uv_loop_init(&c->loop), 0);
    assert_int_equal(watch_init(&c->watch, &c->loop, c->fd, gather_ms, read_counted, c), 0);
    assert_int_equal(watch_start(&c->watch), 0);
}

static void counted_release(struct counted *c)
{
    watch_stop(&c->watch);
    watch_close(&c->watch, on_closed);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&c->loop), 0);
    close(c->fd);
}

/* Run for up to so long, until it gathers or no longer does.  returns  whether it came to that */
static bool await_gathering(struct counted *c, bool want, unsigned ms)
{
    const uint64_t until_ms = now_mono_ms() + ms;
    while (watch_gathers(&c->watch) != want && now_mono_ms() < until_ms)
        uv_run(&c->loop, UV_RUN_NOWAIT);
    return watch_gathers(&c->watch) == want;
}

enum { SOME_WINDOWS_MS = 60, PATIENCE_MS = 20000 };

static void many_wakes_for_few_datagrams_begin_the_gathering(void **unused)
{
    (void)unused;
    static const struct {
        unsigned gather_ms, found;
        bool gathers;
    } rows[] = {
        { GATHER_MS_MAX, 1, true },
        { GATHER_MS_MAX, 15, true },
        { GATHER_MS_MAX, 16, false },
        { GATHER_MS_MAX, 64, false },
        { 1, 1, true },
        { 0, 1, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct counted c;
        counted_init(&c, true, rows[i].gather_ms, rows[i].found);
        assert_int_equal(await_gathering(&c, true, rows[i].gathers ? PATIENCE_MS : SOME_WINDOWS_MS),
                         rows[i].gathers);
        assert_true(c.reads > 0);
        counted_release(&c);
    }
}

/* Some two a window: there is nothing to save. */
static void few_wakes_do_not(void **unused)
{
    (void)unused;
    struct counted c;
    counted_init(&c, false, GATHER_MS_MAX, 1);
    for (unsigned i = 0; i < 20; i++) {
        const uint64_t begin_ms = now_mono_ms();
        assert_int_equal(eventfd_write(c.fd, 1), 0);
        uv_run(&c.loop, UV_RUN_ONCE);
        eventfd_t value;
        assert_int_equal(eventfd_read(c.fd, &value), 0);
        assert_false(watch_gathers(&c.watch));
        while (now_mono_ms() < begin_ms + 4)
            uv_run(&c.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(c.reads, 20);
    counted_release(&c);
}

static void what_is_gathered_is_read_by_the_clock_alone(void **unused)
{
    (void)unused;
    struct counted c;
    counted_init(&c, true, GATHER_MS_FIRST, 8);
    assert_true(await_gathering(&c, true, PATIENCE_MS));
    assert_int_equal(uv_timer_get_repeat(&c.watch.timer), GATHER_MS_FIRST);
    const unsigned before = c.reads;
    const uint64_t begin_ms = now_mono_ms();
    while (c.reads < before + 10)
        uv_run(&c.loop, UV_RUN_ONCE);
    assert_true(now_mono_ms() - begin_ms >= 9 * GATHER_MS_FIRST);
    assert_true(watch_gathers(&c.watch) && !watch_is_late(&c.watch));
    counted_release(&c);
}

/* Thin, at the end of a round; or more than a look reads, at once. */
static void the_gathering_ends_where_it_saves_nothing(void **unused)
{
    (void)unused;
    static const struct {
        unsigned found, least, most; /* reads until then */
    } rows[] = { { 0, 16, 16 }, { WATCH_READ_MAX, 1, 1 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct counted c;
        counted_init(&c, true, GATHER_MS_MAX, 8);
        assert_true(await_gathering(&c, true, PATIENCE_MS));
        c.found = rows[i].found;
        const unsigned before = c.reads;
        while (watch_gathers(&c.watch))
            uv_run(&c.loop, UV_RUN_ONCE);
        assert_in_range(c.reads - before, rows[i].least, rows[i].most + 1);
        const unsigned then = c.reads; /* and the poll goes on */
        uv_run(&c.loop, UV_RUN_ONCE);
        assert_true(c.reads > then);
        counted_release(&c);
    }
}

static void a_watch_that_is_stopped_reads_nothing_until_it_starts(void **unused)
{
    (void)unused;
    for (unsigned gathers = 0; gathers < 2; gathers++) {
        struct counted c;
        counted_init(&c, true, gathers ? GATHER_MS_MAX : 0, 8);
        if (gathers)
            assert_true(await_gathering(&c, true, PATIENCE_MS));
        watch_stop(&c.watch);
        assert_false(watch_gathers(&c.watch));
        const unsigned before = c.reads;
        const uint64_t until_ms = now_mono_ms() + 2 * GATHER_MS_FIRST;
        while (now_mono_ms() < until_ms)
            uv_run(&c.loop, UV_RUN_NOWAIT);
        assert_int_equal(c.reads, before);
        assert_int_equal(watch_start(&c.watch), 0);
        uv_run(&c.loop, UV_RUN_ONCE);
        assert_int_equal(c.reads, before + 1);
        counted_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reader_is_told_before_a_long_wait_begins),
        cmocka_unit_test(many_wakes_for_few_datagrams_begin_the_gathering),
        cmocka_unit_test(few_wakes_do_not),
        cmocka_unit_test(what_is_gathered_is_read_by_the_clock_alone),
        cmocka_unit_test(the_gathering_ends_where_it_saves_nothing),
        cmocka_unit_test(a_watch_that_is_stopped_reads_nothing_until_it_starts),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
