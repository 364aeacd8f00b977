/*
 * The exposition as a whole: heads, order, uniqueness, and that it parses back.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "support/pipeline.h"

static const double quantiles[] = { 0.5, 0.999 };
static const double le[] = { 0.1, 5 };

static void the_text_is_this_to_the_byte(void **unused)
{
    (void)unused;
    static const struct {
        bool histograms;
        const char *lines, *want;
    } rows[] = {
        { false, "", "" },
        { false, "z:1|c\na:2.5|g",
          "# HELP a Metric received by statsd.\n# TYPE a gauge\na 2.5\n"
          "# HELP z Metric received by statsd.\n# TYPE z counter\nz 1\n" },
        { false, "t:250|ms|#k:v",
          "# HELP t Metric received by statsd.\n# TYPE t summary\n"
          "t{k=\"v\",quantile=\"0.5\"} 0.25\nt{k=\"v\",quantile=\"0.999\"} 0.25\nt_sum{k=\"v\"} "
          "0.25\nt_count{k=\"v\"} 1\n" },
        { true, "t:250|ms|@0.5",
          "# HELP t Metric received by statsd.\n# TYPE t histogram\n"
          "t_bucket{le=\"0.1\"} 0\nt_bucket{le=\"5\"} 2\nt_bucket{le=\"+Inf\"} 2\nt_sum "
          "0.5\nt_count 2\n" },
        { false, "s:a|s", "" }, /* no value yet: no head either */
        { false, "s:a|s\nc:1|c", "# HELP c Metric received by statsd.\n# TYPE c counter\nc 1\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .histograms = rows[i].histograms,
                                                   .quantiles = quantiles,
                                                   .n_quantiles = ARRAY_LEN(quantiles),
                                                   .buckets = le,
                                                   .n_buckets = ARRAY_LEN(le) });
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p);
        assert_string_equal(pipeline_text(&p), rows[i].want);
        assert_string_equal(pipeline_text(&p), rows[i].want);
        pipeline_release(&p);
    }
}

static void numbers_are_exact(void **unused)
{
    (void)unused;
    static const struct {
        const char *lines, *want;
    } rows[] = {
        { "c:9007199254740993|c", "c 9007199254740992\n" },
        { "c:0.1|c\nc:0.2|c", "c 0.30000000000000004\n" },
        { "g:1e21|g", "g 1e+21\n" },
        { "g:1e-7|g", "g 1e-07\n" },
        { "g:123456789.125|g", "g 123456789.125\n" },
        { "g:1.7976931348623157e308|g", "g 1.7976931348623157e+308\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ 0 });
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p);
        pipeline_expect(&p, rows[i].want);
        pipeline_release(&p);
    }
}

static void a_window_that_is_empty_reads_nan(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .quantiles = quantiles, .n_quantiles = 2 });
    pipeline_feed(&p, 0, "t:1|h");
    pipeline_turn(&p);
    pipeline_forward(&p, 10000);
    pipeline_expect(&p, "t{quantile=\"0.5\"} NaN\nt{quantile=\"0.999\"} NaN\nt_sum 1\nt_count 1\n");
    pipeline_release(&p);
}

static void summaries_may_have_no_quantiles_and_histograms_no_bounds(void **unused)
{
    (void)unused;
    static const double none[1] = { 0 };
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .quantiles = none, .n_quantiles = 0 });
    pipeline_feed(&p, 0, "t:1|h");
    pipeline_turn(&p);
    pipeline_expect(&p, "t_sum 1\nt_count 1\n");
    pipeline_release(&p);
}

static void help_is_escaped(void **unused)
{
    (void)unused;
    struct buf out = { 0 };
    struct writer *w = writer_text.open(&(struct writer_opts){ 0 });
    const struct writer_family f = { .name = SLICE_LIT("n"),
                                     .help = "one\\two\nthree",
                                     .type = FAMILY_GAUGE };
    w->ops->head(w, &f, &out);
    w->ops->close(w);
    assert_true(
        slice_eq(buf_slice(&out), SLICE_LIT("# HELP n one\\\\two\\nthree\n# TYPE n gauge\n")));
    buf_release(&out);
}

/* ---- reading it back ---- */

static const char *read_name(const char *at)
{
    assert_true(isalpha((unsigned char)*at) || *at == '_' || *at == ':');
    while (isalnum((unsigned char)*at) || *at == '_' || *at == ':')
        at++;
    return at;
}

