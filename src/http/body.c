#include "http/body_priv.h"

#include <assert.h>
#include <stdlib.h>

#include "base/gzip.h"
#include "base/mem.h"

struct http_body *http_body_take(const char *type, char *ptr, size_t len)
{
    assert(type != NULL && (ptr != NULL || len == 0));
    struct http_body *b = mem_zalloc(sizeof *b);
    atomic_init(&b->refs, 1);
    b->type = type;
    b->ptr = ptr;
    b->len = len;
    return b;
}

bool http_body_pack(struct http_body *b)
{
    /* Nobody else reads it, so that a form can be added. */
    assert(atomic_load_explicit(&b->refs, memory_order_relaxed) == 1 && b->packed.len == 0);
    struct gzip *z = gzip_new();
    if (z == NULL)
        return false;
    gzip_add(z, b->ptr, b->len, &b->packed);
    gzip_finish(z, &b->packed);
    gzip_free(z);
    if (b->packed.len < b->len)
        return true;
    buf_release(&b->packed);
    return false;
}

struct slice http_body_bytes(const struct http_body *b)
{
    return slice_of(b->ptr, b->len);
}

size_t http_body_memory(const struct http_body *b)
{
    return b->len + b->packed.len;
}

bool http_body_alone(const struct http_body *b)
{
    /* acquire: the other holders' reads come before whatever the caller does next */
    return atomic_load_explicit(&b->refs, memory_order_acquire) == 1;
}

void http_body_ref(struct http_body *b)
{
    /* relaxed: the caller holds a reference already, so there is nothing to order */
    unsigned was = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    assert(was > 0);
    (void)was;
}

void http_body_unref(struct http_body *b)
{
    /* acq_rel: all reads of the bytes come before the last holder frees them */
    if (b == NULL || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    buf_release(&b->packed);
    free(b->ptr);
    free(b);
}
