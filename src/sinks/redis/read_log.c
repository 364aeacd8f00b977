/*
 *   redis_reader_log    XREVRANGE key + - COUNT n, or XREAD COUNT n STREAMS key id
 */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/number.h"
#include "sinks/redis/reader_priv.h"
#include "sinks/redis/resp.h"

struct log_read {
    struct redis_read read; /* first */
    char *after;            /* NULL: the last ones */
    size_t n;
};

static void log_command(struct redis_read *q)
{
    struct log_read *g = (struct log_read *)q;
    redis_resp_command(&q->wire, 6);
    if (g->after == NULL) {
        redis_resp_arg_str(&q->wire, "XREVRANGE");
        redis_read_key(q, q->ask.place, "log");
        redis_resp_arg_str(&q->wire, "+");
        redis_resp_arg_str(&q->wire, "-");
        redis_resp_arg_str(&q->wire, "COUNT");
        redis_resp_arg_u64(&q->wire, g->n);
        return;
    }
    redis_resp_arg_str(&q->wire, "XREAD");
    redis_resp_arg_str(&q->wire, "COUNT");
    redis_resp_arg_u64(&q->wire, g->n);
    redis_resp_arg_str(&q->wire, "STREAMS");
    redis_read_key(q, q->ask.place, "log");
    redis_resp_arg_str(&q->wire, g->after);
}

/* [id, [t, T, i, instance, n, series]], its fields in any order.  returns  false: it is none */
static bool read_entry(const redisReply *entry, struct redis_log_entry *ret)
{
    bool has_t = false;
    *ret = (struct redis_log_entry){ .n = 0 };
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        !redis_read_is_text(entry->element[0]) || entry->element[1]->type != REDIS_REPLY_ARRAY)
        return false;
    ret->id = redis_read_text(entry->element[0]);
    const redisReply *fields = entry->element[1];
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        if (!redis_read_is_text(fields->element[i]) || !redis_read_is_text(fields->element[i + 1]))
            return false;
        struct slice name = redis_read_text(fields->element[i]);
        struct slice value = redis_read_text(fields->element[i + 1]);
        if (slice_eq(name, SLICE_LIT("t")))
            has_t = redis_read_t(value, &ret->t);
        else if (slice_eq(name, SLICE_LIT("n")))
            (void)number_parse_int(value, &ret->n);
        else if (slice_eq(name, SLICE_LIT("i")))
            ret->instance = value;
    }
    return has_t && ret->instance.len > 0;
}

/* [[key, entries]]; nil where there are none.  returns  the entries; NULL: it is not so */
static const redisReply *entries_of_xread(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1)
        return NULL;
    const redisReply *stream = reply->element[0];
    return stream->type == REDIS_REPLY_ARRAY && stream->elements == 2 ? stream->element[1] : NULL;
}

static enum redis_read_step log_take(struct redis_read *q, const redisReply *reply)
{
    struct log_read *g = (struct log_read *)q;
    if (g->after != NULL && reply->type == REDIS_REPLY_NIL)
        return REDIS_READ_LAST;
    const redisReply *list = g->after != NULL ? entries_of_xread(reply) : reply;
    if (list == NULL || list->type != REDIS_REPLY_ARRAY)
        return REDIS_READ_NONSENSE;
    for (size_t i = 0; i < list->elements && !q->over; i++) {
        struct redis_log_entry e;
        if (read_entry(list->element[i], &e)) /* what somebody else put there is passed over */
            q->calls.entry(q->calls.cookie, &e);
    }
    return REDIS_READ_LAST;
}

static void log_release(struct redis_read *q)
{
    free(((struct log_read *)q)->after);
}

struct redis_read *redis_reader_log(struct redis_reader *r, unsigned shard, const char *after,
                                    size_t n, const struct redis_read_calls *calls)
{
    static const struct redis_read_kind kind = { log_command, log_take, NULL, log_release };
    assert(shard < REDIS_READER_SHARDS && n > 0 && calls->entry != NULL);
    struct log_read *g = redis_read_new(r, sizeof *g, &kind, calls);
    g->read.ask.place = (uint8_t)shard;
    g->after = after != NULL ? mem_strdup(after) : NULL;
    g->n = n;
    return redis_read_start(&g->read);
}
