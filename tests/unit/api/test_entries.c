/* What /api/v1/events and /api/v1/checks answer of an event log that was filled by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/path.h"
#include "base/mem.h"

#define NOW INT64_C(1790000000000)

enum { ARGS_MAX = 40 };

typedef enum api_status answer_fn(const struct api_ask *ask, struct buf *out);

/* "tag=a:b&limit=2", nothing encoded. */
static size_t split(const char *query, struct http_arg *args)
{
    size_t n = 0;
    struct slice rest = slice_str(query), one;
    while (rest.len > 0) {
        if (!slice_cut(&rest, '&', &one)) {
            one = rest;
            rest.len = 0;
        }
        assert_true(n < ARGS_MAX);
        args[n] = (struct http_arg){ 0 };
        if (slice_cut(&one, '=', &args[n].name))
            args[n].value = one;
        else
            args[n].name = one;
        n++;
    }
    return n;
}

static enum api_status ask_raw(answer_fn *answer, const struct event_log *log, const char *query,
                               struct buf *out)
{
    struct http_arg args[ARGS_MAX];
    struct api_sources from = { .events = log };
    const struct api_ask ask = {
        .args = args, .n_args = split(query, args), .now_ms = NOW, .from = &from
    };
    return answer(&ask, out);
}

/* The answer, which must be JSON. */
static json_t *ask_for(answer_fn *answer, const struct event_log *log, const char *query,
                       enum api_status want)
{
    struct buf out = { 0 };
    json_error_t error;
    if (ask_raw(answer, log, query, &out) != want)
        fail_msg("%s: %.*s", query, (int)out.len, out.ptr);
    json_t *j = json_loadb(out.ptr, out.len, 0, &error);
    if (j == NULL)
        fail_msg("%s: %s in %.*s", query, error.text, (int)out.len, out.ptr);
    assert_int_equal(out.ptr[out.len - 1], '\n');
    buf_release(&out);
    return j;
}

static void add_event(struct event_log *l, const char *title, int64_t ago_s, const char *priority,
                      const char *alert_type, const char *tags)
{
    struct slice tag[8], rest = slice_str(tags);
    struct event_entry e = { .kind = EVENT_ENTRY,
                             .received_ms = (uint64_t)(NOW - ago_s * 1000),
                             .title = slice_str(title),
                             .text = slice_of("", 0),
                             .priority = priority,
                             .alert_type = alert_type,
                             .tags = tag };
    while (slice_cut(&rest, ',', &tag[e.n_tags]))
        e.n_tags++;
    event_log_add(l, &e);
}

static void add_check(struct event_log *l, const char *name, int64_t ago_s, uint8_t status,
                      const char *tags)
{
    struct slice tag[8], rest = slice_str(tags);
    struct event_entry e = { .kind = CHECK_ENTRY,
                             .received_ms = (uint64_t)(NOW - ago_s * 1000),
                             .title = slice_str(name),
                             .status = status,
                             .tags = tag };
    while (slice_cut(&rest, ',', &tag[e.n_tags]))
        e.n_tags++;
    event_log_add(l, &e);
}

/* The members `key` of all entries, each followed by a blank. */
static void names_of(const json_t *answer, const char *list, const char *key, struct buf *out)
{
    size_t i;
    const json_t *entry;
    json_array_foreach(json_object_get(answer, list), i, entry)
        buf_printf(out, "%s ", json_string_value(json_object_get(entry, key)));
    buf_append_char(out, '\0');
}

struct shown {
    const char *query, *names;
};

static void expect_shown(answer_fn *answer, const struct event_log *l, const char *list,
                         const char *key, const struct shown *row)
{
    struct buf names = { 0 };
    json_t *j = ask_for(answer, l, row->query, API_200);
    names_of(j, list, key, &names);
    if (strcmp(names.ptr, row->names) != 0)
        fail_msg("%s: %s", row->query, names.ptr);
    buf_release(&names);
    json_decref(j);
}

/* ---- one entry ---- */

