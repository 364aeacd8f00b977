/* The transport unix://, streams: unixstream:// is another spelling of it. */
#include <sys/socket.h>

#include "listen/listener.h"
#include "listen/source_stream.h"
#include "listen/transport_priv.h"
#include "listen/unix_socket.h"

static int open_listening(struct listener *l, const struct listener *holder, unsigned n_workers)
{
    (void)holder;
    (void)n_workers;
    return unix_socket_open(l, SOCK_STREAM);
}

const struct transport_ops transport_unix = {
    .parse = unix_socket_parse,
    .open = open_listening,
    .learn = unix_socket_learn,
    .own = unix_socket_own,
    .refuse = unix_socket_refuse,
    .look = unix_socket_look,
    .remove = unix_socket_remove,
    .source_new = source_stream_new,
    .taken = "another server listens there: stop it, or choose another path",
    .denied = "the directory is not writable for this user",
};
