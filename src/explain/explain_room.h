/**
 * explain_room: what of a line is kept while there is room for it, and its errors.  All of it is
 * about what explain_core holds since the last clear.
 *   thread   one
 */
#ifndef EXPLAIN_ROOM_H
#define EXPLAIN_ROOM_H

#include "explain/explain_found.h"

/*
 * Keep one, which is taken, where there is room for its bytes in the answer, as JSON and as text.
 * If not, it is counted in x->left_out, and so is all that comes after it.
 */
void explain_room_event(struct explain_core *x, json_t *event);
void explain_room_check(struct explain_core *x, json_t *check);

/* rule: taken, too; NULL without a mapping file.  returns  false: it is not kept, but counted */
bool explain_room_sample(struct explain_core *x, json_t *sample, json_t *rule);

/* A sample for which there is no room is not even made. */
void explain_room_no_sample(struct explain_core *x);

/**
 * explain_room_error(x, r, line, at):
 * Keep an error, or count it.  The line is copied once for all errors that are about it.
 *   line     its ptr NULL: the error is not about a line
 */
void explain_room_error(struct explain_core *x, enum reason r, struct slice line, size_t at);

void explain_room_clear(struct explain_core *x); /* forget errors and their lines */

#endif