static void an_event_has_all_its_members(void **state)
{
    static const struct slice tags[] = { { "env:prod", 8 }, { "canary", 6 } };
    struct event_log *l = event_log_new(10);
    struct buf out = { 0 };
    (void)state;
    event_log_add(l, &(struct event_entry){ .kind = EVENT_ENTRY,
                                            .received_ms = (uint64_t)NOW + 7,
                                            .has_timestamp = true,
                                            .timestamp = 1789999999,
                                            .title = SLICE_LIT("Deploy"),
                                            .text = SLICE_LIT("v2\nby \"ann\" </script>\\"),
                                            .hostname = SLICE_LIT("web-1"),
                                            .aggregation_key = SLICE_LIT("deploys"),
                                            .source_type = SLICE_LIT("ci"),
                                            .priority = "low",
                                            .alert_type = "success",
                                            .tags = tags,
                                            .n_tags = 2 });
    assert_int_equal(ask_raw(api_events_answer, l, "", &out), API_200);
    buf_append_char(&out, '\0');
    assert_string_equal(
        out.ptr,
        "{\"events\":[\n"
        "{\"seq\":1,\"received\":\"2026-09-21T14:13:20.007Z\",\"timestamp\":1789999999,"
        "\"title\":\"Deploy\",\"text\":\"v2\\nby \\\"ann\\\" </script>\\\\\",\"host\":\"web-1\","
        "\"aggregation_key\":\"deploys\",\"source_type\":\"ci\",\"priority\":\"low\","
        "\"alert_type\":\"success\",\"tags\":[\"env:prod\",\"canary\"]}],\n"
        "\"total\":1}\n");
    buf_release(&out);
    event_log_free(l);
}

static void what_an_entry_does_not_have_is_not_there(void **state)
{
    struct event_log *l = event_log_new(10);
    struct buf out = { 0 };
    (void)state;
    add_event(l, "a", 0, "normal", "info", "");
    add_check(l, "b", 0, 3, "");
    assert_int_equal(ask_raw(api_events_answer, l, "", &out), API_200);
    buf_append_char(&out, '\0');
    assert_string_equal(out.ptr, "{\"events\":[\n"
                                 "{\"seq\":1,\"received\":\"2026-09-21T14:13:20.000Z\","
                                 "\"title\":\"a\",\"text\":\"\",\"priority\":\"normal\","
                                 "\"alert_type\":\"info\",\"tags\":[]}],\n\"total\":1}\n");
    buf_clear(&out);
    assert_int_equal(ask_raw(api_checks_answer, l, "", &out), API_200);
    buf_append_char(&out, '\0');
    assert_string_equal(out.ptr, "{\"checks\":[\n"
                                 "{\"seq\":2,\"received\":\"2026-09-21T14:13:20.000Z\","
                                 "\"check\":\"b\",\"status\":3,\"status_text\":\"unknown\","
                                 "\"tags\":[]}],\n\"total\":1}\n");
    buf_release(&out);
    event_log_free(l);
}

static void an_empty_log_is_an_empty_list(void **state)
{
    struct event_log *l = event_log_new(10);
    struct buf out = { 0 };
    (void)state;
    assert_int_equal(ask_raw(api_events_answer, l, "tag=a&limit=3&before=9", &out), API_200);
    buf_append_char(&out, '\0');
    assert_string_equal(out.ptr, "{\"events\":[],\n\"total\":0}\n");
    buf_release(&out);
    event_log_free(l);
}

static void any_bytes_become_valid_json(void **state)
{
    static const struct {
        const char *sent, *shown;
    } rows[] = {
        { "\x01\x1f\t\r\n\"\\", "\x01\x1f\t\r\n\"\\" },
        { "\x7f \xe2\x80\xa8 \xf0\x9f\x8e\x89", "\x7f \xe2\x80\xa8 \xf0\x9f\x8e\x89" },
        { "a\xff"
          "b\xc3",
          "a\xef\xbf\xbd"
          "b\xef\xbf\xbd" },
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct event_log *l = event_log_new(1);
        struct slice sent = slice_str(rows[i].sent);
        event_log_add(
            l, &(struct event_entry){
                   .kind = CHECK_ENTRY, .title = sent, .text = sent, .tags = &sent, .n_tags = 1 });
        json_t *j = ask_for(api_checks_answer, l, "", API_200);
        const json_t *e = json_array_get(json_object_get(j, "checks"), 0);
        assert_string_equal(json_string_value(json_object_get(e, "check")), rows[i].shown);
        assert_string_equal(json_string_value(json_object_get(e, "message")), rows[i].shown);
        const json_t *tag = json_array_get(json_object_get(e, "tags"), 0);
        assert_string_equal(json_string_value(tag), rows[i].shown);
        json_decref(j);
        event_log_free(l);
    }
}

