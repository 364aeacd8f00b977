/*
 *   redis_reader_sets       SCAN cursor MATCH {prefix:*}:s:T:* of one node after the other
 *   redis_reader_members    PFCOUNT key ..
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/number.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/reader_priv.h"
#include "sinks/redis/resp.h"
#include "sinks/redis/seen.h"
#include "sinks/redis_field.h"

/* ---- which there are ---- */

struct sets {
    struct redis_read read; /* first; its place is one of the node that is walked over */
    struct buf match;
    char cursor[REDIS_CURSOR_BYTES];
    bool walked[REDIS_NODES_MAX];
    uint64_t shards; /* whose nodes are walked over: a bit each */
    struct redis_seen seen;
};

static void sets_command(struct redis_read *q)
{
    struct sets *s = (struct sets *)q;
    redis_resp_command(&q->wire, 6);
    redis_resp_arg_str(&q->wire, "SCAN");
    redis_resp_arg_str(&q->wire, s->cursor);
    redis_resp_arg_str(&q->wire, "MATCH");
    redis_resp_arg(&q->wire, buf_slice(&s->match));
    redis_resp_arg_str(&q->wire, "COUNT");
    redis_resp_arg_u64(&q->wire, redis_reader_keys(q->reader)->piece);
}

/* {prefix:NN}:s:T:series   returns  false: it is none */
static bool is_set_key(struct slice key, const char *prefix, int64_t *ret_t, struct slice *ret)
{
    struct slice rest = key, head, t;
    struct buf want = { 0 };
    if (!slice_cut(&rest, '}', &head))
        return false;
    buf_printf(&want, "{%s:", prefix);
    bool ours = slice_starts(head, buf_slice(&want)) && head.len == want.len + 2;
    buf_release(&want);
    if (!ours || !slice_starts(rest, SLICE_LIT(":s:")))
        return false;
    rest = slice_of(rest.ptr + 3, rest.len - 3);
    if (!slice_cut(&rest, ':', &t) || !number_parse_int(t, ret_t) || rest.len == 0)
        return false;
    *ret = rest;
    return true;
}

/* To a place whose node was not walked over.   returns  false: there is none left */
static bool next_node(struct sets *s)
{
    const uint8_t *node_of = redis_reader_nodes(s->read.reader);
    s->walked[s->read.node] = true;
    for (uint8_t place = 0; place < REDIS_SHARDS; place++) {
        bool wanted = (s->shards >> place & 1) != 0 && node_of[place] != REDIS_NODE_NONE;
        if (wanted && !s->walked[node_of[place]]) {
            s->read.ask.place = place;
            return true;
        }
    }
    return false;
}

static enum redis_read_step sets_take(struct redis_read *q, const redisReply *reply)
{
    struct sets *s = (struct sets *)q;
    const redisReply *list = redis_read_page(reply, s->cursor);
    if (list == NULL)
        return REDIS_READ_NONSENSE;
    for (size_t i = 0; i < list->elements && !q->over; i++) {
        struct slice key = redis_read_text(list->element[i]), series;
        int64_t t;
        if (is_set_key(key, redis_reader_keys(q->reader)->prefix, &t, &series) &&
            redis_seen_add(&s->seen, key))
            q->calls.set(q->calls.cookie, t, series);
    }
    return strcmp(s->cursor, "0") == 0 && !next_node(s) ? REDIS_READ_LAST : REDIS_READ_MORE;
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

/* What means something in a pattern stands behind a backslash. */
static void append_literal(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("*?[]\\^", *text) != NULL)
            buf_append_char(out, '\\');
        buf_append_char(out, *text);
    }
}

struct redis_read *redis_reader_sets(struct redis_reader *r, int64_t t,
                                     const struct redis_read_calls *calls)
{
    return redis_reader_sets_near(r, UINT64_MAX, t, calls);
}

struct redis_read *redis_reader_sets_near(struct redis_reader *r, uint64_t shards, int64_t t,
                                          const struct redis_read_calls *calls)
{
    static const struct redis_read_kind kind = { sets_command, sets_take, sets_restart,
                                                 sets_release };
    assert(calls->set != NULL && shards != 0);
    struct sets *s = redis_read_new(r, sizeof *s, &kind, calls);
    s->shards = shards;
    while ((shards >> s->read.ask.place & 1) == 0)
        s->read.ask.place++;
    buf_append_char(&s->match, '{');
    append_literal(&s->match, redis_reader_keys(r)->prefix);
    if (t == REDIS_READER_TOTALS)
        buf_append_str(&s->match, ":*}:s:*");
    else
        buf_printf(&s->match, ":*}:s:%" PRId64 ":*", t);
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
