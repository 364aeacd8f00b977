/**
 * channel: how the bytes of one connection are read.  Private to listen/.
 *
 *     plain   read(2)
 *
 * Another kind (TLS, say) is a file with its channel_ops, and a row for it where the acceptor makes
 * the channel of a connection that it has accepted (acceptor.c, new_channel).  What the stream
 * source asks of it, and does not know about it:
 *
 *     a handshake    is driven by read, which returns -EAGAIN until bytes of the client are there.
 *     writing        when read can go on only after a write that the kernel did not take, it
 *                    returns -EAGAIN, and events says EPOLLOUT; the source asks events after every
 *                    read, waits for what it says, and then calls read again.
 *     bytes inside   a session may hold decrypted bytes while the descriptor is not readable, so
 *                    the source never waits while pending is above 0.
 *     a short read   tells nothing of a session's descriptor: more then stays true until read has
 *                    returned -EAGAIN.
 *
 * None of them waits.  The source closes a connection that has brought no byte for the listener's
 * idle_timeout, and so a handshake that does not go on.
 *
 *   thread   worker; channel_plain and, for a connection that no worker got, close: control
 */
#ifndef LISTEN_CHANNEL_H
#define LISTEN_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct channel;

struct channel_ops {
    /* returns  bytes read, up to room (> 0); 0: the peer ended the stream; -EAGAIN; -errno */
    ssize_t (*read)(struct channel *c, char *ptr, size_t room);

    /* After a read of `got` bytes, above 0, with that room: may another one bring more at once? */
    bool (*more)(const struct channel *c, size_t room, size_t got);

    /* Bytes that a read would bring though the descriptor may not be readable. */
    size_t (*pending)(const struct channel *c);

    /* EPOLLIN, EPOLLOUT or both: what the descriptor must be for the next read to be of use. */
    uint32_t (*events)(const struct channel *c);

    /* Free the session, and close the descriptor. */
    void (*close)(struct channel *c);
};

struct channel {
    const struct channel_ops *ops;
    int fd;        /* non-blocking; the channel's */
    void *session; /* of a kind that has one */
};

/* fd: becomes the channel's */
struct channel channel_plain(int fd);

/* How much can be read now, at most: what the kernel has, and what is pending.  One system call. */
size_t channel_held(const struct channel *c);

#endif
