#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "protocol/parse.h"
#include "protocol/scan.h"
#include "protocol/variant.h"

enum { ERRORS_MAX = 64 };

struct fixture {
    struct parser *parser;
    struct batch batch;
    char *datagram;
    bool padded;        /* there is room around it, ... */
    char rubbish;       /* ... full of this, with an LF in it, */
    const char *behind; /* but for this at the front of what is behind, unless NULL */
    uint32_t events, checks, errors;
    struct parse_error error[ERRORS_MAX];
    struct buf *told; /* by on_cut */
};

static void on_event(void *cookie, const struct event *e)
{
    struct fixture *f = cookie;
    assert_true(e->title.len > 0);
    f->events++;
}

static void on_check(void *cookie, const struct service_check *c)
{
    struct fixture *f = cookie;
    assert_true(c->name.len > 0);
    f->checks++;
}

static void on_error(void *cookie, const struct parse_error *e)
{
    struct fixture *f = cookie;
    assert_true(e->at <= e->line.len);
    if (f->errors < ERRORS_MAX)
        f->error[f->errors] = *e;
    f->errors++;
}

static void on_cut(void *cookie, uint32_t sample, struct slice tag)
{
    struct fixture *f = cookie;
    assert_int_equal(sample, f->batch.n - 1);
    if (f->told->len > 0)
        buf_append_char(f->told, ' ');
    buf_append_slice(f->told, tag);
}

static void fixture_init(struct fixture *f, struct parse_opts o, uint32_t full)
{
    *f = (struct fixture){ 0 };
    o.on_event = on_event;
    o.on_check = on_check;
    o.on_error = on_error;
    o.cookie = f;
    f->parser = parser_new(&o);
    assert_non_null(f->parser);
    assert_int_equal(batch_init(&f->batch, full, o.max_line), 0);
}

static void fixture_release(struct fixture *f)
{
    parser_free(f->parser);
    batch_release(&f->batch);
    free(f->datagram);
}

static uint64_t refused(const struct fixture *f)
{
    uint64_t n = 0;
    for (int r = 0; r < REASON_COUNT; r++)
        n += f->batch.counts.rejected[r];
    return n;
}

/* The whole datagram into one batch. */
static void parse(struct fixture *f, const char *text, size_t n, bool truncated)
{
    size_t before = f->padded ? PARSE_PAD_BEFORE : 0,
           behind = f->padded ? PARSE_PAD_BEHIND : n == 0;
    free(f->datagram);
    f->datagram = malloc(before + n + behind);
    assert_non_null(f->datagram);
    memset(f->datagram, f->rubbish, before + n + behind);
    if (f->padded)
        f->datagram[before + n + 40] = '\n';
    if (f->behind != NULL)
        memcpy(f->datagram + before + n, f->behind, strlen(f->behind));
    memcpy(f->datagram + before, text, n);
    f->errors = 0;
    batch_clear(&f->batch);
    f->batch.counts = (struct parse_counts){ 0 };
    if (f->padded)
        parser_begin_padded(f->parser, f->datagram + before, n, truncated);
    else
        parser_begin(f->parser, f->datagram, n, truncated);
    assert_false(parser_next(f->parser, &f->batch));
    assert_int_equal(f->batch.counts.samples, f->batch.n + refused(f));
    assert_int_equal(f->errors, refused(f));
}

static void parse_text(struct fixture *f, const char *text)
{
    parse(f, text, strlen(text), false);
}

static bool same_sample(const struct batch *x, const struct sample *a, const struct batch *y,
                        const struct sample *b)
{
    bool same = a->hash.lo == b->hash.lo && a->hash.hi == b->hash.hi &&
                memcmp(&a->value, &b->value, sizeof a->value) == 0 && a->rate == b->rate &&
                a->type == b->type && a->flags == b->flags && a->tag_style == b->tag_style &&
                a->more_n == b->more_n &&
                slice_eq(slice_of(a->name, a->name_len), slice_of(b->name, b->name_len)) &&
                slice_eq(slice_of(a->tags, a->tags_len), slice_of(b->tags, b->tags_len));
    if (same && a->more_n)
        same =
            memcmp(x->values + a->more_at, y->values + b->more_at, a->more_n * sizeof(double)) == 0;
    if (same && a->type == SAMPLE_SET)
        same = slice_eq(a->member, b->member);
    if (same && (a->flags & SAMPLE_HAS_TIME))
        same = a->timestamp == b->timestamp;
    return same;
}

static void a_line_is_refused_for_a_named_reason_at_a_named_byte(void **state)
{
    static const struct {
        const char *line;
        enum reason reason;
        size_t at;
    } cases[] = {
        { "orphan", REASON_NO_COLON, 6 },
        { ":1|c", REASON_BAD_NAME, 0 },
        { "a|b:1|c", REASON_BAD_NAME, 1 },
        { "hits:", REASON_NO_TYPE, 5 },
        { "hits:5", REASON_NO_TYPE, 6 },
        { "hits:1|zz", REASON_UNKNOWN_TYPE, 7 },
        { "hits:1|", REASON_UNKNOWN_TYPE, 7 },
        { "hits:1||c", REASON_UNKNOWN_TYPE, 7 },
        { "hits:1|m", REASON_UNKNOWN_TYPE, 7 },
        { "hits:1|mx", REASON_UNKNOWN_TYPE, 7 },
        { "hits:abc|c", REASON_BAD_VALUE, 5 },
        { "hits:|c", REASON_BAD_VALUE, 5 },
        { "hits:1:x:3|d", REASON_BAD_VALUE, 7 },
        { "hits:::|d", REASON_BAD_VALUE, 5 },
        { "hits:1e308|c|@0.01", REASON_BAD_VALUE, 5 },
        { "hits:1:1e308|d|@0.01", REASON_BAD_VALUE, 5 },
        /* Finite by one rounding only. */
        { "hits:1.6179238213760842e308|d|@0.9", REASON_BAD_VALUE, 5 },
        { "hits:|s", REASON_BAD_VALUE, 5 },
        { "time:-1|ms", REASON_NEGATIVE_TIMING, 5 },
        { "time:1:-2|ms", REASON_NEGATIVE_TIMING, 7 },
        { "hits:1|c|@x", REASON_BAD_SAMPLE_RATE, 10 },
        { "hits:1|c|@", REASON_BAD_SAMPLE_RATE, 10 },
        { "hits:1|c|@1.5", REASON_BAD_SAMPLE_RATE, 10 },
        { "hits:1|c|@-0", REASON_BAD_SAMPLE_RATE, 10 },
        { "hits:1|c|@1e-400", REASON_BAD_SAMPLE_RATE, 10 },
        { "hits:1|c|#a:b|T0", REASON_BAD_TIMESTAMP, 15 },
        { "hits:1|c|T", REASON_BAD_TIMESTAMP, 10 },
        { "hits:1|c:2|c|#a:b", REASON_MIXED_MULTI_SAMPLE, 7 },
        { "hits:1|c|T5|@0.1:2|c", REASON_MIXED_MULTI_SAMPLE, 7 },
        { "hits:x|c:y|c|@7:2|c|zz", REASON_MIXED_MULTI_SAMPLE, 7 },
        { "  hits:x|c", REASON_BAD_VALUE, 7 },
        { "h\x01ts:x|c", REASON_BAD_VALUE, 5 },
        { "\xff:1|c", REASON_BAD_UTF8, 0 },
        { "_e{1}:x", REASON_BAD_EVENT, 0 },
        { "_sc|a", REASON_BAD_SERVICE_CHECK, 0 },
    };
    struct fixture f;
    (void)state;
    fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        parse_text(&f, cases[i].line);
        if (f.batch.n != 0 || f.errors != 1 || f.error[0].reason != cases[i].reason ||
            f.error[0].at != cases[i].at || f.batch.counts.rejected[cases[i].reason] != 1)
            fail_msg("%s: %u samples, %u errors, %s at %zu", cases[i].line, f.batch.n, f.errors,
                     reason_name(f.error[0].reason), f.error[0].at);
        assert_true(slice_eq(f.error[0].line, slice_str(cases[i].line)));
    }
    fixture_release(&f);
}

