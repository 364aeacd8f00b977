#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/index.h"
#include "base/mem.h"

struct item {
    uint64_t hash;
    unsigned id;
};

static uint64_t hash_of(const void *item)
{
    return ((const struct item *)item)->hash;
}

static bool id_is(const void *item, const void *id)
{
    return ((const struct item *)item)->id == *(const unsigned *)id;
}

enum { ITEMS = 4096 };

static struct item *items_new(unsigned shape)
{
    struct item *items = mem_zalloc(ITEMS * sizeof *items);
    for (unsigned i = 0; i < ITEMS; i++) {
        items[i].id = i;
        switch (shape) {
            /* clang-format off */
        case 0: items[i].hash = i * 0x9E3779B97F4A7C15ull; break;
        case 1: items[i].hash = i / 16; break;                       /* runs that overlap */
        case 2: items[i].hash = UINT64_MAX - i % 7; break;           /* at the end: they wrap */
        default: items[i].hash = (uint64_t)i << 48 | i % 3; break;   /* same place, other tag */
            /* clang-format on */
        }
    }
    return items;
}

/* Put and remove in a random order against a plain array of what should be there. */
static void what_is_put_is_found_until_it_is_removed(void **unused)
{
    (void)unused;
    for (unsigned shape = 0; shape < 4; shape++) {
        struct item *items = items_new(shape);
        bool *in = mem_zalloc(ITEMS);
        struct index x;
        index_init(&x, hash_of);
        size_t n = 0, used = shape == 0 ? ITEMS : 400;
        uint64_t random = 42;
        for (unsigned step = 0; step < (shape == 0 ? 60000u : 4000u); step++) {
            random = random * 6364136223846793005ull + 1442695040888963407ull;
            unsigned i = (unsigned)((random >> 33) % used);
            if (in[i])
                index_remove(&x, &items[i]);
            else
                index_put(&x, &items[i]);
            in[i] = !in[i];
            n += in[i] ? 1 : -1ull;
            assert_int_equal(x.n, n);
            unsigned j = (unsigned)((random >> 13) % used);
            assert_ptr_equal(index_find(&x, items[j].hash, id_is, &j), in[j] ? &items[j] : NULL);
        }
        for (unsigned i = 0; i < used; i++)
            assert_ptr_equal(index_find(&x, items[i].hash, id_is, &i), in[i] ? &items[i] : NULL);
        index_release(&x);
        free(in);
        free(items);
    }
}

static void it_stays_at_most_three_quarters_full_and_shrinks_when_emptied(void **unused)
{
    (void)unused;
    struct item *items = items_new(0);
    struct index x;
    index_init(&x, hash_of);
    uint64_t first = x.mask;
    for (unsigned i = 0; i < ITEMS; i++) {
        index_put(&x, &items[i]);
        assert_true(x.n * 4 <= (x.mask + 1) * 3);
    }
    for (unsigned i = 0; i < ITEMS; i++)
        index_remove(&x, &items[i]);
    assert_int_equal(x.n, 0);
    assert_true(x.mask <= 2 * first + 1);
    index_release(&x);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found_until_it_is_removed),
        cmocka_unit_test(it_stays_at_most_three_quarters_full_and_shrinks_when_emptied),
    };
    return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