static const char *read_labels(const char *at)
{
    while (true) {
        const char *key = at;
        at = read_name(at);
        assert_true(at > key && at[0] == '=' && at[1] == '"');
        for (at += 2; *at != '"'; at++) {
            assert_true(*at != '\n' && *at != '\0');
            if (*at == '\\') {
                at++;
                assert_true(*at == '\\' || *at == '"' || *at == 'n');
            }
        }
        at++;
        if (*at == '}')
            return at + 1;
        assert_true(*at++ == ',');
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every line is well-formed and no name with its labels comes twice. */
static void check_text(const char *text)
{
    char **seen = NULL;
    size_t n = 0, cap = 0;
    for (const char *at = text; *at != '\0';) {
        const char *end = strchr(at, '\n');
        assert_non_null(end);
        if (*at != '#') {
            const char *p = read_name(at);
            if (*p == '{')
                p = read_labels(p + 1);
            assert_true(*p == ' ');
            char *number_end;
            strtod(p + 1, &number_end);
            assert_ptr_equal(number_end, end);
            seen = mem_grow(seen, &cap, n + 1, sizeof(char *));
            seen[n++] = mem_strndup(at, (size_t)(p - at));
        }
        at = end + 1;
    }
    if (n > 0)
        qsort(seen, n, sizeof(char *), by_text);
    for (size_t i = 1; i < n; i++)
        assert_string_not_equal(seen[i - 1], seen[i]);
    for (size_t i = 0; i < n; i++)
        free(seen[i]);
    free(seen);
}

/* Names and tags out of an alphabet where nearly everything collides. */
static void whatever_is_sent_the_text_parses_and_no_line_comes_twice(void **unused)
{
    (void)unused;
    static const char *const words[] = {
        "a",         "a.b",      "a-b",         "a_b",
        "a_sum",     "a_count",  "a_bucket",    "__x",
        "le",        "quantile", "exported_le", "exported_quantile",
        "9",         "_9",       "\xc3\xa9",    "\xf0\x9f\x98\x80",
        "a--b",      "q\"q",     "s\\s",        "a_total",
        "a_seconds", "{}",       "=",           "#"
    };
    static const char *const types[] = { "1|c", "-1|c", "2|g", "3|ms",    "4|h",
                                         "5|d", "6|s",  "0|h", "1|c|@0.1" };
    for (int mode = 0; mode < 4; mode++) {
        uint64_t random = 5 + (uint64_t)mode;
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .workers = 2,
                                                   .suffixes = mode & 1,
                                                   .histograms = mode & 2,
                                                   .ttl_s = 20,
                                                   .buckets = le,
                                                   .n_buckets = ARRAY_LEN(le) });
        for (int round = 0; round < 60; round++) {
            for (int i = 0; i < 100; i++) {
                struct buf line = { 0 };
                random = random * 6364136223846793005ull + 1442695040888963407ull;
                uint64_t r = random >> 20;
                buf_printf(&line, "%s:%s", words[r % ARRAY_LEN(words)],
                           types[(r >> 6) % ARRAY_LEN(types)]);
                for (unsigned t = 0; t < (r >> 12) % 4; t++)
                    buf_printf(&line, "%s%s:%s", t == 0 ? "|#" : ",",
                               words[(r >> (14 + 5 * t)) % ARRAY_LEN(words)],
                               words[(r >> (16 + 5 * t)) % ARRAY_LEN(words)]);
                pipeline_feed_bytes(&p, (unsigned)r & 1, line.ptr, line.len);
                buf_release(&line);
            }
            pipeline_forward(&p, 3);
            pipeline_turn(&p);
            if (round % 3 == 0)
                pipeline_close(&p);
            registry_expire(p.registry, p.now_ns);
            check_text(pipeline_text(&p));
        }
        for (int s = 0; s < 100; s++) { /* everything goes again */
            pipeline_forward(&p, 1);
            pipeline_turn(&p);
            pipeline_close(&p);
            registry_expire(p.registry, p.now_ns);
            check_text(pipeline_text(&p));
        }
        assert_int_equal(pipeline_series(&p), 0);
        assert_int_equal(p.limit.n, 0);
        assert_string_equal(pipeline_text(&p), "");
        pipeline_release(&p);
    }
}

/* A series' lines stand in one piece: none ends between a bucket and its sum. */
static bool ends_a_series(const struct buf *piece)
{
    size_t at = piece->len - 1;
    while (at > 0 && piece->ptr[at - 1] != '\n')
        at--;
    return strncmp(piece->ptr + at, "t_", 2) != 0 || strncmp(piece->ptr + at, "t_count", 7) == 0;
}

static void pieces_of_any_size_make_the_same_text(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){
                          .histograms = true, .buckets = le, .n_buckets = ARRAY_LEN(le) });
    pipeline_feed(&p, 0,
                  "s:1|s\nsx:1|s\nt:1|ms|#a:1\nt:2|ms|#a:2\nt:2|ms|#a:3\nz:1|c|#k:v\nz:2|c\na:1|g");
    pipeline_turn(&p);
    char *want = mem_strdup(pipeline_text(&p));
    for (size_t enough = 0; enough < strlen(want) + 10; enough++) {
        struct buf whole = { 0 }, piece = { 0 };
        struct render r;
        bool more = true;
        render_begin(&r, p.writer, p.registry);
        while (more) {
            buf_clear(&piece);
            more = render_some(&r, p.now_ns, enough, &piece);
            assert_true(piece.len >= (more ? enough : 0));
            assert_true(piece.len == 0 || ends_a_series(&piece));
            buf_append_slice(&whole, buf_slice(&piece));
        }
        render_end(&r);
        buf_append_char(&whole, '\0');
        assert_string_equal(whole.ptr, want);
        buf_release(&whole);
        buf_release(&piece);
    }
    free(want);
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_this_to_the_byte),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(a_window_that_is_empty_reads_nan),
        cmocka_unit_test(summaries_may_have_no_quantiles_and_histograms_no_bounds),
        cmocka_unit_test(help_is_escaped),
        cmocka_unit_test(pieces_of_any_size_make_the_same_text),
        cmocka_unit_test(whatever_is_sent_the_text_parses_and_no_line_comes_twice),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
