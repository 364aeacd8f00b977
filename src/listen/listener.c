#include "listen/listener.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/err.h"

static void explain(const struct listen_address *a, int rc, struct buf *error)
{
    const char *remedy = "";
    if (rc == -EADDRINUSE)
        remedy = a->transport == LISTEN_UDP ? "; another server has this port: stop it, or choose another port (0: any free one)"
                                            : "; another server listens there: stop it, or choose another path";
    else if (rc == -EACCES)
        remedy = a->transport == LISTEN_UDP ? "; ports below 1024 need privileges: choose a higher one"
                                            : "; the directory is not writable for this user";
    else if (rc == -ENOENT)
        remedy = "; the directory does not exist: create it";
    else if (rc == -ENOTSOCK)
        remedy = "; a file that is no socket is there: move it away, or choose another path";
    else if (rc == -EADDRNOTAVAIL)
        remedy = "; no interface of this machine has that address";
    buf_printf(error, "%s: %s%s", a->name, err_text(rc), remedy);
}

/* As much as asked for: past net.core.rmem_max with the privilege, up to it without. */
static void ask_rcvbuf(int fd, uint64_t bytes)
{
    int n = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &n, sizeof n) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n, sizeof n);
}

static uint64_t granted(int fd)
{
    int n = 0;
    socklen_t len = sizeof n;
    return getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n, &len) < 0 ? 0 : (uint64_t)n;
}

static int open_udp(const struct listen_address *a, int *ret_fd)
{
    int fd = socket(a->addr.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    const int on = 1, off = 0;
    ask_rcvbuf(fd, a->rcvbuf);
    /* [::] takes IPv4 too, whatever net.ipv6.bindv6only says; where 0.0.0.0 is bound as well, the kernel gives IPv4 to that. */
    if ((a->addr.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0) ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
        bind(fd, (const struct sockaddr *)&a->addr, a->addr_len) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

/* SO_REUSEPORT would let a second server of the same user in silently, and take half of the datagrams: ask without it first. */
static int refuse_shared_port(const struct listen_address *a)
{
    int fd = socket(a->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    const int on = 1;
    /* IPv6 alone: IPv4 may be taken by another listener of our own. */
    if (a->addr.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    int rc = bind(fd, (const struct sockaddr *)&a->addr, a->addr_len) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

static void learn_port(struct listener *l)
{
    char text[ADDRESS_TEXT_MAX];
    struct listen_address *a = &l->address;
    a->addr_len = sizeof a->addr;
    if (getsockname(l->fds[0], (struct sockaddr *)&a->addr, &a->addr_len) < 0)
        return;
    address_print((const struct sockaddr *)&a->addr, text);
    size_t n = strlen("udp://");
    memcpy(a->name, "udp://", n);
    memcpy(a->name + n, text, strlen(text) + 1);
}

static int open_udp_group(struct listener *l, unsigned n_workers)
{
    int rc = refuse_shared_port(&l->address);
    for (unsigned i = 0; rc == 0 && i < n_workers; i++) {
        rc = open_udp(&l->address, &l->fds[i]);
        if (rc < 0)
            break;
        l->n++;
        if (i == 0)
            learn_port(l);
    }
    return rc;
}

static bool answers(const struct listen_address *a)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    bool yes = connect(fd, (const struct sockaddr *)&a->addr, a->addr_len) == 0 || errno != ECONNREFUSED;
    close(fd);
    return yes;
}

static const char *unix_path(const struct listen_address *a)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&a->addr;
    return un->sun_path[0] == '\0' ? NULL : un->sun_path;
}

static int open_unixgram(struct listener *l)
{
    const struct listen_address *a = &l->address;
    const char *path = unix_path(a);
    struct stat st;
    if (path != NULL && lstat(path, &st) == 0) {
        if (!S_ISSOCK(st.st_mode))
            return -ENOTSOCK;
        if (answers(a))
            return -EADDRINUSE;
        (void)unlink(path);
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    ask_rcvbuf(fd, a->rcvbuf);
    if (bind(fd, (const struct sockaddr *)&a->addr, a->addr_len) < 0 ||
        (path != NULL && (chmod(path, a->mode) < 0 || lstat(path, &st) < 0))) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    if (path != NULL) {
        l->file_dev = st.st_dev;
        l->file_ino = st.st_ino;
    }
    l->fds[0] = fd;
    l->n = 1;
    return 0;
}

int listener_open(const struct listen_address *a, unsigned n_workers, struct listener *ret, struct buf *error)
{
    struct listener l = { .address = *a };
    for (unsigned i = 0; i < LISTEN_WORKERS_MAX; i++)
        l.fds[i] = -1;
    int rc = a->transport == LISTEN_UDP ? open_udp_group(&l, n_workers) : open_unixgram(&l);
    if (rc == 0 && a->spread == LISTEN_SPREAD_PAYLOAD)
        rc = listener_spread_payload(&l);
    if (rc < 0) {
        explain(a, rc, error);
        /* The file is another server's: leave it. */
        for (unsigned i = 0; i < l.n; i++)
            close(l.fds[i]);
        return rc;
    }
    l.rcvbuf_granted = granted(l.fds[0]);
    *ret = l;
    return 0;
}

/* Not what another server bound there after somebody had removed ours. */
static void remove_file(const struct listener *l)
{
    const char *path = l->address.transport == LISTEN_UNIXGRAM ? unix_path(&l->address) : NULL;
    struct stat st;
    if (path != NULL && lstat(path, &st) == 0 && st.st_dev == l->file_dev && st.st_ino == l->file_ino)
        (void)unlink(path);
}

void listener_close(struct listener *l)
{
    /* Before the socket is closed: from then on another server may take the file for stale and put its own there. */
    if (l->n > 0)
        remove_file(l);
    for (unsigned i = 0; i < l->n; i++)
        if (l->fds[i] >= 0)
            close(l->fds[i]);
    l->n = 0;
}

/*
 * The program sees the payload at offset 0.  Five words from byte 4 to 23 are multiplied together: most of a name, where names
 * of one application differ, and rarely the value.  Shorter payloads go by the first two of these words, those below
 * 12 bytes by their length.
 */
int listener_spread_payload(struct listener *l)
{
    if (l->n < 2 || l->by_payload)
        return 0;
    const uint32_t odd = 0x9E3779B1u;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 24, 0, 19),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, odd),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 8),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, odd),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 12),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, odd),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, odd),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 20),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, odd),
        BPF_JUMP(BPF_JMP | BPF_JA, 7, 0, 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 12, 0, 7),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, odd),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 8),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, odd),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, l->n),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog program = { .len = sizeof code / sizeof code[0], .filter = code };
    if (setsockopt(l->fds[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) < 0)
        return -errno;
    l->by_payload = true;
    return 0;
}

void listener_refuse(const struct listener *l)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    for (unsigned i = 0; i < l->n; i++) {
        /* Where this fails (an address without a way to the loopback) the socket is drained and closed all the same. */
        if (l->address.transport == LISTEN_UNIXGRAM)
            (void)shutdown(l->fds[i], SHUT_RD);
        else if (l->address.addr.ss_family == AF_INET6)
            (void)connect(l->fds[i], (const struct sockaddr *)&v6, sizeof v6);
        else
            (void)connect(l->fds[i], (const struct sockaddr *)&v4, sizeof v4);
    }
}
