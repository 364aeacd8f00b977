#include "receive.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void run_block(void)
{
    while (!all_read()) {
        counts.wakes++;
        slots_read(MSG_WAITFORONE);
    }
}

void run_epoll(void)
{
    struct epoll_event e = { .events = EPOLLIN };
    int ep = epoll_create1(EPOLL_CLOEXEC);
    if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, rx, &e) < 0)
        die("epoll");
    while (!all_read()) {
        if (epoll_wait(ep, &e, 1, -1) > 0)
            read_rounds();
    }
    close(ep);
}
