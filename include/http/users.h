/* A user of the HTTP server, and the limits of auth.h. */
#ifndef HTTP_USERS_H
#define HTTP_USERS_H

enum {
    HTTP_AUTH_USERS_MAX = 1000,
    HTTP_AUTH_QUEUE = 16,
    HTTP_AUTH_JOINED_MAX = 16, /* requests that wait in one place */
    HTTP_AUTH_WRONG_MAX = 1024,
    HTTP_AUTH_WRONG_S = 60
};

/* hash: bcrypt_wrong (base/bcrypt.h) finds nothing wrong with it */
struct http_user {
    const char *name, *hash;
};

#endif