static void a_sample_fails_alone_but_for_what_ends_the_line(void **state)
{
    static const struct {
        const char *line;
        uint32_t samples, errors;
    } cases[] = {
        { "a:1|c:x|c:3|c", 2, 1 },
        { "a:x|c:y|ms:-1|ms:4|g", 1, 3 },
        { "a:1|c:2|zz:3|c", 1, 1 },
        { "a:1|c:2", 1, 1 },
        { "a:1|c|@0.5:2|c|@9:3|c", 2, 1 },
        { "a:1|c:2|zz|#t", 1, 1 },
        { "a:1|c|||", 1, 0 },
        { "a:1|c||:2|c", 1, 0 },
        { "a:1|c:2|c|", 2, 0 },
        { "a:1|c:2|c||@0.5", 2, 0 },
        { "a:1|c\nb:x|c\nc:3|g", 2, 1 },
        { "a:1|c|@0.5|@x", 0, 1 },
        { "a:1|c|T1|T2|#x|#y|q|r", 1, 0 },
        { "a:1:2:3|s", 1, 0 },
        { "a:b|s:c|s", 2, 0 },
    };
    struct fixture f;
    (void)state;
    fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        parse_text(&f, cases[i].line);
        if (f.batch.n != cases[i].samples || f.errors != cases[i].errors)
            fail_msg("%s: %u samples, %u errors", cases[i].line, f.batch.n, f.errors);
    }
    fixture_release(&f);
}

static void a_signed_gauge_follows_the_switch_and_the_fields(void **state)
{
    static const struct {
        const char *line;
        bool relative[3]; /* auto, delta, absolute */
    } cases[] = {
        { "g:5|g", { false, false, false } },     { "g:+5|g", { true, true, false } },
        { "g:-5|g", { true, true, false } },      { "g:-5|g|#a:b", { true, true, false } },
        { "g:-5|g|c:x", { false, true, false } }, { "g:+5|g|c:x", { true, true, false } },
        { "g:-5|g|e:x", { false, true, false } }, { "g:-5|g|card:low", { false, true, false } },
        { "g:-5|g|T7", { false, true, false } },  { "g:+5|g|T7", { false, true, false } },
        { "g:-5|g|c", { true, true, false } },    { "g:-5:-6|g", { true, true, false } },
        { "g:6:5|g", { false, false, false } },   { "g::-5|g", { true, true, false } },
        { "g:-0|g", { true, true, false } },      { "c:-5|c", { false, false, false } },
    };
    struct fixture f;
    (void)state;
    fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int sign = 0; sign < 3; sign++) {
            parser_set_gauge_sign(f.parser, (enum gauge_sign)sign);
            parse_text(&f, cases[i].line);
            assert_int_equal(f.batch.n, 1);
            if (((f.batch.samples[0].flags & SAMPLE_DELTA) != 0) != cases[i].relative[sign])
                fail_msg("%s with gauge_sign %d", cases[i].line, sign);
        }
    fixture_release(&f);
}

/* The samples of the batch as `=4 +3 -2`: = sets, ~ changes, values of one sample joined by ','. */
static void print_gauges(const struct batch *b, char *out, size_t room)
{
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < b->n; i++) {
        const struct sample *s = &b->samples[i];
        assert_int_equal((s->flags & SAMPLE_PACKED) != 0, s->more_n > 0);
        n += (size_t)snprintf(out + n, room - n, "%s%c%g", i ? " " : "",
                              s->flags & SAMPLE_DELTA ? '~' : '=', s->value);
        for (uint32_t k = 0; k < s->more_n; k++)
            n += (size_t)snprintf(out + n, room - n, ",%g", b->values[s->more_at + k]);
    }
}

static void each_value_of_a_packed_gauge_has_its_own_sign(void **state)
{
    static const struct {
        const char *line;
        const char *want[3]; /* auto, delta, absolute */
    } cases[] = {
        { "x:4:+3:-2|g", { "=4 ~3,-2", "=4 ~3,-2", "=4,3,-2" } },
        { "x:+3:4:-2|g", { "~3 =4 ~-2", "~3 =4 ~-2", "=3,4,-2" } },
        { "x:-5:6|g", { "~-5 =6", "~-5 =6", "=-5,6" } },
        { "x:6:-5|g", { "=6 ~-5", "=6 ~-5", "=6,-5" } },
        { "x:1:2:+3:+4:5:6|g", { "=1,2 ~3,4 =5,6", "=1,2 ~3,4 =5,6", "=1,2,3,4,5,6" } },
        { "x::4:::+3::-2:|g", { "=4 ~3,-2", "=4 ~3,-2", "=4,3,-2" } },
        { "x:0:-0:+0|g", { "=0 ~-0,0", "=0 ~-0,0", "=0,-0,0" } },
        { "x:4:+3:-2|g|#a:b", { "=4 ~3,-2", "=4 ~3,-2", "=4,3,-2" } },
        { "x:4:+3:-2|g|@0.5", { "=4 ~3,-2", "=4 ~3,-2", "=4,3,-2" } },
        { "x:4:+3:-2|g|c:ci-1", { "=4 ~3 =-2", "=4 ~3,-2", "=4,3,-2" } },
        { "x:4:+3:-2|g|e:it-false", { "=4 ~3 =-2", "=4 ~3,-2", "=4,3,-2" } },
        { "x:4:+3:-2|g|#a:b|card:low", { "=4 ~3 =-2", "=4 ~3,-2", "=4,3,-2" } },
        { "x:4:+3:-2|g|T1700000000", { "=4,3,-2", "=4 ~3,-2", "=4,3,-2" } },
        { "x:4:+3|g:-2:7|g", { "=4 ~3 ~-2 =7", "=4 ~3 ~-2 =7", "=4,3 =-2,7" } },
        { "x:4:+3:zz|g", { "", "", "" } }, /* one bad value: none of them counts */
        { "x:4:+|g", { "", "", "" } },
    };
    struct fixture f;
    (void)state;
    fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int sign = 0; sign < 3; sign++) {
            char have[128];
            parser_set_gauge_sign(f.parser, (enum gauge_sign)sign);
            parse_text(&f, cases[i].line);
            print_gauges(&f.batch, have, sizeof have);
            if (strcmp(have, cases[i].want[sign]) != 0)
                fail_msg("%s with gauge_sign %d: %s, not %s", cases[i].line, sign, have,
                         cases[i].want[sign]);
            for (uint32_t k = 1; k < f.batch.n; k++) /* one series */
                assert_true(f.batch.samples[k].hash.lo == f.batch.samples[0].hash.lo &&
                            f.batch.samples[k].hash.hi == f.batch.samples[0].hash.hi);
        }
    fixture_release(&f);
}

static void unknown_fields_are_counted_and_ignored(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
    parse_text(&f, "a:1|c|x|yy|c|card|e|#t|T5|@1|c:|e:|card:|");
    assert_int_equal(f.batch.n, 1);
    assert_int_equal(f.batch.counts.unknown_fields, 5);
    fixture_release(&f);
}

