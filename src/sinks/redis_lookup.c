#include "sinks/redis_lookup.h"

#include <netdb.h>
#include <stdlib.h>

#include "base/mem.h"

enum { ADDRESSES_MAX = 8 };

/* A running lookup cannot be taken back, so it is on the heap and forgets who asked. */
struct redis_lookup {
    uv_getaddrinfo_t req;
    redis_lookup_fn done;    /* NULL once nobody waits */
    void *cookie;
    uint32_t turn;
};

/* returns  NULL, or what is wrong; ip is written when nothing is */
static const char *pick(const struct addrinfo *found, int status, uint32_t turn, char ip[NI_MAXHOST])
{
    const struct addrinfo *addresses[ADDRESSES_MAX];
    uint32_t n = 0;
    for (const struct addrinfo *a = found; a != NULL && n < ADDRESSES_MAX; a = a->ai_next)
        addresses[n++] = a;
    if (status < 0)
        return uv_strerror(status);
    if (n == 0)
        return "the host name has no address";
    const struct addrinfo *a = addresses[turn % n];
    int rc = getnameinfo(a->ai_addr, a->ai_addrlen, ip, NI_MAXHOST, NULL, 0, NI_NUMERICHOST);
    return rc == 0 ? NULL : gai_strerror(rc);
}

static void on_found(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct redis_lookup *k = req->data;
    char ip[NI_MAXHOST];
    if (k->done != NULL) {
        const char *error = pick(found, status, k->turn, ip);
        k->done(k->cookie, error == NULL ? ip : NULL, error);
    }
    uv_freeaddrinfo(found);
    free(k);
}

int redis_lookup_start(uv_loop_t *loop, const char *host, uint32_t turn, redis_lookup_fn done, void *cookie,
                       struct redis_lookup **ret)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct redis_lookup *k = mem_zalloc(sizeof *k);
    k->req.data = k;
    k->done = done;
    k->cookie = cookie;
    k->turn = turn;
    int rc = uv_getaddrinfo(loop, &k->req, on_found, host, NULL, &hints);
    if (rc < 0) {
        free(k);
        return rc;
    }
    *ret = k;
    return 0;
}

void redis_lookup_forget(struct redis_lookup *k)
{
    if (k == NULL)
        return;
    k->done = NULL;
    uv_cancel((uv_req_t *)&k->req);
}
