/**
 * members: the distinct members of a set in one interval.
 *
 * Exact up to MEMBERS_EXACT members (as 64-bit hashes: two of 512 members share one with a chance
 * of 1e-14), then a HyperLogLog with Redis' own parameters (P. Flajolet et al. 2007; Redis
 * hyperloglog.c: 2^14 registers of 6 bits, MurmurHash64A with seed 0xadc83b19), standard error 0.81
 * %.  The hash is Redis' in both forms, so members_redis gives bytes that Redis reads as one of its
 * own HyperLogLogs and merges with PFMERGE, equal to what PFADD of every member would give.
 *
 * Memory: 8 bytes a member up to 512, then 16 KiB.  Member strings are not kept.
 *   thread   one owner at a time
 */
#ifndef AGGREGATE_MEMBERS_H
#define AGGREGATE_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct unpack;

enum { MEMBERS_EXACT = 512, MEMBERS_REGISTERS = 16384 };

struct members {
    uint64_t *hashes;   /* open addressing, 0 = free (a hash of 0 counts as 1) */
    uint8_t *registers; /* MEMBERS_REGISTERS bytes once not exact, else NULL */
    uint32_t n, cap;    /* of hashes */
};

void members_release(struct members *m); /* { 0 } is an empty set */
void members_clear(struct members *m);   /* empty, keeping small memory */

uint64_t members_hash(struct slice member);

/* returns  0; -ENOMEM: the member is not counted */
int members_add(struct members *m, uint64_t hash);
int members_merge(struct members *dst, const struct members *src);

/*
 * How many distinct: exact up to MEMBERS_EXACT, else the HyperLogLog's estimate (O. Ertl 2017, as
 * Redis).
 */
uint64_t members_count(const struct members *m);

/*
 * Append the set as a Redis HyperLogLog string: sparse while that is shorter and legal, else dense.
 */
void members_redis(const struct members *m, struct buf *out);

/*
 * The set as bytes (base/pack.h), and back.  The hash is Redis', without a secret, so it means the
 * same to every process.
 *     u8 0, u32 n, n hashes of u64      exact
 *     u8 1, MEMBERS_REGISTERS bytes     a HyperLogLog
 * members_load: m is empty.   returns  false: that is no set; m may hold part of it
 */
void members_save(const struct members *m, struct buf *out);
bool members_load(struct members *m, struct unpack *in);

#endif
