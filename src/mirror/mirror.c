/*
 *     mirror_set    what is wanted; settle
 *     mirror_tick   stop_loop -> settle
 *       settle      the run at hand is not what is wanted: asked to end; ended: freed, the next one
 */
#include "mirror/mirror.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/now.h"
#include "mirror/run.h"

enum { END_MS = 2000, LOOK_MS = 2 };

struct mirror {
    struct tap_ring *rings[MIRROR_RINGS_MAX];
    unsigned n_rings;
    struct mirror_own *own;
    size_t n_own;
    struct marks *marks;
    struct mirror_counts counts;
    struct mirror_opts wanted, running;
    bool looped;     /* until the next mirror_set: nothing runs */
    uint32_t n_run;  /* of the last run, from 1 on; its mark has it */
    struct run *run; /* NULL: none */
};

struct mirror *mirror_new(const struct mirror_setup *setup)
{
    struct mirror *m = mem_zalloc(sizeof *m);
    assert(setup->n_rings <= MIRROR_RINGS_MAX);
    memcpy(m->rings, setup->rings, setup->n_rings * sizeof *m->rings);
    m->n_rings = setup->n_rings;
    m->own = mem_alloc(setup->n_own * sizeof *m->own);
    if (setup->n_own > 0)
        memcpy(m->own, setup->own, setup->n_own * sizeof *m->own);
    m->n_own = setup->n_own;
    m->marks = setup->marks;
    return m;
}

static bool same(const struct mirror_opts *a, const struct mirror_opts *b)
{
    return strcmp(a->to, b->to) == 0 && a->by == b->by && a->share.below == b->share.below &&
           a->share.all == b->share.all;
}

static bool is_wanted(const struct mirror *m)
{
    return m->wanted.to[0] != '\0' && !m->looped;
}

/* While there is no thread, which has the state otherwise. */
static void set_state(struct mirror *m, enum mirror_state s)
{
    atomic_store_explicit(&m->counts.state, (int)s, memory_order_relaxed);
}

static void start(struct mirror *m)
{
    struct run_opts o = { .mirror = m->wanted,
                          .rings = m->rings,
                          .n_rings = m->n_rings,
                          .own = m->own,
                          .n_own = m->n_own,
                          .counts = &m->counts };
    marks_name(m->marks, ++m->n_run, o.mark);
    set_state(m, MIRROR_CONNECTING);
    int rc = run_start(&o, &m->run);
    if (rc < 0) {
        LOG(LOG_ERROR, "cannot start the mirror's thread, trying again",
            F_STR("error", err_text(rc)));
        set_state(m, MIRROR_OFF);
        return;
    }
    m->running = m->wanted;
}

static void settle(struct mirror *m)
{
    if (m->run != NULL && !(is_wanted(m) && same(&m->running, &m->wanted)))
        run_stop(m->run);
    if (m->run != NULL && run_ended(m->run)) {
        run_free(m->run);
        m->run = NULL;
        set_state(m, MIRROR_OFF);
    }
    if (m->run == NULL && is_wanted(m))
        start(m);
}

void mirror_set(struct mirror *m, const struct mirror_opts *opts)
{
    m->wanted = *opts;
    m->looped = false;
    settle(m);
}

/* What it sent has come back: by a server that mirrors to us, however many are in between. */
static void stop_loop(struct mirror *m)
{
    /* relaxed: a number, which guards nothing */
    if (m->run == NULL || m->looped ||
        atomic_load_explicit(&m->marks->own_run, memory_order_relaxed) != m->n_run)
        return;
    m->looped = true;
    LOG(LOG_ERROR, "the mirror's own lines came back: it is stopped", F_STR("to", m->running.to),
        F_STR("remedy", "end the mirror of the server that sends them here, or change mirror.to; "
                        "then reload or restart"));
}

bool mirror_tick(struct mirror *m)
{
    stop_loop(m);
    settle(m);
    return m->run != NULL && is_wanted(m);
}

bool mirror_free(struct mirror *m)
{
    const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
    if (m == NULL)
        return true;
    m->wanted.to[0] = '\0';
    if (m->run != NULL)
        run_stop(m->run);
    for (int ms = 0; m->run != NULL && !run_ended(m->run) && ms < END_MS; ms += LOOK_MS)
        (void)nanosleep(&pause, NULL);
    settle(m);
    if (m->run != NULL) {
        LOG(LOG_WARN, "the mirror's thread does not end, and is left behind",
            F_STR("to", m->running.to));
        return false;
    }
    free(m->own);
    free(m);
    return true;
}

void mirror_stats(const struct mirror *m, struct mirror_stats *ret)
{
    const struct mirror_counts *c = &m->counts;
    /* relaxed: a number and counters, each for itself */
    const int state = atomic_load_explicit(&c->state, memory_order_relaxed);
    *ret = (struct mirror_stats){
        .state = m->looped ? MIRROR_LOOP : (enum mirror_state)state,
        .lines = atomic_load_explicit(&c->lines, memory_order_relaxed),
        .datagrams = atomic_load_explicit(&c->datagrams, memory_order_relaxed),
        .bytes = atomic_load_explicit(&c->bytes, memory_order_relaxed),
        .marks = atomic_load_explicit(&m->marks->others, memory_order_relaxed),
        .loops = atomic_load_explicit(&m->marks->loops, memory_order_relaxed),
    };
    for (unsigned i = 0; i < MIRROR_DROP_COUNT; i++)
        ret->dropped[i] = atomic_load_explicit(&c->dropped[i], memory_order_relaxed);
    for (unsigned i = 0; i < m->n_rings; i++)
        ret->dropped[MIRROR_DROP_BEHIND] += tap_ring_counts(m->rings[i]).dropped;
}

const struct mirror_opts *mirror_in_force(const struct mirror *m)
{
    return m->run != NULL ? &m->running : NULL;
}
