/**
 * redis_encode: a closed interval as commands, each serialised once.
 *
 * One batch is one EVALSHA of redis_script: at most REDIS_BATCH_SERIES series and about REDIS_BATCH_BYTES of one shard.
 * What is known only when the batch is first sent has a place of fixed width in the bytes (redis_batch_address): producer,
 * number, tokens and mark.  From then on a batch goes out the same, but for the sha1 of the script and a flag that it is late.
 *
 * Per interval every shard gets at least one batch, empty if need be, so that a producer that lost writes is noticed within
 * one interval.  The very last batch, of shard crc16(instance) % 64, carries the log entry.
 *
 * A value that is not finite is left out and counted.
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
    REDIS_BATCH_BYTES = 512 * 1024,
    REDIS_ID_DIGITS = 32,             /* of a producer: hexadecimal */
    REDIS_TOKEN_DIGITS = 16           /* of an interval: hexadecimal */
};

struct redis_interval;    /* the ledger's */

struct redis_batch {
    /* Made by redis_encode, constant afterwards. */
    char *bytes;
    size_t len;
    uint32_t sha_at, id_at, seq_at, token_at, before_at, mark_at, stale_at;    /* places in bytes */
    uint32_t series;
    struct sink_amount amount;            /* of these series */
    uint32_t life_s;                      /* of the producer's key after this batch */
    uint8_t shard;
    bool last;                            /* of its interval: carries the log entry */
    /* The ledger's. */
    uint64_t epoch, seq;                  /* which of the shard's producers numbered it; seq 0: never sent */
    uint64_t series_upto;                 /* series of the producer's batches 1 .. seq */
    uint32_t nth, nth_before;             /* ordinal of its interval, and of the one of the batch before it */
    uint64_t first_sent_ms, acked_ms;
    struct redis_interval *interval;      /* NULL once applied */
    struct redis_batch *next, *prev;
    uint32_t order;                       /* ordinal among all batches; it may wrap around */
    uint8_t node;                         /* in flight: where to */
    uint8_t failures;                     /* errors that will come again */
    bool in_flight;
    bool unsure;                          /* a connection ended with it under way: it may have been applied */
};

void redis_batch_free(struct redis_batch *b);

/* A batch's name in its shard's sequence, and what Redis keeps with it to tell later what it has. */
struct redis_address {
    const char *id;                       /* of the producer */
    const char *before;                   /* token of the batch before it; of number 1: anything */
    uint64_t seq, series;                 /* 0 < seq < 10^12; series in batches 1 .. seq */
    uint32_t nth;                         /* ordinal of the interval */
};

/* Writes a into the bytes and nowhere else. */
void redis_batch_address(struct redis_batch *b, const struct redis_address *a);
/* The token tells its interval from all others, of whatever server. */
void redis_batch_brand(struct redis_batch *b, const char *token);
struct slice redis_batch_token(const struct redis_batch *b);
void redis_batch_sha(struct redis_batch *b, const char *sha40);
/* Sent for the first time so long ago that Redis may have forgotten the producer. */
void redis_batch_stale(struct redis_batch *b, bool stale);

struct redis_encode_opts {
    const char *prefix, *instance;        /* copied */
    uint32_t retention_s;
};

struct redis_encode;

struct redis_encode *redis_encode_new(const struct redis_encode_opts *opts);
void redis_encode_free(struct redis_encode *e);

/**
 * redis_encode_interval(e, snap, life_s, take, cookie):
 * Calls take(cookie, batch) for every batch, in the order to send them; the batches are the taker's.
 *   life_s   how long Redis remembers the producer after these batches
 *   cost     about 0.5 us a counter [SINKS 5.4: 0.05 s per 100k series]
 */
typedef void (*redis_encode_take_fn)(void *cookie, struct redis_batch *b);
void redis_encode_interval(struct redis_encode *e, const struct snapshot *snap, uint32_t life_s, redis_encode_take_fn take,
                           void *cookie);

/* Values left out because they were not finite, since the start. */
uint64_t redis_encode_refused(const struct redis_encode *e);

#endif
