#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/heavy.h"
#include "aggregate/top.h"

static const struct slice nobody = { NULL, 0 };

static void note(struct heavy *h, unsigned key, double weight)
{
    char text[16];
    int n = snprintf(text, sizeof text, "k%u", key);
    heavy_note(h, slice_of(text, (size_t)n), weight, 0);
}

static void a_key_of_more_than_its_share_of_the_stream_is_there(void **unused)
{
    (void)unused;
    struct heavy h;
    double sum[3000] = { 0 };
    const struct heavy_entry *at[20];
    uint32_t x = 1;
    heavy_init(&h, 20);
    for (unsigned i = 0; i < 100000; i++) {
        x = x * 1664525u + 1013904223u;
        unsigned key = i % 10 == 0 ? 7 : i % 7 == 0 ? 8 : 10 + (x >> 8) % 2900;
        note(&h, key, 1 + i % 3);
        sum[key] += 1 + i % 3;
    }
    assert_int_equal(heavy_largest(&h, 20, at), 20);
    for (unsigned i = 0; i < 20; i++) {
        unsigned key;
        assert_int_equal(sscanf(at[i]->key, "k%u", &key), 1);
        assert_true(at[i]->count >= sum[key] && at[i]->count - at[i]->error <= sum[key]);
        assert_true(i == 0 || at[i]->count <= at[i - 1]->count);
    }
    assert_memory_equal(at[0]->key, "k8", 2);
    assert_memory_equal(at[1]->key, "k7", 2);
    heavy_release(&h);
}

static void a_key_that_takes_over_begins_anew_beside_its_count(void **unused)
{
    (void)unused;
    struct heavy h;
    heavy_init(&h, 1);
    heavy_note(&h, SLICE_LIT("a"), 3, 5)->datagrams = 9;
    const struct heavy_entry *b = heavy_note(&h, SLICE_LIT("b"), 1, 8);
    assert_true(b->count == 4 && b->error == 3 && b->datagrams == 0);
    assert_int_equal(b->first_ms, 8);
    assert_null(heavy_find(&h, SLICE_LIT("a")));
    assert_ptr_equal(heavy_find(&h, SLICE_LIT("b")), b);
    heavy_release(&h);
}

static void long_keys_are_cut(void **unused)
{
    (void)unused;
    struct heavy h;
    char key[600];
    memset(key, 'x', sizeof key);
    heavy_init(&h, 4);
    heavy_note(&h, slice_of(key, 600), 1, 0);
    assert_int_equal(heavy_note(&h, slice_of(key, 599), 1, 0)->key_len, HEAVY_KEY_MAX);
    assert_int_equal(h.n, 1);
    heavy_release(&h);
}

static void a_steady_rate_is_what_it_is_from_the_first_seconds_on(void **unused)
{
    (void)unused;
    struct top *t = top_new(0);
    struct top_entry e;
    for (int s = 0; s < 300; s++) {
        for (int i = 0; i < 10; i++) { /* one in four is looked at */
            top_datagram(t, SLICE_LIT("10.0.0.7"), 4, s * 1000);
            top_note(t, SLICE_LIT("a"), SLICE_LIT("10.0.0.7"), 12, s * 1000);
        }
        top_tick(t, (s + 1) * 1000);
        if (s != 1 && s != 30 && s != 299)
            continue;
        assert_true(top_find(t, SLICE_LIT("a"), &e));
        assert_true(e.samples > 118 && e.samples < 122);
        assert_true(e.error == 0);
        assert_int_equal(top_largest(t, TOP_SENDERS, 5, &e), 1);
        assert_true(e.samples > 118 && e.datagrams > 39 && e.datagrams < 41);
    }
    assert_true(top_share(t) > 0.249 && top_share(t) < 0.251);
    top_free(t);
}

static void what_came_is_forgotten(void **unused)
{
    (void)unused;
    struct top *t = top_new(0);
    struct top_entry e;
    top_note(t, SLICE_LIT("a"), nobody, 6000, 0);
    top_tick(t, 60000);
    top_find(t, SLICE_LIT("a"), &e);
    double first = e.samples;
    for (int s = 61; s < 360; s++)
        top_tick(t, s * 1000);
    top_find(t, SLICE_LIT("a"), &e);
    assert_true(e.samples < first / 100);
    assert_int_equal(top_largest(t, TOP_SENDERS, 1, &e), 0);
    top_free(t);
}

static void a_clock_set_back_changes_nothing(void **unused)
{
    (void)unused;
    struct top *t = top_new(10000);
    struct top_entry e;
    top_tick(t, 12000);
    top_note(t, SLICE_LIT("a"), nobody, 10, 12000);
    top_tick(t, 1000);
    assert_true(top_find(t, SLICE_LIT("a"), &e));
    assert_true(e.samples > 4.9 && e.samples < 5.2);
    assert_true(top_share(t) == 1);
    top_free(t);
}

static void who_is_silent_for_long_is_not_shown(void **unused)
{
    struct top_entry e[2];
    struct top *t = top_new(1000);
    (void)unused;
    top_note(t, SLICE_LIT("old"), nobody, 1000000, 1000);
    top_note(t, SLICE_LIT("new"), nobody, 1, 500000);
    top_tick(t, 601000);
    assert_int_equal(top_largest(t, TOP_NAMES, 2, e), 2);
    top_tick(t, 602000);
    assert_int_equal(top_largest(t, TOP_NAMES, 2, e), 1);
    assert_true(slice_eq(e[0].key, SLICE_LIT("new")));
    top_note(t, SLICE_LIT("old"), nobody, 1, 602000);
    assert_int_equal(top_largest(t, TOP_NAMES, 2, e), 2);
    top_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_of_more_than_its_share_of_the_stream_is_there),
        cmocka_unit_test(a_key_that_takes_over_begins_anew_beside_its_count),
        cmocka_unit_test(long_keys_are_cut),
        cmocka_unit_test(a_steady_rate_is_what_it_is_from_the_first_seconds_on),
        cmocka_unit_test(what_came_is_forgotten),
        cmocka_unit_test(a_clock_set_back_changes_nothing),
        cmocka_unit_test(who_is_silent_for_long_is_not_shown),
    };
    return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
