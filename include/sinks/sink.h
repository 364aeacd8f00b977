/**
 * sink: where closed intervals go.
 *
 * A sink never blocks: interval() serialises and queues, the loop sends.  A new sink is one .c file and one row where app/
 * builds its list.
 *   thread   control
 */
#ifndef SINKS_SINK_H
#define SINKS_SINK_H

#include <stdbool.h>

#include "aggregate/snapshot.h"

struct sink {
    const char *name;
    /* An interval closed.  It may have been closed before its end (final: at shutdown), and may be empty. */
    void (*interval)(struct sink *s, const struct snapshot *snap, bool final);
    /* Is everything handed over delivered?  Shutdown waits for it, within a limit. */
    bool (*idle)(const struct sink *s);
    /* Free; whatever is still queued is lost and was counted. */
    void (*close)(struct sink *s);
};

#endif
