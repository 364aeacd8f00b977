/*
 * Ways to receive, side by side: what a datagram costs before anybody has looked at it, and how long the loop is kept from
 * its timers.  One way a run; bench/receive.py runs them all.
 *
 *     receive KEY=VALUE...
 *
 *     way     block   recvmmsg that waits (the least that reading can cost)
 *             epoll   epoll_wait + recvmmsg
 *             poll    uv_poll + recvmmsg, as the server does
 *             recv    uv_poll + recv
 *             udp     uv_udp
 *             udpmm   uv_udp with UV_UDP_RECVMMSG
 *     batch   slots of a recvmmsg (64)
 *     rounds  calls a wake-up, 0 without end (16)
 *     nap     microseconds to sleep when the socket is empty and the last wake-up was no longer ago than that (0; epoll, poll)
 *     stride  bytes from slot to slot (65856: not all in the same sets of the cache)
 *     payload bytes of a datagram (86)
 *     gro     1: UDP_GRO
 *     gso     datagrams of one send by UDP_SEGMENT, 0 for plain ones (0)
 *     unix    1: Unix datagrams
 *     queue   of Unix datagrams, set in a network namespace of our own when we may (20000)
 *     buffer  receive buffer asked for (32 MiB)
 *     rate    datagrams a second from another process for two seconds; 0: the socket is filled first, then emptied (0)
 *     sends   with a number: so many sends to a socket nobody reads, then what is in it is read and what was lost compared
 *             with SK_MEMINFO_DROPS
 *     core    of the sender (0)
 *     timer   0: none; a wait with a timeout costs more than one without, and the server's workers have no timer (1)
 *
 * Prints RESULT lines.  late: the most by which the gap between two ticks of a 1 ms timer was longer than 1 ms: by this
 * thread's CPU clock when emptying (it never sleeps then, and others do not count), by the wall's at a rate.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/err.h"
#include "../micro.h"
#include "base/now.h"

enum { BATCH_MAX = 256, SLOT_BYTES = 65536, STRIDE_MAX = 2 * SLOT_BYTES, RATE_SECONDS = 2, QUIET_MS = 50 };

static struct {
    const char *way;
    long batch, rounds, nap, stride, payload, gro, gso, local, queue, buffer, rate, sends, core, timer;
} plan = { .way = "poll", .batch = 64, .rounds = 16, .stride = SLOT_BYTES + 5 * 64, .payload = 86, .queue = 20000, .buffer = 32 << 20, .timer = 1 };

/* What the sender tells, in memory of both. */
static struct told {
    _Atomic uint64_t sent;
    _Atomic bool done;
} *told;

static struct {
    uint64_t expected, datagrams, reads, wakes, sum;
    uint64_t tick_ns, late_ns;
} now;

static int rx = -1, tx = -1;
static char *slots;
static struct mmsghdr header[BATCH_MAX];
static struct iovec piece[BATCH_MAX];
static size_t control[BATCH_MAX][CMSG_SPACE(sizeof(int)) / sizeof(size_t)];   /* as cmsghdr wants to be aligned */

static void die(const char *what)
{
    fprintf(stderr, "receive: %s: %s\n", what, err_text(errno));
    exit(1);   /* NOLINT(concurrency-mt-unsafe): there is one thread */
}

