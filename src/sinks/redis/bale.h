/**
 * redis_bale: batches of one interval and shard that wait long, compressed as one.
 *
 * In a queue a bale is a batch with `bale` set and no bytes: its sums, its interval, and the order
 * and number of the first of them stand for all.  It is made of batches that have no number.  When
 * they get numbers while they are packed (state.h), the bale keeps the producer as it was before
 * the first, and they are written into the batches when it is opened.
 *
 * Where it waits: in memory, or its bytes are in a file (spool_file.h) at `at`.
 *
 *   thread   the ledger's owner
 *   cost     some 0.2 ms to make one of REDIS_BALE_BYTES, 0.1 ms to open it
 */
#ifndef SINKS_REDIS_BALE_H
#define SINKS_REDIS_BALE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pack.h"
#include "base/squeeze.h"
#include "sinks/redis/bale_parts.h"
#include "sinks/redis/batch.h"

/* A bale is made of batches up to about so many bytes; one batch may be longer. */
enum { REDIS_BALE_BYTES = 64 * 1024 };

struct redis_producer;

/* How many batches b stands for: 1, or those of its bale. */
uint32_t redis_bale_batches(const struct redis_batch *b);
/* The number of the last of them; 0: they have none. */
uint64_t redis_bale_last_seq(const struct redis_batch *b);
/* What b takes in memory; and how much of it is compressed. */
uint64_t redis_bale_memory(const struct redis_batch *b);
uint64_t redis_bale_packed(const struct redis_batch *b);

/* returns  what the batch adds to a bale, before it is compressed */
size_t redis_bale_bytes_of(const struct redis_batch *b);

/**
 * redis_bale_make(q, first, n):
 *   first, n batches of one interval and shard, linked by next, without numbers; they stay
 *   returns  what stands for them, without a place in a queue; NULL: no memory to compress
 */
struct redis_batch *redis_bale_make(struct squeeze *q, const struct redis_batch *first, uint32_t n);

/**
 * redis_bale_open(q, of, bytes, ret):
 *   bytes    the bale's, wherever they were
 *   ret      its batches, linked by next, each with its interval and number
 *   returns  false: they are damaged, and ret is NULL
 */
bool redis_bale_open(struct squeeze *q, const struct redis_batch *of, struct slice bytes,
                     struct redis_batch **ret);

/* Gives the next numbers of p to what is in the bale, and advances p.   nth   of its interval */
void redis_bale_number(struct redis_batch *of, struct redis_producer *p, uint32_t nth,
                       uint64_t now_ms);
/* They have no numbers any more. */
void redis_bale_unnumber(struct redis_batch *of);

/* All but the interval, for a state; the bytes too, if they are in memory.  As redis_stored_get. */
void redis_bale_put(struct buf *out, const struct redis_batch *of, uint64_t now_ms);
const char *redis_bale_get(struct unpack *in, uint64_t then_ms, struct redis_batch *of);

#endif
