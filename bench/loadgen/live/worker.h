/**
 * worker: sends what a master says, and reports what it sent ten times a second.
 *
 *   master   {"prepare": EPOCH, "args": [...]}
 *            {"start": EPOCH, "args": [...], "share": 0.5, "from_s": 0, "fresh": true}
 *            {"stop": EPOCH}
 *   worker   {"epoch": EPOCH, "ended": false, "lasted_s": 1.2, "sent": {...}, "error": null}
 *
 * To prepare is to build the datagrams, so that all begin at once when they are told to.  An epoch
 * is a stretch of a run in which nothing is changed.  A start while it sends ends the
 * stretch before; what was sent is summed since the last start that was fresh.  `ended` is said
 * once all has been sent and, as far as that can be known, has arrived.
 *   thread   main
 */
#ifndef LIVE_WORKER_H
#define LIVE_WORKER_H

#include <stdbool.h>

#include "wire.h"

enum { WORKER_REPORT_MS = 100 };

/* Until the master ends.   own: as of plan_new.   w is closed.   returns  0; -errno */
int worker_run(struct wire *w, bool own);

#endif
