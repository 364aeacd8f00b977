/*
 *     parser_next        until the datagram ends or the batch is full
 *       window_fn        as many lines as possible on the fastest path (window.h)
 *       lists_catch_up   scan the datagram, once
 *       plain_lines      as many lines as possible on the fast path (plain.h)
 *       any_line         one line of any kind: trim, check bytes, then by its first bytes
 *         event_line, check_line     (protocol/event.h)
 *         metric_parse               (metric.h), after line_rewrite if it has control bytes
 *       cut_tail         what the kernel cut off
 *
 * parser_reject (parser.h) counts and reports every refusal.
 */
#include "protocol/parse.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "protocol/bytes.h"
#include "protocol/event.h"
#include "protocol/limits.h"
#include "protocol/metric.h"
#include "protocol/parser.h"
#include "protocol/plain.h"
#include "protocol/window.h"

static_assert((int)SCAN_MAX == (int)DATAGRAM_MAX, "a datagram must fit a scan");

static const uint32_t all_errors = UINT32_MAX;
static_assert(REASON_COUNT <= 32, "a bit for each reason");

struct parser *parser_new(const struct parse_opts *opts)
{
    assert(opts->max_line > 0 && opts->max_line <= DATAGRAM_MAX && opts->max_name > 0);
    assert(opts->n_cut <= TAG_CUTS_MAX && opts->exemplar_tag.len < EXEMPLAR_CHARACTERS_MAX);
    struct parser *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    hash_pair_ready();
    p->opts = *opts;
    p->opts.origins |= opts->origin_tags;
    p->plain = opts->name_tags == 0 && opts->n_cut == 0;
    if (p->opts.errors == NULL)
        p->opts.errors = &all_errors;
    p->scan_fn = variant_in_use()->fn;
    p->window_fn = p->plain ? window_of(variant_in_use()->name) : NULL;
    p->line_values = limits_values(opts->max_line);
    p->line_scratch = limits_scratch(opts->max_line);
    p->end = p->datagram.end;
    p->pipe = p->datagram.pipe;
    return p;
}

void parser_free(struct parser *p)
{
    free(p);
}

void parser_set_gauge_sign(struct parser *p, enum gauge_sign sign)
{
    assert(sign <= GAUGE_SIGN_ABSOLUTE);
    p->opts.gauge_sign = sign;
}

/* While lines are left: the next one is text[at .. *end), and a cut tail is after all lines. */
static inline void parser_check(const struct parser *p)
{
    assert(p->scanned && p->at <= *p->end && *p->end <= p->len && p->len <= p->cut_from);
}

/* Have end and pipe at the line at p->at, after the window read lines or none. */
static void lists_catch_up(struct parser *p)
{
    if (!p->scanned) {
        p->scan_fn(&p->datagram, p->ptr, p->len);
        p->end = p->datagram.end;
        p->pipe = p->datagram.pipe;
        p->scanned = true;
    }
    while (*p->end < p->at)
        p->end++;
    while (*p->pipe < p->at)
        p->pipe++;
}

void parser_begin(struct parser *p, const char *ptr, size_t len, bool truncated)
{
    assert(len <= DATAGRAM_MAX);
    size_t whole = len;
    if (truncated && len != 0) {
        const char *lf = memrchr(ptr, '\n', len);
        whole = lf ? (size_t)(lf - ptr) + 1 : 0;
    }
    p->ptr = ptr;
    p->at = 0;
    p->len = (uint32_t)whole;
    p->cut_from = (uint32_t)whole;
    p->cut_to = (uint32_t)len;
    p->padded = false;
    p->scanned = false;
}

void parser_begin_padded(struct parser *p, const char *ptr, size_t len, bool truncated)
{
    parser_begin(p, ptr, len, truncated);
    p->padded = p->window_fn != NULL;
}

static void blank_controls(char *out, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = bytes_is_control(p[i]) ? '_' : p[i];
}

static bool starts_event(const char *p, size_t n)
{
    return n >= 3 && memcmp(p, "_e{", 3) == 0;
}

static bool starts_check(const char *p, size_t n)
{
    return n >= 4 && memcmp(p, "_sc|", 4) == 0;
}

/* An event's counted text may include bytes that trimming removes: use the line as received. */
static void event_line(struct parser *p, struct batch *b, const struct line *l)
{
    size_t n = l->end - l->start, all = l->raw.len - l->lead;
    blank_controls(p->event_line, l->raw.ptr + l->lead, n);
    memcpy(p->event_line + n, l->raw.ptr + l->lead + n, all - n);
    if (event_parse(slice_of(p->event_line, all), p->event_room, &p->event) != REASON_NONE) {
        parser_reject(p, b, l, REASON_BAD_EVENT, l->text + l->start);
        return;
    }
    b->counts.events[p->event.alert]++;
    if (p->opts.on_event)
        p->opts.on_event(p->opts.cookie, &p->event);
}

