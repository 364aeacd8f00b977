#include "sinks/redis/dial.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/slice.h"

/* A peer that is gone is noticed after about 30 s of silence, where no command asks it. */
enum { KEEPALIVE_IDLE_S = 15, KEEPALIVE_EACH_S = 5, KEEPALIVE_PROBES = 3 };

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

/* returns  its length; 0: that is no address */
static socklen_t read_ip(const char *ip, uint16_t port, struct sockaddr_storage *ret)
{
    if (uv_ip4_addr(ip, port, (struct sockaddr_in *)ret) == 0)
        return sizeof(struct sockaddr_in);
    if (uv_ip6_addr(ip, port, (struct sockaddr_in6 *)ret) == 0)
        return sizeof(struct sockaddr_in6);
    return 0;
}

bool redis_dial_is_ip(const char *host)
{
    struct sockaddr_storage unused;
    return read_ip(host, 0, &unused) > 0;
}

int redis_dial_ip(const char *ip, uint16_t port, int *ret_fd)
{
    struct sockaddr_storage to;
    socklen_t len = read_ip(ip, port, &to);
    return len > 0 ? dial((const struct sockaddr *)&to, len, ret_fd) : -EINVAL;
}

int redis_dial_path(const char *path, int *ret_fd)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    assert(strlen(path) < sizeof to.sun_path);
    memcpy(to.sun_path, path, strlen(path));
    return dial((const struct sockaddr *)&to, sizeof to, ret_fd);
}