static void meminfo(uint32_t info[9])
{
    socklen_t len = 9 * sizeof *info;
    memset(info, 0, len);
    if (getsockopt(rx, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
        die("SO_MEMINFO");
}

static uint64_t queued_bytes(void)
{
    uint32_t info[9];
    meminfo(info);
    return info[0];
}

static uint64_t drops(void)
{
    uint32_t info[9];
    meminfo(info);
    return plan.local ? 0 : info[8];
}

/* ---- sending ---- */

static void set(int fd, int level, int option, int value, const char *name)
{
    if (setsockopt(fd, level, option, &value, sizeof value) < 0)
        die(name);
}

/* Datagrams of one system call.  returns  how many, 0 when a Unix queue is full */
static uint64_t send_some(void)
{
    static char text[SLOT_BYTES];
    static struct mmsghdr out[64];
    static struct iovec one;
    long each = plan.gso ? plan.gso : 1;
    int calls = plan.gso || plan.sends ? 1 : 64;
    if (one.iov_base == NULL) {
        memset(text, 'x', sizeof text);
        one = (struct iovec){ text, (size_t)(plan.payload * each) };
        for (int i = 0; i < 64; i++)
            out[i].msg_hdr = (struct msghdr){ .msg_iov = &one, .msg_iovlen = 1 };
    }
    int n = sendmmsg(tx, out, (unsigned)calls, plan.local ? MSG_DONTWAIT : 0);
    if (n < 0 && errno != EAGAIN)
        die("sendmmsg");
    return n < 0 ? 0 : (uint64_t)n * (uint64_t)each;
}

static void send_fill(void)
{
    uint64_t n = 1;
    if (plan.sends) {
        for (long i = 0; i < plan.sends; i++)
            atomic_fetch_add(&told->sent, send_some());
        return;
    }
    while (n > 0 && (plan.local || queued_bytes() < (uint64_t)plan.buffer * 9 / 5)) {   /* the kernel has doubled it */
        n = send_some();
        atomic_fetch_add(&told->sent, n);
    }
}

/* One by one, each at its time: the receiver that keeps up is woken for each. */
static void send_paced(void)
{
    static char text[SLOT_BYTES];
    memset(text, 'x', sizeof text);
    uint64_t start = now_mono_ns(), n = (uint64_t)plan.rate * RATE_SECONDS;
    for (uint64_t i = 0; i < n; i++) {
        while (now_mono_ns() - start < i * 1000000000 / (uint64_t)plan.rate) {
        }
        if (send(tx, text, (size_t)plan.payload, 0) < 0)
            die("send");
        atomic_fetch_add(&told->sent, 1);
    }
    usleep(QUIET_MS * 1000);
    told->done = true;
    if (send(tx, text, 1, 0) < 0)   /* wakes a receiver that waits without a timeout */
        die("send");
}

static pid_t sender_start(void)
{
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid > 0)
        return pid;
    cpu_set_t set_of_one;
    CPU_ZERO(&set_of_one);
    CPU_SET((size_t)plan.core, &set_of_one);
    sched_setaffinity(0, sizeof set_of_one, &set_of_one);
    if (plan.rate)
        send_paced();
    else
        send_fill();
    _exit(0);
}

static void sender_join(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        exit(1);   /* NOLINT(concurrency-mt-unsafe): there is one thread */
}

/* ---- counting, the same for all ways ---- */

static bool all_read(void)
{
    return now.datagrams >= now.expected || (plan.rate && told->done);
}

static uint64_t late_clock_ns(void)
{
    return plan.rate ? now_mono_ns() : micro_now_ns();
}

static void tick(void)
{
    uint64_t t = late_clock_ns(), gap = t - now.tick_ns;
    if (gap > 1000000 && gap - 1000000 > now.late_ns)
        now.late_ns = gap - 1000000;
    now.tick_ns = t;
}

/* A coalesced message tells the size of its pieces beside it. */
static uint64_t pieces(struct mmsghdr *m)
{
    if (plan.gro)
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m->msg_hdr); c != NULL; c = CMSG_NXTHDR(&m->msg_hdr, c))
            if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
                int size;
                memcpy(&size, CMSG_DATA(c), sizeof size);
                return (m->msg_len + (unsigned)size - 1) / (unsigned)size;
            }
    return 1;
}

/* returns  messages, of which each is one datagram or, coalesced, several */
static int read_batch(int flags)
{
    int n = recvmmsg(rx, header, (unsigned)plan.batch, flags, NULL);
    now.reads++;
    for (int i = 0; i < n; i++) {
        now.sum += (unsigned char)*(char *)piece[i].iov_base;
        now.datagrams += pieces(&header[i]);
        if (plan.gro)
            header[i].msg_hdr.msg_controllen = sizeof control[i];
    }
    return n;
}

static void slots_init(void)
{
    size_t bytes = BATCH_MAX * (size_t)STRIDE_MAX;
    slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (slots == MAP_FAILED)
        die("mmap");
    madvise(slots, bytes, MADV_HUGEPAGE);   /* as slab_map */
    for (int i = 0; i < plan.batch; i++) {
        piece[i] = (struct iovec){ slots + i * plan.stride, SLOT_BYTES - 1 };
        header[i].msg_hdr = (struct msghdr){ .msg_iov = &piece[i], .msg_iovlen = 1 };
        if (plan.gro) {
            header[i].msg_hdr.msg_control = control[i];
            header[i].msg_hdr.msg_controllen = sizeof control[i];
        }
    }
}

/* ---- the bare ways ---- */

static void run_block(void)
{
    while (!all_read()) {
        now.wakes++;
        read_batch(MSG_WAITFORONE);
    }
}

/* Fewer wake-ups for a socket that is never long without a datagram; one that is seldom used is read at once. */
static void nap(void)
{
    static uint64_t last_ns;
    if (plan.nap == 0)
        return;
    uint64_t t = now_mono_ns();
    if (t - last_ns < (uint64_t)plan.nap * 1000) {
        nanosleep(&(struct timespec){ .tv_nsec = plan.nap * 1000 }, NULL);
        t = now_mono_ns();
    }
    last_ns = t;
}

