/**
 * `statsd replay`: the parts of the command.
 *
 *     main.c     the command line into struct replay_opts
 *     play.c     files -> datagrams -> blocks -> an outlet, each when it is due
 *     report.c   the live line, and the sums
 *     shift.c    timestamps
 *
 *   thread   main
 */
#ifndef CMD_REPLAY_REPLAY_H
#define CMD_REPLAY_REPLAY_H

#include "capture/input.h"
#include "cmd/cli.h"
#include "send/outlet.h"
#include "send/playback.h"

#define REPLAY_FOREVER UINT64_MAX

struct replay_opts {
    const char *const *files;
    size_t n_files;          /* > 0 */
    struct input_opts input; /* its path and counts are play.c's */
    struct target target;
    double speed;    /* 0: as fast as it goes */
    double rate;     /* lines a second, instead of a speed; 0: none is asked for */
    uint64_t loops;  /* > 0; REPLAY_FOREVER */
    uint64_t for_ms; /* 0: without end */
    uint64_t limit;  /* packets; 0: all */
    bool keep_timestamps, dry_run, json;
};

/* All figures: of the live line, and of the sums. */
struct replay_sums {
    struct input_counts input;
    struct outlet_totals sent; /* of --dry-run: what would have been sent */
    uint64_t loops;            /* times that all files were read to their end */
    uint64_t shifted;          /* timestamps */
    uint64_t squeezed;         /* steps, as in struct playback */
    uint64_t damaged_files;    /* that end within a packet */
    double elapsed_s;
    double part;       /* of the file that is being read; NaN: not known */
    double lag_s;      /* behind the pace, now ... */
    double lag_most_s; /* ... and at worst */
    bool paced;        /* false: there is no pace to lag behind */
    bool interrupted;
};

/* Play, with the live line and the sums.  returns  the exit status */
int replay_play(const struct replay_opts *o, const struct cli_io *io);

/* ---- report.c ---- */

/* The live line: on a terminal it is written over the one before.  before: as of a second ago. */
void report_live(const struct replay_sums *now, const struct replay_sums *before, bool terminal,
                 struct buf *out);

void report_text(const struct replay_opts *o, const struct replay_sums *s, struct buf *out);
void report_json(const struct replay_opts *o, const struct replay_sums *s, struct buf *out);

#endif
