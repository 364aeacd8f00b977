#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/now.h"

/* A datagram socket keeps one write(2) apart from the next. */
static int pair[2];

static int setup(void **state)
{
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    log_to_fd(pair[0]);
    log_setup(LOG_DEBUG, LOG_LOGFMT);
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

/* The next line as one write gave it, NUL-terminated. */
static size_t read_line(char *out, size_t cap)
{
    ssize_t n = recv(pair[1], out, cap - 1, MSG_DONTWAIT);
    assert_true(n > 0);
    out[n] = '\0';
    assert_int_equal(out[n - 1], '\n');
    assert_ptr_equal(memchr(out, '\n', (size_t)n), out + n - 1);
    for (ssize_t i = 0; i < n - 1; i++)
        assert_in_range((unsigned char)out[i], 0x20, 0x7e);
    return (size_t)n;
}

static bool nothing_written(void)
{
    char c;
    return recv(pair[1], &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* What stands behind the timestamp. */
static const char *after_ts(const char *line)
{
    const char *level = strstr(line, "level=");
    assert_non_null(level);
    return level;
}

static void log_value(enum log_level level, const char *bytes, size_t len)
{
    char *exact = malloc(len ? len : 1);
    if (len > 0)
        memcpy(exact, bytes, len);
    LOG(level, "m", F_SLICE("v", slice_of(exact, len)));
    free(exact);
}

/* clang-format off */
#define BYTES(s) { "" s, sizeof(s) - 1 }
/* clang-format on */

static const struct {
    struct slice value;
    const char *logfmt;
    struct slice json; /* what a JSON reader gets back */
} texts[] = {
    { BYTES("plain"), "plain", BYTES("plain") },
    { BYTES("127.0.0.1:8125"), "127.0.0.1:8125", BYTES("127.0.0.1:8125") },
    { BYTES(""), "\"\"", BYTES("") },
    { BYTES("two words"), "\"two words\"", BYTES("two words") },
    { BYTES("a=b"), "\"a=b\"", BYTES("a=b") },
    { BYTES("say \"hi\""), "\"say \\\"hi\\\"\"", BYTES("say \"hi\"") },
    { BYTES("back\\slash"), "\"back\\\\slash\"", BYTES("back\\slash") },
    { BYTES("x\nlevel=error msg=forged"), "\"x\\nlevel=error msg=forged\"",
      BYTES("x\nlevel=error msg=forged") },
    { BYTES("\r\t\033[2J\177"), "\"\\u000d\\t\\u001b[2J\\u007f\"", BYTES("\r\t\033[2J\177") },
    { BYTES("a\0b"), "\"a\\u0000b\"", BYTES("a\0b") },
    { BYTES("caf\xc3\xa9"), "\"caf\\u00e9\"", BYTES("caf\xc3\xa9") },
    { BYTES("\xc2\x9b"
            "31m"),
      "\"\\u009b31m\"",
      BYTES("\xc2\x9b"
            "31m") },
    { BYTES("\xe2\x80\xa8\xe2\x80\xae"), "\"\\u2028\\u202e\"", BYTES("\xe2\x80\xa8\xe2\x80\xae") },
    { BYTES("\xf0\x9f\x98\x80"), "\"\\ud83d\\ude00\"", BYTES("\xf0\x9f\x98\x80") },
    { BYTES("\xff"
            "a\xc3"),
      "\"\\ufffda\\ufffd\"",
      BYTES("\xef\xbf\xbd"
            "a\xef\xbf\xbd") },
    { BYTES("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"",
      BYTES("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") },
    { BYTES("\xc0\x8a"), "\"\\ufffd\\ufffd\"", BYTES("\xef\xbf\xbd\xef\xbf\xbd") },
};

static void a_value_is_quoted_and_escaped_only_where_it_must_be(void **state)
{
    (void)state;
    char line[8192], want[512];
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        log_value(LOG_INFO, texts[i].value.ptr, texts[i].value.len);
        read_line(line, sizeof line);
        snprintf(want, sizeof want, "level=info msg=m v=%s\n", texts[i].logfmt);
        assert_string_equal(after_ts(line), want);
    }
}

static json_t *read_json(void)
{
    char line[8192];
    json_error_t error;
    size_t n = read_line(line, sizeof line);
    json_t *doc = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (doc == NULL)
        fail_msg("%s in %s", error.text, line);
    return doc;
}

static void a_json_line_gives_every_value_back(void **state)
{
    (void)state;
    log_setup(LOG_DEBUG, LOG_JSON);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        log_value(LOG_WARN, texts[i].value.ptr, texts[i].value.len);
        json_t *doc = read_json();
        json_t *v = json_object_get(doc, "v");
        struct slice got = slice_of(json_string_value(v), json_string_length(v));
        assert_true(slice_eq(got, texts[i].json));
        assert_string_equal(json_string_value(json_object_get(doc, "level")), "warn");
        assert_string_equal(json_string_value(json_object_get(doc, "msg")), "m");
        json_decref(doc);
    }
}

static void every_single_byte_gives_one_valid_line(void **state)
{
    (void)state;
    char line[8192];
    for (int c = 0; c < 256; c++) {
        char text[] = { 'a', (char)c, 'b' };
        log_setup(LOG_DEBUG, LOG_LOGFMT);
        log_value(LOG_INFO, text, sizeof text);
        read_line(line, sizeof line);
        log_setup(LOG_DEBUG, LOG_JSON);
        log_value(LOG_INFO, text, sizeof text);
        json_decref(read_json());
    }
}

static void numbers_and_booleans_are_bare(void **state)
{
    (void)state;
    char line[8192];
    LOG(LOG_INFO, "numbers", F_I64("a", INT64_MIN), F_U64("b", UINT64_MAX), F_NUM("c", 0.1),
        F_NUM("d", NAN), F_NUM("e", INFINITY), F_BOOL("f", true), F_BOOL("g", false));
    read_line(line, sizeof line);
    assert_string_equal(
        after_ts(line),
        "level=info msg=numbers a=-9223372036854775808 b=18446744073709551615 c=0.1 d=NaN e=+Inf "
        "f=true g=false\n");
}

static void numbers_are_valid_json_even_when_not_finite(void **state)
{
    (void)state;
    log_setup(LOG_DEBUG, LOG_JSON);
    LOG(LOG_ERROR, "numbers", F_I64("a", -5), F_NUM("b", 1e300), F_NUM("c", NAN),
        F_NUM("d", -INFINITY), F_BOOL("e", true), F_NUM("f", 1e-7));
    json_t *doc = read_json();
    assert_int_equal(json_integer_value(json_object_get(doc, "a")), -5);
    assert_true(json_real_value(json_object_get(doc, "b")) == 1e300);
    assert_string_equal(json_string_value(json_object_get(doc, "c")), "NaN");
    assert_string_equal(json_string_value(json_object_get(doc, "d")), "-Inf");
    assert_true(json_is_true(json_object_get(doc, "e")));
    assert_true(json_real_value(json_object_get(doc, "f")) == 1e-7);
    json_decref(doc);
}

static void the_timestamp_is_utc_with_milliseconds(void **state)
{
    (void)state;
    char line[8192];
    struct tm tm = { 0 };
    unsigned ms;
    char z, end;
    setenv("TZ", "Asia/Tokyo", 1);
    tzset();
    /* time() is of a coarser clock, and may be a second behind. */
    int64_t before_s = now_wall_ms() / 1000;
    LOG(LOG_INFO, "m", F_BOOL("x", true));
    int64_t after_s = now_wall_ms() / 1000;
    unsetenv("TZ");
    tzset();
    read_line(line, sizeof line);
    assert_int_equal(sscanf(line, "ts=%4d-%2d-%2dT%2d:%2d:%2d.%3u%c%c", &tm.tm_year, &tm.tm_mon,
                            &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms, &z, &end),
                     9);
    assert_int_equal(z, 'Z');
    assert_int_equal(end, ' ');
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    assert_in_range(timegm(&tm), before_s, after_s);
}

static void a_long_value_is_cut_with_a_mark_and_not_inside_a_character(void **state)
{
    (void)state;
    char line[8192], value[1000];
    memset(value, 'x', sizeof value);
    log_value(LOG_INFO, value, 256);
    read_line(line, sizeof line);
    assert_null(strstr(line, "..."));

    log_value(LOG_INFO, value, sizeof value);
    read_line(line, sizeof line);
    assert_int_equal(strspn(strstr(line, " v=") + 3, "x"), 256);
    assert_string_equal(strstr(line, " v=") + 3 + 256, "...\n");

    memcpy(value + 253, "\xf0\x9f\x98\x80", 4);
    log_value(LOG_INFO, value, sizeof value);
    read_line(line, sizeof line);
    assert_string_equal(strstr(line, " v=") + 3 + 253, "...\n");

    memset(value, '\x80', sizeof value); /* no character ever starts */
    log_value(LOG_INFO, value, sizeof value);
    read_line(line, sizeof line);
    assert_non_null(strstr(line, "\\ufffd...\"\n"));
}

static void a_line_that_is_too_long_loses_whole_fields_and_says_so(void **state)
{
    (void)state;
    char value[256];
    memset(value, '\1', sizeof value);
    struct slice v = slice_of(value, sizeof value);
    const struct log_field fields[] = { F_SLICE("a", v), F_SLICE("b", v), F_SLICE("c", v),
                                        F_STR("d", "small") };
    log_setup(LOG_DEBUG, LOG_JSON);
    log_fields(LOG_INFO, "m", fields, ARRAY_LEN(fields));
    json_t *doc = read_json();
    assert_int_equal(json_string_length(json_object_get(doc, "a")), 256);
    assert_int_equal(json_string_length(json_object_get(doc, "b")), 256);
    assert_null(json_object_get(doc, "c"));
    assert_null(json_object_get(doc, "d"));
    assert_true(json_is_true(json_object_get(doc, "line_cut")));
    json_decref(doc);

    char line[8192];
    log_setup(LOG_DEBUG, LOG_LOGFMT);
    log_fields(LOG_INFO, "m", fields, ARRAY_LEN(fields));
    assert_in_range(read_line(line, sizeof line), 1, 4096);
    assert_non_null(strstr(line, "\" line_cut=true\n"));
}

static void a_level_below_the_least_writes_nothing(void **state)
{
    (void)state;
    char line[8192];
    for (int least = LOG_DEBUG; least <= LOG_ERROR; least++) {
        log_setup((enum log_level)least, LOG_LOGFMT);
        for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
            assert_int_equal(log_enabled((enum log_level)level), level >= least);
            log_value((enum log_level)level, "x", 1);
            log_fields((enum log_level)level, "m", NULL, 0);
            for (int i = 0; level >= least && i < 2; i++)
                read_line(line, sizeof line);
            assert_true(nothing_written());
        }
    }
}

/*
 * fd blocks, as standard output does that is a pipe: a writer that waits for its reader is ended by
 * the alarm.
 */
static void fill(int fd)
{
    log_to_fd(fd);
    alarm(20);
    errno = EDOM;
    for (int i = 0; i < 20000; i++)
        log_value(LOG_INFO, "x", 1);
    assert_int_equal(errno, EDOM);
    alarm(0);
    log_to_fd(pair[0]);
}

static void a_reader_that_does_not_read_stops_nobody(void **state)
{
    int ends[2];
    (void)state;
    fill(pair[0]);
    assert_int_equal(pipe(ends), 0);
    fill(ends[1]);

    char all[1 << 16], last = 0;
    close(ends[1]);
    for (ssize_t n; (n = read(ends[0], all, sizeof all)) > 0;)
        last = all[n - 1];
    assert_int_equal(last, '\n'); /* no line went in by half */
    close(ends[0]);
}

static void a_reader_that_comes_back_gets_what_is_new(void **state)
{
    char line[8192];
    (void)state;
    fill(pair[0]);
    while (recv(pair[1], line, sizeof line, MSG_DONTWAIT) > 0) {}
    log_value(LOG_INFO, "late", 4);
    read_line(line, sizeof line);
    assert_non_null(strstr(line, "v=late\n"));
}

enum { WRITERS = 4, LINES_EACH = 200 };

static void *log_many(void *arg)
{
    char value[200];
    memset(value, *(char *)arg, sizeof value);
    for (int i = 0; i < LINES_EACH; i++)
        log_value(LOG_INFO, value, sizeof value);
    return NULL;
}

static void lines_of_several_threads_never_mix(void **state)
{
    (void)state;
    pthread_t threads[WRITERS];
    char letters[WRITERS] = { 'a', 'b', 'c', 'd' };
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) > 0); /* room for every line */
    log_to_fd(ends[1]);
    for (int i = 0; i < WRITERS; i++)
        pthread_create(&threads[i], NULL, log_many, &letters[i]);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    close(ends[1]);
    FILE *all = fdopen(ends[0], "r");
    char line[8192];
    for (int i = 0; i < WRITERS * LINES_EACH; i++) {
        assert_non_null(fgets(line, sizeof line, all));
        const char *v = strstr(line, " v=");
        assert_non_null(v);
        char one[2] = { v[3], '\0' };
        assert_int_equal(strspn(v + 3, one), 200);
        assert_string_equal(v + 203, "\n");
    }
    assert_null(fgets(line, sizeof line, all));
    fclose(all);
}

