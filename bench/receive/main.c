/*
 * Ways to receive, side by side: what a datagram costs before anybody has looked at it, and how
 * long the loop is kept from its timers.  One way a run; bench/receive.py runs them all.
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
 *     nap     microseconds to sleep when the socket is empty and the last wake-up was no longer ago
 *             than that (0; epoll, poll)
 *     stride  bytes from slot to slot (65856: not all in the same sets of the cache)
 *     payload bytes of a datagram (86)
 *     gro     1: UDP_GRO
 *     gso     datagrams of one send by UDP_SEGMENT, 0 for plain ones (0)
 *     unix    1: Unix datagrams
 *     queue   of Unix datagrams, set in a network namespace of our own when we may (20000)
 *     buffer  receive buffer asked for (32 MiB)
 *     rate    datagrams a second from another process for two seconds; 0: the socket is filled
 *             first, then emptied (0)
 *     sends   with a number: this many sends to a socket nobody reads, then what is in it is read
 *             and what was lost compared with SK_MEMINFO_DROPS
 *     core    of the sender (0)
 *     timer   0: none; a wait with a timeout costs more than one without, and the server's workers
 *             have no timer (1)
 *
 * Prints RESULT lines.  late: the most by which the gap between two ticks of a 1 ms timer was
 * longer than 1 ms: by this thread's CPU clock when emptying (it never sleeps then, and others do
 * not count), by the wall's at a rate.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "micro.h"
#include "receive.h"

struct plan plan = { .way = "poll",
                     .batch = 64,
                     .rounds = 16,
                     .stride = SLOT_BYTES + 5 * 64,
                     .payload = 86,
                     .queue = 20000,
                     .buffer = 32 << 20,
                     .timer = 1 };
struct progress *progress;
struct counts counts;
int rx = -1, tx = -1;

_Noreturn void die(const char *what)
{
    fprintf(stderr, "receive: %s: %s\n", what, err_text(errno));
    exit(1); /* NOLINT(concurrency-mt-unsafe): there is one thread */
}

static void meminfo(uint32_t info[9])
{
    socklen_t len = 9 * sizeof *info;
    memset(info, 0, len);
    if (getsockopt(rx, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
        die("SO_MEMINFO");
}

uint64_t queued_bytes(void)
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

static void set(int fd, int level, int option, int value, const char *name)
{
    if (setsockopt(fd, level, option, &value, sizeof value) < 0)
        die(name);
}

/* Only sockets made after the change have the queue, and only a namespace of our own is ours to
 * change. */
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
    if (rx < 0 || tx < 0 || bind(rx, (struct sockaddr *)&a, sizeof a) < 0 ||
        getsockname(rx, (struct sockaddr *)&a, &len) < 0 ||
        connect(tx, (struct sockaddr *)&a, sizeof a) < 0)
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
    bool bare_block = strcmp(plan.way, "block") == 0,
         bare = bare_block || strcmp(plan.way, "epoll") == 0;
    uint64_t dropped = drops();
    memset(&counts, 0, sizeof counts);
    progress->sent = 0;
    progress->done = false;
    counts.expected = UINT64_MAX;
    pid_t sender = sender_start();
    if (plan.rate == 0) {
        sender_join(sender);
        counts.expected = progress->sent - (drops() - dropped);
    }
    if (!bare)
        run_uv_begin();
    counts.tick_ns = late_clock_ns();
    uint64_t cpu = micro_now_ns();
    if (!bare)
        run_uv();
    else if (bare_block)
        run_block();
    else
        run_epoll();
    cpu = micro_now_ns() - cpu;
    if (!bare)
        run_uv_end();
    if (plan.rate)
        sender_join(sender);
    return cpu;
}

/* What of the sends is in the socket, and what the counter of drops says about the rest. */
static void count_drops(void)
{
    sender_join(sender_start());
    while (slots_read(MSG_DONTWAIT) > 0) {}
    micro_print("sent", (double)progress->sent, "datagrams");
    micro_print("read", (double)counts.datagrams, "datagrams");
    micro_print("lost", (double)(progress->sent - counts.datagrams), "datagrams");
    micro_print("drops", (double)drops(), "counted");
}

static void option(const char *text)
{
    const struct {
        const char *name;
        long *value;
    } options[] = {
        { "batch", &plan.batch },   { "rounds", &plan.rounds },   { "nap", &plan.nap },
        { "stride", &plan.stride }, { "payload", &plan.payload }, { "gro", &plan.gro },
        { "gso", &plan.gso },       { "unix", &plan.local },      { "queue", &plan.queue },
        { "buffer", &plan.buffer }, { "rate", &plan.rate },       { "sends", &plan.sends },
        { "core", &plan.core },     { "timer", &plan.timer },
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
    if (plan.batch < 1 || plan.batch > BATCH_MAX || plan.stride < SLOT_BYTES ||
        plan.stride > STRIDE_MAX || plan.payload < 1 || most > 65507) {
        errno = EINVAL;
        die("options");
    }
    progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED)
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
        run_once(); /* warm: the slots' pages are there */
    uint64_t cpu = run_once();
    micro_print("datagrams", (double)counts.datagrams, "");
    micro_print("cpu", (double)cpu / (double)counts.datagrams, "us of CPU per 1,000 datagrams");
    micro_print("reads", (double)counts.reads, "calls");
    micro_print("wakes", (double)counts.wakes, "");
    micro_print("late", (double)counts.late_ns * 1e-6, "ms");
    micro_print("drops", (double)drops(), "");
    return counts.sum == 0;
}
