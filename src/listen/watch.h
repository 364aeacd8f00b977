/**
 * watch: when a socket is read: as soon as it is readable, or every few milliseconds.  Private to
 * listen/.
 *
 *     reading  --- many wake-ups in a short time, each for a few datagrams ------>  gathering
 *     (poll)   <-- fewer than one datagram a ms, or so many that a look is full --  (timer)
 *
 * At some thousand datagrams a second each one wakes the worker up by itself, which costs several
 * times what reading it does.  Then the datagrams are left to gather in the socket's queue, and
 * read every few milliseconds (src/listen/gather.h says how many).  Only a page turn waits for
 * them, and a turn reads the socket first.  At higher rates a wake-up finds many datagrams anyway;
 * at lower ones there is little to save.
 *
 *   thread   that of the loop
 */
#ifndef LISTEN_WATCH_H
#define LISTEN_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "listen/gather.h"

/* The most datagrams that `read` may read in one call; then the loop's other handles run. */
enum { WATCH_READ_MAX = 1024 };

struct watch {
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned (*read)(void *cookie);
    void (*closed)(void *cookie);
    unsigned closing; /* handles that are being closed */
    void *cookie;
    /* While reading: */
    uint64_t window_ns;        /* when this window of counting wake-ups began */
    unsigned wakes, woken_for; /* in the window: wake-ups, and the datagrams that they found */
    struct gather gather;      /* its most_ms is 0 where the watch never gathers */
    bool late;                 /* as watch_is_late */
};

/**
 * watch_init(w, loop, fd, gather_ms, read, cookie):
 *   fd          the caller's, non-blocking
 *   gather_ms   the longest wait, as gather_most_ms; 0: never leave datagrams to gather
 *   read        reads what the socket holds, up to WATCH_READ_MAX datagrams, and returns how many
 *   returns     0, or -errno with nothing to close
 */
int watch_init(struct watch *w, uv_loop_t *loop, int fd, unsigned gather_ms,
               unsigned (*read)(void *cookie), void *cookie);

/* returns  0 or -errno */
int watch_start(struct watch *w);

/* read is not called any more. */
void watch_stop(struct watch *w);

bool watch_gathers(const struct watch *w);

/*
 * May what the next read finds have waited for it longer than GATHER_MS_FIRST?  It is called once
 * with this true before anything waits so long.
 */
bool watch_is_late(const struct watch *w);

/* The loop forgets the descriptor at once, and w later: w lives until `closed` is called. */
void watch_close(struct watch *w, void (*closed)(void *cookie));

#endif
