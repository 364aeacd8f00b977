/**
 * explain_sums: how much explain_core found of each.
 *   thread   one
 */
#ifndef EXPLAIN_SUMS_H
#define EXPLAIN_SUMS_H

#include "explain/explain_found.h"

struct explain_sums {
    uint64_t samples, events, checks, errors, tag_errors, unknown_fields;
};

/* Of what x holds, since the last clear. */
struct explain_sums explain_sums_of(const struct explain_core *x);

void explain_sums_add(struct explain_sums *to, const struct explain_sums *s);

/* "accept", "event", "service_check", "reject" or "ignore". */
const char *explain_sums_expect(const struct explain_sums *s);

#endif
