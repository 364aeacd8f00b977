#include "listen/door_poll.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

int door_poll_new(uv_loop_t *loop, int fd, struct door *d, struct door_poll **ret)
{
    struct door_poll *p = mem_zalloc(sizeof *p);
    int rc = uv_poll_init(loop, &p->poll, fd);
    if (rc < 0) {
        free(p);
        return rc;
    }
    p->poll.data = p;
    p->door = d;
    p->fd = fd;
    *ret = p;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct door_poll *p = handle->data;
    if (p->own_fd)
        close(p->fd);
    free(p);
}

void door_poll_close(struct door_poll *p)
{
    uv_close((uv_handle_t *)&p->poll, on_closed);
}
