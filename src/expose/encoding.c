#include "expose/encoding.h"

#include "base/gzip.h"
#include "base/zstd.h"

/* The functions of a compressor of base/, for any of them. */
#define CODEC(name)                                                                                \
    static void *name##_open(void)                                                                 \
    {                                                                                              \
        return name##_new();                                                                       \
    }                                                                                              \
    static void name##_close(void *z)                                                              \
    {                                                                                              \
        name##_free(z);                                                                            \
    }                                                                                              \
    static void name##_add_to(void *z, const char *ptr, size_t len, struct buf *out)               \
    {                                                                                              \
        name##_add(z, ptr, len, out);                                                              \
    }                                                                                              \
    static void name##_end(void *z, struct buf *out)                                               \
    {                                                                                              \
        name##_finish(z, out);                                                                     \
    }                                                                                              \
    static const struct codec codec_##name = { name##_open, name##_close, name##_add_to,           \
                                               name##_end };

CODEC(gzip)
CODEC(zstd)

const struct encoding encodings[ENCODING_COUNT] = {
#define X(id, token, alias, by_name_only, codec) { token, alias, by_name_only, codec },
    ENCODINGS(X)
#undef X
};
