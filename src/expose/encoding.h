/**
 * encoding: how a page is compressed on its way (Content-Encoding).
 *
 * A row of ENCODINGS and the operations in encoding.c; what is listed first is preferred where a
 * client likes several as much.
 *   thread   one at a time per compressor
 */
#ifndef EXPOSE_ENCODING_H
#define EXPOSE_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * X(ID, token, alias, by_name_only, codec)
 *   alias          another name that clients have for it, or NULL
 *   by_name_only   a client's `*` does not mean it: many who send `*` know gzip alone
 *   codec          the compressor; NULL: as it is
 */
#define ENCODINGS(X)                                                                               \
    X(ZSTD, "zstd", NULL, true, &codec_zstd)                                                       \
    X(GZIP, "gzip", "x-gzip", false, &codec_gzip)                                                  \
    X(IDENTITY, "identity", NULL, false, NULL)

enum encoding_id {
#define X(id, token, alias, by_name_only, codec) ENCODING_##id,
    ENCODINGS(X)
#undef X
        ENCODING_COUNT
};

/* A compressor, as base/gzip.h has it. */
struct codec {
    void *(*open)(void); /* NULL: no memory */
    void (*close)(void *z);
    void (*add)(void *z, const char *ptr, size_t len, struct buf *out);
    void (*finish)(void *z, struct buf *out);
};

struct encoding {
    const char *token, *alias;
    bool by_name_only;
    const struct codec *codec;
};

extern const struct encoding encodings[ENCODING_COUNT];

/* The most memory that a compressor takes (zstd). */
enum { ENCODING_BYTES = 3 << 19 };

#endif
