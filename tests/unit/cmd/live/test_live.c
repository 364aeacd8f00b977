/* What statsd top and statsd tail make of what a server says: pure functions, no terminal. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/live/frame.h"
#include "cmd/live/model.h"
#include "cmd/live/plain.h"
#include "cmd/live/sse.h"

/* ---- events ---- */

static bool note(void *out, struct slice event, struct slice data)
{
    buf_printf(out, "[%.*s|%.*s]", (int)event.len, event.ptr, (int)data.len, data.ptr);
    return !slice_eq(event, SLICE_LIT("last"));
}

static void events_are_whole_however_the_pieces_are_cut(void **unused)
{
    static const char stream[] = "retry: 3000\n\n: \n\nid: 7\nevent: line\ndata: {\"a\":1}\n\n"
                                 "event: two\r\ndata:x\r\ndata: y\r\n\r\ndata: plain\n\n";
    (void)unused;
    for (size_t step = 1; step < sizeof stream; step++) {
        struct buf got = { 0 };
        struct sse s = { .on_event = note, .cookie = &got };
        for (size_t at = 0; at < sizeof stream - 1; at += step) {
            size_t left = sizeof stream - 1 - at;
            assert_true(sse_feed(&s, slice_of(stream + at, step < left ? step : left)));
        }
        buf_append_char(&got, '\0');
        assert_string_equal(got.ptr, "[line|{\"a\":1}][two|x\ny][|plain]");
        buf_release(&got);
        sse_release(&s);
    }
}

static void an_event_may_be_the_last_one_wanted(void **unused)
{
    (void)unused;
    struct buf got = { 0 };
    struct sse s = { .on_event = note, .cookie = &got };
    assert_false(sse_feed(&s, SLICE_LIT("event: last\ndata: 1\n\nevent: more\ndata: 2\n\n")));
    assert_int_equal(got.len, strlen("[last|1]"));
    sse_reset(&s);
    assert_true(sse_feed(&s, SLICE_LIT("data: 3\n\n")));
    buf_release(&got);
    sse_release(&s);
}

/* ---- strangers' text ---- */

static void what_could_steer_a_terminal_is_escaped(void **unused)
{
    static const struct {
        const char *text, *shown;
        size_t cells;
    } rows[] = {
        { "api.requests", "api.requests", 80 },
        { "\x1b[2Jx", "\\x1b[2Jx", 80 },
        { "a\rb\nc\td", "a\\x0db\\x0ac\\x09d", 80 },
        { "\x7f", "\\x7f", 80 },
        { "\xc2\x9b"
          "31m",
          "\\xc2\\x9b31m", 80 }, /* CSI as one character */
        { "\xff", "\\xff", 80 },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 80 },
        { "\xe2\x80\xae", "\\xe2\\x80\\xae", 80 }, /* right to left from here on */
        { "abcdef", "abc", 3 },
        { "ab\x1b", "ab", 5 }, /* nothing is cut within */
        { "a\xe4\xb8\xad", "a", 2 },
        { "a\xe4\xb8\xad", "a\xe4\xb8\xad", 3 },
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = { 0 };
        (void)plain_put(slice_str(rows[i].text), rows[i].cells, &out);
        buf_append_char(&out, '\0');
        assert_string_equal(out.ptr, rows[i].shown);
        buf_release(&out);
    }
}

/* ---- the model ---- */

static const char status[] =
    "{\"version\":\"1.2.3\",\"uptime_s\":93784,\"series\":1234,\"limits\":{\"max_series\":1000000},"
    "\"redis\":{\"state\":\"connected\",\"lag_s\":0.5}}";

static void conserve(struct model *m, double at_s, unsigned received)
{
    struct buf json = { 0 };
    buf_printf(&json,
               "{\"at_s\":%f,\"kernel_dropped\":0,\"lines\":{\"received\":%u,\"aggregated\":%u,"
               "\"events\":0,\"checks\":0,\"rejected\":%u,\"refused\":0,\"dropped\":0}}",
               at_s, received, received - received / 10, received / 10);
    assert_true(model_conservation(m, buf_slice(&json)));
    buf_release(&json);
}

