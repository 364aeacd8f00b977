/**
 * redis_reply: what Redis' answer to a batch means for it, and for the repair of its shard; and the
 * same of an entry.
 *
 * Answers of the script are text of words with one blank between them:
 *
 *   applied seq birth writes refused dropped holder logged field..
 *   dropped seq text..
 *   duplicate
 *   foreign fate                      fate: there, taken, ?, or nothing (enum redis_fate)
 *   fenced fate
 *   gap last mark birth writes        mark: series ':' ordinal; none: Redis has no such producer
 *
 * Everything else is an error reply; NEEDS is the script's own.
 *   thread   any (no state)
 */
#ifndef SINKS_REDIS_REPLY_H
#define SINKS_REDIS_REPLY_H

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* clang-format off */
/* X(id, what becomes of the batch) */
#define REDIS_VERDICTS(X)                                                                   \
    X(APPLIED,   "done")                                                                    \
    X(DUPLICATE, "done, by an earlier sending of it")                                       \
    X(FOREIGN,   "not applied: another server numbers its batches with our id")             \
    X(FENCED,    "not applied: another process went on from a later state of this server")  \
    X(GAP,       "not applied: batches before it are missing there; send those again")      \
    X(LATER,     "not applied: Redis is not able to now; come back later")                  \
    X(RETURNED,  "not applied: another node has its shard, or it is on its way; send it again")  \
    X(DROPPED,   "its number is used up, and nothing applied: a key is of the wrong type")  \
    X(FAILED,    "the script failed and would fail again: applied in part or not at all")   \
    X(LOST,      "the connection ended: nobody knows; send it again")

enum redis_verdict_kind {
#define X(id, text) REDIS_VERDICT_##id,
    REDIS_VERDICTS(X)
#undef X
    REDIS_VERDICT_COUNT
};
/* clang-format on */

enum { REDIS_BIRTH_MAX = 16 };

/* What became of a batch's number. */
enum redis_fate {
    REDIS_FATE_FREE,   /* nothing: it is not used so far */
    REDIS_FATE_THERE,  /* the batch is applied */
    REDIS_FATE_TAKEN,  /* another batch has it */
    REDIS_FATE_UNKNOWN /* too long ago: one of the two */
};

/* Which totals a shard has: a token drawn when they began, and how many batches they got since. */
struct redis_totals {
    char birth[REDIS_BIRTH_MAX + 1]; /* "" or "-": there are none */
    uint64_t writes;
};

/* Slices and text live as long as the reply. */
struct redis_verdict {
    enum redis_verdict_kind kind;
    const char *text;           /* LATER, DROPPED, FAILED: why */
    struct redis_totals totals; /* APPLIED, GAP */
    enum redis_fate fate;       /* FENCED, FOREIGN */
    /* GAP: what Redis has of the producer. */
    bool known;      /* it has its key */
    uint64_t last;   /* the last number, less than seq - 1 unless the key is gone */
    uint64_t series; /* in batches 1 .. last */
    uint32_t nth;    /* ordinal of the interval of batch `last` */
    /* APPLIED: what of it was not. */
    uint32_t refused;    /* values whose sum would not be finite */
    uint32_t dropped;    /* sets whose key is of the wrong type */
    struct slice field;  /* the first of them */
    struct slice holder; /* token of the log entry before, of our instance; "-": none */
    bool unlogged;       /* the log's key is of the wrong type */
};

static inline void redis_verdict_check(const struct redis_verdict *v)
{
    assert(v->kind < REDIS_VERDICT_COUNT);
    if (v->kind == REDIS_VERDICT_LATER || v->kind == REDIS_VERDICT_DROPPED ||
        v->kind == REDIS_VERDICT_FAILED)
        assert(v->text != NULL);
    assert(v->known || v->last == 0);
}

/**
 * redis_reply_judge(reply, seq):
 *   reply    of any shape, from anybody; NULL is LOST
 *   seq      the number the batch was sent with, > 0
 */
struct redis_verdict redis_reply_judge(const redisReply *reply, uint64_t seq);

/**
 * redis_reply_judge_entry(reply):
 * The answer to the XADD of an entry: APPLIED, LATER, FAILED or LOST.
 *   reply    as of redis_reply_judge
 */
struct redis_verdict redis_reply_judge_entry(const redisReply *reply);

/* Is it the server as a whole that refuses?  Then another one may have its name by now. */
bool redis_reply_is_of_server(const char *error);

/* What to do about an error of Redis, for the log.  returns  a static text; NULL: not known */
const char *redis_reply_remedy(const char *error);

#endif
