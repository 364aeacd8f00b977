/**
 * reader_priv: a request of a reader (redis_reader.h), and what its kind does.  Private to the
 * reader's own files.
 *
 * A kind's request begins with a struct redis_read.  reader.c asks it for the command of its next
 * piece, and gives it the answer:
 *
 *     command --> on its way --> take --MORE--> command .. --DONE--> done()
 *        ^            |
 *        +-- restart -+   the connection was lost
 */
#ifndef SINKS_REDIS_READER_PRIV_H
#define SINKS_REDIS_READER_PRIV_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/number.h"
#include "sinks/redis/ask.h"
#include "sinks/redis/read_queue.h"
#include "sinks/redis_reader.h"

enum redis_read_step { REDIS_READ_MORE, REDIS_READ_LAST, REDIS_READ_NONSENSE };

struct redis_read_kind {
    /* Writes the command of the next piece to q->wire, which is empty, and sets q->ask.place. */
    void (*command)(struct redis_read *q);
    /* reply is no error.  Makes the calls of what it holds. */
    enum redis_read_step (*take)(struct redis_read *q, const redisReply *reply);
    void (*restart)(struct redis_read *q); /* NULL: the piece is asked for again */
    void (*release)(struct redis_read *q); /* what it owns beyond the struct; NULL: nothing */
};

enum { REDIS_WHY_BYTES = 80 };

struct redis_read {
    struct redis_ask ask; /* first */
    const struct redis_read_kind *kind;
    struct redis_reader *reader;
    struct redis_read_calls calls;
    struct buf wire;               /* the piece that is to be sent, or on its way; empty: none */
    uint64_t deadline_ms, down_ms; /* down_ms: since when there is why */
    struct redis_read *next, *prev;
    struct redis_read_turn turn;
    char why[REDIS_WHY_BYTES]; /* of its place the last time, "CLUSTERDOWN .."; "": nothing */
    bool in_flight;
    bool over;    /* no more calls: to be freed with the answer on its way */
    uint8_t node; /* of the piece on its way */
};

struct redis_reader_keys {
    const char *prefix;
    uint32_t piece;
};

const struct redis_reader_keys *redis_reader_keys(const struct redis_reader *r);

/* size bytes, all 0 but for what every request has. */
void *redis_read_new(struct redis_reader *r, size_t size, const struct redis_read_kind *kind,
                     const struct redis_read_calls *calls);
/* Queues it, and sends what can be sent.   returns  q */
struct redis_read *redis_read_start(struct redis_read *q);

/* {prefix:NN}:what, as an argument of the command in q->wire. */
void redis_read_key(struct redis_read *q, unsigned shard, const char *what);
/* The same of the hash of t. */
void redis_read_hash_key(struct redis_read *q, unsigned shard, int64_t t);

static inline bool redis_read_is_text(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS;
}

static inline struct slice redis_read_text(const redisReply *r)
{
    return slice_of(r->str, (size_t)r->len);
}

/* The begin of an interval, in Unix s.  returns  false: what is before 1970, or later than this, is
 * no time, and could not be counted in ms */
static inline bool redis_read_t(struct slice text, int64_t *ret)
{
    const int64_t most = (int64_t)1 << 40;
    return number_parse_int(text, ret) && *ret >= 0 && *ret <= most;
}

/* A cursor of HSCAN and ZSCAN; "0": at the beginning, and at the end. */
enum { REDIS_CURSOR_BYTES = 24 };

/* The answer to one of them: a cursor, and a list of texts.  returns  the list; NULL: it is none */
const redisReply *redis_read_page(const redisReply *reply, char cursor[REDIS_CURSOR_BYTES]);

#endif