static void rates_are_between_two_looks(void **unused)
{
    (void)unused;
    struct model m = { 0 };
    conserve(&m, 1000, 500);
    assert_false(m.has_rates);
    conserve(&m, 1002, 4500);
    assert_true(m.has_rates);
    assert_true(m.rates[LINES_RECEIVED] == 2000 && m.rates[LINES_REJECTED] == 200);
    conserve(&m, 1003, 100); /* it began anew */
    assert_true(m.rates[LINES_RECEIVED] == 0);
    model_release(&m);
}

static void what_is_no_answer_changes_nothing(void **unused)
{
    static const char *const texts[] = { "", "[]", "{", "null", "{\"top\":3}" };
    (void)unused;
    struct model m = { 0 };
    assert_true(model_top(&m, SLICE_LIT("{\"top\":[{\"name\":\"a\",\"samples_per_second\":1}]}"),
                          BY_SAMPLES));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_false(model_top(&m, slice_str(texts[i]), BY_SAMPLES));
    assert_false(model_status(&m, SLICE_LIT("[1]")));
    assert_int_equal(m.n, 1);
    model_release(&m);
}

/* ---- the frame ---- */

static struct model known(void)
{
    struct model m = { 0 };
    assert_true(model_status(&m, slice_str(status)));
    conserve(&m, 1000, 0);
    conserve(&m, 1001, 12345);
    assert_true(model_top(&m,
                          SLICE_LIT("{\"by\":\"samples\",\"share\":0.25,\"top\":["
                                    "{\"name\":\"b.slow\",\"samples_per_second\":2.5,\"error\":1},"
                                    "{\"name\":\"a.\\u001b[2J\",\"samples_per_second\":12000,"
                                    "\"error\":3}]}"),
                          BY_SAMPLES));
    return m;
}

static struct frame_view view(void)
{
    return (struct frame_view){ .url = "http://h:1", .clock = "12:00:00", .filter = "" };
}

static void expect_frame(const struct frame_view *v, size_t columns, size_t rows, const char *want)
{
    struct buf out = { 0 };
    struct model m = known();
    frame_put(&m, v, columns, rows, &out);
    buf_append_char(&out, '\0');
    assert_string_equal(out.ptr, want);
    buf_release(&out);
    model_release(&m);
}

static void a_wide_screen_shows_all(void **unused)
{
    (void)unused;
    struct frame_view v = view();
    v.keys = true;
    expect_frame(&v, 100, 24,
                 "statsd 1.2.3  http://h:1  up 1d 02:03  12:00:00\n"
                 "received 12,345/s  aggregated 11,111/s  rejected 1,234/s  refused 0/s  "
                 "dropped 0/s\n"
                 "kernel dropped 0/s\n"
                 "series 1,234 of 1,000,000  redis connected, lag 0.5 s\n"
                 "by samples  estimated from 25 % of the traffic\n"
                 "    SAMPLES/S            +- NAME\n"
                 "       12,000             3 a.\\x1b[2J\n"
                 "          2.5             1 b.slow\n"
                 "q quit  1-4 by  / filter  s sort  space pause  ? help\n");
}

static void a_small_screen_has_the_table_cut(void **unused)
{
    (void)unused;
    struct frame_view v = view();
    v.keys = true;
    expect_frame(&v, 40, 10,
                 "statsd 1.2.3  http://h:1  up 1d 02:03\n"
                 "12:00:00\n"
                 "received 12,345/s  aggregated 11,111/s\n"
                 "rejected 1,234/s  refused 0/s\n"
                 "dropped 0/s  kernel dropped 0/s\n"
                 "series 1,234 of 1,000,000\n"
                 "redis connected, lag 0.5 s\n"
                 "by samples\n"
                 "estimated from 25 % of the traffic\n"
                 "q quit  1-4 by  / filter  s sort  space \n");
}

