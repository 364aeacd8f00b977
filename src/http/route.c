#include "http/route.h"

#include <string.h>

#include "base/mem.h"

const struct http_route *http_route_find(const struct http_route *routes, size_t n,
                                         const char *path)
{
    const struct http_route *best = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < n; i++) {
        const struct http_route *route = &routes[i];
        size_t len = strlen(route->path);
        if (strcmp(route->path, path) == 0)
            return route;
        if (route->prefix && len > longest && strncmp(route->path, path, len) == 0) {
            best = route;
            longest = len;
        }
    }
    return best;
}

enum http_method http_method_of(const char *name)
{
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {
        { "GET", HTTP_GET },  { "HEAD", HTTP_GET },      { "POST", HTTP_POST },
        { "PUT", HTTP_POST }, { "DELETE", HTTP_DELETE },
    };
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (strcmp(methods[i].name, name) == 0)
            return methods[i].method;
    return (enum http_method)0;
}

static unsigned methods_of(const struct http_route *route)
{
    return route == NULL || route->methods == 0 ? HTTP_GET : route->methods;
}

bool http_route_takes(const struct http_route *route, enum http_method m)
{
    return (methods_of(route) & m) != 0;
}

const char *http_route_allows(const struct http_route *route)
{
    static const char *const texts[] = {
        [HTTP_GET] = "GET, HEAD",
        [HTTP_POST] = "POST, PUT",
        [HTTP_GET | HTTP_POST] = "GET, HEAD, POST, PUT",
        [HTTP_DELETE] = "DELETE",
        [HTTP_GET | HTTP_DELETE] = "GET, HEAD, DELETE",
        [HTTP_POST | HTTP_DELETE] = "POST, PUT, DELETE",
        [HTTP_GET | HTTP_POST | HTTP_DELETE] = "GET, HEAD, POST, PUT, DELETE",
    };
    return texts[methods_of(route)];
}

const char *http_route_only(const struct http_route *route)
{
    static const char *const texts[] = {
        [HTTP_GET] = "only GET and HEAD",
        [HTTP_POST] = "only POST and PUT",
        [HTTP_GET | HTTP_POST] = "only GET, HEAD, POST and PUT",
        [HTTP_DELETE] = "only DELETE",
        [HTTP_GET | HTTP_DELETE] = "only GET, HEAD and DELETE",
        [HTTP_POST | HTTP_DELETE] = "only POST, PUT and DELETE",
        [HTTP_GET | HTTP_POST | HTTP_DELETE] = "only GET, HEAD, POST, PUT and DELETE",
    };
    return texts[methods_of(route)];
}
