/*
 * payload_init: a dealer says which series comes next, payload_line writes its line, and a builder
 * puts lines into datagrams, and datagrams one behind the other into the block.
 */
#include "payload.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/number.h"
#include "zipf.h"

enum { LINES_MIN = 65536, DATAGRAM_BYTES_MAX = 65507, FRAME_HEADER = 4, TELLING_LINES = 1024 };

/* clang-format off */
static const char *const tags[][2] = {
    {"service", "svc"}, {"endpoint", "/api/v1/e"}, {"method", "m"}, {"status", ""},
    {"region", "r"},    {"zone", "z"},             {"host", "host-"}, {"version", "v1."},
};
/* clang-format on */

static void append_u64(struct buf *b, uint64_t v)
{
    b->len += number_print_u64(buf_reserve(b, NUMBER_TEXT_MAX), v);
}

static void append_number(struct buf *b, double v)
{
    b->len += number_print(buf_reserve(b, NUMBER_TEXT_MAX), v);
}

static void append_tags(struct buf *out, const struct payload_spec *spec, uint64_t digits)
{
    for (uint32_t t = 0; t < spec->tags; t++, digits /= spec->tag_values) {
        buf_append_str(out, t == 0 ? "|#" : ",");
        if (t < ARRAY_LEN(tags)) {
            buf_append_str(out, tags[t][0]);
            buf_append_char(out, ':');
            buf_append_str(out, tags[t][1]);
        } else {
            buf_append_str(out, "tag");
            append_u64(out, t);
            buf_append_str(out, ":v");
        }
        append_u64(out, digits % spec->tag_values);
    }
}

static void append_values(struct buf *out, const struct payload_spec *spec, enum mix_type type,
                          struct rng *r, struct payload_count *count)
{
    count->values++;
    if (type == MIX_COUNTER) {
        buf_append_char(out, '1');
        count->increments += 1 / spec->rate;
        return;
    }
    if (type == MIX_SET) {
        buf_append_char(out, 'u');
        append_u64(out, rng_below(r, spec->set_members));
        return;
    }
    append_number(out, values_draw(&spec->values, r));
    for (uint32_t i = 1; i < spec->packed && type != MIX_GAUGE; i++) {
        buf_append_char(out, ':');
        append_number(out, values_draw(&spec->values, r));
        count->values++;
    }
}

void payload_line(struct buf *out, const struct payload_spec *spec, uint64_t i, struct rng *r,
                  struct payload_count *count)
{
    enum mix_type type = mix_of(&spec->mix, i);
    uint64_t rest = i;
    for (uint32_t t = 0; t < spec->tags; t++)
        rest /= spec->tag_values;

    buf_append_str(out, spec->prefix);
    buf_append_str(out, mix_name[type]);
    if (rest > 0 || spec->tags == 0) {
        buf_append_char(out, '.');
        append_u64(out, rest);
    }
    buf_append_char(out, ':');
    append_values(out, spec, type, r, count);
    buf_append_char(out, '|');
    buf_append_str(out, mix_token[type]);
    if (spec->rate < 1 && type != MIX_GAUGE && type != MIX_SET) {
        buf_append_str(out, "|@");
        append_number(out, spec->rate);
    }
    append_tags(out, spec, i);
    buf_append_str(out, spec->suffix);
    count->lines++;
}

/* Which series comes next: a shuffled deck, dealt to its end and then again in the same order; or a
 * draw by Zipf. */
struct dealer {
    uint32_t *deck;
    uint32_t n, at;
    struct zipf zipf;
    bool skewed;
};

static void dealer_init(struct dealer *d, uint32_t n, double skew, struct rng *r)
{
    *d = (struct dealer){ .n = n, .at = n, .skewed = skew > 0 };
    d->deck = mem_alloc(n * sizeof *d->deck);
    for (uint32_t i = 0; i < n; i++)
        d->deck[i] = i;
    /* Under Zipf the deck decides which series are the busy ones, so that they are of all types. */
    for (uint32_t i = n; i > 1; i--) {
        uint32_t k = (uint32_t)rng_below(r, i), t = d->deck[i - 1];
        d->deck[i - 1] = d->deck[k];
        d->deck[k] = t;
    }
    if (d->skewed)
        zipf_init(&d->zipf, n, skew);
}

static uint32_t dealer_next(struct dealer *d, struct rng *r)
{
    assert(d->n > 0 && d->at <= d->n);
    if (d->skewed)
        return d->deck[zipf_draw(&d->zipf, r)];
    if (d->at == d->n)
        d->at = 0;
    return d->deck[d->at++];
}

static void dealer_release(struct dealer *d)
{
    zipf_release(&d->zipf);
    free(d->deck);
}

struct builder {
    struct payload *p;
    struct buf block;
    struct send_datagram open;  /* the one being filled, */
    struct payload_count count; /* and what it holds */
    size_t cap, cap_counts;
    uint32_t limit, most_lines; /* limit: with the header of a frame */
    bool pad;
    enum send_framing framing;
};

static void builder_check(const struct builder *b)
{
    assert(b->open.at + b->open.len == b->block.len); /* the open datagram is the block's end */
    assert(b->open.len <= b->limit && b->count.lines <= b->most_lines);
    assert((b->count.lines == 0) == (b->open.len == 0));
}

static void append_byte(struct builder *b, char c)
{
    buf_append_char(&b->block, c);
    b->open.len++;
}

