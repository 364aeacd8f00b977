/**
 * files: the files in capture.dir, and the rules by which they come and go.
 *
 *     statsd-20261127T090000.123Z.pcap.part   being written, and locked (flock) as long
 *     statsd-20261127T090000.123Z.pcap        whole: written, synced, renamed
 *
 * The name is the time (UTC) at which the file was begun.  Whatever has such a name and is a plain
 * file is ours: the oldest goes when there are too many, and what a crash left half written gets
 * its name without .part; readers take it up to its last whole packet.  No other file is touched.
 *
 *   thread   one at a time; calls wait for the disk
 */
#ifndef CAPTURE_FILES_H
#define CAPTURE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { CAPTURE_NAME_MAX = 64 };

struct capture_files {
    int dir;                     /* borrowed */
    unsigned max;                /* files, the one that is being written counted */
    int fd;                      /* of that one; -1: there is none */
    char name[CAPTURE_NAME_MAX]; /* of that one, or of the last one; without .part */
    uint64_t bytes;              /* that capture_files_write has put there */
    unsigned n;                  /* files at the last tidying, that one counted */
};

void capture_files_init(struct capture_files *f, int dir, unsigned max);

/**
 * capture_files_create(f, now_ms):
 * Begin a file, mode 0600; one of that name is never opened, nor a link followed.
 *   returns  0; -errno
 */
int capture_files_create(struct capture_files *f, int64_t now_ms);

/* All or nothing.   returns  0 or -errno */
int capture_files_write(struct capture_files *f, struct slice bytes);

/* The file is whole: it is on the disk when it has its name.   returns  0 or -errno; closed in both
 * cases, and as a rule .part in the second */
int capture_files_finish(struct capture_files *f);

/* There is no such file, as if it had not been begun. */
void capture_files_drop(struct capture_files *f);

/* Remove the oldest until there are at most max; name what a crash left.   returns  0 or -errno */
int capture_files_tidy(struct capture_files *f);

/* Is less than a twentieth of the disk free? */
bool capture_files_low(const struct capture_files *f);

/* Is it a name of ours?  part: of one that is being written. */
bool capture_files_ours(const char *name, bool *ret_part);

#endif
