/**
 * redis_encode: a closed interval as commands, each serialised once.
 *
 * One batch is one EVALSHA of redis_script: at most REDIS_BATCH_SERIES series and about REDIS_BATCH_BYTES of one shard.
 * What is known only when the batch is first sent has a place of fixed width in the bytes (redis_batch_address): the sha1 of
 * the script, the producer's epoch and the sequence number.  From then on a batch goes out byte for byte the same.
 *
 * Per interval every shard gets at least one batch, empty if need be, so that a producer that lost writes is noticed within
 * one interval.  The very last batch, of shard crc16(instance) % 64, carries the log entry.
 *
 *   thread   one owner
 */
#ifndef SINKS_REDIS_ENCODE_H
#define SINKS_REDIS_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/snapshot.h"
#include "sinks/sink.h"

enum {
    REDIS_BATCH_SERIES = 250,         /* keeps one run of the script under 3 ms */
    REDIS_BATCH_BYTES = 512 * 1024
};

struct redis_interval;    /* the ledger's */

struct redis_batch {
    /* Made by redis_encode, constant afterwards. */
    char *bytes;
    size_t len;
    uint32_t sha_at, epoch_at, seq_at;    /* places in bytes */
    uint32_t series;
    struct sink_amount amount;            /* of these series */
    uint8_t shard;
    bool last;                            /* of its interval: carries the log entry */
    /* The ledger's. */
    uint64_t epoch, seq;                  /* 0: never sent */
    uint64_t acked_ms;
    struct redis_interval *interval;      /* NULL once applied */
    struct redis_batch *next, *prev;
    uint8_t failures;                     /* errors that will come again */
    bool in_flight;
};

void redis_batch_free(struct redis_batch *b);

/* Give the batch its name in its shard's sequence: 0 < seq < 10^12, epoch < 10^13. */
void redis_batch_address(struct redis_batch *b, uint64_t epoch, uint64_t seq);
void redis_batch_sha(struct redis_batch *b, const char *sha40);

struct redis_encode_opts {
    const char *prefix, *instance;        /* copied */
    uint32_t retention_s;
};

struct redis_encode;

struct redis_encode *redis_encode_new(const struct redis_encode_opts *opts);
void redis_encode_free(struct redis_encode *e);

/**
 * redis_encode_interval(e, snap, take, cookie):
 * Calls take(cookie, batch) for every batch, in the order to send them; the batches are the taker's.
 *   cost     about 0.5 us a counter [SINKS 5.4: 0.05 s per 100k series]
 */
typedef void (*redis_encode_take_fn)(void *cookie, struct redis_batch *b);
void redis_encode_interval(struct redis_encode *e, const struct snapshot *snap, redis_encode_take_fn take, void *cookie);

#endif
