/**
 * top: which names and which senders bring most of the traffic, estimated from a part of it.
 *
 *     who looks at a part of the traffic          top
 *     -----------------------------------         ---
 *     top_datagram(t, sender, weight, now_ms)     each datagram that was looked at
 *     top_note(t, name, sender, samples, now_ms)  each sample in it
 *     top_rejected(t, sender, weight, now_ms)     each line in it that was not understood
 *     top_sender(t, sender, samples, rejected, now_ms)
 *                                                 or both of these of a whole datagram at once
 *     top_tick(t, now_ms)                         once a second about; sooner does nothing
 *
 * weight and samples are those of the whole traffic: 1 for a datagram, or the samples of a line,
 * divided by the share that was looked at (tap_record.share).
 *
 * A thousand names and a thousand senders are kept (src/aggregate/heavy.h), and what came decays:
 * after TOP_WINDOW_S it counts 1/e.  A rate is the sum divided by the window, or in the first
 * minute by as much of it as there was.
 *
 *   thread   control
 *   cost     top_note 100 to 200 ns; top_tick some us
 */
#ifndef AGGREGATE_TOP_H
#define AGGREGATE_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { TOP_ENTRIES = 1000, TOP_WINDOW_S = 60 };

struct top;

struct top *top_new(int64_t now_ms);
void top_free(struct top *t); /* NULL is fine */

/*
 * sender: "10.0.0.7", "container:abc" or "unix:pid 42"; ptr NULL: not known, and counted for the
 * names alone.  Both are copied, any bytes.
 */
void top_datagram(struct top *t, struct slice sender, double weight, int64_t now_ms);
void top_note(struct top *t, struct slice name, struct slice sender, double samples,
              int64_t now_ms);
void top_rejected(struct top *t, struct slice sender, double weight, int64_t now_ms);

/* As top_note of names that are noted without their sender, and top_rejected. */
void top_sender(struct top *t, struct slice sender, double samples, double rejected,
                int64_t now_ms);

void top_tick(struct top *t, int64_t now_ms);

enum top_by { TOP_NAMES, TOP_SENDERS };

struct top_entry {
    struct slice key; /* valid until the next call that notes something */
    /* A second: samples may be too large by error, and is never too small but by chance. */
    double samples, error;
    double datagrams, rejected; /* a second; of a sender */
    int64_t first_ms, last_ms;
};

/* Up to `most` <= TOP_ENTRIES, the largest first.  returns  how many */
size_t top_largest(const struct top *t, enum top_by by, size_t most, struct top_entry *ret);

/* returns  false: the name is not among those that are kept */
bool top_find(const struct top *t, struct slice name, struct top_entry *ret);

/* Which part of the datagrams was looked at, in the window; 1 while none came. */
double top_share(const struct top *t);

#endif
