#include "listen/worker_order_priv.h"

#include <stdlib.h>

#include "base/now.h"

bool worker_order_stamps(struct worker_order *o, const struct ingest *in, uint64_t datagrams)
{
    /* relaxed: a hint that guards nothing; a worker that sees it late stamps a little later */
    bool relative = atomic_load_explicit(&o->relative, memory_order_relaxed);
    if (!relative && ingest_saw_relative(in))
        atomic_store_explicit(&o->relative, relative = true, memory_order_relaxed);
    return relative || datagrams < WORKER_STAMPED_FIRST;
}

/*
 * The number changes only when the wall clock was set, or has drifted by a millisecond.  A reading
 * that took long says nothing: this thread was not running for a part of it.
 */
int64_t worker_order_wall_ahead_ns(struct worker_order *o)
{
    enum { SLOW_NS = 20000, DRIFT_NS = 1000000, TRIES = 8 };
    /* relaxed: a number by itself; workers that see it a little later differ for that long */
    int64_t known = atomic_load_explicit(&o->wall_ahead_ns, memory_order_relaxed);
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = now_mono_ns(), wall = now_wall_ns(), took = now_mono_ns() - before;
        if (took > SLOW_NS && (known != 0 || i < TRIES - 1))
            continue;
        int64_t ahead = (int64_t)(wall - before - took / 2);
        if (llabs(ahead - known) <= DRIFT_NS)
            break;
        atomic_store_explicit(&o->wall_ahead_ns, ahead, memory_order_relaxed);
        return ahead;
    }
    return known;
}
