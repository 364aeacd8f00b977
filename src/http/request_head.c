/* What a request says, as its owner asks for it. */
#include <string.h>
#include <strings.h>

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

const char *http_request_path(const struct http_request *r)
{
    return r->path;
}
