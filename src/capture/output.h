/**
 * output: packets into files, one after the other, through a buffer.
 *
 * Each file can be read by itself: it begins with pcap's header and a packet for each socket that
 * says what it is (origin.h).
 *
 *     output_open, output_put ..., output_flush and output_look once a second, output_close
 *
 *   thread   one at a time; put waits for the disk when the buffer is full.  A file that is whole
 *            is finished by another thread (closer.h)
 */
#ifndef CAPTURE_OUTPUT_H
#define CAPTURE_OUTPUT_H

#include "base/buf.h"
#include "capture/closer.h"
#include "capture/files.h"
#include "capture/packet.h"

enum { OUTPUT_BUFFER_BYTES = 1 << 20, OUTPUT_BEGIN_MAX = 128 << 10 };

struct output {
    struct capture_files files;
    size_t snaplen;
    uint64_t max_bytes, max_file_bytes; /* max_bytes 0: no limit */
    struct slice begin; /* of each file, borrowed: behind pcap's header; at most OUTPUT_BEGIN_MAX */
    struct closer *closer;
    char *buffer; /* `used` bytes wait to be written, with `waiting` packets */
    size_t used;
    uint64_t waiting;
    uint64_t file_bytes; /* of the file at hand, the buffer counted */
    uint64_t bytes;      /* of all files of this output, likewise */
    uint64_t packets;    /* likewise; those of `begin` are none */
    uint64_t lost;       /* packets that were put, and could not be written */
};

/**
 * output_open(o, dir, max_files, now_ms):
 * The other fields up to `begin` are set, the rest is zero.
 *   returns  0; -errno: no file can be made, or there is no thread; o has nothing to be closed
 */
int output_open(struct output *o, int dir, unsigned max_files, int64_t now_ms);

/* Would it be more than max_bytes with this one? */
bool output_is_full(const struct output *o, const struct packet *p);

/**
 * output_put(o, p, now_ms):
 *   returns  0; -errno of the disk: then nothing but output_close may follow
 *   cost     a copy; a write(2) for each MiB; a new file for max_file_bytes
 */
int output_put(struct output *o, const struct packet *p, int64_t now_ms);

/* What is in the buffer goes to the file.   returns  0 or -errno */
int output_flush(struct output *o);

/* How many files there are goes to o->files.n.   returns  0; -errno: a file could not be finished,
 * or there are too many; then nothing but output_close may follow */
int output_look(struct output *o);

/* Flush, and wait until all files are finished.   returns  0 or -errno: the first thing that failed */
int output_close(struct output *o);

/* In its place, when nothing was put: the file goes. */
void output_drop(struct output *o);

#endif
