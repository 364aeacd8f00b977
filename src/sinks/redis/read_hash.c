/*
 *   redis_reader_scan    HSCAN key cursor COUNT n
 *   redis_reader_get     HMGET key name ..
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sinks/redis/reader_priv.h"
#include "sinks/redis/resp.h"
#include "sinks/redis/seen.h"

/* ---- all fields ---- */

struct scan {
    struct redis_read read; /* first */
    int64_t t;
    char *match; /* or NULL */
    char cursor[REDIS_CURSOR_BYTES];

    struct redis_seen seen;
};

static void scan_command(struct redis_read *q)
{
    struct scan *s = (struct scan *)q;
    redis_resp_command(&q->wire, s->match != NULL ? 7 : 5);
    redis_resp_arg_str(&q->wire, "HSCAN");
    redis_read_hash_key(q, q->ask.place, s->t);
    redis_resp_arg_str(&q->wire, s->cursor);
    if (s->match != NULL) {
        redis_resp_arg_str(&q->wire, "MATCH");
        redis_resp_arg_str(&q->wire, s->match);
    }
    redis_resp_arg_str(&q->wire, "COUNT");
    redis_resp_arg_u64(&q->wire, redis_reader_keys(q->reader)->piece);
}

static enum redis_read_step scan_take(struct redis_read *q, const redisReply *reply)
{
    struct scan *s = (struct scan *)q;
    bool first = strcmp(s->cursor, "0") == 0 && s->seen.n == 0;
    const redisReply *list = redis_read_page(reply, s->cursor);
    if (list == NULL || list->elements % 2 != 0)
        return REDIS_READ_NONSENSE;
    bool last = strcmp(s->cursor, "0") == 0;
    for (size_t i = 0; i < list->elements && !q->over; i += 2) {
        struct slice name = redis_read_text(list->element[i]);
        /* A hash that is given in one piece has no field twice. */
        if ((first && last) || redis_seen_add(&s->seen, name))
            q->calls.field(q->calls.cookie, name, redis_read_text(list->element[i + 1]));
    }
    return last ? REDIS_READ_LAST : REDIS_READ_MORE;
}

/* Another server, after a failover, has its fields in another order. */
static void scan_restart(struct redis_read *q)
{
    struct scan *s = (struct scan *)q;
    strcpy(s->cursor, "0");
}

static void scan_release(struct redis_read *q)
{
    struct scan *s = (struct scan *)q;
    redis_seen_release(&s->seen);
    free(s->match);
}

struct redis_read *redis_reader_scan(struct redis_reader *r, unsigned shard, int64_t t,
                                     const char *match, const struct redis_read_calls *calls)
{
    static const struct redis_read_kind kind = { scan_command, scan_take, scan_restart,
                                                 scan_release };
    assert(shard < REDIS_READER_SHARDS && calls->field != NULL);
    struct scan *s = redis_read_new(r, sizeof *s, &kind, calls);
    s->read.ask.place = (uint8_t)shard;
    s->t = t;
    s->match = match != NULL ? mem_strdup(match) : NULL;
    strcpy(s->cursor, "0");
    return redis_read_start(&s->read);
}

/* ---- some fields ---- */

struct get {
    struct redis_read read; /* first */
    int64_t t;
    struct buf names; /* one behind the other */
    size_t *lens;     /* of n names */
    size_t n, next;   /* next: the first that was not answered */
    size_t asked, at; /* how many the piece asks for; where the first of them is in names */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void get_command(struct redis_read *q)
{
    struct get *g = (struct get *)q;
    g->asked = least(g->n - g->next, redis_reader_keys(q->reader)->piece);
    redis_resp_command(&q->wire, 2 + g->asked);
    redis_resp_arg_str(&q->wire, "HMGET");
    redis_read_hash_key(q, q->ask.place, g->t);
    size_t at = g->at;
    for (size_t i = 0; i < g->asked; i++) {
        redis_resp_arg(&q->wire, slice_of(g->names.ptr + at, g->lens[g->next + i]));
        at += g->lens[g->next + i];
    }
}

static enum redis_read_step get_take(struct redis_read *q, const redisReply *reply)
{
    struct get *g = (struct get *)q;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != g->asked)
        return REDIS_READ_NONSENSE;
    for (size_t i = 0; i < g->asked && !q->over; i++) {
        const redisReply *value = reply->element[i];
        struct slice name = slice_of(g->names.ptr + g->at, g->lens[g->next + i]);
        g->at += name.len;
        if (redis_read_is_text(value))
            q->calls.field(q->calls.cookie, name, redis_read_text(value));
        else if (value->type != REDIS_REPLY_NIL)
            return REDIS_READ_NONSENSE;
    }
    g->next += g->asked;
    return g->next == g->n ? REDIS_READ_LAST : REDIS_READ_MORE;
}

static void get_release(struct redis_read *q)
{
    struct get *g = (struct get *)q;
    buf_release(&g->names);
    free(g->lens);
}

struct redis_read *redis_reader_get(struct redis_reader *r, unsigned shard, int64_t t,
                                    const struct slice *names, size_t n,
                                    const struct redis_read_calls *calls)
{
    static const struct redis_read_kind kind = { get_command, get_take, NULL, get_release };
    assert(shard < REDIS_READER_SHARDS && n > 0 && calls->field != NULL);
    struct get *g = redis_read_new(r, sizeof *g, &kind, calls);
    g->read.ask.place = (uint8_t)shard;
    g->t = t;
    g->n = n;
    g->lens = mem_alloc(n * sizeof g->lens[0]);
    for (size_t i = 0; i < n; i++) {
        g->lens[i] = names[i].len;
        buf_append_slice(&g->names, names[i]);
    }
    return redis_read_start(&g->read);
}
