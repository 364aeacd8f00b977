#include "listen/tap_group.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

struct tap_group {
    struct worker *const *workers;
    enum tap_kind kind;
    unsigned n;
    struct tap *taps[];
};

struct tap_group *tap_group_new(struct worker *const *workers, unsigned n, enum tap_kind k,
                                const struct tap_opts *opts)
{
    struct tap_group *g = mem_zalloc(sizeof *g + n * sizeof *g->taps);
    g->workers = workers;
    g->kind = k;
    g->n = n;
    for (unsigned i = 0; i < n; i++) {
        g->taps[i] = tap_new(opts);
        worker_tap(workers[i], k, g->taps[i]);
    }
    return g;
}

unsigned tap_group_size(const struct tap_group *g)
{
    return g->n;
}

struct tap_ring *tap_group_ring(struct tap_group *g, unsigned worker)
{
    assert(worker < g->n);
    return tap_ring_of(g->taps[worker]);
}

struct tap_ring_counts tap_group_counts(const struct tap_group *g)
{
    struct tap_ring_counts sum = { 0 };
    for (unsigned i = 0; i < g->n; i++) {
        struct tap_ring_counts c = tap_ring_counts(tap_ring_of(g->taps[i]));
        sum.put += c.put;
        sum.put_bytes += c.put_bytes;
        sum.dropped += c.dropped;
        sum.dropped_bytes += c.dropped_bytes;
    }
    return sum;
}

void tap_group_stop(struct tap_group *g)
{
    for (unsigned i = 0; i < g->n; i++)
        worker_tap(g->workers[i], g->kind, NULL);
}

bool tap_group_stopped(const struct tap_group *g)
{
    for (unsigned i = 0; i < g->n; i++)
        if (!worker_tapped(g->workers[i]))
            return false;
    return true;
}

void tap_group_free(struct tap_group *g)
{
    if (g == NULL)
        return;
    for (unsigned i = 0; i < g->n; i++)
        tap_free(g->taps[i]);
    free(g);
}
