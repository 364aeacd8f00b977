/**
 * outlet: one socket of a target, through which datagrams go once, in their order, on the caller's
 * thread.  (sender.h: threads that send the same block again and again.)
 *
 * What the kernel has no room for is no loss: it is sent again after a pause, and the pause
 * counted.
 *
 *     outlet_open -> outlet_send ... (outlet_give_up) -> outlet_settle -> outlet_close
 *
 *   thread   one
 */
#ifndef SEND_OUTLET_H
#define SEND_OUTLET_H

#include "send/block.h"
#include "send/target.h"

struct outlet_totals {
    uint64_t datagrams, bytes; /* handed to the kernel */
    uint64_t amount;           /* of these datagrams, as in struct send_datagram */
    uint64_t failed;           /* datagrams that the kernel refused for good */
    uint64_t unreachable;      /* at least that many of `datagrams` met a closed port or no host */
    uint64_t pauses;           /* for room: in the kernel, or in the receiver's queue (gently) */
    uint64_t reconnects;       /* streams that had broken, and were opened anew */
    uint64_t receiver_dropped; /* after outlet_settle, as below */
    bool receiver_known;       /* receiver_dropped says something */
    bool unfinished; /* after outlet_settle: the peer has not read the stream to its end */
    int error;       /* errno of the last failure or ICMP answer; 0: none */
};

struct outlet {
    const struct target *target;
    struct target_socket socket;
    struct outlet_totals totals;
    bool gently;            /* keep within what the receiver's queue has room for */
    uint64_t drops_before;  /* of the receiver's sockets */
    uint64_t credit;        /* bytes of it that may be sent before the next look */
    uint64_t full_since_ns; /* 0: it is not */
};

/**
 * outlet_open(o, t, gently):
 *   t        must outlive o
 *   gently   UDP to a socket of this machine: no faster than its receiver reads, which the kernel
 *            tells nobody who sends.  A receiver that reads nothing for OUTLET_PATIENCE_NS is not
 *            waited for.  To other targets it means nothing: streams and Unix sockets wait anyway
 *   returns  0; -errno
 */
int outlet_open(struct outlet *o, const struct target *t, bool gently);
#define OUTLET_PATIENCE_NS UINT64_C(1000000000)

/**
 * outlet_send(o, b, first):
 * Send what there is of b from datagram `first` on, at most TARGET_BATCH_MAX.
 *   returns  how many went, or failed for good; the next call has to go on behind them, with the
 *            same bytes.  0: there was no room
 *   cost     waits up to 100 ms for room, and up to 1 s to connect a stream anew
 */
size_t outlet_send(struct outlet *o, const struct send_block *b, size_t first);

/**
 * outlet_give_up(o, b, first):
 * Leave out what there is of b from datagram `first` on, and send nothing more.  One that was begun
 * is completed where its peer would take it for a whole one, and counted; does not wait.
 */
void outlet_give_up(struct outlet *o, const struct send_block *b, size_t first);

/*
 * When all was sent: hear what ICMP answered, tell a stream's peer that no more comes, and wait
 * until it has read all (10 s at most); ask what the receiver's kernel dropped, whoever sent it.
 */
void outlet_settle(struct outlet *o);

void outlet_close(struct outlet *o);

#endif
