/**
 * redis_url: where Redis is and who we are there.
 *
 *   redis://[user[:password]@]host[:port][,host[:port]..][/db]
 *   redis://:password@host                            (no user: the old AUTH)
 *   redis+sentinel://[user[:password]@]host[:port][,host[:port]..]/master[/db]
 *   rediss://..  rediss+sentinel://..                 the same over TLS
 *   unix:///path/to.sock[?db=N]
 *
 * Several hosts are nodes of one Redis Cluster, any of which tells where the others are; with
 * +sentinel they are Sentinels, which tell where the master of that name is.  User and password are
 * those of Redis, not of the Sentinels.
 *
 * User, password, path and master are percent-encoded where they hold one of  : @ / ? # %.  An IPv6
 * address stands in [ ].
 *   thread   any (no state)
 */
#ifndef SINKS_REDIS_URL_H
#define SINKS_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sinks/redis.h"

enum {
    REDIS_URL_PORT = 6379,
    REDIS_URL_SENTINEL_PORT = 26379,
    REDIS_URL_DB_MAX = 65535,
    REDIS_URL_HOSTS_MAX = 16
};

struct redis_host {
    char *host; /* a name or an address, without [ ] */
    uint16_t port;
};

/* Either hosts or a path. */
struct redis_url {
    struct redis_host hosts[REDIS_URL_HOSTS_MAX]; /* the first n_hosts */
    uint8_t n_hosts;
    bool tls;
    char *path;     /* NULL for TCP */
    char *master;   /* not NULL: the hosts are Sentinels, and this is the master's name there */
    char *user;     /* NULL: none given */
    char *password; /* NULL: none given; with a user it is in a file, or missing */
    uint32_t db;    /* 0 where there are several hosts without a master */
};

/**
 * redis_url_parse(url, ret, ret_error):
 *   ret        owned by the caller, who calls redis_url_release
 *   ret_error  on failure a static text for people; may be NULL
 *   returns    0 or -EINVAL; *ret is untouched on failure
 */
int redis_url_parse(const char *url, struct redis_url *ret, const char **ret_error);
/* The URL for people and logs, *** for the password.  returns  as snprintf */
int redis_url_print(const struct redis_url *u, char *out, size_t n);

void redis_url_release(struct redis_url *u); /* forgets the password too */

#endif
