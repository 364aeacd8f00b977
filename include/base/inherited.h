/**
 * inherited: descriptors that another process handed to this one, most of them sockets: a service
 * manager (socket activation and its fd store), or a server whose place this one takes.
 *
 *     inherited_from_env, inherited_add...   the list
 *     inherited_take, inherited_take_named   what is wanted goes from the list to who wants it
 *     inherited_left                         what nobody wanted
 *
 * Nothing goes by a descriptor's number.  A socket is known by its type and its address, and those
 * that this server opened itself in an earlier run by the name under which the manager kept them.
 *
 * Several processes may have one such socket open, now or later: its giver, and whoever comes next.
 * connect, shutdown and options act on all of them, close on none but this one.
 *
 *   thread   one at a time
 */
#ifndef BASE_INHERITED_H
#define BASE_INHERITED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/buf.h"

enum {
    INHERITED_MAX = 8192,       /* descriptors: as many as a takeover hands on */
    INHERITED_NAME_MAX = 256,   /* bytes of a name, with its NUL; as managers have it */
    INHERITED_WHAT_MAX = 192,   /* of inherited_what, with its NUL */
    INHERITED_ENV_FIRST_FD = 3, /* of LISTEN_FDS */
};

struct inherited_fd {
    int fd;                        /* owned until it is taken; -1: taken */
    char name[INHERITED_NAME_MAX]; /* "": it has none */
    bool kept;                     /* its giver has it open for as long as we run, and longer */
};

struct inherited {
    struct inherited_fd *at;
    size_t n;
    bool in_use; /* their giver reads them for now, and may go on with it (adopt_own) */
};

/* The variables, each NULL where it is not set. */
struct inherited_env {
    const char *pid, *fds, *names; /* LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES */
};

/**
 * inherited_read(env, pid, first, ret, error):
 * The descriptors from `first` on that env speaks of.  Each becomes close-on-exec.  A variable
 * LISTEN_PID other than pid speaks to another process: ret is empty.
 *   ret      to be released; untouched on failure
 *   error    on failure gets what is wrong, for people
 *   returns  0; -EINVAL (no number), -E2BIG, -EBADF (one is not open)
 */
int inherited_read(const struct inherited_env *env, long pid, int first, struct inherited *ret,
                   struct buf *error);

/* The same of this process' environment, whose variables are removed: children shall not see them.
 */
int inherited_from_env(struct inherited *ret, struct buf *error);

/*
 * Add one.  A second descriptor of a file that is in the list already is closed: it is the same
 * socket.
 */
void inherited_add(struct inherited *list, int fd, const char *name, bool kept);

/* Closes what was not taken.  The list is empty afterwards. */
void inherited_release(struct inherited *list);

/* What is looked for: a bound socket (of streams: one that listens). */
struct inherited_want {
    int type;                    /* SOCK_DGRAM, SOCK_STREAM */
    const struct sockaddr *addr; /* AF_INET, AF_INET6, AF_UNIX */
    socklen_t addr_len;
    const char *name; /* also taken: a socket of that type that has this name; NULL: none */
    bool others;      /* but none that we opened ourselves */
};

/**
 * inherited_take(list, want, ret, most):
 * Take all sockets that are wanted: those with the name first, then as they stand in the list.  Of
 * those with the name, the ones on one address: that of the first.
 *   ret      gets them; descriptors are the caller's from here on
 *   most     room in ret
 *   returns  how many, maybe 0; -E2BIG with nothing taken
 */
int inherited_take(struct inherited *list, const struct inherited_want *want,
                   struct inherited_fd *ret, unsigned most);

/* The first descriptor with that name, whatever it is.  returns  it, the caller's; -1: none */
int inherited_take_named(struct inherited *list, const char *name);

/* Any one that was not taken, or NULL. */
const struct inherited_fd *inherited_left(const struct inherited *list);

/* For people: "udp 127.0.0.1:8125", "unix stream /run/x.sock", "no socket". */
void inherited_what(int fd, char out[INHERITED_WHAT_MAX]);

/**
 * inherited_own_name(url, out):
 * The name under which a manager keeps sockets that we opened on a URL: "own-" and the URL, in
 * bytes that a manager accepts.  Two URLs never have the same name.
 */
void inherited_own_name(const char *url, char out[INHERITED_NAME_MAX]);
bool inherited_is_own(const char *name);

#endif