/* ---- which entries ---- */

static void arguments_pick_events(void **state)
{
    static const struct shown rows[] = {
        { "", "e d c b a " },
        { "&", "e d c b a " },
        { "tag=env:prod", "e c a " },
        { "tag=env:*", "e d c a " },
        { "tag=env:prod&tag=team:x", "e a " },
        { "tag=env:prod&tag=env:prod", "e c a " },
        { "tag=env:*&tag=team:x", "e d a " },
        { "tag=env", "" },
        { "tag=env:pro", "" },
        { "tag=env:pro*", "" },
        { "tag=*", "" },
        { "tag=canary", "b " },
        { "tag=canary:*", "" },
        { "tag=x:*", "b " },
        { "tag=x:y:*", "b " },
        { "tag=:*", "" },
        { "alert_type=error", "d b " },
        { "alert_type=success", "" },
        { "priority=low", "e c " },
        { "priority=normal&alert_type=error", "d b " },
        { "priority=low&tag=team:x", "e " },
        { "since=-15m", "e d c " },
        { "since=-10m", "e d c " }, /* the first moment is in ... */
        { "until=-10m", "b a " },   /* ... and the last one is not */
        { "since=-20m&until=-10m", "b " },
        { "since=-10m&until=-20m", "" },
        { "since=1790000000", "e " },
        { "since=2026-09-21T14:13:20Z", "e " },
        { "until=1970-01-01T00:00:00Z", "" },
        { "limit=2", "e d " },
        { "limit=2&tag=env:prod", "e c " },
        { "before=4", "b a " }, /* seq of checks count too */
        { "before=1", "" },
        { "before=9223372036854775807", "e d c b a " },
    };
    (void)state;
    struct event_log *l = event_log_new(10);
    add_event(l, "a", 3600, "normal", "info", "env:prod,team:x,");
    add_event(l, "b", 1200, "normal", "error", "canary,x:y:z,");
    add_check(l, "check", 1000, 0, "env:prod,");
    add_event(l, "c", 600, "low", "warning", "env:prod,");
    add_event(l, "d", 60, "normal", "error", "team:x,env:dev,");
    add_event(l, "e", 0, "low", "info", "team:x,env:prod,");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_shown(api_events_answer, l, "events", "title", &rows[i]);
    event_log_free(l);
}

static void arguments_pick_checks(void **state)
{
    static const struct shown rows[] = {
        { "", "disk db db web " },
        { "name=db", "db db " },
        { "name=d", "" },
        { "name=db&status=2", "db " },
        { "status=ok", "db web " },
        { "status=0", "db web " },
        { "status=1", "" },
        { "status=warning", "" },
        { "status=critical", "db " },
        { "status=unknown", "disk " },
        { "status=3&tag=env:*", "disk " },
        { "since=-1m&limit=1", "disk " },
    };
    (void)state;
    struct event_log *l = event_log_new(10);
    add_check(l, "web", 600, 0, "");
    add_check(l, "db", 60, 2, "");
    add_event(l, "db", 60, "normal", "info", "");
    add_check(l, "db", 30, 0, "");
    add_check(l, "disk", 0, 3, "env:prod,");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_shown(api_checks_answer, l, "checks", "check", &rows[i]);
    event_log_free(l);
}

/* ---- errors ---- */

struct refusal {
    const char *query, *argument, *error; /* a part of it */
};

