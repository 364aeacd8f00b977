/*
 * The protobuf format: what protobuf-c decodes of it is what the text format shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "support/pipeline.h"
#include "support/protobuf_reader.h"

static const double le[] = { 0.1, 5 };

static void expect_same_as_text(struct pipeline *p)
{
    struct buf text = { 0 };
    protobuf_as_text(pipeline_protobuf(p), &text);
    buf_append_char(&text, '\0');
    assert_string_equal(text.ptr, pipeline_text(p));
    buf_release(&text);
}

static void the_bytes_are_these(void **unused)
{
    (void)unused;
    static const uint8_t want[] = {
        0xa4, 0x80, 0x80, 0x00,                         /* length, padded to four bytes */
        0x0a, 1,    'n',  0x12, 2,   'h', '.', 0x18, 1, /* name, help, gauge */
        0x22, 25,                                       /* metric */
        0x0a, 12,   0x0a, 3,    'k', 'e', 'y', 0x12, 5, 'a',  '"',  '\\', '\n', 'b', /* label */
        0x12, 9,    0x09, 0,    0,   0,   0,   0,    0, 0xf8, 0x3f, /* gauge { 1.5 } */
    };
    struct buf out = { 0 };
    struct writer *w = writer_protobuf.open(&(struct writer_opts){ 0 });
    const struct writer_family f = { .name = SLICE_LIT("n"), .help = "h.", .type = FAMILY_GAUGE };
    w->ops->head(w, &f, &out);
    assert_int_equal(out.len, 0);
    w->ops->gauge(w, &f, SLICE_LIT("key=\"a\\\"\\\\\\nb\""), 1.5, &out);
    w->ops->end(w, &out);
    w->ops->close(w);
    assert_int_equal(out.len, sizeof want);
    assert_memory_equal(out.ptr, want, sizeof want);
    buf_release(&out);
}

static void every_kind_says_what_the_text_says(void **unused)
{
    (void)unused;
    static const char *const rows[] = {
        "",
        "c:1|c\nc:0.5|c|#a:b",
        "g:-4.5|g\ng:1e300|g|#a:b,c:d",
        "t:250|ms\nt:1|ms|#k:v\nt:3|h|@0.25",
        "s:a|s", /* nothing to show yet */
        "t:-1|h\nt:0|h\nt:1e30|h",
        "z:1|c|#le:x,quantile:y\nt:1|ms|#le:x,quantile:y",
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){
                              .histograms = i & 1, .buckets = le, .n_buckets = ARRAY_LEN(le) });
        pipeline_feed(&p, 0, rows[i / 2]);
        pipeline_turn(&p);
        expect_same_as_text(&p);
        pipeline_release(&p);
    }
}

static void whatever_is_sent_both_formats_say_the_same(void **unused)
{
    (void)unused;
    static const char *const words[] = { "a",     "a.b",    "a-b",  "a_sum", "a_count", "a_bucket",
                                         "le",    "é",      "q\"q", "s\\s",  "{}",      "=",
                                         "quant", "a\\\"b", "x y",  "#" };
    static const char *const types[] = { "1|c", "-1|c", "2|g", "3|ms",     "4|h",
                                         "5|d", "6|s",  "0|h", "1|c|@0.1", "7|ms|@0.125" };
    for (int mode = 0; mode < 4; mode++) {
        uint64_t random = 77 + (uint64_t)mode;
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
            expect_same_as_text(&p);
        }
        pipeline_release(&p);
    }
}

