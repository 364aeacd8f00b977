/**
 * refused_log: log lines about lines and samples that the workers refused.
 *
 *     msg=rejected reason=bad_value line="a:x|c" listener=udp://[::1]:1 from=[::1]:2 not_shown=0
 *     msg=off_page reason=limit metric=a.b listener=udp://[::1]:1 from=[::1]:2 not_shown=0
 *
 * Of each reason the first REFUSALS_A_ROUND, over all workers, are logged as examples, then no more
 * for a minute from the first of them.  not_shown is how many others of that reason were refused
 * since the log line before.  Those that are left at the end of the minute are logged as a line
 * with not_shown alone, so that examples and the sum of not_shown add up to what was refused.
 * from is left out where it is not known.
 *
 *   thread   control
 */
#ifndef LISTEN_REFUSED_LOG_H
#define LISTEN_REFUSED_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/counters.h"
#include "listen/listener.h"
#include "listen/refusals.h"
#include "listen/worker.h"

enum { REFUSED_ROUND_MS = 5000 };

struct refused_log {
    struct worker **workers; /* borrowed, as are listeners and counted */
    unsigned n_workers;
    const struct listener *listeners;
    size_t n_listeners;
    /* What the workers counted, as of the last turn. */
    void (*totals)(const void *counted, struct ingest_totals *ret);
    const void *counted;
    bool lines; /* protocol.log_rejected */
    /*
     * Called for each example of a rejected line, whether it is logged or not; NULL: nobody wants
     * them.  With it, workers keep new ones every REFUSED_ROUND_MS, and not once a minute.
     */
    void (*on_example)(void *cookie, enum reason reason, const struct refusal *r,
                       const char *listener);
    void *cookie;
    struct refused_kind {
        uint64_t logged;    /* of those refused: as an example, or in a not_shown */
        uint64_t ends_ms;   /* when the minute ends; 0: none has begun */
        unsigned shown;     /* examples in that minute */
        uint64_t renews_ms; /* with on_example: when the round ends; 0: none has begun */
    } kinds[REFUSAL_KINDS];
};

/**
 * refused_log_lines(l, on):
 * Log rejected lines (protocol.log_rejected) or not; metrics refused by a limit always are.  To be
 * called once when the borrowed fields are filled in, and later when the option changes.
 */
void refused_log_lines(struct refused_log *l, bool on);

/* Is there something to log?  If so, ask for a turn, so that it is in the counts, and then look. */
bool refused_log_due(const struct refused_log *l, uint64_t now_ms);

/* After a turn: log new examples, and the end of minutes that are over. */
void refused_log_look(struct refused_log *l, uint64_t now_ms);

/* After the last turn: the same, and end all minutes. */
void refused_log_end(struct refused_log *l, uint64_t now_ms);

#endif
