/*
 * series_limit_claim, series_limit_drop     lock, and
 *   claim     reserve (a step of the move to more slots), then into the slots, and into the next
 *             ones if the move has been there
 *   drop      out of both
 * series_limit_claim_share ...              with limits on shares: shares.c beside the set
 */
#include "aggregate/limit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/backing.h"
#include "base/slab.h"

enum { SLOTS_FIRST = 1024 };

static size_t table_bytes(uint64_t mask)
{
    return (mask + 1) * sizeof(uint64_t);
}

int series_limit_init(struct series_limit *l, uint64_t max)
{
    *l = (struct series_limit){ .mask = SLOTS_FIRST - 1, .max = max };
    l->slots = slab_map(table_bytes(l->mask));
    if (l->slots == NULL)
        return -ENOMEM;
    int rc = pthread_mutex_init(&l->lock, NULL);
    if (rc != 0)
        backing_unmap(l->slots, table_bytes(l->mask));
    return -rc;
}

void series_limit_release(struct series_limit *l)
{
    backing_unmap(l->slots, table_bytes(l->mask));
    backing_unmap(l->move.next, table_bytes(l->move.mask));
    pthread_mutex_destroy(&l->lock);
    if (l->more != NULL)
        shares_release(&l->more->shares);
    free(l->more);
    *l = (struct series_limit){ 0 };
}

int series_limit_shares(struct series_limit *l, const struct limit_opts *opts)
{
    assert(l->more == NULL && l->n == 0);
    if (opts->shares.per_name == 0 && opts->shares.per_origin == 0 && opts->samples_per_name == 0)
        return 0;
    struct limit_more *more = calloc(1, sizeof *more);
    if (more == NULL)
        return -ENOMEM;
    more->opts = *opts;
    int rc = shares_init(&more->shares, &opts->shares);
    if (rc < 0)
        free(more);
    else
        l->more = more;
    return rc;
}

/* Under the lock.  A search ends at a free slot, so there is one. */
static void limit_check(const struct series_limit *l)
{
    assert(l->n <= l->max && l->n <= l->mask / 2 + 1 + probe_move_keys(l->mask));
}

/* 0 stands for a free slot. */
static uint64_t slot_of(uint64_t hash)
{
    return hash + (hash == 0);
}

/* Where the hash is, or the free slot where it would go. */
static uint64_t find(const uint64_t *slots, uint64_t mask, uint64_t hash)
{
    PROBE_EACH(i, hash, mask)
        if (slots[i] == 0 || slots[i] == hash)
            return i;
}

static bool slot_is_free(const void *slots, uint64_t i)
{
    return ((const uint64_t *)slots)[i] == 0;
}

static uint64_t slot_hash(const void *slots, uint64_t i)
{
    return ((const uint64_t *)slots)[i];
}

static void slot_copy(void *to, uint64_t i, const void *from, uint64_t j)
{
    ((uint64_t *)to)[i] = ((const uint64_t *)from)[j];
}

static const struct probe_table slot_ops = { slot_is_free, slot_hash, slot_copy };

static bool move_begin(struct series_limit *l)
{
    uint64_t mask = l->mask * 2 + 1;
    void *next = slab_map(table_bytes(mask));
    if (next == NULL)
        return false;
    backing_ahead(next, table_bytes(mask));
    probe_move_begin(&l->move, l->mask, next, mask);
    return true;
}

static void move_step(struct series_limit *l)
{
    struct probe_move *m = &l->move;
    if (m->done == 0)
        backing_claim(m->next);
    if (!probe_move_step(&slot_ops, m, l->slots, l->mask, m->next, PROBE_STEP))
        return;
    backing_unmap(l->slots, table_bytes(l->mask));
    l->slots = m->next;
    l->mask = m->mask;
    *m = (struct probe_move){ 0 };
}

/* Is the next slots' memory still being made? */
static bool is_awaited(const struct probe_move *m)
{
    return m->done == 0 && !backing_is_ready(m->next);
}

/* Room for one more.  false: no memory */
static bool reserve(struct series_limit *l)
{
    if (l->move.next == NULL && l->n * 2 > l->mask && !move_begin(l))
        return false;
    if (probe_move_due(&l->move) && !(is_awaited(&l->move) && probe_move_put_off(&l->move)))
        move_step(l);
    return true;
}

static void put_next(struct series_limit *l, uint64_t hash)
{
    uint64_t *next = l->move.next;
    next[find(next, l->move.mask, hash)] = hash;
}

