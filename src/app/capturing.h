/**
 * capturing: the daemon's captures: workers' taps into a capture of the room capture/, begun and
 * ended by configuration, by the API and by limits.  Private to app/.
 *
 *     OFF ──start──> STARTING ──a file──> ON ──stop, or a limit──> LETTING_GO ──workers let go──>
 *     FINISHING ──> OFF
 *                    STARTING ──no file──> OFF
 *
 *   thread   control, but for what says otherwise
 */
#ifndef APP_CAPTURING_H
#define APP_CAPTURING_H

#include <uv.h>

#include "api/capture_view.h"
#include "app/capturing_taps.h"
#include "capture/capture.h"
#include "config/config.h"

enum capturing_phase {
    CAPTURING_OFF,
    CAPTURING_STARTING,
    CAPTURING_ON,
    CAPTURING_LETTING_GO,
    CAPTURING_FINISHING
};

/* A capture that is asked for, until it has begun. */
struct capturing_next {
    double share;
    int64_t until_ms;
    uint64_t seconds, max_bytes;
    bool unwanted; /* it was asked to end meanwhile */
};

struct capturing {
    /* Set by whoever has it, before capturing_begin: */
    const struct config *config;
    struct capturing_taps taps; /* its workers and listeners */
    /* Its own: */
    int dir; /* capture.dir; -1: it is not set */
    enum capturing_phase phase;
    enum capture_end end;    /* why the capture ends, or the last one did */
    struct capture *running; /* NULL: OFF */
    struct capturing_next next;
    uint64_t asked;  /* number of the last one that was asked for */
    uint64_t failed; /* of the last one that did not begin, and why */
    int error;
    struct capture_seen seen; /* of the one that has begun, or of the last one; as what follows */
    double share;
    int64_t until_ms;
    uint64_t dropped;          /* of the last one: they found the buffer full */
    uint64_t n;                /* captures so far */
    struct capture_stats past; /* of those that have ended */
    uv_timer_t timer;
    struct api_capture api;
};

/* capture.dir is open: before the process gives up its rights.   returns  0 or -errno, logged */
int capturing_open(struct capturing *c, const struct config *config);

/* By who the process has become.   returns  0 or -errno, logged */
int capturing_usable(const struct capturing *c);

/* All workers have their sockets.   returns  0, or -errno of libuv */
int capturing_begin(struct capturing *c, uv_loop_t *loop);

/* The workers run: with capture.start a capture begins, for which it waits a second at most: one
 * that the disk holds up begins later.  What fails is logged. */
void capturing_ready(struct capturing *c);

/* The workers are gone: the capture that runs has all they read, and ends here; where the disk
 * hangs it is left behind after 5 s, as it is. */
void capturing_end(struct capturing *c);
void capturing_close(struct capturing *c);

void capturing_stats(const struct capturing *c, struct capture_stats *ret);

#endif
