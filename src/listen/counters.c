/*
 *     put_row   sums over all sockets; or, a line for each listener, or for each and worker:
 *               put_by_worker -> value_at      datagrams, frames, bytes: what workers count
 *               put_streams   -> put_stream    connections: what the acceptor counts
 */
#include "listen/counters.h"
#include "listen/strangers.h"
#include "listen/tls_door.h"

#include <stdio.h>

struct socket_stats listen_sums(const struct listen_stats *s)
{
    struct socket_stats sum = { 0 };
    for (size_t i = 0; i < s->n_listeners; i++) {
        const struct listener *l = &s->listeners[i];
        for (unsigned k = 0; k < l->n_readers; k++) {
            sum.datagrams += l->stats[k].datagrams;
            sum.bytes += l->stats[k].bytes;
            sum.errors += l->stats[k].errors;
            sum.kernel_drops += l->stats[k].kernel_drops;
            sum.queued_bytes += l->stats[k].queued_bytes;
        }
    }
    return sum;
}

static bool is_stream(const struct listener *l)
{
    return transport_of(l->address.transport)->accepts;
}

/* n: a socket's.  returns  false: the row is not about this listener */
static bool value_of(enum listen_counter row, const struct listener *l,
                     const struct socket_stats *n, uint64_t *ret)
{
    switch (row) {
    case LISTEN_KERNEL_DROPS:
        *ret = n->kernel_drops;
        return transport_of(l->address.transport)->own_queue;
    case LISTEN_SOCKET_DATAGRAMS:
        *ret = n->datagrams;
        return !is_stream(l);
    case LISTEN_STREAM_BYTES:
        *ret = n->bytes;
        return is_stream(l);
    case LISTEN_FRAMES:
        *ret = n->frames;
        return is_stream(l) && l->address.framing == FRAMING_DSD;
    default:
        return false;
    }
}

/* Of what this worker reads.  returns  false: the row is not about it */
static bool value_at(enum listen_counter row, const struct listener *l, unsigned worker,
                     uint64_t *ret)
{
    uint64_t sum = 0, n;
    bool about = false;
    for (int at = listener_place_of(l, worker); at >= 0; at = listener_place_after(l, at)) {
        if (!value_of(row, l, &l->stats[at], &n))
            return false;
        sum += n;
        about = true;
    }
    *ret = sum;
    return about;
}

/* A line for each listener and worker that reads it. */
static void put_by_worker(const struct listen_stats *s, enum listen_counter row,
                          struct counter_lines *to)
{
    for (unsigned w = 0; w < s->n_workers; w++) {
        char worker[16];
        snprintf(worker, sizeof worker, "%u", w);
        for (size_t i = 0; i < s->n_listeners; i++) {
            const struct listener *l = &s->listeners[i];
            uint64_t n;
            if (value_at(row, l, w, &n))
                counter_put(to, (const char *const[]){ l->address.name, worker }, (double)n);
        }
    }
}

static void put_reasons(const struct listener *l, const uint64_t *counts, const char *const *labels,
                        size_t n, struct counter_lines *to)
{
    for (size_t i = 0; i < n; i++)
        counter_put(to, (const char *const[]){ l->address.name, labels[i] }, (double)counts[i]);
}

static uint64_t lines_cut(const struct listener *l)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < l->n_readers; i++)
        sum += l->stats[i].cut;
    return sum;
}

static void put_stream(const struct listener *l, enum listen_counter row, struct counter_lines *to)
{
    /* clang-format off */
    static const char *const ends[] = {
#define X(id, label) label,
        STREAM_ENDS(X)
    };
    static const char *const refusals[] = {
        STREAM_REFUSALS(X)
#undef X
    };
    /* clang-format on */
    const struct stream_counts *n = &l->streams;
    const char *name = l->address.name;
    if (row == LISTEN_CONNECTIONS)
        counter_put(to, &name, (double)n->open);
    else if (row == LISTEN_ACCEPTED)
        counter_put(to, &name, (double)n->accepted);
    else if (row == LISTEN_REFUSED)
        put_reasons(l, n->refused, refusals, STREAM_REFUSAL_COUNT, to);
    else if (row == LISTEN_CLOSED)
        put_reasons(l, n->closed, ends, STREAM_END_COUNT, to);
    else
        counter_put(to, &name, (double)lines_cut(l));
}

