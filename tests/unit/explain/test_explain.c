/* Explaining in steps, and what bounds it: the looks for near misses, the length of the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "explain/explain.h"
#include "explain/explain_core.h"
#include "explain/explain_text.h"

enum { ANSWER = 512 << 10, DATAGRAM = 16 << 10 };

struct rig {
    struct config config;
    struct core_mapping mapping;
    struct explain *explain;
    size_t steps; /* that say that there are more */
};

/* Three rules, two of them regexes. */
static const char rules[] = "mappings:\n"
                            "- match: '^Foo'\n  match_type: regex\n  name: foo\n"
                            "- match: 'a.*'\n  name: a\n"
                            "- match: '^Bar'\n  match_type: regex\n  name: bar\n";

static void rig_init(struct rig *r, const char *mapping, enum explain_form form,
                     const struct explain_bounds *bounds)
{
    const struct config_source none = { 0 };
    struct buf errors = { 0 };
    *r = (struct rig){ .steps = 0 };
    assert_int_equal(config_load(&none, &r->config, &errors), 0);
    if (mapping != NULL)
        assert_int_equal(
            core_mapping_load_text(&r->config, "m.yml", slice_str(mapping), &r->mapping, &errors),
            0);
    else
        assert_int_equal(core_mapping_load(&r->config, &r->mapping, &errors), 0);
    r->explain = explain_new(&r->config, &r->mapping, form, bounds);
}

static void read_all(struct rig *r)
{
    while (explain_some(r->explain))
        r->steps++;
}

static json_t *finish(struct rig *r)
{
    struct buf out = { 0 };
    while (explain_close(r->explain))
        ;
    (void)explain_finish(r->explain, &out);
    assert_true(out.len <= ANSWER);
    json_t *j = json_loadb(out.ptr, out.len, JSON_ALLOW_NUL, NULL);
    assert_non_null(j);
    buf_release(&out);
    return j;
}

static void rig_release(struct rig *r)
{
    explain_free(r->explain);
    core_mapping_release(&r->mapping);
    config_release(&r->config);
}

static json_int_t count_of(const json_t *j, const char *key)
{
    return json_integer_value(json_object_get(j, key));
}

static size_t n_of(const json_t *j, const char *key)
{
    return json_array_size(json_object_get(j, key));
}

static void a_step_is_a_line_or_a_regex(void **unused)
{
    const struct slice lines = SLICE_LIT("a:1|c\nb:1|c\n\nc:1|c\nd:1|c");
    struct rig r;
    (void)unused;
    rig_init(&r, NULL, EXPLAIN_JSON, &explain_all);
    explain_datagram(r.explain, lines, false);
    read_all(&r);
    assert_int_equal(r.steps + 1, 5);
    json_decref(finish(&r));
    rig_release(&r);

    rig_init(&r, rules, EXPLAIN_JSON, &explain_all);
    explain_datagram(r.explain, lines, false);
    read_all(&r);
    assert_int_equal(r.steps + 1, 5 + 1); /* after the last regex lines follow */
    json_decref(finish(&r));
    rig_release(&r);
}

/* Frames and lines may be cut anywhere between two pushes. */
static void a_stream_is_read_a_line_a_step_and_its_frames_are_kept(void **unused)
{
    static const char dsd[] = "\x0b\0\0\0a:1|c\nb:1|c\x05\0\0\0c:1|c\x05\0";
    struct rig r;
    (void)unused;
    for (size_t cut = 0; cut < sizeof dsd - 1; cut++) {
        rig_init(&r, NULL, EXPLAIN_JSON_WITH_TEXT, &explain_all);
        explain_stream_begin(r.explain, FRAMING_DSD);
        assert_true(explain_stream_push(r.explain, slice_of(dsd, cut)));
        read_all(&r);
        assert_true(explain_stream_push(r.explain, slice_of(dsd + cut, sizeof dsd - 1 - cut)));
        explain_stream_end(r.explain); /* what was not asked for is done */
        json_t *j = finish(&r);
        assert_int_equal(n_of(j, "samples"), 3);
        assert_int_equal(count_of(j, "errors"), 1);
        assert_string_equal(json_string_value(json_array_get(json_object_get(j, "reasons"), 0)),
                            "bad_frame");
        assert_non_null(strstr(json_string_value(json_object_get(j, "text")), "error bad_frame"));
        json_decref(j);
        rig_release(&r);
    }
}

