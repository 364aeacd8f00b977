/**
 * ingest_priv: the inside of a worker's side, shared by ingest.c (its life, the turn of its pages),
 * ingest_batch.c (samples into cells), ingest_sight.c (cells made and listed), ingest_mapping.c
 * (what the mapping makes of a spelling) and ingest_exemplars.c.
 * Private to aggregate/.
 */
#ifndef AGGREGATE_INGEST_PRIV_H
#define AGGREGATE_INGEST_PRIV_H

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "aggregate/deleted.h"
#include "aggregate/generation.h"
#include "aggregate/ingest.h"
#include "aggregate/snapshot.h"
#include "aggregate/page.h"
#include "base/buf.h"
#include "base/mem.h"

/* A sample of the stage at hand, and where it goes. */
struct ingest_todo {
    struct cell *cell;
    int32_t bucket;  /* a timer's: struct sketch_at */
    uint16_t sample; /* index in the stage */
    int8_t schema;
};
static_assert(INGEST_BATCH_MAX <= UINT16_MAX, "an index of a stage fits");

struct ingest {
    struct ingest_opts opts; /* without profiles and mapping: see now */
    struct generation now;
    struct page *page; /* the one being filled */
    struct page pages[2];
    struct ingest_counters stats;
    uint64_t rejected[REASON_COUNT];
    const struct batch *batch; /* at hand */
    uint64_t batch_ns;         /* its now_ns */
    uint32_t arrival;          /* index of the arrival last asked for */
    bool saw_relative;         /* a relative change of a gauge */
    uint64_t expire_at;        /* slot where the sweep for idle cells goes on */
    uint64_t expire_due;       /* slots that it is behind */
    uint64_t expire_slots;     /* of how large a table it looks at a quarter ttl's worth */
    uint64_t expire_ms;        /* as of when that was worked out; 0: not yet */
    struct deleted *forgets;   /* cells of its series go; NULL: none do.  A reference */
    uint64_t forget_left;      /* slots to look at for those */
    uint64_t forget_mask;      /* of the table then */
    /* Of the stage at hand: the cell of each sample, NULL where there is none, and what each kind
     * has to add, in the samples' order. */
    struct cell *found[INGEST_BATCH_MAX];
    uint32_t n_todo[SERIES_KIND_COUNT];
    struct ingest_todo todo[SERIES_KIND_COUNT][INGEST_BATCH_MAX];
    struct tags tags;    /* of the spelling just met for the first time */
    struct rates *rates; /* limits.max_samples_per_name; NULL: no such limit */
    /*
     * The hand-over.  Each holds a page or NULL; who exchanges a page out owns it.  On lines of
     * their own: control writes here.
     */
    _Alignas(MEM_APART) _Atomic(struct page *) ready; /* sealed, for control */
    _Atomic(struct page *) empty;                     /* merged, for the worker */
    _Atomic(struct generation *) next;                /* for the worker's next turn */
    _Atomic(struct deleted *) deleted;                /* likewise */
};
static_assert(offsetof(struct ingest, ready) % MEM_APART == 0 &&
                  sizeof(struct ingest) % MEM_APART == 0,
              "what control writes shares no cache line with what a sample needs");
static_assert(offsetof(struct ingest, pages) % MEM_APART == 0 &&
                  sizeof(struct page) % MEM_APART == 0,
              "nor does the page that control reads share one with the page being filled");

/* On the worker's thread, between two batches. */
static inline void ingest_check(const struct ingest *in)
{
    page_check(in->page);
    assert(in->page == &in->pages[in->page->index]);
    generation_check(&in->now);
}

/* The series of a cell that no open page has was deleted. */
static inline bool ingest_is_deleted(const struct ingest *in, const struct cell *c)
{
    return in->forgets != NULL && c->series != NULL && deleted_may(in->forgets, c->series);
}

static inline bool ingest_is_idle(const struct ingest *in, const struct cell *c, uint64_t now_s)
{
    uint64_t ttl_s = profiles_at(in->now.profiles, c->profile)->ttl_s;
    return ttl_s > 0 && now_s > c->last_s + ttl_s;
}

/* Spellings that have a cell, but for those that are dropped. */
static inline size_t ingest_spellings(const struct ingest *in)
{
    return in->now.table.n - in->now.n_identities - in->now.n_dropped;
}

/* ---- ingest_sight.c ---- */

/* s is a sample of a spelling that the table does not know.
 * returns  a cell that the page lists or has room to list; NULL: it is refused or dropped */
struct cell *ingest_first_sight(struct ingest *in, const struct sample *s, uint32_t now_s);

/**
 * ingest_list_cell(in, s, c, now_s):
 * For sample s: the cell c, which the page does not list yet, or the one that alias c leads to.
 *   returns  a cell that the page lists; NULL: the sample is dropped, or, without memory, refused
 */
struct cell *ingest_list_cell(struct ingest *in, const struct sample *s, struct cell *c,
                              uint32_t now_s);

/* Count and tell that s is refused: for that reason, or (REASON_NONE) by a limit. */
void ingest_refuse(struct ingest *in, const struct sample *s, enum reason why);

/* ---- ingest_mapping.c ---- */

/**
 * ingest_map(in, s, now_s, ret_profile):
 * s is a good sample of a spelling that the table does not know.
 *   returns  true, and the number of the series' profile; false: dropped, counted and remembered
 */
bool ingest_map(struct ingest *in, const struct sample *s, uint32_t now_s, uint8_t *ret_profile);

/* One more sample of a spelling that is remembered as dropped. */
void ingest_drop_again(struct ingest *in, struct cell *dropped, uint32_t now_s);

/* The sweep is at a spelling that is dropped.  true: it was idle and is gone */
bool ingest_expire_dropped(struct ingest *in, struct cell *dropped, uint64_t now_s);

/* ---- ingest_exemplars.c ---- */

/* The n samples of b from index `at` were added to the cells in in->found; with opts.exemplars. */
void ingest_exemplars(struct ingest *in, const struct batch *b, uint32_t at, uint32_t n);

/* ---- ingest_limits.c ---- */

/* What opts.limit asks for.  returns  0 or -ENOMEM, with ingest_limits_release to come */
int ingest_limits_init(struct ingest *in);
void ingest_limits_release(struct ingest *in);

/**
 * ingest_claim(in, s, id, ret_origin):
 * May the identity of sample s have a series?
 *   ret_origin   the hash of its origin, for its birth; 0: none
 *   returns      false: a limit is reached; where it is one on a share, that is counted
 */
bool ingest_claim(struct ingest *in, const struct sample *s, const struct identity *id,
                  uint64_t *ret_origin);

/* Count that s is beyond limits.max_samples_per_name. */
void ingest_drop_rate(struct ingest *in, const struct sample *s, uint32_t now_s);

/* ---- ingest.c ---- */

/* Add the parser's counts to the worker's, and set them to 0. */
void ingest_take_counts(struct ingest *in, struct parse_counts *c);

/* ---- helpers ---- */

/* Room for one more item, or false. */
static inline bool ingest_room(void *array, size_t n, size_t *cap, size_t item)
{
    if (n < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 64;
    void **at = array;
    void *p = realloc(*at, more * item);
    if (p == NULL)
        return false;
    *at = p;
    *cap = more;
    return true;
}

#endif
