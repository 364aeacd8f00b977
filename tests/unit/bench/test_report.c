/* report: what is judged and what is printed of a run that the test made up. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>

#include "report.h"
#include "run.h"

static struct opts options_of(char *argument)
{
    struct opts o;
    char name[] = "b";
    char *argv[] = { name, argument, NULL };
    struct buf error = { 0 };
    assert_int_equal(opts_parse(argument ? 2 : 1, argv, &o, &error), 0);
    return o;
}

static struct run_result made_up(struct run_row *rows)
{
    struct run_result r = { .rows = rows,
                            .n = 2,
                            .elapsed_s = 2,
                            .backlog_s = 0.01,
                            .wished = 1000,
                            .rss_peak_bytes = 2e6 };
    r.sent = (struct tally_totals){ .datagrams = 90,
                                    .lines = 900,
                                    .values = 900,
                                    .bytes = 9000,
                                    .failed_datagrams = 10,
                                    .failed_lines = 100 };
    for (int i = 0; i < PROBE_COUNT; i++)
        r.server.v[i] = NAN;
    rows[0].at_s = 1;
    rows[1].at_s = 2;
    rows[0].server = rows[1].server = r.server;
    rows[0].rate = rows[1].rate = 500;
    rows[1].sent = r.sent;
    rows[0].scrape_s = rows[1].scrape_s = NAN;
    return r;
}

static void loss_is_told_by_its_place(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    struct opts o;
    char name[] = "b", loss[] = "--max-loss=40%", cpu[] = "--max-cpu=5";
    char *argv[] = { name, loss, cpu, NULL };
    struct buf error = { 0 };
    assert_int_equal(opts_parse(3, argv, &o, &error), 0);
    run.server.v[PROBE_DATAGRAMS] = 70;
    run.server.v[PROBE_DROPS] = 15;
    run.server.v[PROBE_SAMPLES_READ] = 700;
    run.server.v[PROBE_AGGREGATED] = 650;
    run.server.v[PROBE_REJECTED] = 30;
    run.server.v[PROBE_REFUSED] = 20;
    run.server.v[PROBE_CPU_S] = 0.0065;
    struct report r = { .opts = &o, .run = &run };
    assert_false(report_judge(&r));
    assert_true(fabs(r.loss.part - 0.35) < 1e-12);
    assert_true(r.loss.client_datagrams == 10 && r.loss.kernel_datagrams == 15 &&
                r.loss.elsewhere_datagrams == 5);
    assert_int_equal(r.n_bounds, 2);
    assert_false(r.bounds[0].broken);
    assert_true(r.bounds[1].broken); /* 10 us a sample */
    assert_true(fabs(r.bounds[1].value - 10000) < 1e-6);
}

static void a_bound_that_cannot_be_checked_is_broken(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    struct opts o;
    char name[] = "b", scrape[] = "--max-scrape-ms=40";
    char *argv[] = { name, scrape, NULL };
    struct buf error = { 0 };
    assert_int_equal(opts_parse(2, argv, &o, &error), 0);
    struct report r = { .opts = &o, .run = &run };
    assert_false(report_judge(&r));
}

static void reports_never_show_what_is_not_known(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    struct opts o;
    char name[] = "b", title[] = "--title=<b>&\"";
    char *argv[] = { name, title, NULL };
    struct buf error = { 0 }, json = { 0 }, csv = { 0 }, html = { 0 };
    assert_int_equal(opts_parse(2, argv, &o, &error), 0);
    struct report r = { .opts = &o, .run = &run, .started = "2026-01-01T00:00:00Z" };
    report_judge(&r);
    report_json(&r, &json);
    json_error_t e;
    json_t *root = json_loadb(json.ptr, json.len, 0, &e);
    assert_non_null(root);
    json_int_t lines;
    assert_int_equal(json_unpack(root, "{s:{s:I}}", "sent", "lines", &lines), 0);
    assert_int_equal(lines, 900);
    assert_true(json_is_null(json_object_get(json_object_get(root, "server"), "samples_read")));
    assert_int_equal(json_array_size(json_object_get(root, "rows")), 2);
    json_t *row = json_array_get(json_object_get(root, "rows"), 1);
    assert_int_equal(json_integer_value(json_object_get(row, "failed_datagrams")), 10);
    assert_true(json_is_null(json_object_get(row, "samples_rejected")) &&
                json_is_null(json_object_get(row, "samples_refused")));
    json_decref(root);
    report_csv(&r, &csv);
    buf_append_char(&csv, '\0');
    assert_non_null(
        strstr(csv.ptr, "\n1.000,500,0,0,0,,,,,,,,,,,0\n2.000,500,900,90,10,,,,,,,,,,,0\n"));
    report_html(&r, &html);
    buf_append_char(&html, '\0');
    assert_null(strcasestr(html.ptr, "nan"));
    assert_null(strstr(html.ptr, "<b>&\""));
    assert_null(strstr(html.ptr, "http:"));
    assert_non_null(strstr(html.ptr, "text.last{text-anchor:end}"));
    assert_non_null(strstr(html.ptr, "<h2>The load</h2>\n<p>10,000 lines/s for 10 s, to"));
    assert_non_null(strstr(html.ptr, "prefers-color-scheme:dark"));
    assert_non_null(strstr(html.ptr, "<path class=\"line s1\" d=\"M"));
    buf_release(&json);
    buf_release(&csv);
    buf_release(&html);
}

