/**
 * set_window: the distinct members of a set over the last steps, of which the current one is still
 * open.  Private to aggregate/.
 *
 * While there are few, each member's hash stands once, beside the step in which it last came: 9
 * bytes a place, so a set whose members come again in every interval takes no more than one
 * interval of them.  Past MEMBERS_EXACT members each step has a `struct members` of its own, which
 * is exact or a HyperLogLog by itself, and the count is that of their union; it goes back to the
 * small form once the window holds few again.
 *
 * Memory: 9 bytes for each of 2 to 4 places a member while there are few; beyond, 16 KiB at most
 * for each step that had members.
 *
 *   thread   one owner
 */
#ifndef AGGREGATE_SET_WINDOW_H
#define AGGREGATE_SET_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/members.h"
#include "aggregate/profile.h"

struct buf;
struct set_steps;
struct unpack;

/* { 0 } is an empty window. */
struct set_window {
    uint64_t *hashes;        /* open addressing, 0 is free; behind all of them, for each a
                                 uint8_t: the low bits of its step */
    struct set_steps *steps; /* NULL while there are few */
    uint32_t n, cap;         /* of hashes */
};

void set_window_release(struct set_window *w);

/* m came in during that step, which is the latest so far. */
void set_window_merge(struct set_window *w, const struct members *m, uint64_t step);

/**
 * set_window_advance(w, step, keep):
 * `step` begins: forget what came last before the `keep` steps in front of it.  Called for each
 * step, keep <= PROFILE_SET_STEPS_MAX.
 */
void set_window_advance(struct set_window *w, uint64_t step, uint32_t keep);

/* All of `from` comes into w; both are at that step. */
void set_window_absorb(struct set_window *w, const struct set_window *from, uint64_t step);

/*
 * How many distinct: exact up to MEMBERS_EXACT.   cost  where there are many, 50 us at the first
 * call after a change
 */
uint64_t set_window_count(const struct set_window *w);

bool set_window_empty(const struct set_window *w);

/*
 * The window as bytes (base/pack.h), and back; steps as ages before `step`, the current one.
 *     u8 0, u16 n, n times u64 hash, u8 age             few
 *     u8 1, for each age from 0 to the last: members    many
 * set_window_load: w is empty.   returns  false: that is no window; w may hold part of it
 */
void set_window_save(const struct set_window *w, uint64_t step, struct buf *out);
bool set_window_load(struct set_window *w, uint64_t step, struct unpack *in);

#endif
