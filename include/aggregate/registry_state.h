/**
 * registry_state: what /metrics shows, as records (base/records.h) that another process reads.
 *
 *     type            body (base/pack.h)
 *     STATE_INTERVAL  u64 number of the open interval, i64 its begin (Unix ms); again where another
 *                     one began during a save in pieces
 *     STATE_PROFILE   u32 number, 0 1 2 ..; how lines of it are kept and shown (state_profile.c)
 *     STATE_FAMILY    u8 type (FAMILY_TYPES), text name, text help
 *     STATE_LINE      of the family before it: u8 kind (SERIES_KINDS), u8 are values or bounds
 *                     below 0, u32 number of its profile, u32 idle for (s), i64 since when it
 *                     counts (Unix ms; INT64_MIN: not kept), text labels as shown, then what its
 *                     kind keeps (kind_ops.save)
 *
 * Names and labels are the text that /metrics shows.  Nothing in it depends on this process: no
 * hash of ours, no number of a symbol, no pointer; times are ages.  Kept are the lines on the page;
 * what is kept off it (off_page.h) and exemplars are not.
 *
 * Loaded lines are on /metrics at once, without a series.  The first sample of a series that stands
 * in that line goes on from there; where it has another type, other bounds or a window of another
 * unit, the line starts at 0 (statsd_restored_reset_total).  A summary whose window is of another
 * length keeps what fits.  Without a sample a line goes when it has been idle for the ttl it was
 * saved with.
 *
 *   thread   control
 */
#ifndef AGGREGATE_REGISTRY_STATE_H
#define AGGREGATE_REGISTRY_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/registry_walk.h"
#include "base/records.h"

enum state_record { STATE_INTERVAL = 1, STATE_PROFILE, STATE_FAMILY, STATE_LINE };

/* The clocks at one moment. */
struct state_clock {
    uint64_t mono_ns;
    int64_t wall_ms;
    int64_t zero_ms; /* wall clock when the monotonic one was 0, as writers have it (writer.h) */
    int64_t interval_start_ms, interval_ms; /* of the open interval */
};

/**
 * Saving, in pieces between which the registry may go on:
 *
 *     registry_save_begin(&s, r, w, &clock, false);
 *     while (registry_save_some(&s, 1000)) ...
 *     registry_save_end(&s);
 *
 *   gauges_only   leave out counters and timers: a counter that is older than what was scraped is
 *                 worse than one that starts at 0
 */
struct registry_save {
    struct registry *registry;
    struct records_writer *to;
    struct state_clock clock;
    bool gauges_only;
    struct registry_walk walk;
    const struct family *family; /* at hand; NULL: the next one */
    bool named;                  /* its record is written */
    uint64_t first, interval;    /* number of the open interval: at the begin, as of the last record
                                  */
    struct state_profile_id {
        uint64_t set;
        uint8_t index;
        uint32_t number;
    } * profiles; /* met so far */
    size_t n_profiles, cap_profiles;
    struct buf written; /* the bodies of the profiles written so far, each as a text; by number */
    uint32_t n_written;
    struct buf labels, scratch;
    /* left_out: timers of more than 16 MiB, and lines of a profile that is one too many to be
     * loaded (state_profile.h) */
    size_t lines, left_out;
};

void registry_save_begin(struct registry_save *s, struct registry *r, struct records_writer *to,
                         const struct state_clock *clock, bool gauges_only);

/* So many lines; a family that is left out is worth one.   returns  true: there is more */
bool registry_save_some(struct registry_save *s, size_t lines);
void registry_save_end(struct registry_save *s);

/**
 * Loading, into a registry to which nothing was merged so far.
 *   saved         the clock of the save: wall_ms and interval_start_ms of it are used
 *   started_ns    no sample came before it: what is loaded is older than any
 */
struct registry_load {
    struct registry *registry;
    struct state_clock now, saved;
    uint64_t started_ns;
    int64_t at_ns; /* when it was saved, by the monotonic clock */
    const struct profile **profiles;
    size_t n_profiles, cap_profiles;
    struct buf name, help; /* of the family at hand; help is NUL-terminated */
    uint8_t type;
    bool family; /* there is one */
    bool begun;  /* there was a STATE_INTERVAL */
    size_t lines, left_out, idle;
};

void registry_load_begin(struct registry_load *l, struct registry *r, const struct state_clock *now,
                         const struct state_clock *saved, uint64_t started_ns);

/* One record of the types above.   returns  false: no save has written it */
bool registry_load_record(struct registry_load *l, uint8_t type, struct slice body);

/**
 * registry_load_end(l, good):
 *   good     false: the file proved to be damaged, and nothing of it stays
 */
void registry_load_end(struct registry_load *l, bool good);

#endif
