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
#include "base/backing.h"

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
    for (const struct cell_exemplar *e = x.first; e != NULL; e = e->next) {
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

/* At every step of a move each cell is found, and listed once. */
static void many_cells_have_one_each(void **state)
{
    enum { MANY = 100000 };
    static struct cell cells[MANY];
    struct exemplars x = { 0 };
    (void)state;
    for (int with_backing = 0; with_backing < 2; with_backing++) {
        if (with_backing)
            assert_int_equal(backing_start(), 0);
        for (uint32_t i = 0; i < MANY; i++) {
            assert_true(exemplars_put(&x, &cells[i], SLICE_LIT("new"), 1, i));
            assert_true(exemplars_put(&x, &cells[i / 2], SLICE_LIT("again"), 2, i));
            assert_int_equal(x.n, i + 1);
        }
        size_t n = 0, again = 0;
        for (const struct cell_exemplar *e = x.first; e != NULL; e = e->next, n++)
            again += e->value == 2;
        assert_int_equal(n, MANY);
        assert_int_equal(again, MANY / 2);
        exemplars_clear(&x);
        backing_stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_of_each_cell_is_kept),
        cmocka_unit_test(many_cells_have_one_each),
    };
    return cmocka_run_group_tests_name("exemplars", tests, NULL, NULL);
}
