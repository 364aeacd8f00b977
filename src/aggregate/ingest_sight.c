/*
 * The cell of a sample where it is not simply found: a spelling that the table does not know, a
 * cell that the page does not list yet, an alias.  Once for each spelling and page, so nothing here
 * is hot.
 *
 *   ingest_first_sight  not in the table: mapping, identity, limit, a cell (a gauge:
 *                       gauge_first_sight)
 *   ingest_list_cell    not in the page's list yet, or an alias of a gauge, or dropped
 */
#include <assert.h>

#include "aggregate/gauge.h"
#include "aggregate/ingest_priv.h"
#include "base/slab.h"

/* ---- first sight ---- */

/* A list of a million cells is not copied to become longer. */
static bool room_to_touch(struct page *p)
{
    if (p->n_touched < p->cap_touched)
        return true;
    const size_t cap = p->cap_touched > 0 ? p->cap_touched * 2 : PAGE_TOUCHED_FIRST;
    void *more = slab_grow_small(p->touched, page_touched_bytes(p), cap * sizeof *p->touched);
    if (more == NULL)
        return false;
    p->touched = more;
    p->cap_touched = cap;
    return true;
}

/*
 * A cell in the table and among the page's births, or in neither: what may fail comes first.  The
 * page has room to list it, and id is the last in the memory of its births.
 */
static struct cell *give_birth(struct ingest *in, const struct sample *s, struct hash128 hash,
                               struct identity *id, uint8_t profile)
{
    struct births *births = &in->page->births;
    if (table_reserve(&in->now.table) < 0)
        return NULL;
    struct birth *b = arena_alloc(&births->memory, sizeof *b);
    if (b == NULL)
        return NULL;
    struct cell *c = cells_new(&in->now.cells, id->type, profile);
    if (c == NULL)
        goto err_birth;
    uint64_t origin;
    if (!ingest_claim(in, s, id, &origin))
        goto err_cell;
    c->check = hash.hi;
    table_put(&in->now.table, hash, c);
    assert(c->series == NULL);
    *b = (struct birth){ .cell = c, .identity = id, .origin = origin };
    *(births->last != NULL ? &births->last->next : &births->first) = b;
    births->last = b;
    births->n++;
    return c;
err_cell:
    cells_free(&in->now.cells, c);
err_birth:
    arena_undo(&births->memory, b);
    return NULL;
}

/* The identity last made belongs to no birth. */
static void forget_identity(struct ingest *in, struct identity *id)
{
    if (id != NULL)
        arena_undo(&in->page->births.memory, id);
}

static struct cell *spelling_born(struct ingest *in, const struct sample *s, struct identity *id,
                                  uint8_t profile)
{
    struct cell *c = give_birth(in, s, s->hash, id, profile);
    if (c != NULL)
        cell_set_tag_errors(c, in->tags.errors);
    return c;
}

/*
 * One cell for all spellings that get none of their own.  Their tag errors differ, so they are
 * counted here.
 */
static struct cell *identity_cell(struct ingest *in, const struct sample *s, struct identity *id,
                                  uint8_t profile)
{
    struct hash128 hash = identity_hash128(id);
    struct cell *c = table_find(&in->now.table, hash);
    assert(c == NULL || cell_type(c) == id->type);
    if (c != NULL)
        forget_identity(in, id);
    else
        c = give_birth(in, s, hash, id, profile);
    if (c != NULL)
        in->stats.v[INGEST_TAG_ERRORS] += in->tags.errors;
    return c;
}

void ingest_refuse(struct ingest *in, const struct sample *s, enum reason why)
{
    if (why == REASON_NONE)
        in->stats.v[INGEST_SAMPLES_REFUSED]++;
    else
        in->rejected[why]++;
    if (in->opts.on_refused != NULL)
        in->opts.on_refused(in->opts.cookie, s, why);
}

/* ---- first sight of a gauge: one cell for all its spellings ---- */

static struct alias *alias_born(struct ingest *in, struct hash128 hash, struct gauge_cell *g)
{
    if (table_reserve(&in->now.table) < 0)
        return NULL;
    struct alias *a = cells_alias_new(&in->now.cells);
    if (a == NULL)
        return NULL;
    a->cell.check = hash.hi;
    a->lo = hash.lo;
    a->gauge = g;
    table_put(&in->now.table, hash, &a->cell);
    return a;
}

/*
 * A sample counts the tag errors of its own spelling, not those of the spelling that the cell was
 * born with.
 */
