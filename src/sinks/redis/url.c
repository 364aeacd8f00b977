/*
 * redis_url_parse
 *   parse_tcp  -> parse_userinfo, parse_host_port, parse_db
 *   parse_unix -> parse_db
 *
 * Each returns what is wrong, for people, or NULL.
 */
#include "sinks/redis/url.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/slice.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A new string, or NULL when an escape is broken or hides a NUL. */
static char *percent_decode(struct slice s)
{
    char *out = mem_alloc(s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '%') {
            out[n++] = s.ptr[i];
            continue;
        }
        int hi = i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
        int lo = i + 2 < s.len ? hex_digit(s.ptr[i + 2]) : -1;
        if (hi < 0 || lo < 0 || hi + lo == 0) {
            free(out);
            return NULL;
        }
        out[n++] = (char)(hi * 16 + lo);
        i += 2;
    }
    out[n] = '\0';
    return out;
}

static void forget(char *secret)
{
    if (secret == NULL)
        return;
    explicit_bzero(secret, strlen(secret));
    free(secret);
}

void redis_url_release(struct redis_url *u)
{
    free(u->host);
    free(u->path);
    free(u->user);
    forget(u->password);
    *u = (struct redis_url){ 0 };
}

static const char *parse_db(struct slice s, struct redis_url *u)
{
    int64_t db;
    if (!number_parse_int(s, &db) || db > REDIS_URL_DB_MAX)
        return "the database is a number from 0 to 65535: redis://host/0";
    u->db = (uint32_t)db;
    return NULL;
}

static const char *parse_userinfo(struct slice s, struct redis_url *u)
{
    struct slice user = s;
    bool has_password = slice_cut(&s, ':', &user);
    if (user.len > 0 && (u->user = percent_decode(user)) == NULL)
        return "a % in the user name stands before two hexadecimal digits: %25 is a % itself";
    if (!has_password)
        return "a user needs a password: redis://user:password@host";
    if (s.len == 0)
        return "the password is empty: redis://user:password@host";
    if ((u->password = percent_decode(s)) == NULL)
        return "a % in the password stands before two hexadecimal digits: %25 is a % itself";
    return NULL;
}

static const char *parse_host_port(struct slice s, struct redis_url *u)
{
    struct slice host = s, port = { 0 };
    if (s.len > 0 && s.ptr[0] == '[') {
        s = slice_of(s.ptr + 1, s.len - 1);
        if (!slice_cut(&s, ']', &host))
            return "an IPv6 address stands in brackets: redis://[::1]:6379";
        if (s.len > 0 && s.ptr[0] != ':')
            return "only :port may follow the ]: redis://[::1]:6379";
        port = s.len > 0 ? slice_of(s.ptr + 1, s.len - 1) : s;
        if (s.len == 1)
            return "the port is a number from 1 to 65535";
    } else if (slice_cut(&s, ':', &host)) {
        if (memchr(s.ptr, ':', s.len) != NULL)
            return "an IPv6 address stands in brackets: redis://[::1]:6379";
        if (s.len == 0)
            return "the port is a number from 1 to 65535";
        port = s;
    }
    if (host.len == 0)
        return "there is no host: redis://host:6379";
    for (size_t i = 0; i < host.len; i++)
        if ((unsigned char)host.ptr[i] <= ' ' || host.ptr[i] == 0x7f)
            return "the host has a blank or control character in it";
    int64_t number = REDIS_URL_PORT;
    if (port.len > 0 && (!number_parse_int(port, &number) || number < 1 || number > 65535))
        return "the port is a number from 1 to 65535";
    u->port = (uint16_t)number;
    u->host = mem_strndup(host.ptr, host.len);
    return NULL;
}

static const char *parse_tcp(struct slice s, struct redis_url *u)
{
    /* The last @: a password with a raw @ in it is a common slip, and still clear. */
    const char *at = s.len ? memrchr(s.ptr, '@', s.len) : NULL;
    if (at != NULL) {
        size_t n = (size_t)(at - s.ptr);
        const char *error = parse_userinfo(slice_of(s.ptr, n), u);
        if (error != NULL)
            return error;
        s = slice_of(at + 1, s.len - n - 1);
    }
    if (s.len > 0 && memchr(s.ptr, '?', s.len) != NULL)
        return "no ?options are known for redis://; the database is redis://host/N";
    struct slice rest = s, host = s;
    bool has_db = slice_cut(&rest, '/', &host);
    const char *error = parse_host_port(host, u);
    if (error == NULL && has_db && rest.len > 0)
        error = parse_db(rest, u);
    return error;
}

static const char *parse_unix(struct slice s, struct redis_url *u)
{
    struct slice path = s;
    bool has_query = slice_cut(&s, '?', &path);
    if (path.len == 0 || path.ptr[0] != '/')
        return "a Unix socket has an absolute path, thus three slashes: unix:///run/redis.sock";
    u->path = percent_decode(path);
    if (u->path == NULL)
        return "a % in the path stands before two hexadecimal digits: %25 is a % itself";
    if (strlen(u->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return "the path of a Unix socket has at most 107 bytes";
    if (!has_query)
        return NULL;
    if (!slice_starts(s, SLICE_LIT("db=")))
        return "the only option is the database: unix:///run/redis.sock?db=0";
    return parse_db(slice_of(s.ptr + 3, s.len - 3), u);
}

int redis_url_parse(const char *url, struct redis_url *ret, const char **ret_error)
{
    static const struct {
        const char *scheme;
        const char *(*parse)(struct slice, struct redis_url *);
    } schemes[] = { { "redis://", parse_tcp }, { "unix://", parse_unix } };

    struct redis_url u = { 0 };
    const char *error = "it should look like redis://[user:password@]host[:6379][/db] "
                        "or unix:///path/to.sock[?db=N]";
    struct slice s = slice_str(url);
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct slice scheme = slice_str(schemes[i].scheme);
        if (slice_starts(s, scheme))
            error = schemes[i].parse(slice_of(s.ptr + scheme.len, s.len - scheme.len), &u);
    }
    if (slice_starts(s, SLICE_LIT("rediss://")))
        error = "TLS (rediss://) is not spoken here: use a local stunnel and redis://127.0.0.1";
    if (error != NULL) {
        redis_url_release(&u);
        if (ret_error != NULL)
            *ret_error = error;
        return -EINVAL;
    }
    assert((u.host == NULL) != (u.path == NULL));
    *ret = u;
    return 0;
}

int redis_url_check(const char *url, const char **ret_error)
{
    struct redis_url u;
    int rc = redis_url_parse(url, &u, ret_error);
    if (rc == 0)
        redis_url_release(&u);
    return rc;
}

int redis_url_print(const struct redis_url *u, char *out, size_t n)
{
    assert((u->host == NULL) != (u->path == NULL));
    if (u->path != NULL)
        return snprintf(out, n, "unix://%s?db=%" PRIu32, u->path, u->db);
    const char *user = u->user ? u->user : "", *bracket = strchr(u->host, ':') ? "[]" : "";
    return snprintf(out, n, "redis://%s%s%.1s%s%s:%u/%" PRIu32, user, u->password ? ":***@" : "",
                    bracket, u->host, bracket[0] ? "]" : "", (unsigned)u->port, u->db);
}
