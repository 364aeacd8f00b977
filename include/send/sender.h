/**
 * sender: threads that send a block of datagrams at the pace of a shape.
 *
 * Each thread has sockets of its own, a starting place of its own in the shared block, and tallies
 * that it alone writes; totals are summed by whoever asks, while they run or afterwards.
 *   thread   the creator's; senders_totals from any
 */
#ifndef SEND_SENDER_H
#define SEND_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "send/block.h"
#include "send/shape.h"
#include "send/target.h"

/* What one call did: datagrams first .. first + sent - 1 went, the `failed` ones behind did not. */
struct sender_progress {
    size_t first, sent, failed;
};

struct sender_opts {
    const struct target *target;
    struct send_block block;
    const struct shape *shape;     /* NULL: as fast as possible */
    bool by_datagram;              /* the shape counts datagrams, not their amounts */
    double duration_s;
    unsigned threads;              /* > 0 */
    unsigned sockets;              /* per thread, used in turn, > 0 */
    unsigned batch;                /* datagrams a call at most */
    unsigned segments;             /* datagrams a message (GSO), 1: none */
    int send_buffer_bytes;         /* 0: the system's default */
    /* After each call, on the thread of that sender (0 .. threads - 1); must not block.  May be NULL. */
    void (*on_sent)(void *cookie, unsigned sender, const struct sender_progress *p);
    void *cookie;
};

/* Attempted = sent + failed. */
struct sender_totals {
    uint64_t datagrams, bytes;                  /* sent */
    uint64_t unreachable_datagrams;             /* of those sent: at least as many met a closed port or no host (ICMP) */
    uint64_t failed_datagrams;                  /* refused by the kernel of the sender */
    double forgiven;                            /* in the shape's unit: never attempted because too late */
    int error;                                  /* errno of the last failure, */
    int unreachable_error;                      /* and of the last ICMP answer; 0 without one */
    bool nobody;                                /* joined ones: nobody listened at the target at the end */
};

struct senders;

/**
 * senders_start(opts, ret):
 *   opts     copied; what it points to must outlive the senders
 *   returns  0; -errno when a socket cannot be opened or a thread not started
 */
int senders_start(const struct sender_opts *opts, struct senders **ret);

bool senders_running(const struct senders *s);    /* until the duration is over (0.6 s more when sends block) or senders_stop was called */
double senders_elapsed_s(const struct senders *s);
double senders_lasted_s(const struct senders *s);  /* from the start until the last one ended; joined ones */
void senders_totals(const struct senders *s, struct sender_totals *ret);
void senders_stop(struct senders *s);             /* asks; at most 0.2 s until they stand still */
void senders_join(struct senders *s);             /* waits for all of them to end */
/* Joined ones: count what ICMP answered since.  Call it some milliseconds after the last send. */
void senders_settle(struct senders *s);
void senders_free(struct senders *s);             /* joined ones */

#endif
