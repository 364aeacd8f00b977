#include "sinks/redis/redirect.h"

#include <string.h>

#include "base/number.h"

bool redis_addr_is(const struct redis_addr *a, const struct redis_addr *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static bool is_host(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    return s.len > 0 && s.len <= REDIS_ADDR_HOST_MAX && !slice_eq(s, SLICE_LIT("?"));
}

bool redis_addr_set(struct redis_addr *ret, struct slice host, int64_t port,
                    const struct redis_addr *asked)
{
    *ret = (struct redis_addr){ 0 };
    if (host.len == 0)
        host = slice_str(asked->host);
    if (!is_host(host) || port < 1 || port > UINT16_MAX)
        return false;
    memcpy(ret->host, host.ptr, host.len);
    ret->port = (uint16_t)port;
    return true;
}

/* `3999 127.0.0.1:6381`; an IPv6 address has no brackets, so the last colon is that of the port. */
static bool read_target(struct slice rest, const struct redis_addr *asked,
                        struct redis_redirect *ret)
{
    struct slice slot, at = rest;
    int64_t n, port;
    if (!slice_cut(&at, ' ', &slot) || !number_parse_int(slot, &n) || n < 0 || n >= REDIS_SLOTS)
        return false;
    struct slice word;
    if (slice_cut(&at, ' ', &word))
        at = word;
    size_t colon = at.len;
    while (colon > 0 && at.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0 || !number_parse_int(slice_of(at.ptr + colon, at.len - colon), &port))
        return false;
    ret->slot = (uint16_t)n;
    redis_addr_set(&ret->to, slice_of(at.ptr, colon - 1), port, asked);
    return true;
}

struct redis_redirect redis_redirect_of(const redisReply *reply, const struct redis_addr *asked)
{
    static const char *const words[] = {
#define X(id, word, label) word,
        REDIS_REDIRECTS(X)
#undef X
    };
    struct redis_redirect r = { .kind = REDIS_REDIRECT_NONE };
    if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
        return r;
    struct slice rest = slice_of(reply->str, reply->len), word;
    if (!slice_cut(&rest, ' ', &word)) {
        word = rest;
        rest = slice_of(rest.ptr + rest.len, 0);
    }
    int kind = 0;
    while (kind < REDIS_REDIRECT_COUNT && !slice_eq(word, slice_str(words[kind])))
        kind++;
    bool names = kind == REDIS_REDIRECT_MOVED || kind == REDIS_REDIRECT_ASK;
    if (!names || read_target(rest, asked, &r))
        r.kind = (enum redis_redirect_kind)kind;
    return r;
}