static const char *near_miss_of(const json_t *j, size_t sample)
{
    const json_t *rule = json_array_get(json_object_get(j, "rules"), sample);
    return json_string_value(json_object_get(json_object_get(rule, "near_miss"), "match"));
}

static void near_misses_are_looked_for_once_a_name_and_end_with_the_looks(void **unused)
{
    enum { RULES = 3, REGEXES = 2, A_REGEX = 100 };
    const struct explain_bounds bounds = { SIZE_MAX, REGEXES * A_REGEX + 2 * RULES };
    struct rig r;
    (void)unused;
    rig_init(&r, rules, EXPLAIN_JSON_WITH_TEXT, &bounds);
    explain_datagram(r.explain,
                     SLICE_LIT("foo:1|c\nfoo:1|c\nfoo:1|c\nnone:1|c\nnone:1|c\nbar:1|c\nfoo:1|c\n"
                               "foo:1|g"),
                     false);
    json_t *j = finish(&r);
    assert_int_equal(n_of(j, "rules"), 8);
    assert_string_equal(near_miss_of(j, 0), "^Foo");
    assert_string_equal(near_miss_of(j, 2), "^Foo");
    assert_null(near_miss_of(j, 4));
    assert_null(near_miss_of(j, 5));
    assert_string_equal(near_miss_of(j, 6), "^Foo");
    assert_int_equal(count_of(j, "near_misses_left_out"), 2); /* bar, and foo as a gauge */
    assert_non_null(strstr(json_string_value(json_object_get(j, "text")),
                           "\nnear misses were not looked for: of 2 samples,"));
    json_decref(j);
    rig_release(&r);
}

static void regexes_past_the_looks_are_not_compiled(void **unused)
{
    const struct explain_bounds bounds = { SIZE_MAX, 199 };
    struct rig r;
    (void)unused;
    rig_init(&r, rules, EXPLAIN_JSON, &bounds);
    explain_datagram(r.explain, SLICE_LIT("foo:1|c\na.B:1|c"), false);
    read_all(&r);
    assert_int_equal(r.steps + 1, 2); /* lines alone */
    json_t *j = finish(&r);
    assert_null(near_miss_of(j, 0));
    assert_int_equal(count_of(j, "near_misses_left_out"), 2);
    json_decref(j);
    rig_release(&r);
}

/* A datagram of `line` with a number for each %u; as many as it has room for. */
static void fill(const char *line, struct buf *out)
{
    for (unsigned i = 0;; i++) {
        size_t before = out->len;
        for (const char *p = line; *p != '\0'; p++) {
            if (*p == '%')
                buf_printf(out, "%x", i);
            else
                buf_append_char(out, *p);
        }
        if (out->len > DATAGRAM) {
            out->len = before;
            return;
        }
    }
}

