#include "http/target.h"

#include <string.h>
#include <strings.h>

const char *http_target_path(const char *target)
{
    size_t scheme = 0;
    if (strncasecmp(target, "http://", 7) == 0)
        scheme = 7;
    else if (strncasecmp(target, "https://", 8) == 0)
        scheme = 8;
    if (scheme == 0)
        return target;
    const char *path = strchr(target + scheme, '/');
    return path == NULL ? "/" : path;
}

static bool too_long(const char *query)
{
    size_t args = 1, n = 0;
    for (; query[n] != '\0'; n++)
        args += query[n] == '&';
    return n > HTTP_QUERY_BYTES || args > HTTP_ARGS_MAX;
}

bool http_target_cut_query(const char *target)
{
    char *query = strchr(target, '?');
    if (query == NULL || !too_long(query + 1))
        return false;
    query[1] = '\0';
    return true;
}
