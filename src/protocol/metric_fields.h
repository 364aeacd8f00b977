/**
 * metric_fields: the fields after the type (rate, tags, container, timestamp), for metric.c.
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
    double number; /* the first value */
    double rate;
    struct slice tags; /* of the '#' fields */
    struct slice origin;
    int64_t timestamp;
    const char *where;        /* the first error, in the line */
    enum reason reason;       /* REASON_NONE: no error so far */
    uint32_t packed, unknown; /* values written after the batch's n_values; unknown fields */
    uint8_t type, flags;
    bool has_tags; /* a '#' field, even an empty one */
    bool dog;      /* it has a field that only DogStatsD clients write */
    bool other;    /* any field but '@' */
};

/* Note an error; only the first one of a sample is reported. */
static inline void metric_wrong(struct metric_reading *r, enum reason reason, const char *where)
{
    if (r->reason != REASON_NONE)
        return;
    r->reason = reason;
    r->where = where;
}

/* The rate after '@'; 0 counts as 1.  false: not a valid rate, and *ret is untouched. */
bool metric_rate(struct slice s, double *ret);

/* Append another '#' section to r->tags, in the batch's scratch. */
void metric_tags_join(struct batch *b, struct metric_reading *r, struct slice more);

/* Any field but '@' and '#'. */
void metric_field_rare(const struct parser *p, struct metric_reading *r, struct slice f);

#endif
