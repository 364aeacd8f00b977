/**
 * probe_move: a table (probe.h) moves to one of another size in steps, none of which is long.
 *
 *     table  | homes whose keys are copied |  homes whose keys are not yet  |   has every key
 *            0                           done                             mask
 *     next   | the keys of the former                                       |
 *
 * The table stays whole until the last step: a look-up asks it alone, and costs the same whether a
 * move is under way or not.  What is put into the table or removed from it meanwhile is put into
 * next and removed from it too, if its home is among those copied.  After the last step next has
 * every key, and takes the table's place.
 *
 * Why no key is lost or there twice: while the table is the same, a key's home in it is the same
 * (its slot may change, when others are removed).  So "its home is below done" turns true for a key
 * once, in one step, and that step copies it: the key's slot is its home or a later one with no
 * free slot in between, so a scan from the first home of the step to the first free slot behind its
 * last one passes it; and of what such a scan passes, only keys with a home in the step are copied.
 *
 * The first step waits until a thirty-second of the slots as many keys have come, so that a table
 * which just reaches its bound and stays there is left as it is; then each key brings a step of
 * PROBE_STEP slots.  So the table is a sixteenth fuller at the most than when the move began.  Who
 * has next's memory made ready elsewhere (backing.h) may put the first step off, until an eighth of
 * the slots (of the smaller table's) as many keys have come besides: then it is three sixteenths
 * fuller at the most, and one that shrinks from an eighth on is at most half full then, so that it
 * can begin to grow in its turn.  The keys of neighbouring slots go to neighbouring slots, half of
 * them half a table apart when it doubles: a step touches few pages of a fresh mapping, each of
 * which costs a page fault.
 */
#ifndef BASE_PROBE_MOVE_H
#define BASE_PROBE_MOVE_H

#include <stddef.h>

#include "base/probe.h"

enum { PROBE_STEP = 32 };

struct probe_move {
    void *next;    /* its slots; NULL: no move is under way */
    uint64_t mask; /* of next */
    uint64_t done; /* slots of the table */
    uint64_t wait; /* keys, before the first step */
    uint64_t more; /* keys by which that may be put off */
};

/* Keys that may come while a table of that mask is moved. */
static inline uint64_t probe_move_keys(uint64_t mask)
{
    return (mask + 1) / PROBE_STEP * 2 + (mask + 1) / 8;
}

/* A table of `mask` begins to move to next, which is empty and has next_mask. */
static inline void probe_move_begin(struct probe_move *m, uint64_t mask, void *next,
                                    uint64_t next_mask)
{
    assert(m->next == NULL && next != NULL && mask + 1 >= PROBE_STEP);
    const uint64_t smaller = next_mask < mask ? next_mask : mask;
    *m = (struct probe_move){
        .next = next, .mask = next_mask, .wait = (mask + 1) / PROBE_STEP, .more = (smaller + 1) / 8
    };
}

/* A step is due: not yet.  To be asked again PROBE_STEP keys on.  false: it can wait no longer */
static inline bool probe_move_put_off(struct probe_move *m)
{
    if (m->done > 0 || m->more < PROBE_STEP)
        return false;
    m->wait = PROBE_STEP - 1; /* and this key */
    m->more -= PROBE_STEP;
    return true;
}

/* A key comes.   returns  whether a step of PROBE_STEP is due, before it is put */
static inline bool probe_move_due(struct probe_move *m)
{
    bool due = m->next != NULL && m->wait == 0;
    m->wait -= m->wait > 0;
    return due;
}

/* Is the key of that hash, which is in the table of that mask, in next as well? */
static inline bool probe_move_has(const struct probe_move *m, uint64_t hash, uint64_t mask)
{
    return m->next != NULL && (hash & mask) < m->done;
}

/* The slot of a table where a key of that hash goes that is not there yet. */
static inline __attribute__((always_inline)) uint64_t
probe_place(const struct probe_table *t, const void *table, uint64_t mask, uint64_t hash)
{
    PROBE_EACH(i, hash, mask)
        if (t->is_free(table, i))
            return i;
}

/**
 * probe_move_step(t, m, table, mask, next, n):
 * Copy the keys that have their homes in the next n slots of the table.
 *   t            constant, as in probe_remove
 *   table, next  as t takes them; next has the slots of m->next
 *   returns      true: that was the last step.  The caller puts next in the table's place
 */
static inline __attribute__((always_inline)) bool probe_move_step(const struct probe_table *t,
                                                                  struct probe_move *m,
                                                                  const void *table, uint64_t mask,
                                                                  void *next, uint64_t n)
{
    assert(m->next != NULL && m->done <= mask && n > 0);
    const uint64_t begin = m->done, left = mask + 1 - begin;
    n = n < left ? n : left;
    for (uint64_t k = 0; k <= mask; k++) { /* no slot twice */
        const uint64_t i = (begin + k) & mask;
        if (t->is_free(table, i)) {
            if (k >= n)
                break;
            continue;
        }
        const uint64_t hash = t->hash(table, i);
        if (((hash - begin) & mask) < n)
            t->copy(next, probe_place(t, next, m->mask, hash), table, i);
    }
    m->done += n;
    return m->done > mask;
}

#endif