static void all_ways_to_read_a_line_give_one_identity(void **state)
{
    static const char *const same[] = {
        "a.b:1|c|#x:1,y:2",        "  a.b:1|c|#x:1,y:2 ",
        "a.b:1|c|#x:1,y:2\r",      "a.b:1:2|c|#x:1,y:2",
        "a.b:-1|c|#x:1,y:2",       "a.b:1|c||#x:1,y:2",
        "a.b:1|c|@0.5|#x:1,y:2",   "a.b:1|c|#x:1|#y:2",
        "a.b:1|c|#|#x:1,y:2",      "a.b:123456789012|c|T9|#x:1,y:2|c:id",
        "a.b:1|c|zz\x01|#x:1,y:2",
    };
    static const char *const other[] = { "a.b:1|g|#x:1,y:2", "a.b:1|c|#x:1,y:3", "a.c:1|c|#x:1,y:2",
                                         "a.b:1|c", "a.bx:1|c|#1,y:2" };
    struct fixture f;
    (void)state;
    fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
    parse_text(&f, same[0]);
    struct hash128 want = f.batch.samples[0].hash;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        parse_text(&f, same[i]);
        const struct sample *s = &f.batch.samples[0];
        if (f.batch.n != 1 || s->hash.lo != want.lo || s->hash.hi != want.hi ||
            !slice_eq(slice_of(s->tags, s->tags_len), SLICE_LIT("x:1,y:2")))
            fail_msg("%s", same[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(other); i++) {
        parse_text(&f, other[i]);
        assert_true(f.batch.n == 1 && f.batch.samples[0].hash.lo != want.lo &&
                    f.batch.samples[0].hash.hi != want.hi);
    }
    parse_text(&f, "n:1|c\nn:1|c:2|c|@0.1:3|c\n n:7|c\nn:1|c|#\nn:1|c|@0.25");
    for (uint32_t i = 1; i < f.batch.n; i++)
        assert_true(f.batch.samples[i].hash.lo == f.batch.samples[0].hash.lo);
    assert_int_equal(f.batch.n, 7);
    parse_text(&f, "w\x01x:1|c|#k:a\tb\nw_x:1|c|#k:a_b");
    assert_true(f.batch.n == 2 && f.batch.samples[0].hash.lo == f.batch.samples[1].hash.lo);
    fixture_release(&f);
}

static void an_origin_is_part_of_the_identity_only_when_asked_for(void **state)
{
    static const struct {
        const char *line, *id;
    } cases[] = {
        { "a:1|c|c:abc", "abc" },
        { "a:1|c|c:ci-abc", "abc" },
        { "a:1|c|c:cid-abc", "abc" },
        { "a:1|c|c:in-7", NULL },
        { "a:1|c|c:in-7,ci-q", "q" },
        { "a:1|c|c:", NULL },
        { "a:1|c|c:x|c:y", "y" },
        { "a:1|c|c:ci-", NULL },
        { "a:1|c", NULL },
        { "a:1|c|c:in-1,in-2", NULL },
        { "a:1|c|c:ci-p,cid-q", "p" },
        { "a:1|c|c:,ci-q", "q" },
        { "a:1|c|c:x|c:in-7", NULL },
        { "a:1|c|c:x|c:", NULL },
        { "a:1|c|e:x|card:low", NULL },
        { "a:1|c|card:none|c:x", "x" },
        { "a:1|c|T1|c:x|e:y", "x" },
        { "a:1|c|C:x", NULL },
    };
    struct parse_opts o = PARSE_OPTS_DEFAULT;
    struct fixture with, without;
    (void)state;
    fixture_init(&without, o, 64);
    o.origin_tags = true;
    fixture_init(&with, o, 64);
    parse_text(&without, "a:1|c");
    uint64_t plain = without.batch.samples[0].hash.lo;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        parse_text(&with, cases[i].line);
        parse_text(&without, cases[i].line);
        const struct sample *s = &with.batch.samples[0];
        assert_int_equal((s->flags & SAMPLE_HAS_ORIGIN) != 0, cases[i].id != NULL);
        if (cases[i].id)
            assert_true(slice_eq(s->origin, slice_str(cases[i].id)));
        assert_int_equal(s->hash.lo != plain, cases[i].id != NULL);
        assert_true(without.batch.samples[0].hash.lo == plain &&
                    !(without.batch.samples[0].flags & SAMPLE_HAS_ORIGIN));
    }
    fixture_release(&with);
    fixture_release(&without);
}

