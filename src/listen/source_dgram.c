/*
 * A source has one socket, or two after a renewal:
 *
 *     newest     bound to the address now
 *     replaced   bound before: clients that connected to it go on sending there.  The next renewal,
 *                or a pause, shuts it down, reads it until it is empty, and closes it.  (One that
 *                is kept is closed without being shut down.)
 *
 * Each socket has its watch (which says when to read it), may be stamped (the kernel notes when
 * datagrams came), and has its own time of arrival in the lane.  The counters are the source's,
 * whichever socket brought a datagram.
 *
 *     watch        -> read_some -> receive: dgram_read -> lane_begin, lane_datagram..., lane_flush
 *     worker: turn -> look, drain -> receive
 */
#include "listen/source_dgram.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aggregate/lane.h"
#include "base/mem.h"
#include "base/now.h"
#include "listen/dgram.h"
#include "listen/gather.h"
#include "listen/refusals_priv.h"
#include "listen/tap_priv.h"
#include "listen/transport.h"
#include "listen/watch.h"
#include "listen/worker_order_priv.h"

enum {
    DATAGRAM_BYTES_MIN = 256, /* a queued datagram takes at least its sk_buff of kernel memory */
    UNIX_QUEUE_MAX = 4096,    /* more datagrams than any sane net.unix.max_dgram_qlen */
    UNIX_LAST_MAX = 65536,    /* the same of one that was shut down, however odd that setting */
    DRAIN_ERRORS_MAX = 8      /* failed reads of one drain */
};

struct dgram_socket {
    struct source_dgram *source;
    struct watch watch;
    struct lane_source from;
    int fd;
    bool own_fd;        /* fd is closed with the socket */
    bool inherited;     /* its options are not ours to set before `own` */
    bool kept;          /* others may have it open: never shut down */
    bool stamped;       /* dgram_stamp is on */
    uint64_t datagrams; /* read from it */
};

struct source_dgram {
    struct source base;
    const struct transport *transport;
    enum gauge_sign gauge_sign;
    struct networks allow; /* as in struct listen_address */
    struct dgram_socket *newest;
    struct dgram_socket *replaced; /* or NULL */
    uint32_t drops_seen;           /* of newest's, in base.stats already, or another's to count */
    bool knows_drops;              /* take_over has said them */
};

static void source_dgram_check(const struct source_dgram *s)
{
    source_check(&s->base);
    assert(s->newest != NULL && s->newest->source == s && !s->newest->own_fd);
    assert(s->replaced == NULL || (s->replaced->source == s && s->replaced->own_fd));
    assert(s->replaced == NULL || !s->transport->own_queue); /* look asks about newest alone */
}

/* One of the source's sockets, and stamps only where somebody puts them in order. */
static void dgram_socket_check(const struct dgram_socket *k)
{
    const struct source_dgram *s = k->source;
    assert(k == s->newest || k == s->replaced);
    assert(!k->stamped || s->base.env->order != NULL);
    assert((uintptr_t)k % MEM_APART == 0); /* written with each read */
}

/* ---- receiving ---- */

static void choose_stamps(struct dgram_socket *k)
{
    const struct source_env *env = k->source->base.env;
    if (env->order == NULL)
        return;
    bool want = worker_order_stamps(env->order, lane_ingest(env->lane), k->datagrams) ||
                watch_is_late(&k->watch);
    if (want != k->stamped && dgram_stamp(k->fd, want) == 0)
        k->stamped = want;
}

/* May datagram i of the last read not come in?  Then it is counted. */
static bool is_strange(struct source_dgram *s, int i)
{
    struct dgram_aside a;
    dgram_aside(s->base.env->dgram, i, &a);
    if (networks_have(&s->allow, &a.sender.any))
        return false;
    s->base.stats.not_allowed++;
    memcpy(&s->base.stats.stranger, &a.sender, sizeof s->base.stats.stranger);
    return true;
}

static uint64_t feed_lane(struct dgram_socket *k, int n)
{
    const struct source_env *env = k->source->base.env;
    int64_t ahead_ns = k->stamped ? worker_order_wall_ahead_ns(env->order) : 0;
    const struct lane_clock clock = { now_mono_ns(), ahead_ns };
    const bool senders = env->dgram->asked.senders == DGRAM_SLOTS;
    uint64_t bytes = 0;
    lane_begin(env->lane, &k->from, clock);
    for (int i = 0; i < n; i++) {
        const struct lane_datagram d = {
            .ptr = dgram_ptr(env->dgram, i),
            .len = dgram_len(env->dgram, i),
            .stamp_ns = k->stamped ? dgram_stamp_ns(env->dgram, i) : 0,
            .padded = true,
            .truncated = dgram_truncated(env->dgram, i),
            .sender = senders ? dgram_sender(env->dgram, i) : NULL,
        };
        bytes += d.len;
        if (k->source->allow.n > 0 && is_strange(k->source, i))
            continue;
        lane_datagram(env->lane, &d);
    }
    lane_flush(env->lane);
    taps_end(env->taps, bytes, clock.now_ns);
    return bytes;
}