/* Lengths of one, two and three bytes, of the text, of its label and of the metric around it. */
static void texts_of_every_length_come_through(void **unused)
{
    (void)unused;
    enum { LONGEST = 17000 };
    for (size_t n = 0; n <= LONGEST; n = n < 300 ? n + 1 : n + 977) {
        struct buf labels = { 0 }, out = { 0 }, text = { 0 }, want = { 0 };
        struct writer *w = writer_protobuf.open(&(struct writer_opts){ 0 }),
                      *as_text = writer_text.open(&(struct writer_opts){ 0 });
        const struct writer_family f = { .name = SLICE_LIT("n"),
                                         .help = "h",
                                         .type = FAMILY_COUNTER };
        const struct exposed_view view = { .value = (double)n };
        buf_append_str(&labels, "a=\"");
        for (size_t i = 0; i < n; i++)
            buf_append_str(&labels, i % 50 == 7 ? "\\n" : "x");
        buf_append_str(&labels, "\",b=\"\\\"\",c=\"\"");
        w->ops->head(w, &f, &out);
        w->ops->counter(w, &f, buf_slice(&labels), &view, &out);
        as_text->ops->head(as_text, &f, &want);
        as_text->ops->counter(as_text, &f, buf_slice(&labels), &view, &want);
        protobuf_as_text(buf_slice(&out), &text);
        assert_true(slice_eq(buf_slice(&text), buf_slice(&want)));
        as_text->ops->close(as_text);
        w->ops->close(w);
        buf_release(&labels);
        buf_release(&out);
        buf_release(&text);
        buf_release(&want);
    }
}

static void feed_many(struct pipeline *p, int n)
{
    for (int i = 0; i < n; i++) {
        struct buf line = { 0 };
        buf_printf(&line, "many:%d|c|#n:%d\nt:%d|ms|#n:%d", i, i, i, i % 10);
        pipeline_feed_bytes(p, 0, line.ptr, line.len);
        buf_release(&line);
    }
    pipeline_turn(p);
}

static void a_large_family_is_several_messages(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ 0 });
    feed_many(&p, 10000);
    struct slice body = pipeline_protobuf(&p);
    size_t messages = protobuf_messages(body);
    assert_true(messages >= body.len / 70000 && messages <= body.len / 65536 + 2);
    expect_same_as_text(&p);
    pipeline_release(&p);
}

/* Each piece is whole messages, wherever it ends, also where two renderings take turns. */
static void pieces_of_any_size_are_whole_messages(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){
                          .histograms = true, .buckets = le, .n_buckets = ARRAY_LEN(le) });
    feed_many(&p, 300);
    char *want = mem_strdup(pipeline_text(&p));
    for (size_t enough = 1; enough < 20000; enough = enough * 3 / 2 + 1) {
        struct buf text[2] = { { 0 }, { 0 } };
        struct writer *w = writer_protobuf.open(&(struct writer_opts){ 0 });
        struct render r[2];
        bool more[2] = { true, true };
        struct buf whole[2] = { { 0 }, { 0 } };
        render_begin(&r[0], w, p.registry);
        render_begin(&r[1], w, p.registry);
        while (more[0] || more[1]) {
            for (int i = 0; i < 2; i++) {
                struct buf piece = { 0 };
                if (more[i])
                    more[i] = render_some(&r[i], p.now_ns, enough, &piece);
                if (piece.len > 0)
                    assert_true(protobuf_messages(buf_slice(&piece)) > 0);
                buf_append_slice(&whole[i], buf_slice(&piece));
                buf_release(&piece);
            }
        }
        for (int i = 0; i < 2; i++) {
            render_end(&r[i]);
            protobuf_as_text(buf_slice(&whole[i]), &text[i]);
            buf_append_char(&text[i], '\0');
            assert_string_equal(text[i].ptr, want);
            buf_release(&text[i]);
            buf_release(&whole[i]);
        }
        w->ops->close(w);
    }
    free(want);
    pipeline_release(&p);
}