/* What a wake-up does. */
static void read_rounds(void)
{
    now.wakes++;
    for (long i = 0; plan.rounds == 0 || i < plan.rounds; i++)
        if (read_batch(MSG_DONTWAIT) < plan.batch) {
            nap();
            return;
        }
}

static void run_epoll(void)
{
    struct epoll_event e = { .events = EPOLLIN };
    int ep = epoll_create1(EPOLL_CLOEXEC);
    if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, rx, &e) < 0)
        die("epoll");
    while (!all_read()) {
        if (epoll_wait(ep, &e, 1, -1) > 0)
            read_rounds();
    }
    close(ep);
}

/* ---- libuv's ways ---- */

static uv_loop_t loop;
static uv_timer_t timer;
static uv_poll_t poll_handle;
static uv_udp_t udp_handle;

static void on_tick(uv_timer_t *t)
{
    tick();
    if (all_read())
        uv_stop(t->loop);
}

static void on_readable(uv_poll_t *p, int status, int events)
{
    (void)status;
    (void)events;
    read_rounds();
    if (all_read())
        uv_stop(p->loop);
}

static void on_readable_recv(uv_poll_t *p, int status, int events)
{
    (void)status;
    (void)events;
    now.wakes++;
    for (long i = 0; plan.rounds == 0 || i < plan.rounds; i++) {
        ssize_t n = recv(rx, slots, SLOT_BYTES - 1, MSG_DONTWAIT);
        now.reads++;
        if (n < 0)
            break;
        now.sum += (unsigned char)*slots;
        now.datagrams++;
    }
    if (all_read())
        uv_stop(p->loop);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *ret)
{
    (void)h;
    (void)hint;
    *ret = uv_buf_init(slots, strcmp(plan.way, "udpmm") == 0 ? 20 * SLOT_BYTES : SLOT_BYTES);
    now.reads++;
}

static void on_datagram(uv_udp_t *u, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
    (void)flags;
    if (n <= 0 || from == NULL)
        return;
    now.sum += (unsigned char)*buf->base;
    now.datagrams++;
    if (all_read())
        uv_stop(u->loop);
}

static void on_prepare(uv_prepare_t *p)
{
    (void)p;
    now.wakes++;
}

/* libuv does not tell how often it woke: the turns of its loop stand for it. */
static uv_prepare_t turns;

static void loop_init(void)
{
    bool multi = strcmp(plan.way, "udpmm") == 0;
    uv_loop_init(&loop);
    uv_timer_init(&loop, &timer);
    uv_prepare_init(&loop, &turns);
    if (multi || strcmp(plan.way, "udp") == 0) {
        if (uv_udp_init_ex(&loop, &udp_handle, AF_UNSPEC | (multi ? UV_UDP_RECVMMSG : 0)) < 0 || uv_udp_open(&udp_handle, dup(rx)) < 0)
            die("uv_udp");
        uv_udp_recv_start(&udp_handle, on_alloc, on_datagram);
        uv_prepare_start(&turns, on_prepare);
    } else {
        uv_poll_init(&loop, &poll_handle, rx);
        uv_poll_start(&poll_handle, UV_READABLE, strcmp(plan.way, "recv") == 0 ? on_readable_recv : on_readable);
    }
    if (plan.timer)
        uv_timer_start(&timer, on_tick, 1, 1);
}

static void close_handle(uv_handle_t *h, void *cookie)
{
    (void)cookie;
    uv_close(h, NULL);
}

static void run_uv(void)
{
    uv_run(&loop, UV_RUN_DEFAULT);
    if (plan.timer)
        tick();   /* the wait that the end cut short counts too */
}

