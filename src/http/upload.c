#include "http/upload.h"

#include <assert.h>

#include "base/number.h"
#include "http/route.h"

static size_t limit_of(const struct http_route *route)
{
    return route->body_max > 0 ? route->body_max : HTTP_BODY_BYTES;
}

void http_upload_begin(struct http_request *r, const char *method)
{
    const char *length = http_request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t n;
    r->uploads = r->found != NULL && r->found->ask != NULL && http_method_of(method) == HTTP_POST &&
                 http_route_takes(r->found, HTTP_POST);
    /* One that is no number is refused by libmicrohttpd. */
    if (r->uploads && length != NULL && number_parse_int(slice_str(length), &n) &&
        (uint64_t)n > limit_of(r->found))
        r->upload_status = MHD_HTTP_CONTENT_TOO_LARGE;
}

void http_upload_release(struct http_request *r)
{
    /* relaxed: a sum that guards nothing else */
    atomic_fetch_sub_explicit(&r->server->bodies_bytes, r->upload.cap, memory_order_relaxed);
    buf_release(&r->upload);
}

static void give_up(struct http_request *r, unsigned status)
{
    r->upload_status = status;
    http_upload_release(r);
}

void http_upload_add(struct http_request *r, const char *bytes, size_t n)
{
    size_t had = r->upload.cap, limit = r->uploads ? limit_of(r->found) : 0;
    if (!r->uploads || r->upload_status != 0)
        return;
    if (n > limit - r->upload.len) {
        give_up(r, MHD_HTTP_CONTENT_TOO_LARGE);
        return;
    }
    buf_append(&r->upload, bytes, n);
    assert(r->upload.len <= limit);
    size_t more = r->upload.cap - had;
    if (atomic_fetch_add_explicit(&r->server->bodies_bytes, more, memory_order_relaxed) + more >
        HTTP_BODIES_BYTES)
        give_up(r, MHD_HTTP_SERVICE_UNAVAILABLE);
}
