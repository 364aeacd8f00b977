/**
 * redis_pack: the arguments of a batch in the form in which they wait.
 *
 * Most of a batch is names, and the names of a shard have much in common.  So a key is kept as the
 * number of bytes that it shares with the front of the key before it, and the rest; a number as an
 * integer of as many bytes as it needs, or as its double.  RESP and decimal text are made when the
 * batch is sent: the same bytes each time.
 *
 *   a count, an integer   LEB128 (7 bits a byte, the low ones first); signed ones as 2 n, or
 *                         -2 n - 1 below 0
 *   a key                 shared, rest, the rest's bytes
 *   a number              a whole one below 2^53 as the integer, doubled; else 1 and 8 bytes, the
 *                         low ones first
 *   bytes                 length, bytes
 *
 *   thread   the owner's
 */
#ifndef SINKS_REDIS_PACK_H
#define SINKS_REDIS_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* { 0 } is empty. */
struct redis_pack {
    struct buf bytes;
    struct buf key; /* the last one */
};

void redis_pack_release(struct redis_pack *p);
void redis_pack_clear(struct redis_pack *p);

void redis_pack_key(struct redis_pack *p, struct slice key);
void redis_pack_number(struct redis_pack *p, double v); /* finite */
void redis_pack_int(struct redis_pack *p, int64_t v);
void redis_pack_bytes(struct redis_pack *p, struct slice s);

struct redis_number {
    bool is_whole; /* its text is that of an integer */
    union {
        int64_t whole;
        double real;
    };
};

/* Reads what redis_pack made, in the same order; `rest` is borrowed. */
struct redis_unpack {
    struct slice rest;
    struct buf key; /* owned: the last one */
    bool bad;       /* no pack has made that: nothing of it is true, and nothing more is read */
};

void redis_unpack_begin(struct redis_unpack *u); /* another pack begins: no key is the last one */
void redis_unpack_release(struct redis_unpack *u);

struct slice redis_unpack_key(struct redis_unpack *u); /* valid until the next one */
struct redis_number redis_unpack_number(struct redis_unpack *u);
int64_t redis_unpack_int(struct redis_unpack *u);
struct slice redis_unpack_bytes(struct redis_unpack *u);

#endif
