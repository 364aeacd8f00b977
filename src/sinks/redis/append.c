/*
 * Two queues, and what goes in and out of them.
 *
 *   redis_append_take -> a queue -> limit: drop_oldest
 *   redis_append_pump -> send_stream -> send() of the owner
 *   redis_append_answer
 *     applied -> off the queue       later -> pause the stream
 *     failed  -> off the queue       lost, returned -> it waits in its place
 */
#include "sinks/redis/append.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "sinks/redis/backoff.h"

enum { LOG_MS = 10000, CODE_BYTES = 24 };

struct stream {
    struct redis_entry *head, *tail;
    uint32_t n, in_flight;
    uint64_t bytes, bytes_in_flight;
    struct redis_backoff backoff;
    uint64_t retry_ms;     /* after a refusal: nothing is sent before; 0: none */
    char said[CODE_BYTES]; /* the error that the log told of, its first word; "": all is well */
    struct log_gate refused_gate, dropped_gate;
    struct buf key;
};

struct redis_append {
    struct redis_append_opts opts;
    struct stream streams[EVENT_KINDS];
    struct {
        uint64_t appended, resent, dropped, refused, errors, bytes_sent;
    } counted;
};

static void stream_check(const struct stream *s)
{
    assert((s->head == NULL) == (s->tail == NULL));
    assert((s->head == NULL) == (s->n == 0) && (s->n == 0) == (s->bytes == 0));
    assert(s->in_flight <= s->n && s->bytes_in_flight <= s->bytes);
    assert(s->in_flight <= REDIS_APPEND_WINDOW);
    assert((s->in_flight == 0) == (s->bytes_in_flight == 0));
}

/* ---- queue ---- */

static uint64_t entry_bytes(const struct redis_entry *e)
{
    return sizeof *e + e->len;
}

static void stream_push(struct stream *s, struct redis_entry *e)
{
    e->prev = s->tail;
    *(s->tail != NULL ? &s->tail->next : &s->head) = e;
    s->tail = e;
    s->n++;
    s->bytes += entry_bytes(e);
}

static void stream_remove(struct stream *s, struct redis_entry *e)
{
    assert(!e->in_flight);
    *(e->prev != NULL ? &e->prev->next : &s->head) = e->next;
    *(e->next != NULL ? &e->next->prev : &s->tail) = e->prev;
    s->n--;
    s->bytes -= entry_bytes(e);
    free(e);
}

/* cost: those in flight are at most a window */
static struct redis_entry *oldest_waiting(const struct stream *s)
{
    struct redis_entry *e = s->head;
    while (e != NULL && e->in_flight)
        e = e->next;
    return e;
}

/* The next one to send, unless a later one is in flight: they go out in their order. */
static struct redis_entry *next_in_order(const struct stream *s)
{
    uint32_t ahead = 0;
    struct redis_entry *e = s->head;
    for (; e != NULL && e->in_flight; e = e->next)
        ahead++;
    return ahead == s->in_flight ? e : NULL;
}

static bool drop_oldest(struct redis_append *a, struct stream *s, uint64_t now_ms)
{
    struct redis_entry *e = oldest_waiting(s);
    uint64_t suppressed;
    if (e == NULL)
        return false;
    stream_remove(s, e);
    a->counted.dropped++;
    if (log_gate(&s->dropped_gate, LOG_MS, now_ms, &suppressed))
        LOG(LOG_WARN, "too many events wait for redis: the oldest is dropped",
            F_SLICE("key", buf_slice(&s->key)), F_U64("waiting", s->n), F_U64("bytes", s->bytes),
            F_U64("suppressed", suppressed));
    return true;
}

static void limit(struct redis_append *a, struct stream *grown, uint64_t now_ms)
{
    struct stream *one = &a->streams[0], *other = &a->streams[1];
    _Static_assert(EVENT_KINDS == 2, "of two streams");
    while (grown->n - grown->in_flight > a->opts.origin.max_entries)
        drop_oldest(a, grown, now_ms);
    bool dropped = true;
    while (dropped && one->bytes + other->bytes > a->opts.max_bytes) {
        bool larger = one->bytes >= other->bytes;
        dropped = drop_oldest(a, larger ? one : other, now_ms) ||
                  drop_oldest(a, larger ? other : one, now_ms);
    }
}

void redis_append_take(struct redis_append *a, const struct event_entry *e, uint64_t now_ms)
{
    struct stream *s = &a->streams[e->kind];
    if (a->opts.origin.max_entries == 0)
        return;
    stream_push(s, redis_entry_new(&a->opts.origin, e));
    limit(a, s, now_ms);
    stream_check(s);
}

/* ---- out ---- */

static bool window_full(const struct stream *s)
{
    return s->in_flight >= REDIS_APPEND_WINDOW || s->bytes_in_flight >= REDIS_APPEND_WINDOW_BYTES;
}

/* returns  when to try again; 0: at the next answer or entry */
static uint64_t send_stream(struct redis_append *a, struct stream *s, uint64_t now_ms)
{
    struct redis_entry *e;
    if (s->retry_ms > now_ms)
        return s->in_flight < s->n ? s->retry_ms : 0;
    while (!window_full(s) && (e = next_in_order(s)) != NULL && a->opts.send(a->opts.cookie, e)) {
        a->counted.resent += e->unsure;
        a->counted.bytes_sent += e->len;
        e->in_flight = true;
        s->in_flight++;
        s->bytes_in_flight += entry_bytes(e);
    }
    stream_check(s);
    return 0;
}