static void tags_inside_the_name_are_cut_by_the_enabled_styles(void **state)
{
    static const struct {
        unsigned styles;
        const char *line, *name, *tags; /* name NULL: refused */
    } cases[] = {
        { 0, "a#b=c:1|c", "a#b=c", "" },
        { NAME_TAGS_LIBRATO, "a#b=c:1|c", "a", "b=c" },
        { NAME_TAGS_LIBRATO, "a,b=c:1|c", "a,b=c", "" },
        { NAME_TAGS_INFLUX, "a,b=c#d:1|c", "a", "b=c#d" },
        { NAME_TAGS_GRAPHITE, "a;b=c;d=e:1|c", "a", "b=c;d=e" },
        { NAME_TAGS_SIGNALFX, "a[b=c]d:1|c", "ad", "b=c" },
        { NAME_TAGS_SIGNALFX, "[b=c]d:1|c", "d", "b=c" },
        { NAME_TAGS_SIGNALFX, "a[b=c]:1|c", "a", "b=c" },
        { NAME_TAGS_SIGNALFX, "[b=c]:1|c", NULL, NULL },
        { NAME_TAGS_SIGNALFX | NAME_TAGS_INFLUX, "a],b=c:1|c", "a],b=c", "" },
        { NAME_TAGS_SIGNALFX | NAME_TAGS_INFLUX, "a]x[,b=c:1|c", "a]x[,b=c", "" },
        { NAME_TAGS_SIGNALFX | NAME_TAGS_INFLUX, "a[x=y],b=c:1|c", "a,b=c", "x=y" },
        { NAME_TAGS_INFLUX, ",b=c:1|c", NULL, NULL },
        { NAME_TAGS_INFLUX, "a,b=c:1|c|#d:e", NULL, NULL },
        { NAME_TAGS_INFLUX, "a,b=c:1|c|#", NULL, NULL },
        { NAME_TAGS_SIGNALFX, "a[b=c]d:1|c|#e:f", NULL, NULL },
        { NAME_TAGS_INFLUX, "a,b:1|c|#d:e", "a", "d:e" },
        { NAME_TAGS_INFLUX, "a,:1|c|#d:e", "a", "d:e" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parse_opts o = PARSE_OPTS_DEFAULT;
        struct fixture f;
        o.name_tags = cases[i].styles;
        fixture_init(&f, o, 64);
        parse_text(&f, cases[i].line);
        const struct sample *s = &f.batch.samples[0];
        bool ok = cases[i].name == NULL
                      ? f.batch.n == 0 && f.errors == 1 && f.error[0].at == 0
                      : f.batch.n == 1 &&
                            slice_eq(slice_of(s->name, s->name_len), slice_str(cases[i].name)) &&
                            slice_eq(slice_of(s->tags, s->tags_len), slice_str(cases[i].tags));
        if (!ok)
            fail_msg("%s: %u samples, %u errors", cases[i].line, f.batch.n, f.errors);
        fixture_release(&f);
    }
}

/* Two keys, and all that start with "span". */
static const struct tag_cut cuts[] = { { { "trace_id", 8 }, false },
                                       { { "pod", 3 }, false },
                                       { { "span", 4 }, true } };

static void tags_are_cut_out_before_the_line_is_hashed(void **state)
{
    static const struct {
        unsigned styles;
        const char *line, *as, *told; /* the same line without them; those that were cut out */
    } cases[] = {
        { 0, "a:1|c|#trace_id:x", "a:1|c", "trace_id:x" },
        { 0, "a:1|c|#trace_id:x,k:v", "a:1|c|#k:v", "trace_id:x" },
        { 0, "a:1|c|#k:v,trace_id:x", "a:1|c|#k:v", "trace_id:x" },
        { 0, "a:1|c|#k:v,trace_id:x,b:c,d:e", "a:1|c|#k:v,b:c,d:e", "trace_id:x" },
        { 0, "a:1|c|#pod:1,k:v,trace_id:x,b:c,span_id:9", "a:1|c|#k:v,b:c",
          "pod:1 trace_id:x span_id:9" },
        { 0, "a:1|c", "a:1|c", "" },
        { NAME_TAGS_INFLUX, "a:1|c", "a:1|c", "" },
        { 0, "a:1|c|#pod:1,pod:2,pod", "a:1|c|#", "pod:1 pod:2 pod" },
        { 0, "a:1|c|#k:v,pod:", "a:1|c|#k:v", "pod:" },
        { 0, "a:1|c|#k:v,#pod:1,#span:2", "a:1|c|#k:v", "#pod:1 #span:2" },
        { 0, "a:1|c|#k:v|#pod:1|#z:1", "a:1|c|#k:v|#z:1", "pod:1" },
        { 0, "a:1|c|#k:v|#pod:1|#span:1", "a:1|c|#k:v", "pod:1 span:1" },
        { 0, "a:1|c|#pods:1,po:2,x:pod,trace_id=x,spa:1",
          "a:1|c|#pods:1,po:2,x:pod,trace_id=x,spa:1", "" },
        { 0, "a:1|c|#pod:1,,k:v,,", "a:1|c|#k:v", "pod:1" },
        { 0, "a:1|c|#pod:\x01,k:v", "a:1|c|#k:v", "pod:_" },
        { NAME_TAGS_INFLUX, "a,pod=1,k=v:1|c", "a,k=v:1|c", "pod=1" },
        { NAME_TAGS_INFLUX, "a,k=v,pod=1:1|c:2|c", "a,k=v:1|c:2|c", "pod=1 pod=1" },
        { NAME_TAGS_INFLUX, "a,k=v,pod,span:1|c", "a,k=v,pod,span:1|c", "" },
        { NAME_TAGS_GRAPHITE, "a;k=v;pod=1,2;b=c:1|c", "a;k=v;b=c:1|c", "pod=1,2" },
        { NAME_TAGS_SIGNALFX, "a[k=v,pod=1,c=d]b:1|c", "a[k=v,c=d]b:1|c", "pod=1" },
    };
    struct buf told = { 0 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parse_opts o = PARSE_OPTS_DEFAULT;
        struct fixture f, g;
        o.name_tags = cases[i].styles;
        fixture_init(&g, o, 64);
        o.cut = cuts;
        o.n_cut = ARRAY_LEN(cuts);
        o.on_cut = on_cut;
        fixture_init(&f, o, 64);
        f.told = &told;
        buf_clear(&told);
        parse_text(&f, cases[i].line);
        parse_text(&g, cases[i].as);
        buf_append_char(&told, '\0');
        bool same = f.batch.n == g.batch.n && f.batch.n > 0;
        for (uint32_t k = 0; same && k < f.batch.n; k++)
            same = same_sample(&f.batch, &f.batch.samples[k], &g.batch, &g.batch.samples[k]);
        if (!same || strcmp(told.ptr, cases[i].told) != 0)
            fail_msg("%s: %.*s; told: %s", cases[i].line, (int)f.batch.samples[0].tags_len,
                     f.batch.samples[0].tags, told.ptr);
        fixture_release(&f);
        fixture_release(&g);
    }
    buf_release(&told);
}

/* The tags of the field count; those of the name are none, and are errors as they are alone. */
static void what_is_no_tag_in_a_name_is_counted_beside_a_field_of_tags(void **state)
{
    static const struct {
        unsigned styles;
        const char *line;
        uint32_t samples, errors;
    } cases[] = {
        { NAME_TAGS_INFLUX, "a,b:1|c|#k:v", 1, 1 },
        { NAME_TAGS_INFLUX, "a,b,,c=,=d,:1|c|#k:v", 1, 3 },
        { NAME_TAGS_INFLUX, "a,b:1|c|#", 1, 1 },
        { NAME_TAGS_INFLUX, "a,b:1:2|ms|#k:v", 1, 1 },
        { NAME_TAGS_INFLUX, "a,:1|c|#k:v", 1, 0 },
        { NAME_TAGS_INFLUX, "a,b:1|c", 1, 0 }, /* by tags_parse, of each sample */
        { NAME_TAGS_INFLUX, "a,b,c=d:1|c|#k:v", 0, 0 },
        { NAME_TAGS_GRAPHITE, "a;b,c;d:1|c|#k:v", 1, 2 },
        { NAME_TAGS_SIGNALFX, "a[b,c]d:1|c|#k:v", 1, 2 },
        { NAME_TAGS_LIBRATO, "a#b:1|c|#k:v", 1, 1 },
        { 0, "a,b:1|c|#k:v", 1, 0 },
    };
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        const size_t at = i / 2;
        struct parse_opts o = PARSE_OPTS_DEFAULT;
        struct fixture f;
        o.name_tags = cases[at].styles;
        o.cut = cuts;
        o.n_cut = i % 2 == 0 ? 0 : ARRAY_LEN(cuts);
        fixture_init(&f, o, 64);
        parse_text(&f, cases[at].line);
        if (f.batch.n != cases[at].samples || f.batch.counts.tag_errors != cases[at].errors)
            fail_msg("%s: %u samples, %u errors", cases[at].line, f.batch.n,
                     (unsigned)f.batch.counts.tag_errors);
        fixture_release(&f);
    }
}

static void the_last_value_of_the_exemplar_tag_is_kept_where_it_can_be_shown(void **state)
{
#define X30 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define E30                                                                                        \
    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"             \
    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"             \
    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
    static const struct {
        unsigned styles;
        const char *line, *value; /* NULL: none */
        uint32_t refused;
    } cases[] = {
        { 0, "a:1|ms|#trace_id:x", "x", 0 },
        { 0, "a:1|h|#k:v,trace_id:x:y,b:c", "x:y", 0 },
        { 0, "a:1|d|#trace_id:x|#trace_id:y", "y", 0 },
        { 0, "a:1|c|#trace_id:x,#trace_id:z", "z", 0 },
        { 0, "a:1|c|#k:v", NULL, 0 },
        { 0, "a:1|g|#trace_id:x", NULL, 0 },
        { 0, "a:x|s|#trace_id:x", NULL, 0 },
        { 0, "a:1|c|#trace_id", NULL, 1 },
        { 0, "a:1|c|#trace_id:", NULL, 1 },
        { 0, "a:1|c|#trace_id:x\x01y", NULL, 1 },
        { 0, "a:1|c|#trace_id:x,k:\x01", "x", 0 },
        { 0, "a:1|c|#trace_id:x_y", "x_y", 0 },
        { 0, "a:1|c|#trace_id:x\x7f", NULL, 1 },
        { 0, "a:1|c|#trace_id:x\xc2\x85", NULL, 1 },
        { 0, "a:1|c|#trace_id:x\xc2\xa0", "x\xc2\xa0", 0 },
        /* 128 characters with the key, which has 8 */
        { 0, "a:1|c|#trace_id:" X30 X30 X30 X30, X30 X30 X30 X30, 0 },
        { 0, "a:1|c|#trace_id:" X30 X30 X30 X30 "y", NULL, 1 },
        { 0, "a:1|c|#trace_id:" E30 E30 E30 E30, E30 E30 E30 E30, 0 },
        { 0, "a:1|c|#trace_id:" E30 E30 E30 E30 "y", NULL, 1 },
        { NAME_TAGS_INFLUX, "a,trace_id=x,k=v:1|c", "x", 0 },
        { NAME_TAGS_INFLUX, "a,trace_id,k=v:1|c", NULL, 0 },
    };
#undef X30
#undef E30
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parse_opts o = PARSE_OPTS_DEFAULT;
        struct fixture f;
        o.name_tags = cases[i].styles;
        o.cut = cuts;
        o.n_cut = ARRAY_LEN(cuts);
        o.exemplar_tag = cuts[0].key;
        fixture_init(&f, o, 64);
        parse_text(&f, cases[i].line);
        const struct sample *s = &f.batch.samples[0];
        assert_int_equal(f.batch.n, 1);
        bool has = s->flags & SAMPLE_EXEMPLAR;
        if (has != (cases[i].value != NULL) ||
            f.batch.counts.exemplars_refused != cases[i].refused ||
            (has && !slice_eq(s->exemplar, slice_str(cases[i].value))))
            fail_msg("%s: %d, %u refused", cases[i].line, has,
                     (unsigned)f.batch.counts.exemplars_refused);
        fixture_release(&f);
    }
}

