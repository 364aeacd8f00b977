/*
 * A record is written in one piece.  One that does not fit between the head and the ring's end
 * starts at the ring's beginning, and a filler takes what is left at the end.
 *
 *     bytes   [ ..free.. | record | record | filler ]     positions count up for ever; the place
 *                        ^ tail            head ^         in the ring is their remainder
 *
 *     put          room_for, write_record, then the head moves on
 *     take         read_record, on_entry, then the tail moves on
 */
#include "aggregate/event_ring.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

enum { RING_LEAST = 256, FILLER = EVENT_KINDS };

/* title, text, hostname, aggregation_key, source_type */
enum { TEXTS = 5 };

#define ABSENT UINT32_MAX /* in place of a text's length */

/* Behind it stand the lengths of its tags, its texts, and its tags. */
struct record {
    uint32_t bytes; /* of all of it, a multiple of 8 */
    uint8_t kind;   /* enum event_kind, or FILLER, which has nothing behind this */
    uint8_t status;
    bool has_timestamp;
    uint32_t n_tags;
    uint32_t len[TEXTS];
    uint64_t at_ns;
    int64_t timestamp;
    const char *priority, *alert_type;
};

static_assert(_Alignof(struct record) == 8, "positions are multiples of 8");

struct event_ring {
    char *bytes;
    uint64_t cap;
    /* The worker's: */
    _Alignas(MEM_APART) _Atomic uint64_t head; /* behind the last record */
    _Atomic uint64_t dropped[EVENT_KINDS];
    /* Control's: */
    _Alignas(MEM_APART) _Atomic uint64_t tail; /* the first record that it has not taken */
    uint64_t until;                            /* the head when it began to take */
};

static void ring_check(const struct event_ring *r, uint64_t tail, uint64_t head)
{
    assert(tail <= head && head - tail <= r->cap);
    assert(tail % 8 == 0 && head % 8 == 0);
}

struct event_ring *event_ring_new(size_t bytes)
{
    assert(bytes >= RING_LEAST && (bytes & (bytes - 1)) == 0);
    struct event_ring *r = mem_zalloc_apart(sizeof *r);
    r->bytes = mem_alloc(bytes);
    r->cap = bytes;
    return r;
}

void event_ring_free(struct event_ring *r)
{
    if (r == NULL)
        return;
    free(r->bytes);
    free(r);
}

uint64_t event_ring_dropped(const struct event_ring *r, enum event_kind k)
{
    assert(k < EVENT_KINDS);
    /* relaxed: a number that guards nothing */
    return atomic_load_explicit(&r->dropped[k], memory_order_relaxed);
}

/* ---- the worker's side ---- */

static struct record *record_at(const struct event_ring *r, uint64_t position)
{
    return (void *)(r->bytes + (position & (r->cap - 1)));
}

/**
 * room_for(r, n, ret_head):
 * Room for n bytes in one piece, behind a filler where it does not fit at the end.
 *   ret_head   the head behind those n bytes
 *   returns    where they go, or NULL
 */
static struct record *room_for(struct event_ring *r, uint64_t n, uint64_t *ret_head)
{
    /* relaxed: this thread alone writes it */
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    /* acquire: control has read what stood in the room that it gave back (release in take) */
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    uint64_t to_end = r->cap - (head & (r->cap - 1));
    uint64_t filler = to_end < n ? to_end : 0;
    ring_check(r, tail, head);
    if (n > r->cap || filler + n > r->cap - (head - tail))
        return NULL;
    if (filler > 0) {
        struct record *f = record_at(r, head);
        f->bytes = (uint32_t)filler; /* the least is 8 bytes, in which these two lie */
        f->kind = FILLER;
    }
    *ret_head = head + filler + n;
    return record_at(r, head + filler);
}

static_assert(offsetof(struct record, kind) < 8, "a filler of 8 bytes is told by its kind");

static uint64_t text_bytes(struct slice s)
{
    return s.ptr != NULL ? s.len : 0;
}

/* Put one; e's seq and received_ms are not kept. */
static void put(struct event_ring *r, const struct event_entry *e, uint64_t at_ns)
{
    const struct slice texts[TEXTS] = { e->title, e->text, e->hostname, e->aggregation_key,
                                        e->source_type };
    uint64_t n = sizeof(struct record) + e->n_tags * sizeof(uint32_t), head;
    for (unsigned i = 0; i < TEXTS; i++)
        n += text_bytes(texts[i]);
    for (uint32_t i = 0; i < e->n_tags; i++)
        n += e->tags[i].len;
    n = (n + 7) & ~7ull;
    struct record *rec = room_for(r, n, &head);
    if (rec == NULL) {
        /* relaxed: one writer, and a number that guards nothing */
        uint64_t was = atomic_load_explicit(&r->dropped[e->kind], memory_order_relaxed);
        atomic_store_explicit(&r->dropped[e->kind], was + 1, memory_order_relaxed);
        return;
    }
    *rec = (struct record){ .bytes = (uint32_t)n,
                            .kind = (uint8_t)e->kind,
                            .status = e->status,
                            .has_timestamp = e->has_timestamp,
                            .n_tags = e->n_tags,
                            .at_ns = at_ns,
                            .timestamp = e->timestamp,
                            .priority = e->priority,
                            .alert_type = e->alert_type };
    uint32_t *tag_lens = (uint32_t *)(rec + 1);
    char *to = (char *)(tag_lens + e->n_tags);
    for (unsigned i = 0; i < TEXTS; i++) {
        rec->len[i] = texts[i].ptr != NULL ? (uint32_t)texts[i].len : ABSENT;
        to = slice_put(to, slice_of(texts[i].ptr, text_bytes(texts[i])));
    }
    for (uint32_t i = 0; i < e->n_tags; i++) {
        tag_lens[i] = (uint32_t)e->tags[i].len;
        to = slice_put(to, e->tags[i]);
    }
    assert(to <= (char *)rec + n);
    /* release: control sees the record, and a filler before it, as they were written */
    atomic_store_explicit(&r->head, head, memory_order_release);
}

