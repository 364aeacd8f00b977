#include "base/zstd.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zstd.h>

enum { LEVEL = 1, ROOM_BYTES = 32 * 1024 };

struct zstd {
    ZSTD_CCtx *context;
};

/* libzstd takes most of its memory with the first bytes it is given, also if those are none. */
static bool prepare(ZSTD_CCtx *context)
{
    ZSTD_inBuffer none = { NULL, 0, 0 };
    ZSTD_outBuffer nowhere = { NULL, 0, 0 };
    return !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL)) &&
           !ZSTD_isError(ZSTD_compressStream2(context, &nowhere, &none, ZSTD_e_continue));
}

struct zstd *zstd_new(void)
{
    struct zstd *z = calloc(1, sizeof *z);
    if (z == NULL)
        return NULL;
    z->context = ZSTD_createCCtx();
    if (z->context != NULL && prepare(z->context))
        return z;
    zstd_free(z);
    return NULL;
}

void zstd_free(struct zstd *z)
{
    if (z == NULL)
        return;
    ZSTD_freeCCtx(z->context);
    free(z);
}

/* returns  how much libzstd still has to give */
static size_t pump(struct zstd *z, ZSTD_inBuffer *in, ZSTD_EndDirective directive, struct buf *out)
{
    ZSTD_outBuffer to = { buf_reserve(out, ROOM_BYTES), ROOM_BYTES, 0 };
    size_t left = ZSTD_compressStream2(z->context, &to, in, directive);
    assert(!ZSTD_isError(left));
    out->len += to.pos;
    return left;
}

void zstd_add(struct zstd *z, const char *ptr, size_t len, struct buf *out)
{
    ZSTD_inBuffer in = { ptr, len, 0 };
    while (in.pos < in.size)
        (void)pump(z, &in, ZSTD_e_continue, out);
}

void zstd_finish(struct zstd *z, struct buf *out)
{
    ZSTD_inBuffer in = { NULL, 0, 0 };
    while (pump(z, &in, ZSTD_e_end, out) > 0)
        continue;
}
