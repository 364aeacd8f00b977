/* What happened lately: rings of flushes, of Redis and of drops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/timeline.h"

static struct timeline t;

static int empty(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    return 0;
}

static void the_last_hundred_are_kept(void **state)
{
    (void)state;
    assert_int_equal(timeline_first(t.n_flushes), 0);
    for (int i = 0; i < TIMELINE_MAX + 5; i++)
        timeline_add_flush(&t, &(struct timeline_flush){ .start_s = i });
    assert_int_equal(t.n_flushes, TIMELINE_MAX + 5);
    assert_int_equal(timeline_first(t.n_flushes), 5);
    assert_true(t.flushes[5].start_s == 5);
    assert_true(t.flushes[4].start_s == TIMELINE_MAX + 4);
}

static void a_text_that_is_too_long_is_cut(void **state)
{
    (void)state;
    char text[2 * TIMELINE_TEXT_MAX];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    timeline_add_redis(&t, 7, "lost", text);
    timeline_add_drop(&t, 8, text, 3);
    assert_int_equal(strlen(t.redis[0].text), TIMELINE_TEXT_MAX - 1);
    assert_string_equal(t.redis[0].what, "lost");
    assert_int_equal(strlen(t.drops[0].addr), TIMELINE_TEXT_MAX - 1);
    assert_int_equal(t.drops[0].dropped, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_last_hundred_are_kept, empty),
        cmocka_unit_test_setup(a_text_that_is_too_long_is_cut, empty),
    };
    return cmocka_run_group_tests_name("timeline", tests, NULL, NULL);
}
