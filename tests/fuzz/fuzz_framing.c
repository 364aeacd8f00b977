/*
 * A stream, cut into reads as its first bytes say: never more than a datagram is delivered, nothing
 * is delivered twice or made up, and the cuts change nothing.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "protocol/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
    enum framing_kind kind;
    uint64_t bytes, errors, lines;
    struct hash128 digest;
};

static void on_datagram(void *cookie, const char *ptr, size_t len)
{
    struct fuzz *f = cookie;
    assert(len > 0 && len <= DATAGRAM_MAX);
    f->bytes += len;
    if (f->kind == FRAMING_DSD) {
        f->digest = hash_join(f->digest, hash_bytes(ptr, len));
        return;
    }
    while (len > 0) { /* lines may be delivered together or alone: they are what counts */
        const char *lf = memchr(ptr, '\n', len);
        size_t n = lf ? (size_t)(lf - ptr) : len, used = lf ? n + 1 : n;
        f->digest = hash_join(f->digest, hash_bytes(ptr, n));
        f->lines++;
        ptr += used;
        len -= used;
    }
}

static struct fuzz run(enum framing_kind kind, const char *p, size_t len, size_t piece,
                       uint32_t seed)
{
    static char room[FRAMING_ROOM];
    struct fuzz f = { .kind = kind };
    struct framing framing;
    uint32_t errors;
    framing_init(&framing, kind, room);
    while (len > 0) {
        seed = seed * 1664525u + 1013904223u;
        size_t n = piece ? (seed >> 8) % piece + 1 : len;
        if (n > len)
            n = len;
        char *exact = malloc(n);
        if (exact == NULL)
            abort();
        memcpy(exact, p, n);
        framing_push(&framing, exact, n, on_datagram, &f, &errors);
        f.errors += errors;
        free(exact);
        p += n;
        len -= n;
    }
    f.errors += framing_end(&framing, true, on_datagram, &f) != REASON_NONE;
    return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    enum framing_kind kind = data[0] & 1 ? FRAMING_DSD : FRAMING_LINE;
    const char *p = (const char *)data + 2;
    struct fuzz whole = run(kind, p, size - 2, 0, 0),
                cut = run(kind, p, size - 2, (size_t)data[1] * 8 + 1, data[0]);
    assert(whole.bytes <= size - 2);
    assert(whole.errors == cut.errors && whole.lines == cut.lines);
    assert(whole.digest.lo == cut.digest.lo && whole.digest.hi == cut.digest.hi);
    return 0;
}
