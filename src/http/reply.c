#include "http/reply.h"

#include <assert.h>
#include <stdio.h>

#include "http/access.h"

/* route: NULL is fine. */
static void add_route_headers(const struct http_route *route, struct MHD_Response *response)
{
    for (size_t i = 0; route != NULL && i < route->n_headers; i++)
        if (MHD_get_response_header(response, route->headers[i].name) == NULL)
            MHD_add_response_header(response, route->headers[i].name, route->headers[i].value);
}

/* Takes the response; NULL is fine. */
static enum MHD_Result queue_take(struct http_request *r, unsigned status, const char *type,
                                  struct MHD_Response *response)
{
    if (response == NULL)
        return MHD_NO;
    if (atomic_load_explicit(&r->server->leaving, memory_order_relaxed)) /* see http_leave */
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    MHD_add_response_header(response, HTTP_REQUEST_ID, r->id);
    if (type != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    http_headers_add(r->server, response);
    add_route_headers(r->route, response);
    /* Names and labels are strangers' text, which a browser must not take for HTML. */
    if (MHD_get_response_header(response, "X-Content-Type-Options") == NULL)
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                                "Basic realm=\"statsd\", charset=\"UTF-8\"");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE || status == MHD_HTTP_TOO_MANY_REQUESTS)
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    r->sent_status = status;
    enum MHD_Result rc = MHD_queue_response(r->connection, status, response);
    MHD_destroy_response(response);
    return rc;
}

static void body_unref(void *body)
{
    http_body_unref(body);
}

/* A name or value with a line end in it is refused by libmicrohttpd, so it is left out. */
static void add_headers(struct MHD_Response *response, struct slice headers)
{
    struct slice name, value;
    while (slice_cut(&headers, '\0', &name) && slice_cut(&headers, '\0', &value))
        MHD_add_response_header(response, name.ptr, value.ptr);
}

/* Takes a reference to b.  returns  NULL: no memory */
static struct MHD_Response *body_response(struct http_body *b, bool gzip)
{
    bool has_forms = b->packed.len > 0, packed = has_forms && gzip;
    http_body_ref(b);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        packed ? b->packed.len : b->len, packed ? b->packed.ptr : b->ptr, body_unref, b);
    if (response == NULL) {
        http_body_unref(b);
        return NULL;
    }
    if (packed)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    if (has_forms)
        MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    return response;
}

enum MHD_Result http_reply_body(struct http_request *r, unsigned status, struct http_body *b,
                                struct slice headers)
{
    struct MHD_Response *response;
    if (b != NULL)
        response = body_response(b, r->gzip);
    else
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (b != NULL && !r->head)
        r->sent_bytes = b->packed.len > 0 && r->gzip ? b->packed.len : b->len;
    if (response != NULL)
        add_headers(response, headers);
    return queue_take(r, status, b != NULL ? b->type : NULL, response);
}

enum MHD_Result http_reply_stream(struct http_request *r, struct http_reader *from)
{
    return queue_take(r, MHD_HTTP_OK, NULL, http_reader_response(from, r->head, &r->sent_bytes));
}

enum MHD_Result http_reply_feed(struct http_request *r, struct http_feed_reader *from)
{
    return queue_take(r, MHD_HTTP_OK, NULL, http_feed_response(from, r->head));
}

enum MHD_Result http_reply_text(struct http_request *r, unsigned status, const char *text,
                                const char *allow)
{
    const bool json = r->found != NULL && r->found->json;
    char line[512];
    /* Texts of the server and its probes: without quotes, and short. */
    int n = snprintf(line, sizeof line, json ? "{\"error\":\"%s\"}\n" : "%s\n", text);
    assert(n > 0 && (size_t)n < sizeof line);
    if (!r->head)
        r->sent_bytes = (size_t)n;
    struct MHD_Response *response;
    response = MHD_create_response_from_buffer((size_t)n, line, MHD_RESPMEM_MUST_COPY);
    if (response != NULL && status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
        /* The request may have a body, which nobody will read. */
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    return queue_take(r, status, json ? "application/json" : "text/plain; charset=utf-8", response);
}