static bool claim(struct series_limit *l, uint64_t hash)
{
    uint64_t i = find(l->slots, l->mask, hash);
    if (l->slots[i] == hash)
        return true;
    if (l->n >= l->max || !reserve(l))
        return false;
    l->slots[find(l->slots, l->mask, hash)] = hash;
    if (probe_move_has(&l->move, hash, l->mask))
        put_next(l, hash);
    l->n++;
    limit_check(l);
    return true;
}

/* Is it in the set?  hash: of slot_of */
static bool has(const struct series_limit *l, uint64_t hash)
{
    return l->slots[find(l->slots, l->mask, hash)] == hash;
}

/* hash: of slot_of, not in the set */
static enum limit_answer claim_share(struct series_limit *l, uint64_t hash, struct share whose,
                                     bool bounded)
{
    struct shares *s = &l->more->shares;
    if (l->n >= l->max)
        return LIMIT_SERIES;
    switch (shares_take(s, hash, whose, bounded)) {
    case SHARE_TAKEN:
        break;
    case SHARE_NAME_FULL:
        return LIMIT_PER_NAME;
    case SHARE_ORIGIN_FULL:
        return LIMIT_PER_ORIGIN;
    case SHARE_NO_MEMORY:
        return LIMIT_SERIES;
    }
    if (claim(l, hash))
        return LIMIT_OK;
    shares_drop(s, hash);
    return LIMIT_SERIES;
}

static void drop(struct series_limit *l, uint64_t hash)
{
    uint64_t i = find(l->slots, l->mask, hash);
    if (l->slots[i] == 0)
        return;
    assert(l->n > 0);
    l->n--;
    if (l->more != NULL)
        shares_drop(&l->more->shares, hash);
    l->slots[probe_remove(&slot_ops, l->slots, l->mask, i)] = 0;
    if (probe_move_has(&l->move, hash, l->mask)) {
        uint64_t *next = l->move.next, mask = l->move.mask;
        next[probe_remove(&slot_ops, next, mask, find(next, mask, hash))] = 0;
    }
}

bool series_limit_claim(struct series_limit *l, uint64_t hash)
{
    pthread_mutex_lock(&l->lock);
    bool ok = claim(l, slot_of(hash));
    pthread_mutex_unlock(&l->lock);
    return ok;
}

enum limit_answer series_limit_claim_share(struct series_limit *l, uint64_t hash,
                                           struct share whose)
{
    pthread_mutex_lock(&l->lock);
    enum limit_answer a = LIMIT_OK;
    if (!has(l, slot_of(hash)))
        a = claim_share(l, slot_of(hash), whose, true);
    pthread_mutex_unlock(&l->lock);
    return a;
}

void series_limit_claim_again(struct series_limit *l, uint64_t hash, struct share whose)
{
    pthread_mutex_lock(&l->lock);
    if (!has(l, slot_of(hash)))
        (void)claim_share(l, slot_of(hash), whose, false);
    pthread_mutex_unlock(&l->lock);
}

void series_limit_claim_all(struct series_limit *l, const uint64_t *hashes, size_t n)
{
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(&l->slots[slot_of(hashes[i]) & l->mask], 1);
    for (size_t i = 0; i < n; i++)
        (void)claim(l, slot_of(hashes[i]));
    pthread_mutex_unlock(&l->lock);
}

void series_limit_drop(struct series_limit *l, uint64_t hash)
{
    pthread_mutex_lock(&l->lock);
    drop(l, slot_of(hash));
    pthread_mutex_unlock(&l->lock);
}

/* ---- whom it has limited ---- */

void series_limit_hand_in(struct series_limit *l, struct limited *of_page)
{
    pthread_mutex_lock(&l->lock);
    limited_move(&l->more->limited, of_page);
    pthread_mutex_unlock(&l->lock);
}

void series_limit_totals(struct series_limit *l, struct limit_totals *ret)
{
    ret->on = l->more != NULL;
    if (!ret->on)
        return;
    pthread_mutex_lock(&l->lock);
    ret->limited = l->more->limited;
    ret->origins = l->more->shares.origins.n;
    pthread_mutex_unlock(&l->lock);
}

bool series_limit_is_new(struct series_limit *l, enum limited_by by)
{
    pthread_mutex_lock(&l->lock);
    const struct limited *of = &l->more->limited;
    bool is_new = limited_sum(of, by) != of->by[by].told;
    pthread_mutex_unlock(&l->lock);
    return is_new;
}

bool series_limit_tell(struct series_limit *l, enum limited_by by, char *who, uint64_t *ret_samples)
{
    const char *most;
    pthread_mutex_lock(&l->lock);
    bool told = limited_tell(&l->more->limited, by, &most, ret_samples);
    if (told)
        memcpy(who, most, strlen(most) + 1); /* of at most LIMITED_WHO_MAX */
    pthread_mutex_unlock(&l->lock);
    return told;
}
