/*
 * A window is in one of two forms:
 *
 *     few    table_*   a hash table of members; beside each the low 8 bits of the step in which it
 *                      came last.  A step is at most PROFILE_SET_STEPS_MAX old, so 8 bits tell it
 *     many   steps_*   a ring of struct members, one for each step
 *
 * set_window_merge     table_merge, until a member is one too many: table_to_steps
 * set_window_advance   table_advance forgets old members; steps_advance forgets the oldest step
 *                      and, once few are left, goes back by steps_to_table
 * set_window_save      either form, for set_window_load
 * set_window_count     the table's size, or the union of the steps (steps_count), kept until a
 *                      change
 */
#include "aggregate/set_window.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pack.h"
#include "base/probe.h"

enum { RING = PROFILE_SET_STEPS_MAX + 1, CAP_FIRST = 16 };

/* The open step and those kept before it, each at its number modulo RING. */
struct set_steps {
    struct members at[RING];
    uint64_t count; /* of the union */
    bool counted;   /* count is that of now */
    bool exact;     /* and no estimate, so a table can hold them */
};

/* Either a table, at most half full, or steps. */
static void set_window_check(const struct set_window *w)
{
    assert(w->steps == NULL || (w->hashes == NULL && w->n == 0 && w->cap == 0));
    assert(w->n <= MEMBERS_EXACT && w->n * 2 <= w->cap && (w->cap & (w->cap - 1)) == 0);
}

static uint8_t *stamps_of(uint64_t *hashes, uint32_t cap)
{
    return (uint8_t *)(hashes + cap);
}

/* The step in which a member last came, from the low bits that are kept of it. */
static uint64_t step_of(uint8_t stamp, uint64_t step)
{
    return step - (uint8_t)(step - stamp);
}

static void steps_free(struct set_steps *s)
{
    for (unsigned i = 0; s != NULL && i < RING; i++)
        members_release(&s->at[i]);
    free(s);
}

void set_window_release(struct set_window *w)
{
    free(w->hashes);
    steps_free(w->steps);
    *w = (struct set_window){ 0 };
}

bool set_window_empty(const struct set_window *w)
{
    return w->n == 0 && w->steps == NULL;
}

/* ---- few: a table of hashes ---- */

/* Where the hash is, or the free place where it goes. */
static uint32_t place_of(const uint64_t *hashes, uint32_t cap, uint64_t hash)
{
    PROBE_EACH(i, hash >> 32, cap - 1)
        if (hashes[i] == 0 || hashes[i] == hash)
            return (uint32_t)i;
}

/* A table of cap places with those hashes whose step is at most max_age before `step`. */
static void table_remake(struct set_window *w, uint32_t cap, uint64_t step, uint32_t max_age)
{
    struct set_window to = { .hashes = mem_zalloc((size_t)cap * (sizeof(uint64_t) + 1)),
                             .cap = cap };
    for (uint32_t i = 0; i < w->cap; i++) {
        uint8_t stamp = stamps_of(w->hashes, w->cap)[i];
        if (w->hashes[i] == 0 || (uint8_t)(step - stamp) > max_age)
            continue;
        uint32_t place = place_of(to.hashes, cap, w->hashes[i]);
        to.hashes[place] = w->hashes[i];
        stamps_of(to.hashes, cap)[place] = stamp;
        to.n++;
    }
    free(w->hashes);
    *w = to;
}

/* returns  false: it is one too many for a table */
static bool table_put(struct set_window *w, uint64_t hash, uint64_t step)
{
    if (w->n * 2 >= w->cap && w->n < MEMBERS_EXACT)
        table_remake(w, w->cap ? w->cap * 2 : CAP_FIRST, step, UINT8_MAX);
    uint32_t place = place_of(w->hashes, w->cap, hash);
    if (w->hashes[place] == 0) {
        if (w->n >= MEMBERS_EXACT)
            return false;
        w->hashes[place] = hash;
        w->n++;
    }
    stamps_of(w->hashes, w->cap)[place] = (uint8_t)step;
    return true;
}

/* The same for a member that came at `came`, unless it is there with a later step. */
static bool table_put_latest(struct set_window *w, uint64_t hash, uint64_t came, uint64_t now)
{
    if (w->cap > 0) {
        uint32_t place = place_of(w->hashes, w->cap, hash);
        uint8_t age = (uint8_t)(now - stamps_of(w->hashes, w->cap)[place]);
        if (w->hashes[place] != 0 && age <= now - came)
            return true;
    }
    return table_put(w, hash, came);
}

static bool table_merge(struct set_window *w, const struct members *m, uint64_t step)
{
    if (m->registers != NULL)
        return false;
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->hashes[i] != 0 && !table_put(w, m->hashes[i], step))
            return false;
    return true;
}

static void table_advance(struct set_window *w, uint64_t step, uint32_t keep)
{
    uint32_t stay = 0;
    for (uint32_t i = 0; i < w->cap; i++)
        stay += w->hashes[i] != 0 && (uint8_t)(step - stamps_of(w->hashes, w->cap)[i]) <= keep;
    if (stay == w->n)
        return;
    uint32_t cap = CAP_FIRST;
    while (cap <= stay * 2) /* room for one more at once */
        cap *= 2;
    if (stay == 0)
        set_window_release(w);
    else
        table_remake(w, cap, step, keep);
}

/* ---- many: members for each step ---- */

