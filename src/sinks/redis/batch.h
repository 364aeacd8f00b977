/**
 * redis_batch: one EVALSHA of redis_script, serialised once.
 *
 * It holds at most REDIS_BATCH_SERIES series and about REDIS_BATCH_BYTES of one shard.
 * redis_encode builds it, the ledger owns it from then on, the route sends its bytes.
 *
 *     bytes   head: RESP, all that is not of a series   sections: packed (pack.h)
 *
 * It waits in that form, which takes a third of the memory; redis_batch_wire makes RESP of it.
 *
 * What is known only when it is first sent has a place of fixed width in the bytes: producer,
 * number, tokens and mark.  From then on the same bytes are sent each time, but for three things
 * that say nothing about the content: the sha1 of the script, the flag that it is stale, and the
 * producer's generation.
 *
 *   thread   one owner
 */
#ifndef SINKS_REDIS_BATCH_H
#define SINKS_REDIS_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "sinks/redis.h"
#include "sinks/redis/cargo.h"
#include "sinks/sink.h"

enum {
    REDIS_BATCH_SERIES = 250, /* keeps one run of the script under 3 ms */
    REDIS_BATCH_BYTES = 512 * 1024,
    /* Widths of the places. */
    REDIS_SHA_DIGITS = 40,
    REDIS_ID_DIGITS = 32,    /* of a producer: hexadecimal */
    REDIS_TOKEN_DIGITS = 16, /* of an interval: hexadecimal */
    REDIS_SEQ_DIGITS = 12,
    REDIS_MARK_SERIES_DIGITS = 15, /* the mark is series ':' ordinal of the interval */
    REDIS_MARK_NTH_DIGITS = 10,
    REDIS_GENERATION_DIGITS = 6,
    REDIS_GENERATION_MAX = 999999,
    REDIS_BATCH_PLACES = 9
};

struct redis_interval; /* the ledger's */
struct redis_bale;     /* bale.h */

/* The arguments that are of series, in the order of `bytes`.  The keys of sets go where the head is
 * split, all others behind the head. */
enum redis_section {
    REDIS_SET_KEYS,
    REDIS_COUNTERS,
    REDIS_GAUGES,
    REDIS_GAUGE_DELTAS,
    REDIS_TIMERS,
    REDIS_TIMERS_NEGATIVE,
    REDIS_GAUGES_OWN, /* the instance's own part of gauges that are among the others, too */
    REDIS_SETS,
    REDIS_SECTION_COUNT
};

struct redis_batch {
    enum redis_cargo cargo; /* first */
    /* Written by redis_encode, constant afterwards. */
    char *bytes;
    size_t len;
    uint32_t head_len, split_at;
    uint16_t ops[REDIS_SECTION_COUNT]; /* of each section: keys and what belongs to them */
    uint32_t sha_at, id_at, seq_at, token_at, before_at, mark_at, stale_at, generation_at,
        only_at; /* places in bytes */
    uint32_t series;
    struct sink_amount amount; /* of these series */
    uint32_t life_s;           /* of the producer's key after this batch */
    uint8_t shard;
    bool last; /* of its interval: carries the log entry */
    /* Written by the ledger. */
    uint64_t epoch;       /* which of the shard's producers numbered it */
    uint64_t seq;         /* its number; 0: never sent under this producer */
    uint64_t series_upto; /* series of the producer's batches 1 .. seq */
    uint32_t nth;         /* ordinal of its interval */
    uint32_t nth_before;  /* .. and of that of the batch before it */
    uint64_t first_sent_ms, acked_ms;
    struct redis_interval *interval; /* NULL once settled */
    struct redis_batch *next, *prev;
    uint32_t order;   /* ordinal among all batches; it may wrap around */
    uint8_t node;     /* in flight: to which node */
    uint8_t failures; /* times it was settled without being applied */
    bool in_flight;
    bool unsure;   /* a connection ended before its answer */
    bool restored; /* of a saved state (state.h) */
    /* Written by the route when it is sent. */
    size_t wire_len; /* of what redis_batch_wire makes */
    /* Not NULL: it stands for several batches that wait as one (bale.h), and has no bytes. */
    struct redis_bale *bale;
};

void redis_batch_free(struct redis_batch *b);

/**
 * redis_batch_wire(b, out):
 * Append the whole command, as it goes to Redis.
 *   returns  bytes that came in at split_at: by so much the places behind it are shifted
 *   cost     about 30 ns a series
 */
size_t redis_batch_wire(const struct redis_batch *b, struct buf *out);

/* Of one from outside: its places are in its head, and its sections hold what `ops` says and become
 * a command of no more bytes than redis_encode makes. */
bool redis_batch_sound(const struct redis_batch *b);

/* The places in the bytes, in one order, and how many bytes each takes. */
void redis_batch_places(struct redis_batch *b, uint32_t *ret[REDIS_BATCH_PLACES]);
extern const uint8_t redis_batch_widths[REDIS_BATCH_PLACES];

/* A batch's place in its shard's sequence, and what Redis keeps with it to report later. */
struct redis_address {
    const char *id;       /* of the producer */
    const char *before;   /* token of the batch before it; of number 1: anything */
    uint64_t seq, series; /* 0 < seq < 10^12; series in batches 1 .. seq */
    uint32_t nth;         /* ordinal of the interval */
    uint32_t generation;  /* of the producer */
};

/* Writes the address into the bytes and nowhere else. */
void redis_batch_address(struct redis_batch *b, const struct redis_address *a);
/* The token tells its interval from all others, of whatever server. */
void redis_batch_brand(struct redis_batch *b, const char *token);
struct slice redis_batch_token(const struct redis_batch *b);
void redis_batch_sha(struct redis_batch *b, const char *sha40);
/* Which process sends it, of those that went on as one producer. */
void redis_batch_generation(struct redis_batch *b, uint32_t generation);
/* Sent for the first time so long ago that Redis may have forgotten the producer. */
void redis_batch_stale(struct redis_batch *b, bool stale);
/*
 * The script adds b to the totals and leaves its interval as it is; sets, which have no total, do
 * nothing.  That is content: to be said before b is first sent.
 */
void redis_batch_totals_only(struct redis_batch *b);

#endif
