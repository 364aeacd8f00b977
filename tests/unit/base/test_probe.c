/*
 * Linear probing against a model, in a table so small and full that ways cross its end all the
 * time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/probe.h"

enum { SLOTS = 32, KEYS = 64, STEPS = 200000 };

/*
 * Keys 1 .. KEYS; the hash of a key is its home, and eight keys have each of eight homes, some at
 * the table's end.
 */
static uint64_t hash_of(unsigned key)
{
    return 28 + key % 8;
}

static bool is_free(const void *table, uint64_t i)
{
    return ((const unsigned *)table)[i] == 0;
}

static uint64_t hash_at(const void *table, uint64_t i)
{
    return hash_of(((const unsigned *)table)[i]);
}

static void copy(void *to, uint64_t i, const void *from, uint64_t j)
{
    ((unsigned *)to)[i] = ((const unsigned *)from)[j];
}

static const struct probe_table ops = { is_free, hash_at, copy };

static uint64_t find(const unsigned *table, unsigned key)
{
    /* clang-format off */
    PROBE_EACH (i, hash_of(key), SLOTS - 1) {
        if (table[i] == 0 || table[i] == key)
            return i;
    }
    /* clang-format on */
}

static void what_is_there_is_found_and_what_went_is_not(void **unused)
{
    (void)unused;
    unsigned table[SLOTS] = { 0 }, n = 0;
    bool there[KEYS + 1] = { false };
    uint64_t random = 5;
    for (unsigned step = 0; step < STEPS; step++) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        unsigned key = 1 + (unsigned)(random >> 33) % KEYS;
        uint64_t at = find(table, key);
        assert_int_equal(table[at] == key, there[key]);
        if (there[key]) {
            table[probe_remove(&ops, table, SLOTS - 1, at)] = 0;
            n--;
        } else if (n < SLOTS - 1) {
            table[at] = key;
            n++;
        } else {
            continue;
        }
        there[key] = !there[key];
        for (unsigned k = 1; k <= KEYS; k++)
            assert_int_equal(table[find(table, k)] == k, there[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_is_found_and_what_went_is_not),
    };
    return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
