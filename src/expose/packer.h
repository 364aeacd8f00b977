/**
 * packer: compresses the pieces of one exposition, one after another, on libuv's pool.
 *
 *     packer_pack(p, loop, piece, false) .. done() .. packer_take(p)      for each piece
 *     packer_pack(p, loop, piece, true)  .. done() .. packer_take(p)      the last one
 *
 *   thread   control, but for the compression itself
 */
#ifndef EXPOSE_PACKER_H
#define EXPOSE_PACKER_H

#include <stdbool.h>
#include <uv.h>

#include "base/buf.h"
#include "expose/encoding.h"
#include "http/body.h"

/* What a busy one holds: the compressor, a piece (exposition.c) and what becomes of it. */
enum { PACKER_BYTES = ENCODING_BYTES + (1 << 20) };

struct packer {
    const struct codec *codec;
    void *z; /* codec's; NULL: not in use */
    uv_work_t work;
    enum { PACKER_IDLE, PACKER_BUSY, PACKER_DONE } state;
    struct http_body *in;
    bool last; /* in is the last piece */
    struct buf out;
    void (*done)(void *cookie);
    void *cookie;
};

/**
 * packer_init(p, codec, done, cookie):
 *   p        zeroed; its address must not change
 *   done     a piece can be taken
 *   returns  false: no memory, p is as it was
 */
bool packer_init(struct packer *p, const struct codec *codec, void (*done)(void *cookie),
                 void *cookie);

/* Begin to compress; p is idle.  It takes over the caller's reference to piece. */
void packer_pack(struct packer *p, uv_loop_t *loop, struct http_body *piece, bool last);

/* What done() told of; p is idle again.  returns  a body, whose reference is the caller's */
struct http_body *packer_take(struct packer *p, const char *content_type);

/* p is not busy; zeroed is fine. */
void packer_release(struct packer *p);

#endif
