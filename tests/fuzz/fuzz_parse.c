/*
 * A datagram, with what the parser promises about it checked: slices inside bounds, rates, finite
 * values, exact counts, and the same answer from every variant of the scan.  The first byte chooses
 * the options.
 */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "fuzz/line_mutator.h"
#include "protocol/parse.h"
#include "protocol/scan.h"
#include "protocol/tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const size_t line_mutator_head = 1;

enum { MAX_LINE = 2048, FULL = 5 };

struct fuzz {
    const char *ptr;
    size_t len;
    const struct batch *batch;
    uint64_t errors;
    size_t sum; /* of all bytes seen: reads them under ASan */
};

static void inside(struct fuzz *f, const char *p, size_t n)
{
    const char *scratch = f->batch->scratch;
    bool in_datagram = p >= f->ptr && p + n <= f->ptr + f->len;
    bool in_scratch = p >= scratch && p + n <= scratch + f->batch->scratch_len;
    assert(n == 0 || in_datagram || in_scratch);
    for (size_t i = 0; i < n; i++) {
        assert((unsigned char)p[i] >= 0x20 && p[i] != 0x7f);
        f->sum += (unsigned char)p[i];
    }
    assert(n == 0 || utf8_valid(slice_of(p, n)));
}

static void check_value(const struct sample *s, double v)
{
    assert(isfinite(v) && (s->type != SAMPLE_TIMING || v >= 0));
    assert(s->type == SAMPLE_SET || s->type == SAMPLE_GAUGE ||
           (isfinite(v / s->rate) && isfinite(v * (1 / s->rate))));
}

static void check_sample(struct fuzz *f, const struct sample *s)
{
    static struct tags tags;
    const struct tags_opts opts = TAGS_OPTS_DEFAULT;
    assert(s->type < SAMPLE_TYPE_COUNT && s->rate > 0 && s->rate <= 1 && isfinite(1 / s->rate));
    assert(((s->flags & SAMPLE_HAS_RATE) != 0) == (s->rate < 1));
    assert(s->name_len > 0 && s->name_len <= 512);
    inside(f, s->name, s->name_len);
    inside(f, s->tags, s->tags_len);
    if (s->flags & SAMPLE_EXEMPLAR)
        inside(f, s->exemplar.ptr, s->exemplar.len);
    check_value(s, s->value);
    if (s->type == SAMPLE_SET) {
        assert(s->member.len > 0);
        inside(f, s->member.ptr, s->member.len);
    }
    if (s->flags & SAMPLE_PACKED) {
        assert(s->type != SAMPLE_SET && s->more_n > 0 &&
               s->more_at + s->more_n <= f->batch->n_values);
        for (uint32_t i = 0; i < s->more_n; i++)
            check_value(s, f->batch->values[s->more_at + i]);
    } else {
        assert(s->more_n == 0);
    }
    assert(!(s->flags & SAMPLE_DELTA) || s->type == SAMPLE_GAUGE);
    assert(!(s->flags & SAMPLE_HAS_TIME) || s->timestamp > 0);
    if (s->flags & SAMPLE_HAS_ORIGIN)
        inside(f, s->origin.ptr, s->origin.len);
    if (tags_parse(&opts, s, &tags) != REASON_NONE)
        return;
    for (uint32_t i = 0; i < tags.n; i++) {
        assert(tags.at[i].key.len > 0 && tags.at[i].value.len > 0);
        assert(i == 0 || slice_cmp(tags.at[i - 1].key, tags.at[i].key) < 0);
    }
}

static void on_event(void *cookie, const struct event *e)
{
    struct fuzz *f = cookie;
    assert(e->title.len > 0 && e->n_tags <= EVENT_TAGS_MAX &&
           memchr(e->title.ptr, '\0', e->title.len) == NULL);
    for (size_t i = 0; i < e->text.len; i++)
        f->sum += (unsigned char)e->text.ptr[i];
}

static void on_check(void *cookie, const struct service_check *c)
{
    struct fuzz *f = cookie;
    assert(c->name.len > 0 && c->status <= 3);
    for (size_t i = 0; i < c->message.len; i++)
        f->sum += (unsigned char)c->message.ptr[i];
}

static void on_error(void *cookie, const struct parse_error *e)
{
    struct fuzz *f = cookie;
    assert(e->reason < REASON_COUNT && e->at <= e->line.len);
    assert(e->line.ptr >= f->ptr && e->line.ptr + e->line.len <= f->ptr + f->len);
    f->errors++;
}

static bool same_scan(const struct scan *a, const struct scan *b, size_t n)
{
    size_t words = (n + 63) / 64 + 1, ends = 0, pipes = 0;
    if (memcmp(a->colon, b->colon, words * 8) != 0 || memcmp(a->odd, b->odd, words * 8) != 0 ||
        a->any_odd != b->any_odd)
        return false;
    while (b->pipe[pipes] != SCAN_NO_PIPE)
        pipes++;
    while (n > 0 && b->end[ends] + 1u < n)
        ends++;
    return memcmp(a->pipe, b->pipe, (pipes + 1) * 2) == 0 &&
           (n == 0 || memcmp(a->end, b->end, (ends + 1) * 2) == 0);
}