static void json_is_whole_whatever_it_has_to_say(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    run.server.v[PROBE_DATAGRAMS] = 1e300;
    run.server.v[PROBE_REJECTED] = -1e300;
    char title[] = "--title=caf\xe9";
    struct opts o = options_of(title);
    struct report r = { .opts = &o, .run = &run };
    struct buf json = { 0 };
    report_judge(&r);
    report_json(&r, &json);
    json_t *root = json_loadb(json.ptr, json.len, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "title")), "caf?");
    assert_true(
        json_is_null(json_object_get(json_object_get(root, "server"), "received_datagrams")));
    json_decref(root);
    buf_release(&json);
}

static void scrapes_that_fail_break_the_bound(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    char bound[] = "--max-scrape-ms=40";
    struct opts o = options_of(bound);
    struct report r = { .opts = &o, .run = &run };
    run.has_scrapes = true;
    run.scrapes = (struct scraper_summary){ .scrapes = 990, .failures = 9, .p99_s = 0.01 };
    assert_true(report_judge(&r)); /* 99 of 100 came in time */
    run.scrapes.failures = 11;
    assert_false(report_judge(&r));
}

static void a_loss_that_is_only_a_part_is_no_bound_held(void **state)
{
    (void)state;
    static struct run_row rows[2];
    /* 10 of 100 were refused here, nothing is known of the rest */
    struct run_result run = made_up(rows);
    char bound[] = "--max-loss=50%";
    struct opts o = options_of(bound);
    struct report r = { .opts = &o, .run = &run };
    struct buf text = { 0 };
    assert_false(report_judge(&r));
    report_text(&r, &text);
    buf_append_char(&text, '\0');
    assert_non_null(strstr(text.ptr, "at least 10.0000 %"));
    buf_release(&text);
}

static void metrics_that_say_nothing_are_told(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    struct opts o = options_of(NULL);
    struct report r = { .opts = &o, .run = &run };
    for (int counted = 0; counted < 2; counted++) {
        struct buf text = { 0 };
        run.has_scrapes = true;
        run.server.v[PROBE_DATAGRAMS] = counted ? 90 : NAN;
        report_judge(&r);
        report_text(&r, &text);
        buf_append_char(&text, '\0');
        assert_int_equal(strstr(text.ptr, "none of this server's counters") == NULL, counted);
        buf_release(&text);
    }
}

static void text_never_shows_what_is_not_known(void **state)
{
    (void)state;
    static struct run_row rows[2];
    struct run_result run = made_up(rows);
    struct opts o = options_of(NULL);
    const struct report_trial trial = { 100, NAN, NAN, NAN, "interrupted" };
    struct report r = { .opts = &o, .run = &run, .trials = &trial, .n_trials = 1 };
    struct buf text = { 0 };
    run.server.v[PROBE_CPU_S] = 1;
    run.server.v[PROBE_QUEUE_BYTES] = 2304;
    report_judge(&r);
    report_text(&r, &text);
    buf_append_char(&text, '\0');
    assert_null(strstr(text.ptr, "nan"));
    assert_non_null(strstr(text.ptr, "STILL NOT EMPTY"));
    buf_release(&text);
}

static void the_loss_so_far_has_all_its_places(void **state)
{
    (void)state;
    struct run_row row = { .sent = { .datagrams = 90, .lines = 900 } };
    for (int i = 0; i < PROBE_COUNT; i++)
        row.server.v[i] = NAN;
    assert_true(isnan(run_row_loss(&row)));
    row.sent.failed_datagrams = 10;
    row.sent.failed_lines = 100;
    assert_true(fabs(run_row_loss(&row) - 0.1) < 1e-12);
    row.server.v[PROBE_DROPS] = 5;
    assert_true(fabs(run_row_loss(&row) - 0.15) < 1e-12);
    row.server.v[PROBE_REJECTED] = 20;
    row.server.v[PROBE_REFUSED] = 30;
    assert_true(fabs(run_row_loss(&row) - 0.2) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_is_told_by_its_place),
        cmocka_unit_test(a_bound_that_cannot_be_checked_is_broken),
        cmocka_unit_test(reports_never_show_what_is_not_known),
        cmocka_unit_test(json_is_whole_whatever_it_has_to_say),
        cmocka_unit_test(scrapes_that_fail_break_the_bound),
        cmocka_unit_test(a_loss_that_is_only_a_part_is_no_bound_held),
        cmocka_unit_test(metrics_that_say_nothing_are_told),
        cmocka_unit_test(text_never_shows_what_is_not_known),
        cmocka_unit_test(the_loss_so_far_has_all_its_places),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
