/**
 * heavy: the heaviest keys of a stream, in bounded memory.  Private to aggregate/.
 *
 * Space-Saving (A. Metwally, D. Agrawal, A. El Abbadi: "Efficient Computation of Frequent and Top-k
 * Elements in Data Streams", ICDT 2005): `most` counters.  A key without one takes over the
 * smallest, goes on from its count and keeps that as its error.  So a count is never too small, at
 * most its error too large, and each key that makes more than 1/most of the stream is there.
 *
 * Counts decay: heavy_decay multiplies all of them, which leaves their order as it is.
 *
 *   thread   one at a time
 *   cost     a note: one look-up and O(log most) steps in a heap
 */
#ifndef AGGREGATE_HEAVY_H
#define AGGREGATE_HEAVY_H

#include <stddef.h>
#include <stdint.h>

#include "aggregate/index.h"
#include "base/slice.h"

enum { HEAVY_KEY_MAX = 255 }; /* longer keys are cut */

struct heavy_entry {
    uint64_t hash;
    double count, error; /* count - error <= what came of the key <= count */
    double datagrams;    /* what its owner adds up beside; 0 when the key takes over */
    double rejected;     /* likewise */
    int64_t first_ms;    /* of this key, since it is here */
    int64_t last_ms;
    uint32_t at; /* place in the heap */
    uint16_t key_len;
    char key[HEAVY_KEY_MAX];
};

struct heavy {
    struct index by_key;
    struct heavy_entry **heap; /* n of them, the smallest count first */
    size_t n, most;
};

void heavy_init(struct heavy *h, size_t most);
void heavy_release(struct heavy *h);

/* The key's entry, with count more.  weight >= 0 */
struct heavy_entry *heavy_note(struct heavy *h, struct slice key, double weight, int64_t now_ms);

/* NULL: it has none. */
const struct heavy_entry *heavy_find(const struct heavy *h, struct slice key);

/* 0 < factor <= 1 */
void heavy_decay(struct heavy *h, double factor);

/* Fill ret with up to `most` entries, the largest first.  returns  how many */
size_t heavy_largest(const struct heavy *h, size_t most, const struct heavy_entry **ret);

#endif
