/*
 * redis_url_parse
 *   parse_redis, parse_sentinel -> parse_who, parse_hosts -> parse_host
 *                                  parse_master, parse_db
 *   parse_unix                  -> parse_db
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

#include "base/buf.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/slice.h"

enum { HOST_MAX = 255 }; /* of a name in DNS, and of struct redis_addr */

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
    for (uint8_t i = 0; i < u->n_hosts; i++)
        free(u->hosts[i].host);
    free(u->path);
    free(u->master);
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
        return user.len > 0 ? NULL : "there is no user before the @: redis://user:password@host";
    if (s.len == 0)
        return "the password is empty: redis://user:password@host";
    if ((u->password = percent_decode(s)) == NULL)
        return "a % in the password stands before two hexadecimal digits: %25 is a % itself";
    return NULL;
}

/* Takes user and password from the front of s. */
static const char *parse_who(struct slice *s, struct redis_url *u)
{
    /* The last @: a password with a raw @ in it is a common slip, and still clear. */
    const char *at = s->len ? memrchr(s->ptr, '@', s->len) : NULL;
    if (at == NULL)
        return NULL;
    size_t n = (size_t)(at - s->ptr);
    struct slice who = slice_of(s->ptr, n);
    *s = slice_of(at + 1, s->len - n - 1);
    return parse_userinfo(who, u);
}

static const char *parse_host(struct slice s, uint16_t default_port, struct redis_url *u)
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
        return "there is no host: redis://host:6379, several as redis://host-1:6379,host-2:6379";
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] <= ' ' || host.ptr[i] > '~')
            return "the host has a blank, a control character or one outside ASCII in it (such a "
                   "name is written xn--..)";
    if (host.len > HOST_MAX || slice_eq(host, SLICE_LIT("?")))
        return "the host is no name: redis://host:6379";
    int64_t number = default_port;
    if (port.len > 0 && (!number_parse_int(port, &number) || number < 1 || number > 65535))
        return "the port is a number from 1 to 65535";
    if (u->n_hosts == REDIS_URL_HOSTS_MAX)
        return "at most 16 hosts: any of them tells where the others are";
    u->hosts[u->n_hosts++] =
        (struct redis_host){ mem_strndup(host.ptr, host.len), (uint16_t)number };
    return NULL;
}

static const char *parse_hosts(struct slice s, uint16_t default_port, struct redis_url *u)
{
    struct slice one;
    while (slice_cut(&s, ',', &one)) {
        const char *error = parse_host(one, default_port, u);
        if (error != NULL)
            return error;
    }
    return parse_host(s, default_port, u);
}

static const char *parse_redis(struct slice s, struct redis_url *u)
{
    const char *error = parse_who(&s, u);
    if (error != NULL)
        return error;
    if (s.len > 0 && memchr(s.ptr, '?', s.len) != NULL)
        return "no ?options are known for redis://; the database is redis://host/N";
    struct slice hosts = s;
    bool has_db = slice_cut(&s, '/', &hosts);
    error = parse_hosts(hosts, REDIS_URL_PORT, u);
    if (error == NULL && has_db && s.len > 0)
        error = parse_db(s, u);
    if (error == NULL && u->n_hosts > 1 && u->db != 0)
        error = "several hosts are nodes of one cluster, which has database 0 only: "
                "redis://host-1,host-2";
    return error;
}

