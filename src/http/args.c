#include "http/args.h"

#include <assert.h>

#include "http/http_priv.h"

struct args {
    struct http_arg *at;
    size_t n;
};

/* NOLINTNEXTLINE(readability-function-size): the parameters are libmicrohttpd's */
static enum MHD_Result add(void *args, enum MHD_ValueKind kind, const char *name, size_t name_len,
                           const char *value, size_t value_len)
{
    struct args *a = args;
    (void)kind;
    assert(a->n < HTTP_ARGS_MAX); /* see http_args_too_many */
    a->at[a->n++] = (struct http_arg){ slice_of(name, name_len), slice_of(value, value_len) };
    return MHD_YES;
}

size_t http_request_args(const struct http_request *r, struct http_arg *ret)
{
    struct args a = { .at = ret };
    MHD_get_connection_values_n(r->connection, MHD_GET_ARGUMENT_KIND, add, &a);
    return a.n;
}

bool http_args_too_many(const struct http_request *r)
{
    return MHD_get_connection_values_n(r->connection, MHD_GET_ARGUMENT_KIND, NULL, NULL) >
           HTTP_ARGS_MAX;
}
