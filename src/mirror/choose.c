/*
 *     choose_from        by datagram: take_next, whole or each_line; else each_line: line_is_taken
 *       line_is_taken    the parser reads the line -> its first sample: series_is_taken
 *         series_is_taken  known, or mirror_hash_series
 */
#include "mirror/choose.h"

#include <stdlib.h>
#include <string.h>

#include "aggregate/marks.h"
#include "base/hash.h"
#include "base/mem.h"
#include "protocol/parse.h"

enum { KNOWN_SLOTS = 65536, BATCH_FULL = 64 };

/* What was decided about a spelling: hash.hi, and hash.lo whose last bit is the decision. */
struct known {
    uint64_t hi, lo;
};

struct choose {
    struct mirror_opts opts;
    chosen_fn fn;
    void *cookie;
    struct parser *parser;
    struct batch batch;
    struct tags tags;
    struct known known[KNOWN_SLOTS];
    uint64_t due;     /* by datagram: of a whole one (2^64), how much is due */
    bool titled;      /* the line at hand is an event or service check, and ... */
    bool title_taken; /* ... the share has it */
    /* A copy of what is read, with room around it that the parser may look at. */
    char room[PARSE_PAD_BEFORE + DATAGRAM_MAX + PARSE_PAD_BEHIND];
};

static void on_title(struct choose *c, struct slice title)
{
    c->titled = true;
    c->title_taken = mirror_share_has(&c->opts.share, mirror_hash_text(title));
}

static void on_event(void *cookie, const struct event *e)
{
    on_title(cookie, e->title);
}

static void on_check(void *cookie, const struct service_check *check)
{
    on_title(cookie, check->name);
}

struct choose *choose_new(const struct mirror_opts *opts, chosen_fn fn, void *cookie)
{
    struct choose *c = mem_zalloc(sizeof *c);
    struct parse_opts parse = opts->parse;
    c->opts = *opts;
    c->fn = fn;
    c->cookie = cookie;
    parse.origin_tags = parse.origins = false; /* the container is no part of the hash */
    parse.on_event = on_event;
    parse.on_check = on_check;
    parse.on_error = NULL;
    parse.on_cut = NULL;
    parse.cookie = c;
    c->parser = parser_new(&parse);
    if (c->parser == NULL || batch_init(&c->batch, BATCH_FULL, parse.max_line) < 0)
        mem_exhausted(sizeof *c);
    return c;
}

void choose_free(struct choose *c)
{
    if (c == NULL)
        return;
    batch_release(&c->batch);
    parser_free(c->parser);
    free(c);
}

static bool series_is_taken(struct choose *c, const struct sample *s)
{
    struct known *k = &c->known[s->hash.hi % KNOWN_SLOTS];
    if (k->hi != s->hash.hi || (k->lo ^ s->hash.lo) > 1) {
        const bool taken = mirror_share_has(&c->opts.share, mirror_hash_series(s, &c->tags));
        *k = (struct known){ s->hash.hi, (s->hash.lo & ~UINT64_C(1)) | taken };
    }
    return k->lo & 1;
}

/* at, len: in room */
static bool line_is_taken(struct choose *c, const char *at, size_t len)
{
    bool found = false, taken = false, more;
    c->titled = false;
    parser_begin_padded(c->parser, at, len, false);
    do {
        more = parser_next(c->parser, &c->batch);
        if (!found && c->batch.n > 0) {
            found = true;
            taken = series_is_taken(c, &c->batch.samples[0]);
        }
        batch_clear(&c->batch);
    } while (more);
    return found ? taken : c->titled && c->title_taken;
}

static void each_line(struct choose *c, struct slice text, bool all, bool none)
{
    const char *at = text.ptr, *const end = text.ptr + text.len;
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const struct slice line = slice_of(at, (size_t)((lf != NULL ? lf : end) - at));
        at += line.len + 1;
        if (line.len == 0)
            continue;
        if (all || slice_starts(line, SLICE_LIT(MARKS_NAME)) ||
            (!none && line_is_taken(c, line.ptr, line.len)))
            c->fn(c->cookie, line, false);
    }
}

/* Evenly: the shares of what was not taken add up until they make one. */
static bool take_next(struct choose *c)
{
    const uint64_t before = c->due;
    c->due += c->opts.share.below;
    return c->opts.share.all || c->due < before;
}

void choose_from(struct choose *c, const struct tap_record *rec, const char *data)
{
    struct slice text = slice_of(data, rec->len);
    if (rec->flags & TAP_TRUNCATED) { /* what the kernel has cut is no line */
        const char *lf = memrchr(data, '\n', rec->len);
        text.len = lf != NULL ? (size_t)(lf - data) : 0;
    }
    if (text.len == 0)
        return;
    const bool by_datagram = c->opts.by == MIRROR_BY_DATAGRAM;
    const bool all = by_datagram && take_next(c);
    if (all && !(rec->flags & (TAP_STREAM | TAP_TRUNCATED))) {
        c->fn(c->cookie, text, true);
        return;
    }
    if (by_datagram && !all &&
        memmem(text.ptr, text.len, MARKS_NAME, sizeof MARKS_NAME - 1) == NULL)
        return;
    if (!by_datagram) {
        memcpy(c->room + PARSE_PAD_BEFORE, text.ptr, text.len);
        text.ptr = c->room + PARSE_PAD_BEFORE;
    }
    each_line(c, text, all, by_datagram);
}
