/*
 *     server_mirror_set    the first time with a target: make (a tap for each worker) -> mirror_set
 *     server_mirror_tick   mirror_tick -> the workers fill their taps, or let go of them
 */
#include "app/server_mirror.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/mem.h"
#include "base/now.h"

void server_mirror_init(struct server_mirror *m)
{
    uint64_t own;
    if (getrandom(&own, sizeof own, GRND_NONBLOCK) != sizeof own)
        own = now_wall_ns();
    marks_init(&m->marks, own);
}

/* Where sockets really are: of port 0, the one that the kernel chose. */
static size_t own_addresses(const struct server_mirror *m, struct mirror_own *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_listeners; i++) {
        const struct listener *l = &m->listeners[i];
        struct mirror_own *o = &ret[n];
        *o = (struct mirror_own){ .stream = transport_of(l->address.transport)->accepts,
                                  .addr_len = sizeof o->addr };
        if (l->n > 0 && getsockname(l->fds[0], (struct sockaddr *)&o->addr, &o->addr_len) == 0)
            n++;
    }
    return n;
}

static void make(struct server_mirror *m)
{
    const struct tap_opts all = { .share = 1 };
    struct tap_ring *rings[LISTEN_WORKERS_MAX];
    struct mirror_own *own = mem_alloc((m->n_listeners + 1) * sizeof *own);
    for (unsigned i = 0; i < m->n_workers; i++) {
        m->taps[i] = tap_new(&all);
        rings[i] = tap_ring_of(m->taps[i]);
    }
    const struct mirror_setup setup = { .rings = rings,
                                        .n_rings = m->n_workers,
                                        .own = own,
                                        .n_own = own_addresses(m, own),
                                        .marks = &m->marks };
    m->mirror = mirror_new(&setup);
    free(own);
}

static void tap_workers(struct server_mirror *m, bool on)
{
    if (m->tapped == on)
        return;
    m->tapped = on;
    for (unsigned i = 0; i < m->n_workers; i++)
        worker_tap(m->workers[i], TAP_MIRROR, on ? m->taps[i] : NULL);
}

void server_mirror_set(struct server_mirror *m, const struct mirror_opts *opts)
{
    if (m->mirror == NULL && opts->to[0] == '\0')
        return;
    if (m->mirror == NULL)
        make(m);
    mirror_set(m->mirror, opts);
    server_mirror_tick(m);
}

void server_mirror_tick(struct server_mirror *m)
{
    if (m->mirror != NULL)
        tap_workers(m, mirror_tick(m->mirror));
}

void server_mirror_close(struct server_mirror *m)
{
    if (!mirror_free(m->mirror))
        return; /* its thread may still look at the rings */
    m->mirror = NULL;
    for (unsigned i = 0; i < m->n_workers; i++)
        tap_free(m->taps[i]);
}

void server_mirror_stats(const struct server_mirror *m, struct mirror_stats *ret)
{
    *ret = (struct mirror_stats){
        .marks = atomic_load_explicit(&m->marks.others, memory_order_relaxed),
        .loops = atomic_load_explicit(&m->marks.loops, memory_order_relaxed),
    };
    if (m->mirror != NULL)
        mirror_stats(m->mirror, ret);
}