uint64_t redis_append_pump(struct redis_append *a, uint64_t now_ms)
{
    uint64_t wake_ms = 0;
    for (int k = 0; k < EVENT_KINDS; k++) {
        uint64_t at_ms = send_stream(a, &a->streams[k], now_ms);
        if (at_ms != 0 && (wake_ms == 0 || at_ms < wake_ms))
            wake_ms = at_ms;
    }
    return wake_ms;
}

/* ---- answers ---- */

/* A trouble is said when it begins and when its error becomes another one. */
static void say(struct stream *s, const char *msg, const char *error, uint64_t now_ms)
{
    char code[CODE_BYTES] = "";
    uint64_t suppressed;
    memcpy(code, error, strnlen(error, sizeof code - 1));
    code[strcspn(code, " ")] = '\0';
    if (strcmp(code, s->said) == 0 || !log_gate(&s->refused_gate, LOG_MS, now_ms, &suppressed))
        return;
    memcpy(s->said, code, sizeof code);
    const char *remedy = redis_reply_remedy(error);
    LOG(LOG_ERROR, msg, F_SLICE("key", buf_slice(&s->key)), F_STR("error", error),
        F_STR("remedy", remedy != NULL ? remedy : "see docs/redis.md and the log of Redis"),
        F_U64("waiting", s->n), F_U64("suppressed", suppressed));
}

static void applied(struct redis_append *a, struct stream *s, struct redis_entry *e)
{
    stream_remove(s, e);
    a->counted.appended++;
    redis_backoff_reset(&s->backoff);
    if (s->said[0] != '\0')
        LOG(LOG_INFO, "redis takes events again", F_SLICE("key", buf_slice(&s->key)),
            F_U64("waiting", s->n));
    s->said[0] = '\0';
}

/* All that was in flight is refused: that is one refusal. */
static void pause_stream(struct stream *s, uint64_t now_ms)
{
    if (s->retry_ms <= now_ms)
        s->retry_ms = now_ms + redis_backoff_next(&s->backoff);
}

void redis_append_answer(struct redis_append *a, struct redis_entry *e,
                         const struct redis_verdict *v, uint64_t now_ms)
{
    struct stream *s = &a->streams[e->kind];
    redis_verdict_check(v);
    assert(e->in_flight && s->in_flight > 0);
    e->in_flight = false;
    s->in_flight--;
    s->bytes_in_flight -= entry_bytes(e);
    switch (v->kind) {
    case REDIS_VERDICT_APPLIED:
        applied(a, s, e);
        break;
    case REDIS_VERDICT_LOST:
        e->unsure = true;
        break;
    case REDIS_VERDICT_RETURNED: /* it waits in its place */
        break;
    case REDIS_VERDICT_LATER:
        a->counted.errors++;
        say(s, "redis refuses events: they wait", v->text, now_ms);
        pause_stream(s, now_ms);
        break;
    default:
        assert(v->kind == REDIS_VERDICT_FAILED);
        a->counted.errors++;
        a->counted.refused++;
        stream_remove(s, e);
        say(s, "redis cannot take events: they are dropped", v->text, now_ms);
        break;
    }
    stream_check(s);
}

/* ---- the rest ---- */

void redis_append_hurry(struct redis_append *a)
{
    for (int k = 0; k < EVENT_KINDS; k++)
        a->streams[k].retry_ms = 0;
}

static uint64_t held(const struct redis_append *a)
{
    uint64_t n = 0;
    for (int k = 0; k < EVENT_KINDS; k++)
        n += a->streams[k].n;
    return n;
}

bool redis_append_idle(const struct redis_append *a)
{
    return held(a) == 0;
}

void redis_append_left(const struct redis_append *a, struct sink_amount *ret)
{
    ret->entries += held(a);
    for (int k = 0; k < EVENT_KINDS; k++)
        for (const struct redis_entry *e = a->streams[k].head; e != NULL; e = e->next)
            ret->unsure += e->in_flight || e->unsure;
}

void redis_append_give_up(struct redis_append *a)
{
    a->counted.dropped += held(a);
}

void redis_append_stats(const struct redis_append *a, struct redis_stats *ret)
{
    ret->events_appended = a->counted.appended;
    ret->events_resent = a->counted.resent;
    ret->events_dropped = a->counted.dropped;
    ret->events_refused = a->counted.refused;
    ret->events_waiting = held(a);
    ret->errors += a->counted.errors;
    ret->bytes_sent += a->counted.bytes_sent;
}

struct redis_append *redis_append_new(const struct redis_append_opts *opts)
{
    assert(opts->send != NULL);
    struct redis_append *a = mem_zalloc(sizeof *a);
    a->opts = *opts;
    for (int k = 0; k < EVENT_KINDS; k++) {
        redis_backoff_init(&a->streams[k].backoff, opts->seed + (uint64_t)k);
        redis_entry_key(opts->origin.prefix, (enum event_kind)k, &a->streams[k].key);
    }
    return a;
}

void redis_append_free(struct redis_append *a)
{
    if (a == NULL)
        return;
    for (int k = 0; k < EVENT_KINDS; k++) {
        struct redis_entry *next;
        assert(a->streams[k].in_flight == 0);
        for (struct redis_entry *e = a->streams[k].head; e != NULL; e = next) {
            next = e->next;
            free(e);
        }
        buf_release(&a->streams[k].key);
    }
    free(a);
}
