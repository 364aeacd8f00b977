/**
 * spool_file: what has no room in memory while Redis is away, as files in server.state_dir.
 *
 *     redis-spool-<n>   head: "statsdq\n", u32 version, u32 0; then pieces, one after another
 *     piece             u32 magic, u32 length, u64 XXH3-64 of the body, its seed: number of the
 *                       segment << 32 | where the piece begins; then the body
 *
 * A segment takes pieces until it has SPOOL_SEGMENT_BYTES, and is removed with the last piece of it
 * that is dropped.  Pieces are written and read one at a time (about 20 KiB each: the page cache
 * takes that in microseconds), in any order, and nothing is synced: what a machine that loses its
 * power takes along is found out by the checksum.  When a write fails nothing more is written for
 * SPOOL_RETRY_MS.
 *
 * Whose it is: a place is only ever in the memory of one process, or in the state that it saved and
 * the next one loaded (state.h).  Segments of which no place was adopted when the first piece is
 * written or read are left over: of a process that was killed, or of another state.  What they hold
 * may have been sent, by that process or by one that has a copy of its state, and nothing in the
 * files can prove that it was not; so they are removed and counted, never sent.
 *
 * So a kill -9 loses what waits on disk, as it does what waits in memory; a stop and a takeover
 * lose nothing.
 *
 *   thread   one owner; calls may wait for the disk
 */
#ifndef SINKS_REDIS_SPOOL_FILE_H
#define SINKS_REDIS_SPOOL_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define SPOOL_FILE_PREFIX "redis-spool-"

enum {
    SPOOL_SEGMENT_BYTES = 8 << 20,
    SPOOL_PIECE_MAX = 16 << 20,
    SPOOL_SEGMENTS_MAX = 1 << 20,
    SPOOL_RETRY_MS = 10000
};

struct spool_file;

/* Where a piece is; len 0: nowhere. */
struct spool_place {
    uint32_t segment, at, len; /* len: of its body */
};

struct spool_file_stats {
    uint64_t bytes;    /* of all segments on disk; until it opens, of the pieces adopted */
    uint64_t written;  /* bytes of pieces, since the start */
    uint64_t failures; /* of writing */
    uint64_t left_over_segments, left_over_bytes;
};

/* dir: a descriptor of the folder, borrowed.  Nothing is read or made before the first piece. */
struct spool_file *spool_file_new(int dir, uint64_t max_bytes);

/* The pieces stay on disk for the one that loads the state. */
void spool_file_free(struct spool_file *f);

/* Of a state that was loaded: the piece is ours from now on.   returns  false: no place */
bool spool_file_adopt(struct spool_file *f, struct spool_place at);

/* Of a state that proved to be damaged: nothing is ours after all, and nothing is touched. */
void spool_file_forget(struct spool_file *f);

/* What is left over goes.  Else the first piece does that.   returns  0, or -errno: it stays */
int spool_file_open(struct spool_file *f);

/**
 * spool_file_put(f, body, now_ms, ret):
 *   returns  0; -ENOSPC: over max_bytes; -EAGAIN: a write failed within SPOOL_RETRY_MS; -errno
 */
int spool_file_put(struct spool_file *f, struct slice body, uint64_t now_ms,
                   struct spool_place *ret);

/* Appends the body.   returns  0; -EBADMSG: it is damaged; -errno */
int spool_file_get(struct spool_file *f, struct spool_place at, struct buf *out);

/* The piece is not wanted any more. */
void spool_file_drop(struct spool_file *f, struct spool_place at);

void spool_file_stats(const struct spool_file *f, struct spool_file_stats *ret);

#endif
