#include "http/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum {
    DEFAULT_PORT = 9102,
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

/* The socket, or -errno. */
static int open_bound(const struct sockaddr_storage *addr, socklen_t addr_len)
{
    int one = 1, unsent = UNSENT_BYTES;
    int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* Connections of the last run in TIME_WAIT must not keep us from the port. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    /*
     * Connections inherit it.  Without it the kernel takes megabytes of a reply at once, and then
     * nothing while a slow client reads them: the client would look like one that does not read.
     */
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    if (bind(fd, (const struct sockaddr *)addr, addr_len) < 0 || listen(fd, BACKLOG) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

int http_socket_open(const char *listen, char ret_address[ADDRESS_TEXT_MAX], const char **ret_error)
{
    struct sockaddr_storage addr;
    socklen_t addr_len;
    int rc = address_parse(slice_str(listen), DEFAULT_PORT, &addr, &addr_len);
    if (rc < 0) {
        *ret_error = address_error(rc);
        return -EINVAL;
    }
    int fd = open_bound(&addr, addr_len);
    if (fd < 0) {
        *ret_error = error_text(fd);
        return fd;
    }
    addr_len = sizeof addr;
    getsockname(fd, (struct sockaddr *)&addr, &addr_len);
    address_print((const struct sockaddr *)&addr, ret_address);
    return fd;
}
