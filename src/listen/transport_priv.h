/**
 * transport_priv: what a transport does, named by its row.  Private to listen/.
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
    /* Reads what follows scheme:// into addr, addr_len, localhost.  returns  NULL, or the error */
    const char *(*parse)(struct listen_address *a, struct slice where);

    /**
     * Open l->address for n_workers, into l->fds and l->n; where the kernel picks a port, address
     * and name of l get it.
     *   holder   an open listener of the same config whose address includes this one; NULL: none
     *   returns  0 or -errno; what was opened until then is in l
     */
    int (*open)(struct listener *l, const struct listener *holder, unsigned n_workers);

    /* As listener_refuse. */
    void (*refuse)(const struct listener *l);

    /* Of a socket with a file, else NULL: is the file there, and ours?  Remove it if it is ours. */
    enum listener_file (*look)(const struct listener *l);
    void (*remove)(const struct listener *l);

    /* A source that reads fd, as in source.h. */
    int (*source_new)(const struct source_env *env, const struct listen_address *a, int fd,
                      struct source **ret);

    const char *taken;  /* remedy, for people: another server listens there */
    const char *denied; /* remedy: no permission to bind */
};

extern const struct transport_ops transport_udp, transport_unixgram;

#endif
