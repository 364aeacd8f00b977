/* The transport unixgram://: how its addresses are read, and how its socket is refused. */
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "listen/listener.h"
#include "listen/source_dgram.h"
#include "listen/transport_priv.h"
#include "listen/unix_socket.h"

static const char *parse(struct listen_address *a, struct slice path)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&a->addr;
    bool abstract = path.len > 0 && path.ptr[0] == '@';
    size_t room = sizeof un->sun_path;

    if (!abstract && (path.len < 2 || path.ptr[0] != '/' || path.ptr[path.len - 1] == '/'))
        return "a unix socket is unixgram:///ABSOLUTE/PATH or unixgram://@NAME";
    if (abstract && path.len < 2)
        return "the name of an abstract socket is empty";
    if (path.len >= room)
        return "the path of a unix socket has at most 107 bytes";
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.ptr, path.len);
    if (abstract)
        un->sun_path[0] = '\0'; /* an abstract name ends where its length says, without a NUL */
    a->addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + !abstract);
    return NULL;
}

static int open_one(struct listener *l, const struct listener *holder, unsigned n_workers)
{
    (void)holder;
    (void)n_workers;
    return unix_socket_open(l, SOCK_DGRAM);
}

static void refuse(const struct listener *l)
{
    for (unsigned i = 0; i < l->n; i++)
        (void)shutdown(l->fds[i], SHUT_RD);
}

const struct transport_ops transport_unixgram = {
    .parse = parse,
    .open = open_one,
    .refuse = refuse,
    .look = unix_socket_look,
    .remove = unix_socket_remove,
    .source_new = source_dgram_new,
    .taken = "another server listens there: stop it, or choose another path",
    .denied = "the directory is not writable for this user",
};
