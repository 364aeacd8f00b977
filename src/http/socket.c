#include "http/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum {
    BACKLOG = 128,
    UNSENT_BYTES = 128 * 1024 /* of a reply that the kernel takes beyond the client's window */
};

static const char *error_text(int error)
{
    switch (error) {
    case -EADDRINUSE:
        return "another process listens on this address and port";
    case -EACCES:
        return "not allowed to listen on this port (below 1024 it takes CAP_NET_BIND_SERVICE)";
    case -EADDRNOTAVAIL:
        return "this machine has no such address";
    case -EAFNOSUPPORT:
        return "this machine has no IPv6";
    case -EMFILE:
    case -ENFILE:
        return "no file descriptor is left";
    default:
        return "cannot listen on this address";
    }
}

/*
 * Connections inherit it.  Without it the kernel takes megabytes of a reply at once, and then
 * nothing while a slow client reads them: the client would look like one that does not read.
 */
static void limit_unsent(int fd)
{
    int unsent = UNSENT_BYTES;
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

/* The socket, or -errno. */
static int open_bound(const struct sockaddr_storage *addr, socklen_t addr_len)
{
    int one = 1;
    int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* Connections of the last run in TIME_WAIT must not keep us from the port. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    limit_unsent(fd);
    if (bind(fd, (const struct sockaddr *)addr, addr_len) < 0 || listen(fd, BACKLOG) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

static int print_address(int fd, char ret[ADDRESS_TEXT_MAX])
{
    struct sockaddr_storage addr = { .ss_family = AF_UNSPEC };
    socklen_t addr_len = sizeof addr;
    int rc = getsockname(fd, (struct sockaddr *)&addr, &addr_len) < 0 ? -errno : 0;
    address_print((const struct sockaddr *)&addr, ret);
    return rc;
}

int http_socket_open(const char *listen, uint16_t port, char ret_address[ADDRESS_TEXT_MAX],
                     const char **ret_error)
{
    struct sockaddr_storage addr;
    socklen_t addr_len;
    int rc = address_parse(slice_str(listen), port, &addr, &addr_len);
    if (rc < 0) {
        *ret_error = address_error(rc);
        return -EINVAL;
    }
    int fd = open_bound(&addr, addr_len);
    if (fd < 0) {
        *ret_error = error_text(fd);
        return fd;
    }
    rc = print_address(fd, ret_address);
    if (rc < 0) { /* of port 0 nobody would know where it is */
        *ret_error = error_text(rc);
        close(fd);
        return rc;
    }
    return fd;
}

int http_socket_given(int fd, char ret_address[ADDRESS_TEXT_MAX])
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    limit_unsent(fd);
    (void)print_address(fd, ret_address); /* only for the log: who gave it knows where it is */
    return fd;
}
