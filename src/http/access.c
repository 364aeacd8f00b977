#include "http/access.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"
#include "http/auth_header.h"

/* Of the line in the log: what is longer is cut there too. */
enum { TARGET_BYTES = 512 };

void http_access_target(struct http_request *r, const char *target)
{
    if (r->server->access_log)
        r->target = mem_strndup(target, TARGET_BYTES);
}

/* ---- its name ---- */

static bool is_good_id(const char *id)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t n = id == NULL ? 0 : strlen(id);
    return n > 0 && n <= HTTP_REQUEST_ID_MAX && strspn(id, allowed) == n;
}

/* splitmix64 (Steele, Lea and Flood, 2014): names need to differ, not to be secret. */
static uint64_t next_id(struct http_server *s)
{
    uint64_t z = s->ids += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void http_access_begin(struct http_request *r)
{
    const char *id = http_request_header(r, HTTP_REQUEST_ID);
    r->begun_ns = now_mono_ns();
    if (is_good_id(id))
        snprintf(r->id, sizeof r->id, "%s", id);
    else
        snprintf(r->id, sizeof r->id, "%016llx", (unsigned long long)next_id(r->server));
}

/* ---- its line ---- */

/* The user whose password was right; empty: nobody was asked for one. */
static struct slice user_of(const struct http_request *r, struct http_credentials *c)
{
    bool asked = r->server->auth != NULL && http_auth_asks(r->server->auth);
    const char *header = http_request_header(r, MHD_HTTP_HEADER_AUTHORIZATION);
    if (!asked || r->verdict != HTTP_AUTH_OK || !http_credentials_read(header, c))
        return SLICE_LIT("");
    return c->user;
}

static struct slice text_of(const char *text)
{
    return text != NULL ? slice_str(text) : SLICE_LIT("");
}

void http_access_log(const struct http_request *r, bool aborted)
{
    char remote[ADDRESS_TEXT_MAX];
    struct http_credentials c = { 0 };
    if (r->target == NULL)
        return;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    address_print(info->client_addr, remote);
    struct slice query = slice_str(r->target), path;
    if (!slice_cut(&query, '?', &path)) {
        path = query;
        query = SLICE_LIT("");
    }
    const uint64_t took_us = (now_mono_ns() - r->begun_ns) / 1000;
    LOG(LOG_INFO, "request", F_STR("method", r->method_name), F_SLICE("path", path),
        F_SLICE("query", query), F_U64("status", r->sent_status), F_U64("bytes", r->sent_bytes),
        F_NUM("ms", (double)took_us / 1000), F_STR("remote", remote),
        F_SLICE("user", user_of(r, &c)), F_STR("request_id", r->id),
        F_SLICE("user_agent", text_of(http_request_header(r, MHD_HTTP_HEADER_USER_AGENT))),
        F_BOOL("aborted", aborted));
    http_credentials_wipe(&c);
}