static void count_alias_errors(struct ingest *in, const struct gauge_cell *g, unsigned errors)
{
    in->stats.v[INGEST_TAG_ERRORS] +=
        (uint64_t)errors - cell_tag_errors(&g->cell); /* stage_find adds the cell's */
}

static void use_alias(struct ingest *in, struct alias *a, uint32_t now_s)
{
    a->cell.last_s = now_s;
    count_alias_errors(in, a->gauge, cell_tag_errors(&a->cell));
}

/* Another spelling of a gauge that has a cell. */
static struct cell *gauge_spelling(struct ingest *in, const struct sample *s, struct cell *known,
                                   bool room, uint32_t now_s)
{
    struct gauge_cell *g = cell_type(known) == CELL_ALIAS ? ((struct alias *)known)->gauge
                                                          : (struct gauge_cell *)known;
    assert(cell_type(&g->cell) == SAMPLE_GAUGE);
    struct alias *a = room ? alias_born(in, s->hash, g) : NULL;
    count_alias_errors(in, g, in->tags.errors);
    if (a != NULL) {
        cell_set_tag_errors(&a->cell, in->tags.errors);
        a->cell.profile = g->cell.profile;
        a->cell.last_s = now_s;
        g->aliases++;
    }
    return &g->cell;
}

static struct cell *gauge_first_sight(struct ingest *in, const struct sample *s,
                                      struct identity *id, uint8_t profile, bool room,
                                      uint32_t now_s)
{
    struct hash128 hash = identity_hash128(id);
    struct cell *known = table_find(&in->now.table, hash);
    if (known != NULL) {
        forget_identity(in, id);
        struct cell *c = gauge_spelling(in, s, known, room, now_s);
        assert(c != NULL); /* or the caller would free id again */
        return c;
    }
    if (!room)
        return identity_cell(in, s, id, profile);
    struct cell *c = spelling_born(in, s, id, profile);
    if (c == NULL)
        return NULL;
    struct gauge_cell *g = (struct gauge_cell *)c;
    g->identity = alias_born(in, hash, g);
    in->now.n_identities += g->identity != NULL;
    return c;
}

/* No mark gets a cell, so each one comes here. */
static bool is_mark(struct ingest *in, const struct sample *s)
{
    if (in->opts.marks == NULL || !marks_note(in->opts.marks, slice_of(s->name, s->name_len)))
        return false;
    in->stats.dropped[INGEST_DROP_MARK]++;
    return true;
}

struct cell *ingest_first_sight(struct ingest *in, const struct sample *s, uint32_t now_s)
{
    if (is_mark(in, s))
        return NULL;
    enum reason why = tags_parse(&in->opts.tags, s, &in->tags);
    if (why != REASON_NONE) {
        ingest_refuse(in, s, why);
        return NULL;
    }
    uint8_t profile;
    if (!ingest_map(in, s, now_s, &profile))
        return NULL;
    struct identity *id = NULL;
    if (room_to_touch(in->page))
        id = identity_new(&in->page->births.memory, s, &in->tags);
    struct cell *c = NULL;
    bool room = ingest_spellings(in) < in->opts.limit->max;
    if (id != NULL && s->type == SAMPLE_GAUGE)
        c = gauge_first_sight(in, s, id, profile, room, now_s);
    else if (id != NULL)
        c = room ? spelling_born(in, s, id, profile) : identity_cell(in, s, id, profile);
    if (c == NULL) {
        forget_identity(in, id);
        ingest_refuse(in, s, REASON_NONE);
    }
    return c;
}

/* ---- the page's list ---- */

/* The page lists the cell from now on.  It has room for one more. */
static void touch(struct ingest *in, struct cell *c, uint32_t now_s)
{
    struct page *p = in->page;
    assert(!c->touched[p->index] && p->n_touched < p->cap_touched);
    p->touched[p->n_touched++] = c;
    c->touched[p->index] = 1;
    c->last_s = now_s;
    cells_begin(&in->now.cells, c, p->index);
}

struct cell *ingest_list_cell(struct ingest *in, const struct sample *s, struct cell *c,
                              uint32_t now_s)
{
    if (cell_type(c) == CELL_DROPPED) {
        ingest_drop_again(in, c, now_s);
        return NULL;
    }
    bool alias = cell_type(c) == CELL_ALIAS;
    struct cell *listed = alias ? &((struct alias *)c)->gauge->cell : c;
    if (!listed->touched[in->page->index]) {
        if (!room_to_touch(in->page)) {
            ingest_refuse(in, s, REASON_NONE);
            return NULL;
        }
        touch(in, listed, now_s);
    }
    if (alias)
        use_alias(in, (struct alias *)c, now_s);
    return listed;
}