/* A member that finds no memory is not counted, as in members_add. */
static void table_to_steps(struct set_window *w, uint64_t step)
{
    assert(w->steps == NULL);
    struct set_steps *s = mem_zalloc(sizeof *s);
    for (uint32_t i = 0; i < w->cap; i++) {
        uint64_t came = step_of(stamps_of(w->hashes, w->cap)[i], step);
        if (w->hashes[i] != 0)
            (void)members_add(&s->at[came % RING], w->hashes[i]);
    }
    set_window_release(w);
    w->steps = s;
}

static uint64_t steps_count(struct set_steps *s)
{
    if (s->counted)
        return s->count;
    struct members all = { 0 };
    for (unsigned i = 0; i < RING; i++)
        (void)members_merge(&all, &s->at[i]);
    s->count = members_count(&all);
    s->exact = all.registers == NULL;
    s->counted = true;
    members_release(&all);
    return s->count;
}

/* Oldest first, so that a member gets the last step in which it came. */
static void steps_to_table(struct set_window *w, uint64_t step, uint32_t keep)
{
    struct set_steps *s = w->steps;
    *w = (struct set_window){ 0 };
    for (uint64_t back = keep + 1; back-- > 0;)
        if (step >= back)
            (void)table_merge(w, &s->at[(step - back) % RING], step - back);
    steps_free(s);
}

static void steps_advance(struct set_window *w, uint64_t step, uint32_t keep)
{
    struct set_steps *s = w->steps;
    members_release(&s->at[(step + RING - keep - 1) % RING]);
    s->counted = false;
    for (unsigned i = 0; i < RING; i++)
        if (s->at[i].registers != NULL)
            return;
    (void)steps_count(s);
    if (s->exact)
        steps_to_table(w, step, keep);
}

/* ---- either ---- */

void set_window_merge(struct set_window *w, const struct members *m, uint64_t step)
{
    set_window_check(w);
    if (w->steps == NULL && table_merge(w, m, step))
        return;
    if (w->steps == NULL)
        table_to_steps(w, step);
    (void)members_merge(&w->steps->at[step % RING], m);
    w->steps->counted = false;
}

static void absorb_table(struct set_window *w, const struct set_window *from, uint64_t step)
{
    for (uint32_t i = 0; i < from->cap; i++) {
        uint64_t hash = from->hashes[i],
                 came = step_of(stamps_of(from->hashes, from->cap)[i], step);
        struct members one = { .hashes = &hash, .n = 1, .cap = 1 };
        if (hash == 0)
            continue;
        if (w->steps == NULL && table_put_latest(w, hash, came, step))
            continue;
        if (w->steps == NULL)
            table_to_steps(w, step);
        (void)members_merge(&w->steps->at[came % RING], &one);
    }
}

void set_window_absorb(struct set_window *w, const struct set_window *from, uint64_t step)
{
    set_window_check(w);
    set_window_check(from);
    if (from->steps == NULL) {
        absorb_table(w, from, step);
    } else {
        if (w->steps == NULL)
            table_to_steps(w, step);
        for (unsigned i = 0; i < RING; i++)
            (void)members_merge(&w->steps->at[i], &from->steps->at[i]);
    }
    if (w->steps != NULL)
        w->steps->counted = false;
}

void set_window_advance(struct set_window *w, uint64_t step, uint32_t keep)
{
    assert(keep <= PROFILE_SET_STEPS_MAX);
    set_window_check(w);
    if (w->steps != NULL)
        steps_advance(w, step, keep);
    else if (w->n > 0)
        table_advance(w, step, keep);
}

uint64_t set_window_count(const struct set_window *w)
{
    return w->steps != NULL ? steps_count(w->steps) : w->n;
}

/* ---- the state outlives the process ---- */

void set_window_save(const struct set_window *w, uint64_t step, struct buf *out)
{
    set_window_check(w);
    pack_u8(out, w->steps != NULL);
    for (unsigned age = 0; w->steps != NULL && age < RING; age++)
        members_save(&w->steps->at[(step + RING - age) % RING], out);
    if (w->steps != NULL)
        return;
    pack_u16(out, (uint16_t)w->n);
    for (uint32_t i = 0; i < w->cap; i++) {
        if (w->hashes[i] == 0)
            continue;
        pack_u64(out, w->hashes[i]);
        pack_u8(out, (uint8_t)(step - stamps_of(w->hashes, w->cap)[i]));
    }
}

static bool load_steps(struct set_window *w, uint64_t step, struct unpack *in)
{
    bool good = true;
    w->steps = mem_zalloc(sizeof *w->steps);
    for (unsigned age = 0; good && age < RING; age++)
        good = members_load(&w->steps->at[(step + RING - age) % RING], in);
    return good;
}

bool set_window_load(struct set_window *w, uint64_t step, struct unpack *in)
{
    assert(set_window_empty(w));
    uint8_t form = unpack_u8(in);
    if (form != 0)
        return form == 1 && load_steps(w, step, in);
    bool good = true;
    uint16_t n = unpack_u16(in);
    for (uint16_t i = 0; i < n && good; i++) {
        uint64_t hash = unpack_u64(in);
        uint8_t age = unpack_u8(in);
        good = hash != 0 && age <= PROFILE_SET_STEPS_MAX && !in->bad;
        good = good && table_put(w, hash, step - age);
    }
    return good && !in->bad;
}