static void counts_of_sampled_values_are_rounded_down(void **unused)
{
    (void)unused;
    for (int histograms = 0; histograms < 2; histograms++) {
        struct pipeline p;
        struct buf text = { 0 };
        pipeline_init(&p, &(struct pipeline_opts){ .histograms = histograms,
                                                   .buckets = le,
                                                   .n_buckets = ARRAY_LEN(le) });
        pipeline_feed(&p, 0, "t:50|ms|@0.3\nt:1000|ms|@0.3"); /* 3.33 each */
        pipeline_turn(&p);
        protobuf_as_text(pipeline_protobuf(&p), &text);
        buf_append_char(&text, '\0');
        assert_true(pipeline_has(text.ptr, "t_count 6"));
        if (histograms) {
            assert_true(pipeline_has(text.ptr, "t_bucket{le=\"0.1\"} 3"));
            assert_true(pipeline_has(text.ptr, "t_bucket{le=\"+Inf\"} 6"));
        }
        buf_release(&text);
        pipeline_release(&p);
    }
}

static void births_are_told_where_they_are_kept(void **unused)
{
    (void)unused;
    static const double none[1] = { 0 };
    static const struct profile histogram = { .histogram = true }, summary = { 0 };
    /* 5 s after the zero of the monotonic clock, which was at 1,700,000,000.25 s. */
    const struct exposed_view rows[] = {
        { .value = 1, .born_ns = 5000000000 },
        { .profile = &summary, .quantiles = none, .born_ns = 5000000000 },
        { .profile = &histogram, .le = none, .born_ns = 5000000000 },
    };
    static const enum family_type types[] = { FAMILY_COUNTER, FAMILY_SUMMARY, FAMILY_HISTOGRAM };
    static const uint8_t want[] = { 8, 0x85, 0xe2, 0xcf, 0xaa, 6, 16, 0x80, 0xe5, 0x9a, 0x77 };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = { 0 }, text = { 0 };
        struct writer *w = writer_protobuf.open(&(struct writer_opts){ .zero_ms = 1700000000250 });
        const struct writer_family f = { .name = SLICE_LIT("n"), .help = "h", .type = types[i] };
        w->ops->head(w, &f, &out);
        if (i == 0)
            w->ops->counter(w, &f, SLICE_LIT(""), &rows[i], &out);
        else
            w->ops->timer(w, &f, SLICE_LIT(""), &rows[i], &out);
        w->ops->close(w);
        assert_memory_equal(out.ptr + out.len - sizeof want, want, sizeof want);
        protobuf_as_text(buf_slice(&out), &text);
        buf_release(&out);
        buf_release(&text);
    }
}

static void a_family_without_metrics_is_not_told(void **unused)
{
    (void)unused;
    struct buf out = { 0 };
    struct writer *w = writer_protobuf.open(&(struct writer_opts){ 0 });
    const struct writer_family empty = { .name = SLICE_LIT("empty"),
                                         .help = "h",
                                         .type = FAMILY_COUNTER },
                               full = { .name = SLICE_LIT("full"),
                                        .help = "h",
                                        .type = FAMILY_COUNTER };
    w->ops->head(w, &empty, &out);
    w->ops->head(w, &full, &out);
    w->ops->counter(w, &full, SLICE_LIT(""), &(struct exposed_view){ .value = 1 }, &out);
    w->ops->head(w, &empty, &out);
    w->ops->end(w, &out);
    w->ops->close(w);
    struct buf text = { 0 };
    protobuf_as_text(buf_slice(&out), &text);
    assert_true(
        slice_eq(buf_slice(&text), SLICE_LIT("# HELP full h\n# TYPE full counter\nfull 1\n")));
    buf_release(&text);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_these),
        cmocka_unit_test(every_kind_says_what_the_text_says),
        cmocka_unit_test(whatever_is_sent_both_formats_say_the_same),
        cmocka_unit_test(texts_of_every_length_come_through),
        cmocka_unit_test(a_large_family_is_several_messages),
        cmocka_unit_test(pieces_of_any_size_are_whole_messages),
        cmocka_unit_test(counts_of_sampled_values_are_rounded_down),
        cmocka_unit_test(births_are_told_where_they_are_kept),
        cmocka_unit_test(a_family_without_metrics_is_not_told),
    };
    return cmocka_run_group_tests_name("protobuf", tests, NULL, NULL);
}