static void check_line(struct parser *p, struct batch *b, const struct line *l)
{
    size_t n = l->end - l->start;
    blank_controls(p->event_line, l->text + l->start, n);
    if (service_check_parse(slice_of(p->event_line, n), p->event_room, &p->check) != REASON_NONE) {
        parser_reject(p, b, l, REASON_BAD_SERVICE_CHECK, l->text + l->start);
        return;
    }
    b->counts.checks[p->check.status]++;
    if (p->opts.on_check)
        p->opts.on_check(p->opts.cookie, &p->check);
}

static bool has_control(const char *p, size_t n)
{
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t w;
        memcpy(&w, p, sizeof w);
        if (bytes_zeros(w & BYTES_EACH(0xe0)) | bytes_zeros(w ^ BYTES_EACH(0x7f)))
            return true;
    }
    for (; n > 0; p++, n--)
        if (bytes_is_control(*p))
            return true;
    return false;
}

/* No NUL and valid UTF-8?  false: the line has been refused. */
static bool bytes_allowed(struct parser *p, struct batch *b, const struct line *l, bool control)
{
    const char *text = l->text + l->start;
    size_t n = l->end - l->start;
    const char *nul = control ? memchr(text, '\0', n) : NULL;
    if (nul != NULL) {
        parser_reject(p, b, l, REASON_NUL_BYTE, nul);
        return false;
    }
    if (!utf8_valid(slice_of(text, n))) {
        parser_reject(p, b, l, REASON_BAD_UTF8, text);
        return false;
    }
    return true;
}

/* Copy the line to scratch with control bytes as '_', scan the copy, and make l refer to it. */
static void line_rewrite(struct parser *p, struct batch *b, struct line *l)
{
    char *out = b->scratch + b->scratch_len;
    uint32_t n = l->end - l->start;
    blank_controls(out, l->text + l->start, n);
    assert(n <= b->scratch_cap - b->scratch_len);
    b->scratch_len += n;
    p->scan_fn(&p->rewritten, out, n);
    l->text = out;
    l->scan = &p->rewritten;
    l->pipe = p->rewritten.pipe;
    l->start = 0;
    l->end = n;
}

/* The next line, of any kind: the general path. */
static void any_line(struct parser *p, struct batch *b)
{
    parser_check(p);
    uint32_t start = p->at, end = *p->end++;
    p->at = end + 1;
    while (*p->pipe < start)
        p->pipe++;
    struct line l = {
        .text = p->ptr,
        .scan = &p->datagram,
        .start = start,
        .end = end,
        .pipe = p->pipe,
        .raw = { p->ptr + start, end - start },
    };
    while (l.end > l.start && bytes_is_trailing(l.text[l.end - 1]))
        l.end--;
    while (l.start < l.end && (l.text[l.start] == ' ' || l.text[l.start] == '\t'))
        l.start++;
    if (l.start == l.end)
        return;
    l.lead = l.start - start;
    b->counts.lines++;
    const char *text = l.text + l.start;
    size_t n = l.end - l.start;
    if (n > p->opts.max_line) {
        parser_reject(p, b, &l, REASON_LINE_TOO_LONG, text + p->opts.max_line);
        return;
    }
    bool odd = scan_next(p->datagram.odd, l.start, l.end) < l.end;
    bool control = odd && has_control(text, n);
    if (odd && !bytes_allowed(p, b, &l, control))
        return;
    if (starts_event(text, n)) {
        event_line(p, b, &l);
        return;
    }
    if (starts_check(text, n)) {
        check_line(p, b, &l);
        return;
    }
    if (control)
        line_rewrite(p, b, &l);
    const uint16_t *pipe = metric_parse(p, b, &l);
    if (l.scan == &p->datagram)
        p->pipe = pipe;
}

static void cut_tail(struct parser *p, struct batch *b)
{
    uint32_t n = p->cut_to - p->cut_from;
    const struct line l = {
        .text = p->ptr,
        .scan = &p->datagram,
        .start = p->cut_from,
        .end = p->cut_to,
        .pipe = p->pipe,
        .raw = { p->ptr + p->cut_from, n },
    };
    assert(p->at >= p->len && n > 0);
    p->cut_from = p->cut_to;
    b->counts.lines++;
    parser_reject(p, b, &l, REASON_TRUNCATED, l.text + l.end);
}

/* Whether there may not be room for the next line (limits.h). */
static bool batch_is_full(const struct parser *p, const struct batch *b)
{
    return b->n >= b->full || b->cap_values - b->n_values < p->line_values ||
           b->scratch_cap - b->scratch_len < p->line_scratch;
}

bool parser_next(struct parser *p, struct batch *b)
{
    batch_check(b);
    assert(b->max_line >= p->opts.max_line);
    while (p->at < p->len) {
        if (p->padded)
            p->window_fn(p, b);
        if (p->at >= p->len)
            break;
        if (batch_is_full(p, b))
            return true;
        lists_catch_up(p);
        uint32_t before = p->at;
        plain_lines(p, b, p->padded ? 1 : UINT32_MAX);
        if (p->at >= p->len)
            break;
        if (batch_is_full(p, b))
            return true;
        if (!p->padded || p->at == before)
            any_line(p, b);
    }
    if (p->cut_from < p->cut_to)
        cut_tail(p, b);
    return false;
}
