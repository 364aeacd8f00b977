/*
 * A record is written in one piece.  One that does not fit between the head and the ring's end
 * starts at the ring's beginning, and a filler takes what is left at the end.
 *
 *     bytes   [ ..free.. | record | record | filler ]     positions count up for ever; the place
 *                        ^ tail            head ^         in the ring is their remainder
 *
 *     producer   wrote: its own head, ahead of `head`, which publish moves up to it
 *                tail_seen: the tail when it last looked, so it looks when room is short alone
 *     consumer   read: its own tail, ahead of `tail`, which release moves up to it
 *                head_seen: the head when it last looked
 */
#include "base/tap_ring.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FILLER UINT32_MAX /* in place of len: nothing is behind the first two fields */

static_assert(sizeof(struct tap_record) % 8 == 0 && _Alignof(struct tap_record) == 8,
              "positions are multiples of 8");
static_assert(offsetof(struct tap_record, len) + sizeof(uint32_t) <= 8, "a filler has 8 bytes");

struct tap_ring {
    char *bytes;
    uint64_t cap;
    /* The producer's: */
    _Alignas(MEM_APART) _Atomic uint64_t head; /* behind the last record that was published */
    uint64_t wrote, tail_seen;
    _Atomic uint64_t put, put_bytes, dropped, dropped_bytes;
    /* The consumer's: */
    _Alignas(MEM_APART) _Atomic uint64_t tail; /* the first record that was not released */
    uint64_t read, head_seen;
};
static_assert(sizeof(struct tap_ring) % MEM_APART == 0, "the sides share no lines");

static void ring_check(const struct tap_ring *r, uint64_t tail, uint64_t head)
{
    assert(tail <= head && head - tail <= r->cap);
    assert(tail % 8 == 0 && head % 8 == 0);
}

struct tap_ring *tap_ring_new(size_t bytes)
{
    assert(bytes >= TAP_RING_LEAST && (bytes & (bytes - 1)) == 0);
    struct tap_ring *r = mem_zalloc_apart(sizeof *r);
    r->bytes = mem_alloc(bytes);
    r->cap = bytes;
    return r;
}

void tap_ring_free(struct tap_ring *r)
{
    if (r == NULL)
        return;
    free(r->bytes);
    free(r);
}

static struct tap_record *record_at(const struct tap_ring *r, uint64_t position)
{
    return (void *)(r->bytes + (position & (r->cap - 1)));
}

/* ---- producer ---- */

/* relaxed: one writer, and a number that guards nothing */
static void add(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t was = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, was + n, memory_order_relaxed);
}

static bool has_room(struct tap_ring *r, uint64_t n)
{
    if (n <= r->cap - (r->wrote - r->tail_seen))
        return true;
    /* acquire: the consumer has read what stood in the room that it gave back (tap_ring_release) */
    r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
    ring_check(r, r->tail_seen, r->wrote);
    return n <= r->cap - (r->wrote - r->tail_seen);
}

bool tap_ring_put(struct tap_ring *r, const struct tap_record *rec, const char *data)
{
    const uint64_t n = (sizeof *rec + rec->len + 7) & ~7ull;
    const uint64_t to_end = r->cap - (r->wrote & (r->cap - 1));
    const uint64_t filler = to_end < n ? to_end : 0;
    assert(rec->len <= rec->orig_len && rec->share > 0 && rec->share <= 1);
    if (n > r->cap || !has_room(r, filler + n)) {
        add(&r->dropped, 1);
        add(&r->dropped_bytes, rec->orig_len);
        return false;
    }
    if (filler > 0) {
        struct tap_record *f = record_at(r, r->wrote);
        f->bytes = (uint32_t)filler;
        f->len = FILLER;
        r->wrote += filler;
    }
    struct tap_record *to = record_at(r, r->wrote);
    *to = *rec;
    to->bytes = (uint32_t)n;
    memcpy(to + 1, data, rec->len);
    r->wrote += n;
    add(&r->put, 1);
    add(&r->put_bytes, rec->orig_len);
    return true;
}

void tap_ring_publish(struct tap_ring *r)
{
    /* release: the consumer sees the records, and fillers among them, as they were written */
    atomic_store_explicit(&r->head, r->wrote, memory_order_release);
}

/* ---- consumer ---- */

const struct tap_record *tap_ring_next(struct tap_ring *r)
{
    while (true) {
        if (r->read == r->head_seen) {
            /* acquire: the records before it are as they were written (tap_ring_publish) */
            r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
            ring_check(r, r->read, r->head_seen);
        }
        if (r->read == r->head_seen)
            return NULL;
        const struct tap_record *rec = record_at(r, r->read);
        r->read += rec->bytes;
        if (rec->len != FILLER)
            return rec;
    }
}

void tap_ring_release(struct tap_ring *r)
{
    /* release: the records have been read before the producer writes over them */
    atomic_store_explicit(&r->tail, r->read, memory_order_release);
}

struct tap_ring_counts tap_ring_counts(const struct tap_ring *r)
{
    /* relaxed: numbers that guard nothing */
    return (struct tap_ring_counts){
        .put = atomic_load_explicit(&r->put, memory_order_relaxed),
        .put_bytes = atomic_load_explicit(&r->put_bytes, memory_order_relaxed),
        .dropped = atomic_load_explicit(&r->dropped, memory_order_relaxed),
        .dropped_bytes = atomic_load_explicit(&r->dropped_bytes, memory_order_relaxed),
    };
}

/* ---- senders ---- */

void tap_sender_print(const struct tap_sender *s, char out[ADDRESS_TEXT_MAX])
{
    out[0] = '\0';
    if (s->family == AF_INET) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)s->port) };
        memcpy(&in.sin_addr, s->address, sizeof in.sin_addr);
        address_print((const struct sockaddr *)&in, out);
    } else if (s->family == AF_INET6) {
        struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)s->port) };
        memcpy(&in.sin6_addr, s->address, sizeof in.sin6_addr);
        address_print((const struct sockaddr *)&in, out);
    } else if (s->family == AF_UNIX && s->port > 0) {
        snprintf(out, ADDRESS_TEXT_MAX, "pid:%u", (unsigned)s->port);
    }
}

void tap_sender_print_host(const struct tap_sender *s, char out[ADDRESS_TEXT_MAX])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }; /* ::ffff:0:0/96 */
    const bool v4 = s->family == AF_INET6 && memcmp(s->address, mapped, sizeof mapped) == 0;
    out[0] = '\0';
    if (v4)
        (void)inet_ntop(AF_INET, s->address + sizeof mapped, out, ADDRESS_TEXT_MAX);
    else if (s->family == AF_INET || s->family == AF_INET6)
        (void)inet_ntop(s->family, s->address, out, ADDRESS_TEXT_MAX);
    else if (s->family == AF_UNIX && s->port > 0)
        snprintf(out, ADDRESS_TEXT_MAX, "unix:pid %u", (unsigned)s->port);
}
