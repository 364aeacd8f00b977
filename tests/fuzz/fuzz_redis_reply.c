/*
 * Bytes of a stranger that claims to be Redis: whatever hiredis makes of them, the verdict is one
 * of ours and consistent.
 */
#include <assert.h>
#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdint.h>

#include "sinks/redis/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* As redis_poll has it: an array may claim 2^31 elements. */
static void *refuse_array(const redisReadTask *task, int elements)
{
    (void)task;
    (void)elements;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 1)
        return 0;
    uint64_t seq = data[0] + 1u;
    redisReader *reader = redisReaderCreate();
    redisReplyObjectFunctions fns = *reader->fn;
    void *reply = NULL;
    fns.createArray = refuse_array;
    reader->fn = &fns;
    redisReaderFeed(reader, (const char *)data + 1, n - 1);
    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL) {
        struct redis_verdict v = redis_reply_judge(reply, seq);
        assert(v.kind < REDIS_VERDICT_COUNT && v.kind != REDIS_VERDICT_LOST);
        assert((v.text != NULL) ==
               (v.kind == REDIS_VERDICT_LATER || v.kind == REDIS_VERDICT_FAILED ||
                v.kind == REDIS_VERDICT_DROPPED));
        assert(v.kind != REDIS_VERDICT_GAP || v.last < seq);
        assert(v.kind != REDIS_VERDICT_GAP || v.known || v.last == 0);
        assert(v.kind != REDIS_VERDICT_APPLIED || (v.totals.birth[0] != '\0' && v.holder.len > 0));
        freeReplyObject(reply);
        reply = NULL;
    }
    redisReaderFree(reader);
    return 0;
}
