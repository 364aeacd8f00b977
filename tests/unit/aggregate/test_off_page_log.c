#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "aggregate/off_page_log.h"
#include "base/log.h"

/* A datagram socket keeps one write(2) apart from the next. */
static int pair[2];
static char line[4096];

static int setup(void **state)
{
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    log_to_fd(pair[0]);
    log_setup(LOG_WARN, LOG_LOGFMT);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    log_to_fd(STDOUT_FILENO);
    close(pair[0]);
    close(pair[1]);
    return 0;
}

/* The next line, or "" when there is none. */
static const char *next_line(void)
{
    ssize_t n = recv(pair[1], line, sizeof line - 1, MSG_DONTWAIT);
    line[n > 0 ? n : 0] = '\0';
    return line;
}

static struct off_page_note note(enum off_page why, uint32_t now_s)
{
    return (struct off_page_note){ .metric = SLICE_LIT("jobs"),
                                   .sent = SLICE_LIT("j\xc3\xb6"
                                                     "bs\n"),
                                   .other = SLICE_LIT("jobs_sum"),
                                   .why = why,
                                   .type = FAMILY_GAUGE,
                                   .other_type =
                                       why == OFF_PAGE_RESERVED ? FAMILY_RESERVED : FAMILY_COUNTER,
                                   .last_s = now_s };
}

static void a_line_names_the_metric_and_both_types(void **unused)
{
    (void)unused;
    struct off_page_log log = { 0 };
    struct off_page_note n = note(OFF_PAGE_CONFLICT, 5);
    off_page_log_note(&log, &n);
    assert_non_null(strstr(next_line(),
                           "level=warn msg=off_page reason=conflict metric=jobs type=gauge "
                           "sent=\"j\\u00f6bs\\n\" other=jobs_sum other_type=counter remedy="));
    n.taken_over = true;
    off_page_log_note(&log, &n);
    assert_non_null(strstr(next_line(), " other_type=counter taken_over=true remedy="));
    n = note(OFF_PAGE_RESERVED, 5);
    off_page_log_note(&log, &n);
    assert_non_null(strstr(
        next_line(), " reason=reserved metric=jobs type=gauge sent=\"j\\u00f6bs\\n\" remedy="));
    assert_null(strstr(line, "other"));
}

static unsigned lines_written(void)
{
    unsigned n = 0;
    while (next_line()[0] != '\0')
        n++;
    return n;
}

static void each_reason_has_ten_lines_a_minute_and_counts_the_rest(void **unused)
{
    (void)unused;
    struct off_page_log log = { 0 };
    struct off_page_note conflict = note(OFF_PAGE_CONFLICT, 100),
                         reserved = note(OFF_PAGE_RESERVED, 130);
    for (int i = 0; i < OFF_PAGE_LOG_LINES + 7; i++)
        off_page_log_note(&log, &conflict);
    assert_int_equal(lines_written(), OFF_PAGE_LOG_LINES);
    off_page_log_note(&log, &reserved);
    assert_int_equal(lines_written(), 1);
    off_page_log_tick(&log, 159999);
    assert_string_equal(next_line(), "");
    off_page_log_tick(&log, 160000);
    assert_non_null(strstr(next_line(), " msg=off_page reason=conflict not_shown=7\n"));
    off_page_log_tick(&log, UINT64_MAX);
    assert_string_equal(next_line(), "");
    for (int i = 0; i < OFF_PAGE_LOG_LINES + 2; i++)
        off_page_log_note(&log, &reserved);
    reserved.last_s = 190; /* the next minute, without a tick in between */
    off_page_log_note(&log, &reserved);
    assert_int_equal(lines_written(), OFF_PAGE_LOG_LINES + 1 + 1);
    off_page_log_tick(&log, UINT64_MAX);
    assert_string_equal(next_line(), "");
}

static void a_stop_says_what_was_not_shown(void **unused)
{
    (void)unused;
    struct off_page_log log = { 0 };
    struct off_page_note conflict = note(OFF_PAGE_CONFLICT, 100);
    for (int i = 0; i < OFF_PAGE_LOG_LINES + 1; i++)
        off_page_log_note(&log, &conflict);
    assert_int_equal(lines_written(), OFF_PAGE_LOG_LINES);
    off_page_log_tick(&log, UINT64_MAX);
    assert_non_null(strstr(next_line(), " reason=conflict not_shown=1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_names_the_metric_and_both_types, setup, teardown),
        cmocka_unit_test_setup_teardown(each_reason_has_ten_lines_a_minute_and_counts_the_rest,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_stop_says_what_was_not_shown, setup, teardown),
    };
    return cmocka_run_group_tests_name("off_page_log", tests, NULL, NULL);
}
