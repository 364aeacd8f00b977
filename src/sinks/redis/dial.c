#include "sinks/redis/dial.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"
#include "sinks/redis/lookup.h"

/* A peer that is gone is noticed after about 30 s of silence, where no command asks it. */
enum { KEEPALIVE_IDLE_S = 15, KEEPALIVE_EACH_S = 5, KEEPALIVE_PROBES = 3 };

struct redis_dial {
    struct redis_lookup *lookup;
    uint16_t port;
    redis_dial_fn done;
    void *cookie;
};

/* Without them it works, but worse. */
static void set_options(int fd)
{
    static const struct {
        int level, name, value;
    } rows[] = {
        { IPPROTO_TCP, TCP_NODELAY, 1 },
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
        { IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EACH_S },
        { IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        (void)setsockopt(fd, rows[i].level, rows[i].name, &rows[i].value, sizeof rows[i].value);
}

static int dial(const struct sockaddr *to, socklen_t len, int *ret_fd)
{
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (to->sa_family != AF_UNIX)
        set_options(fd);
    if (connect(fd, to, len) < 0 && errno != EINPROGRESS) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

/* returns  -EINVAL: that is no address; another -errno: it does not connect */
static int dial_ip(const char *ip, uint16_t port, int *ret_fd)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (uv_ip4_addr(ip, port, &v4) == 0)
        return dial((const struct sockaddr *)&v4, sizeof v4, ret_fd);
    if (uv_ip6_addr(ip, port, &v6) == 0)
        return dial((const struct sockaddr *)&v6, sizeof v6, ret_fd);
    return -EINVAL;
}

static void on_resolved(void *cookie, const char *ip, uint32_t addresses, const char *error)
{
    struct redis_dial *d = cookie;
    const struct redis_dial done = *d;
    int fd = -1;
    free(d);
    int rc = error == NULL ? dial_ip(ip, done.port, &fd) : 0;
    if (rc < 0)
        error = err_text(rc);
    done.done(done.cookie, fd, addresses, error);
}

void redis_dial_start(uv_loop_t *loop, const struct redis_host *at, uint32_t turn,
                      redis_dial_fn done, void *cookie, struct redis_dial **ret)
{
    int fd = -1, numeric = dial_ip(at->host, at->port, &fd);
    *ret = NULL;
    if (numeric != -EINVAL) {
        done(cookie, fd, 1, numeric < 0 ? err_text(numeric) : NULL);
        return;
    }
    struct redis_dial *d = mem_zalloc(sizeof *d);
    *d = (struct redis_dial){ .port = at->port, .done = done, .cookie = cookie };
    int rc = redis_lookup_start(loop, at->host, turn, on_resolved, d, &d->lookup);
    *ret = rc == 0 ? d : NULL;
    if (rc == 0)
        return;
    free(d);
    done(cookie, -1, 1,
         rc == -EAGAIN
             ? "the name server does not answer: an earlier lookup of the host still waits"
         : rc == -EBUSY ? "too many host names are looked up at a time"
                        : err_text(rc));
}

void redis_dial_path(const char *path, redis_dial_fn done, void *cookie)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = -1;
    assert(strlen(path) < sizeof to.sun_path);
    memcpy(to.sun_path, path, strlen(path));
    int rc = dial((const struct sockaddr *)&to, sizeof to, &fd);
    done(cookie, fd, 1, rc < 0 ? err_text(rc) : NULL);
}

void redis_dial_forget(struct redis_dial *d)
{
    if (d == NULL)
        return;
    redis_lookup_forget(d->lookup);
    free(d);
}
