/**
 * capturing_taps: a capture's side of the workers: their taps, and which socket is at which place
 * of which worker.  Private to app/capturing.
 *
 *     begin; make, turn on, turn off, until all have let go, free ...; end
 *
 *   thread   control
 */
#ifndef APP_CAPTURING_TAPS_H
#define APP_CAPTURING_TAPS_H

#include "capture/capture.h"
#include "listen/listener.h"
#include "listen/worker.h"

struct capturing_taps {
    /* Set by whoever has it, before begin: */
    struct worker **workers; /* n_workers */
    unsigned n_workers;
    const struct listener *listeners; /* n_listeners */
    size_t n_listeners;
    /* Its own: */
    struct capture_socket *sockets;       /* n_listeners */
    struct capture_feed *feeds;           /* n_workers */
    uint16_t *places[LISTEN_WORKERS_MAX]; /* of each feed: its sockets */
    struct tap *of[LISTEN_WORKERS_MAX];   /* of each worker, in this capture */
};

/* All workers have their sockets. */
void capturing_taps_begin(struct capturing_taps *t);
void capturing_taps_end(struct capturing_taps *t);

/* share: of the datagrams, above 0, at most 1; most: bytes that are kept of one.  The rings are in
 * feeds. */
void capturing_taps_make(struct capturing_taps *t, double share, uint32_t most);
void capturing_taps_free(struct capturing_taps *t);

/* From their next read on the workers copy, or no more. */
void capturing_taps_turn(struct capturing_taps *t, bool on);

/* Has each worker seen that it has none? */
bool capturing_taps_let_go(const struct capturing_taps *t);

/* Datagrams that found a ring full; 0 where there are none. */
uint64_t capturing_taps_dropped(const struct capturing_taps *t);

#endif
