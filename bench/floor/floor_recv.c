/*
 * The floor for sockets: a process that reads datagrams and throws them away.
 *
 *     floor_recv [epoll|drain] [PORT [RECEIVE BUFFER BYTES [THREADS [spread]]]]
 *
 * epoll waits in epoll_wait and then reads with recvmmsg(64) until a call comes back short, as a
 * server would; drain blocks in recvmmsg(64) itself, which is the least that reading can cost.
 * Each thread has a socket of its own; several share the port by SO_REUSEPORT: each sender leads to
 * one of them, or with spread each datagram to any.
 * Prints the port, runs until TERM or INT, and then prints how many datagrams and bytes came.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <pthread.h>
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
#include "base/slice.h"

enum { SLOTS = 64, SLOT_BYTES = 65536, THREADS_MAX = 8 };

/* On lines of its own: the threads share nothing. */
struct receiver {
    _Alignas(128) struct mmsghdr header[SLOTS];
    struct iovec piece[SLOTS];
    uint64_t datagrams, bytes;
    char *slots;
    unsigned index;
    int fd;
    bool epoll;
    pthread_t thread;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* *port: 0 is replaced by the one that the kernel picks. */
static int open_socket(uint16_t *port, int buffer_bytes, bool shared)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(*port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    if ((shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) < 0) ||
        bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    *port = ntohs(a.sin_port);
    return fd;
}

/* As listen.spread = payload does it, but by lot. */
static void spread(int fd, unsigned sockets)
{
    struct sock_filter code[] = {
        { BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM) },
        { BPF_ALU | BPF_MOD | BPF_K, 0, 0, sockets },
        { BPF_RET | BPF_A, 0, 0, 0 },
    };
    struct sock_fprog program = { ARRAY_LEN(code), code };
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) < 0)
        abort();
}

/* returns  datagrams read; 0 on an empty socket, on a signal, and at the end */
static int read_some(struct receiver *r, int flags)
{
    int n = recvmmsg(r->fd, r->header, SLOTS, flags, NULL);
    if (stop)
        return 0;
    for (int i = 0; i < n; i++)
        r->bytes += r->header[i].msg_len;
    r->datagrams += n > 0 ? (uint64_t)n : 0;
    return n > 0 ? n : 0;
}

static void run_epoll(struct receiver *r)
{
    struct epoll_event e = { .events = EPOLLIN };
    int ep = epoll_create1(EPOLL_CLOEXEC);
    if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, r->fd, &e) < 0)
        abort();
    while (!stop)
        if (epoll_wait(ep, &e, 1, -1) > 0)
            while (!stop && read_some(r, MSG_DONTWAIT) == SLOTS) {}
    close(ep);
}

static void *run(void *cookie)
{
    struct receiver *r = cookie;
    char name[16];
    snprintf(name, sizeof name, "worker-%u", r->index);
    (void)pthread_setname_np(pthread_self(), name);
    if (r->epoll)
        run_epoll(r);
    else
        while (!stop)
            read_some(r, MSG_WAITFORONE);
    return NULL;
}

static void start(struct receiver *r)
{
    r->slots = mem_alloc((size_t)SLOTS * SLOT_BYTES);
    for (int i = 0; i < SLOTS; i++) {
        r->piece[i] = (struct iovec){ r->slots + (size_t)i * SLOT_BYTES, SLOT_BYTES };
        r->header[i].msg_hdr = (struct msghdr){ .msg_iov = &r->piece[i], .msg_iovlen = 1 };
    }
    /* The first is the main thread, which gets the signals. */
    if (r->index > 0 && pthread_create(&r->thread, NULL, run, r) != 0)
        abort();
}

static void report(struct receiver *receivers, unsigned n)
{
    uint64_t datagrams = 0, bytes = 0;
    for (unsigned i = 0; i < n; i++) {
        /* Says ENOTCONN, and wakes whoever waits. */
        (void)shutdown(receivers[i].fd, SHUT_RD);
        if (i > 0)
            pthread_join(receivers[i].thread, NULL);
        datagrams += receivers[i].datagrams;
        bytes += receivers[i].bytes;
        free(receivers[i].slots);
        close(receivers[i].fd);
    }
    printf("received %llu datagrams %llu bytes\n", (unsigned long long)datagrams,
           (unsigned long long)bytes);
}

int main(int argc, char **argv)
{
    static struct receiver receivers[THREADS_MAX];
    bool epoll = argc < 2 || strcmp(argv[1], "epoll") == 0;
    long port = argc > 2 ? strtol(argv[2], NULL, 10) : 0,
         buffer = argc > 3 ? strtol(argv[3], NULL, 10) : 64 << 20,
         n = argc > 4 ? strtol(argv[4], NULL, 10) : 1;
    uint16_t at = (uint16_t)port;
    struct sigaction act = { .sa_handler = on_signal };
    sigset_t ends, before;
    if (n < 1 || n > THREADS_MAX)
        return 2;
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    for (unsigned i = 0; i < n; i++) {
        receivers[i] = (struct receiver){ .index = i, .epoll = epoll };
        receivers[i].fd = open_socket(&at, (int)buffer, n > 1);
        if (receivers[i].fd < 0) {
            fprintf(stderr, "floor_recv: %s\n", err_text(receivers[i].fd));
            return 1;
        }
    }
    if (argc > 5 && n > 1)
        spread(receivers[0].fd, (unsigned)n);
    printf("listening %d\n", at);
    (void)fflush(stdout);
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, &before);
    for (unsigned i = 0; i < n; i++)
        start(&receivers[i]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    run(&receivers[0]);
    report(receivers, (unsigned)n);
    return 0;
}
