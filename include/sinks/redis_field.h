/**
 * redis_field: a field of a hash of the ledger (docs/redis.md) as a value.
 *
 *   field                       value in i:<T>             value in tot
 *   c|<series>                  sum                        sum lastT
 *   g|<series>                  value stamp_ms writer      the same
 *   h|<series>                  msgpack array              the same, and msgpack integers lastT,
 *                                                          and 1 where values are milliseconds
 *   n|<series>                  msgpack array              the same
 *   i|<instance>|<series>                                  value stamp_ms rule
 *   i|<instance>                                           seen_ms alive_ms
 *
 * Anybody may have written to Redis, so nothing is trusted: what is not a value of ours is
 * REDIS_FIELD_ODD, to be left out and counted.  What an older version did not write (lastT, writer)
 * is not missed.
 *
 *   thread   any (no state)
 */
#ifndef SINKS_REDIS_FIELD_H
#define SINKS_REDIS_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/gauge_merge.h"
#include "aggregate/sketch.h"
#include "base/buf.h"
#include "base/slice.h"

enum redis_field_kind {
    REDIS_FIELD_COUNTER,        /* number */
    REDIS_FIELD_GAUGE,          /* number, stamp_ms */
    REDIS_FIELD_TIMER,          /* part: its sums, and its values >= 0 */
    REDIS_FIELD_TIMER_NEGATIVE, /* part: its values < 0 */
    REDIS_FIELD_INSTANCE_GAUGE, /* number, stamp_ms, instance, rule */
    REDIS_FIELD_INSTANCE,       /* instance, stamp_ms, alive_ms */
    REDIS_FIELD_OTHER           /* no series: the ledger's own, or of another version */
};

enum {
    REDIS_FIELD_NEVER = -1,
    /* A gauge's rule is `latest` again when a shared value of this age is newer than each of the
     * instances' own: they come with one of the same stamp, but not always in one reading. */
    REDIS_FIELD_RULE_MS = 35000
};

struct redis_field {
    enum redis_field_kind kind;
    struct slice series;   /* into the field's name: any bytes, at least one */
    struct slice instance; /* into it, with | and % as %7C and %25; empty: of all of them */
    double number;
    int64_t last_s;   /* Unix s of the interval that changed it last; REDIS_FIELD_NEVER: unknown */
    int64_t stamp_ms; /* Unix ms of a gauge; of INSTANCE, when its last batch came */
    int64_t alive_ms; /* INSTANCE: its gauges count for so long from stamp_ms on */
    enum gauge_merge rule;
    bool milliseconds; /* of a timer in tot: its values came as `ms` */
    /* Of a timer, at the schema it is stored at.  Its two fields are parts of one sketch: merge
     * both, in any order, into one (sketch_merge). */
    struct sketch part;
};

enum redis_field_result { REDIS_FIELD_OK, REDIS_FIELD_ODD };

/* What the name alone says: kind, series, instance.  series is empty for REDIS_FIELD_OTHER. */
void redis_field_name(struct slice name, struct redis_field *ret);

/**
 * redis_field_read(name, value, ret):
 *   ret      owned by the caller, who calls redis_field_release: after ODD, too.  Its slices live
 *            as long as name
 *   cost     a timer: a few us; one of the most buckets that are taken, about 2 ms
 */
enum redis_field_result redis_field_read(struct slice name, struct slice value,
                                         struct redis_field *ret);
void redis_field_release(struct redis_field *f);

/* The metric's name, and its tags `k:v,k2:v2` without the #; empty where it has none. */
struct slice redis_series_name(struct slice series);
struct slice redis_series_tags(struct slice series);

/* Appends an instance as it was configured: %7C becomes |. */
void redis_field_instance(struct slice stored, struct buf *out);

#endif
