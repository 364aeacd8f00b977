/*
 * A law: however a byte stream is cut into reads, the same samples come out, with the same errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "protocol/framing.h"
#include "protocol/parse.h"

struct outcome {
    struct parser *parser;
    struct batch batch;
    uint64_t samples, framing_errors;
    struct hash128 digest; /* of all samples in order */
};

static void take(struct outcome *o)
{
    for (uint32_t i = 0; i < o->batch.n; i++) {
        const struct sample *s = &o->batch.samples[i];
        o->samples++;
        o->digest = hash_join(o->digest, s->hash);
        o->digest = hash_join(o->digest, hash_bytes(&s->value, sizeof s->value));
        o->digest.lo += s->flags;
    }
    batch_clear(&o->batch);
}

static void on_datagram(void *cookie, const char *ptr, size_t len)
{
    struct outcome *o = cookie;
    char *exact = malloc(len);
    assert_non_null(exact);
    memcpy(exact, ptr, len);
    parser_begin(o->parser, exact, len, false);
    while (parser_next(o->parser, &o->batch))
        take(o);
    take(o);
    free(exact);
}

/* Push text[0 .. cut), then the rest in pieces. */
static struct outcome run(enum framing_kind kind, const struct buf *text, size_t cut, size_t piece)
{
    static char room[FRAMING_ROOM];
    struct outcome o = { 0 };
    struct framing f;
    uint32_t errors;
    o.parser = parser_new(&PARSE_OPTS_DEFAULT);
    assert_non_null(o.parser);
    assert_int_equal(batch_init(&o.batch, 16, 8192), 0);
    framing_init(&f, kind, room);
    framing_push(&f, text->ptr, cut, on_datagram, &o, &errors);
    o.framing_errors += errors;
    for (size_t at = cut; at < text->len; at += piece) {
        framing_push(&f, text->ptr + at, text->len - at < piece ? text->len - at : piece,
                     on_datagram, &o, &errors);
        o.framing_errors += errors;
    }
    o.framing_errors += framing_end(&f, true, on_datagram, &o) != REASON_NONE;
    parser_free(o.parser);
    return o;
}

static void assert_same(struct outcome *a, const struct outcome *want)
{
    assert_int_equal(a->samples, want->samples);
    assert_true(a->digest.lo == want->digest.lo && a->digest.hi == want->digest.hi);
    assert_memory_equal(&a->batch.counts, &want->batch.counts, sizeof a->batch.counts);
    assert_int_equal(a->framing_errors, want->framing_errors);
    batch_release(&a->batch);
}

static void lines_of_all_kinds(struct buf *out)
{
    buf_append_str(out, "a:1|c\n\n  b:2:3|ms|@0.5|#x:y,z \r\nbad\n_e{1,4}:t|e  "
                        "x|t:info\n_sc|db|1|m:hm\ng:+4|g:-3|g\ncaf\xc3\xa9:u|s|#q:\xe2\x82\xac\n");
    buf_append_str(out, "w\x01t:3|c\nn\xff:1|c\nz:1|c|T17|c:id|#k:v\nlast:9|d");
}

static void a_stream_of_lines_may_be_cut_at_every_byte(void **state)
{
    struct buf text = { 0 };
    (void)state;
    lines_of_all_kinds(&text);
    struct outcome want = run(FRAMING_LINE, &text, text.len, 1);
    assert_int_equal(want.samples, 8);
    for (size_t cut = 0; cut <= text.len; cut++)
        for (size_t piece = 1; piece < 40; piece = piece * 3 + 1) {
            struct outcome o = run(FRAMING_LINE, &text, cut, piece);
            assert_same(&o, &want);
        }
    batch_release(&want.batch);
    buf_release(&text);
}

static void a_stream_with_endless_lines_may_be_cut_anywhere(void **state)
{
    static const size_t lengths[] = { 65533, 65534, 65535, 65536, 70000, 200000 };
    struct buf text = { 0 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        buf_append_str(&text, "before:1|c\n");
        memset(buf_reserve(&text, lengths[i]), i % 2 ? ' ' : 'x', lengths[i]);
        text.len += lengths[i];
        buf_append_str(&text, "\nafter:1|c\n");
    }
    struct outcome want = run(FRAMING_LINE, &text, text.len, 1);
    assert_int_equal(want.samples, 12);
    uint32_t r = 3;
    for (int i = 0; i < 60; i++) {
        r = r * 1664525u + 1013904223u;
        struct outcome o = run(FRAMING_LINE, &text, (r >> 8) % text.len, (r >> 4) % 100000 + 500);
        assert_same(&o, &want);
    }
    batch_release(&want.batch);
    buf_release(&text);
}

static void a_stream_of_frames_may_be_cut_at_every_byte(void **state)
{
    struct buf text = { 0 }, lines = { 0 };
    (void)state;
    lines_of_all_kinds(&lines);
    for (int i = 0; i < 2; i++) {
        const char head[4] = { (char)lines.len, (char)(lines.len >> 8), 0, 0 };
        buf_append(&text, head, sizeof head);
        buf_append_slice(&text, buf_slice(&lines));
    }
    buf_append(&text, "\x09\0\0\0cut", 7); /* ends inside a frame */
    struct outcome want = run(FRAMING_DSD, &text, text.len, 1);
    assert_int_equal(want.samples, 16);
    assert_int_equal(want.framing_errors, 1);
    for (size_t cut = 0; cut <= text.len; cut++) {
        struct outcome o = run(FRAMING_DSD, &text, cut, cut % 61 + 1);
        assert_same(&o, &want);
    }
    batch_release(&want.batch);
    buf_release(&text);
    buf_release(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_of_lines_may_be_cut_at_every_byte),
        cmocka_unit_test(a_stream_with_endless_lines_may_be_cut_anywhere),
        cmocka_unit_test(a_stream_of_frames_may_be_cut_at_every_byte),
    };
    return cmocka_run_group_tests_name("framing_cuts", tests, NULL, NULL);
}
