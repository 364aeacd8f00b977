/* The transport udp://: how its sockets are adopted and refused. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "listen/dgram.h"
#include "listen/inet_socket.h"
#include "listen/listener.h"
#include "listen/source_dgram.h"
#include "listen/transport_priv.h"
#include "listen/udp_group.h"

/* A program that chooses among the sockets belongs to their group, and outlives who attached it. */
static void udp_own(struct listener *l)
{
    const int unused = 0;
    (void)setsockopt(l->fds[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused, sizeof unused);
    for (unsigned i = 0; i < l->n; i++)
        dgram_adopt(l->fds[i], l->address.rcvbuf);
}

/*
 * A connected socket takes datagrams from its peer alone, and keeps its queue.  The peer is the
 * discard port of the loopback.  Where connect fails (a network whose loopback is down), the socket
 * goes on taking datagrams: the last turn reads what was queued when it began, no more.
 */
static void udp_refuse(const struct listener *l)
{
    const struct sockaddr_in v4 = { .sin_family = AF_INET,
                                    .sin_port = htons(9),
                                    .sin_addr = { htonl(INADDR_LOOPBACK) } };
    const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                                     .sin6_port = htons(9),
                                     .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    for (unsigned i = 0; i < l->n; i++) {
        if (l->address.addr.ss_family == AF_INET6)
            (void)connect(l->fds[i], (const struct sockaddr *)&v6, sizeof v6);
        else
            (void)connect(l->fds[i], (const struct sockaddr *)&v4, sizeof v4);
    }
}

const struct transport_ops transport_udp = {
    .parse = inet_socket_parse,
    .open = udp_group_open,
    .learn = inet_socket_learn_port,
    .own = udp_own,
    .grow = udp_group_grow,
    .refuse = udp_refuse,
    .source_new = source_dgram_new,
    .taken = "another server has this port: stop it, or choose another port (0: any free one)",
    .denied = "ports below 1024 need privileges: choose a higher one",
};
