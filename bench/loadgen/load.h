/**
 * load: who sends the load of a run: threads of this process (load_local), or others that it
 * steers.
 *
 *     start -> running, elapsed_s, wished, totals ... -> stop if it is to end early
 *           -> join -> settle -> totals -> end
 *
 *   thread   the caller's
 */
#ifndef LOADGEN_LOAD_H
#define LOADGEN_LOAD_H

#include <stdbool.h>

#include "payload.h"
#include "send/sender.h"
#include "tally.h"

struct load_kind {
    /**
     * start(with, o, payload, ret):
     *   with     of struct load
     *   o        block and hook are not set
     *   ret      for the other functions
     *   returns  0; -errno: sockets, threads or senders could not be had
     */
    int (*start)(void *with, const struct sender_opts *o, const struct payload *payload,
                 void **ret);
    bool (*running)(const void *l);
    double (*elapsed_s)(const void *l);
    /* What should have been sent by then, in the shape's unit; NaN: as fast as possible */
    double (*wished)(const void *l, double at_s);
    void (*totals)(const void *l, struct tally_totals *ret);
    void (*stop)(void *l);
    /* Wait until all have ended.   returns  how long sending lasted, in seconds */
    double (*join)(void *l);
    void (*settle)(void *l); /* as senders_settle */
    void (*end)(void *l);    /* l is gone */
};

struct load {
    const struct load_kind *kind;
    void *with;
};

/* Threads of this process; with: NULL. */
extern const struct load_kind load_local;

#endif
