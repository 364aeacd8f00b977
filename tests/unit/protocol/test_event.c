#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/event.h"

/* clang-format off */
/* SLICE_LIT for a static table. */
#define LINE(s) { "" s, sizeof(s) - 1 }
/* clang-format on */

static char *line_exact, *room_exact;

/* Line and room of exactly their sizes. */
static struct slice exact(struct slice s)
{
    free(line_exact);
    free(room_exact);
    line_exact = malloc(s.len ? s.len : 1);
    room_exact = malloc(s.len ? s.len : 1);
    assert_true(line_exact != NULL && room_exact != NULL);
    memcpy(line_exact, s.ptr, s.len);
    return slice_of(line_exact, s.len);
}

static enum reason event(struct slice line, struct event *ret)
{
    struct slice copy = exact(line);
    return event_parse(copy, room_exact, ret);
}

static enum reason check(struct slice line, struct service_check *ret)
{
    struct slice copy = exact(line);
    return service_check_parse(copy, room_exact, ret);
}

static bool is(struct slice s, const char *want)
{
    return want == NULL ? s.ptr == NULL : s.ptr != NULL && slice_eq(s, slice_str(want));
}

static void counted_title_and_text_are_cut_by_their_lengths(void **state)
{
    static const struct {
        struct slice line;
        const char *title, *text; /* title NULL: refused */
    } cases[] = {
        { LINE("_e{1,1}:a|b"), "a", "b" },
        { LINE("_e{5,4}:title|text"), "title", "text" },
        { LINE("_e{3,3}:a|b|c|d"), "a|b", "c|d" },
        { LINE("_e{0001,01}:a|b"), "a", "b" },
        { LINE("_e{4,0}:ping|"), "ping", "" },
        { LINE("_e{4,0}:ping||t:info"), "ping", "" },
        { LINE("_e{1,3}:a|b  "), "a", "b  " },
        { LINE("_e{1,2}:a|b\r"), "a", "b_" },
        { LINE("_e{1,1}:a|b \r\0\t"), "a", "b" },
        { LINE("_e{1,2}:a|\\n"), "a", "\n" },
        { LINE("_e{3,2}:a\\n|\\\\"), "a\n", "\\\\" },
        { LINE("_e{1,1}:a|\\"), "a", "\\" },
        { LINE("_e{1,2}:a|b\0"), NULL, NULL },
        { LINE("_e{0,1}:|b"), NULL, NULL },
        { LINE("_e{1,1}:ab"), NULL, NULL },
        { LINE("_e{1,1}:a|bc"), NULL, NULL },
        { LINE("_e{1,2}:a|b"), NULL, NULL },
        { LINE("_e{9,1}:a|b"), NULL, NULL },
        { LINE("_e{1,1}a|b"), NULL, NULL },
        { LINE("_e{1,1:a|b"), NULL, NULL },
        { LINE("_e{11}:a|b"), NULL, NULL },
        { LINE("_e{1,}:a|b"), NULL, NULL },
        { LINE("_e{,1}:a|b"), NULL, NULL },
        { LINE("_e{+1,1}:a|b"), NULL, NULL },
        { LINE("_e{ 1,1}:a|b"), NULL, NULL },
        { LINE("_e{1000000000,1}:a|b"), NULL, NULL },
        { LINE("_e{0000000001,1}:a|b"), NULL, NULL },
        { LINE("_e{1,999999999}:a|b"), NULL, NULL },
        { LINE("_e{"), NULL, NULL },
        { LINE("_e{1,1}:"), NULL, NULL },
        { LINE("_e{1,0}:a"), NULL, NULL },
        { LINE("_e"), NULL, NULL },
        { LINE(""), NULL, NULL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static struct event e;
        enum reason r = event(cases[i].line, &e);
        bool ok = cases[i].title == NULL ? r == REASON_BAD_EVENT
                                         : r == REASON_NONE && is(e.title, cases[i].title) &&
                                               is(e.text, cases[i].text);
        if (!ok)
            fail_msg("%.*s", (int)cases[i].line.len, cases[i].line.ptr);
    }
}

static void attributes_come_in_any_order_and_bad_ones_are_ignored(void **state)
{
    static struct event e;
    (void)state;
    static const char all[] = "_e{1,1}:a|b|#x,,y:z,|t:success|p:low|h:hh|k:key|s:src|d:1700000000"
                              "|c:ci|e:x|card:low|q:9||zz";
    assert_int_equal(event(slice_str(all), &e), REASON_NONE);
    assert_true(is(e.hostname, "hh") && is(e.aggregation_key, "key") && is(e.source_type, "src"));
    assert_string_equal(e.alert_type, "success");
    assert_string_equal(e.priority, "low");
    assert_true(e.has_timestamp && e.timestamp == 1700000000);
    assert_int_equal(e.n_tags, 2);
    assert_true(is(e.tags[0], "x") && is(e.tags[1], "y:z"));

    assert_int_equal(event(SLICE_LIT("_e{1,1}:a|b|t:oops|p:urgent|d:noon|h:|d:-5"), &e),
                     REASON_NONE);
    assert_string_equal(e.alert_type, "info");
    assert_string_equal(e.priority, "normal");
    assert_true(!e.has_timestamp && is(e.hostname, NULL) && is(e.aggregation_key, NULL) &&
                e.n_tags == 0);

    assert_int_equal(event(SLICE_LIT("_e{1,1}:a|b|h:one|h:two|d:5|d:x|p:low|p:zz|#a|#b,c"), &e),
                     REASON_NONE);
    assert_true(is(e.hostname, "two") && e.timestamp == 5 && e.n_tags == 2 && is(e.tags[0], "b"));
    assert_string_equal(e.priority, "low");
}

static void tags_past_the_limit_are_left_out(void **state)
{
    static struct event e;
    char line[20 + 4 * (EVENT_TAGS_MAX + 50)] = "_e{1,1}:a|b|#";
    (void)state;
    for (int i = 0; i < EVENT_TAGS_MAX + 50; i++)
        strcat(line, "t,");
    assert_int_equal(event(slice_str(line), &e), REASON_NONE);
    assert_int_equal(e.n_tags, EVENT_TAGS_MAX);
}

static void a_service_check_is_a_name_a_status_and_fields(void **state)
{
    static const struct {
        const char *line, *name, *message, *host; /* name NULL: refused */
        int status, tags, timestamp;
    } cases[] = {
        { "_sc|db|0", "db", NULL, NULL, 0, 0, 0 },
        { "_sc|Cache link|3|#a,b:c|m:no answer", "Cache link", "no answer", NULL, 3, 2, 0 },
        { "_sc|db|1|m:first|c:ci-1|h:web|d:7", "db", "first", "web", 1, 0, 7 },
        { "_sc|db|2|m:a\\nb m\\:c x\\:y", "db", "a\nb m:c x\\:y", NULL, 2, 0, 0 },
        { "_sc|db|2|m:one|m:two|zz||d:x", "db", "two", NULL, 2, 0, 0 },
        { "_sc|a:b|0", "a:b", NULL, NULL, 0, 0, 0 },
        { "_sc||0", NULL, NULL, NULL, 0, 0, 0 },
        { "_sc|db|4", NULL, NULL, NULL, 0, 0, 0 },
        { "_sc|db|", NULL, NULL, NULL, 0, 0, 0 },
        { "_sc|db|00", NULL, NULL, NULL, 0, 0, 0 },
        { "_sc|db", NULL, NULL, NULL, 0, 0, 0 },
        { "_sc|", NULL, NULL, NULL, 0, 0, 0 },
        { "_sc|db|OK", NULL, NULL, NULL, 0, 0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static struct service_check c;
        enum reason r = check(slice_str(cases[i].line), &c);
        bool ok = cases[i].name == NULL
                      ? r == REASON_BAD_SERVICE_CHECK
                      : r == REASON_NONE && is(c.name, cases[i].name) &&
                            is(c.message, cases[i].message) && is(c.hostname, cases[i].host) &&
                            c.status == cases[i].status && (int)c.n_tags == cases[i].tags &&
                            c.has_timestamp == (cases[i].timestamp != 0) &&
                            c.timestamp == cases[i].timestamp;
        if (!ok)
            fail_msg("%s", cases[i].line);
    }
}

/* The parser keeps one event for all lines. */
static void nothing_is_left_of_the_line_before(void **state)
{
    static struct event e;
    static struct service_check c;
    static const char all[] = "_e{1,1}:a|b|#x,y|t:error|p:low|h:hh|k:key|s:src|d:17";
    static const char both[] = "_sc|db|2|#x|h:hh|d:17|m:why";
    (void)state;
    assert_int_equal(event(slice_str(all), &e), REASON_NONE);
    assert_int_equal(event(SLICE_LIT("_e{1,1}:c|d"), &e), REASON_NONE);
    assert_true(is(e.title, "c") && is(e.text, "d") && e.n_tags == 0);
    assert_true(is(e.hostname, NULL) && is(e.aggregation_key, NULL) && is(e.source_type, NULL));
    assert_true(!e.has_timestamp && e.timestamp == 0 && e.alert == EVENT_ALERT_INFO);
    assert_string_equal(e.alert_type, "info");
    assert_string_equal(e.priority, "normal");

    assert_int_equal(check(slice_str(both), &c), REASON_NONE);
    assert_int_equal(check(SLICE_LIT("_sc|db|0"), &c), REASON_NONE);
    assert_true(is(c.name, "db") && is(c.message, NULL) && is(c.hostname, NULL));
    assert_true(c.status == 0 && !c.has_timestamp && c.timestamp == 0 && c.n_tags == 0);
}

static void lengths_count_bytes_up_to_the_end_of_the_line(void **state)
{
    static const struct {
        struct slice line;
        const char *title, *text; /* title NULL: refused */
    } cases[] = {
        { LINE("_e{000000001,000000001}:a|b"), "a", "b" }, /* nine digits, and no more */
        { LINE("_e{1,0000000001}:a|b"), NULL, NULL },
        { LINE("_e{1,1000000000}:a|b"), NULL, NULL },
        { LINE("_e{1,0}:a|"), "a", "" },
        { LINE("_e{1,0}:a||"), "a", "" },
        { LINE("_e{1,0}:a|x"), NULL, NULL },
        { LINE("_e{2,0}:a|"), NULL, NULL }, /* the title takes the bar */
        { LINE("_e{2,0}:a||"), "a|", "" },
        { LINE("_e{3,0}:a||"), NULL, NULL },
        { LINE("_e{1,2}:a|bc"), "a", "bc" },
        { LINE("_e{1,3}:a|bc"), NULL, NULL },
        { LINE("_e{1,2}:a|b|"), "a", "b|" },
        { LINE("_e{1,-1}:a|b"), NULL, NULL },
        { LINE("_e{-1,1}:a|b"), NULL, NULL },
        { LINE("_e{1,1}:\0|b"), NULL, NULL },
        { LINE("_e{1,0}:a|\0"), "a", "" }, /* trimmed as the end of a line is */
        { LINE("_e{2,2}:\\n|\\n"), "\n", "\n" },
        { LINE("_e{2,2}:m:|\\:"), "m:", "\\:" },
        { LINE("_e{1,3}:a|m\\:"), "a", "m\\:" }, /* of messages alone */
        { LINE("_e{1,1}:\x1f|\x20"), "_", " " },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static struct event e;
        enum reason r = event(cases[i].line, &e);
        bool ok = cases[i].title == NULL ? r == REASON_BAD_EVENT
                                         : r == REASON_NONE && is(e.title, cases[i].title) &&
                                               is(e.text, cases[i].text);
        if (!ok)
            fail_msg("%.*s", (int)cases[i].line.len, cases[i].line.ptr);
    }
}

static void empty_tags_are_no_tags_wherever_they_stand(void **state)
{
    static const struct {
        const char *list;
        unsigned n;
        const char *first, *last;
    } cases[] = {
        { "", 0, NULL, NULL },         { ",", 0, NULL, NULL }, { ",,,", 0, NULL, NULL },
        { "a", 1, "a", "a" },          { ",a", 1, "a", "a" },  { "a,", 1, "a", "a" },
        { ",,a,,b:,,", 2, "a", "b:" }, { "a,b", 2, "a", "b" }, { ":", 1, ":", ":" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static struct event e;
        static struct service_check c;
        char line[64];
        snprintf(line, sizeof line, "_e{1,1}:a|b|#%s", cases[i].list);
        assert_int_equal(event(slice_str(line), &e), REASON_NONE);
        assert_int_equal(e.n_tags, cases[i].n);
        if (e.n_tags > 0)
            assert_true(is(e.tags[0], cases[i].first) && is(e.tags[e.n_tags - 1], cases[i].last));
        snprintf(line, sizeof line, "_sc|db|0|#%s", cases[i].list);
        assert_int_equal(check(slice_str(line), &c), REASON_NONE);
        assert_int_equal(c.n_tags, cases[i].n);
        if (c.n_tags > 0)
            assert_true(is(c.tags[0], cases[i].first) && is(c.tags[c.n_tags - 1], cases[i].last));
    }
}

/* Empty ones take no place of the limit. */
static void the_last_tag_that_fits_is_kept(void **state)
{
    static struct event e;
    char line[32 + 5 * EVENT_TAGS_MAX] = "_e{1,1}:a|b|#,";
    (void)state;
    for (int i = 1; i < EVENT_TAGS_MAX; i++)
        strcat(line, "t,,");
    strcat(line, "last");
    assert_int_equal(event(slice_str(line), &e), REASON_NONE);
    assert_int_equal(e.n_tags, EVENT_TAGS_MAX);
    assert_true(is(e.tags[EVENT_TAGS_MAX - 1], "last"));
}

static void fields_are_told_by_their_first_two_bytes(void **state)
{
    static const struct {
        const char *field;
        const char *host;
        int64_t timestamp; /* 0: none */
    } cases[] = {
        { "h:x", "x", 0 },    { "h:", NULL, 0 },   { "h", NULL, 0 },       { "hx:", NULL, 0 },
        { "h::", ":", 0 },    { "x:h", NULL, 0 },  { "d:1", NULL, 1 },     { "d:0", NULL, 0 },
        { "d:-1", NULL, 0 },  { "d:", NULL, 0 },   { "d:2|d:0", NULL, 2 }, { "|h:x", "x", 0 },
        { "h:x|h:", "x", 0 }, { "h:x||", "x", 0 }, { "d1:", NULL, 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static struct event e;
        static struct service_check c;
        char line[64];
        snprintf(line, sizeof line, "_e{1,1}:a|b|%s", cases[i].field);
        assert_int_equal(event(slice_str(line), &e), REASON_NONE);
        bool ok = is(e.hostname, cases[i].host) && e.timestamp == cases[i].timestamp &&
                  e.has_timestamp == (cases[i].timestamp != 0);
        snprintf(line, sizeof line, "_sc|db|0|%s", cases[i].field);
        assert_int_equal(check(slice_str(line), &c), REASON_NONE);
        ok = ok && is(c.hostname, cases[i].host) && c.timestamp == cases[i].timestamp &&
             c.has_timestamp == (cases[i].timestamp != 0);
        if (!ok)
            fail_msg("%s", cases[i].field);
    }
}

static void messages_unescape_a_colon_only_behind_an_m(void **state)
{
    static const struct {
        const char *message, *want;
    } cases[] = {
        { "m\\:", "m:" }, { "\\:x", "\\:x" }, { "am\\:b", "am:b" }, { "n\\:", "n\\:" },
        { "m\\", "m\\" }, { "m\\;", "m\\;" }, { "\\n", "\n" },      { "x\\", "x\\" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static struct service_check c;
        char line[64];
        snprintf(line, sizeof line, "_sc|db|3|m:%s", cases[i].message);
        assert_int_equal(check(slice_str(line), &c), REASON_NONE);
        if (!is(c.message, cases[i].want))
            fail_msg("%s", cases[i].message);
    }
}

/* A line is a part of a datagram: a backslash at its end takes nothing of the next one. */
static void what_stands_behind_the_line_is_not_of_it(void **state)
{
    static struct event e;
    static struct service_check c;
    char room[64];
    (void)state;
    assert_int_equal(event_parse(slice_of("_e{1,1}:a|\\n", 11), room, &e), REASON_NONE);
    assert_true(is(e.text, "\\"));
    assert_int_equal(service_check_parse(slice_of("_sc|db|0|m:m\\:", 13), room, &c), REASON_NONE);
    assert_true(is(c.message, "m\\"));
}

static int release(void **state)
{
    (void)state;
    free(line_exact);
    free(room_exact);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counted_title_and_text_are_cut_by_their_lengths),
        cmocka_unit_test(attributes_come_in_any_order_and_bad_ones_are_ignored),
        cmocka_unit_test(tags_past_the_limit_are_left_out),
        cmocka_unit_test(a_service_check_is_a_name_a_status_and_fields),
        cmocka_unit_test(nothing_is_left_of_the_line_before),
        cmocka_unit_test(lengths_count_bytes_up_to_the_end_of_the_line),
        cmocka_unit_test(empty_tags_are_no_tags_wherever_they_stand),
        cmocka_unit_test(the_last_tag_that_fits_is_kept),
        cmocka_unit_test(fields_are_told_by_their_first_two_bytes),
        cmocka_unit_test(messages_unescape_a_colon_only_behind_an_m),
        cmocka_unit_test(what_stands_behind_the_line_is_not_of_it),
    };
    return cmocka_run_group_tests_name("event", tests, NULL, release);
}
