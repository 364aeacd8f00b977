/*
 *     reassembly_add   find: the open packet of a fragment, or begin a new one (place_of: a free
 *                      place, else that of the oldest)
 *                      -> fits: does it agree with what is there? -> keep -> whole?
 *
 * Which bytes are there is a bit for each 8 of them, the unit in which fragments are placed.
 */
#include "capture/reassembly.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { UNIT = 8, UNITS = (REASSEMBLY_BYTES_MAX + UNIT - 1) / UNIT };

struct packet {
    struct frame_ip first; /* of the fragment that came first: addresses, protocol, id */
    bool dropped;
    size_t units;   /* that are there */
    size_t total;   /* bytes of all; 0: the last fragment is not there yet */
    size_t end;     /* of the bytes that are there */
    uint8_t *bytes; /* owned */
    size_t cap;
    uint8_t there[(UNITS + 7) / 8];
};

struct reassembly {
    size_t n;                                    /* places that were used so far */
    uint32_t hash[REASSEMBLY_OPEN_MAX];          /* of a place's packet; 0: it is free */
    uint64_t began_ns[REASSEMBLY_OPEN_MAX];      /* by the capture */
    struct packet *packets[REASSEMBLY_OPEN_MAX]; /* owned */
    uint64_t given_up;
};

struct reassembly *reassembly_new(void)
{
    return mem_zalloc(sizeof(struct reassembly));
}

void reassembly_free(struct reassembly *r)
{
    for (size_t i = 0; r != NULL && i < r->n; i++) {
        free(r->packets[i]->bytes);
        free(r->packets[i]);
    }
    free(r);
}

static uint32_t hash_of(const struct frame_ip *f)
{
    uint32_t h = 2166136261U; /* FNV-1a; only packets of one capture meet here */
    for (size_t i = 0; i < sizeof f->from; i++)
        h = ((h ^ f->from[i]) * 16777619U ^ f->to[i]) * 16777619U;
    h = (h ^ f->protocol) * 16777619U;
    h = (h ^ f->id ^ f->id >> 16) * 16777619U;
    return h != 0 ? h : 1;
}

static bool is_same(const struct frame_ip *a, const struct frame_ip *b)
{
    return a->version == b->version && a->id == b->id && a->protocol == b->protocol &&
           memcmp(a->from, b->from, sizeof a->from) == 0 && memcmp(a->to, b->to, sizeof a->to) == 0;
}

/* Makes the place free; what is lost with it is counted. */
static void give_up(struct reassembly *r, size_t i)
{
    r->given_up += !r->packets[i]->dropped;
    r->hash[i] = 0;
}

/* A free place, or that of the oldest. */
static size_t place_of(struct reassembly *r)
{
    size_t oldest = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (r->hash[i] == 0)
            return i;
        oldest = r->began_ns[i] < r->began_ns[oldest] ? i : oldest;
    }
    if (r->n < REASSEMBLY_OPEN_MAX) {
        r->packets[r->n] = mem_zalloc(sizeof(struct packet));
        return r->n++;
    }
    give_up(r, oldest);
    return oldest;
}

static size_t begin(struct reassembly *r, const struct frame_ip *f, uint32_t hash, uint64_t at_ns)
{
    size_t i = place_of(r);
    struct packet *p = r->packets[i];
    r->hash[i] = hash;
    r->began_ns[i] = at_ns;
    *p = (struct packet){ .first = *f, .bytes = p->bytes, .cap = p->cap };
    return i;
}

static size_t find(struct reassembly *r, const struct frame_ip *f, uint64_t at_ns)
{
    const uint32_t hash = hash_of(f);
    for (size_t i = 0; i < r->n; i++) {
        if (r->hash[i] != hash || !is_same(&r->packets[i]->first, f))
            continue;
        if (at_ns < r->began_ns[i] + REASSEMBLY_PATIENCE_NS)
            return i;
        give_up(r, i);
        break;
    }
    return begin(r, f, hash, at_ns);
}

static bool unit_is_there(const struct packet *p, size_t unit)
{
    return (p->there[unit / 8] >> unit % 8 & 1) != 0;
}

enum fit { FITS, SEEN, CONTRADICTS };

static enum fit fits(const struct packet *p, const struct frame_ip *f)
{
    const size_t end = f->at + f->len, first = f->at / UNIT, last = (end + UNIT - 1) / UNIT;
    size_t there = 0;
    if (f->len == 0 || f->len < f->wire_len || end > REASSEMBLY_BYTES_MAX ||
        (f->more && f->len % UNIT != 0) || (p->total > 0 && end > p->total))
        return CONTRADICTS;
    if (!f->more && (end < p->end || (p->total > 0 && end != p->total)))
        return CONTRADICTS;
    for (size_t u = first; u < last; u++)
        there += unit_is_there(p, u);
    if (there == 0)
        return FITS;
    bool same =
        there == last - first && end <= p->end && memcmp(p->bytes + f->at, f->payload, f->len) == 0;
    return same ? SEEN : CONTRADICTS;
}

static void keep(struct packet *p, const struct frame_ip *f)
{
    const size_t end = f->at + f->len;
    if (p->cap < end) {
        p->cap = end < REASSEMBLY_BYTES_MAX / 2 ? end * 2 : REASSEMBLY_BYTES_MAX;
        p->bytes = mem_realloc(p->bytes, p->cap);
    }
    memcpy(p->bytes + f->at, f->payload, f->len);
    for (size_t u = f->at / UNIT; u < (end + UNIT - 1) / UNIT; u++) {
        p->there[u / 8] |= (uint8_t)(1U << u % 8);
        p->units++;
    }
    p->end = end > p->end ? end : p->end;
    p->total = f->more ? p->total : end;
}

enum reassembly_result reassembly_add(struct reassembly *r, const struct frame_ip *f,
                                      uint64_t at_ns, struct frame_ip *ret)
{
    assert(frame_is_fragment(f));
    size_t i = find(r, f, at_ns);
    struct packet *p = r->packets[i];
    if (p->dropped)
        return REASSEMBLY_IGNORED;
    switch (fits(p, f)) {
    case SEEN:
        return REASSEMBLY_IGNORED;
    case CONTRADICTS:
        p->dropped = true;
        return REASSEMBLY_DROPPED;
    case FITS:
        break;
    }
    keep(p, f);
    if (p->total == 0 || p->units < (p->total + UNIT - 1) / UNIT)
        return REASSEMBLY_OPEN;
    r->hash[i] = 0;
    *ret = p->first;
    ret->at = 0;
    ret->more = false;
    ret->payload = p->bytes;
    ret->len = ret->wire_len = p->total;
    return REASSEMBLY_WHOLE;
}

uint64_t reassembly_incomplete(const struct reassembly *r)
{
    uint64_t open = 0;
    for (size_t i = 0; i < r->n; i++)
        open += r->hash[i] != 0 && !r->packets[i]->dropped;
    return r->given_up + open;
}
