/**
 * receive: one way to receive datagrams, measured.  The plan comes from the command line; a process
 * of its own sends; this one receives by one of the ways, and counts.
 *
 *     main.c       the plan, the sockets, one run, the figures
 *     sender.c     the sending process
 *     slots.c      receive buffers, reading into them, and when all is read
 *     bare.c       the ways block and epoll
 *     uv.c         libuv's ways: poll, recv, udp, udpmm
 *
 *   thread   there is one in each of the two processes
 */
#ifndef BENCH_RECEIVE_H
#define BENCH_RECEIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    BATCH_MAX = 256,
    SLOT_BYTES = 65536,
    STRIDE_MAX = 2 * SLOT_BYTES,
    RATE_SECONDS = 2,
    QUIET_MS = 50
};

/* The options, as main.c explains them. */
struct plan {
    const char *way;
    long batch, rounds, nap, stride, payload, gro, gso, local, queue, buffer, rate, sends, core,
        timer;
};
extern struct plan plan;

/* What the sender has done, in memory that both processes share. */
struct progress {
    _Atomic uint64_t sent;
    _Atomic bool done;
};
extern struct progress *progress;

struct counts {
    uint64_t expected; /* datagrams to read before a run is over */
    uint64_t datagrams, reads, wakes;
    uint64_t sum; /* of first bytes: every datagram is touched */
    uint64_t tick_ns, late_ns;
};
extern struct counts counts;

extern int rx, tx; /* the two ends */

_Noreturn void die(const char *what); /* with errno's text; exit status 1 */
uint64_t queued_bytes(void);          /* in rx, as the kernel accounts for them */

/* sender.c */
pid_t sender_start(void);
void sender_join(pid_t pid); /* its failure is ours */

/* slots.c */
extern char *slots;
void slots_init(void);

/* One recvmmsg.   returns  messages, of which each is one datagram or, coalesced, several; below 0:
 * none */
int slots_read(int flags);
bool all_read(void);
uint64_t late_clock_ns(void);
void tick(void);        /* each ms: was this one late? */
void read_rounds(void); /* what a wake-up does */

/* bare.c */
void run_block(void);
void run_epoll(void);

/* uv.c */
void run_uv_begin(void);
void run_uv(void);
void run_uv_end(void);

#endif
