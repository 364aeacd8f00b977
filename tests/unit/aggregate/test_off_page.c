/*
 * What is kept off /metrics is told once, by name, with both types; and a bounded list of it is
 * kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/off_page_list.h"
#include "base/utf8.h"
#include "support/pipeline.h"

static const double le[] = { 1, 10 };

/*
 * Each note as a line: reason, metric (type, kind), name as sent, what it met (its type), samples.
 */
static void put_note(void *cookie, const struct off_page_note *n)
{
    struct buf *out = cookie;
    buf_append_str(out, off_page_word(n->why));
    buf_append_char(out, ' ');
    buf_append_slice(out, n->metric);
    buf_printf(out, " (%s, %s) sent as ", family_type_word(n->type), series_kind_name(n->kind));
    buf_append_slice(out, n->sent);
    buf_append_str(out, ", met ");
    buf_append_slice(out, n->other);
    buf_printf(out, " (%s) x%u\n", family_type_word(n->other_type), (unsigned)n->samples);
}

struct told_row {
    const char *lines, *want;
    bool suffixes, histograms;
};

static void each_name_is_told_once_with_what_it_met(void **unused)
{
    (void)unused;
    static const char *const own[] = { "statsd_lines_received_total", "mine_sum" };
    static const struct told_row rows[] = {
        { "jobs:1|c\njobs:7|g\njobs:8|g",
          "conflict jobs (gauge, gauge) sent as jobs, met jobs (counter) x2\n", false, false },
        { "jobs:1|c\njobs:7|g|#a:1\njobs:8|g|#a:2\njobs:9|g|#a:3",
          "conflict jobs (gauge, gauge) sent as jobs, met jobs (counter) x1\n", false, false },
        /* Of a packed sample a value is refused, of the last one all. */
        { "jobs:7|g\njobs:1:1.7976931348623157e308:1.7976931348623157e308|c\njobs:1|c\n"
          "jobs:1.7976931348623157e308|c",
          "conflict jobs (counter, counter) sent as jobs, met jobs (gauge) x2\n", false, false },
        { "a.b:1|g\na-b:1|c\na_b:x|s\na.b:2|ms",
          "conflict a_b (counter, counter) sent as a-b, met a_b (gauge) x1\n"
          "conflict a_b (summary, timer) sent as a.b, met a_b (gauge) x1\n",
          false, false },
        { "x:1|h\nx.sum:1|c\nx.count:1|c",
          "conflict x_sum (counter, counter) sent as x.sum, met x (summary) x1\n"
          "conflict x_count (counter, counter) sent as x.count, met x (summary) x1\n",
          false, false },
        { "x_count:1|c\nx:1|h", "conflict x (summary, timer) sent as x, met x_count (counter) x1\n",
          false, false },
        { "x_bucket:1|c\nx:1|h",
          "conflict x (histogram, timer) sent as x, met x_bucket (counter) x1\n", false, true },
        { "x_total:1|g\nx:1|c",
          "conflict x_total (counter, counter) sent as x, met x_total (gauge) x1\n", true, false },
        { "up:0|g\nscrape.x:1|c\nscrape:1|h",
          "reserved up (gauge, gauge) sent as up, met up (untyped) x1\n"
          "reserved scrape_x (counter, counter) sent as scrape.x, met scrape_x (untyped) x1\n"
          "reserved scrape (summary, timer) sent as scrape, met scrape_sum (untyped) x1\n",
          false, false },
        { "statsd.lines_received_total:1|c\nmine:1|h",
          "reserved statsd_lines_received_total (counter, counter) sent as "
          "statsd.lines_received_total, "
          "met statsd_lines_received_total (untyped) x1\n"
          "reserved mine (summary, timer) sent as mine, met mine_sum (untyped) x1\n",
          false, false },
        { "users:1|g\nusers:a|s\nhits:1|c", "", false, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        struct buf told = { 0 };
        pipeline_init(&p, &(struct pipeline_opts){ .reserved = own,
                                                   .n_reserved = ARRAY_LEN(own),
                                                   .suffixes = rows[i].suffixes,
                                                   .histograms = rows[i].histograms,
                                                   .buckets = le,
                                                   .n_buckets = ARRAY_LEN(le),
                                                   .on_off_page = put_note,
                                                   .cookie = &told });
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p);
        buf_append_char(&told, '\0');
        assert_string_equal(told.ptr, rows[i].want);
        pipeline_feed(&p, 0, rows[i].lines); /* nothing new in it */
        pipeline_turn(&p);
        assert_int_equal(told.len, strlen(rows[i].want) + 1);
        buf_release(&told);
        pipeline_release(&p);
    }
}

