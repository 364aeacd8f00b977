#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "base/err.h"

static void errno_and_its_negative_read_the_same(void **state)
{
    (void)state;
    static const int errors[] = { EACCES, EADDRINUSE, ENOENT, ENOMEM };
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        assert_string_equal(err_text(errors[i]), strerror(errors[i]));
        assert_string_equal(err_text(-errors[i]), strerror(errors[i]));
    }
}

static void a_number_that_is_no_errno_has_a_text_too(void **state)
{
    (void)state;
    assert_string_equal(err_text(99999), "unknown error");
    assert_string_equal(err_text(-99999), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errno_and_its_negative_read_the_same),
        cmocka_unit_test(a_number_that_is_no_errno_has_a_text_too),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
