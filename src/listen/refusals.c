/*
 *     worker    refusals_begin: catch_up with what control changed; refusals_senders
 *               refusals_on_rejected, refusals_on_refused -> keep: text and sender of an example
 *     control   refusals_next, refusals_pending -> has_more
 *               refusals_renew, refusals_keep_lines -> announce, after which the worker catches up
 *
 * `wanted` has a bit for each kind with room; the lane does not call for others, so a flood of
 * refused lines costs nothing here.
 */
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "listen/refusals_priv.h"

enum {
    ASKED_BUSY = REFUSALS_A_ROUND, /* enough for a flood of datagrams with one line each */
    ASKED_QUIET = 32,              /* enough for the burst of a test, or of a client's start */
    ALL_SENDERS_READS = 1 << 16    /* 8 s of a socket with 500,000 datagrams a second */
};

static_assert(REFUSAL_KINDS <= 32, "`wanted` has a bit for each kind");
static_assert(REFUSALS_A_ROUND <= 0xff, "`whole` has a byte for their number");

/* ---- worker ---- */

void refusals_init(struct refusals *r)
{
    memset(r, 0, sizeof *r);
    r->wanted = 1u << REFUSED_BY_LIMIT;
}

/* What control changed: rounds, and whether lines are kept. */
static void catch_up(struct refusals *r)
{
    bool keep_lines = atomic_load_explicit(&r->keep_lines, memory_order_relaxed);
    r->wanted = 0;
    for (unsigned i = 0; i < REFUSAL_KINDS; i++) {
        struct refusal_kind *k = &r->kinds[i];
        /* acquire: control's reads of the round before are over */
        uint64_t round = atomic_load_explicit(&k->round, memory_order_acquire);
        assert(round >= k->current && k->n <= REFUSALS_A_ROUND);
        k->n = round == k->current ? k->n : 0;
        k->current = round;
        bool room = k->n < REFUSALS_A_ROUND && (keep_lines || i == REFUSED_BY_LIMIT);
        r->wanted |= (uint32_t)room << i;
    }
}

void refusals_begin(struct refusals *r, struct refusals_from from)
{
    r->from = from;
    /* acquire: pairs with the release in announce */
    uint64_t changes = atomic_load_explicit(&r->changes, memory_order_acquire);
    if (changes != r->changes_seen) {
        r->changes_seen = changes;
        catch_up(r);
    }
}

unsigned refusals_senders(struct refusals *r, bool busy)
{
    if (r->all_senders == 0)
        return busy ? ASKED_BUSY : ASKED_QUIET;
    r->all_senders--;
    return UINT_MAX;
}

/* As much of the text as fits, without a part of a UTF-8 character at its end. */
static void put_text(struct refusal *e, struct slice text)
{
    size_t n = text.len < REFUSAL_TEXT_MAX ? text.len : REFUSAL_TEXT_MAX;
    e->cut = n < text.len;
    e->whole_len = (uint32_t)text.len;
    for (int i = 0; e->cut && i < 3 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80; i++)
        n--;
    if (n > 0)
        memcpy(e->text, text.ptr, n);
    e->len = (uint16_t)n;
}

/* returns  false: ptr is in nothing that was read last */
static bool find(const struct refusals *r, const char *ptr, struct refusal_origin *ret)
{
    *ret = (struct refusal_origin){ .not_asked = false };
    return ptr != NULL && r->from.find != NULL && r->from.find(r->from.at_hand, ptr, ret);
}

static bool is_wanted(const struct refusals *r, unsigned kind)
{
    return r->wanted >> kind & 1;
}

/* Worker: the kind has room. */
static void refusals_check_room(const struct refusals *r, unsigned kind)
{
    assert(kind < REFUSAL_KINDS && is_wanted(r, kind));
    assert(r->kinds[kind].n < REFUSALS_A_ROUND);
}

/* Control: what was returned was written before. */
static void refusal_kind_check(const struct refusal_kind *k, uint64_t whole)
{
    assert((whole & 0xff) <= REFUSALS_A_ROUND && k->taken <= REFUSALS_A_ROUND);
    assert(whole >> 8 <= atomic_load_explicit(&k->round, memory_order_relaxed));
}

