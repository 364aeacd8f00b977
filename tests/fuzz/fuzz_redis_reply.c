/*
 * Bytes of a stranger that claims to be Redis: whatever hiredis makes of them, the verdict is one
 * of ours and consistent; so is a redirect, and the map of a cluster; and the janitor asks for what
 * it may.
 */
#include <assert.h>
#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "sinks/redis/janitor.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/reply.h"
#include "sinks/redis/slots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { ELEMENTS_MAX = 64 };

/* As redis_poll has it: an array may claim 2^31 elements. */
static void *(*create_array)(const redisReadTask *task, int elements);

static void *bounded_array(const redisReadTask *task, int elements)
{
    return elements > ELEMENTS_MAX ? NULL : create_array(task, elements);
}

static void expect_a_sound_verdict(const redisReply *reply, uint64_t seq)
{
    struct redis_verdict v = redis_reply_judge(reply, seq);
    assert(v.kind < REDIS_VERDICT_COUNT);
    assert(v.kind != REDIS_VERDICT_LOST && v.kind != REDIS_VERDICT_RETURNED);
    assert((v.text != NULL) == (v.kind == REDIS_VERDICT_LATER || v.kind == REDIS_VERDICT_FAILED ||
                                v.kind == REDIS_VERDICT_DROPPED));
    assert(v.kind != REDIS_VERDICT_GAP || v.last < seq);
    assert(v.kind != REDIS_VERDICT_GAP || v.known || v.last == 0);
    assert(v.kind != REDIS_VERDICT_APPLIED || (v.totals.birth[0] != '\0' && v.holder.len > 0));
}

static void expect_a_sound_map(const redisReply *reply)
{
    static const struct redis_addr asked = { "127.0.0.1", 7000 };
    struct redis_redirect d = redis_redirect_of(reply, &asked);
    assert(d.kind <= REDIS_REDIRECT_NONE && d.slot < REDIS_SLOTS);
    assert((d.to.port == 0) == (d.to.host[0] == '\0'));
    uint16_t slot_of[REDIS_PLACES];
    struct redis_slots s;
    redis_slots_of_places("sd", slot_of);
    if (!redis_slots_read(reply, slot_of, &asked, &s))
        return;
    redis_slots_check(&s);
    for (uint8_t i = 0; i < s.n; i++)
        assert(s.nodes[i].port != 0 && s.nodes[i].host[0] != '\0');
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
    create_array = fns.createArray;
    fns.createArray = bounded_array;
    reader->fn = &fns;
    redisReaderFeed(reader, (const char *)data + 1, n - 1);
    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL) {
        expect_a_sound_verdict(reply, seq);
        expect_a_sound_map(reply);
        answer_a_step(j, reply, &now_ms);
        freeReplyObject(reply);
        reply = NULL;
    }
    redisReaderFree(reader);
    redis_janitor_answer(j, NULL, now_ms);
    redis_janitor_free(j);
    return 0;
}
