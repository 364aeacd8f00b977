#include "base/gzip.h"

#include <errno.h>
#define ZLIB_CONST
#include <zlib.h>

enum { LEVEL = 1, WINDOW_GZIP = 15 + 16, MEMORY = 8 };

int gzip_append(struct buf *out, const char *ptr, size_t len)
{
    z_stream z = { 0 };
    if (deflateInit2(&z, LEVEL, Z_DEFLATED, WINDOW_GZIP, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    size_t start = out->len, chunk = 1u << 30;
    int rc;
    if (len == 0)
        ptr = "";   /* it may be NULL, to which nothing may be added */
    /* zlib counts in 32 bits: feed it a gigabyte at a time. */
    do {
        size_t n = len < chunk ? len : chunk;
        z.next_in = (const Bytef *)(const void *)ptr;
        z.avail_in = (uInt)n;
        ptr += n;
        len -= n;
        do {
            size_t room = deflateBound(&z, z.avail_in) + 64;
            room = room < chunk ? room : chunk;
            z.next_out = (Bytef *)buf_reserve(out, room);
            z.avail_out = (uInt)room;
            rc = deflate(&z, len == 0 ? Z_FINISH : Z_NO_FLUSH);
            out->len += room - z.avail_out;
        } while (z.avail_in > 0 || (len == 0 && rc == Z_OK));
    } while (len > 0);
    deflateEnd(&z);
    if (rc == Z_STREAM_END)
        return 0;
    out->len = start;
    return -ENOMEM;
}
