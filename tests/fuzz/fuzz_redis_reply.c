/*
 * Bytes of a stranger that claims to be Redis: whatever hiredis makes of them, the verdict is one
 * of ours and consistent, and the janitor asks for what it may.
 */
#include <assert.h>
#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "sinks/redis/janitor.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* As redis_poll has it: an array may claim 2^31 elements. */
static void *refuse_array(const redisReadTask *task, int elements)
{
    (void)task;
    (void)elements;
    return NULL;
}

static const char *sha_at(void *cookie, uint8_t place)
{
    (void)cookie;
    assert(place < REDIS_SHARDS);
    return "0123456789012345678901234567890123456789";
}

static bool send_step(void *cookie, struct redis_ask *a)
{
    (void)cookie;
    assert(a->place < REDIS_SHARDS && a->len < 256);
    return true;
}

/* reply answers a step; the next one is sent in time, whatever it says. */
static void answer_a_step(struct redis_janitor *j, const redisReply *reply, uint64_t *now_ms)
{
    uint64_t pruned = redis_janitor_pruned(j);
    redis_janitor_answer(j, reply, *now_ms);
    assert(redis_janitor_pruned(j) >= pruned);
    *now_ms = redis_janitor_pump(j, *now_ms);
    assert(*now_ms > 0 && redis_janitor_pump(j, *now_ms) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 1)
        return 0;
    log_setup(LOG_ERROR, LOG_LOGFMT);
    struct redis_janitor *j = redis_janitor_new(&(struct redis_janitor_opts){
        .prefix = "sd", .ttl_s = 1, .sha = sha_at, .send = send_step });
    uint64_t now_ms = redis_janitor_pump(j, 1);
    (void)redis_janitor_pump(j, now_ms);
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
        answer_a_step(j, reply, &now_ms);
        freeReplyObject(reply);
        reply = NULL;
    }
    redisReaderFree(reader);
    redis_janitor_answer(j, NULL, now_ms);
    redis_janitor_free(j);
    return 0;
}
