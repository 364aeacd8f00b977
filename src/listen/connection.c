#include "listen/connection.h"

#include <errno.h>
#include <stdio.h>

void connection_push(struct connection_stack *s, struct connection *c)
{
    c->next = atomic_load_explicit(&s->top, memory_order_relaxed);
    /*
     * release: who takes it sees all of it.  That others push and take meanwhile does no harm:
     * nobody takes one alone, so a top that is the same as before has the same ones below it.
     */
    while (!atomic_compare_exchange_weak_explicit(&s->top, &c->next, c, memory_order_release,
                                                  memory_order_relaxed)) {}
}

struct connection *connection_take_all(struct connection_stack *s)
{
    if (atomic_load_explicit(&s->top, memory_order_relaxed) == NULL)
        return NULL;
    /* acquire: pairs with the release in connection_push */
    return atomic_exchange_explicit(&s->top, NULL, memory_order_acquire);
}

void connection_print_peer(const struct connection *c, char out[ADDRESS_TEXT_MAX])
{
    out[0] = '\0';
    if (c->peer.any.sa_family != AF_UNSPEC)
        address_print(&c->peer.any, out);
    else if (c->pid > 0)
        snprintf(out, ADDRESS_TEXT_MAX, "pid:%d", (int)c->pid);
}

bool connection_was_lost(int rc)
{
    return rc == -ECONNABORTED || rc == -EINTR || rc == -EPROTO || rc == -EPERM ||
           rc == -ENETDOWN || rc == -EHOSTDOWN || rc == -EHOSTUNREACH || rc == -ENETUNREACH;
}

pid_t connection_pid_of(int fd)
{
    struct ucred who = { .pid = 0 };
    socklen_t len = sizeof who;
    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
    return who.pid;
}
