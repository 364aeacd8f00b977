/**
 * user: whom the process becomes once its sockets are open, `server.user`.
 *   thread   main, before any other starts: the kernel changes one thread alone
 */
#ifndef SANDBOX_USER_H
#define SANDBOX_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { SANDBOX_GROUPS_MAX = 256 };

struct sandbox_user {
    bool set; /* false: the process stays who it is */
    uid_t uid;
    gid_t gid;
    gid_t groups[SANDBOX_GROUPS_MAX]; /* all of them, gid too */
    size_t n_groups;
};

/**
 * sandbox_user_find(text, ret, ret_why):
 *   text     NAME, or UID, or one of them and :GROUP, a name or a number.  With a group that one
 *            is the only one; else the user's own are taken, as the user database has them.
 *            "": ret->set is false
 *   returns  0; -EINVAL with *ret_why for people: no such user or group, a number that the
 *            database does not know and no group, or root
 */
int sandbox_user_find(const char *text, struct sandbox_user *ret, const char **ret_why);

/**
 * sandbox_user_become(u, ret_why):
 * Become that user, keep no capability, and try to come back, in vain.  Nothing happens where the
 * process is that user already.
 *   returns  0; -EPERM with *ret_why: the process is another one and not root, or the kernel did
 *            not do it.  The process may be half of each then: it has to end
 */
int sandbox_user_become(const struct sandbox_user *u, const char **ret_why);

/**
 * sandbox_user_give(u, path, dev, ino):
 * Let u own the socket at `path`, unless another file has come there: a link is not followed, and
 * what is no socket, or not that one, stays as it is.
 *   dev, ino  of the file; ino 0: whichever socket is there
 *   returns   0, or -errno
 */
int sandbox_user_give(const struct sandbox_user *u, const char *path, uint64_t dev, uint64_t ino);

#endif
