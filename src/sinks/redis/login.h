/**
 * redis_login: who we are at Redis, and how we know it: the URL, and the files beside it.
 *
 * The password's file is read for each connection, so that a password that was changed is taken by
 * the next attempt.  Certificates are loaded again when their files change (tls/store.h).
 *
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_LOGIN_H
#define SINKS_REDIS_LOGIN_H

#include <stdbool.h>
#include <uv.h>

#include "sinks/redis.h"
#include "sinks/redis/url.h"

struct tls_bundle;
struct redis_login;

/**
 * redis_login_new(loop, url, files, ret):
 *   url, files  copied; files may be NULL
 *   returns     0; -EINVAL: what redis_url_check and redis_files_check find wrong is in the log
 */
int redis_login_new(uv_loop_t *loop, const char *url, const struct redis_files *files,
                    struct redis_login **ret);

const struct redis_url *redis_login_url(const struct redis_login *l);

/**
 * redis_login_password(l, u, sentinel, ret, why, n):
 *   l         NULL: there are no files
 *   u         the URL, of l if there is one
 *   sentinel  that of Sentinels is wanted
 *   ret       for redis_secret_forget; NULL: there is none
 *   why       n bytes; on failure which file is bad, and why
 *   returns   0; -EINVAL or another -errno
 */
int redis_login_password(const struct redis_login *l, const struct redis_url *u, bool sentinel,
                         char **ret, char *why, size_t n);

/* What a connection that begins now goes by, borrowed until the loop goes on.  l may be NULL.
 * returns  NULL: plain */
struct tls_bundle *redis_login_tls(const struct redis_login *l);

/* The memory goes when the loop has run once more; NULL is fine. */
void redis_login_free(struct redis_login *l);

#endif