/* A line is judged as it came, and a line that is refused has no tags to tell of. */
static void cutting_tags_out_makes_no_line_right(void **state)
{
    struct parse_opts o = PARSE_OPTS_DEFAULT;
    struct buf told = { 0 };
    struct fixture f;
    (void)state;
    o.name_tags = NAME_TAGS_INFLUX;
    o.cut = cuts;
    o.n_cut = ARRAY_LEN(cuts);
    o.on_cut = on_cut;
    fixture_init(&f, o, 64);
    f.told = &told;
    parse_text(&f, "a,pod=1:1|c|#k:v\na:1|c|#pod:1|@2\na:1|c|#pod:1:2|x");
    assert_int_equal(f.batch.counts.rejected[REASON_MIXED_TAG_STYLES], 1);
    assert_int_equal(f.batch.counts.rejected[REASON_BAD_SAMPLE_RATE], 1);
    assert_int_equal(f.batch.n, 1);
    assert_int_equal(told.len, strlen("pod:1:2"));
    fixture_release(&f);
    buf_release(&told);
}

static void a_truncated_tail_is_one_error_and_never_a_sample(void **state)
{
    static const struct {
        const char *text;
        uint32_t samples, errors;
    } cases[] = { { "a:1|c\nb:2|c", 1, 1 }, { "a:1|c\n", 1, 0 },    { "a:1|c", 0, 1 }, { "", 0, 0 },
                  { "\n\n", 0, 0 },         { "_e{1,1}:a|b", 0, 1 } };
    struct fixture f;
    (void)state;
    fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        parse(&f, cases[i].text, strlen(cases[i].text), true);
        assert_int_equal(f.batch.n, cases[i].samples);
        assert_int_equal(f.batch.counts.rejected[REASON_TRUNCATED], cases[i].errors);
    }
    fixture_release(&f);
}

static void the_limit_of_a_line_counts_trimmed_bytes(void **state)
{
    struct parse_opts o = PARSE_OPTS_DEFAULT;
    struct fixture f;
    char text[200];
    (void)state;
    o.max_line = 40;
    o.max_name = 10;
    fixture_init(&f, o, 8);
    for (int n = 0; n < 60; n++) {
        int len = snprintf(text, sizeof text, "  a:1|c|x%0*d   \n", n, 0);
        parse(&f, text, (size_t)len, false);
        size_t trimmed = (size_t)len - 6;
        assert_int_equal(f.batch.n, trimmed <= 40);
        assert_int_equal(f.batch.counts.rejected[REASON_LINE_TOO_LONG], trimmed > 40);
    }
    parse_text(&f, "abcdefghij:1|c\nabcdefghijk:1|c");
    assert_int_equal(f.batch.n, 1);
    assert_int_equal(f.batch.counts.rejected[REASON_NAME_TOO_LONG], 1);
    assert_int_equal(f.error[0].at, 10);
    fixture_release(&f);
}

static void events_and_checks_are_dispatched_and_are_not_samples(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
    parse_text(&f, "_e{1,2}:a|b \r\n_sc|db|0\n_e:1|c\n_sc:1|c\n  "
                   "_e{1,1}:a|b\n_e{1,1}:a|\xc3\n_e{1,2}:a|\xc3\xa9|d:5\nx:1|c");
    assert_int_equal(f.batch.n, 3);
    assert_int_equal(f.events, 3);
    assert_int_equal(f.checks, 1);
    assert_int_equal(f.batch.counts.events[EVENT_ALERT_INFO], 3);
    assert_int_equal(f.batch.counts.checks[CHECK_OK], 1);
    assert_int_equal(f.batch.counts.lines, 8);
    assert_int_equal(f.batch.counts.rejected[REASON_BAD_UTF8], 1);
    fixture_release(&f);
}

/*
 * 8,192 bytes of the densest line into a batch that is one sample short of full, again and again.
 */
static void a_line_never_splits_over_batches(void **state)
{
    static const char *const dense[] = { "1|c:", "1:", "x|c|#a:", "1|s:", "1:+1:" };
    static const char *const head[] = { "n:", "n:", "n:1|c|#t", "n:", "n:" };
    static const char *const tail[] = { "1|c", "1|d", "", "1|s", "1|g" };
    enum { MAX = 1000 };
    struct parse_opts o = PARSE_OPTS_DEFAULT;
    (void)state;
    o.max_line = MAX;
    for (size_t d = 0; d < ARRAY_LEN(dense); d++) {
        struct fixture f;
        char line[MAX + 1] = "";
        strcat(line, head[d]);
        while (strlen(line) + strlen(dense[d]) + strlen(tail[d]) <= MAX)
            strcat(line, d == 2 ? "|#abc" : dense[d]);
        strcat(line, tail[d]);
        fixture_init(&f, o, 2);
        size_t n = 0;
        char *text = malloc(40 * (MAX + 8));
        for (int i = 0; i < 40; i++)
            n += (size_t)sprintf(text + n, "%s%s\n", i % 3 == 0 ? "p:1|c\n" : "", line);
        parser_begin(f.parser, text, n, false);
        uint64_t samples = 0;
        bool more = true;
        while (more) {
            more = parser_next(f.parser, &f.batch);
            samples += f.batch.n;
            assert_true(f.batch.n <= f.batch.cap && f.batch.n_values <= f.batch.cap_values &&
                        f.batch.scratch_len <= f.batch.scratch_cap);
            batch_clear(&f.batch);
        }
        assert_int_equal(f.batch.counts.samples, samples + refused(&f));
        assert_true(samples >= 54);
        free(text);
        fixture_release(&f);
    }
}

static void several_datagrams_may_share_a_batch(void **state)
{
    static const char first[] = "a:1|c\nb:2|c", second[] = "c:3|c\nd:4|c";
    struct fixture f;
    (void)state;
    fixture_init(&f, PARSE_OPTS_DEFAULT, 3);
    parser_begin(f.parser, first, sizeof first - 1, false);
    assert_false(parser_next(f.parser, &f.batch));
    parser_begin(f.parser, second, sizeof second - 1, false);
    assert_true(parser_next(f.parser, &f.batch));
    assert_int_equal(f.batch.n, 3);
    assert_int_equal(f.batch.samples[2].name[0], 'c');
    batch_clear(&f.batch);
    assert_false(parser_next(f.parser, &f.batch));
    assert_int_equal(f.batch.n, 1);
    assert_int_equal(f.batch.counts.samples, 4);
    fixture_release(&f);
}

/*
 * Lines of which half make sense, read by f and, with a blank in front, by g.  The blank sends a
 * line past the readers of plain lines; nothing else may change.
 */
