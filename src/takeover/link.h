/**
 * link: messages of wire.h and descriptors over a connected SOCK_SEQPACKET socket.  Private to
 * takeover/.
 *   thread   the loop's
 */
#ifndef TAKEOVER_LINK_H
#define TAKEOVER_LINK_H

#include <uv.h>

#include "takeover/wire.h"

struct link;

struct link_opts {
    uv_loop_t *loop;
    /**
     * on_message(cookie, m, fds):
     *   m      lives for the call
     *   fds    as many as its type has (wire.h), close-on-exec; the callee's from here on
     */
    void (*on_message)(void *cookie, const struct wire_message *m, const int *fds);
    /* Once, and no message after it.  why: 0, the other end is closed; -EPROTO, -EPROTONOSUPPORT,
     * -EMFILE (descriptors came that this process may not open), or another -errno */
    void (*on_closed)(void *cookie, int why);
    void *cookie;
};

/* fd: taken over, also on failure.  returns  0 or -errno */
int link_new(const struct link_opts *opts, int fd, struct link **ret);

/**
 * link_send(l, m, fds, n):
 * What the socket does not take now is sent later.  When the other end is gone that is told by
 * on_closed, after what it had sent before.
 *   fds      n of them; borrowed until the link is closed
 *   returns  0 or -EMSGSIZE
 */
int link_send(struct link *l, const struct wire_message *m, const int *fds, size_t n);

/* Nothing is called any more; what is not sent is dropped.  Freed by the loop.  NULL is fine. */
void link_close(struct link *l);

/* Before there is a link: say why there will be none, and close fd. */
void link_turn_away(int fd, const char *why);

#endif
