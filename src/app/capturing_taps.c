#include "app/capturing_taps.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "listen/tap.h"

/* ---- which socket is where ---- */

static void describe_sockets(struct capturing_taps *t)
{
    t->sockets = mem_zalloc(t->n_listeners * sizeof *t->sockets);
    for (size_t i = 0; i < t->n_listeners; i++) {
        const struct listener *l = &t->listeners[i];
        socklen_t len = sizeof t->sockets[i].address;
        t->sockets[i].url = l->address.name;
        /* With the port that the kernel chose. */
        if (l->n == 0 ||
            getsockname(l->fds[0], (struct sockaddr *)&t->sockets[i].address, &len) < 0)
            t->sockets[i].address.ss_family = AF_UNIX;
    }
}

static void map_places(struct capturing_taps *t, unsigned worker)
{
    uint16_t *at = mem_zalloc(WORKER_SOCKETS_MAX * sizeof *at);
    for (size_t i = 0; i < t->n_listeners; i++) {
        const struct listener *l = &t->listeners[i];
        for (unsigned k = 0; k < l->n_readers; k++)
            if ((l->reader + k) % t->n_workers == worker)
                at[l->places[k]] = (uint16_t)i;
    }
    t->places[worker] = at;
    t->feeds[worker] = (struct capture_feed){ .sockets = at, .n_sockets = WORKER_SOCKETS_MAX };
}

/* ---- taps ---- */

void capturing_taps_turn(struct capturing_taps *t, bool on)
{
    for (unsigned i = 0; i < t->n_workers; i++)
        worker_tap(t->workers[i], TAP_CAPTURE, on ? t->of[i] : NULL);
}

void capturing_taps_make(struct capturing_taps *t, double share, uint32_t most)
{
    const struct tap_opts o = {
        .ring_bytes = CAPTURE_RING_BYTES, .share = share, .most = most, .senders = true
    };
    for (unsigned i = 0; i < t->n_workers; i++) {
        t->of[i] = tap_new(&o);
        t->feeds[i].ring = tap_ring_of(t->of[i]);
    }
}

void capturing_taps_free(struct capturing_taps *t)
{
    for (unsigned i = 0; i < t->n_workers; i++) {
        tap_free(t->of[i]);
        t->of[i] = NULL;
    }
}

uint64_t capturing_taps_dropped(const struct capturing_taps *t)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < t->n_workers && t->of[i] != NULL; i++)
        n += tap_ring_counts(tap_ring_of(t->of[i])).dropped;
    return n;
}

bool capturing_taps_let_go(const struct capturing_taps *t)
{
    for (unsigned i = 0; i < t->n_workers; i++)
        if (!worker_tapped(t->workers[i]))
            return false;
    return true;
}

/* ---- life ---- */

void capturing_taps_begin(struct capturing_taps *t)
{
    describe_sockets(t);
    t->feeds = mem_zalloc(t->n_workers * sizeof *t->feeds);
    for (unsigned i = 0; i < t->n_workers; i++)
        map_places(t, i);
}

void capturing_taps_end(struct capturing_taps *t)
{
    for (unsigned i = 0; i < t->n_workers; i++) {
        free(t->places[i]);
        t->places[i] = NULL;
    }
    free(t->feeds);
    free(t->sockets);
    t->feeds = NULL;
    t->sockets = NULL;
}