static void an_answer_is_bounded_and_says_what_it_lacks(void **unused)
{
    static const char long_rules[] =
        "mappings:\n- match: 'some.rule.with.a.long.glob.that.stands.in.each.*'\n  name: x\n"
        "- match: 'Some.rule.with.a.long.glob.that.stands.in.each.*'\n  name: y\n";
    static const struct {
        const char *line, *mapping, *lacks; /* NULL: nothing */
    } rows[] = {
        { "x\n", NULL, "bytes_not_read" },
        { "\n", NULL, NULL },
        { "a:1|c\n", NULL, NULL },
        { "some.rule.with.a.long.glob.that.stands.in.each.%:1|c\n", long_rules, NULL },
        { "%:1|c\n", long_rules, NULL },
        { "%:-1|c\n", NULL, NULL },
        { "%:1|ms|#a:b\n", NULL, "exposition_cut" },
        { "%:1|ms|#a:\"\\\"\\\"\\\"\\\"\n", NULL, "exposition_cut" },
        { "a:1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9|c|#%\n", NULL, NULL },
        { "_e{1,1}:a|b\n", NULL, "bytes_not_read" },
        { "_e{1,4}:\x01|\x01\x01\x01\x01\n", NULL, NULL },
    };
    const struct explain_bounds bounds = { ANSWER, SIZE_MAX };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r;
        struct buf datagram = { 0 };
        fill(rows[i].line, &datagram);
        rig_init(&r, rows[i].mapping, EXPLAIN_JSON_WITH_TEXT, &bounds);
        explain_datagram(r.explain, buf_slice(&datagram), false);
        json_t *j = finish(&r);
        static const char *const all[] = { "bytes_not_read", "exposition_cut" };
        for (size_t k = 0; k < ARRAY_LEN(all); k++) {
            bool wanted = rows[i].lacks != NULL && strcmp(rows[i].lacks, all[k]) == 0;
            if (wanted != (json_object_get(j, all[k]) != NULL))
                fail_msg("row %zu: %s", i, all[k]);
        }
        const char *text = json_string_value(json_object_get(j, "text"));
        if ((rows[i].lacks != NULL) != (strstr(text, "or the answer would be too long") != NULL))
            fail_msg("row %zu: the text does not say so", i);
        json_decref(j);
        buf_release(&datagram);
        rig_release(&r);
    }
}

static void one_line_as_long_as_a_datagram_has_room(void **unused)
{
    const struct explain_bounds bounds = { ANSWER, SIZE_MAX };
    (void)unused;
    for (int c = 1; c < 128; c += 13) {
        struct rig r;
        char *line = mem_alloc(DATAGRAM);
        memset(line, c, DATAGRAM);
        memcpy(line + 8100, "\n_e{1,8150}:a|", 14);
        rig_init(&r, NULL, EXPLAIN_JSON_WITH_TEXT, &bounds);
        explain_datagram(r.explain, slice_of(line, DATAGRAM), false);
        json_decref(finish(&r));
        rig_release(&r);
        free(line);
    }
}

/* `front`, and then as many of `piece` as a line or a datagram has room for. */
static void one_long_line(const char *front, const char *piece, size_t most, struct buf *out)
{
    buf_append_str(out, front);
    while (out->len + strlen(piece) < most)
        buf_append_str(out, piece);
}

struct long_line {
    const char *front, *piece;
    size_t most;
    json_int_t samples, errors; /* what the datagram has */
};

static void check_long_line(const struct long_line *l, enum explain_form form, struct rig *r)
{
    struct buf datagram = { 0 };
    one_long_line(l->front, l->piece, l->most, &datagram);
    explain_datagram(r->explain, buf_slice(&datagram), false);
    read_all(r);
    assert_int_equal(r->steps, 0);
    json_t *j = finish(r);
    json_int_t kept = (json_int_t)(n_of(j, "samples") + n_of(j, "reasons"));
    assert_in_range(kept, 50, l->samples + l->errors - 1);
    assert_int_equal(count_of(j, "errors"), l->errors);
    assert_int_equal(count_of(j, "found_left_out"), l->samples + l->errors - kept);
    if (form == EXPLAIN_JSON_WITH_TEXT) {
        const char *text = json_string_value(json_object_get(j, "text"));
        bool wrong = l->errors > 0;
        json_int_t left = wrong ? l->errors - (json_int_t)n_of(j, "reasons")
                                : l->samples - (json_int_t)n_of(j, "samples");
        char more[64];
        snprintf(more, sizeof more, "  and %lld more %s: counted alone, or", (long long)left,
                 wrong ? "errors" : "samples");
        assert_non_null(strstr(text, more));
        assert_true(strlen(text) < ANSWER / 4);
    }
    json_decref(j);
    buf_release(&datagram);
}

