#include "listen/unix_bound.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { ANSWER_BYTES = 4096, ANSWER_MS = 250 };

static int ask(int netlink, uint32_t socket_ino)
{
    struct {
        struct nlmsghdr head;
        struct unix_diag_req of;
    } q = { .head = { .nlmsg_len = sizeof q,
                      .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                      .nlmsg_flags = NLM_F_REQUEST },
            .of = { .sdiag_family = AF_UNIX,
                    .udiag_states = UINT32_MAX,
                    .udiag_ino = socket_ino,
                    .udiag_show = UDIAG_SHOW_VFS,
                    .udiag_cookie = { UINT32_MAX, UINT32_MAX } } };
    const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    ssize_t n = sendto(netlink, &q, sizeof q, 0, (const struct sockaddr *)&kernel, sizeof kernel);
    return n < 0 ? -errno : 0;
}

static int read_attributes(struct nlmsghdr *head, uint32_t *ret_ino)
{
    struct unix_diag_msg *msg = NLMSG_DATA(head);
    size_t left = NLMSG_PAYLOAD(head, sizeof *msg);
    for (struct rtattr *a = (struct rtattr *)(msg + 1); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        struct unix_diag_vfs vfs;
        if (a->rta_type != UNIX_DIAG_VFS || RTA_PAYLOAD(a) < sizeof vfs)
            continue;
        memcpy(&vfs, RTA_DATA(a), sizeof vfs);
        *ret_ino = vfs.udiag_vfs_ino;
        return 0;
    }
    return -ENODATA;
}

static int answer(int netlink, uint32_t *ret_ino)
{
    union {
        struct nlmsghdr head;
        char bytes[ANSWER_BYTES];
    } a;
    ssize_t n = recv(netlink, &a, sizeof a, 0);
    if (n < 0)
        return -errno;
    if (!NLMSG_OK(&a.head, (size_t)n))
        return -EPROTO;
    if (a.head.nlmsg_type == NLMSG_ERROR && a.head.nlmsg_len >= NLMSG_LENGTH(sizeof(int))) {
        int error;
        memcpy(&error, NLMSG_DATA(&a.head), sizeof error);
        return error < 0 ? error : -EPROTO;
    }
    if (a.head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        a.head.nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
        return -EPROTO;
    return read_attributes(&a.head, ret_ino);
}

int unix_bound_file(int fd, uint32_t *ret_ino)
{
    const struct timeval wait = { .tv_usec = ANSWER_MS * 1000L };
    struct stat socket_itself;
    if (fstat(fd, &socket_itself) < 0)
        return -errno;
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return -errno;
    (void)setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    int rc = ask(netlink, (uint32_t)socket_itself.st_ino);
    if (rc == 0)
        rc = answer(netlink, ret_ino);
    close(netlink);
    return rc;
}
