/**
 * sender: threads that send a block of datagrams at the pace of a shape.
 *
 * Each thread (a sender) has sockets of its own, begins at a place of its own in the shared block,
 * and counts in a tally that it alone writes; senders_totals sums the tallies.
 *
 *     senders_start -> senders_running, senders_totals ... -> senders_stop if it is to end early
 *                   -> senders_join -> senders_settle -> senders_totals -> senders_free
 *
 *   thread   the creator's; senders_totals: any
 */
#ifndef SEND_SENDER_H
#define SEND_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "send/block.h"
#include "send/shape.h"
#include "send/target.h"

/* What one call to send did with the block: datagrams first .. first + sent - 1 went, the `failed`
 * ones behind them did not. */
struct sender_progress {
    size_t first, sent, failed;
};

struct sender_opts {
    const struct target *target;
    struct send_block block;
    const struct shape *shape; /* NULL: as fast as possible */
    bool by_datagram;          /* the shape counts datagrams, not their amounts */
    double duration_s;
    double from_s;         /* begin at that second of shape and duration */
    double share;          /* of the shape that is sent here, others send the rest; 0: all of it */
    unsigned threads;      /* > 0 */
    unsigned sockets;      /* of each thread, used in turn; > 0 */
    unsigned connections;  /* 0, or how many sockets all threads have together; >= threads */
    unsigned batch;        /* most datagrams of a call, 1 .. TARGET_BATCH_MAX */
    unsigned segments;     /* most datagrams of a message (GSO), 1 .. TARGET_SEGMENTS_MAX */
    int send_buffer_bytes; /* 0: the system's default */
    /*
     * After each call, on the thread of that sender (0 .. threads - 1); must not block.  May be
     * NULL.
     */
    void (*on_sent)(void *cookie, unsigned sender, const struct sender_progress *p);
    void *cookie;
};

/* Attempted = datagrams + failed_datagrams. */
struct sender_totals {
    uint64_t datagrams, bytes; /* handed to the kernel */
    /* At least that many of `datagrams` met a closed port or no host, as ICMP answered. */
    uint64_t unreachable_datagrams;
    uint64_t failed_datagrams; /* refused by this machine's kernel */
    double forgiven;           /* as in struct pace, of all senders */
    uint64_t connections;      /* streams that were opened at the start, */
    uint64_t reconnects;       /* opened anew because they had broken, */
    uint64_t unfinished;       /* and, after senders_settle, not read to their end by the peer */
    int error;                 /* errno of the last failure; 0: none */
    int unreachable_error;     /* errno of the last ICMP answer; 0: none */
    bool nobody;               /* after senders_join: nobody listened at the target at the end */
};

struct senders;

/**
 * senders_start(opts, ret):
 *   opts     copied; what it points to must outlive the senders
 *   returns  0; -errno when a socket cannot be opened or a thread not started
 */
int senders_start(const struct sender_opts *opts, struct senders **ret);

/* false once the duration is over (up to 0.6 s later when sends block, 3 s on streams), or after
 * senders_stop. */
bool senders_running(const struct senders *s);
double senders_elapsed_s(const struct senders *s); /* from_s on */
void senders_totals(const struct senders *s, struct sender_totals *ret);

/* Ask them to end, which takes 0.2 s at most; 2 s where a stream is full, or cannot be had. */
void senders_stop(struct senders *s);

/* Wait until all have ended.  What follows is for senders that were joined. */
void senders_join(struct senders *s);

/* Seconds from the start until the last sender ended, from_s included. */
double senders_lasted_s(const struct senders *s);

/**
 * senders_settle(s):
 * Count the ICMP answers that came after the last send, some milliseconds after it.  Streams are
 * told that no more comes, and waited for until the peer has read all of each, 10 s at most: only
 * then are its sums final.
 */
void senders_settle(struct senders *s);

/* s may be NULL. */
void senders_free(struct senders *s);

#endif