static void compare_with_general(struct fixture *f, struct fixture *g)
{
    /* clang-format off */
    static const char *const pieces[] = {
        "a", "name.x", "long_name_of_a_metric_that_goes_over_the_end_of_a_word_of_the_mask_array",
        ":", ":", "|", "|", "|c", "|ms", "|g", "|h", "|d", "|s", "|x", "1", "12.5", "-3", "+4",
        ".5", "7.", ".", "12345678", "123456789", "123456789012345", "1234567890123456", "0",
        "0.00000000000001", "1e3", "|@0.5", "|@0", "|@2", "|@1",
        "|@.125", "|#", "|#a:b", "|#k:v,w", "|c:id", "|e:x", "|card:low", "|T12", "|zz", " ", "\r",
        "\x01", "\xc3\xa9", "\xff", "_", "{", "}", "~", "#", "|#a}b~", "\x7f"
    };
    /* clang-format on */
    uint32_t r = 1;
    for (int i = 0; i < 60000; i++) {
        char line[1400] = "", blank[1420] = " ";
        r = r * 1664525u + 1013904223u;
        if (r >> 31) { /* half of the lines make sense */
            strcat(strcat(line, pieces[r >> 8 & 1]), ":");
            strcat(strcat(line, pieces[14 + (r >> 10) % 11]), pieces[7 + (r >> 20) % 6]);
        }
        for (uint32_t k = 0, n = r >> 28 & 7; k < n; k++) {
            r = r * 1664525u + 1013904223u;
            uint32_t first = r >> 31 ? 25 : 0, of = r >> 31 ? 13 : (uint32_t)ARRAY_LEN(pieces);
            strcat(line, pieces[first + (r >> 12) % of]);
        }
        strcat(blank, line);
        parse_text(f, line);
        parse_text(g, blank);
        bool same = f->batch.n == g->batch.n &&
                    memcmp(&f->batch.counts, &g->batch.counts, sizeof f->batch.counts) == 0;
        for (uint32_t k = 0; same && k < f->batch.n; k++)
            same = same_sample(&f->batch, &f->batch.samples[k], &g->batch, &g->batch.samples[k]);
        if (!same)
            fail_msg("%s, '%s': %u and %u samples", variant_name(), line, f->batch.n, g->batch.n);
    }
}

static void plain_lines_are_read_as_all_lines_are(void **state)
{
    static const char rubbish[] = { '\n', '1', '|', '\r', '#' };
    const struct scan_variant *variants;
    size_t n = scan_variants(&variants);
    (void)state;
    for (size_t v = 0; v < n; v++) {
        assert_true(variant_choose(variants[v].name));
        for (size_t pad = 0; pad <= ARRAY_LEN(rubbish); pad++) {
            struct fixture f, g;
            fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
            fixture_init(&g, PARSE_OPTS_DEFAULT, 64);
            f.padded = pad < ARRAY_LEN(rubbish);
            f.rubbish = rubbish[pad % ARRAY_LEN(rubbish)];
            compare_with_general(&f, &g);
            fixture_release(&f);
            fixture_release(&g);
        }
    }
    assert_true(variant_choose(variants[0].name));
}

/* Read by both, whatever their readers are: samples, counts and refusals. */
static void same_bytes_by_both(struct fixture *f, struct fixture *g, const char *text, size_t len)
{
    parse(f, text, len, false);
    parse(g, text, len, false);
    bool same = f->batch.n == g->batch.n && f->errors == g->errors &&
                memcmp(&f->batch.counts, &g->batch.counts, sizeof f->batch.counts) == 0;
    for (uint32_t k = 0; same && k < f->batch.n; k++)
        same = same_sample(&f->batch, &f->batch.samples[k], &g->batch, &g->batch.samples[k]);
    if (!same)
        fail_msg("%s, '%.*s': %u and %u samples", variant_name(), (int)len, text, f->batch.n,
                 g->batch.n);
}

static void same_by_both(struct fixture *f, struct fixture *g, const char *text)
{
    same_bytes_by_both(f, g, text, strlen(text));
}

/* Names, tags and lines of any length around those that a reader takes, and around the options'. */
static void compare_around_every_limit(struct parse_opts o)
{
    /* clang-format off */
    static const struct { const char *head, *tail; } lines[] = {
        { "", ":1|c" }, { "", ":1|c\r\n" }, { "", ":1|c|" }, { "", "|x:1|c" },
        { "n\xc3\xa9", ":1|c" }, { "n:1|c|#", "" }, { "n:1|c|#", "|@0.5" },
        { "n:1|c|#", "|c:id" }, { "n:1|c|#", "|e:id|@.5" }, { "n:1|c|#", "|@1.0000000001" },
        { "n:1|c|#", "||" }, { "n:1|c|#", "|#k:v" }, { "n:1|c|#", "|T12" }, { "n:1|c|#", " " },
        { "n\xc3\xa9:1|c|#", "\x7f" }, { "n:1|c|#", "\xc3\xa9\x7f|c:id" }, { "n:1|c|#", "\xc3" },
        { "n:1|c|#", "\xc3\r" }, { "n:1|c|#", "\xe2\x82\xac\r\nm:1|c" },
        { "n:1|c|#", "\xa9\n\xa9:1|c" }, { "n:1|c|#", "}" }, { "~", ":1|c|#k:v\nm:1|c" },
        { "n:1|c|#", "|c:id|" }, { "n:1|c|c:", "|#k:v\nm:1|c" }, { "n:1|c|#", "\nm:1|c" },
    };
    /* clang-format on */
    struct fixture f, g;
    char text[1200];
    fixture_init(&f, o, 8);
    fixture_init(&g, o, 8);
    f.padded = true;
    for (size_t n = 0; n < 1100; n += n == 210 ? 780 : 1)
        for (size_t k = 0; k < ARRAY_LEN(lines); k++) {
            size_t head = strlen(lines[k].head);
            memcpy(text, lines[k].head, head);
            memset(text + head, 'a', n);
            strcpy(text + head + n, lines[k].tail);
            f.rubbish = "\n:|\xa9#"[n % 5];
            same_by_both(&f, &g, text);
        }
    fixture_release(&f);
    fixture_release(&g);
}

static void readers_agree_around_every_limit(void **state)
{
    static const struct {
        uint32_t max_line, max_name;
        bool origin_tags;
    } opts[] = {
        { 8192, 512, false }, { 8192, 512, true }, { 127, 127, false },
        { 128, 64, false },   { 129, 128, false }, { 1024, 63, false },
    };
    const struct scan_variant *variants;
    size_t n = scan_variants(&variants);
    (void)state;
    for (size_t v = 0; v < n; v++) {
        assert_true(variant_choose(variants[v].name));
        for (size_t i = 0; i < ARRAY_LEN(opts); i++) {
            struct parse_opts o = PARSE_OPTS_DEFAULT;
            o.max_line = opts[i].max_line;
            o.max_name = opts[i].max_name;
            o.origin_tags = opts[i].origin_tags;
            compare_around_every_limit(o);
        }
    }
    assert_true(variant_choose(variants[0].name));
}

/* Every byte of a line as every other one; behind it another line, or what is no datagram's. */
static void compare_every_byte(struct fixture *f, struct fixture *g, const char *line)
{
    static const char next[] = "m:2|d|#x:y|@0.5\n";
    for (size_t at = 0, len = strlen(line); at < len; at++)
        for (unsigned byte = 0; byte < 256; byte++) {
            char text[160];
            memcpy(text, line, len);
            memcpy(text + len, next, sizeof next);
            text[at] = (char)byte;
            f->rubbish = "#|:1}\xa9"[byte % 6];
            same_bytes_by_both(f, g, text, len - 1 + (byte + at) % 2 * sizeof next);
        }
}

/* A datagram that ends anywhere in a line, whose remainder is behind it. */
static void compare_every_end(struct fixture *f, struct fixture *g, const char *line)
{
    for (size_t at = 0, len = strlen(line); at <= len; at++) {
        f->behind = line + at;
        same_bytes_by_both(f, g, line, at);
    }
    f->behind = NULL;
}

