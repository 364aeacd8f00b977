#include "base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"

enum { RESERVE_BYTES = 1 << 20 };

static _Atomic(void *) reserve;
static _Atomic uint64_t reserve_used;
static pthread_mutex_t giving_back = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local uint64_t helped_by; /* of reserve_used: how many this thread knows of */

_Noreturn void mem_exhausted(size_t n)
{
    /* The logger needs no memory and waits for nobody. */
    LOG(LOG_ERROR, "out of memory", F_U64("wanted_bytes", n));
    _exit(EXIT_FAILURE); /* what exit would run may want memory, or a lock that is held here */
}

void mem_reserve_keep(void)
{
    void *none = NULL;
    if (atomic_load_explicit(&reserve, memory_order_relaxed) != NULL)
        return;
    /* Without MAP_NORESERVE: where the kernel counts what it has promised, it counts this. */
    void *p = mmap(NULL, RESERVE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED && !atomic_compare_exchange_strong(&reserve, &none, p))
        munmap(p, RESERVE_BYTES);
}

uint64_t mem_reserve_used(void)
{
    return atomic_load_explicit(&reserve_used, memory_order_relaxed);
}

/* Under the lock: who finds it gone goes on when its memory is there. */
static bool give_back(uint64_t *ret_used)
{
    pthread_mutex_lock(&giving_back);
    void *p = atomic_exchange(&reserve, NULL);
    if (p != NULL) {
        munmap(p, RESERVE_BYTES);
        atomic_fetch_add_explicit(&reserve_used, 1, memory_order_relaxed);
    }
    *ret_used = mem_reserve_used();
    pthread_mutex_unlock(&giving_back);
    return p != NULL;
}

bool mem_reserve_helps(size_t n)
{
    uint64_t used;
    if (give_back(&used))
        LOG(LOG_WARN, "no memory: the reserve is given back for it", F_U64("wanted_bytes", n));
    bool helps = used != helped_by;
    helped_by = used;
    return helps;
}

void *mem_alloc(size_t n)
{
    void *p;
    while ((p = malloc(n ? n : 1)) == NULL) {
        if (!mem_reserve_helps(n))
            mem_exhausted(n);
    }
    return p;
}

void *mem_zalloc(size_t n)
{
    void *p;
    while ((p = calloc(1, n ? n : 1)) == NULL) {
        if (!mem_reserve_helps(n))
            mem_exhausted(n);
    }
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
    void *p;
    while ((p = mem_try_apart(n)) == NULL) {
        if (!mem_reserve_helps(n))
            mem_exhausted(n);
    }
    return memset(p, 0, n);
}

void *mem_realloc(void *p, size_t n)
{
    void *q;
    while ((q = realloc(p, n ? n : 1)) == NULL) {
        if (!mem_reserve_helps(n))
            mem_exhausted(n);
    }
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