void event_ring_put_event(struct event_ring *r, const struct event *e, uint64_t at_ns)
{
    put(r,
        &(struct event_entry){ .kind = EVENT_ENTRY,
                               .has_timestamp = e->has_timestamp,
                               .timestamp = e->timestamp,
                               .title = e->title,
                               .text = e->text,
                               .hostname = e->hostname,
                               .aggregation_key = e->aggregation_key,
                               .source_type = e->source_type,
                               .priority = e->priority,
                               .alert_type = e->alert_type,
                               .n_tags = e->n_tags,
                               .tags = e->tags },
        at_ns);
}

void event_ring_put_check(struct event_ring *r, const struct service_check *c, uint64_t at_ns)
{
    put(r,
        &(struct event_entry){ .kind = CHECK_ENTRY,
                               .has_timestamp = c->has_timestamp,
                               .timestamp = c->timestamp,
                               .title = c->name,
                               .text = c->message,
                               .hostname = c->hostname,
                               .status = c->status,
                               .n_tags = c->n_tags,
                               .tags = c->tags },
        at_ns);
}

/* ---- control's side ---- */

static void drop(struct event_ring *r, const struct record *rec)
{
    /* relaxed: this thread alone writes it */
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    /* release: what stood there has been read, before the worker writes over it */
    atomic_store_explicit(&r->tail, tail + rec->bytes, memory_order_release);
}

/* The first record before `until` that is no filler, or NULL. */
static const struct record *first(struct event_ring *r)
{
    while (true) {
        /* relaxed: this thread alone writes it */
        uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
        ring_check(r, tail, r->until);
        if (tail == r->until)
            return NULL;
        const struct record *rec = record_at(r, tail);
        if (rec->kind != FILLER)
            return rec;
        drop(r, rec);
    }
}

static struct slice text_next(const char **at, uint32_t len)
{
    if (len == ABSENT)
        return (struct slice){ NULL, 0 };
    struct slice s = slice_of(*at, len);
    *at += len;
    return s;
}

/* tags: room for EVENT_TAGS_MAX */
static void read_record(const struct record *rec, struct event_now now, struct slice *tags,
                        struct event_entry *ret)
{
    const uint32_t *tag_lens = (const uint32_t *)(rec + 1);
    const char *at = (const char *)(tag_lens + rec->n_tags);
    int64_t ago_ms = (int64_t)(now.mono_ns - rec->at_ns) / 1000000;
    *ret = (struct event_entry){ .kind = (enum event_kind)rec->kind,
                                 .received_ms = now.wall_ms - (uint64_t)ago_ms,
                                 .has_timestamp = rec->has_timestamp,
                                 .timestamp = rec->timestamp,
                                 .title = text_next(&at, rec->len[0]),
                                 .status = rec->status,
                                 .priority = rec->priority,
                                 .alert_type = rec->alert_type,
                                 .n_tags = rec->n_tags,
                                 .tags = tags };
    ret->text = text_next(&at, rec->len[1]);
    ret->hostname = text_next(&at, rec->len[2]);
    ret->aggregation_key = text_next(&at, rec->len[3]);
    ret->source_type = text_next(&at, rec->len[4]);
    assert(rec->n_tags <= EVENT_TAGS_MAX);
    for (uint32_t i = 0; i < rec->n_tags; i++)
        tags[i] = text_next(&at, tag_lens[i]);
    assert(at <= (const char *)rec + rec->bytes);
}

void event_rings_take(struct event_ring *const *rings, size_t n, struct event_now now,
                      void (*on_entry)(void *cookie, const struct event_entry *e, uint64_t at_ns),
                      void *cookie)
{
    struct slice tags[EVENT_TAGS_MAX];
    struct event_entry e;
    /* A worker that writes as fast as this thread reads must not keep it. */
    for (size_t i = 0; i < n; i++)
        /* acquire: the records before it are as they were written (release in put) */
        rings[i]->until = atomic_load_explicit(&rings[i]->head, memory_order_acquire);
    while (true) {
        const struct record *oldest = NULL;
        struct event_ring *of = NULL;
        for (size_t i = 0; i < n; i++) {
            const struct record *rec = first(rings[i]);
            if (rec == NULL || (oldest != NULL && rec->at_ns >= oldest->at_ns))
                continue;
            oldest = rec;
            of = rings[i];
        }
        if (oldest == NULL)
            return;
        read_record(oldest, now, tags, &e);
        on_entry(cookie, &e, oldest->at_ns);
        drop(of, oldest);
    }
}
