/**
 * records: a stream of records with checksums, written and read piece by piece: of a file, or of
 * memory that is a file.
 *
 *     stream    head  block  block ..  end
 *     head      8 bytes   "statsd\r\n"
 *               u32       version of what the records mean
 *               u32       0
 *     block     u32       length of the body, 0 < length <= RECORDS_BLOCK_MAX
 *               u32       number of the block: 0, 1, 2 ..
 *               u64       XXH3-64 of the body, its seed: number << 32 | length
 *               body      records, whole ones
 *     record    u32       type | length of the body << 8
 *               body
 *     end       u32 0, u32 number as a block's
 *               u64       XXH3-64 of the next 24 bytes, its seed: number << 32
 *               u64       how many records there are
 *               u64       how many bytes, the end not counted
 *               u64       XXH3-64 over the checksums of all blocks, one after another
 *
 * All numbers are little-endian.  What is caught by what:
 *
 *     a bit that changed in a block         the block's checksum, before its records are given out
 *     a block missing, twice, out of order  its number
 *     cut short, or a write that ended      the end, which is the last thing written
 *     in between
 *     something behind the end              the end
 *     a block of another stream             the checksum over all of them, in the end
 *
 *   thread   one owner
 */
#ifndef BASE_RECORDS_H
#define BASE_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
    RECORDS_BLOCK = 64 * 1024,     /* a block is written once it has as many bytes */
    RECORDS_BODY_MAX = 0xffffff,   /* of a record */
    RECORDS_BLOCK_MAX = 0x1ffffff, /* a record does not cross the end of a block */
    RECORDS_HEAD = 16,
    RECORDS_END = 40
};

/* Where the bytes go.   returns  0 or -errno: nothing more is written */
struct records_sink {
    int (*write)(void *cookie, const void *p, size_t n);
    void *cookie;
};

struct records_writer {
    struct records_sink sink;
    struct buf block, chain; /* chain: the checksums of all blocks */
    size_t record;           /* where the open record begins in the block */
    uint32_t number;
    uint64_t records, bytes;
    int error; /* the first one; all else is ignored from then on */
};

void records_begin(struct records_writer *w, const struct records_sink *sink, uint32_t version);

/* A record begins.   returns  where to append its body, until records_done */
struct buf *records_add(struct records_writer *w, uint8_t type);

/* It is whole.   returns  false: it is longer than RECORDS_BODY_MAX, and left out */
bool records_done(struct records_writer *w);

/* The end.  w is released.   returns  0, or the first error: then the stream is worth nothing */
int records_end(struct records_writer *w);

/* Where the bytes come from.   returns  how many, 0 at the end, or -errno */
struct records_source {
    long (*read)(void *cookie, void *p, size_t n);
    void *cookie;
};

struct records_reader {
    struct records_source source;
    struct buf block, chain;
    struct slice rest; /* of the block: what was not given out yet */
    uint32_t number;
    uint64_t records, bytes;
    const char *why;  /* after an error: what is wrong, static */
    uint32_t version; /* found in the head */
};

/**
 * records_open(r, source, version):
 *   returns  0; -EBADMSG, -EPROTONOSUPPORT (another version) or an error of the source, with why
 */
int records_open(struct records_reader *r, const struct records_source *source, uint32_t version);

/**
 * records_next(r, ret_type, ret_body):
 *   ret_body valid until the next call
 *   returns  1; 0: that was all, and all of it is sound; -EBADMSG or an error of the source, with
 *            why
 */
int records_next(struct records_reader *r, uint8_t *ret_type, struct slice *ret_body);

void records_close(struct records_reader *r);

#endif
