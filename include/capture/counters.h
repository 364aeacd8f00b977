/**
 * counters: what captures tell about themselves.
 */
#ifndef CAPTURE_COUNTERS_H
#define CAPTURE_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counters.h"

/* X(id, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define CAPTURE_COUNTERS(X)                                                                       \
    X(ON, "statsd_capture_on", GAUGE, "",                                                         \
      "1 while datagrams are captured into files.")                                               \
    X(PACKETS, "statsd_capture_packets_total", COUNTER, "",                                       \
      "Datagrams, and pieces of streams, that captures have put into files.")                     \
    X(BYTES, "statsd_capture_bytes_total", COUNTER, "",                                           \
      "Bytes of the files that captures have written.")                                           \
    X(DROPPED, "statsd_capture_dropped_total", COUNTER, "reason",                                 \
      "Datagrams that a capture should have and has not: buffer for those that found the buffer " \
      "between worker and disk full, disk for those that could not be written.")                  \
    X(FILES, "statsd_capture_files", GAUGE, "",                                                   \
      "Files of captures in capture.dir, as a capture saw them last.")                            \
    X(ENDS, "statsd_capture_ends_total", COUNTER, "reason",                                       \
      "Captures that have ended, by why: asked, time, max_bytes, disk_full (less than 5 % of it " \
      "is free), error (of the disk), shutdown.")
/* clang-format on */

enum capture_counter {
#define X(id, name, kind, labels, help) CAPTURE_COUNTER_##id,
    CAPTURE_COUNTERS(X)
#undef X
};

/* Why a capture ends.  X(id, name, what the API says; NULL: that it is off) */
#define CAPTURE_ENDS(X)                                                                            \
    X(ASKED, "asked", NULL)                                                                        \
    X(TIME, "time", NULL)                                                                          \
    X(MAX_BYTES, "max_bytes", "it has written max_bytes")                                          \
    X(DISK_FULL, "disk_full", "less than 5 % of the disk is free")                                 \
    X(ERROR, "error", "the disk fails")                                                            \
    X(SHUTDOWN, "shutdown", NULL)

enum capture_end {
#define X(id, name, why) CAPTURE_END_##id,
    CAPTURE_ENDS(X)
#undef X
        CAPTURE_END_COUNT,
    CAPTURE_GOES_ON = CAPTURE_END_COUNT
};

/* Of all captures of the process. */
struct capture_stats {
    bool on;
    uint64_t packets, bytes;
    uint64_t dropped_buffer, dropped_disk;
    uint64_t files;
    uint64_t ends[CAPTURE_END_COUNT];
};

extern const struct counter_table capture_counters; /* of a struct capture_stats */

/* Static.  why: NULL where it is off and no more is to be said. */
const char *capture_end_name(enum capture_end e);
const char *capture_end_why(enum capture_end e);

#endif
