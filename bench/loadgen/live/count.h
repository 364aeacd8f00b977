/**
 * count: what a worker has sent, as a member of its reports, and summed.
 *   thread   any (no state)
 */
#ifndef LIVE_COUNT_H
#define LIVE_COUNT_H

#include <jansson.h>

#include "tally.h"

json_t *count_json(const struct tally_totals *t);

/* What is missing, or cannot be, is 0. */
void count_read(const json_t *o, struct tally_totals *ret);

/* Numbers are summed; of errors the latest stays. */
void count_add(struct tally_totals *to, const struct tally_totals *from);

#endif