static void the_list_holds_each_conflict_with_its_samples(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ 0 });
    pipeline_feed(&p, 0, "jobs:1|c\njobs:7|g\njobs:7|g|#a:b");
    pipeline_turn(&p);
    pipeline_forward(&p, 60);
    pipeline_feed(&p, 0, "jobs:7|g\njobs:8|g\nup:1|g");
    pipeline_turn(&p);
    size_t n;
    const struct off_page_note *const *notes = registry_off_page(p.registry, &n);
    assert_int_equal(n, 2);
    assert_int_equal(notes[0]->samples, 4);
    assert_int_equal(notes[0]->last_s, p.now_ns / PIPELINE_SECOND);
    assert_int_equal(notes[1]->why, OFF_PAGE_RESERVED);
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_TYPE_CONFLICTS], 4);
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_RESERVED_NAMES], 1);
    pipeline_release(&p);
}

static const struct off_page_note *add(struct off_page_list *l, unsigned name, uint32_t now_s)
{
    char text[32];
    snprintf(text, sizeof text, "name%u", name);
    return off_page_add(l, &(struct off_page_note){ .metric = slice_str(text),
                                                    .sent = slice_str(text),
                                                    .other = slice_str(text),
                                                    .type = FAMILY_GAUGE,
                                                    .other_type = FAMILY_COUNTER,
                                                    .samples = 1,
                                                    .last_s = now_s });
}

static void the_list_is_bounded_and_silent_names_make_room(void **unused)
{
    (void)unused;
    struct off_page_list l;
    off_page_init(&l);
    for (unsigned i = 0; i < OFF_PAGE_MAX; i++)
        assert_non_null(add(&l, i, 100 + i % 2 * 3000));
    assert_null(add(&l, 5000, 3200)); /* no room */
    assert_null(add(&l, 7, 3200));    /* known */
    assert_int_equal(l.n, OFF_PAGE_MAX);
    assert_non_null(add(&l, 5000, 3700)); /* the even ones have been silent for an hour */
    assert_int_equal(l.n, OFF_PAGE_MAX / 2 + 1);
    assert_null(add(&l, 7, 3700));
    assert_int_equal(add(&l, 8, 3700)->samples, 1);
    off_page_release(&l);
}

static void long_names_are_told_apart_and_cut_between_characters(void **unused)
{
    (void)unused;
    enum { LONG = OFF_PAGE_TEXT_MAX + 50 };
    struct off_page_list l;
    off_page_init(&l);
    for (size_t at = 0; at < 4; at++) {
        char text[LONG];
        memset(text, 'a', sizeof text);
        memcpy(text + OFF_PAGE_TEXT_MAX - at, "\xf0\x9f\x98\x80", 4);
        struct slice s = slice_of(text, sizeof text);
        struct off_page_note note = { .metric = s, .sent = s, .other = s, .samples = 1 };
        const struct off_page_note *kept = off_page_add(&l, &note);
        assert_non_null(kept);
        assert_int_equal(kept->sent.len, OFF_PAGE_TEXT_MAX - at);
        assert_true(utf8_valid(kept->sent));
        text[LONG - 1] = 'b';
        assert_non_null(off_page_add(&l, &note));
    }
    assert_int_equal(l.n, 8);
    off_page_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_is_told_once_with_what_it_met),
        cmocka_unit_test(the_list_holds_each_conflict_with_its_samples),
        cmocka_unit_test(the_list_is_bounded_and_silent_names_make_room),
        cmocka_unit_test(long_names_are_told_apart_and_cut_between_characters),
    };
    return cmocka_run_group_tests_name("off_page", tests, NULL, NULL);
}
