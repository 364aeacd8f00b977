#include "base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

_Noreturn void mem_exhausted(size_t n)
{
    /* The logger needs no memory and waits for nobody. */
    LOG(LOG_ERROR, "out of memory", F_U64("wanted_bytes", n));
    abort();
}

void *mem_alloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (p == NULL)
        mem_exhausted(n);
    return p;
}

void *mem_zalloc(size_t n)
{
    void *p = calloc(1, n ? n : 1);
    if (p == NULL)
        mem_exhausted(n);
    return p;
}

void *mem_try_apart(size_t n)
{
    assert(n > 0);
    if (n > SIZE_MAX - MEM_APART)
        return NULL;
    /* Both ends on a border: what malloc keeps between two allocations lies outside, too. */
    return aligned_alloc(MEM_APART, (n + MEM_APART - 1) / MEM_APART * MEM_APART);
}

void *mem_zalloc_apart(size_t n)
{
    void *p = mem_try_apart(n);
    if (p == NULL)
        mem_exhausted(n);
    return memset(p, 0, n);
}

void *mem_realloc(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);
    if (q == NULL)
        mem_exhausted(n);
    return q;
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
    n = strnlen(s, n);
    char *p = mem_alloc(n + 1);
    memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

void *mem_grow(void *p, size_t *cap, size_t need, size_t item)
{
    assert((p == NULL) == (*cap == 0) && item > 0);
    if (need <= *cap)
        return p;
    size_t n = *cap < 16 ? 16 : *cap;
    while (n < need) {
        if (n > SIZE_MAX / 2)
            mem_exhausted(SIZE_MAX);
        n *= 2;
    }
    if (n > SIZE_MAX / item)
        mem_exhausted(SIZE_MAX);
    assert(n >= need && n > *cap);
    p = mem_realloc(p, n * item);
    *cap = n;
    return p;
}
