/*
 * The floor for sockets: a process that reads datagrams and throws them away.
 *
 *     floor_recv [epoll|drain] [PORT [RECEIVE BUFFER BYTES]]
 *
 * epoll waits in epoll_wait and then reads with recvmmsg(64) until a call comes back short, as a
 * server would; drain blocks in recvmmsg(64) itself, which is the least that reading can cost.
 * Prints the port, runs until TERM or INT, and then prints how many datagrams and bytes came.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

enum { SLOTS = 64, SLOT_BYTES = 65536 };

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static int open_socket(uint16_t port, int buffer_bytes)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    printf("listening %d\n", ntohs(a.sin_port));
    (void)fflush(stdout);
    return fd;
}

static struct mmsghdr header[SLOTS];
static struct iovec piece[SLOTS];
static uint64_t datagrams, bytes;

/* returns  datagrams read; 0 on an empty socket or a signal */
static int read_some(int fd, int flags)
{
    int n = recvmmsg(fd, header, SLOTS, flags, NULL);
    for (int i = 0; i < n; i++)
        bytes += header[i].msg_len;
    datagrams += n > 0 ? (uint64_t)n : 0;
    return n > 0 ? n : 0;
}

static int run_epoll(int fd)
{
    struct epoll_event e = { .events = EPOLLIN };
    int ep = epoll_create1(EPOLL_CLOEXEC);
    if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0)
        return 1;
    while (!stop)
        if (epoll_wait(ep, &e, 1, -1) > 0)
            while (!stop && read_some(fd, MSG_DONTWAIT) == SLOTS) {}
    close(ep);
    return 0;
}

static int run_drain(int fd)
{
    while (!stop)
        read_some(fd, MSG_WAITFORONE);
    return 0;
}

int main(int argc, char **argv)
{
    bool epoll = argc < 2 || strcmp(argv[1], "epoll") == 0;
    long port = argc > 2 ? strtol(argv[2], NULL, 10) : 0,
         buffer = argc > 3 ? strtol(argv[3], NULL, 10) : 64 << 20;
    struct sigaction act = { .sa_handler = on_signal };
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    int fd = open_socket((uint16_t)port, (int)buffer);
    if (fd < 0) {
        fprintf(stderr, "floor_recv: %s\n", err_text(fd));
        return 1;
    }
    char *slots = mem_alloc((size_t)SLOTS * SLOT_BYTES);
    for (int i = 0; i < SLOTS; i++) {
        piece[i] = (struct iovec){ slots + (size_t)i * SLOT_BYTES, SLOT_BYTES };
        header[i].msg_hdr = (struct msghdr){ .msg_iov = &piece[i], .msg_iovlen = 1 };
    }
    int rc = epoll ? run_epoll(fd) : run_drain(fd);
    printf("received %llu datagrams %llu bytes\n", (unsigned long long)datagrams,
           (unsigned long long)bytes);
    free(slots);
    close(fd);
    return rc;
}