static uint32_t header_of(const struct builder *b)
{
    return b->framing == SEND_FRAMES ? FRAME_HEADER : 0;
}

/* What tells the open datagram from the next one. */
static void frame(struct builder *b)
{
    uint32_t n = b->open.len - header_of(b);
    if (b->framing == SEND_LINES)
        append_byte(b, '\n');
    for (int i = 0; i < FRAME_HEADER && b->framing == SEND_FRAMES; i++)
        b->block.ptr[b->open.at + (size_t)i] = (char)(n >> 8 * i);
}

static void builder_close(struct builder *b)
{
    builder_check(b);
    if (b->count.lines == 0)
        return;
    if (b->pad) {
        uint32_t more = b->limit - b->open.len;
        memset(buf_reserve(&b->block, more), '\n', more);
        b->block.len += more;
        b->open.len += more;
    }
    frame(b);
    struct payload *p = b->p;
    p->datagrams = mem_grow(p->datagrams, &b->cap, p->n + 1, sizeof *p->datagrams);
    p->counts = mem_grow(p->counts, &b->cap_counts, p->n + 1, sizeof *p->counts);
    b->open.amount = b->count.lines;
    p->counts[p->n] = b->count;
    p->datagrams[p->n++] = b->open;
    p->lines += b->count.lines;
    p->values += b->count.values;
    if (b->open.len > p->longest)
        p->longest = b->open.len;
    b->open = (struct send_datagram){ .at = b->block.len };
    b->count = (struct payload_count){ 0 };
}

static int builder_add(struct builder *b, const struct buf *line, const struct payload_count *count)
{
    if (header_of(b) + line->len > b->limit)
        return -EMSGSIZE;
    if (b->count.lines > 0 &&
        (b->count.lines >= b->most_lines || b->open.len + 1 + line->len > b->limit))
        builder_close(b);
    for (uint32_t i = 0; i < header_of(b) && b->count.lines == 0; i++)
        append_byte(b, 0); /* frame() knows the length */
    if (b->count.lines > 0)
        append_byte(b, '\n');
    buf_append(&b->block, line->ptr, line->len);
    b->open.len += (uint32_t)line->len;
    b->count.lines += count->lines;
    b->count.values += count->values;
    b->count.increments += count->increments;
    builder_check(b);
    return 0;
}

/* Would all `lines` be more, if they go on like the first n?  A few say nothing of the rest. */
static bool is_too_large(const struct builder *b, const struct payload_spec *spec, uint32_t n,
                         uint32_t lines)
{
    if (spec->block_max == 0 || (n < TELLING_LINES && n < lines))
        return false;
    return (double)b->block.len / n * lines > (double)spec->block_max;
}

/* How many lines the block has. */
static uint32_t lines_of(const struct payload_spec *spec)
{
    if (spec->lines > 0)
        return spec->lines;
    uint32_t lines = spec->series > LINES_MIN ? spec->series : LINES_MIN;
    if (spec->skew <= 0)
        /* Whole decks: every series equally often */
        lines += (spec->series - lines % spec->series) % spec->series;
    return lines;
}

int payload_init(struct payload *p, const struct payload_spec *spec)
{
    assert(spec->series > 0 && spec->tag_values > 0 && spec->tags <= PAYLOAD_TAGS_MAX &&
           spec->packed > 0);
    assert(spec->rate > 0 && spec->rate <= 1 && spec->set_members > 0);
    *p = (struct payload){ 0 };
    struct rng r;
    struct dealer dealer;
    rng_init(&r, spec->seed);
    dealer_init(&dealer, spec->series, spec->skew, &r);
    struct builder b = { .p = p,
                         .limit = spec->bytes ? spec->bytes : DATAGRAM_BYTES_MAX,
                         .most_lines = spec->bytes == 0 ? 1
                                       : spec->most > 0 ? spec->most
                                                        : UINT32_MAX,
                         .pad = spec->pad && spec->bytes > 0,
                         .framing = spec->framing };
    b.limit += header_of(&b);
    const uint32_t lines = lines_of(spec);
    struct buf line = { 0 };
    int rc = 0;
    for (uint32_t i = 0; i < lines && rc == 0; i++) {
        struct payload_count count = { 0 };
        buf_clear(&line);
        payload_line(&line, spec, dealer_next(&dealer, &r), &r, &count);
        rc = builder_add(&b, &line, &count);
        if (rc == 0 && is_too_large(&b, spec, i + 1, lines))
            rc = -EFBIG;
    }
    builder_close(&b);
    dealer_release(&dealer);
    p->bytes = b.block.ptr;
    p->len = b.block.len;
    if (rc < 0) {
        payload_release(p);
        p->longest = rc == -EMSGSIZE ? (uint32_t)line.len : 0;
    }
    buf_release(&line);
    return rc;
}

void payload_release(struct payload *p)
{
    free(p->bytes);
    free(p->datagrams);
    free(p->counts);
    *p = (struct payload){ 0 };
}

/* The datagrams fill the block, and are counted. */
static void payload_check(const struct payload *p)
{
    assert(p->n > 0 && p->bytes != NULL && p->lines >= p->n && p->values >= p->lines);
    const struct send_datagram *last = &p->datagrams[p->n - 1];
    assert(last->at + last->len == p->len && last->amount == p->counts[p->n - 1].lines);
}

struct send_block payload_block(const struct payload *p)
{
    payload_check(p);
    return (struct send_block){
        .bytes = p->bytes, .datagrams = p->datagrams, .n = p->n, .amount = p->lines
    };
}
