/**
 * playback: when what was recorded is due again.
 *
 * Only the differences of the recorded times count, so that a recording can be played at any time,
 * twice, or behind another one.  A step back of less than PLAYBACK_DISORDER_NS is the disorder of
 * several CPUs: it is due at once, and the time of the recording stays where it was.  A larger step
 * back, and one forward of more than PLAYBACK_STEP_MAX_NS, is a clock that was set, or a machine
 * that slept: it takes no time, and is counted.
 *
 *   thread   the owner's; time comes in as an argument
 */
#ifndef SEND_PLAYBACK_H
#define SEND_PLAYBACK_H

#include <stdbool.h>
#include <stdint.h>

#define PLAYBACK_STEP_MAX_NS UINT64_C(3600000000000)
#define PLAYBACK_DISORDER_NS UINT64_C(1000000000)

/* { .speed } is a playback at its beginning. */
struct playback {
    double speed;      /* 2: twice as fast; 0: all is due at once */
    bool began;        /* false: the next one has no one before it */
    uint64_t last_ns;  /* recorded time, of the latest one */
    uint64_t past_ns;  /* recorded time that has passed since the beginning */
    uint64_t squeezed; /* steps that were left out */
};

/**
 * playback_due(p, recorded_ns):
 * The next one of the recording.
 *   returns  ns since the beginning of the playback at which it is due
 */
uint64_t playback_due(struct playback *p, uint64_t recorded_ns);

/* What comes next is another recording, or the same from its beginning: it follows at once. */
void playback_again(struct playback *p);

#endif
