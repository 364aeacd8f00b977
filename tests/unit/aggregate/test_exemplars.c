#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/cell.h"
#include "aggregate/exemplars.h"

enum { CELLS = 5000 };

static void the_latest_of_each_cell_is_kept(void **state)
{
    static struct cell cells[CELLS];
    static double latest[CELLS];
    struct exemplars x = { 0 };
    uint32_t r = 7, distinct = 0, found = 0;
    (void)state;
    for (uint32_t i = 0; i < 4 * CELLS; i++) {
        char text[512];
        r = r * 1664525u + 1013904223u;
        uint32_t at = (r >> 8) % CELLS;
        int n = snprintf(text, sizeof text, "%0*u", (int)(1 + r % 500), i + 1);
        assert_true(exemplars_put(&x, &cells[at], slice_of(text, (size_t)n), i + 1, i));
        distinct += latest[at] == 0;
        latest[at] = i + 1;
    }
    assert_int_equal(x.n, distinct);
    for (uint32_t i = 0; i < x.n_slots; i++) {
        const struct cell_exemplar *e = &x.slots[i];
        if (e->cell == NULL)
            continue;
        char text[513] = "";
        memcpy(text, e->text, e->len);
        found++;
        assert_true(e->value == latest[e->cell - cells]);
        assert_true(strtod(text, NULL) == e->value && e->at_ns == (uint64_t)e->value - 1);
    }
    assert_int_equal(found, distinct);
    exemplars_clear(&x);
    assert_int_equal(x.n, 0);
    assert_true(exemplars_put(&x, cells, SLICE_LIT("a"), 1, 1));
    assert_int_equal(x.n, 1);
    exemplars_clear(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_latest_of_each_cell_is_kept) };
    return cmocka_run_group_tests_name("exemplars", tests, NULL, NULL);
}
