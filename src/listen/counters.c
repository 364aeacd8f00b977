#include "listen/counters.h"

#include <stdio.h>

struct socket_stats listen_sums(const struct listen_stats *s)
{
    struct socket_stats sum = { 0 };
    for (unsigned w = 0; w < s->n_workers; w++) {
        for (unsigned i = 0; i < WORKER_SOCKETS_MAX; i++) {
            const struct socket_stats *one = &s->sockets[w][i];
            sum.datagrams += one->datagrams;
            sum.bytes += one->bytes;
            sum.errors += one->errors;
            sum.kernel_drops += one->kernel_drops;
            sum.queued_bytes += one->queued_bytes;
        }
    }
    return sum;
}

/* A line for each socket of each worker; losses are known of UDP alone. */
static void put_sockets(const struct listen_stats *s, bool drops, struct counter_lines *to)
{
    for (unsigned w = 0; w < s->n_workers; w++) {
        char worker[16];
        snprintf(worker, sizeof worker, "%u", w);
        for (unsigned i = 0; i < WORKER_SOCKETS_MAX && s->listener_at[w][i] >= 0; i++) {
            const struct listen_address *a = &s->listeners[s->listener_at[w][i]].address;
            const struct socket_stats *one = &s->sockets[w][i];
            if (drops && a->transport != LISTEN_UDP)
                continue;
            counter_put(to, (const char *const[]){ a->name, worker },
                        (double)(drops ? one->kernel_drops : one->datagrams));
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
