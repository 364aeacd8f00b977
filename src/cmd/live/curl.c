#include "cmd/live/curl.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "base/slice.h"

/* Of Debian's two builds with the same functions; either will do. */
static const char *const libraries[] = { "libcurl-gnutls.so.4", "libcurl.so.4" };

static const struct {
    const char *name;
    size_t to;
} functions[] = {
#define ROW(name)                                                                                  \
    {                                                                                              \
        "curl_" #name, offsetof(struct curl, name)                                                 \
    }
    ROW(global_init),         ROW(easy_init),     ROW(easy_setopt), ROW(easy_getinfo),
    ROW(easy_strerror),       ROW(easy_cleanup),  ROW(multi_init),  ROW(multi_add_handle),
    ROW(multi_remove_handle), ROW(multi_perform), ROW(multi_poll),  ROW(multi_info_read),
    ROW(multi_cleanup),
#undef ROW
};

static bool find_all(void *library, struct curl *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        void *f = dlsym(library, functions[i].name);
        if (f == NULL)
            return false;
        memcpy((char *)ret + functions[i].to, &f, sizeof f);
    }
    return true;
}

const struct curl *curl_load(void)
{
    static struct curl found;
    static bool has;
    for (size_t i = 0; !has && i < ARRAY_LEN(libraries); i++) {
        void *library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
        has = library != NULL && find_all(library, &found) &&
              found.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    }
    return has ? &found : NULL;
}
