/**
 * refused_log: what the workers refused, in the log.  Private to app/.
 *
 *     msg=rejected reason=bad_value line="a:x|c" listener=udp://127.0.0.1:8125 from=127.0.0.1:51234 not_shown=0
 *     msg=off_page reason=limit metric=a.b listener=udp://127.0.0.1:8125 from=127.0.0.1:51234 not_shown=0
 *
 * Of each reason the first five are shown, over all workers; then no more until a minute after the first of them has passed.
 * not_shown is how many of that reason were refused since the line before and are not shown; what is left of it at the minute's
 * end is told in a line that has nothing else.  So lines shown and their not_shown add up to what was refused.
 * from is left out where it is not known.
 *
 *   thread   control
 */
#ifndef APP_REFUSED_LOG_H
#define APP_REFUSED_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "app/turn.h"
#include "listen/listener.h"
#include "listen/refusals.h"
#include "listen/worker.h"

struct refused_log {
    struct worker **workers;                          /* borrowed, as are listeners and turn */
    unsigned n_workers;
    const struct listener *listeners;
    size_t n_listeners;
    const struct turn *turn;                          /* has the counts */
    bool lines;                                       /* protocol.log_rejected */
    struct refused_kind {
        uint64_t told;         /* of what was refused: shown, or in a not_shown */
        uint64_t ends_ms;      /* of the minute; 0: none has begun */
        unsigned shown;        /* in it */
    } kinds[REFUSAL_KINDS];
};

/* Of a log that begins, with the borrowed set, or of one under way: whether lines are logged.  Names always are. */
void refused_log_lines(struct refused_log *l, bool on);

/* Whether there is something to log.  Then ask for a turn, so that the counts hold it, and look after that. */
bool refused_log_due(const struct refused_log *l, uint64_t now_ms);

void refused_log_look(struct refused_log *l, uint64_t now_ms);

/* After the last turn: log what is new, and what was not shown. */
void refused_log_end(struct refused_log *l, uint64_t now_ms);

#endif
