#include "base/gzip.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

enum { LEVEL = 1, WINDOW_GZIP = 15 + 16, MEMORY = 8, ROOM_BYTES = 32 * 1024 };

struct gzip {
    z_stream z;
    bool finished; /* the member is whole: nothing can be added */
};

struct gzip *gzip_new(void)
{
    struct gzip *z = calloc(1, sizeof *z);
    if (z == NULL)
        return NULL;
    int rc = deflateInit2(&z->z, LEVEL, Z_DEFLATED, WINDOW_GZIP, MEMORY, Z_DEFAULT_STRATEGY);
    if (rc == Z_OK)
        return z;
    free(z);
    return NULL;
}

void gzip_free(struct gzip *z)
{
    if (z == NULL)
        return;
    deflateEnd(&z->z);
    free(z);
}

/* When zlib leaves room unused, it has taken all input and written all output that is ready. */
static void pump(struct gzip *z, int flush, struct buf *out)
{
    do {
        z->z.next_out = (Bytef *)buf_reserve(out, ROOM_BYTES);
        z->z.avail_out = ROOM_BYTES;
        int rc = deflate(&z->z, flush);
        assert(rc != Z_STREAM_ERROR);
        (void)rc;
        out->len += ROOM_BYTES - z->z.avail_out;
    } while (z->z.avail_out == 0);
}

void gzip_add(struct gzip *z, const char *ptr, size_t len, struct buf *out)
{
    assert(!z->finished);
    const size_t chunk = 1u << 30; /* zlib counts in 32 bits */
    for (size_t n; len > 0; ptr += n, len -= n) {
        n = len < chunk ? len : chunk;
        z->z.next_in = (const Bytef *)(const void *)ptr;
        z->z.avail_in = (uInt)n;
        pump(z, Z_NO_FLUSH, out);
        assert(z->z.avail_in == 0);
    }
}

void gzip_finish(struct gzip *z, struct buf *out)
{
    assert(!z->finished && z->z.avail_in == 0);
    pump(z, Z_FINISH, out);
    z->finished = true;
}