static void put_streams(const struct listen_stats *s, enum listen_counter row,
                        struct counter_lines *to)
{
    for (size_t i = 0; i < s->n_listeners; i++)
        if (is_stream(&s->listeners[i]))
            put_stream(&s->listeners[i], row, to);
}

static void put_tls(const struct listener *l, enum listen_counter row, struct counter_lines *to)
{
    static const char *const results[] = { "ok", "failed", "timeout" };
    const char *name = l->address.name;
    uint64_t n[] = { 0, 0, 0 };
    if (row == LISTEN_TLS_RESTS) {
        counter_put(to, &name, (double)l->streams.tls.rests);
    } else if (row == LISTEN_TLS_EXPIRES) {
        counter_put(to, &name, (double)l->streams.tls.expires_s);
    } else if (row == LISTEN_TLS_RELOADS) {
        n[0] = l->streams.tls.reloads_ok;
        n[1] = l->streams.tls.reloads_failed;
        put_reasons(l, n, results, 2, to);
    } else {
        for (unsigned i = 0; i < l->n_readers; i++) {
            n[0] += l->stats[i].tls_ok;
            n[1] += l->stats[i].tls_failed;
            n[2] += l->stats[i].tls_timeout;
        }
        put_reasons(l, n, results, 3, to);
    }
}

static void put_not_allowed(const struct listener *l, struct counter_lines *to)
{
    counter_put(to, (const char *const[]){ l->address.name, "not_allowed" },
                (double)strangers_of(l));
}

static void put_row(const void *of, size_t row, struct counter_lines *to)
{
    const struct listen_stats *s = of;
    switch ((enum listen_counter)row) {
    case LISTEN_DATAGRAMS:
        counter_put(to, NULL, (double)listen_sums(s).datagrams);
        break;
    case LISTEN_BYTES:
        counter_put(to, NULL, (double)listen_sums(s).bytes);
        break;
    case LISTEN_RECEIVE_ERRORS:
        counter_put(to, NULL, (double)listen_sums(s).errors);
        break;
    case LISTEN_BOUND_AGAIN:
        counter_put(to, NULL, (double)s->bound_again);
        break;
    case LISTEN_KERNEL_DROPS:
    case LISTEN_SOCKET_DATAGRAMS:
    case LISTEN_STREAM_BYTES:
    case LISTEN_FRAMES:
        put_by_worker(s, (enum listen_counter)row, to);
        break;
    case LISTEN_CONNECTIONS:
    case LISTEN_ACCEPTED:
    case LISTEN_REFUSED:
    case LISTEN_CLOSED:
    case LISTEN_CUT:
        put_streams(s, (enum listen_counter)row, to);
        break;
    case LISTEN_TLS_HANDSHAKES:
    case LISTEN_TLS_RESTS:
    case LISTEN_TLS_RELOADS:
    case LISTEN_TLS_EXPIRES:
        for (size_t i = 0; i < s->n_listeners; i++)
            if (tls_door_wanted(&s->listeners[i].address))
                put_tls(&s->listeners[i], (enum listen_counter)row, to);
        break;
    case LISTEN_DATAGRAMS_REFUSED:
        for (size_t i = 0; i < s->n_listeners; i++)
            if (transport_of(s->listeners[i].address.transport)->options >> LISTEN_ALLOW & 1 &&
                !is_stream(&s->listeners[i]))
                put_not_allowed(&s->listeners[i], to);
        break;
    case LISTEN_SOCKET_BUFFER:
        for (size_t i = 0; i < s->n_listeners; i++) {
            const char *name = s->listeners[i].address.name;
            if (!is_stream(&s->listeners[i]))
                counter_put(to, &name, (double)s->listeners[i].rcvbuf_granted);
        }
        break;
    }
}

const struct counter_table listen_counters = COUNTERS_TABLE(LISTEN_COUNTERS, put_row);
