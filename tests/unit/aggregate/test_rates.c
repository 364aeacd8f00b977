#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/rates.h"

enum { NOW_S = 1000 };

static struct rates *rates_of(uint32_t most)
{
    struct rates *r = calloc(1, sizeof *r);
    r->most = most;
    return r;
}

static bool take(struct rates *r, const char *name, uint32_t now_s)
{
    return rates_take(r, name, (uint32_t)strlen(name), now_s);
}

static void a_name_has_so_many_samples_a_second_and_afresh_in_the_next(void **unused)
{
    (void)unused;
    static const uint32_t most[] = { 1, 2, 1000 };
    for (size_t m = 0; m < sizeof most / sizeof most[0]; m++) {
        struct rates *r = rates_of(most[m]);
        for (uint32_t second = NOW_S; second < NOW_S + 3; second++) {
            uint32_t flood = 0, good = 0;
            for (uint32_t i = 0; i < 3 * most[m]; i++) {
                flood += take(r, "flood", second);
                good += i < most[m] && take(r, "good", second);
            }
            assert_int_equal(flood, most[m]);
            assert_int_equal(good, most[m]);
        }
        free(r);
    }
}

/* More names than there are places: none but those beyond the limit are refused. */
static void a_flood_keeps_its_place_among_names_without_end(void **unused)
{
    (void)unused;
    enum { MOST = 100, NAMES = 200000 };
    struct rates *r = rates_of(MOST);
    uint32_t flood = 0;
    for (int i = 0; i < NAMES; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        assert_true(take(r, name, NOW_S));
        flood += take(r, "flood", NOW_S);
    }
    assert_int_equal(flood, MOST);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_so_many_samples_a_second_and_afresh_in_the_next),
        cmocka_unit_test(a_flood_keeps_its_place_among_names_without_end),
    };
    return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
