/*
 *   redis_reader_sets       ZSCAN key cursor MATCH T:*
 *   redis_reader_members    PFCOUNT key ..
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/reader_priv.h"
#include "sinks/redis/resp.h"
#include "sinks/redis/seen.h"
#include "sinks/redis_field.h"

/* ---- which there are ---- */

struct sets {
    struct redis_read read; /* first */
    struct buf match;       /* empty: all intervals */
    char cursor[REDIS_CURSOR_BYTES];
    struct redis_seen seen;
};

static void sets_command(struct redis_read *q)
{
    struct sets *s = (struct sets *)q;
    redis_resp_command(&q->wire, s->match.len > 0 ? 7 : 5);
    redis_resp_arg_str(&q->wire, "ZSCAN");
    redis_read_key(q, q->ask.place, "sets");
    redis_resp_arg_str(&q->wire, s->cursor);
    if (s->match.len > 0) {
        redis_resp_arg_str(&q->wire, "MATCH");
        redis_resp_arg(&q->wire, buf_slice(&s->match));
    }
    redis_resp_arg_str(&q->wire, "COUNT");
    redis_resp_arg_u64(&q->wire, redis_reader_keys(q->reader)->piece);
}

/* T:series   returns  false: it is none */
static bool read_member(struct slice member, int64_t *ret_t, struct slice *ret)
{
    struct slice t;
    *ret = member;
    return slice_cut(ret, ':', &t) && redis_read_t(t, ret_t) && ret->len > 0;
}

static enum redis_read_step sets_take(struct redis_read *q, const redisReply *reply)
{
    struct sets *s = (struct sets *)q;
    const redisReply *list = redis_read_page(reply, s->cursor);
    if (list == NULL || list->elements % 2 != 0)
        return REDIS_READ_NONSENSE;
    for (size_t i = 0; i < list->elements && !q->over; i += 2) { /* a member, and when it ends */
        struct slice member = redis_read_text(list->element[i]), series;
        int64_t t;
        if (read_member(member, &t, &series) && redis_seen_add(&s->seen, member))
            q->calls.set(q->calls.cookie, t, series);
    }
    return strcmp(s->cursor, "0") == 0 ? REDIS_READ_LAST : REDIS_READ_MORE;
}

static void sets_restart(struct redis_read *q)
{
    struct sets *s = (struct sets *)q;
    strcpy(s->cursor, "0");
}

static void sets_release(struct redis_read *q)
{
    struct sets *s = (struct sets *)q;
    buf_release(&s->match);
    redis_seen_release(&s->seen);
}

struct redis_read *redis_reader_sets(struct redis_reader *r, unsigned shard, int64_t t,
                                     const struct redis_read_calls *calls)
{
    static const struct redis_read_kind kind = { sets_command, sets_take, sets_restart,
                                                 sets_release };
    assert(shard < REDIS_READER_SHARDS && calls->set != NULL);
    struct sets *s = redis_read_new(r, sizeof *s, &kind, calls);
    s->read.ask.place = (uint8_t)shard;
    if (t != REDIS_READER_TOTALS)
        buf_printf(&s->match, "%" PRId64 ":*", t);
    strcpy(s->cursor, "0");
    return redis_read_start(&s->read);
}

/* ---- their members ---- */

struct members_read {
    struct redis_read read; /* first */
    struct buf series;
    int64_t *ts;
    size_t n;
};

static void members_command(struct redis_read *q)
{
    struct members_read *m = (struct members_read *)q;
    struct buf what = { 0 };
    redis_resp_command(&q->wire, 1 + m->n);
    redis_resp_arg_str(&q->wire, "PFCOUNT");
    for (size_t i = 0; i < m->n; i++) {
        struct buf key = { 0 };
        buf_printf(&key, "{%s:%02u}:s:%" PRId64 ":", redis_reader_keys(q->reader)->prefix,
                   (unsigned)q->ask.place, m->ts[i]);
        buf_append_slice(&key, buf_slice(&m->series));
        redis_resp_arg(&q->wire, buf_slice(&key));
        buf_release(&key);
    }
    buf_release(&what);
}

static enum redis_read_step members_take(struct redis_read *q, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < 0)
        return REDIS_READ_NONSENSE;
    if (reply->integer > 0)
        q->calls.members(q->calls.cookie, (uint64_t)reply->integer);
    return REDIS_READ_LAST;
}

static void members_read_release(struct redis_read *q)
{
    struct members_read *m = (struct members_read *)q;
    buf_release(&m->series);
    free(m->ts);
}

struct redis_read *redis_reader_members(struct redis_reader *r, struct slice series,
                                        const int64_t *ts, size_t n,
                                        const struct redis_read_calls *calls)
{
    static const struct redis_read_kind kind = { members_command, members_take, NULL,
                                                 members_read_release };
    assert(n > 0 && calls->members != NULL);
    struct members_read *m = redis_read_new(r, sizeof *m, &kind, calls);
    m->read.ask.place = (uint8_t)redis_keys_shard(redis_series_name(series));
    buf_append_slice(&m->series, series);
    m->n = n;
    m->ts = mem_alloc(n * sizeof ts[0]);
    memcpy(m->ts, ts, n * sizeof ts[0]);
    return redis_read_start(&m->read);
}
