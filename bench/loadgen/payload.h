/**
 * payload: the datagrams, built before the clock starts.
 *
 * All of them lie one behind the other in one block, and are sent round and round; senders share
 * the block.  Every series occurs at least once when skew is 0 (a shuffled deck, dealt again and
 * again); with skew > 0 series are drawn by Zipf.
 *
 * Series i of n: its type by the mix, its tag values by the digits of i in base tag_values, the
 * rest of i in the name.  So
 *     bench.http.requests.count:1|c|#service:svc7,endpoint:/api/v1/e3,method:m1
 *
 *   thread   read-only after payload_init
 */
#ifndef LOADGEN_PAYLOAD_H
#define LOADGEN_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mix.h"
#include "send/block.h"

enum { PAYLOAD_TAGS_MAX = 32 };

struct payload_spec {
    uint64_t seed;
    uint32_t series;
    uint32_t tags;       /* per line, up to PAYLOAD_TAGS_MAX */
    uint32_t tag_values; /* distinct values of each tag, > 0 */
    struct mix mix;
    struct values values; /* of ms, h, d and g; counters count 1 */
    double skew;
    uint32_t bytes;       /* largest datagram; 0: one line each */
    uint32_t most;        /* lines in a datagram at most; 0: as many as fit */
    uint32_t packed;      /* values per ms, h, d line, > 0 */
    double rate;          /* @rate of counters and timers; 1: none */
    uint32_t set_members; /* distinct members of each set, > 0 */
    uint32_t lines;       /* in the block; 0: enough for every series, at least 65,536 */
    size_t block_max;     /* bytes of the block; 0: no bound */
    /* Fill each datagram up to `bytes` with line feeds, so that all are of one size (GSO) */
    bool pad;
    enum send_framing framing; /* comes on top of `bytes` */
    const char *prefix;        /* of names, with its dot */
    const char *suffix;        /* appended to each line, e.g. "|c:ci-abc" */
};

/* What one datagram holds. */
struct payload_count {
    uint32_t lines, values;
    /* Sum of value / rate of its counter lines: what the server's counters should grow by */
    double increments;
};

struct payload {
    char *bytes;
    size_t len;
    struct send_datagram *datagrams; /* their amount is their lines */
    struct payload_count *counts;    /* of each datagram */
    size_t n;
    uint64_t lines, values;
    uint32_t longest; /* bytes of the largest datagram */
};

/* returns  0; -EMSGSIZE: a line of p->longest bytes is more than spec->bytes (or than a datagram
 * can be); the rest of p is empty; -EFBIG: the block would have more than spec->block_max, which
 * its first thousand lines tell; p is empty */
int payload_init(struct payload *p, const struct payload_spec *spec);
void payload_release(struct payload *p);

/* For a sender; borrows p. */
struct send_block payload_block(const struct payload *p);

/* Append the line of series i to out; *count grows by what it holds. */
void payload_line(struct buf *out, const struct payload_spec *spec, uint64_t i, struct rng *r,
                  struct payload_count *count);

#endif