static void expect_refusal(answer_fn *answer, const struct refusal *row)
{
    struct event_log *l = event_log_new(1);
    json_t *j = ask_for(answer, l, row->query, API_400);
    const char *argument = json_string_value(json_object_get(j, "argument"));
    const char *error = json_string_value(json_object_get(j, "error"));
    if (argument == NULL || strcmp(argument, row->argument) != 0 || error == NULL ||
        strstr(error, row->error) == NULL || json_object_size(j) != 2)
        fail_msg("%s: %s: %s", row->query, argument, error);
    json_decref(j);
    event_log_free(l);
}

static void a_bad_argument_is_named_with_what_it_wants(void **state)
{
    static const struct refusal rows[] = {
        { "limt=5", "limt", "there are tag, since, until, limit, before, alert_type, priority" },
        { "Tag=a", "Tag", "no such argument" },
        { "name=x", "name", "no such argument" }, /* of checks */
        { "=1", "", "no such argument" },
        { "\xff=1", "\xef\xbf\xbd", "no such argument" },
        { "limit=5&limit=5", "limit", "there twice" },
        { "limit=", "limit", "from 1 to 1000; it has no value" },
        { "limit", "limit", "it has no value" },
        { "limit=0", "limit", "from 1 to 1000, not 0" },
        { "limit=1001", "limit", "from 1 to 1000" },
        { "limit=-1", "limit", "from 1 to 1000" },
        { "limit=1.5", "limit", "from 1 to 1000" },
        { "limit=99999999999999999999", "limit", "from 1 to 1000" },
        { "limit=5 ", "limit", "from 1 to 1000" },
        { "before=0", "before", "`next`" },
        { "before=x", "before", "`next`" },
        { "since=yesterday", "since", "RFC 3339" },
        { "since=15m", "since", "-15m" },
        { "until=", "until", "unix seconds" },
        { "until=\xff", "until", "not \xef\xbf\xbd" },
        { "tag=", "tag", "no value" },
        { "tag=a&tag", "tag", "no value" },
        { "alert_type=fatal", "alert_type", "error, warning, info or success, not fatal" },
        { "alert_type=Error", "alert_type", "error, warning" },
        { "priority=high", "priority", "normal or low" },
        { "priority=low&priority=normal", "priority", "twice" },
        { "limit=5&bad=1&limit=0", "bad", "no such argument" }, /* the first one counts */
    };
    static const struct refusal of_checks[] = {
        { "alert_type=error", "alert_type", "limit, before, name, status" },
        { "status=4", "status", "0 to 3, or ok" },
        { "status=00", "status", "0 to 3" },
        { "status=OK", "status", "0 to 3" },
        { "name=", "name", "no value" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_refusal(api_events_answer, &rows[i]);
    for (size_t i = 0; i < ARRAY_LEN(of_checks); i++)
        expect_refusal(api_checks_answer, &of_checks[i]);
}

static void there_may_be_sixteen_tags(void **state)
{
    struct buf query = { 0 };
    struct event_log *l = event_log_new(1);
    (void)state;
    add_event(l, "a", 0, "normal", "info", "t,");
    for (int i = 0; i < 16; i++)
        buf_append_str(&query, "tag=t&");
    buf_append_char(&query, '\0');
    expect_shown(api_events_answer, l, "events", "title", &(struct shown){ query.ptr, "a " });
    query.len--;
    buf_append(&query, "tag=t", sizeof "tag=t");
    expect_refusal(api_events_answer, &(struct refusal){ query.ptr, "tag", "16 of them at most" });
    buf_release(&query);
    event_log_free(l);
}

static void a_long_value_is_shown_by_its_beginning(void **state)
{
    char query[5000] = "since=";
    (void)state;
    memset(query + 6, 'x', sizeof query - 7);
    struct event_log *l = event_log_new(1);
    struct buf out = { 0 };
    assert_int_equal(ask_raw(api_events_answer, l, query, &out), API_400);
    assert_in_range(out.len, 100, 500);
    buf_release(&out);
    event_log_free(l);
}

/* ---- pages ---- */

/* Follow `next` from the first page to the last; returns how many pages there were. */
static unsigned walk(const struct event_log *l, const char *args, size_t *ret_n)
{
    char query[100];
    unsigned pages = 0;
    json_int_t last = INT64_MAX, next = INT64_MAX;
    *ret_n = 0;
    while (next != 0) {
        size_t i;
        const json_t *entry;
        snprintf(query, sizeof query, "%s&before=%lld", args, (long long)next);
        json_t *j = ask_for(api_events_answer, l, query, API_200);
        json_array_foreach(json_object_get(j, "events"), i, entry) {
            json_int_t seq = json_integer_value(json_object_get(entry, "seq"));
            assert_true(seq < last);
            last = seq;
            ++*ret_n;
        }
        assert_true(i > 0);
        next = json_integer_value(json_object_get(j, "next"));
        assert_true(next == 0 || next == last);
        json_decref(j);
        pages++;
    }
    return pages;
}

static void pages_have_each_entry_once(void **state)
{
    static const struct {
        const char *args;
        unsigned pages;
        size_t n;
    } rows[] = {
        { "limit=1000", 1, 500 },
        { "limit=500", 1, 500 },
        { "limit=499", 2, 500 },
        { "limit=7", 72, 500 },
        { "", 5, 500 },
        { "limit=250&tag=odd:*", 1, 250 },
        { "limit=249&tag=odd:*", 2, 250 },
        { "tag=odd:1", 3, 250 },
    };
    (void)state;
    struct event_log *l = event_log_new(500);
    for (int i = 0; i < 700; i++) { /* the first 200 go */
        add_event(l, "x", 0, "normal", "info", i % 2 ? "odd:1," : "even:1,");
        add_check(l, "x", 0, 0, "");
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n;
        assert_int_equal(walk(l, rows[i].args, &n), rows[i].pages);
        assert_int_equal(n, rows[i].n);
    }
    event_log_free(l);
}

/* LF takes two bytes in JSON, a control byte six. */
static void an_answer_has_a_size_limit_and_goes_on_with_next(void **state)
{
    static const struct {
        char fill;
        size_t text, n, at_least_pages;
    } rows[] = {
        { 'x', 65000, 100, 7 },
        { '\n', 65000, 100, 13 },
        { '\x01', 65000, 20, 7 },
        { 'x', 3 << 20, 3, 3 }, /* each is too long by itself, and has its page */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct event_log *l = event_log_new(rows[i].n);
        char *text = mem_alloc(rows[i].text);
        memset(text, rows[i].fill, rows[i].text);
        for (size_t k = 0; k < rows[i].n; k++)
            event_log_add(l, &(struct event_entry){ .kind = EVENT_ENTRY,
                                                    .title = SLICE_LIT("t"),
                                                    .text = slice_of(text, rows[i].text),
                                                    .priority = "low",
                                                    .alert_type = "info" });
        size_t n;
        struct buf out = { 0 };
        assert_true(walk(l, "limit=1000", &n) >= rows[i].at_least_pages);
        assert_int_equal(n, rows[i].n);
        assert_int_equal(ask_raw(api_events_answer, l, "limit=1000", &out), API_200);
        assert_true(out.len <= API_ANSWER_BYTES || rows[i].text > API_ANSWER_BYTES);
        buf_release(&out);
        free(text);
        event_log_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_all_its_members),
        cmocka_unit_test(what_an_entry_does_not_have_is_not_there),
        cmocka_unit_test(an_empty_log_is_an_empty_list),
        cmocka_unit_test(any_bytes_become_valid_json),
        cmocka_unit_test(arguments_pick_events),
        cmocka_unit_test(arguments_pick_checks),
        cmocka_unit_test(a_bad_argument_is_named_with_what_it_wants),
        cmocka_unit_test(there_may_be_sixteen_tags),
        cmocka_unit_test(a_long_value_is_shown_by_its_beginning),
        cmocka_unit_test(pages_have_each_entry_once),
        cmocka_unit_test(an_answer_has_a_size_limit_and_goes_on_with_next),
    };
    return cmocka_run_group_tests_name("entries", tests, NULL, NULL);
}
