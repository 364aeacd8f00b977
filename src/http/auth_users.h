/**
 * auth_users: the users, in the order of their names.  For auth.c only.
 *   thread   one at a time
 */
#ifndef HTTP_AUTH_USERS_H
#define HTTP_AUTH_USERS_H

#include <stdbool.h>

#include "base/bcrypt.h"
#include "http/auth_known.h"

struct http_auth_user {
    char *name;
    char hash[BCRYPT_LEN + 1];
    bool known; /* right is the key of its password */
    struct http_auth_key right;
};

/* { 0 } has none. */
struct http_auth_users {
    struct http_auth_user *at;
    size_t n;
};

/* Copies.  To be released. */
struct http_auth_users http_auth_users_make(const struct http_user *users, size_t n);
void http_auth_users_release(struct http_auth_users *u);

/* What is known of users of old stays known of those that have the same name and hash in u. */
void http_auth_users_carry_over(const struct http_auth_users *old, struct http_auth_users *u);

/* NULL: there is none of that name. */
struct http_auth_user *http_auth_users_find(const struct http_auth_users *u, struct slice name);

/* The highest there is. */
unsigned http_auth_users_cost(const struct http_auth_users *u);

#endif
