#include "http/body.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "http/http.h"

struct http_body *http_body_take(const char *type, char *ptr, size_t len)
{
    struct http_body *b = mem_zalloc(sizeof *b);
    atomic_init(&b->refs, 1);
    b->type = type;
    b->plain = ptr;
    b->plain_len = len;
    return b;
}

void http_body_take_gzip(struct http_body *b, char *ptr, size_t len)
{
    assert(b->gzip == NULL);
    b->gzip = ptr;
    b->gzip_len = len;
}

void http_body_ref(struct http_body *b)
{
    /* Who holds a reference may make another: nothing to be ordered. */
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
}

void http_body_unref(struct http_body *b)
{
    /* Release our reads of the bytes; the last one acquires everybody's before it frees them. */
    if (b == NULL || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    free(b->plain);
    free(b->gzip);
    free(b);
}