static const char *parse_master(struct slice s, struct redis_url *u)
{
    if (s.len == 0)
        return "the name of the master is missing: redis+sentinel://host:26379/master";
    u->master = percent_decode(s);
    if (u->master == NULL)
        return "a % in the master's name stands before two hexadecimal digits: %25 is a % itself";
    for (const char *c = u->master; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return "the master's name has a blank or control character in it";
    return NULL;
}

static const char *parse_sentinel(struct slice s, struct redis_url *u)
{
    const char *error = parse_who(&s, u);
    if (error != NULL)
        return error;
    if (s.len > 0 && memchr(s.ptr, '?', s.len) != NULL)
        return "no ?options are known for redis+sentinel://; the database is "
               "redis+sentinel://host/master/N";
    struct slice hosts = s, master;
    if (!slice_cut(&s, '/', &hosts))
        s = slice_of(s.ptr, 0);
    master = s;
    bool has_db = slice_cut(&s, '/', &master);
    error = parse_hosts(hosts, REDIS_URL_SENTINEL_PORT, u);
    if (error == NULL)
        error = parse_master(master, u);
    if (error == NULL && has_db && s.len > 0)
        error = parse_db(s, u);
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

static void url_check(const struct redis_url *u)
{
    assert((u->n_hosts > 0) != (u->path != NULL));
    assert(u->path == NULL || (!u->tls && u->master == NULL));
    assert(u->n_hosts < 2 || u->master != NULL || u->db == 0);
}

int redis_url_parse(const char *url, struct redis_url *ret, const char **ret_error)
{
    static const struct {
        const char *scheme;
        const char *(*parse)(struct slice, struct redis_url *);
        bool tls;
    } schemes[] = { { "redis://", parse_redis, false },
                    { "rediss://", parse_redis, true },
                    { "redis+sentinel://", parse_sentinel, false },
                    { "rediss+sentinel://", parse_sentinel, true },
                    { "unix://", parse_unix, false } };

    struct redis_url u = { 0 };
    const char *error =
        "it should look like redis://[user:password@]host[:6379][/db], rediss://.. (TLS), "
        "redis+sentinel://host[:26379]/master or unix:///path/to.sock[?db=N]";
    struct slice s = slice_str(url);
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct slice scheme = slice_str(schemes[i].scheme);
        if (!slice_starts(s, scheme))
            continue;
        u.tls = schemes[i].tls;
        error = schemes[i].parse(slice_of(s.ptr + scheme.len, s.len - scheme.len), &u);
    }
    if (error != NULL) {
        redis_url_release(&u);
        if (ret_error != NULL)
            *ret_error = error;
        return -EINVAL;
    }
    url_check(&u);
    *ret = u;
    return 0;
}

uint32_t redis_url_nodes(const char *url)
{
    enum { MASTERS_MIN = 3, OF_SENTINELS = 3 };
    struct redis_url u;
    if (redis_url_parse(url, &u, NULL) < 0)
        return 0;
    uint32_t masters = u.n_hosts > MASTERS_MIN ? u.n_hosts : MASTERS_MIN;
    uint32_t n = u.master != NULL              ? OF_SENTINELS
                 : u.path != NULL || u.db != 0 ? 1
                 : u.n_hosts == 1              ? MASTERS_MIN
                                               : 2 * masters;
    redis_url_release(&u);
    return n;
}

static void print_hosts(const struct redis_url *u, struct buf *out)
{
    for (uint8_t i = 0; i < u->n_hosts; i++) {
        bool bracket = strchr(u->hosts[i].host, ':') != NULL;
        buf_printf(out, "%s%s%s%s:%u", i > 0 ? "," : "", bracket ? "[" : "", u->hosts[i].host,
                   bracket ? "]" : "", (unsigned)u->hosts[i].port);
    }
}

int redis_url_print(const struct redis_url *u, char *out, size_t n)
{
    struct buf text = { 0 };
    url_check(u);
    if (u->path != NULL)
        return snprintf(out, n, "unix://%s?db=%" PRIu32, u->path, u->db);
    buf_printf(&text, "redis%s%s://%s%s%s", u->tls ? "s" : "", u->master ? "+sentinel" : "",
               u->user ? u->user : "", u->password ? ":***" : "",
               u->user || u->password ? "@" : "");
    print_hosts(u, &text);
    buf_printf(&text, "%s%s/%" PRIu32, u->master ? "/" : "", u->master ? u->master : "", u->db);
    int len = snprintf(out, n, "%.*s", (int)text.len, text.ptr);
    buf_release(&text);
    return len;
}
