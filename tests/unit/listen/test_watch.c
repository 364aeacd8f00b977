/* When a socket is read, and what the reader knows of how long datagrams waited for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reader_is_told_before_a_long_wait_begins),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
