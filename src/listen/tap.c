/*
 *     control   taps_want -> changes
 *     worker    taps_begin: taps_catch_up after a change; taps_choose: does a tap look at this
 *               read?  Then the lane is hooked
 *               lane -> on_datagram -> takes -> tap_ring_put, for each tap that looks
 *               taps_end: taps_note: publish, and budgets
 */
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "listen/tap_budget.h"
#include "listen/tap_priv.h"

struct tap {
    struct tap_ring *ring;
    struct tap_opts opts;
    /* The worker's: */
    double sum;               /* of shares, less the datagrams that were taken: below 1 */
    struct tap_budget budget; /* where opts.share is 0 */
    uint64_t took;            /* bytes of this read */
};

/* ---- control ---- */

size_t tap_budget_ring(uint64_t budget)
{
    enum { LEAST = 256 << 10, SECONDS = 2 };
    size_t n = LEAST;
    while (n < SECONDS * budget)
        n *= 2;
    return n;
}

static size_t ring_bytes(const struct tap_opts *o)
{
    if (o->ring_bytes > 0)
        return o->ring_bytes;
    return o->share > 0 ? TAP_RING_BYTES : tap_budget_ring(o->budget);
}

struct tap *tap_new(const struct tap_opts *opts)
{
    assert(opts->share >= 0 && opts->share <= 1 && (opts->share > 0 || opts->budget > 0));
    struct tap *t = mem_zalloc_apart(sizeof *t);
    t->opts = *opts;
    t->ring = tap_ring_new(ring_bytes(opts));
    if (opts->share == 0)
        tap_budget_init(&t->budget, opts->budget, now_mono_ns());
    return t;
}

void tap_free(struct tap *t)
{
    if (t == NULL)
        return;
    tap_ring_free(t->ring);
    free(t);
}

struct tap_ring *tap_ring_of(struct tap *t)
{
    return t->ring;
}

void taps_want(struct taps *t, enum tap_kind k, struct tap *tap)
{
    /* release: the worker sees the tap as tap_new made it */
    atomic_store_explicit(&t->wanted[k], tap, memory_order_release);
    /* release: who sees the change sees what is wanted */
    atomic_fetch_add_explicit(&t->changes, 1, memory_order_release);
}

bool taps_done(const struct taps *t)
{
    /* acquire: what the worker wrote into a tap that it let go of comes before its end; `changes`
     * is this thread's own */
    return atomic_load_explicit(&t->done, memory_order_acquire) ==
           atomic_load_explicit(&t->changes, memory_order_relaxed);
}

/* ---- worker ---- */

void taps_init(struct taps *t, struct lane *lane)
{
    t->lane = lane;
}

static void note_sender(const struct taps *t, const struct lane_datagram *d, struct tap_sender *ret)
{
    if (d->sender == NULL) {
        pid_t pid = t->from.pid != NULL ? t->from.pid(t->from.at_hand, d->ptr) : 0;
        ret->family = t->from.pid != NULL ? AF_UNIX : AF_UNSPEC;
        ret->port = (uint32_t)pid;
    } else if (d->sender->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)d->sender;
        ret->family = AF_INET;
        ret->port = ntohs(in->sin_port);
        memcpy(ret->address, &in->sin_addr, sizeof in->sin_addr);
    } else if (d->sender->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)d->sender;
        ret->family = AF_INET6;
        ret->port = ntohs(in->sin6_port);
        memcpy(ret->address, &in->sin6_addr, sizeof in->sin6_addr);
    }
}

/* returns  the share by which it is taken; 0: it is not */
static double takes(struct tap *tap)
{
    if (tap->opts.share == 0)
        return tap_budget_datagram(&tap->budget) ? tap->budget.share : 0;
    tap->sum += tap->opts.share;
    if (tap->sum < 1)
        return 0;
    tap->sum -= 1;
    return tap->opts.share;
}

static void put(struct taps *t, struct tap *tap, const struct lane_datagram *d, double share)
{
    const uint32_t most = tap->opts.most, len = (uint32_t)d->len;
    struct tap_record rec = {
        .len = most > 0 && most < len ? most : len,
        .orig_len = len,
        .share = (float)share,
        .stamp_ns = d->stamp_ns,
        .listener = t->from.listener,
        .flags = (uint8_t)(t->from.flags | (d->truncated ? TAP_TRUNCATED : 0)),
    };
    if (rec.stamp_ns == 0 && t->wall_ns == 0)
        t->wall_ns = now_wall_ns();
    if (rec.stamp_ns == 0)
        rec.stamp_ns = t->wall_ns;
    if (tap->opts.senders)
        note_sender(t, d, &rec.sender);
    tap->took += sizeof rec + rec.len;
    tap_ring_put(tap->ring, &rec, d->ptr);
}

static void on_datagram(void *taps, const struct lane_datagram *d)
{
    struct taps *t = taps;
    for (unsigned k = 0; k < TAP_KINDS; k++) {
        double share = t->looking >> k & 1 ? takes(t->on[k]) : 0;
        if (share > 0)
            put(t, t->on[k], d, share);
    }
}

static void hook(struct taps *t)
{
    const bool want = t->looking != 0;
    if (want != t->hooked)
        lane_tap_datagrams(t->lane, want ? on_datagram : NULL, t);
    t->hooked = want;
}

/*
 * A change that comes meanwhile may be seen in part: then it is looked at again before the next
 * read, and `done` says that it was not seen.
 */
void taps_catch_up(struct taps *t, uint64_t changes)
{
    t->any = 0;
    for (unsigned k = 0; k < TAP_KINDS; k++) {
        /* acquire: pairs with the release in taps_want, also of a change after `changes` */
        t->on[k] = atomic_load_explicit(&t->wanted[k], memory_order_acquire);
        t->any |= (uint32_t)(t->on[k] != NULL) << k;
    }
    t->looking &= t->any;
    hook(t);
    t->seen = changes;
    /* release: pairs with the acquire in taps_done */
    atomic_store_explicit(&t->done, changes, memory_order_release);
}

bool taps_choose(struct taps *t, struct taps_from from)
{
    bool senders = false;
    t->from = from;
    t->wall_ns = 0;
    t->looking = 0;
    for (unsigned k = 0; k < TAP_KINDS; k++) {
        struct tap *tap = t->on[k];
        if (tap == NULL || (tap->opts.share == 0 && !tap_budget_read(&tap->budget)))
            continue;
        t->looking |= 1u << k;
        senders |= tap->opts.senders;
    }
    hook(t);
    return senders;
}

void taps_note(struct taps *t, uint64_t bytes, uint64_t now_ns)
{
    for (unsigned k = 0; k < TAP_KINDS; k++) {
        struct tap *tap = t->on[k];
        if (tap == NULL)
            continue;
        if (tap->took > 0)
            tap_ring_publish(tap->ring);
        if (tap->opts.share == 0)
            tap_budget_note(&tap->budget, bytes, tap->took, now_ns);
        tap->took = 0;
    }
}