/* As in struct taps_from. */
static pid_t find_pid(const void *dgram, const char *ptr)
{
    struct dgram_aside a;
    dgram_aside(dgram, dgram_slot(dgram, ptr), &a);
    return a.pid;
}

/* Of how many datagrams the next read asks for the sender, from the first on. */
static unsigned senders_wanted(struct dgram_socket *k)
{
    const struct source *s = &k->source->base;
    struct dgram_buffers *d = s->env->dgram;
    const bool busy = d->n == DGRAM_SLOTS || watch_gathers(&k->watch);
    const bool by_pid = k->source->transport->sender_pid;
    refusals_begin(s->env->refusals, (struct refusals_from){ s->place, dgram_find, d });
    unsigned senders = refusals_senders(s->env->refusals, busy);
    const bool tapped = taps_begin(
        s->env->taps,
        (struct taps_from){ .listener = s->place, .pid = by_pid ? find_pid : NULL, .at_hand = d });
    if (tapped || k->source->allow.n > 0 || (s->env->senders && !by_pid))
        return DGRAM_SLOTS;
    return senders < DGRAM_SLOTS ? senders : DGRAM_SLOTS;
}

/* One recvmmsg's worth, parsed and aggregated.  returns  how many datagrams, or -errno (counted) */
static int receive(struct dgram_socket *k)
{
    struct source *s = &k->source->base;
    struct dgram_buffers *d = s->env->dgram;
    dgram_socket_check(k);
    choose_stamps(k);
    const struct dgram_ask ask = { .senders = senders_wanted(k), .stamps = k->stamped };
    int n = dgram_read(d, k->fd, ask);
    if (n < 0)
        s->stats.errors++;
    if (n <= 0)
        return n;
    s->stats.bytes += feed_lane(k, n);
    s->stats.datagrams += (uint64_t)n;
    k->datagrams += (uint64_t)n;
    return n;
}

/* Fewer datagrams than slots: the queue is empty, and a further call would only say so. */
static unsigned read_some(void *cookie)
{
    int sum = 0, n = DGRAM_SLOTS;
    for (int i = 0; i < WATCH_READ_MAX / DGRAM_SLOTS && n == DGRAM_SLOTS; i++) {
        n = receive(cookie);
        sum += n > 0 ? n : 0;
    }
    return (unsigned)sum;
}

/* ---- a socket's life ---- */

static void on_closed(void *cookie)
{
    struct dgram_socket *k = cookie;
    if (k->own_fd)
        close(k->fd);
    free(k);
}

static void set_options(struct dgram_socket *k)
{
    if (k->source->transport->sender_pid)
        (void)dgram_tell_pid(k->fd); /* where it fails, refused lines have no sender */
    choose_stamps(k);
}

/* Begin to watch fd, whose owner is the caller.  returns  0 or -errno */
static int socket_new(struct source_dgram *s, int fd, bool inherited, struct dgram_socket **ret)
{
    struct dgram_socket *k = mem_zalloc_apart(sizeof *k);
    /* Where senders wait when the queue is full, datagrams are not left to gather. */
    bool gather = s->transport->own_queue;
    unsigned gather_ms = gather ? gather_most_ms((uint64_t)dgram_rcvbuf(fd)) : 0;
    k->source = s;
    k->fd = fd;
    k->inherited = k->kept = inherited;
    k->from.gauge_sign = s->gauge_sign;
    int rc = watch_init(&k->watch, s->base.env->loop, fd, gather_ms, read_some, k);
    if (rc < 0) {
        free(k);
        return rc;
    }
    if (!inherited)
        set_options(k);
    rc = watch_start(&k->watch);
    if (rc < 0) {
        watch_close(&k->watch, on_closed);
        return rc;
    }
    *ret = k;
    return 0;
}

/* ---- what a worker asks for ---- */

static void look(struct source *base)
{
    struct source_dgram *s = (struct source_dgram *)base;
    uint32_t queued = 0, drops = 0;
    source_dgram_check(s);
    if (dgram_meminfo(s->newest->fd, &queued, &drops) < 0)
        return;
    base->stats.queued_bytes = queued;
    if (s->transport->own_queue)
        base->stats.kernel_drops += (uint32_t)(drops - s->drops_seen); /* a counter that wraps */
    s->drops_seen = base->stats.socket_drops = drops;
}

/*
 * Can there be more of the datagrams that were queued when look was called, after that many with
 * that many bytes were read?  Each takes kernel memory of its bytes or more.  The bound holds in
 * the last turn as well: where a socket was not refused (listener_refuse), a sender that is faster
 * than this worker would keep the server from stopping.
 */