static void the_gate_opens_once_a_period_and_counts_what_it_held_back(void **state)
{
    (void)state;
    struct log_gate gate = { 0 };
    uint64_t held = 99;
    assert_true(log_gate(&gate, 1000, 0, &held));
    assert_int_equal(held, 0);
    held = 99;
    for (uint64_t now = 0; now < 1000; now += 100)
        assert_false(log_gate(&gate, 1000, now, &held));
    assert_int_equal(held, 99);
    assert_true(log_gate(&gate, 1000, 1000, &held));
    assert_int_equal(held, 10);
    assert_true(log_gate(&gate, 1000, 5000, &held));
    assert_int_equal(held, 0);
    assert_false(log_gate(&gate, 1000, 5999, &held));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_value_is_quoted_and_escaped_only_where_it_must_be),
        TEST(a_json_line_gives_every_value_back),
        TEST(every_single_byte_gives_one_valid_line),
        TEST(numbers_and_booleans_are_bare),
        TEST(numbers_are_valid_json_even_when_not_finite),
        TEST(the_timestamp_is_utc_with_milliseconds),
        TEST(a_long_value_is_cut_with_a_mark_and_not_inside_a_character),
        TEST(a_line_that_is_too_long_loses_whole_fields_and_says_so),
        TEST(a_level_below_the_least_writes_nothing),
        TEST(a_reader_that_does_not_read_stops_nobody),
        TEST(a_reader_that_comes_back_gets_what_is_new),
        TEST(lines_of_several_threads_never_mix),
        cmocka_unit_test(the_gate_opens_once_a_period_and_counts_what_it_held_back),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
