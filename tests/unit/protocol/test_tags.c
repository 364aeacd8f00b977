#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "protocol/tags.h"

static struct tags tags;

static enum reason parse(const struct tags_opts *o, const char *raw, enum tag_style style)
{
    static char *exact;
    size_t n = strlen(raw);
    free(exact);
    exact = malloc(n ? n : 1);
    assert_non_null(exact);
    memcpy(exact, raw, n);
    struct sample s = { .tags = exact, .tags_len = (uint32_t)n, .tag_style = (uint8_t)style };
    enum reason r = tags_parse(o, &s, &tags);
    if (r == REASON_NONE && n == 0)
        assert_int_equal(tags.n, 0);
    return r;
}

/* k=v;k=v of what was parsed, in order. */
static void shown(struct buf *out)
{
    buf_clear(out);
    for (uint32_t i = 0; i < tags.n; i++) {
        if (i > 0)
            buf_append_char(out, ';');
        buf_append_slice(out, tags.at[i].key);
        buf_append_char(out, '=');
        buf_append_slice(out, tags.at[i].value);
    }
    buf_append_char(out, '\0');
}

static void raw_tags_become_sorted_unique_pairs(void **state)
{
    static const struct {
        enum tag_style style;
        const char *raw, *want;
        uint32_t errors;
    } cases[] = {
        { TAGS_DOG, "", "", 0 },
        { TAGS_DOG, "b:2,a:1", "a=1;b=2", 0 },
        { TAGS_DOG, ",,a:1,,", "a=1", 0 },
        { TAGS_DOG, "#a:1,#b", "a=1;b=true", 0 },
        { TAGS_DOG, "#", "", 0 },
        { TAGS_DOG, "##a:1", "#a=1", 0 },
        { TAGS_DOG, "a:1:2", "a=1:2", 0 },
        { TAGS_DOG, "a:,:b,:", "", 3 },
        { TAGS_DOG, "k:1,k:3,k:2", "k=2", 0 },
        { TAGS_DOG, "k:1,k", "k=true", 0 },
        { TAGS_DOG, "k:1,k:", "k=1", 1 },
        { TAGS_DOG, "a b: c ", "a b= c ", 0 },
        { TAGS_DOG, "ab:1,a:2,abc:3", "a=2;ab=1;abc=3", 0 },
        { TAGS_DOG, "dd.internal.x:1,dd.internals:2,host:h", "dd.internals=2;host=h", 0 },
        { TAGS_DOG, "Z:1,a:2,\xc3\xa9:3", "Z=1;a=2;\xc3\xa9=3", 0 },
        { TAGS_EQ_COMMA, "b=2,a=1", "a=1;b=2", 0 },
        { TAGS_EQ_COMMA, "b=2=3,a,=x,y=", "b=2=3", 3 },
        { TAGS_EQ_COMMA, "a:1", "", 1 },
        { TAGS_EQ_SEMI, "b=2;a=1,c=3", "a=1,c=3;b=2", 0 },
    };
    struct buf out = { 0 };
    const struct tags_opts o = TAGS_OPTS_DEFAULT;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(parse(&o, cases[i].raw, cases[i].style), REASON_NONE);
        shown(&out);
        if (strcmp(out.ptr, cases[i].want) != 0 || tags.errors != cases[i].errors)
            fail_msg("%s: %s, %u errors", cases[i].raw, out.ptr, tags.errors);
    }
    buf_release(&out);
}

static void over_a_limit_the_sample_goes_not_the_tag(void **state)
{
    const struct tags_opts o = { .max_tags = 3, .max_tag_len = 5 };
    (void)state;
    assert_int_equal(parse(&o, "a:1,b:2,c:3", TAGS_DOG), REASON_NONE);
    assert_int_equal(parse(&o, "a:1,b:2,c:3,d:4", TAGS_DOG), REASON_TOO_MANY_TAGS);
    assert_int_equal(parse(&o, "a:1,a:2,a:3,a:4", TAGS_DOG), REASON_TOO_MANY_TAGS);
    assert_int_equal(parse(&o, "a:1,b:,c:3,:", TAGS_DOG), REASON_TOO_MANY_TAGS);
    assert_int_equal(parse(&o, ",,,,a:1,,,", TAGS_DOG), REASON_NONE);
    assert_int_equal(parse(&o, "a:123", TAGS_DOG), REASON_NONE);
    assert_int_equal(parse(&o, "#a:123", TAGS_DOG), REASON_NONE);
    assert_int_equal(parse(&o, "a:1234", TAGS_DOG), REASON_TAG_TOO_LONG);
    assert_int_equal(parse(&o, "abcdef", TAGS_DOG), REASON_TAG_TOO_LONG);
}

static void internal_tags_are_kept_when_asked_for(void **state)
{
    const struct tags_opts o = { .max_tags = 3, .max_tag_len = 50, .keep_internal = true };
    (void)state;
    assert_int_equal(parse(&o, "dd.internal.entity_id:x", TAGS_DOG), REASON_NONE);
    assert_int_equal(tags.n, 1);
}

static void the_origin_is_the_last_tag_of_all(void **state)
{
    static const char *const raws[] = { "", "a:1", "z:1", "container_id:mine",
                                        "a:1,container_id:x,z:2" };
    const struct tags_opts o = TAGS_OPTS_DEFAULT;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(raws); i++) {
        struct sample s = { .tags = raws[i],
                            .tags_len = (uint32_t)strlen(raws[i]),
                            .flags = SAMPLE_HAS_ORIGIN,
                            .origin = SLICE_LIT("id7") };
        bool found = false;
        assert_int_equal(tags_parse(&o, &s, &tags), REASON_NONE);
        for (uint32_t k = 0; k < tags.n; k++) {
            if (k > 0)
                assert_true(slice_cmp(tags.at[k - 1].key, tags.at[k].key) < 0);
            if (slice_eq(tags.at[k].key, SLICE_LIT("container_id"))) {
                found = true;
                assert_true(slice_eq(tags.at[k].value, SLICE_LIT("id7")));
            }
        }
        assert_true(found);
    }
}

