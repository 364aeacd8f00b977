/**
 * sampling: a sample of what arrives, cut into lines for those who want to see some of it: who
 * sends most, which names come most often, what a tail shows.  Private to app/.
 *
 *     worker ══ a tap with a budget ══> drain, once a second (SAMPLING_SOON_MS while somebody
 *                                       watches) -> parser -> on_line .. on_line, on_datagram
 *
 * Budget and slices bound what it costs: a drain takes about SAMPLING_SLICE_NS, and what it leaves,
 * the rest of a datagram too, waits for the next, SAMPLING_MORE_MS later.
 *
 *   thread   control
 */
#ifndef APP_SAMPLING_H
#define APP_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/slice.h"
#include "listen/tap_group.h"
#include "protocol/parse.h"

enum {
    SAMPLING_EVERY_MS = 1000,
    SAMPLING_SOON_MS = 100,
    SAMPLING_MORE_MS = 10,
    SAMPLING_SLICE_NS = 2000000
};

/* A line of a datagram.  All borrowed for the call. */
struct sampled {
    const struct tap_record *datagram; /* where it was in, by whom it was sent, which share it is */
    unsigned worker;                   /* who read it */
    bool first;                        /* line of its datagram */
    struct slice line;                 /* as it came, without LF */
    struct slice name;                 /* of the metric; ptr NULL: it is none, or refused */
    struct slice origin;               /* the container that it says it is from; ptr NULL: none */
    uint64_t samples; /* values in it; an estimate divides them by datagram->share */
    bool rejected;
};

/* Sums of a datagram at hand, for who wants them by its sender; filled by the user. */
struct sampled_from {
    struct tap_sender sender;
    char text[ADDRESS_TEXT_MAX]; /* of the sender, without the port */
    uint64_t samples;
    uint32_t rejected;
};

struct sampling_opts {
    uv_loop_t *loop;
    struct worker *const *workers; /* n_workers, borrowed until sampling_close */
    unsigned n_workers;
    uint64_t budget;                /* bytes a second of each worker, above 0 */
    const struct parse_opts *parse; /* copied */
    /* returns  what was done with it beyond the usual: so many bytes of a line take as long */
    uint32_t (*on_line)(void *cookie, const struct sampled *s);
    /* After the lines of each that had one. */
    void (*on_datagram)(void *cookie, const struct tap_record *datagram);
    /* After each drain.  returns  whether somebody waits for lines */
    bool (*drained)(void *cookie);
    void *cookie;
};

struct sampling;

/* returns  0 or -ENOMEM */
int sampling_open(const struct sampling_opts *opts, struct sampling **ret);

/* Drain at once: somebody has begun to watch. */
void sampling_soon(struct sampling *s);

/* Datagrams that were looked at or wait to be, and those that found no room to wait.  NULL: none */
struct tap_ring_counts sampling_counts(const struct sampling *s);

/* After the workers have ended; it is gone when the loop has run once more.  NULL is fine. */
void sampling_close(struct sampling *s);

#endif
