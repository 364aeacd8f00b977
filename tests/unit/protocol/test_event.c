#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
    };
    return cmocka_run_group_tests_name("event", tests, NULL, release);
}
