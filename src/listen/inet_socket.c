#include "listen/inet_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "listen/dgram.h"

const char *inet_socket_parse(struct listen_address *a, struct slice host_port)
{
    int rc = address_parse(host_port, LISTEN_PORT_DEFAULT, &a->addr, &a->addr_len);
    if (rc < 0)
        return address_error(rc);
    a->localhost = slice_starts(host_port, SLICE_LIT("localhost"));
    /* An IPv4 address inside IPv6 becomes that IPv4 address. */
    const struct sockaddr_in6 in6 = *(const struct sockaddr_in6 *)&a->addr;
    if (in6.sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = in6.sin6_port };
        memcpy(&in.sin_addr, &in6.sin6_addr.s6_addr[12], sizeof in.sin_addr);
        a->addr = (struct sockaddr_storage){ 0 };
        memcpy(&a->addr, &in, sizeof in);
        a->addr_len = sizeof in;
    }
    return NULL;
}

static int turn_on(int fd, int level, int option)
{
    const int on = 1;
    return setsockopt(fd, level, option, &on, sizeof on) < 0 ? -errno : 0;
}

int inet_socket_share(int fd)
{
    return turn_on(fd, SOL_SOCKET, SO_REUSEPORT);
}

int inet_socket_bind(const struct listen_address *a, int type, bool shared, int *ret_fd)
{
    int fd = socket(a->addr.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc = 0;
    if (fd < 0)
        return -errno;
    const int off = 0;
    if (a->rcvbuf > 0)
        dgram_ask_rcvbuf(fd, a->rcvbuf);
    /* [::] takes IPv4 too, whatever net.ipv6.bindv6only says. */
    if (a->addr.ss_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0)
        rc = -errno;
    if (rc == 0 && type == SOCK_STREAM) /* connections of the last run in TIME_WAIT hold no port */
        rc = turn_on(fd, SOL_SOCKET, SO_REUSEADDR);
    if (rc == 0 && shared)
        rc = inet_socket_share(fd);
    if (rc == 0 && bind(fd, (const struct sockaddr *)&a->addr, a->addr_len) < 0)
        rc = -errno;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

int inet_socket_learn_port(struct listener *l)
{
    char text[ADDRESS_TEXT_MAX];
    struct listen_address *a = &l->address;
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    if (getsockname(l->fds[0], (struct sockaddr *)&bound, &len) < 0)
        return -errno;
    a->addr = bound;
    a->addr_len = len;
    address_print((const struct sockaddr *)&a->addr, text);
    socket_url_name(a, text);
    return 0;
}
