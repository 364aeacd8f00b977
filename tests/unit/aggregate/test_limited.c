#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/limited.h"

enum { NOW_S = 5000 };

#define BY LIMITED_SERIES_PER_NAME

/* The line of that `who`, of BY. */
struct wanted {
    struct counter_lines lines;
    const char *who;
    double value;
    unsigned n, all;
};

static void put(struct counter_lines *to, const char *const *labels, double value)
{
    struct wanted *w = (struct wanted *)to;
    if (strcmp(labels[0], limited_word(BY)) != 0)
        return;
    w->all++;
    if (strcmp(labels[1], w->who) != 0)
        return;
    w->n++;
    w->value = value;
}

static struct wanted line_of(const struct limited *l, const char *who)
{
    const struct limit_totals t = { .on = true, .limited = *l };
    struct wanted w = { .lines = { put }, .who = who };
    limit_counters.read(&t, LIMIT_COUNTER_LIMITED, &w.lines);
    return w;
}

static void assert_line(const struct limited *l, const char *who, double value)
{
    const struct wanted w = line_of(l, who);
    if (w.n != (value >= 0) || (w.n == 1 && w.value != value))
        fail_msg("%s: %u lines, %g", who, w.n, w.value);
}

static void add(struct limited *l, const char *who, uint64_t n, uint32_t now_s)
{
    limited_add(l, BY, slice_str(who), n, now_s);
}

static void each_has_a_line_of_its_own_and_other_is_always_there(void **unused)
{
    (void)unused;
    struct limited l = { 0 };
    assert_line(&l, "other", 0);
    add(&l, "a", 1, NOW_S);
    add(&l, "b", 2, NOW_S);
    add(&l, "a", 3, NOW_S);
    assert_line(&l, "a", 4);
    assert_line(&l, "b", 2);
    assert_line(&l, "other", 0);
    assert_int_equal(limited_sum(&l, BY), 6);
    assert_int_equal(limited_sum(&l, LIMITED_SAMPLES_PER_NAME), 0);
}

static void fill(struct limited *l, uint32_t now_s)
{
    for (int i = 0; i < LIMITED_TOP; i++) {
        char who[16];
        snprintf(who, sizeof who, "n%d", i);
        add(l, who, 10, now_s + (uint32_t)i);
    }
}

static void beyond_the_places_all_count_as_other_until_one_is_quiet_for_ten_minutes(void **unused)
{
    (void)unused;
    struct limited l = { 0 };
    fill(&l, NOW_S);
    add(&l, "late", 1, NOW_S + LIMITED_IDLE_S - 1);
    assert_line(&l, "late", -1);
    assert_line(&l, "other", 1);
    add(&l, "late", 1, NOW_S + LIMITED_IDLE_S);
    assert_line(&l, "late", 1);
    assert_line(&l, "n0", -1); /* the one that was quiet for longest */
    assert_line(&l, "other", 1 + 10);
    assert_int_equal(limited_sum(&l, BY), LIMITED_TOP * 10 + 2);
    assert_int_equal(line_of(&l, "other").all, LIMITED_TOP + 1);
}

static void a_name_that_is_other_has_no_second_line(void **unused)
{
    (void)unused;
    struct limited l = { 0 };
    add(&l, "other", 3, NOW_S);
    assert_line(&l, "other", 3);
}

static void
a_long_name_is_cut_between_characters_and_two_of_the_same_beginning_are_one(void **unused)
{
    (void)unused;
    static const struct {
        const char *unit;
        size_t shown; /* bytes of the name, before the dots */
    } rows[] = {
        { "x", 124 }, { "\xc3\xa9", 124 }, { "\xe2\x82\xac", 123 }, { "\xf0\x9f\x98\x80", 124 }
    };
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        struct limited l = { 0 };
        char name[512] = "", shown[LIMITED_WHO_MAX + 1];
        for (int i = 0; i < 120; i++)
            strcat(name, rows[r].unit);
        for (int i = 0; strlen(name) <= LIMITED_WHO_MAX && i < 20; i++)
            strcat(name, rows[r].unit);
        add(&l, name, 1, NOW_S);
        strcat(name, "tail");
        add(&l, name, 1, NOW_S);
        snprintf(shown, sizeof shown, "%.*s...", (int)rows[r].shown, name);
        assert_line(&l, shown, 2);
    }
}

static void a_name_of_the_most_bytes_is_not_cut(void **unused)
{
    (void)unused;
    struct limited l = { 0 };
    char name[LIMITED_WHO_MAX + 1];
    memset(name, 'y', LIMITED_WHO_MAX);
    name[LIMITED_WHO_MAX] = '\0';
    add(&l, name, 1, NOW_S);
    assert_line(&l, name, 1);
}

static void what_is_moved_adds_up_and_leaves_nothing(void **unused)
{
    (void)unused;
    struct limited all = { 0 }, worker = { 0 };
    for (unsigned turn = 1; turn <= 3; turn++) {
        add(&worker, "a", 5, NOW_S);
        add(&worker, "b", 1, NOW_S);
        worker.by[BY].other += 2;
        limited_move(&all, &worker);
        assert_int_equal(limited_sum(&worker, BY), 0);
        assert_line(&all, "a", 5 * turn);
        assert_line(&all, "b", turn);
        assert_line(&all, "other", 2 * turn);
    }
    fill(&worker, NOW_S);
    limited_move(&all, &worker);
    assert_int_equal(limited_sum(&all, BY), 3 * 8 + LIMITED_TOP * 10);
}

static void it_tells_how_many_are_new_and_whose_most_of_them_are(void **unused)
{
    (void)unused;
    struct limited l = { 0 };
    const char *who;
    uint64_t samples;
    assert_false(limited_tell(&l, BY, &who, &samples));
    add(&l, "a", 100, NOW_S);
    add(&l, "b", 1, NOW_S);
    assert_true(limited_tell(&l, BY, &who, &samples));
    assert_string_equal(who, "a");
    assert_int_equal(samples, 101);
    assert_false(limited_tell(&l, BY, &who, &samples));
    add(&l, "a", 1, NOW_S);
    add(&l, "b", 2, NOW_S);
    assert_true(limited_tell(&l, BY, &who, &samples));
    assert_string_equal(who, "b");
    assert_int_equal(samples, 3);
    l.by[BY].other += 7;
    assert_true(limited_tell(&l, BY, &who, &samples));
    assert_string_equal(who, "other");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_a_line_of_its_own_and_other_is_always_there),
        cmocka_unit_test(beyond_the_places_all_count_as_other_until_one_is_quiet_for_ten_minutes),
        cmocka_unit_test(a_name_that_is_other_has_no_second_line),
        cmocka_unit_test(
            a_long_name_is_cut_between_characters_and_two_of_the_same_beginning_are_one),
        cmocka_unit_test(a_name_of_the_most_bytes_is_not_cut),
        cmocka_unit_test(what_is_moved_adds_up_and_leaves_nothing),
        cmocka_unit_test(it_tells_how_many_are_new_and_whose_most_of_them_are),
    };
    return cmocka_run_group_tests_name("limited", tests, NULL, NULL);
}