static bool holds_more(const struct source_dgram *s, uint64_t datagrams, uint64_t bytes, bool last)
{
    uint64_t queued = s->base.stats.queued_bytes;
    if (!s->transport->own_queue)
        return datagrams < (last ? UNIX_LAST_MAX : UNIX_QUEUE_MAX);
    return bytes <= queued && datagrams * DATAGRAM_BYTES_MIN <= queued;
}

static void drain_socket(struct dgram_socket *k, bool last)
{
    const struct socket_stats *stats = &k->source->base.stats;
    uint64_t datagrams = stats->datagrams, bytes = stats->bytes; /* before */
    int errors = 0;
    while (holds_more(k->source, stats->datagrams - datagrams, stats->bytes - bytes, last)) {
        int n = receive(k);
        /* An error may stand before datagrams (reading takes it off the socket), not for ever. */
        if (n == 0 || (n < 0 && errors++ == DRAIN_ERRORS_MAX))
            break;
    }
    if (last) /* a socket that is shut down stays readable: the loop would never rest */
        watch_stop(&k->watch);
}

/*
 * After the shutdown its senders get an error, and what it holds is read.  A kept one is left as it
 * is: no client would reach it again.
 */
static void end_replaced(struct dgram_socket *k)
{
    if (!k->kept)
        (void)shutdown(k->fd, SHUT_RD);
    drain_socket(k, true);
}

static void drop_replaced(struct source_dgram *s)
{
    end_replaced(s->replaced);
    watch_close(&s->replaced->watch, on_closed);
    s->replaced = NULL;
}

static void drain(struct source *base, bool last)
{
    struct source_dgram *s = (struct source_dgram *)base;
    source_dgram_check(s);
    drain_socket(s->newest, last);
    if (s->replaced != NULL && last)
        end_replaced(s->replaced);
    else if (s->replaced != NULL)
        drain_socket(s->replaced, false);
}

static void rest(struct source *base)
{
    struct source_dgram *s = (struct source_dgram *)base;
    source_dgram_check(s);
    watch_stop(&s->newest->watch);
    if (s->replaced != NULL) /* nobody is given it: its clients are to connect again */
        drop_replaced(s);
}

static void go_on(struct source *base)
{
    struct source_dgram *s = (struct source_dgram *)base;
    source_dgram_check(s);
    int rc = watch_start(&s->newest->watch);
    assert(rc == 0); /* it was watched before */
    (void)rc;
}

/* What it dropped for other readers is not ours to count.  Again where a thread could not start. */
static void own(struct source *base)
{
    struct source_dgram *s = (struct source_dgram *)base;
    uint32_t queued;
    source_dgram_check(s);
    assert(s->newest->datagrams == 0 && s->replaced == NULL);
    if (!s->newest->inherited)
        return;
    set_options(s->newest);
    if (!s->knows_drops)
        (void)dgram_meminfo(s->newest->fd, &queued, &s->drops_seen);
    s->knows_drops = true;
}

static void take_over(struct source *base, uint32_t drops)
{
    struct source_dgram *s = (struct source_dgram *)base;
    source_dgram_check(s);
    s->newest->kept = false;
    s->drops_seen = drops;
    s->knows_drops = true;
}

static int renew(struct source *base, int fd)
{
    struct source_dgram *s = (struct source_dgram *)base;
    struct dgram_socket *fresh;
    int rc = socket_new(s, fd, false, &fresh);
    if (rc < 0)
        return rc;
    if (s->replaced != NULL)
        drop_replaced(s);
    drain_socket(s->newest, false); /* before what comes on the new socket */
    s->newest->own_fd = true;
    s->replaced = s->newest;
    s->newest = fresh;
    source_dgram_check(s);
    return 0;
}

static void close_sockets(struct source *base, bool own)
{
    struct source_dgram *s = (struct source_dgram *)base;
    source_dgram_check(s);
    /* A renewal that the worker never took up has made the newest descriptor the worker's. */
    s->newest->own_fd = own;
    watch_close(&s->newest->watch, on_closed);
    if (s->replaced != NULL)
        watch_close(&s->replaced->watch, on_closed);
    s->newest = s->replaced = NULL;
}

static const struct source_ops ops = { .look = look,
                                       .drain = drain,
                                       .rest = rest,
                                       .go_on = go_on,
                                       .own = own,
                                       .take_over = take_over,
                                       .renew = renew,
                                       .close = close_sockets };

int source_dgram_new(struct source_env *env, const struct listen_address *a, int fd, bool inherited,
                     struct source **ret)
{
    int rc = dgram_share(&env->dgram);
    if (rc < 0)
        return rc;
    struct source_dgram *s = mem_zalloc_apart(sizeof *s);
    s->base.ops = &ops;
    s->base.env = env;
    s->transport = transport_of(a->transport);
    s->gauge_sign = a->gauge_sign;
    s->allow = a->allow;
    rc = socket_new(s, fd, inherited, &s->newest);
    if (rc < 0) {
        free(s);
        return rc;
    }
    *ret = &s->base;
    return 0;
}
