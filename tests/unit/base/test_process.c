#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/process.h"

static void each_descriptor_counts(void **state)
{
    (void)state;
    enum { MANY = 300 };
    int fds[MANY];
    double before = process_open_fds();
    assert_true(before >= 3);
    for (int i = 0; i < MANY; i++) {
        fds[i] = dup(0);
        assert_true(fds[i] >= 0);
        assert_true(process_open_fds() == before + i + 1);
    }
    /* A gap in the numbers counts for nothing. */
    for (int i = 0; i < MANY; i += 2)
        close(fds[i]);
    assert_true(process_open_fds() == before + MANY / 2);
    for (int i = 1; i < MANY; i += 2)
        close(fds[i]);
    assert_true(process_open_fds() == before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_descriptor_counts),
    };
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
