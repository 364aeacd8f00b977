#include "takeover/token.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int token_make(struct token *ret)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    *ret = (struct token){ fds[0], fds[1] };
    return 0;
}

bool token_put(const struct token *t)
{
    ssize_t n;
    do
        n = write(t->write_fd, "!", 1);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

bool token_take(int read_fd)
{
    char byte;
    ssize_t n;
    do
        n = read(read_fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

void token_close(struct token *t)
{
    if (t->read_fd >= 0)
        close(t->read_fd);
    if (t->write_fd >= 0)
        close(t->write_fd);
    *t = TOKEN_CLOSED;
}