/* Of a server that means harm, or is broken. */
static void no_number_is_too_strange_to_be_shown(void **unused)
{
    static const char *const numbers[] = { "-1e300", "1e300",  "-1",      "-0.5",
                                           "1e19",   "1e-300", "-1e-300", "18446744073709551615.0",
                                           "0.04" };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        const char *n = numbers[i];
        struct model m = { 0 };
        struct buf out = { 0 }, json = { 0 };
        struct frame_view v = view();
        buf_printf(&json,
                   "{\"uptime_s\":%s,\"series\":%s,\"limits\":{\"max_series\":%s},"
                   "\"redis\":{\"state\":\"lost\",\"lag_s\":%s},\"at_s\":%s,"
                   "\"kernel_dropped\":%s,\"lines\":{\"received\":%s},\"share\":%s,"
                   "\"top\":[{\"name\":\"a\",\"samples_per_second\":%s,\"error\":%s}]}",
                   n, n, n, n, n, n, n, n, n, n);
        assert_true(model_status(&m, buf_slice(&json)));
        conserve(&m, 1000, 1);
        assert_true(model_conservation(&m, buf_slice(&json)));
        assert_true(model_top(&m, buf_slice(&json), BY_SAMPLES));
        frame_put(&m, &v, 80, 24, &out);
        assert_non_null(memmem(out.ptr, out.len, " a\n", 3));
        buf_release(&out);
        buf_release(&json);
        model_release(&m);
    }
}

static void an_answer_with_very_many_rows_is_cut(void **unused)
{
    (void)unused;
    struct model m = { 0 };
    struct buf json = { 0 };
    buf_append_str(&json, "{\"top\":[{}");
    for (unsigned i = 0; i < 2 * MODEL_ROWS_MAX; i++)
        buf_append_str(&json, ",{\"name\":\"a\"}");
    buf_append_str(&json, "]}");
    assert_true(model_top(&m, buf_slice(&json), BY_SAMPLES));
    assert_int_equal(m.n, MODEL_ROWS_MAX - 1);
    buf_release(&json);
    model_release(&m);
}

static void rows_are_filtered_and_sorted(void **unused)
{
    (void)unused;
    struct frame_view v = view();
    struct buf out = { 0 };
    struct model m = known();
    v.filter = "slow";
    v.by_name = true;
    v.trouble = "cannot reach it";
    frame_put(&m, &v, 80, 24, &out);
    buf_append_char(&out, '\0');
    assert_non_null(strstr(out.ptr, "by samples, sorted by name"));
    assert_non_null(strstr(out.ptr, "filter: slow"));
    assert_non_null(strstr(out.ptr, "cannot reach it\n"));
    assert_non_null(strstr(out.ptr, "b.slow"));
    assert_null(strstr(out.ptr, "a."));
    buf_release(&out);
    model_release(&m);
}

static void no_frame_is_larger_than_its_screen(void **unused)
{
    (void)unused;
    struct model m = known();
    struct frame_view v = view();
    v.keys = true;
    for (size_t columns = 20; columns < 130; columns++) {
        for (size_t rows = 5; rows < 20; rows++) {
            struct buf out = { 0 };
            struct slice rest, line;
            size_t n = 0;
            v.help = (columns + rows) % 2 == 0;
            frame_put(&m, &v, columns, rows, &out);
            rest = buf_slice(&out);
            for (; slice_cut(&rest, '\n', &line); n++)
                assert_true(line.len <= columns);
            assert_true(n <= rows);
            buf_release(&out);
        }
    }
    model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_whole_however_the_pieces_are_cut),
        cmocka_unit_test(an_event_may_be_the_last_one_wanted),
        cmocka_unit_test(what_could_steer_a_terminal_is_escaped),
        cmocka_unit_test(rates_are_between_two_looks),
        cmocka_unit_test(what_is_no_answer_changes_nothing),
        cmocka_unit_test(a_wide_screen_shows_all),
        cmocka_unit_test(a_small_screen_has_the_table_cut),
        cmocka_unit_test(no_number_is_too_strange_to_be_shown),
        cmocka_unit_test(an_answer_with_very_many_rows_is_cut),
        cmocka_unit_test(rows_are_filtered_and_sorted),
        cmocka_unit_test(no_frame_is_larger_than_its_screen),
    };
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* NOLINT(concurrency-mt-unsafe) */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
