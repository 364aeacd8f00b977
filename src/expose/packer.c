#include "expose/packer.h"

#include <assert.h>

#include "base/slice.h"

/* A piece is with it from packer_pack to packer_take.  Of a busy one all else is the pool's. */
static void packer_check(const struct packer *p)
{
    assert((p->state == PACKER_IDLE) == (p->in == NULL));
    assert(p->state == PACKER_IDLE || p->z != NULL);
    assert(p->state != PACKER_IDLE || p->out.len == 0);
}

bool packer_init(struct packer *p, const struct codec *codec, void (*done)(void *cookie),
                 void *cookie)
{
    void *z = codec->open();
    if (z == NULL)
        return false;
    p->codec = codec;
    p->z = z;
    p->work.data = p;
    p->done = done;
    p->cookie = cookie;
    return true;
}

/* Pool thread: p->in, p->out and the compressor are its own until on_packed. */
static void pack(uv_work_t *work)
{
    struct packer *p = work->data;
    struct slice text = http_body_bytes(p->in);
    p->codec->add(p->z, text.ptr, text.len, &p->out);
    if (p->last)
        p->codec->finish(p->z, &p->out);
}

static void on_packed(uv_work_t *work, int status)
{
    struct packer *p = work->data;
    (void)status; /* it is never cancelled */
    assert(p->state == PACKER_BUSY);
    p->state = PACKER_DONE;
    p->done(p->cookie);
}

void packer_pack(struct packer *p, uv_loop_t *loop, struct http_body *piece, bool last)
{
    packer_check(p);
    assert(p->state == PACKER_IDLE && p->z != NULL && !p->last);
    p->in = piece;
    p->last = last;
    p->state = PACKER_BUSY;
    uv_queue_work(loop, &p->work, pack, on_packed);
}

struct http_body *packer_take(struct packer *p, const char *content_type)
{
    packer_check(p);
    assert(p->state == PACKER_DONE);
    p->state = PACKER_IDLE;
    http_body_unref(p->in);
    p->in = NULL;
    struct http_body *packed = http_body_take(content_type, p->out.ptr, p->out.len);
    p->out = (struct buf){ 0 };
    packer_check(p);
    return packed;
}

void packer_release(struct packer *p)
{
    assert(p->state != PACKER_BUSY);
    http_body_unref(p->in);
    if (p->z != NULL)
        p->codec->close(p->z);
    buf_release(&p->out);
}
