#include "base/squeeze.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/mem.h"

enum { LEVEL = 1 };

struct squeeze {
    ZSTD_CCtx *pack; /* both are made when they are needed first */
    ZSTD_DCtx *unpack;
};

struct squeeze *squeeze_new(void)
{
    return mem_zalloc(sizeof(struct squeeze));
}

void squeeze_free(struct squeeze *s)
{
    if (s == NULL)
        return;
    ZSTD_freeCCtx(s->pack);
    ZSTD_freeDCtx(s->unpack);
    free(s);
}

bool squeeze_pack(struct squeeze *s, struct slice in, struct buf *out)
{
    size_t most = ZSTD_compressBound(in.len);
    if (s->pack == NULL && (s->pack = ZSTD_createCCtx()) == NULL)
        return false;
    size_t n = ZSTD_compressCCtx(s->pack, buf_reserve(out, most), most, in.ptr, in.len, LEVEL);
    if (ZSTD_isError(n))
        return false;
    out->len += n;
    return true;
}

bool squeeze_unpack(struct squeeze *s, struct slice in, size_t len, struct buf *out)
{
    if (s->unpack == NULL && (s->unpack = ZSTD_createDCtx()) == NULL)
        return false;
    size_t n = ZSTD_decompressDCtx(s->unpack, buf_reserve(out, len), len, in.ptr, in.len);
    if (ZSTD_isError(n) || n != len)
        return false;
    out->len += n;
    return true;
}
