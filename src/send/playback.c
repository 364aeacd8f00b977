#include "send/playback.h"

#include <assert.h>

static void step(struct playback *p, uint64_t recorded_ns)
{
    if (recorded_ns < p->last_ns) {
        if (p->last_ns - recorded_ns < PLAYBACK_DISORDER_NS)
            return;
        p->squeezed++;
    } else if (recorded_ns - p->last_ns > PLAYBACK_STEP_MAX_NS) {
        p->squeezed++;
    } else {
        p->past_ns += recorded_ns - p->last_ns;
    }
    p->last_ns = recorded_ns;
}

uint64_t playback_due(struct playback *p, uint64_t recorded_ns)
{
    assert(p->speed >= 0);
    if (p->began)
        step(p, recorded_ns);
    else
        p->last_ns = recorded_ns;
    p->began = true;
    return p->speed > 0 ? (uint64_t)((double)p->past_ns / p->speed) : 0;
}

void playback_again(struct playback *p)
{
    p->began = false;
}
