/*
 *     the list     inherited_read -> read_count, inherited_add: same_file
 *     the names    inherited_own_name -> put_byte
 *     the sockets  inherited_take -> is_wanted, is_beside -> same_address
 */
#include "base/inherited.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/mem.h"

static const char own[] = "own-";

/* ---- the list ---- */

static bool same_file(int a, int b)
{
    struct stat x, y;
    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

void inherited_add(struct inherited *list, int fd, const char *name, bool kept)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->at[i].fd >= 0 && same_file(list->at[i].fd, fd)) {
            close(fd);
            return;
        }
    }
    assert(list->n < INHERITED_MAX);
    list->at = mem_realloc(list->at, (list->n + 1) * sizeof *list->at);
    struct inherited_fd *one = &list->at[list->n++];
    *one = (struct inherited_fd){ .fd = fd, .kept = kept };
    snprintf(one->name, sizeof one->name, "%s", name);
}

void inherited_release(struct inherited *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->at[i].fd >= 0)
            close(list->at[i].fd);
    free(list->at);
    *list = (struct inherited){ 0 };
}

static bool read_number(const char *text, long most, long *ret)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n > most)
        return false;
    *ret = n;
    return true;
}

/* How many descriptors env gives to the process pid; -errno */
static long read_count(const struct inherited_env *env, long pid, struct buf *error)
{
    long of = 0, n = 0;
    if (env->fds == NULL || env->pid == NULL)
        return 0;
    if (!read_number(env->pid, INT32_MAX, &of)) {
        buf_printf(error, "LISTEN_PID is no process id: %s", env->pid);
        return -EINVAL;
    }
    if (of != pid)
        return 0;
    if (!read_number(env->fds, INT32_MAX, &n)) {
        buf_printf(error, "LISTEN_FDS is no number: %s", env->fds);
        return -EINVAL;
    }
    if (n > INHERITED_MAX) {
        buf_printf(error, "LISTEN_FDS says %ld; at most %d are taken", n, (int)INHERITED_MAX);
        return -E2BIG;
    }
    return n;
}

/* names: what is left of them; the next one goes to out. */
static void next_name(const char **names, char out[INHERITED_NAME_MAX])
{
    size_t n = strcspn(*names, ":");
    snprintf(out, INHERITED_NAME_MAX, "%.*s", (int)n, *names);
    *names += n + ((*names)[n] == ':');
}

int inherited_read(const struct inherited_env *env, long pid, int first, struct inherited *ret,
                   struct buf *error)
{
    struct inherited list = { 0 };
    char name[INHERITED_NAME_MAX];
    const char *names = env->names != NULL ? env->names : "";
    long n = read_count(env, pid, error);
    if (n < 0)
        return (int)n;
    for (int fd = first; fd < first + n; fd++) {
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
            buf_printf(error, "LISTEN_FDS says %ld, but descriptor %d is not open", n, fd);
            free(list.at);
            return -EBADF;
        }
        next_name(&names, name);
        inherited_add(&list, fd, name, true);
    }
    *ret = list;
    return 0;
}

/* Before there are threads, which might read the environment meanwhile. */
/* NOLINTBEGIN(concurrency-mt-unsafe) */
int inherited_from_env(struct inherited *ret, struct buf *error)
{
    const struct inherited_env env = { getenv("LISTEN_PID"), getenv("LISTEN_FDS"),
                                       getenv("LISTEN_FDNAMES") };
    int rc = inherited_read(&env, getpid(), INHERITED_ENV_FIRST_FD, ret, error);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_PIDFDID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return rc;
}
/* NOLINTEND(concurrency-mt-unsafe) */

/* ---- names ---- */

static size_t put_byte(char *out, size_t at, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    if (c > ' ' && c < 0x7f && c != ':' && c != '%') {
        out[at] = (char)c;
        return at + 1;
    }
    out[at] = '%';
    out[at + 1] = hex[c >> 4];
    out[at + 2] = hex[c & 15];
    return at + 3;
}

/* FNV-1a: the same in every run, which base/hash.h is not. */
static uint64_t fnv(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h;
}

void inherited_own_name(const char *url, char out[INHERITED_NAME_MAX])
{
    enum { HASH = 18, LONGEST_BYTE = 3 }; /* a '~', 16 digits, NUL */
    size_t at = sizeof own - 1;
    memcpy(out, own, at);
    for (const char *c = url; *c != '\0'; c++) {
        if (at + LONGEST_BYTE + HASH > INHERITED_NAME_MAX) {
            snprintf(out + at, HASH, "~%016llx", (unsigned long long)fnv(url));
            return;
        }
        at = put_byte(out, at, (unsigned char)*c);
    }
    out[at] = '\0';
}

bool inherited_is_own(const char *name)
{
    return strncmp(name, own, sizeof own - 1) == 0;
}

/* ---- sockets ---- */

static int option_of(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) < 0 ? -1 : value;
}

