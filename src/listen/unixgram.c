/* The transport unixgram://. */
#include <sys/socket.h>

#include "listen/dgram.h"
#include "listen/listener.h"
#include "listen/source_dgram.h"
#include "listen/transport_priv.h"
#include "listen/unix_socket.h"

static int open_one(struct listener *l, const struct listener *holder, unsigned n_workers)
{
    (void)holder;
    (void)n_workers;
    return unix_socket_open(l, SOCK_DGRAM);
}

static void own(struct listener *l)
{
    for (unsigned i = 0; i < l->n; i++)
        dgram_adopt(l->fds[i], l->address.rcvbuf);
    unix_socket_own(l);
}

const struct transport_ops transport_unixgram = {
    .parse = unix_socket_parse,
    .open = open_one,
    .learn = unix_socket_learn,
    .own = own,
    .refuse = unix_socket_refuse,
    .look = unix_socket_look,
    .remove = unix_socket_remove,
    .source_new = source_dgram_new,
    .taken = "another server listens there: stop it, or choose another path",
    .denied = "the directory is not writable for this user",
};
