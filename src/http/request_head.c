/* What a request says, as its owner asks for it, and what is known of who sent it. */
#include <string.h>
#include <strings.h>

#include "base/now.h"
#include "http/accept.h"
#include "http/http_priv.h"

uint64_t http_request_who(const struct http_request *r)
{
    return r->who;
}

const char *http_request_header(const struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

struct header_list {
    const char *name;
    char *ptr;
    size_t len, cap;
};

static enum MHD_Result add_to_list(void *list, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct header_list *l = list;
    const char *text = value != NULL ? value : "";
    size_t comma = l->len > 0, n = strlen(text);
    (void)kind;
    if (strcasecmp(name, l->name) != 0 || n + comma > l->cap - l->len)
        return MHD_YES;
    memcpy(l->ptr + l->len, ",", comma);
    memcpy(l->ptr + l->len + comma, text, n);
    l->len += comma + n;
    return MHD_YES;
}

struct slice http_request_header_list(const struct http_request *r, const char *name, char *ret,
                                      size_t cap)
{
    struct header_list l = { .name = name, .ptr = ret, .cap = cap };
    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, add_to_list, &l);
    return slice_of(ret, l.len);
}

const char *http_request_arg(const struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

enum http_method http_request_method(const struct http_request *r)
{
    return r->method;
}

struct slice http_request_body(const struct http_request *r)
{
    return buf_slice(&r->upload);
}

const char *http_request_path(const struct http_request *r)
{
    return r->path;
}

static struct http_handshake *handshake_of(const struct http_request *r)
{
    return http_connection_handshake(http_connection_of(r->connection));
}

bool http_request_lacks_certificate(const struct http_request *r)
{
    struct http_handshake *h = handshake_of(r);
    return h != NULL && !http_secure_request(r->server->secure, h);
}

void http_request_trust(const struct http_request *r)
{
    struct http_server *s = r->server;
    struct http_handshake *h = handshake_of(r);
    bool by_password = s->auth != NULL && http_auth_asks(s->auth);
    if (h != NULL && (by_password || http_secure_vouched(h)))
        http_secure_trust(s->secure, r->who, now_mono_ns());
}
