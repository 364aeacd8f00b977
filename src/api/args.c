#include "api/args.h"

#include <assert.h>

#include "api/json.h"

enum { SHOWN_BYTES = 100 }; /* of a wrong value */

static const struct api_arg *arg_find(const struct api_arg *takes, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(slice_str(takes[i].name), name))
            return &takes[i];
    return NULL;
}

static void say_unknown(const struct api_arg *takes, size_t n, struct buf *error)
{
    buf_append_str(error, "no such argument; there are ");
    for (size_t i = 0; i < n; i++)
        buf_printf(error, "%s%s", i == 0 ? "" : ", ", takes[i].name);
}

static void say_bad_value(const struct api_arg *arg, struct slice value, struct buf *error)
{
    buf_printf(error, "%s wants %s", arg->name, arg->wants);
    if (value.len == 0) {
        buf_append_str(error, "; it has no value");
        return;
    }
    size_t n = value.len < SHOWN_BYTES ? value.len : SHOWN_BYTES;
    buf_append_str(error, ", not ");
    buf_append(error, value.ptr, n);
    if (n < value.len)
        buf_append_str(error, "...");
}

/* Read given into `to`, or say in error what is wrong with it. */
static void arg_read(const struct api_ask *ask, const struct http_arg *given,
                     const struct api_arg *arg, char *to, struct buf *error)
{
    if (given->value.len == 0 || !arg->read(given->value, ask, to))
        say_bad_value(arg, given->value, error);
}

bool api_args_read(const struct api_ask *ask, const struct api_arg *takes, size_t n, void *ret,
                   struct buf *out)
{
    bool seen[API_ARGS_MAX] = { false };
    struct buf error = { 0 };
    struct slice name = { 0 };
    assert(n <= API_ARGS_MAX);
    for (size_t i = 0; error.len == 0 && i < ask->n_args; i++) {
        const struct http_arg *given = &ask->args[i];
        name = given->name;
        if (name.len == 0 && given->value.ptr == NULL)
            continue; /* of "?&limit=5" */
        const struct api_arg *arg = arg_find(takes, n, name);
        if (arg == NULL)
            say_unknown(takes, n, &error);
        else if (seen[arg - takes] && !arg->repeats)
            buf_printf(&error, "%s is there twice; give it once", arg->name);
        else
            arg_read(ask, given, arg, (char *)ret + arg->at, &error);
        if (arg != NULL)
            seen[arg - takes] = true;
    }
    bool fine = error.len == 0;
    if (!fine)
        api_json_error(out, name.ptr == NULL ? SLICE_LIT("") : name, buf_slice(&error));
    buf_release(&error);
    return fine;
}