/* The sample is the last of the batch, and its tag a piece of the line. */
static void on_cut(void *cookie, uint32_t sample, struct slice tag)
{
    const struct fuzz *f = cookie;
    assert(sample + 1 == f->batch->n && tag.len > 0 && tag.len <= MAX_LINE);
}

static void check_scans(const char *ptr, size_t len)
{
    static struct scan first, other;
    const struct scan_variant *v;
    size_t n = scan_variants(&v);
    v[n - 1].fn(&first, ptr, len);
    for (size_t i = 0; i + 1 < n; i++) {
        v[i].fn(&other, ptr, len);
        assert(same_scan(&other, &first, len));
    }
}

/* All that p reads of the datagram, in one number; each batch has one line at least. */
static struct hash128 digest_of(struct parser *p, struct batch *b)
{
    struct hash128 d = { 0, 0 };
    b->counts = (struct parse_counts){ 0 };
    for (bool more = true; more; batch_clear(b)) {
        more = parser_next(p, b);
        for (uint32_t i = 0; i < b->n; i++) {
            const struct sample *s = &b->samples[i];
            d = hash_join(d, s->hash);
            d = hash_join(d, hash_bytes(&s->value, sizeof s->value));
            d = hash_join(d, hash_bytes(&s->rate, sizeof s->rate));
            d = hash_join(d, hash_bytes(&s->flags, sizeof s->flags));
            d = hash_join(d, hash_bytes(s->name, s->name_len));
            d = hash_join(d, hash_bytes(s->tags_len ? s->tags : "", s->tags_len));
            d = hash_join(d, hash_bytes(b->values + (s->more_n ? s->more_at : 0),
                                        s->more_n * sizeof b->values[0]));
        }
    }
    return hash_join(d, hash_bytes(&b->counts, sizeof b->counts));
}

/* What is around a datagram, and whether it may be read there, changes nothing. */
static void check_padded(const struct parse_opts *opts, const char *ptr, size_t len, bool truncated)
{
    struct parse_opts o = *opts;
    struct batch b;
    char *padded = malloc(PARSE_PAD_BEFORE + len + PARSE_PAD_BEHIND);
    o.on_event = NULL;
    o.on_check = NULL;
    o.on_error = NULL;
    o.on_cut = NULL;
    struct parser *p = parser_new(&o);
    if (padded == NULL || p == NULL || batch_init(&b, FULL, MAX_LINE) != 0)
        abort();
    parser_begin(p, ptr, len, truncated);
    struct hash128 want = digest_of(p, &b);
    for (const char *rubbish = "\n1|:#"; *rubbish != '\0'; rubbish++) {
        memset(padded, *rubbish, PARSE_PAD_BEFORE + len + PARSE_PAD_BEHIND);
        padded[PARSE_PAD_BEFORE + len + 40] = '\n';
        memcpy(padded + PARSE_PAD_BEFORE, ptr, len);
        parser_begin_padded(p, padded + PARSE_PAD_BEFORE, len, truncated);
        struct hash128 got = digest_of(p, &b);
        assert(got.lo == want.lo && got.hi == want.hi);
    }
    batch_release(&b);
    parser_free(p);
    free(padded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size - 1 > DATAGRAM_MAX)
        return 0;
    unsigned choice = data[0];
    size_t len = size - 1;
    char *exact = malloc(len ? len : 1);
    struct batch b;
    struct fuzz f = { .ptr = exact, .len = len, .batch = &b };
    struct parse_opts o = PARSE_OPTS_DEFAULT;
    o.gauge_sign = (enum gauge_sign)(choice % 3);
    o.name_tags = choice & 4 ? choice >> 4 : 0;
    o.origin_tags = choice & 8;
    o.max_line = MAX_LINE;
    const struct tag_cut cut[] = { { SLICE_LIT("k"), false }, { SLICE_LIT("a"), true } };
    if (choice & 32) {
        o.cut = cut;
        o.n_cut = ARRAY_LEN(cut);
        o.exemplar_tag = cut[0].key;
        o.on_cut = on_cut;
    }
    o.on_event = on_event;
    o.on_check = on_check;
    o.on_error = on_error;
    o.cookie = &f;
    struct parser *p = parser_new(&o);
    if (exact == NULL || p == NULL || batch_init(&b, FULL, MAX_LINE) != 0)
        abort();
    memcpy(exact, data + 1, len);
    check_scans(exact, len);
    check_padded(&o, exact, len, choice & 16);
    parser_begin(p, exact, len, choice & 16);
    uint64_t accepted = 0, rejected = 0;
    for (bool more = true; more; batch_clear(&b)) {
        more = parser_next(p, &b);
        assert(b.n <= b.cap && b.n_values <= b.cap_values && b.scratch_len <= b.scratch_cap);
        for (uint32_t i = 0; i < b.n; i++)
            check_sample(&f, &b.samples[i]);
        accepted += b.n;
    }
    for (int r = 0; r < REASON_COUNT; r++)
        rejected += b.counts.rejected[r];
    assert(b.counts.samples == accepted + rejected && f.errors == rejected);
    batch_release(&b);
    parser_free(p);
    free(exact);
    return 0;
}
