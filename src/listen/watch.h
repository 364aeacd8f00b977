/**
 * watch: when a socket is read: as soon as something is there, or every few milliseconds.  Private
 * to listen/.
 *
 *     reading  --- many wake-ups in a short time, each for a few datagrams --->  gathering
 *     (poll)   <-- too few datagrams to be worth it, or plenty at each tick ---  (timer)
 *
 * At some thousand datagrams a second each of them comes alone and wakes the worker up for itself,
 * which costs several times what reading it does.  Then the socket is looked at every few
 * milliseconds instead, as long as its queue holds a burst meanwhile.  Nothing waits for those
 * datagrams but a page turn, and that reads them first.  With more datagrams a wake-up finds plenty
 * by itself; with fewer there is nothing to gather.
 *
 *   thread   that of the loop
 */
#ifndef LISTEN_WATCH_H
#define LISTEN_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* Datagrams read before the loop looks at anything else: some milliseconds at most. */
enum { WATCH_READ_MAX = 1024 };

struct watch {
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned gather_ms; /* between two looks while gathering; 0: never gathers */
    /* Reads what is there, up to WATCH_READ_MAX datagrams.  returns  how many */
    unsigned (*read)(void *cookie);
    void (*closed)(void *cookie);
    unsigned closing; /* handles that are not closed yet */
    void *cookie;
    uint64_t window_ns;        /* while reading: when counting wake-ups began */
    unsigned wakes, woken_for; /* since then: wake-ups, and the datagrams they brought */
    unsigned ticks, gathered;  /* while gathering: of this round of ticks */
};

/* returns  0, or -errno with nothing to close */
int watch_init(struct watch *w, uv_loop_t *loop, int fd, unsigned gather_ms,
               unsigned (*read)(void *cookie), void *cookie);

/* returns  0 or -errno */
int watch_start(struct watch *w);
void watch_stop(struct watch *w);

bool watch_gathers(const struct watch *w);

/* The loop no longer knows the descriptor; w itself is the caller's again when closed is called. */
void watch_close(struct watch *w, void (*closed)(void *cookie));

/* How long datagrams may be left to gather in a receive buffer of so many bytes (as granted). */
unsigned watch_gather_ms(uint64_t rcvbuf_granted);

#endif
