#include "sinks/redis/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

/* returns  how many bytes, at most room; -errno */
static ssize_t read_whole(int fd, char *p, size_t room)
{
    size_t n = 0;
    while (n < room) {
        ssize_t more = read(fd, p + n, room - n);
        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            return -errno;
        if (more == 0)
            break;
        n += (size_t)more;
    }
    return (ssize_t)n;
}

/* returns  NULL: the first *n bytes are the secret */
static const char *cut_line(const char *p, size_t *n)
{
    if (*n > 0 && p[*n - 1] == '\n')
        *n -= *n > 1 && p[*n - 2] == '\r' ? 2 : 1;
    if (*n > REDIS_SECRET_MAX)
        return "is longer than 1,024 bytes: no password";
    if (*n == 0)
        return "is empty: the password is its one line";
    if (memchr(p, '\n', *n) != NULL)
        return "has more than one line: the password is its one line";
    if (memchr(p, '\0', *n) != NULL)
        return "has a NUL in it: no password";
    return NULL;
}

static int read_open(int fd, char **ret, bool *ret_open, const char **ret_error)
{
    char text[REDIS_SECRET_MAX + 3]; /* and its CRLF, and one that is too many */
    struct stat st;
    if (fstat(fd, &st) < 0) {
        *ret_error = err_text(errno);
        return -errno;
    }
    if (!S_ISREG(st.st_mode)) {
        *ret_error = "is no file";
        return -EINVAL;
    }
    ssize_t got = read_whole(fd, text, sizeof text);
    size_t n = got > 0 ? (size_t)got : 0;
    const char *wrong = got < 0 ? err_text((int)got) : cut_line(text, &n);
    if (wrong == NULL) {
        *ret = mem_strndup(text, n);
        if (ret_open != NULL)
            *ret_open = (st.st_mode & (S_IROTH | S_IWOTH)) != 0;
    } else {
        *ret_error = wrong;
    }
    explicit_bzero(text, sizeof text);
    return wrong == NULL ? 0 : got < 0 ? (int)got : -EINVAL;
}

int redis_secret_read(const char *path, char **ret, bool *ret_open, const char **ret_error)
{
    /* Not blocking: a FIFO without a writer would hold up the server. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        int rc = -errno;
        *ret_error = rc == -EACCES
                         ? "Permission denied (make it readable for the server's user or group)"
                         : err_text(rc);
        return rc;
    }
    int rc = read_open(fd, ret, ret_open, ret_error);
    close(fd);
    return rc;
}

void redis_secret_forget(char *secret)
{
    if (secret == NULL)
        return;
    explicit_bzero(secret, strlen(secret));
    free(secret);
}
