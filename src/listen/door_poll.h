/**
 * door_poll: a listening socket in the loop; outlives its door until the loop has let it go.
 * Private to listen/.
 *   thread   control
 */
#ifndef LISTEN_DOOR_POLL_H
#define LISTEN_DOOR_POLL_H

#include <stdbool.h>
#include <uv.h>

struct door;

struct door_poll {
    uv_poll_t poll;
    struct door *door;
    int fd;
    bool own_fd; /* fd is closed with it */
};

/* returns  0 or -errno */
int door_poll_new(uv_loop_t *loop, int fd, struct door *d, struct door_poll **ret);
void door_poll_close(struct door_poll *p);

#endif
