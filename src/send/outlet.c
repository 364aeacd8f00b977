/*
 *     outlet_send   has_room: the receiver's queue, where that can be seen -> target_kind.send
 *                   -> count; pause, where there was no room
 */
#include "send/outlet.h"

#include <assert.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/now.h"
#include "send/procfs.h"
#include "send/udp_room.h"

enum { SETTLE_MS = 10000, ICMP_NS = 20000000, PAUSE_NS = 1000000, FULL_PAUSE_NS = 100000 };

static void pause_for(long ns)
{
    nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

/* What a datagram takes of the receiver's queue: not less than the kernel's own figure. */
static uint64_t charge_of(const struct send_datagram *d)
{
    return 768 + UINT64_C(2) * d->len;
}

/* Can the queue of its receiver be seen? */
static bool receiver_is_here(const struct outlet *o, struct procfs_udp *ret)
{
    return o->target->kind->kernel_drops && o->target->here && procfs_udp(o->target->port, ret);
}

int outlet_open(struct outlet *o, const struct target *t, bool gently)
{
    struct procfs_udp receiver = { 0 };
    *o = (struct outlet){ .target = t };
    int rc = t->kind->open(t, 0, &o->socket);
    if (rc < 0)
        return rc;
    o->totals.receiver_known = receiver_is_here(o, &receiver);
    o->drops_before = receiver.drops;
    o->gently = gently && o->totals.receiver_known;
    return 0;
}

/*
 * A quarter of the queue is for others who send, and for what the kernel takes beyond charge_of. 
 * What is free beyond that is sent without a further look.
 */
static bool has_room(struct outlet *o)
{
    struct udp_room room;
    if (!o->gently || o->credit > 0)
        return true;
    const bool seen = udp_room(o->target->port, &room);
    if (!seen || room.free > room.size / 2) {
        o->full_since_ns = 0;
        o->credit = seen ? room.free - room.size / 4 : UINT16_MAX;
        return true;
    }
    const uint64_t now_ns = now_mono_ns();
    if (o->full_since_ns == 0)
        o->full_since_ns = now_ns;
    if (now_ns - o->full_since_ns < OUTLET_PATIENCE_NS)
        return false;
    o->credit = UINT16_MAX;
    return true;
}

/* How many of the n datagrams from d on fit before the next look at the queue. */
static size_t batch_of(struct outlet *o, const struct send_datagram *d, size_t n)
{
    size_t fit = 0;
    n = n < TARGET_BATCH_MAX ? n : TARGET_BATCH_MAX;
    if (!o->gently)
        return n;
    while (fit < n && o->credit > 0) {
        const uint64_t charge = charge_of(&d[fit++]);
        o->credit -= charge < o->credit ? charge : o->credit;
    }
    return fit;
}

/* Will it be taken later? */
static bool is_shortage(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM;
}

static void count_unreachable(struct outlet *o, const struct target_unreachable *u)
{
    o->totals.unreachable += u->messages;
    o->totals.error = u->messages > 0 ? u->error : o->totals.error;
}

static void count(struct outlet *o, const struct target_sent *done, const struct send_datagram *d)
{
    struct outlet_totals *t = &o->totals;
    for (size_t i = 0; i < done->datagrams; i++) {
        t->bytes += d[i].len;
        t->amount += d[i].amount;
    }
    t->datagrams += done->datagrams;
    t->failed += done->failed;
    t->reconnects += done->reconnected;
    t->error = done->failed > 0 ? done->error : t->error;
    count_unreachable(o, &done->unreachable);
}

size_t outlet_send(struct outlet *o, const struct send_block *b, size_t first)
{
    const struct send_datagram *d = &b->datagrams[first];
    assert(first < b->n);
    if (!has_room(o)) {
        o->totals.pauses++;
        pause_for(FULL_PAUSE_NS);
        return 0;
    }
    const size_t n = batch_of(o, d, b->n - first);
    struct target_sent done = o->target->kind->send(&o->socket, b, first, n, 1);
    const bool shortage = done.failed > 0 && is_shortage(done.error);
    if (shortage && !o->target->kind->stream)
        done.failed = 0;
    count(o, &done, d);
    if (done.datagrams + done.failed == 0) {
        o->totals.pauses++;
        pause_for(PAUSE_NS);
    }
    return done.datagrams + done.failed;
}

void outlet_give_up(struct outlet *o, const struct send_block *b, size_t first)
{
    const struct target_sent one = { .datagrams = 1, .messages = 1 };
    assert(first < b->n);
    if (o->socket.begun > 0 && o->target->kind->complete(&o->socket, b, first))
        count(o, &one, &b->datagrams[first]);
}

void outlet_settle(struct outlet *o)
{
    const struct target_kind *kind = o->target->kind;
    struct procfs_udp receiver;
    if (kind->unreachable != NULL) {
        pause_for(ICMP_NS);
        struct target_unreachable u = kind->unreachable(o->socket.fd);
        count_unreachable(o, &u);
    }
    if (kind->finish != NULL) {
        kind->finish(&o->socket);
        o->totals.unfinished = kind->finished(&o->socket, SETTLE_MS) < 0;
    }
    if (o->totals.receiver_known && receiver_is_here(o, &receiver) &&
        receiver.drops >= o->drops_before)
        o->totals.receiver_dropped = receiver.drops - o->drops_before;
}

void outlet_close(struct outlet *o)
{
    if (o->socket.fd >= 0)
        close(o->socket.fd);
    o->socket.fd = -1;
}