/* at: as in struct refusal */
static void keep(struct refusals *r, unsigned kind, struct slice text, int32_t at,
                 const struct refusal_origin *origin)
{
    struct refusal_kind *k = &r->kinds[kind];
    refusals_check_room(r, kind);
    struct refusal *e = &k->at[k->n++];
    e->socket = r->from.socket;
    put_text(e, text);
    e->at = at;
    memcpy(e->from, origin->from, sizeof e->from);
    if (k->n == REFUSALS_A_ROUND) {
        r->wanted &= ~(1u << kind);
        r->all_senders = 0;
    } else if (origin->not_asked) {
        r->all_senders = ALL_SENDERS_READS;
    }
    /* release: control sees the example whole */
    atomic_store_explicit(&k->whole, k->current << 8 | k->n, memory_order_release);
}

void refusals_on_rejected(void *refusals, const struct parse_error *e)
{
    struct refusals *r = refusals;
    struct refusal_origin origin;
    (void)find(r, e->line.ptr, &origin);
    keep(r, e->reason, e->line, (int32_t)e->at, &origin);
}

/* The line around ptr, which points into text. */
static struct slice line_around(struct slice text, const char *ptr)
{
    const char *start = text.ptr, *end = start + text.len;
    assert(ptr >= start && ptr <= end);
    const char *before = memrchr(start, '\n', (size_t)(ptr - start)),
               *after = memchr(ptr, '\n', (size_t)(end - ptr));
    start = before == NULL ? start : before + 1;
    end = after == NULL ? end : after;
    return slice_of(start, (size_t)(end - start));
}

static void keep_line(struct refusals *r, enum reason why, const struct sample *s)
{
    struct refusal_origin origin;
    if (find(r, s->name, &origin)) {
        keep(r, why, line_around(origin.text, s->name), -1, &origin);
        return;
    }
    /* The parser has rewritten the line (packed values, say): show name, type and tags of it. */
    char text[REFUSAL_TEXT_MAX + 2];
    int n = snprintf(text, sizeof text, "%.*s|%s|#%.*s", (int)s->name_len, s->name,
                     sample_type_token((enum sample_type)s->type), (int)s->tags_len, s->tags);
    keep(r, why, slice_of(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1), -1,
         &origin);
}

/* Does an example of the round have this text? */
static bool is_kept(const struct refusal_kind *k, struct slice text)
{
    for (unsigned i = 0; i < k->n; i++) {
        struct slice kept = slice_of(k->at[i].text, k->at[i].len);
        if (k->at[i].cut ? slice_starts(text, kept) : slice_eq(text, kept))
            return true;
    }
    return false;
}

/* An example for each name, once a round. */
static void keep_name(struct refusals *r, struct slice name)
{
    struct refusal_origin origin;
    if (is_kept(&r->kinds[REFUSED_BY_LIMIT], name))
        return;
    (void)find(r, name.ptr, &origin);
    keep(r, REFUSED_BY_LIMIT, name, -1, &origin);
}

void refusals_on_refused(void *refusals, const struct sample *s, enum reason why)
{
    struct refusals *r = refusals;
    if (why == REASON_NONE && is_wanted(r, REFUSED_BY_LIMIT))
        keep_name(r, slice_of(s->name, s->name_len));
    else if (why != REASON_NONE && is_wanted(r, why))
        keep_line(r, why, s);
}

/* ---- control ---- */

static bool has_more(const struct refusal_kind *k)
{
    /* acquire: pairs with the release in keep */
    uint64_t whole = atomic_load_explicit(&k->whole, memory_order_acquire);
    refusal_kind_check(k, whole);
    return whole >> 8 == atomic_load_explicit(&k->round, memory_order_relaxed) &&
           k->taken < (whole & 0xff);
}

bool refusals_pending(const struct refusals *r, unsigned kind)
{
    assert(kind < REFUSAL_KINDS);
    return has_more(&r->kinds[kind]);
}

const struct refusal *refusals_next(struct refusals *r, unsigned kind)
{
    struct refusal_kind *k = &r->kinds[kind];
    assert(kind < REFUSAL_KINDS);
    return has_more(k) ? &k->at[k->taken++] : NULL;
}

static void announce(struct refusals *r)
{
    /*
     * release: our reads of examples come before the worker overwrites them, and it sees what
     * changed
     */
    atomic_fetch_add_explicit(&r->changes, 1, memory_order_release);
}

void refusals_renew(struct refusals *r, unsigned kind)
{
    struct refusal_kind *k = &r->kinds[kind];
    assert(kind < REFUSAL_KINDS);
    k->taken = 0;
    /* release: as in announce, whichever of the two the worker reads first */
    atomic_fetch_add_explicit(&k->round, 1, memory_order_release);
    announce(r);
}

void refusals_keep_lines(struct refusals *r, bool yes)
{
    atomic_store_explicit(&r->keep_lines, yes, memory_order_relaxed);
    announce(r);
}
