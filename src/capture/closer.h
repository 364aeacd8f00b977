/**
 * closer: finishes files and tidies their folder on a thread of its own, so that the disk does not
 * hold up who writes the next one.  To have 64 MiB on the disk takes some tens of ms, and a ring
 * lasts 0.2 s (capture.h), in which the thread has other things to do.
 *
 *     closer_start; closer_give ..., closer_look once in a while; closer_end
 *
 *   thread   one at a time, but for its own
 */
#ifndef CAPTURE_CLOSER_H
#define CAPTURE_CLOSER_H

#include "capture/files.h"

/* So many files may be unfinished; who gives one more waits.  The folder holds as many beyond its
 * limit meanwhile, and the one that is given: it is tidied when one is finished. */
enum { CLOSER_FILES = 4 };

struct closer;

/**
 * closer_start(f, ret):
 * It begins by tidying the folder.
 *   f        whose folder it is; copied, a file that it has is none of the closer's
 *   returns  0; -errno: no thread
 */
int closer_start(const struct capture_files *f, struct closer **ret);

/* The file of f is whole; f has none afterwards. */
void closer_give(struct closer *c, struct capture_files *f);

/**
 * closer_look(c, ret_files):
 *   ret_files   how many are in the folder
 *   returns     0; -errno: what failed first.  It goes on all the same
 */
int closer_look(struct closer *c, unsigned *ret_files);

/* Wait until all are finished, and free c.   returns  as closer_look */
int closer_end(struct closer *c, unsigned *ret_files);

#endif