/* Of two paths: a symbolic link on the way makes two spellings of one. */
static bool same_path(const struct sockaddr_un *a, socklen_t a_len, const struct sockaddr_un *b,
                      socklen_t b_len)
{
    struct stat x, y;
    if (a_len <= offsetof(struct sockaddr_un, sun_path) ||
        b_len <= offsetof(struct sockaddr_un, sun_path))
        return false;
    if (a->sun_path[0] == '\0' || b->sun_path[0] == '\0')
        return a_len == b_len && memcmp(a->sun_path, b->sun_path,
                                        a_len - offsetof(struct sockaddr_un, sun_path)) == 0;
    if (strncmp(a->sun_path, b->sun_path, sizeof a->sun_path) == 0)
        return true;
    return stat(a->sun_path, &x) == 0 && stat(b->sun_path, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

static bool same_address(const struct sockaddr *a, socklen_t a_len, const struct sockaddr *b,
                         socklen_t b_len)
{
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_UNIX)
        return same_path((const void *)a, a_len, (const void *)b, b_len);
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *x = (const void *)a, *y = (const void *)b;
        return x->sin_port == y->sin_port && x->sin_addr.s_addr == y->sin_addr.s_addr;
    }
    if (a->sa_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *x = (const void *)a, *y = (const void *)b;
    return x->sin6_port == y->sin6_port && x->sin6_scope_id == y->sin6_scope_id &&
           memcmp(&x->sin6_addr, &y->sin6_addr, sizeof x->sin6_addr) == 0;
}

static bool named(const struct inherited_fd *one, const struct inherited_want *want)
{
    return want->name != NULL && strcmp(one->name, want->name) == 0;
}

static bool is_wanted(const struct inherited_fd *one, const struct inherited_want *want)
{
    struct sockaddr_storage addr = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof addr;
    if (one->fd < 0 || (want->others && inherited_is_own(one->name)) ||
        option_of(one->fd, SO_TYPE) != want->type ||
        option_of(one->fd, SO_DOMAIN) != want->addr->sa_family)
        return false;
    if (want->type == SOCK_STREAM && option_of(one->fd, SO_ACCEPTCONN) != 1)
        return false;
    if (named(one, want))
        return true;
    /* It may be shorter than what is there: a path without a NUL. */
    return getsockname(one->fd, (struct sockaddr *)&addr, &len) == 0 &&
           same_address((const struct sockaddr *)&addr, len, want->addr, want->addr_len);
}

/*
 * Of port 0 there may be several listeners, whose sockets have one name, each at a port of its own.
 */
static bool is_beside(const struct inherited_fd *one, const struct inherited_fd *first)
{
    struct sockaddr_storage a = { .ss_family = AF_UNSPEC }, b = { .ss_family = AF_UNSPEC };
    socklen_t a_len = sizeof a, b_len = sizeof b;
    return getsockname(one->fd, (struct sockaddr *)&a, &a_len) == 0 &&
           getsockname(first->fd, (struct sockaddr *)&b, &b_len) == 0 &&
           same_address((const struct sockaddr *)&a, a_len, (const struct sockaddr *)&b, b_len);
}

int inherited_take(struct inherited *list, const struct inherited_want *want,
                   struct inherited_fd *ret, unsigned most)
{
    struct inherited_fd **found = mem_alloc((list->n + 1) * sizeof *found);
    size_t n = 0;
    for (int with_name = 1; with_name >= 0; with_name--) {
        for (size_t i = 0; i < list->n; i++) {
            struct inherited_fd *one = &list->at[i];
            if (named(one, want) != with_name || !is_wanted(one, want))
                continue;
            if (n == 0 || !with_name || is_beside(one, found[0]))
                found[n++] = one;
        }
    }
    int rc = n > most ? -E2BIG : (int)n;
    for (size_t i = 0; rc > 0 && i < n; i++) {
        ret[i] = *found[i];
        found[i]->fd = -1;
    }
    free(found);
    return rc;
}

int inherited_take_named(struct inherited *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        int fd = list->at[i].fd;
        if (fd >= 0 && strcmp(list->at[i].name, name) == 0) {
            list->at[i].fd = -1;
            return fd;
        }
    }
    return -1;
}

const struct inherited_fd *inherited_left(const struct inherited *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->at[i].fd >= 0)
            return &list->at[i];
    return NULL;
}

static void put_unix(const struct sockaddr_un *un, socklen_t len, const char *type,
                     char out[INHERITED_WHAT_MAX])
{
    int n = len > offsetof(struct sockaddr_un, sun_path)
                ? (int)(len - offsetof(struct sockaddr_un, sun_path))
                : 0;
    if (n > 0 && un->sun_path[0] == '\0')
        snprintf(out, INHERITED_WHAT_MAX, "unix %s @%.*s", type, n - 1, un->sun_path + 1);
    else
        snprintf(out, INHERITED_WHAT_MAX, "unix %s %.*s", type, n, un->sun_path);
}

void inherited_what(int fd, char out[INHERITED_WHAT_MAX])
{
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_storage room;
    } at = { .any = { .sa_family = AF_UNSPEC } };
    socklen_t len = sizeof at;
    char text[ADDRESS_TEXT_MAX];
    int type = option_of(fd, SO_TYPE);
    const char *unix_type = type == SOCK_DGRAM ? "datagram" : "stream";
    if (type < 0 || getsockname(fd, &at.any, &len) < 0) {
        snprintf(out, INHERITED_WHAT_MAX, "no socket");
        return;
    }
    const char *state = "";
    if (type == SOCK_STREAM && option_of(fd, SO_ACCEPTCONN) != 1)
        state = ", which does not listen";
    if (at.any.sa_family == AF_UNIX) {
        put_unix(&at.un, len, unix_type, out);
    } else {
        address_print(&at.any, text);
        snprintf(out, INHERITED_WHAT_MAX, "%s %s%s", type == SOCK_DGRAM ? "udp" : "tcp", text,
                 state);
    }
}
