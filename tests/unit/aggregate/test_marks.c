/* Marks of mirrors: whose they are, and that they get no series. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aggregate/marks.h"

static void a_mark_is_known_as_own_or_as_anothers(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        bool mark;
        uint32_t run; /* 0: another's */
    } rows[] = {
        { "statsd.mirror.mark.00000000000000ab.7", true, 7 },
        { "statsd.mirror.mark.00000000000000ab.4294967295", true, UINT32_MAX },
        { "statsd.mirror.mark.00000000000000ab.4294967296", true, 0 },
        { "statsd.mirror.mark.00000000000000ab.0", true, 0 },
        { "statsd.mirror.mark.00000000000000ab.", true, 0 },
        { "statsd.mirror.mark.00000000000000ab", true, 0 },
        { "statsd.mirror.mark.00000000000000AB.7", true, 0 },
        { "statsd.mirror.mark.00000000000000ac.7", true, 0 },
        { "statsd.mirror.mark.", true, 0 },
        { "statsd.mirror.mark", false, 0 },
        { "statsd.mirror.marks.1", false, 0 },
        { "", false, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct marks m;
        marks_init(&m, 0xab);
        assert_int_equal(marks_note(&m, slice_str(rows[i].name)), rows[i].mark);
        assert_int_equal(m.own_run, rows[i].run);
        assert_int_equal(m.loops, rows[i].run != 0);
        assert_int_equal(m.others, rows[i].mark && rows[i].run == 0);
    }
}

static void the_name_that_is_made_is_known_again(void **unused)
{
    (void)unused;
    struct marks m;
    char name[MARKS_TEXT];
    marks_init(&m, UINT64_MAX);
    marks_name(&m, UINT32_MAX, name);
    assert_string_equal(name, "statsd.mirror.mark.ffffffffffffffff.4294967295");
    assert_true(marks_note(&m, slice_str(name)));
    assert_int_equal(m.own_run, UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mark_is_known_as_own_or_as_anothers),
        cmocka_unit_test(the_name_that_is_made_is_known_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