/* What is found in one line is not bounded by the line. */
static void a_line_of_thousands_of_samples_or_errors_is_counted_but_not_kept(void **unused)
{
    char name[502];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const struct long_line lines[] = {
        { "a:x|c", ":x|c", 8192, 0, 2047 },
        { "a:1|c", ":|c", 8192, 1, 2728 },
        { name, ":1|c", 8192, 1922, 0 },
    };
    const struct explain_bounds bounds = { ANSWER, SIZE_MAX };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct rig r;
        rig_init(&r, NULL, EXPLAIN_JSON_WITH_TEXT, &bounds);
        check_long_line(&lines[i], EXPLAIN_JSON_WITH_TEXT, &r);
        rig_release(&r);
        rig_init(&r, NULL, EXPLAIN_JSON, &bounds);
        check_long_line(&lines[i], EXPLAIN_JSON, &r);
        rig_release(&r);
    }
}

static void errors_of_a_line_share_a_copy_of_it_and_past_the_room_there_are_none(void **unused)
{
    struct rig r;
    struct buf line = { 0 };
    (void)unused;
    one_long_line("a:x|c", ":x|c", 8192, &line);
    rig_init(&r, NULL, EXPLAIN_TEXT, &explain_all);
    struct explain_core *x = explain_core_new(&r.config, &r.mapping, SIZE_MAX);
    explain_core_datagram(x, line.ptr, line.len, false);
    assert_int_equal(x->n_errors, 2047);
    assert_int_equal(x->n_lines, 1);
    explain_core_clear(x);
    explain_core_allow(x, 10000, &explain_text_teller);
    explain_core_datagram(x, line.ptr, line.len, false);
    assert_in_range(x->n_errors, 20, 200);
    assert_int_equal(x->n_errors + x->left_out.errors, 2047);
    assert_int_equal(x->n_lines, 1);
    explain_core_free(x);
    buf_release(&line);
    rig_release(&r);
}

static void an_error_far_into_a_line_is_shown_with_what_stands_around_it(void **unused)
{
    const struct explain_bounds bounds = { ANSWER, SIZE_MAX };
    struct buf line = { 0 };
    struct rig r;
    (void)unused;
    one_long_line("a:1|c", ":1|c", 2048, &line);
    buf_append_str(&line, ":\xc3\xa4|c");
    rig_init(&r, NULL, EXPLAIN_JSON_WITH_TEXT, &bounds);
    explain_datagram(r.explain, buf_slice(&line), false);
    json_t *j = finish(&r);
    const char *text = json_string_value(json_object_get(j, "text"));
    const char *window = strstr(text, "\n  byte 2046: 1|c:1|c:1|c:1");
    assert_non_null(window);
    const char *caret = strchr(window + 1, '\n');
    assert_non_null(caret);
    assert_int_equal(strspn(caret + 1, " "), strlen("  byte 2046: ") + 100);
    assert_int_equal(count_of(j, "errors"), 1);
    json_decref(j);
    buf_release(&line);
    rig_release(&r);
}

/* What is freed early, as when its client has gone or another mapping is in force. */
static void it_may_end_at_any_step(void **unused)
{
    (void)unused;
    for (size_t steps = 0; steps < 12; steps++) {
        struct rig r;
        rig_init(&r, rules, EXPLAIN_JSON_WITH_TEXT, &explain_all);
        explain_datagram(r.explain, SLICE_LIT("foo:1|c\nb:1|ms\nc:x|s"), false);
        for (size_t i = 0; i < steps; i++)
            (void)explain_close(r.explain);
        rig_release(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_a_line_or_a_regex),
        cmocka_unit_test(a_stream_is_read_a_line_a_step_and_its_frames_are_kept),
        cmocka_unit_test(near_misses_are_looked_for_once_a_name_and_end_with_the_looks),
        cmocka_unit_test(regexes_past_the_looks_are_not_compiled),
        cmocka_unit_test(an_answer_is_bounded_and_says_what_it_lacks),
        cmocka_unit_test(one_line_as_long_as_a_datagram_has_room),
        cmocka_unit_test(a_line_of_thousands_of_samples_or_errors_is_counted_but_not_kept),
        cmocka_unit_test(errors_of_a_line_share_a_copy_of_it_and_past_the_room_there_are_none),
        cmocka_unit_test(an_error_far_into_a_line_is_shown_with_what_stands_around_it),
        cmocka_unit_test(it_may_end_at_any_step),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
