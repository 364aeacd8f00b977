#include "sinks/redis/seen.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

enum { CAP_MIN = 256 };

/* Where h is, or would be. */
static size_t place_of(const struct redis_seen *s, uint64_t h)
{
    size_t i = h & (s->cap - 1);
    while (s->hashes[i] != 0 && s->hashes[i] != h)
        i = (i + 1) & (s->cap - 1);
    return i;
}

static void grow(struct redis_seen *s)
{
    struct redis_seen to = { .n = s->n, .cap = s->cap > 0 ? s->cap * 2 : CAP_MIN };
    to.hashes = mem_zalloc(to.cap * sizeof to.hashes[0]);
    for (size_t i = 0; i < s->cap; i++)
        if (s->hashes[i] != 0)
            to.hashes[place_of(&to, s->hashes[i])] = s->hashes[i];
    free(s->hashes);
    *s = to;
}

bool redis_seen_add(struct redis_seen *s, struct slice text)
{
    uint64_t h = hash64_bytes(text.ptr, text.len);
    h += h == 0;
    if (s->n >= s->cap / 2)
        grow(s);
    assert(s->n < s->cap);
    size_t i = place_of(s, h);
    if (s->hashes[i] == h)
        return false;
    s->hashes[i] = h;
    s->n++;
    return true;
}

void redis_seen_release(struct redis_seen *s)
{
    free(s->hashes);
    *s = (struct redis_seen){ 0 };
}
