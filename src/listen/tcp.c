/* The transport tcp://. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "listen/inet_socket.h"
#include "listen/source_stream.h"
#include "listen/transport_priv.h"

/* Of a quiet connection: when it is asked first, every how many seconds from then on, how often. */
enum { KEEPALIVE_IDLE_S = 60, KEEPALIVE_EVERY_S = 15, KEEPALIVE_PROBES = 4 };

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

/* Connections inherit it: a peer that is gone is found out, and a quiet one is left alone. */
static void keep_alive(int fd)
{
    (void)set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    (void)set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    (void)set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
    (void)set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

/* A holder ([::] holds 127.0.0.1 too) keeps other servers off, and shares the port with us. */
static int open_listening(struct listener *l, const struct listener *holder, unsigned n_workers)
{
    (void)n_workers;
    int rc = holder == NULL ? 0 : inet_socket_share(holder->fds[0]);
    if (rc == 0)
        rc = inet_socket_bind(&l->address, SOCK_STREAM, holder != NULL, &l->fds[0]);
    if (rc < 0)
        return rc;
    l->n = 1;
    keep_alive(l->fds[0]);
    if (listen(l->fds[0], LISTEN_BACKLOG) < 0)
        return -errno;
    return inet_socket_learn_port(l);
}

static void own(struct listener *l)
{
    keep_alive(l->fds[0]);
}

/* Those that are not accepted yet are reset. */
static void refuse(const struct listener *l)
{
    for (unsigned i = 0; i < l->n; i++)
        (void)shutdown(l->fds[i], SHUT_RD);
}

const struct transport_ops transport_tcp = {
    .parse = inet_socket_parse,
    .open = open_listening,
    .learn = inet_socket_learn_port,
    .own = own,
    .refuse = refuse,
    .source_new = source_stream_new,
    .taken = "another server has this port: stop it, or choose another port (0: any free one)",
    .denied = "ports below 1024 need privileges: choose a higher one",
};
