/**
 * metric_fields: what a field behind the type says: rate, tags, container, timestamp.  For metric.c only, which walks over them.
 */
#ifndef PROTOCOL_METRIC_FIELDS_H
#define PROTOCOL_METRIC_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "protocol/parser.h"

/* One sample while it is being read. */
struct metric_reading {
    struct slice value;
    double number;              /* the first value */
    double rate;
    struct slice tags;          /* of the '#' fields */
    struct slice origin;
    int64_t timestamp;
    const char *where;          /* of the first thing wrong */
    enum reason reason;
    uint32_t packed, unknown;   /* values pushed behind the batch's n_values; unknown fields */
    uint8_t type, flags;
    bool has_tags;              /* a '#' field, even an empty one */
    bool dog;                   /* a field that only DogStatsD clients write */
    bool other;                 /* any field but '@' */
};

static inline void metric_wrong(struct metric_reading *r, enum reason reason, const char *where)
{
    if (r->reason != REASON_NONE)
        return;
    r->reason = reason;
    r->where = where;
}

/* The rate behind '@'.  false: none that can be used. */
bool metric_rate(struct slice s, double *ret);

/* Several '#' sections are one list: joined in the batch's scratch. */
void metric_tags_join(struct batch *b, struct metric_reading *r, struct slice more);

/* Any field but '@' and '#'. */
void metric_field_rare(const struct parser *p, struct metric_reading *r, struct slice f);

#endif
