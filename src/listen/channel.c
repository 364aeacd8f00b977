#include "listen/channel.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

static ssize_t plain_read(struct channel *c, char *ptr, size_t room)
{
    ssize_t n;
    do {
        n = read(c->fd, ptr, room);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* Fewer bytes than there was room for: the kernel has no more. */
static bool plain_more(const struct channel *c, size_t room, size_t got)
{
    (void)c;
    return got == room;
}

static size_t plain_pending(const struct channel *c)
{
    (void)c;
    return 0;
}

static uint32_t plain_events(const struct channel *c)
{
    (void)c;
    return EPOLLIN;
}

static void plain_close(struct channel *c)
{
    close(c->fd);
    c->fd = -1;
}

static const struct channel_ops plain = { plain_read, plain_more, plain_pending, plain_events,
                                          plain_close };

struct channel channel_plain(int fd)
{
    return (struct channel){ .ops = &plain, .fd = fd };
}

size_t channel_held(const struct channel *c)
{
    int bytes = 0;
    if (ioctl(c->fd, FIONREAD, &bytes) < 0 || bytes < 0)
        bytes = 0;
    return (size_t)bytes + c->ops->pending(c);
}
