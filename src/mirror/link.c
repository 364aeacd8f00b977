/*
 *     mirror_link_ready   closed: connect_now, if it is time; a name: follow
 *       connect_now  look_up -> mirror_is_own -> the kind's open -> works, or fails
 *     mirror_link_send    the kind's send -> count_sent -> what failed is dropped; nobody there:
 *                         fails
 */
#include "mirror/link.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/now.h"

#define SECOND_NS     UINT64_C(1000000000)
#define PAUSE_LEAST   (SECOND_NS / 10)
#define PAUSE_MOST    (10 * SECOND_NS)
#define LOOK_EVERY_NS (60 * SECOND_NS)

void mirror_link_init(struct mirror_link *l, const char *to, const struct mirror_own *own,
                      size_t n_own, struct mirror_counts *counts)
{
    *l = (struct mirror_link){
        .own = own, .n_own = n_own, .counts = counts, .pause_ns = PAUSE_LEAST
    };
    snprintf(l->to, sizeof l->to, "%s", to);
    l->named = target_parse_numeric(to, &l->target) == -ENOENT;
    l->retry_ns = 1;
}

static enum mirror_state state_of(const struct mirror_link *l)
{
    return (enum mirror_state)atomic_load_explicit(&l->counts->state, memory_order_relaxed);
}

static void set_state(struct mirror_link *l, enum mirror_state s)
{
    atomic_store_explicit(&l->counts->state, (int)s, memory_order_relaxed);
}

static void shut(struct mirror_link *l)
{
    if (l->open && l->socket.fd >= 0)
        close(l->socket.fd);
    l->open = false;
}

void mirror_link_release(struct mirror_link *l)
{
    if (l->open && l->target.kind->stream)
        l->target.kind->finish(&l->socket);
    shut(l);
}

/* The log has it when it begins, and the counters how long it lasts. */
static void fails(struct mirror_link *l, int error)
{
    if (state_of(l) != MIRROR_UNREACHABLE)
        LOG(LOG_WARN, "mirror cannot reach its target", F_STR("to", l->to),
            F_STR("error", err_text(-error)),
            F_STR("remedy", "see whether a server listens there"));
    set_state(l, MIRROR_UNREACHABLE);
    l->trouble_ns = now_mono_ns();
    l->retry_ns = l->trouble_ns + l->pause_ns;
    l->pause_ns = l->pause_ns * 2 < PAUSE_MOST ? l->pause_ns * 2 : PAUSE_MOST;
}

static void would_loop(struct mirror_link *l)
{
    if (state_of(l) != MIRROR_LOOP)
        LOG(LOG_ERROR, "mirror.to is this server itself: nothing is mirrored", F_STR("to", l->to),
            F_STR("address", l->target.text),
            F_STR("remedy", "give the address of another server, and reload"));
    set_state(l, MIRROR_LOOP);
    l->retry_ns = now_mono_ns() + PAUSE_MOST;
}

/* ICMP answers late, and a queue takes something before it is full: it works after a second. */
static void works(struct mirror_link *l)
{
    const enum mirror_state was = state_of(l);
    if (was == MIRROR_ON ||
        (was == MIRROR_UNREACHABLE && now_mono_ns() - l->trouble_ns < SECOND_NS))
        return;
    l->retry_ns = 0;
    l->pause_ns = PAUSE_LEAST;
    LOG(LOG_INFO, "mirroring", F_STR("to", l->to), F_STR("address", l->target.text));
    set_state(l, MIRROR_ON);
}

static void connect_now(struct mirror_link *l)
{
    shut(l);
    l->looked_ns = now_mono_ns();
    int rc = target_parse(l->to, &l->target);
    if (rc == 0 && mirror_is_own(&l->target, l->own, l->n_own)) {
        would_loop(l);
        return;
    }
    if (rc == 0)
        rc = l->target.kind->open(&l->target, 0, &l->socket);
    if (rc < 0) {
        fails(l, -rc);
        return;
    }
    l->open = true;
    l->retry_ns = 0;
}

/* Where the name leads to another address now, go there. */
static void follow(struct mirror_link *l)
{
    struct target now;
    l->looked_ns = now_mono_ns();
    if (l->socket.begun > 0 || target_parse(l->to, &now) < 0)
        return;
    if (now.addr_len != l->target.addr_len || memcmp(&now.addr, &l->target.addr, now.addr_len) != 0)
        connect_now(l);
}

void mirror_link_ready(struct mirror_link *l)
{
    const uint64_t now_ns = now_mono_ns();
    assert(l->at == 0);
    if (l->retry_ns != 0 && now_ns >= l->retry_ns)
        connect_now(l);
    else if (l->open && l->named && now_ns - l->looked_ns >= LOOK_EVERY_NS)
        follow(l);
}

static void drop(struct mirror_link *l, enum mirror_drop why, size_t n)
{
    mirror_count(&l->counts->dropped[why], n);
    l->at += n;
}

static void count_sent(struct mirror_link *l, const struct send_block *b, size_t n)
{
    uint64_t lines = 0, bytes = 0;
    for (const struct send_datagram *d = &b->datagrams[l->at];
         n > 0 && d < &b->datagrams[l->at + n]; d++) {
        lines += d->amount;
        bytes += d->len;
    }
    mirror_count(&l->counts->lines, lines);
    mirror_count(&l->counts->bytes, bytes);
    mirror_count(&l->counts->datagrams, n);
    l->at += n;
}

/* Is it that the target takes no more for now? */
static bool is_full(int error)
{
    return error == EAGAIN || error == ENOBUFS || error == ENOMEM;
}

static void took_not(struct mirror_link *l, const struct send_block *b,
                     const struct target_sent *done)
{
    if (done->error == EMSGSIZE) {
        drop(l, MIRROR_DROP_TOO_LONG, done->failed);
    } else if (is_full(done->error)) {
        drop(l, MIRROR_DROP_FULL, b->n - l->at);
    } else {
        drop(l, MIRROR_DROP_UNREACHABLE, done->failed);
        if (!done->reconnected) {
            fails(l, done->error);
            shut(l);
        }
    }
}

/* Datagrams that went, and of which ICMP said that nobody was there. */
static void heard(struct mirror_link *l, const struct target_unreachable *u)
{
    mirror_count(&l->counts->dropped[MIRROR_DROP_UNREACHABLE], u->messages);
    l->trouble_ns = now_mono_ns();
    if (l->retry_ns == 0)
        fails(l, u->error);
}

bool mirror_link_send(struct mirror_link *l, const struct send_block *b)
{
    while (l->open && l->at < b->n) {
        const struct target_sent done = l->target.kind->send(&l->socket, b, l->at, b->n - l->at, 1);
        count_sent(l, b, done.datagrams);
        if (done.unreachable.messages > 0)
            heard(l, &done.unreachable);
        else if (done.datagrams > 0 && done.failed == 0)
            works(l);
        if (done.failed > 0 || (done.error != 0 && !done.reconnected))
            took_not(l, b, &done);
        else if (done.datagrams == 0)
            return l->at == b->n;
    }
    if (l->at < b->n)
        drop(l, MIRROR_DROP_UNREACHABLE, b->n - l->at);
    l->at = 0;
    return true;
}

void mirror_link_give_up(struct mirror_link *l, const struct send_block *b)
{
    if (l->open && l->socket.begun > 0 && l->target.kind->complete(&l->socket, b, l->at))
        count_sent(l, b, 1);
    drop(l, MIRROR_DROP_FULL, b->n - l->at);
    l->at = 0;
}
