#include "listen/udp_group.h"

#include <assert.h>

#include "listen/inet_socket.h"

/* Sockets for the workers that have none yet.  One has the option already.  returns  0 or -errno */
static int join(struct listener *l, unsigned n_workers)
{
    int rc = 0;
    while (rc == 0 && l->n < n_workers) {
        rc = inet_socket_bind(&l->address, SOCK_DGRAM, true, &l->fds[l->n]);
        l->n += rc == 0;
    }
    return rc;
}

void udp_group_grow(struct listener *l, unsigned n_workers)
{
    assert(l->n > 0 && n_workers <= LISTEN_WORKERS_MAX);
    if (inet_socket_share(l->fds[0]) == 0)
        (void)join(l, n_workers);
}

int udp_group_open(struct listener *l, const struct listener *holder, unsigned n_workers)
{
    int rc = 0;
    assert(l->n == 0 && n_workers > 0 && n_workers <= LISTEN_WORKERS_MAX);
    for (unsigned i = 0; rc == 0 && holder != NULL && i < holder->n; i++)
        rc = inet_socket_share(holder->fds[i]);
    if (rc == 0)
        rc = inet_socket_bind(&l->address, SOCK_DGRAM, holder != NULL, &l->fds[0]);
    if (rc < 0)
        return rc;
    l->n = 1;
    rc = inet_socket_learn_port(l);
    /* A single socket does without the option: then no foreign program can join it either. */
    if (rc == 0 && n_workers > 1)
        rc = inet_socket_share(l->fds[0]);
    if (rc == 0)
        rc = join(l, n_workers);
    assert(rc < 0 || l->n == n_workers);
    return rc;
}
