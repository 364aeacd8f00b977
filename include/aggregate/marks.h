/**
 * marks: lines by which servers tell each other that they mirror their traffic here.
 *
 *     statsd.mirror.mark.<16 hex digits of the process>.<number of the run>:1|c
 *
 * Such a line gets no series: it is counted as dropped (mark).  Here it is noted whose it was, for
 * a mirror that has to stop when its own come back.
 *
 *   thread   marks_init: before any other; marks_note: workers; the rest: any
 *   cost     of a mark some ten ns and a locked instruction; they come once a second for each
 *            mirror.  Of other lines nothing, but for a comparison at a spelling's first sight
 */
#ifndef AGGREGATE_MARKS_H
#define AGGREGATE_MARKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define MARKS_NAME "statsd.mirror.mark."

struct marks {
    uint64_t own;             /* this process */
    _Atomic uint64_t others;  /* marks of other processes so far, */
    _Atomic uint64_t loops;   /* of this one, */
    _Atomic uint32_t own_run; /* and the run that the last of those named; 0: none came */
};

/* own: a random number, so that no two processes have the same */
void marks_init(struct marks *m, uint64_t own);

/* The name of a mark, with its NUL.  run: above 0 */
enum { MARKS_TEXT = 64 };
void marks_name(const struct marks *m, uint32_t run, char ret[MARKS_TEXT]);

/* returns  whether the name is that of a mark, which is then noted */
bool marks_note(struct marks *m, struct slice name);

#endif
