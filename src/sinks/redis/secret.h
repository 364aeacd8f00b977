/**
 * redis_secret: a password in a file.
 *   thread   any (no state)
 */
#ifndef SINKS_REDIS_SECRET_H
#define SINKS_REDIS_SECRET_H

#include <stdbool.h>

enum { REDIS_SECRET_MAX = 1024 };

/**
 * redis_secret_read(path, ret, ret_open, ret_error):
 *   path       of a file with one line, whose end (LF or CRLF) may be missing
 *   ret        the line, for redis_secret_forget; untouched on failure
 *   ret_open   may every user of the machine read or change the file?  May be NULL
 *   ret_error  on failure: what is wrong, static, for people, without the path
 *   returns    0; -EINVAL; -errno of open and read
 */
int redis_secret_read(const char *path, char **ret, bool *ret_open, const char **ret_error);

void redis_secret_forget(char *secret); /* overwrites it, and frees it; NULL is fine */

#endif
