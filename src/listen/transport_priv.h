/**
 * transport_priv: the functions of a transport, which its row points to.  Private to listen/.
 *   thread   control, but for source_new: control before the worker starts, worker afterwards
 */
#ifndef LISTEN_TRANSPORT_PRIV_H
#define LISTEN_TRANSPORT_PRIV_H

#include "base/slice.h"
#include "listen/transport.h"

struct listen_address;
struct listener;
struct source;
struct source_env;

struct transport_ops {
    /*
     * Read what is between scheme:// and '?' into a's addr, addr_len and localhost.
     * returns  NULL, or what is wrong, for people
     */
    const char *(*parse)(struct listen_address *a, struct slice where);

    /**
     * Open sockets on l->address into l->fds and l->n; where the kernel picks a port, address and
     * name of l get it.
     *   holder   an open listener of the same config that would receive what is sent to l->address;
     *            NULL: none
     *   returns  0; -errno, with the sockets that are open in l
     */
    int (*open)(struct listener *l, const struct listener *holder, unsigned n_workers);

    /*
     * Of inherited sockets in l.  learn: take down where they are bound; 0 or -errno.  own: once
     * nobody else reads them, make them ready as `open` makes new ones.
     */
    int (*learn)(struct listener *l);
    void (*own)(struct listener *l);

    /*
     * Where there is a socket for each worker, else NULL: l, which was adopted, has fewer of them.
     * Bind further ones beside them, as far as the kernel lets us.
     */
    void (*grow)(struct listener *l, unsigned n_workers);

    /* As listener_refuse. */
    void (*refuse)(const struct listener *l);

    /* Where sockets have files, else NULL: as listener_look; remove the file if it is ours. */
    enum listener_file (*look)(const struct listener *l);
    void (*remove)(const struct listener *l);

    /*
     * A source that reads fd, a socket on a; where control accepts (fd is -1), connections.  fd
     * stays the caller's until a renewal makes it the source's.
     *   inherited   as worker_add_inherited
     *   returns     0 or -errno
     */
    int (*source_new)(struct source_env *env, const struct listen_address *a, int fd,
                      bool inherited, struct source **ret);

    const char *taken;  /* what to do when another server listens there, for people */
    const char *denied; /* the same when binding is not permitted */
};

/* Memory that a stream source takes, and a connection at most: inside the longest line. */
enum { TRANSPORT_STREAM_BYTES = 160 << 10, TRANSPORT_CONNECTION_BYTES = 68 << 10 };

extern const struct transport_ops transport_udp, transport_tcp;
extern const struct transport_ops transport_unixgram, transport_unix;

#endif