static void readers_agree_whichever_byte_is_another_or_the_last(void **state)
{
    /* clang-format off */
    static const char *const lines[] = {
        "abc.def:12.5|ms|#k:v,l:w\n", "x:1|c|@0.1|#a:b|c:id\n", "x:1|c|#a|@.5|e:id|c:x\r\n",
        "g:5|g\n", "h:1:2.5:3|h|#t:u\n", "n\xc3\xa9:1|c|#\xe2\x82\xac\xf0\x9f\x90\x98x:y,z\n",
        "t:1|c|T17|#a\n", "_e{5,1}:12345|c\n", "a}b~:1|c|#k}:v~\n", "c:123456789012345|c|#\n",
        "name_of_fifty_bytes_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1|d|#tags:bbbbbbbb|c:x\n",
        "name_of_eighty_bytes_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1|c|#x\n",
        "n:1|c|#\xc3\xa9_seventy_bytes_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9,a\n",
    };
    /* clang-format on */
    const struct scan_variant *variants;
    size_t n = scan_variants(&variants);
    (void)state;
    for (size_t v = 0; v < n; v++) {
        struct fixture f, g;
        assert_true(variant_choose(variants[v].name));
        fixture_init(&f, PARSE_OPTS_DEFAULT, 8);
        fixture_init(&g, PARSE_OPTS_DEFAULT, 8);
        f.padded = true;
        for (size_t k = 0; k < ARRAY_LEN(lines); k++) {
            compare_every_byte(&f, &g, lines[k]);
            compare_every_end(&f, &g, lines[k]);
        }
        fixture_release(&f);
        fixture_release(&g);
    }
    assert_true(variant_choose(variants[0].name));
}

/* The batch is handed over before the values of one more line have no room. */
static void many_lines_of_many_values_stay_within_the_batch(void **state)
{
    enum { LINES = 40, VALUES = 32 };
    struct parse_opts o = PARSE_OPTS_DEFAULT;
    char room[PARSE_PAD_BEFORE + LINES * (2 * VALUES + 4) + PARSE_PAD_BEHIND] = "", *text;
    size_t n = 0;
    (void)state;
    o.max_line = 80;
    text = room + PARSE_PAD_BEFORE;
    for (int i = 0; i < LINES; i++) {
        text[n++] = 'n';
        for (int k = 0; k < VALUES; k++, n += 2)
            memcpy(text + n, ":1", 2);
        memcpy(text + n, "|c\n", 3);
        n += 3;
    }
    for (int padded = 0; padded < 2; padded++) {
        struct fixture f;
        uint32_t samples = 0, values = 0;
        fixture_init(&f, o, LINES);
        if (padded)
            parser_begin_padded(f.parser, text, n, false);
        else
            parser_begin(f.parser, text, n, false);
        for (bool more = true; more; batch_clear(&f.batch)) {
            more = parser_next(f.parser, &f.batch);
            assert_true(f.batch.n_values <= f.batch.cap_values);
            samples += f.batch.n;
            values += f.batch.n + f.batch.n_values;
        }
        assert_int_equal(samples, LINES);
        assert_int_equal(values, LINES * VALUES);
        fixture_release(&f);
    }
}

#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* f reads padded datagrams, and g as in any memory. */
static void compare_turns(struct fixture *f, struct fixture *g)
{
    /* clang-format off */
    static const char *const lines[] = {
        "a:1|c\n", "b.long:2.5|ms|#k:v,l:w\n", "\n", "c:1|c\r\n", " d:1|c\n", "e:-3|g\n",
        "f:1:2|c\n", "g\xc3\xa9:1|c\n", "h\x01:1|c\n", "bad\n", "i:x|s\n", "j:1|c|@0.1|#a:b|c:id\n",
        "name_of_sixty_bytes_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1|c|#"
        "tags_of_seventy_bytes:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n",
        A32 A32 A32 A32 "12345|c\n", A32 A32 A32 A32 ":1|c\n", A32 A32 A32 "aaa:1|c\n",
        "t:1|d|#" A32 A32 A32 A32 A32 A32 A32 A32 ":x|c:id\n",
        "t:1|d|@0.5|#" A32 A32 A32 A32 A32 A32 A32 A32 A32 ":x|T1|c:id\r\n",
        "t:1|ms|#" A32 A32 A32 "aaaaaaaaaaaaaaaaaaaaaaa|e:x\n",
        "name_of_85_bytes_aaaa" A32 A32 ":1|c|#x:1\n", "a}b:1|c|#k~:v\n", "k:1|c|\n",
    };
    /* clang-format on */
    uint32_t r = 1;
    for (int i = 0; i < 20000; i++) {
        char text[8192] = "";
        for (uint32_t k = 0, n = 1 + (r >> 28); k < n; k++) {
            r = r * 1664525u + 1013904223u;
            strcat(text, lines[(r >> 12) % ARRAY_LEN(lines)]);
        }
        if (r >> 31) /* without the last LF */
            text[strlen(text) - 1] = '\0';
        f->rubbish = (char)(r >> 16);
        same_by_both(f, g, text);
    }
}

/* Several lines to a datagram, so that a reader goes on behind one that another had to read. */
static void readers_take_turns_within_a_datagram(void **state)
{
    const struct scan_variant *variants;
    size_t n = scan_variants(&variants);
    (void)state;
    for (size_t v = 0; v < n; v++) {
        struct fixture f, g;
        assert_true(variant_choose(variants[v].name));
        fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
        fixture_init(&g, PARSE_OPTS_DEFAULT, 64);
        f.padded = true;
        compare_turns(&f, &g);
        fixture_release(&f);
        fixture_release(&g);
    }
    assert_true(variant_choose(variants[0].name));
}

static void a_variant_that_the_cpu_lacks_is_refused_and_changes_nothing(void **state)
{
#if defined(__x86_64__)
    static const char *const lacking[] = { "neon", "", "auto", "avx", "avx5122", "AVX2" };
#else
    static const char *const lacking[] = { "avx512", "avx2", "sse2", "", "auto" };
#endif
    (void)state;
    assert_true(variant_choose("portable"));
    for (size_t i = 0; i < ARRAY_LEN(lacking); i++) {
        assert_false(variant_choose(lacking[i]));
        assert_string_equal(variant_name(), "portable");
    }
    const struct scan_variant *variants;
    scan_variants(&variants);
    assert_true(variant_choose(variants[0].name));
}

static void limits_of_names_and_lines_are_met_to_the_byte(void **state)
{
    static const struct {
        const char *line;
        enum reason reason; /* REASON_NONE: a sample */
        size_t at;
    } cases[] = {
        { "abcde:1|c", REASON_NONE, 0 },
        { "abcdef:1|c", REASON_NAME_TOO_LONG, 5 },
        { "  abcdef:1|c", REASON_NAME_TOO_LONG, 7 },
        { "a\x01"
          "cde:1|c",
          REASON_NONE, 0 },
        { "a\x01"
          "cdef:1|c",
          REASON_NAME_TOO_LONG, 5 },
        { "a:1|c|#0123456789abc", REASON_NONE, 0 }, /* 20 bytes */
        { "a:1|c|#0123456789abcd", REASON_LINE_TOO_LONG, 20 },
        { " a:1|c|#0123456789abc \r", REASON_NONE, 0 }, /* without what is trimmed */
        { "\ta:1|c|#0123456789abcd", REASON_LINE_TOO_LONG, 21 },
        { "a:1|c|#\x01"
          "123456789abc",
          REASON_NONE, 0 },
        { "a:1|c|#\x01"
          "123456789abcd",
          REASON_LINE_TOO_LONG, 20 },
    };
    struct parse_opts o = PARSE_OPTS_DEFAULT;
    o.max_name = 5;
    o.max_line = 20;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        fixture_init(&f, o, 64);
        parse_text(&f, cases[i].line);
        bool fits = cases[i].reason == REASON_NONE;
        if (f.batch.n != fits || f.errors != !fits ||
            (!fits && (f.error[0].reason != cases[i].reason || f.error[0].at != cases[i].at)))
            fail_msg("%s: %u samples, %s at %zu", cases[i].line, f.batch.n,
                     reason_name(f.error[0].reason), f.error[0].at);
        fixture_release(&f);
    }
}

