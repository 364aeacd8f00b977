#include "listen/counters.h"

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

/* A line for each socket: its datagrams; or its drops, where the kernel counts them. */
static void put_sockets(const struct listen_stats *s, bool drops, struct counter_lines *to)
{
    for (unsigned w = 0; w < s->n_workers; w++) {
        char worker[16];
        snprintf(worker, sizeof worker, "%u", w);
        for (size_t i = 0; i < s->n_listeners; i++) {
            const struct listener *l = &s->listeners[i];
            int at = listener_place_of(l, w);
            if (at < 0 || (drops && !transport_of(l->address.transport)->own_queue))
                continue;
            uint64_t n = drops ? l->stats[at].kernel_drops : l->stats[at].datagrams;
            counter_put(to, (const char *const[]){ l->address.name, worker }, (double)n);
        }
    }
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
        put_sockets(s, row == LISTEN_KERNEL_DROPS, to);
        break;
    case LISTEN_SOCKET_BUFFER:
        for (size_t i = 0; i < s->n_listeners; i++) {
            const char *name = s->listeners[i].address.name;
            counter_put(to, &name, (double)s->listeners[i].rcvbuf_granted);
        }
        break;
    }
}

const struct counter_table listen_counters = COUNTERS_TABLE(LISTEN_COUNTERS, put_row);