static void loop_release(void)
{
    uv_walk(&loop, close_handle, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

/* ---- one run ---- */

/* Only sockets made after the change have the queue, and only a namespace of our own is ours to change. */
static void unix_queue(void)
{
    FILE *f = unshare(CLONE_NEWNET) == 0 ? fopen("/proc/sys/net/unix/max_dgram_qlen", "w") : NULL;
    if (f == NULL || fprintf(f, "%ld\n", plan.queue) < 0 || fclose(f) != 0)
        fprintf(stderr, "receive: the queue of Unix datagrams stays as it is\n");
}

static void open_sockets(void)
{
    int pair[2];
    if (plan.local) {
        unix_queue();
        if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0)
            die("socketpair");
        rx = pair[0];
        tx = pair[1];
        set(tx, SOL_SOCKET, SO_SNDBUFFORCE, (int)plan.buffer, "SO_SNDBUFFORCE");
        return;
    }
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    rx = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    tx = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (rx < 0 || tx < 0 || bind(rx, (struct sockaddr *)&a, sizeof a) < 0 || getsockname(rx, (struct sockaddr *)&a, &len) < 0
        || connect(tx, (struct sockaddr *)&a, sizeof a) < 0)
        die("socket");
    int buffer = (int)plan.buffer;
    if (setsockopt(rx, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) < 0)
        set(rx, SOL_SOCKET, SO_RCVBUF, buffer, "SO_RCVBUF");
    set(tx, SOL_SOCKET, SO_SNDBUF, 4 << 20, "SO_SNDBUF");
    if (plan.gro)
        set(rx, SOL_UDP, UDP_GRO, 1, "UDP_GRO");
    if (plan.gso)
        set(tx, SOL_UDP, UDP_SEGMENT, (int)plan.payload, "UDP_SEGMENT");
}

/* returns  CPU time of the receiving alone */
static uint64_t run_once(void)
{
    bool bare_block = strcmp(plan.way, "block") == 0, bare = bare_block || strcmp(plan.way, "epoll") == 0;
    uint64_t dropped = drops();
    memset(&now, 0, sizeof now);
    told->sent = 0;
    told->done = false;
    now.expected = UINT64_MAX;
    pid_t sender = sender_start();
    if (plan.rate == 0) {
        sender_join(sender);
        now.expected = told->sent - (drops() - dropped);
    }
    if (!bare)
        loop_init();
    now.tick_ns = late_clock_ns();
    uint64_t cpu = micro_now_ns();
    if (!bare)
        run_uv();
    else if (bare_block)
        run_block();
    else
        run_epoll();
    cpu = micro_now_ns() - cpu;
    if (!bare)
        loop_release();
    if (plan.rate)
        sender_join(sender);
    return cpu;
}

/* What of the sends is in the socket, and what the counter of drops says about the rest. */
static void count_drops(void)
{
    sender_join(sender_start());
    while (read_batch(MSG_DONTWAIT) > 0) {
    }
    micro_print("sent", (double)told->sent, "datagrams");
    micro_print("read", (double)now.datagrams, "datagrams");
    micro_print("lost", (double)(told->sent - now.datagrams), "datagrams");
    micro_print("drops", (double)drops(), "counted");
}

static void option(const char *text)
{
    const struct {
        const char *name;
        long *value;
    } options[] = {
        { "batch", &plan.batch }, { "rounds", &plan.rounds }, { "nap", &plan.nap },     { "stride", &plan.stride }, { "payload", &plan.payload },
        { "gro", &plan.gro },     { "gso", &plan.gso },       { "unix", &plan.local },  { "queue", &plan.queue },   { "buffer", &plan.buffer },
        { "rate", &plan.rate },   { "sends", &plan.sends },   { "core", &plan.core },   { "timer", &plan.timer },
    };
    const char *value = strchr(text, '=');
    size_t len = value == NULL ? 0 : (size_t)(value++ - text);
    if (len == 3 && memcmp(text, "way", 3) == 0) {
        plan.way = value;
        return;
    }
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (strlen(options[i].name) == len && memcmp(text, options[i].name, len) == 0) {
            *options[i].value = strtol(value, NULL, 10);
            return;
        }
    errno = EINVAL;
    die(text);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        option(argv[i]);
    long most = plan.payload * (plan.gso ? plan.gso : 1);
    if (plan.batch < 1 || plan.batch > BATCH_MAX || plan.stride < SLOT_BYTES || plan.stride > STRIDE_MAX || plan.payload < 1 || most > 65507) {
        errno = EINVAL;
        die("options");
    }
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (told == MAP_FAILED)
        die("mmap");
    alarm(60);
    prctl(PR_SET_TIMERSLACK, 1);
    slots_init();
    open_sockets();
    if (plan.sends) {
        count_drops();
        return 0;
    }
    if (plan.rate == 0)
        run_once();   /* warm: the slots' pages are there */
    uint64_t cpu = run_once();
    micro_print("datagrams", (double)now.datagrams, "");
    micro_print("cpu", (double)cpu / (double)now.datagrams, "us of CPU per 1,000 datagrams");
    micro_print("reads", (double)now.reads, "calls");
    micro_print("wakes", (double)now.wakes, "");
    micro_print("late", (double)now.late_ns * 1e-6, "ms");
    micro_print("drops", (double)drops(), "");
    return now.sum == 0;
}
