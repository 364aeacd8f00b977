#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/check_board.h"

#define SECOND 1000000000ull

/* host: NULL: no h: field; tag: NULL: none */
static void note(struct check_board *b, const char *name, const char *host, const char *tag,
                 uint8_t status, uint64_t at_s)
{
    const struct slice tags[] = { SLICE_LIT("a:b"), slice_str(tag != NULL ? tag : ""),
                                  SLICE_LIT("hostage"), SLICE_LIT("host:") };
    check_board_note(b,
                     &(struct event_entry){ .kind = CHECK_ENTRY,
                                            .title = slice_str(name),
                                            .hostname = { host, host != NULL ? strlen(host) : 0 },
                                            .status = status,
                                            .n_tags = ARRAY_LEN(tags),
                                            .tags = tags },
                     at_s * SECOND);
}

struct shown {
    struct counter_lines lines;
    char text[1024];
    size_t n;
};

static void put(struct counter_lines *to, const char *const *labels, double value)
{
    struct shown *s = (struct shown *)to;
    s->n += (size_t)snprintf(s->text + s->n, sizeof s->text - s->n, "%s@%s=%g ", labels[0],
                             labels[1], value);
}

static void assert_shows(const struct check_board *b, const char *want)
{
    struct shown s = { .lines = { .put = put } };
    check_board_put(b, &s.lines);
    assert_string_equal(s.text, want);
}

static void the_last_status_of_each_check_on_each_host_is_shown(void **state)
{
    (void)state;
    struct check_board *b = check_board_new();
    assert_shows(b, "");
    note(b, "up", "a", NULL, 0, 1);
    note(b, "up", "b", NULL, 1, 1);
    note(b, "disk", "a", NULL, 2, 1);
    note(b, "up", "a", NULL, 3, 2);
    assert_shows(b, "up@a=3 up@b=1 disk@a=2 ");
    /* not one text that is cut at another place */
    note(b, "upa", "", NULL, 1, 2);
    note(b, "u", "pa", NULL, 2, 2);
    assert_int_equal(check_board_count(b), 5);
    check_board_free(b);
    check_board_free(NULL);
}

static void the_host_is_the_field_or_else_the_tag_or_else_empty(void **state)
{
    static const struct {
        const char *host, *tag, *want;
    } cases[] = {
        { "field", "host:tag", "up@field=0 " },
        { NULL, "host:tag", "up@tag=0 " },
        { NULL, "host:a:b", "up@a:b=0 " },
        { NULL, "hosts:tag", "up@=0 " },
        { NULL, "Host:tag", "up@=0 " },
        { NULL, "host", "up@=0 " },
        { NULL, NULL, "up@=0 " },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct check_board *b = check_board_new();
        note(b, "up", cases[i].host, cases[i].tag, 0, 1);
        assert_shows(b, cases[i].want);
        check_board_free(b);
    }
}

static void at_the_limit_new_ones_are_refused_and_those_shown_go_on(void **state)
{
    (void)state;
    struct check_board *b = check_board_new();
    char name[32];
    for (unsigned i = 0; i < CHECK_BOARD_MAX + 7; i++) {
        snprintf(name, sizeof name, "check.%u", i);
        note(b, name, "h", NULL, 0, i);
    }
    assert_int_equal(check_board_count(b), CHECK_BOARD_MAX);
    assert_int_equal(check_board_refused(b, CHECK_REFUSED_LIMIT), 7);
    note(b, "check.0", "h", NULL, 2, 5000);
    assert_int_equal(check_board_refused(b, CHECK_REFUSED_LIMIT), 7);
    check_board_expire(b, 1000, 5000 * SECOND);
    assert_shows(b, "check.0@h=2 ");
    note(b, "new", "h", NULL, 1, 5000);
    assert_shows(b, "check.0@h=2 new@h=1 ");
    check_board_free(b);
}

static void a_pair_goes_when_it_was_silent_for_longer_than_the_ttl(void **state)
{
    (void)state;
    struct check_board *b = check_board_new();
    note(b, "a", "h", NULL, 0, 100);
    note(b, "b", "h", NULL, 0, 105);
    note(b, "c", "h", NULL, 0, 100);
    check_board_expire(b, 10, 110 * SECOND - 1);
    assert_int_equal(check_board_count(b), 3);
    check_board_expire(b, 0, 10000 * SECOND);
    assert_int_equal(check_board_count(b), 3);
    check_board_expire(b, 10, 110 * SECOND);
    assert_shows(b, "b@h=0 ");
    note(b, "a", "h", NULL, 1, 111);
    assert_shows(b, "b@h=0 a@h=1 ");
    check_board_free(b);
}

static void the_last_to_arrive_counts_whatever_the_order_of_notes(void **state)
{
    (void)state;
    struct check_board *b = check_board_new();
    note(b, "up", "h", NULL, 2, 20);
    note(b, "up", "h", NULL, 0, 19);
    assert_shows(b, "up@h=2 ");
    note(b, "up", "h", NULL, 1, 20);
    assert_shows(b, "up@h=1 ");
    check_board_expire(b, 10, 19 * SECOND); /* read before it arrived */
    assert_shows(b, "up@h=1 ");
    check_board_free(b);
}

static void a_name_or_host_that_is_too_long_is_refused(void **state)
{
    char fits[CHECK_BOARD_TEXT_MAX + 1], too_long[CHECK_BOARD_TEXT_MAX + 2];
    (void)state;
    struct check_board *b = check_board_new();
    snprintf(fits, sizeof fits, "%0*d", CHECK_BOARD_TEXT_MAX, 0);
    snprintf(too_long, sizeof too_long, "%0*d", CHECK_BOARD_TEXT_MAX + 1, 0);
    note(b, fits, fits, NULL, 0, 1);
    assert_int_equal(check_board_count(b), 1);
    note(b, too_long, "h", NULL, 0, 1);
    note(b, "up", too_long, NULL, 0, 1);
    assert_int_equal(check_board_count(b), 1);
    assert_int_equal(check_board_refused(b, CHECK_REFUSED_TOO_LONG), 2);
    assert_int_equal(check_board_refused(b, CHECK_REFUSED_LIMIT), 0);
    check_board_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_status_of_each_check_on_each_host_is_shown),
        cmocka_unit_test(the_host_is_the_field_or_else_the_tag_or_else_empty),
        cmocka_unit_test(at_the_limit_new_ones_are_refused_and_those_shown_go_on),
        cmocka_unit_test(a_pair_goes_when_it_was_silent_for_longer_than_the_ttl),
        cmocka_unit_test(the_last_to_arrive_counts_whatever_the_order_of_notes),
        cmocka_unit_test(a_name_or_host_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
