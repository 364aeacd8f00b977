/* Against a model: an array of items that grows, shrinks and closes its gaps, as owners do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/places.h"

enum { ITEMS = 30000 };

struct item {
    uint64_t hash;
    uint32_t key;
};

struct owner {
    struct item at[ITEMS + 1000]; /* a few may come while most go */
    uint32_t n;
    uint64_t random;
};

static uint64_t hash_at(const void *owner, uint32_t place)
{
    const struct owner *o = owner;
    assert_true(place < o->n);
    return o->at[place].hash;
}

static unsigned asked[2];

static void ahead(const void *owner, uint32_t place, bool soon)
{
    assert_true(place < ((const struct owner *)owner)->n);
    asked[soon]++;
}

static bool has_key(const void *owner, uint32_t place, const void *key)
{
    const struct owner *o = owner;
    assert_true(place < o->n);
    return o->at[place].key == *(const uint32_t *)key;
}

enum shape { SPREAD, CROWDED, UPPER_HALF_ALONE, AT_THE_END, ONE_HASH, SHAPES };

static uint64_t hash_of(enum shape shape, uint32_t key)
{
    const uint64_t spread = (key + 1) * 0x9E3779B97F4A7C15ull;
    switch (shape) {
    case CROWDED:
        return spread & ~(uint64_t)0xff;
    case UPPER_HALF_ALONE: /* homes by the key, all tags the same */
        return key;
    case AT_THE_END:
        return UINT64_MAX - key % 29;
    case ONE_HASH:
        return 42;
    default:
        return spread;
    }
}

static unsigned below(struct owner *o, unsigned n)
{
    o->random = o->random * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(o->random >> 33) % n;
}

static uint32_t find(const struct places *x, const struct places_array *a, enum shape shape,
                     uint32_t key)
{
    return places_find(x, a, hash_of(shape, key), has_key, &key);
}

static void add(struct places *x, const struct places_array *a, struct owner *o, enum shape shape,
                uint32_t key)
{
    o->at[o->n++] = (struct item){ hash_of(shape, key), key };
    places_put(x, a, o->n - 1);
}

/* As owners do it: the last item closes the gap. */
static void take_out(struct places *x, const struct places_array *a, struct owner *o, uint32_t i)
{
    places_remove(x, a, i, o->n);
    o->at[i] = o->at[--o->n];
    if (i < o->n)
        places_moved(x, a, o->n, i);
}

static void check_all(const struct places *x, const struct places_array *a, const struct owner *o,
                      enum shape shape, unsigned step)
{
    assert_int_equal(x->n, o->n);
    for (uint32_t i = 0; i < o->n; i += step) {
        assert_int_equal(find(x, a, shape, o->at[i].key), i);
        assert_int_not_equal(places_likely(x, o->at[i].hash), PLACES_NONE);
    }
}

static void items_are_found_where_they_are_while_the_table_grows_and_shrinks(void **unused)
{
    (void)unused;
    static struct owner o;
    static const unsigned most[SHAPES] = { ITEMS, 8000, ITEMS, 700, 500 };
    for (enum shape shape = 0; shape < SHAPES; shape++) {
        struct places x = { 0 };
        const struct places_array a = { &o, hash_at, ahead };
        uint32_t next = 0;
        unsigned moves = 0;
        o = (struct owner){ .random = shape };
        for (int round = 0; round < 3; round++) {
            while (o.n < most[shape]) { /* three come, one goes */
                const bool moved = x.move.next != NULL;
                if (below(&o, 4) > 0 || o.n == 0)
                    add(&x, &a, &o, shape, next++);
                else
                    take_out(&x, &a, &o, below(&o, o.n));
                moves += !moved && x.move.next != NULL;
                if (next % 997 == 0)
                    check_all(&x, &a, &o, shape, 1 + o.n / 100);
            }
            check_all(&x, &a, &o, shape, 1);
            const uint32_t gone = next; /* it was never put */
            assert_int_equal(find(&x, &a, shape, gone), PLACES_NONE);
            while (o.n > (round < 2 ? 3u : 0u)) { /* three go, one comes */
                if (below(&o, 4) > 0)
                    take_out(&x, &a, &o, below(&o, o.n));
                else
                    add(&x, &a, &o, shape, next++);
                if (o.n % 997 == 0)
                    check_all(&x, &a, &o, shape, 1 + o.n / 100);
            }
            check_all(&x, &a, &o, shape, 1);
        }
        assert_true(moves >= 6); /* there and back */
        assert_true(x.mask < most[shape]);
        places_release(&x);
    }
    assert_true(asked[false] > 0 && asked[true] > 0);
}

static void the_first_and_the_second_place_are_as_good_as_others(void **unused)
{
    (void)unused;
    static struct owner o;
    struct places x = { 0 };
    const struct places_array a = { &o, hash_at, NULL };
    for (uint32_t n = 1; n <= 3; n++) {
        for (uint32_t out = 0; out < n; out++) {
            o.n = 0;
            for (uint32_t key = 0; key < n; key++)
                add(&x, &a, &o, ONE_HASH, key);
            check_all(&x, &a, &o, ONE_HASH, 1);
            take_out(&x, &a, &o, out);
            assert_int_equal(find(&x, &a, ONE_HASH, out), PLACES_NONE);
            check_all(&x, &a, &o, ONE_HASH, 1);
            while (o.n > 0)
                take_out(&x, &a, &o, o.n - 1);
        }
    }
    places_release(&x);
}

static void an_empty_table_has_nothing_and_takes_no_memory(void **unused)
{
    (void)unused;
    static struct owner o;
    struct places x = { 0 };
    const struct places_array a = { &o, hash_at, NULL };
    for (int round = 0; round < 2; round++) {
        assert_null(x.slots);
        places_prefetch(&x, 1);
        assert_int_equal(find(&x, &a, SPREAD, 1), PLACES_NONE);
        assert_int_equal(places_likely(&x, 1), PLACES_NONE);
        o.n = 0;
        add(&x, &a, &o, SPREAD, 1);
        assert_int_equal(find(&x, &a, SPREAD, 1), 0);
        places_release(&x);
    }
}

/* A table that just reaches its bound stays, with a move that waits; then the owner goes. */
static void a_table_is_released_in_the_middle_of_a_move(void **unused)
{
    (void)unused;
    static struct owner o;
    struct places x = { 0 };
    const struct places_array a = { &o, hash_at, NULL };
    o.n = 0;
    for (uint32_t key = 0; x.move.next == NULL || x.move.done == 0; key++)
        add(&x, &a, &o, SPREAD, key);
    check_all(&x, &a, &o, SPREAD, 1);
    places_release(&x);
    assert_null(x.slots);
    assert_null(x.move.next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_found_where_they_are_while_the_table_grows_and_shrinks),
        cmocka_unit_test(the_first_and_the_second_place_are_as_good_as_others),
        cmocka_unit_test(an_empty_table_has_nothing_and_takes_no_memory),
        cmocka_unit_test(a_table_is_released_in_the_middle_of_a_move),
    };
    return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
