/**
 * redis_reply: what Redis' answer to a batch means for it.
 *   thread   any (no state)
 */
#ifndef SINKS_REDIS_REPLY_H
#define SINKS_REDIS_REPLY_H

#include <hiredis/hiredis.h>
#include <stdint.h>

/* X(id, what becomes of the batch) */
#define REDIS_VERDICTS(X)                                                                   \
    X(APPLIED,   "done")                                                                    \
    X(DUPLICATE, "done, by an earlier sending of it")                                       \
    X(GAP,       "not applied: batches before it are missing there; send those again")      \
    X(LATER,     "not applied: Redis is not able to now; come back later")                  \
    X(FAILED,    "the script failed and would fail again: applied in part or not at all")   \
    X(LOST,      "the connection ended: nobody knows; send it again")

enum redis_verdict_kind {
#define X(id, text) REDIS_VERDICT_##id,
    REDIS_VERDICTS(X)
#undef X
    REDIS_VERDICT_COUNT
};

struct redis_verdict {
    enum redis_verdict_kind kind;
    uint64_t last;       /* GAP: the last sequence number that Redis has, at most seq - 2 */
    const char *text;    /* LATER, FAILED: why; lives as long as the reply */
};

/**
 * redis_reply_judge(reply, seq):
 *   reply    of any shape, from anybody; NULL is LOST
 *   seq      the number the batch was sent with, > 0
 */
struct redis_verdict redis_reply_judge(const redisReply *reply, uint64_t seq);

#endif