static void added_tags_go_to_samples_that_have_none_of_their_key(void **state)
{
    const struct tag added[] = { { SLICE_LIT("env"), SLICE_LIT("prod"), 0 },
                                 { SLICE_LIT("m"), SLICE_LIT("1"), 1 } };
    static const struct {
        const char *raw, *want;
    } cases[] = {
        { "a:1", "a=1;env=prod;m=1" },        { "z:1", "env=prod;m=1;z=1" },
        { "env:test", "env=test;m=1" },       { "m", "env=prod;m=true" },
        { "env:", "env=prod;m=1" }, /* no tag of the line: it is malformed */
        { "m:2,env:x,a:y", "a=y;env=x;m=2" },
    };
    const struct tags_opts o = {
        .max_tags = 3, .max_tag_len = 8, .added = added, .n_added = ARRAY_LEN(added)
    };
    struct buf out = { 0 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(parse(&o, cases[i].raw, TAGS_DOG), REASON_NONE);
        shown(&out);
        assert_string_equal(out.ptr, cases[i].want);
        for (uint32_t k = 0; k < tags.n; k++) { /* they rank below those of the line */
            bool is_added =
                tags.at[k].key.ptr == added[0].key.ptr || tags.at[k].key.ptr == added[1].key.ptr;
            assert_int_equal(tags.at[k].order < ARRAY_LEN(added), is_added);
        }
    }
    buf_release(&out);
}

static void added_tags_find_room_beside_the_most_tags_of_a_line(void **state)
{
    char keys[TAGS_ADDED_MAX][8];
    struct tag added[TAGS_ADDED_MAX];
    struct buf raw = { 0 };
    const struct tags_opts o = {
        .max_tags = TAGS_MAX, .max_tag_len = 100, .added = added, .n_added = TAGS_ADDED_MAX
    };
    (void)state;
    for (uint16_t i = 0; i < TAGS_ADDED_MAX; i++) {
        snprintf(keys[i], sizeof keys[i], "g%02u", i);
        added[i] = (struct tag){ slice_str(keys[i]), SLICE_LIT("x"), i };
    }
    for (uint32_t i = 0; i < TAGS_MAX; i++)
        buf_printf(&raw, "k%u:%u,", i, i);
    buf_append_char(&raw, '\0');
    assert_int_equal(parse(&o, raw.ptr, TAGS_DOG), REASON_NONE);
    assert_int_equal(tags.n, TAGS_ROOM);
    for (uint32_t i = 1; i < tags.n; i++)
        assert_true(slice_cmp(tags.at[i - 1].key, tags.at[i].key) < 0);
    buf_release(&raw);
}

/* Both sorts, with the last of equal keys kept, against a search of the raw text. */
static void any_number_of_tags_comes_out_sorted_with_the_last_of_each_key(void **state)
{
    const struct tags_opts o = { .max_tags = TAGS_MAX, .max_tag_len = 100 };
    struct buf raw = { 0 };
    uint32_t r = 5;
    (void)state;
    for (uint32_t n = 1; n <= TAGS_MAX; n += n < 60 ? 1 : 97) {
        uint32_t last[TAGS_MAX];
        bool used[TAGS_MAX] = { false };
        uint32_t distinct = 0;
        buf_clear(&raw);
        for (uint32_t i = 0; i < n; i++) {
            r = r * 1664525u + 1013904223u;
            uint32_t key = (r >> 10) % (n + n / 2 < TAGS_MAX ? n + n / 2 : TAGS_MAX);
            distinct += !used[key];
            used[key] = true;
            last[key] = i;
            buf_printf(&raw, "%sk%u:%u", i ? "," : "", key, i);
        }
        buf_append_char(&raw, '\0');
        assert_int_equal(parse(&o, raw.ptr, TAGS_DOG), REASON_NONE);
        assert_int_equal(tags.n, distinct);
        for (uint32_t i = 0; i < tags.n; i++) {
            char text[16] = "";
            if (i > 0)
                assert_true(slice_cmp(tags.at[i - 1].key, tags.at[i].key) < 0);
            memcpy(text, tags.at[i].key.ptr + 1, tags.at[i].key.len - 1);
            uint32_t key = (uint32_t)strtoul(text, NULL, 10);
            snprintf(text, sizeof text, "%u", last[key]);
            assert_true(slice_eq(tags.at[i].value, slice_str(text)));
            assert_int_equal(tags.at[i].order, last[key]);
        }
    }
    buf_release(&raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_tags_become_sorted_unique_pairs),
        cmocka_unit_test(over_a_limit_the_sample_goes_not_the_tag),
        cmocka_unit_test(internal_tags_are_kept_when_asked_for),
        cmocka_unit_test(the_origin_is_the_last_tag_of_all),
        cmocka_unit_test(added_tags_go_to_samples_that_have_none_of_their_key),
        cmocka_unit_test(added_tags_find_room_beside_the_most_tags_of_a_line),
        cmocka_unit_test(any_number_of_tags_comes_out_sorted_with_the_last_of_each_key),
    };
    return cmocka_run_group_tests_name("tags", tests, NULL, NULL);
}
