/* Descriptors that a manager gave and nobody took: which of them keep the server from starting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/leftover.h"
#include "base/log.h"

enum { GIVEN = 3 };

/* One of GIVEN that is of no use is enough, wherever it stands. */
static void a_descriptor_of_no_use_is_refused_wherever_it_stands(void **unused)
{
    (void)unused;
    char own[INHERITED_NAME_MAX];
    inherited_own_name("udp://127.0.0.1:8125", own);
    for (unsigned bad = 0; bad <= GIVEN; bad++) { /* GIVEN: none of them */
        struct inherited list = { 0 };
        for (unsigned i = 0; i < GIVEN; i++)
            inherited_add(&list, socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
                          i == bad ? "statsd.socket" : own, true);
        assert_int_equal(leftover_refused(&list), bad < GIVEN);
        if (bad < GIVEN) { /* taken meanwhile */
            close(list.at[bad].fd);
            list.at[bad].fd = -1;
            assert_false(leftover_refused(&list));
        }
        inherited_release(&list);
    }
}

static void nothing_given_is_nothing_left(void **unused)
{
    (void)unused;
    struct inherited none = { 0 };
    assert_false(leftover_refused(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_descriptor_of_no_use_is_refused_wherever_it_stands),
        cmocka_unit_test(nothing_given_is_nothing_left),
    };
    log_setup(LOG_ERROR, LOG_LOGFMT);
    return cmocka_run_group_tests_name("leftover", tests, NULL, NULL);
}
