#include "listen/adopt.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "base/err.h"
#include "listen/dgram.h"
#include "listen/listener_priv.h"
#include "listen/transport_priv.h"
#include "listen/unix_socket.h"

static void become(struct listener *l, const struct inherited_fd *socket)
{
    int flags = fcntl(socket->fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(socket->fd, F_SETFL, flags | O_NONBLOCK);
    l->fds[l->n++] = socket->fd;
    l->kept = l->kept || socket->kept;
    l->own = (l->n == 1 || l->own) && inherited_is_own(socket->name);
}

/*
 * Of a Unix stream socket whose file was lost there may be two: the one with the name is ours, and
 * has the file; no client can reach the other one, whose giver has it open still.
 */
static int leave_one(const struct listen_address *a, struct inherited_fd *got, int n)
{
    if (n < 2 || a->addr.ss_family != AF_UNIX || !inherited_is_own(got[0].name))
        return n;
    for (int i = 1; i < n; i++)
        close(got[i].fd);
    return 1;
}

static int too_many(const struct listen_address *a, struct buf *error)
{
    if (transport_of(a->transport)->accepts)
        buf_printf(error,
                   "%s: given more than once; its ListenStream= stands in the socket unit once",
                   a->name);
    else
        buf_printf(error, "%s: given more than %d times", a->name, (int)LISTEN_WORKERS_MAX);
    return -E2BIG;
}

/*
 * A manager may remove the directory of our sockets between two runs.  Then we do without ours: it
 * is left over, and a new one is bound before any client could miss it for long.
 */
static bool has_lost_its_file(const struct listen_address *a)
{
    struct stat st;
    const char *path = a->addr.ss_family == AF_UNIX ? unix_socket_path(a) : NULL;
    return path != NULL && stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

static int adopt(const struct listen_address *a, unsigned n_workers, struct inherited *from,
                 struct listener *l, struct buf *error)
{
    const struct transport *t = transport_of(a->transport);
    struct inherited_fd got[LISTEN_WORKERS_MAX];
    listener_prepare(l, a);
    const struct inherited_want want = { .type = t->accepts ? SOCK_STREAM : SOCK_DGRAM,
                                         .addr = (const struct sockaddr *)&a->addr,
                                         .addr_len = a->addr_len,
                                         .name = l->kept_as,
                                         .others = has_lost_its_file(a) };
    int n = inherited_take(from, &want, got, LISTEN_WORKERS_MAX);
    if (n < 0)
        return too_many(a, error);
    if (t->accepts)
        n = leave_one(a, got, n);
    for (int i = 0; i < n; i++)
        become(l, &got[i]);
    if (t->accepts && n > 1)
        return too_many(a, error);
    if (n == 0)
        return 0;
    l->n_before = l->n;
    l->in_use = from->in_use;
    int rc = t->ops->learn(l);
    if (rc < 0) {
        buf_printf(error, "%s: cannot tell where the socket is bound: %s", a->name, err_text(rc));
        return rc;
    }
    if (!l->in_use)
        t->ops->own(l);
    return listener_opened(l, n_workers);
}

int adopt_own(struct listener *l)
{
    if (!l->in_use)
        return 0;
    l->in_use = false;
    transport_of(l->address.transport)->ops->own(l);
    return listener_configure(l);
}

int adopt_listeners(const struct listen_address *a, size_t n, unsigned n_workers,
                    struct inherited *from, struct listener *ret, struct buf *error)
{
    int rc = 0;
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct listener){ .n = 0 };
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = adopt(&a[i], n_workers, from, &ret[i], error);
    for (size_t i = 0; rc < 0 && i < n; i++)
        listener_close(&ret[i]);
    return rc;
}

uint64_t adopt_drops(const struct listener *l)
{
    uint64_t sum = 0;
    for (unsigned i = 0; transport_of(l->address.transport)->own_queue && i < l->n_before; i++) {
        uint32_t queued, drops;
        if (dgram_meminfo(l->fds[i], &queued, &drops) == 0)
            sum += drops;
    }
    return sum;
}
