#include "http/settings.h"

#include <assert.h>
#include <string.h>

#include "http/http_priv.h"

void http_set_tls(struct http_server *s, struct tls_bundle *b)
{
    assert(s->secure != NULL);
    http_secure_set(s->secure, b);
}

void http_headers_copy(struct buf *to, const struct http_header *headers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_append(to, headers[i].name, strlen(headers[i].name) + 1);
        buf_append(to, headers[i].value, strlen(headers[i].value) + 1);
    }
}

void http_set_headers(struct http_server *s, const struct http_header *headers, size_t n)
{
    struct buf fresh = { 0 };
    http_headers_copy(&fresh, headers, n);
    pthread_mutex_lock(&s->headers_lock);
    struct buf old = s->headers;
    s->headers = fresh;
    pthread_mutex_unlock(&s->headers_lock);
    buf_release(&old);
}

/* A name or value with a line end in it is refused by libmicrohttpd, so it is left out. */
void http_headers_add(struct http_server *s, struct MHD_Response *response)
{
    pthread_mutex_lock(&s->headers_lock);
    struct slice rest = buf_slice(&s->headers), name, value;
    while (slice_cut(&rest, '\0', &name) && slice_cut(&rest, '\0', &value))
        if (MHD_get_response_header(response, name.ptr) == NULL)
            MHD_add_response_header(response, name.ptr, value.ptr);
    pthread_mutex_unlock(&s->headers_lock);
}
