#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/identity.h"
#include "aggregate/tuple.h"
#include "base/buf.h"
#include "base/mem.h"

static struct arena memory; /* of a test's identities */

static struct identity *make(uint8_t type, enum tag_style style, const char *name,
                             const char *raw_tags)
{
    struct tags *tags = mem_alloc(sizeof *tags);
    struct sample s = { .name = name,
                        .name_len = (uint32_t)strlen(name),
                        .tags = raw_tags,
                        .tags_len = (uint32_t)strlen(raw_tags),
                        .type = type,
                        .tag_style = (uint8_t)style };
    assert_int_equal(tags_parse(&TAGS_OPTS_DEFAULT, &s, tags), REASON_NONE);
    struct identity *id = identity_new(&memory, &s, tags);
    assert_non_null(id);
    free(tags);
    return id;
}

static void the_key_is_the_name_and_the_sorted_tags(void **unused)
{
    (void)unused;
    static const struct {
        enum tag_style style;
        const char *name, *tags, *key;
        unsigned n;
    } rows[] = {
        { TAGS_DOG, "hits", "", "hits", 0 },
        { TAGS_DOG, "hits", "env:prod", "hits|#env:prod", 1 },
        { TAGS_DOG, "hits", "b:2,a:1", "hits|#a:1,b:2", 2 },
        { TAGS_DOG, "hits", "a:1,a:2", "hits|#a:2", 1 },
        { TAGS_DOG, "hits", "bare", "hits|#bare:true", 1 },
        { TAGS_DOG, "hits", "url:http://x:80/", "hits|#url:http://x:80/", 1 },
        { TAGS_DOG, "h\xc3\xa9", "k:\xc3\xa9", "h\xc3\xa9|#k:\xc3\xa9", 1 },
        { TAGS_DOG, "hits", ",,a:1,,", "hits|#a:1", 1 },
        { TAGS_EQ_COMMA, "hits", "b=2,a=1", "hits|#a:1,b:2", 2 },
        { TAGS_EQ_SEMI, "hits", "b=2;a=1", "hits|#a:1,b:2", 2 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct identity *id = make(SAMPLE_COUNTER, rows[i].style, rows[i].name, rows[i].tags);
        assert_true(slice_eq(identity_key(id), slice_str(rows[i].key)));
        assert_true(slice_eq(identity_name(id), slice_str(rows[i].name)));
        assert_int_equal(id->n_tags, rows[i].n);
        size_t at = 0;
        struct buf again = { 0 };
        buf_append_slice(&again, identity_name(id));
        for (unsigned t = 0; t < id->n_tags; t++) {
            struct tag tag = identity_next_tag(id, t, &at);
            buf_append_str(&again, t == 0 ? "|#" : ",");
            buf_append_slice(&again, tag.key);
            buf_append_char(&again, ':');
            buf_append_slice(&again, tag.value);
        }
        assert_true(slice_eq(buf_slice(&again), identity_key(id)));
        buf_release(&again);
    }
    arena_release(&memory);
}

static void spellings_meet_or_differ_as_their_tags_do(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t a_type;
        enum tag_style a_style;
        const char *a_name, *a_tags;
        uint8_t b_type;
        enum tag_style b_style;
        const char *b_name, *b_tags;
        bool equal;
    } rows[] = {
        { SAMPLE_COUNTER, TAGS_DOG, "x", "a:1,b:2", SAMPLE_COUNTER, TAGS_DOG, "x", "b:2,a:1",
          true },
        { SAMPLE_COUNTER, TAGS_DOG, "x", "a", SAMPLE_COUNTER, TAGS_DOG, "x", "a:true", true },
        { SAMPLE_COUNTER, TAGS_DOG, "x", "a:1", SAMPLE_COUNTER, TAGS_EQ_SEMI, "x", "a=1", true },
        { SAMPLE_COUNTER, TAGS_DOG, "x", "", SAMPLE_GAUGE, TAGS_DOG, "x", "", false },
        { SAMPLE_TIMING, TAGS_DOG, "x", "", SAMPLE_HISTOGRAM, TAGS_DOG, "x", "", false },
        { SAMPLE_COUNTER, TAGS_DOG, "x", "", SAMPLE_COUNTER, TAGS_DOG, "y", "", false },
        { SAMPLE_COUNTER, TAGS_DOG, "x", "a:1", SAMPLE_COUNTER, TAGS_DOG, "x", "a:1,b:2", false },
        { SAMPLE_COUNTER, TAGS_DOG, "x", "a:1", SAMPLE_COUNTER, TAGS_DOG, "x", "A:1", false },
        /* The same text, cut at another place. */
        { SAMPLE_COUNTER, TAGS_EQ_SEMI, "x", "a=1;b,c=2", SAMPLE_COUNTER, TAGS_EQ_SEMI, "x",
          "a=1,b;c=2", false },
    };
    struct symbols symbols;
    symbols_init(&symbols);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct identity *a = make(rows[i].a_type, rows[i].a_style, rows[i].a_name, rows[i].a_tags);
        struct identity *b = make(rows[i].b_type, rows[i].b_style, rows[i].b_name, rows[i].b_tags);
        struct tuple *t = mem_alloc(tuple_bytes_for(a));
        tuple_hash(a);
        tuple_init(t, &symbols, a);
        assert_true(tuple_is(t, &symbols, a));
        assert_int_equal(tuple_is(t, &symbols, b), rows[i].equal);
        tuple_release(t, &symbols);
        free(t);
        struct hash128 x = identity_hash128(a), y = identity_hash128(b);
        if (rows[i].equal)
            assert_int_equal(a->hash, b->hash);
        assert_int_equal(x.lo == y.lo, rows[i].equal);
        assert_int_equal(x.hi == y.hi, rows[i].equal);
    }
    symbols_release(&symbols);
    arena_release(&memory);
}

static void a_tag_remembers_its_place_in_the_line(void **unused)
{
    (void)unused;
    struct identity *id = make(SAMPLE_COUNTER, TAGS_DOG, "x", "c:1,a:2,b:3,a:4");
    size_t at = 0;
    assert_int_equal(identity_next_tag(id, 0, &at).order, 3);
    assert_int_equal(identity_next_tag(id, 1, &at).order, 2);
    assert_int_equal(identity_next_tag(id, 2, &at).order, 0);
    arena_release(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_is_the_name_and_the_sorted_tags),
        cmocka_unit_test(spellings_meet_or_differ_as_their_tags_do),
        cmocka_unit_test(a_tag_remembers_its_place_in_the_line),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