static void fields_of_any_later_sample_refuse_the_line(void **state)
{
    static const struct {
        const char *line;
        uint32_t samples;
        bool mixed;
    } cases[] = {
        { "a:1|c:2|c:3|c", 3, false },
        { "a:1|c:2|c:3|c|@0.5", 3, false },
        { "a:1|c:2|c|@0.5:3|c", 3, false },
        { "a:1|c|@0.5:2|c|@0.5:3|c|@0.5", 3, false },
        { "a:1|c:2|c|@0.5|@0.25:3|c", 3, false },
        { "a:1|c:2|c||@0.5", 2, false },
        { "a:1|c:2|c|#t", 0, true },
        { "a:1|c:2|c||#t", 0, true },
        { "a:1|c:2|c|@0.5|#t", 0, true },
        { "a:1|c:2|c|@0.5:3|c|#t", 0, true },
        { "a:1|c|@0.5:2|c:3|c|#t", 0, true },
        { "a:1|c:2|c:3|c|zz", 0, true },
        { "a:1|c:2|c|T5:3|c", 0, true },
        { "a:1|c|:2|c", 1, false }, /* an empty type, then a field that nobody knows */
    };
    struct fixture f;
    (void)state;
    fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        parse_text(&f, cases[i].line);
        bool mixed = f.errors == 1 && f.error[0].reason == REASON_MIXED_MULTI_SAMPLE &&
                     f.error[0].at == (size_t)(strchr(cases[i].line, '|') + 1 - cases[i].line);
        if (f.batch.n != cases[i].samples || f.errors != cases[i].mixed || mixed != cases[i].mixed)
            fail_msg("%s: %u samples, %u errors", cases[i].line, f.batch.n, f.errors);
    }
    fixture_release(&f);
}

static void a_rate_counts_for_what_it_is_applied_to(void **state)
{
    static const struct {
        const char *line;
        bool good;
    } cases[] = {
        { "a:1e308|c|@0.1", false },     { "a:1e308|g|@0.1", true },
        { "a:x|s|@1e-308", true },       { "a:1e307|c|@0.1", true },
        { "a:1e308:1|d|@0.1", false },   { "a:1:1e308:1|d|@0.1", false },
        { "a:1:1:1e308|d|@0.1", false }, { "a:1:1:1e308|d|@1", true },
        { "a:-1e308|h|@0.1", false },    { "a:1|ms|@1e-308", true },
        { "a:10|ms|@1e-308", false },    { "a:-0|ms", true },
        { "a:0:-0|ms", true },
    };
    struct fixture f;
    (void)state;
    fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        parse_text(&f, cases[i].line);
        if (f.batch.n != cases[i].good || f.errors != !cases[i].good ||
            (!cases[i].good && f.error[0].reason != REASON_BAD_VALUE))
            fail_msg("%s: %u samples, %u errors", cases[i].line, f.batch.n, f.errors);
    }
    fixture_release(&f);
}

static void a_control_byte_anywhere_in_a_name_is_an_underscore(void **state)
{
    static const char controls[] = { 0x01, 0x09, 0x1f, 0x7f };
    struct fixture f;
    (void)state;
    fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
    for (size_t n = 3; n < 30; n++)
        for (size_t at = 1; at < n; at++) {
            char line[64], want[64];
            memset(want, 'a', n);
            memcpy(line, want, n);
            line[at] = controls[(n + at) % sizeof controls];
            want[at] = '_';
            memcpy(line + n, ":1|c", 4);
            parse(&f, line, n + 4, false);
            assert_int_equal(f.batch.n, 1);
            assert_true(slice_eq(slice_of(f.batch.samples[0].name, f.batch.samples[0].name_len),
                                 slice_of(want, n)));
        }
    fixture_release(&f);
}

static void what_the_kernel_cut_off_is_one_line(void **state)
{
    static const struct {
        const char *text;
        uint32_t samples, lines;
    } cases[] = {
        { "a:1|c\nb:2|c", 1, 2 },   { "a:1|c\n", 1, 1 }, { "a:1|c", 0, 1 }, { "a", 0, 1 },
        { "a:1|c\nb:2|c\n", 2, 2 }, { "\n\na", 0, 1 },   { "", 0, 0 },      { "a:1|c\n\n", 1, 1 },
    };
    struct fixture f;
    (void)state;
    fixture_init(&f, PARSE_OPTS_DEFAULT, 64);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        parse(&f, cases[i].text, strlen(cases[i].text), true);
        bool cut = cases[i].lines > cases[i].samples;
        if (f.batch.n != cases[i].samples || f.batch.counts.lines != cases[i].lines ||
            f.errors != cut || (cut && f.error[0].reason != REASON_TRUNCATED))
            fail_msg("%s: %u samples, %u errors", cases[i].text, f.batch.n, f.errors);
    }
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_refused_for_a_named_reason_at_a_named_byte),
        cmocka_unit_test(a_sample_fails_alone_but_for_what_ends_the_line),
        cmocka_unit_test(a_signed_gauge_follows_the_switch_and_the_fields),
        cmocka_unit_test(each_value_of_a_packed_gauge_has_its_own_sign),
        cmocka_unit_test(unknown_fields_are_counted_and_ignored),
        cmocka_unit_test(all_ways_to_read_a_line_give_one_identity),
        cmocka_unit_test(an_origin_is_part_of_the_identity_only_when_asked_for),
        cmocka_unit_test(tags_inside_the_name_are_cut_by_the_enabled_styles),
        cmocka_unit_test(tags_are_cut_out_before_the_line_is_hashed),
        cmocka_unit_test(what_is_no_tag_in_a_name_is_counted_beside_a_field_of_tags),
        cmocka_unit_test(the_last_value_of_the_exemplar_tag_is_kept_where_it_can_be_shown),
        cmocka_unit_test(cutting_tags_out_makes_no_line_right),
        cmocka_unit_test(a_truncated_tail_is_one_error_and_never_a_sample),
        cmocka_unit_test(the_limit_of_a_line_counts_trimmed_bytes),
        cmocka_unit_test(events_and_checks_are_dispatched_and_are_not_samples),
        cmocka_unit_test(a_line_never_splits_over_batches),
        cmocka_unit_test(several_datagrams_may_share_a_batch),
        cmocka_unit_test(plain_lines_are_read_as_all_lines_are),
        cmocka_unit_test(readers_agree_around_every_limit),
        cmocka_unit_test(readers_agree_whichever_byte_is_another_or_the_last),
        cmocka_unit_test(many_lines_of_many_values_stay_within_the_batch),
        cmocka_unit_test(readers_take_turns_within_a_datagram),
        cmocka_unit_test(a_variant_that_the_cpu_lacks_is_refused_and_changes_nothing),
        cmocka_unit_test(limits_of_names_and_lines_are_met_to_the_byte),
        cmocka_unit_test(fields_of_any_later_sample_refuse_the_line),
        cmocka_unit_test(a_rate_counts_for_what_it_is_applied_to),
        cmocka_unit_test(a_control_byte_anywhere_in_a_name_is_an_underscore),
        cmocka_unit_test(what_the_kernel_cut_off_is_one_line),
    };
    return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
