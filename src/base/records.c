/*
 * Writing   records_add, records_done: into the block;  flush: a block goes out
 *           records_end
 * Reading   records_next: out of the block;  next_block: read, and checked as a whole
 *             check_end
 */
#include "base/records.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/pack.h"

enum { BLOCK_HEAD = 16, RECORD_HEAD = 4, TOTALS = RECORDS_END - BLOCK_HEAD };

static const char magic[] = "statsd\r\n";

static uint64_t check_of(uint32_t number, struct slice body, uint32_t length)
{
    return XXH3_64bits_withSeed(body.ptr, body.len, (uint64_t)number << 32 | length);
}

/* ---- writing ---- */

static void put(struct records_writer *w, struct slice bytes)
{
    if (w->error == 0)
        w->error = w->sink.write(w->sink.cookie, bytes.ptr, bytes.len);
    w->bytes += bytes.len;
}

void records_begin(struct records_writer *w, const struct records_sink *sink, uint32_t version)
{
    *w = (struct records_writer){ .sink = *sink };
    buf_append(&w->block, magic, sizeof magic - 1);
    pack_u32(&w->block, version);
    pack_u32(&w->block, 0);
    assert(w->block.len == RECORDS_HEAD);
    put(w, buf_slice(&w->block));
    buf_clear(&w->block);
}

static void put_head(struct records_writer *w, uint32_t length, struct slice body)
{
    struct buf head = { 0 };
    uint64_t check = check_of(w->number, body, length);
    pack_u32(&head, length);
    pack_u32(&head, w->number);
    pack_u64(&head, check);
    put(w, buf_slice(&head));
    buf_release(&head);
    pack_u64(&w->chain, check);
}

static void flush(struct records_writer *w)
{
    if (w->block.len == 0)
        return;
    assert(w->block.len <= RECORDS_BLOCK_MAX);
    put_head(w, (uint32_t)w->block.len, buf_slice(&w->block));
    put(w, buf_slice(&w->block));
    w->number++;
    buf_clear(&w->block);
}

struct buf *records_add(struct records_writer *w, uint8_t type)
{
    w->record = w->block.len;
    pack_u32(&w->block, type);
    return &w->block;
}

bool records_done(struct records_writer *w)
{
    size_t body = w->block.len - w->record - RECORD_HEAD;
    assert(w->block.len >= w->record + RECORD_HEAD);
    if (body > RECORDS_BODY_MAX) {
        w->block.len = w->record;
        return false;
    }
    unsigned char *head = (unsigned char *)w->block.ptr + w->record;
    for (int i = 0; i < 3; i++)
        head[1 + i] = (unsigned char)(body >> 8 * i);
    w->records++;
    if (w->block.len >= RECORDS_BLOCK)
        flush(w);
    return true;
}

int records_end(struct records_writer *w)
{
    flush(w);
    uint64_t bytes = w->bytes, chain = XXH3_64bits(w->chain.ptr, w->chain.len);
    pack_u64(&w->block, w->records);
    pack_u64(&w->block, bytes);
    pack_u64(&w->block, chain);
    put_head(w, 0, buf_slice(&w->block));
    put(w, buf_slice(&w->block));
    buf_release(&w->block);
    buf_release(&w->chain);
    return w->error;
}

/* ---- reading ---- */

static int damaged(struct records_reader *r, const char *why)
{
    r->why = why;
    return -EBADMSG;
}

/* Exactly n bytes to the end of the block's buf, in pieces: a length that lies takes no memory. */
static int get(struct records_reader *r, size_t n)
{
    enum { PIECE = 1 << 20 };
    while (n > 0) {
        size_t piece = n < PIECE ? n : PIECE;
        long got = r->source.read(r->source.cookie, buf_reserve(&r->block, piece), piece);
        if (got < 0) {
            r->why = "cannot be read";
            return (int)got;
        }
        if (got == 0)
            return damaged(r, "it ends too early");
        r->block.len += (size_t)got;
        n -= (size_t)got;
    }
    return 0;
}

int records_open(struct records_reader *r, const struct records_source *source, uint32_t version)
{
    *r = (struct records_reader){ .source = *source };
    int rc = get(r, RECORDS_HEAD);
    if (rc < 0)
        return rc;
    struct unpack in = unpack_of(buf_slice(&r->block));
    if (memcmp(unpack_bytes(&in, sizeof magic - 1).ptr, magic, sizeof magic - 1) != 0)
        return damaged(r, "it does not begin as a state file does");
    r->version = unpack_u32(&in);
    if (r->version != version) {
        r->why = "it is of another version";
        return -EPROTONOSUPPORT;
    }
    if (unpack_u32(&in) != 0)
        return damaged(r, "its head is damaged");
    r->bytes = RECORDS_HEAD;
    return 0;
}

static int check_end(struct records_reader *r, struct unpack *in)
{
    char more;
    if (unpack_u64(in) != r->records || unpack_u64(in) != r->bytes ||
        unpack_u64(in) != XXH3_64bits(r->chain.ptr, r->chain.len))
        return damaged(r, "parts of it are missing");
    if (r->source.read(r->source.cookie, &more, 1) != 0)
        return damaged(r, "it goes on behind its end");
    return 0;
}

/* returns  1: there is a block; 0: that was the end; else as records_next */
static int next_block(struct records_reader *r)
{
    buf_clear(&r->block);
    int rc = get(r, BLOCK_HEAD);
    if (rc < 0)
        return rc;
    struct unpack head = unpack_of(buf_slice(&r->block));
    uint32_t length = unpack_u32(&head), number = unpack_u32(&head);
    uint64_t check = unpack_u64(&head);
    size_t body = length > 0 ? length : TOTALS;
    if (number != r->number || length > RECORDS_BLOCK_MAX)
        return damaged(r, "parts of it are missing");
    buf_clear(&r->block);
    if ((rc = get(r, body)) < 0)
        return rc;
    if (check_of(number, buf_slice(&r->block), length) != check)
        return damaged(r, "a checksum is wrong");
    struct unpack in = unpack_of(buf_slice(&r->block));
    if (length == 0)
        return check_end(r, &in);
    pack_u64(&r->chain, check);
    r->rest = in.rest;
    r->bytes += BLOCK_HEAD + body;
    r->number++;
    return 1;
}

int records_next(struct records_reader *r, uint8_t *ret_type, struct slice *ret_body)
{
    if (r->rest.len == 0) {
        int rc = next_block(r);
        if (rc <= 0)
            return rc;
    }
    struct unpack in = unpack_of(r->rest);
    uint32_t head = unpack_u32(&in);
    struct slice body = unpack_bytes(&in, head >> 8);
    if (in.bad)
        return damaged(r, "a record is longer than its block");
    r->rest = in.rest;
    r->records++;
    *ret_type = (uint8_t)head;
    *ret_body = body;
    return 1;
}

void records_close(struct records_reader *r)
{
    buf_release(&r->block);
    buf_release(&r->chain);
}
