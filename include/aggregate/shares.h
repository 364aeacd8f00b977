/**
 * shares: how many series each metric name has, and each origin, over all workers.
 *
 *     owners   identity -> its name and origin, as they were when it was let in
 *     names    name     -> its series
 *     origins  origin   -> its series
 *
 * All by 64-bit hashes.  An entry is there as long as it has a series, so none of the three has
 * more than there may be series.  Part of struct series_limit, whose lock it is under; asked on
 * first sight of a series only.  The tables grow in steps (base/probe_move.h).
 */
#ifndef AGGREGATE_SHARES_H
#define AGGREGATE_SHARES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/probe_move.h"

struct shares_opts {
    uint64_t per_name, per_origin; /* series; 0: as many as there may be */
};

/* Whose an identity is. */
struct share {
    uint64_t name;
    uint64_t origin; /* 0: not known, and limited by nothing */
};

struct shares_slot {
    uint64_t key; /* 0: free */
    uint64_t a, b;
};

struct shares_table {
    struct shares_slot *slots;
    uint64_t mask, n;
    struct probe_move move;
};

struct shares {
    struct shares_opts opts;
    struct shares_table owners, names, origins;
};

enum share_answer { SHARE_TAKEN, SHARE_NAME_FULL, SHARE_ORIGIN_FULL, SHARE_NO_MEMORY };

/* Bytes that a series takes in the tables at most: three entries, while the tables move. */
enum { SHARES_SERIES_BYTES = 3 * 6 * sizeof(struct shares_slot) };

/* returns  0 or -ENOMEM */
int shares_init(struct shares *s, const struct shares_opts *opts);
void shares_release(struct shares *s); /* a zeroed one is fine */

/**
 * shares_take(s, id, whose, bounded):
 * id, which has no entry, is that name's and that origin's.
 *   bounded  false: also beyond the limits
 *   returns  SHARE_TAKEN; else nothing has changed
 */
enum share_answer shares_take(struct shares *s, uint64_t id, struct share whose, bool bounded);

/* id is gone; nothing happens where it has no entry. */
void shares_drop(struct shares *s, uint64_t id);

/* Series of a name, of an origin: for tests. */
uint64_t shares_of_name(const struct shares *s, uint64_t name);
uint64_t shares_of_origin(const struct shares *s, uint64_t origin);

#endif
